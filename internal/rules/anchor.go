package rules

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Most rules look for a word, such as a provider's name, with up to 50
// characters of any name before it and an assignment behind it. Go's regexp
// tries each of the 50 at each byte of a text, at about 2 MB/s a rule. A finder
// looks for the word first, and lets the pattern see only what is around one
// that the rest of the pattern fits. It finds what the pattern alone would.

// finder finds what a pattern matches.
type finder struct {
	pattern *regexp.Regexp

	// Of a pattern that can be split into a head, which is names of any kind or
	// nothing, and a tail that begins with a word; tail is nil for others.
	tail   *regexp.Regexp // anchored
	probe  *regexp.Regexp // the first parts of the tail, anchored, which are cheap to try
	words  []string       // in lower case: every match of the tail begins with one, in any case
	head   int            // how long the head's match can be, in bytes
	border bool           // the tail begins at the border of a word
}

// The bounds within which a pattern is split.
const (
	maxReach = 8 << 10
	maxProbe = 160
	maxWords = 64
	minWord  = 3
)

func newFinder(expression string) *finder {
	f := &finder{pattern: regexp.MustCompile(expression)} // a test compiles them all
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil || tree.Op != syntax.OpConcat || dependsOnWhatIsBefore(tree) {
		return f
	}
	subs := tree.Sub
	if first := subs[0]; isNames(first) {
		f.head, _ = longestMatch(first)
		subs = subs[1:]
	}
	tail := &syntax.Regexp{Op: syntax.OpConcat, Sub: subs}
	words, _ := beginnings(tail)
	short := slices.ContainsFunc(words, func(w string) bool { return len(w) < minWord })
	reach, bounded := longestMatch(tail)
	if len(words) == 0 || short || reach > maxReach || !bounded && f.head == 0 {
		return f
	}
	f.border = subs[0].Op == syntax.OpWordBoundary
	if asksForBorder(tail) && (!f.border || f.head > 0) {
		return f
	}
	f.words = words
	f.tail, f.probe = anchored(subs), anchored(within(subs, maxProbe))
	return f
}

// findAll returns the places of all matches in text, as
// regexp.Regexp.FindAllIndex does. The lower text is text with its ASCII
// letters in lower case.
func (f *finder) findAll(text, lower []byte) [][]int {
	if f.tail == nil || foldsToASCII(text) {
		return f.pattern.FindAllIndex(text, -1)
	}
	var found [][]int
	done := 0
	for _, at := range f.starts(text, lower) {
		if at < done {
			continue
		}
		from := max(done, at-f.head)
		match := f.pattern.FindIndex(text[from:])
		if match == nil {
			return f.pattern.FindAllIndex(text, -1) // no tail without a match; were there one, nothing would be lost
		}
		found = append(found, []int{from + match[0], from + match[1]})
		done = from + match[1]
	}
	return found
}

// starts returns, in order, where the tail matches.
func (f *finder) starts(text, lower []byte) []int {
	var starts []int
	for _, word := range f.words {
		for at := 0; ; at++ {
			next := bytes.Index(lower[at:], []byte(word))
			if next < 0 {
				break
			}
			at += next
			if f.fits(text, at) {
				starts = append(starts, at)
			}
		}
	}
	slices.Sort(starts)
	return slices.Compact(starts)
}

// fits reports whether the tail matches at a place of text.
func (f *finder) fits(text []byte, at int) bool {
	atBorder := at == 0 || isWord(text[at-1]) != isWord(text[at])
	return (atBorder || !f.border) &&
		f.probe.Match(text[at:min(len(text), at+maxProbe+utf8.UTFMax)]) &&
		f.tail.Match(text[at:])
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// anchored compiles expressions in a row that match at a text's begin.
func anchored(subs []*syntax.Regexp) *regexp.Regexp {
	row := &syntax.Regexp{Op: syntax.OpConcat, Sub: subs}
	return regexp.MustCompile(`\A(?:` + row.String() + `)`)
}

// within returns as many of the first expressions as match at most limit bytes.
func within(subs []*syntax.Regexp, limit int) []*syntax.Regexp {
	for i, sub := range subs {
		n, ok := longestMatch(sub)
		if limit -= n; !ok || limit < 0 {
			return subs[:i]
		}
	}
	return subs
}

// foldsToASCII reports whether text holds one of the two characters outside
// ASCII that are the same as an ASCII letter in another case.
func foldsToASCII(text []byte) bool {
	return bytes.Contains(text, []byte("\u017f")) || bytes.Contains(text, []byte("\u212a"))
}

// lowerASCII returns text with its ASCII letters in lower case.
func lowerASCII(text []byte) []byte {
	lower := bytes.Clone(text)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return lower
}

// dependsOnWhatIsBefore reports whether re asks for the begin of a text or a
// line, or for no border of a word: a part of a text would look like its begin.
func dependsOnWhatIsBefore(re *syntax.Regexp) bool {
	return re.Op == syntax.OpBeginText || re.Op == syntax.OpBeginLine || re.Op == syntax.OpNoWordBoundary ||
		slices.ContainsFunc(re.Sub, dependsOnWhatIsBefore)
}

// isNames reports whether re is a bounded number of some characters, or none.
// What is left of a character that was cut in two is not one of them.
func isNames(re *syntax.Regexp) bool {
	return re.Op == syntax.OpRepeat && re.Min == 0 && re.Max > 0 && re.Sub[0].Op == syntax.OpCharClass &&
		re.Sub[0].Rune[len(re.Sub[0].Rune)-1] < utf8.RuneError
}

// asksForBorder reports whether re can begin with a look for a word's border.
func asksForBorder(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpWordBoundary:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return asksForBorder(re.Sub[0])
	default:
		return slices.ContainsFunc(re.Sub, asksForBorder)
	}
}

