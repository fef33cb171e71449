package policy

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// What stands for arguments in a pattern.
const (
	oneWord  = "*"   // any one argument
	restWord = "..." // any further arguments, at the end
)

// Command is a pattern of commands. The zero Command matches none.
type Command struct {
	words []string // the program, then a pattern an argument
	// program is the file that words[0] comes to, links resolved, where that is
	// known.
	program string
}

// ErrNoCommand is what is refused as no command at all.
var ErrNoCommand = errors.New("a command is a program's path, or a list of words with a program in front")

// What else ParseCommand refuses. The messages hold nothing of what was read.
var (
	errProgram = errors.New("a command's program is a name that PATH finds, or an absolute path")
	errGlob    = errors.New(`a command's arguments are matched whole: "*" stands alone, for any one argument`)
	errRest    = errors.New(`in a command, "..." stands at the end, for any further arguments`)
	errControl = errors.New("a command is text without control characters")
)

// ParseCommand returns the pattern that words say: a program, by a name that
// PATH finds or by its absolute path, and its arguments. An argument is matched
// whole; "*" stands for any one, and "..." at the end for any number.
func ParseCommand(words []string) (Command, error) {
	if len(words) == 0 || words[0] == "" {
		return Command{}, ErrNoCommand
	}
	if slices.ContainsFunc(words, func(word string) bool { return strings.ContainsFunc(word, isControl) }) {
		return Command{}, errControl
	}
	program := words[0]
	if strings.Contains(program, "*") || program == restWord || strings.ContainsAny(program, `/\`) && !filepath.IsAbs(program) {
		return Command{}, errProgram
	}
	for i, word := range words[1:] {
		switch {
		case word == restWord && i+2 < len(words):
			return Command{}, errRest
		case word != oneWord && strings.Contains(word, "*"):
			return Command{}, errGlob
		}
	}
	return Command{words: slices.Clone(words)}, nil
}

// ParseProgram returns the pattern of the program at an absolute path, whatever
// its arguments are.
func ParseProgram(path string) (Command, error) {
	if !filepath.IsAbs(path) {
		return Command{}, errProgram
	}
	return ParseCommand([]string{path, restWord})
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Program returns the name or path that c has for its program.
func (c Command) Program() string {
	if len(c.words) == 0 {
		return ""
	}
	return c.words[0]
}

// At returns c for where its program is the file at path: absolute, links
// resolved. An empty path says that there is none, and then c matches nothing.
func (c Command) At(path string) Command {
	c.program = path
	return c
}

// Found reports whether c's program is known. Without one c matches nothing.
func (c Command) Found() bool { return c.program != "" }

func (c Command) equal(other Command) bool {
	return c.program == other.program && slices.Equal(c.words, other.words)
}

// Matches reports whether command is one of those that c means. Program is the
// file that its first word came to, absolute, with links resolved: that file
// must be c's. A program can be several, by the name that it is called with, so
// that name must be c's as well.
func (c Command) Matches(command []string, program string) bool {
	if !c.Found() || len(command) == 0 || program != c.program || filepath.Base(command[0]) != filepath.Base(c.Program()) {
		return false
	}
	arguments, patterns := command[1:], c.words[1:]
	if n := len(patterns); n > 0 && patterns[n-1] == restWord {
		patterns = patterns[:n-1]
		arguments = arguments[:min(len(arguments), len(patterns))]
	}
	return slices.EqualFunc(patterns, arguments, func(pattern, argument string) bool {
		return pattern == oneWord || pattern == argument
	})
}

// String returns c for people, with quotes around words that are not plainly one.
func (c Command) String() string {
	words := make([]string, len(c.words))
	for i, word := range c.words {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \"'\\,") {
			words[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
		}
	}
	return strings.Join(words, " ")
}
