package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// wantNarrow checks that no line of text is wider than a terminal.
func wantNarrow(t interface{ Errorf(string, ...any) }, text string) {
	for line := range strings.Lines(text) {
		if n := cells(strings.TrimSuffix(line, "\n")); n > lineWidth {
			t.Errorf("%d cells: %s", n, line)
		}
	}
}

func TestHelpIsNarrow(t *testing.T) {
	t.Parallel()
	wantNarrow(t, helpOf(nil))
	root := newParser(&cli{}, func(int) {}).Model
	for _, command := range root.Children {
		if text := helpOf([]string{command.Name}); command.Type == kong.CommandNode {
			wantNarrow(t, text)
		}
	}
}

func TestWrapped(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("w", 38)
	long := strings.Repeat("l", 100)
	for text, want := range map[string]string{
		"":                         "\n",
		" two \n words ":           "two words\n",
		word + " " + word + " xyz": word + " " + word + "\n  xyz\n",
		word + " " + word + " x " + long + " end": word + " " + word + " x\n  " + long + "\n  end\n",
	} {
		if diff := cmp.Diff(want, wrapped(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