// longestMatch returns how many bytes a match of re has at most, and false
// where there is no such number.
func longestMatch(re *syntax.Regexp) (int, bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return utf8.UTFMax * len(re.Rune), true // in another case a letter may be longer
	case syntax.OpCharClass:
		return utf8.RuneLen(max(0, re.Rune[len(re.Rune)-1])), true
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax, true
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpEndLine, syntax.OpEndText, syntax.OpNoMatch:
		return 0, true
	case syntax.OpQuest, syntax.OpCapture:
		return longestMatch(re.Sub[0])
	case syntax.OpRepeat:
		n, ok := longestMatch(re.Sub[0])
		return n * re.Max, ok && re.Max >= 0
	case syntax.OpConcat, syntax.OpAlternate:
		total := 0
		for _, sub := range re.Sub {
			n, ok := longestMatch(sub)
			if !ok {
				return 0, false
			}
			if re.Op == syntax.OpConcat {
				total += n
			} else {
				total = max(total, n)
			}
		}
		return total, true
	default:
		return 0, false
	}
}

// beginnings returns words of which one begins each match of re, in lower case,
// and whether that word is all of the match. None says that nothing is known.
func beginnings(re *syntax.Regexp) (words []string, whole bool) {
	switch re.Op {
	case syntax.OpLiteral:
		if slices.ContainsFunc(re.Rune, func(r rune) bool { return r >= utf8.RuneSelf }) {
			return nil, false
		}
		return []string{strings.Map(unicode.ToLower, string(re.Rune))}, true
	case syntax.OpEmptyMatch, syntax.OpWordBoundary:
		return []string{""}, true
	case syntax.OpCapture:
		return beginnings(re.Sub[0])
	case syntax.OpCharClass:
		return letters(re), true
	case syntax.OpAlternate:
		whole = true
		for _, sub := range re.Sub {
			more, all := beginnings(sub)
			if len(more) == 0 {
				return nil, false
			}
			words, whole = append(words, more...), whole && all
		}
		slices.Sort(words)
		return slices.Compact(words), whole
	case syntax.OpConcat:
		return joined(re.Sub)
	default:
		return nil, false
	}
}

// joined returns the beginnings of several expressions in a row.
func joined(subs []*syntax.Regexp) ([]string, bool) {
	words := []string{""}
	for _, sub := range subs {
		more, whole := beginnings(sub)
		if len(more) == 0 || len(words)*len(more) > maxWords {
			return nonEmpty(words), false
		}
		var longer []string
		for _, word := range words {
			for _, next := range more {
				longer = append(longer, word+next)
			}
		}
		words = longer
		if !whole {
			return nonEmpty(words), false
		}
	}
	return words, true
}

// nonEmpty returns words, or nil where one of them is empty: then nothing is
// known.
func nonEmpty(words []string) []string {
	if slices.Contains(words, "") {
		return nil
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// letters returns the characters of a small class, in lower case.
func letters(class *syntax.Regexp) []string {
	var words []string
	for i := 0; i < len(class.Rune); i += 2 {
		if class.Rune[i+1]-class.Rune[i] > 4 || len(words) > 8 {
			return nil
		}
		for r := class.Rune[i]; r <= class.Rune[i+1]; r++ {
			switch {
			case r < utf8.RuneSelf:
				words = append(words, string(unicode.ToLower(r)))
			case r != '\u017f' && r != '\u212a': // texts with these are not looked at in parts
				return nil
			}
		}
	}
	return nonEmpty(words)
}
