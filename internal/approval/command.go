package approval

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"scrim/internal/secret"
)

// maxCommand is how many runes a person is asked to read of a command, its
// program and its directory. What is longer belongs into a file of its own.
const maxCommand = 3000

// maxEscaped is more than maxCommand runes come to when each is escaped.
const maxEscaped = 10*maxCommand + 1

// Readable reports whether a command is short enough to be shown whole.
func Readable(command []string, dir, program string) bool {
	n := utf8.RuneCountInString(dir) + utf8.RuneCountInString(program)
	for _, word := range command {
		n += utf8.RuneCountInString(word) + 1
	}
	return n <= maxCommand
}

// shown makes a word of a command fit to be shown: masked, whole, and so that
// no two words look the same. Unlike prose it is never tidied: a line that is
// left out, or a space that is not shown, can make another command of it.
func (g *Gate) shown(word string) string {
	if g.hides(word) {
		return g.say(word, maxEscaped)
	}
	return secret.Untrusted(escaped(g.options.Mask(word)), maxEscaped, g.options.Mask)
}

// hides reports whether a known value comes out of word once what cannot be
// seen is left out of it: such a word cannot be shown as it is.
func (g *Gate) hides(word string) bool {
	if g.options.Mask == nil {
		return true
	}
	seen := secret.Untrusted(g.options.Mask(word), maxEscaped, asItIs)
	return g.options.Mask(seen) != seen
}

// escaped writes a word so that it can be told from every other: backslashes, the
// second of two spaces, a space at either end, what the fence would change, and
// whatever is not plain, as escapes.
func escaped(word string) string {
	var b strings.Builder
	spaced, closed := true, false
	for i, r := range word {
		last := i+utf8.RuneLen(r) >= len(word)
		switch {
		case r == ' ' && !spaced && !last:
			b.WriteByte(' ')
		case r == utf8.RuneError:
			b.WriteString(`\ufffd`)
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case strings.ContainsRune(" `", r) || r < ' ' || r == 0x7f || r == '(' && closed:
			fmt.Fprintf(&b, `\x%02x`, r)
		case isPlain(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		spaced, closed = r == ' ', r == ']'
	}
	return b.String()
}

// isPlain reports whether r can be seen and taken for nothing else: ASCII, and the
// letters of Latin alphabets that differ from it by a mark. Other alphabets have
// letters that look like those, or that turn around what stands beside them.
func isPlain(r rune) bool {
	return r < 0x7f || r >= 'À' && r <= 'ž' && !strings.ContainsRune("×÷ıĸĿŀŉ", r)
}

// CheckShown is an error where words, as Facts have them of a command, its program
// or its directory, are not as scrim writes them: with all that cannot be seen
// escaped, and short enough to be read.
func CheckShown(words ...string) error {
	n := 0
	for _, word := range words {
		if again := strings.ReplaceAll(escaped(word), `\\`, `\`); again != word || secret.Untrusted(word, maxEscaped, asItIs) != word {
			return errNotShown
		}
		n += utf8.RuneCountInString(word) + 1
	}
	if n > maxEscaped {
		return errNotShown
	}
	return nil
}

var errNotShown = errors.New("a command is not written as it is to be shown")

func asItIs(text string) string { return text }

// line joins the words of a command, with quotes around those that are not
// plainly one word.
func line(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsFunc(word, isSpecial) {
			quoted[i] = `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
		}
	}
	return strings.Join(quoted, " ")
}

func isSpecial(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./:=,+@%[]", r)
}
