package secret_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"scrim/internal/secret"
)

const hidden = "made-up-hidden-value"

func mask(text string) string { return strings.ReplaceAll(text, hidden, "[redacted]") }

func TestUntrusted(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"":                                     "",
		"plain words":                          "plain words",
		"two\nlines\r\n\tand a tab":            "two lines and a tab",
		"\u202eevorppa\u2066 \x1b[2J\x00":      "evorppa [2J",
		"a " + hidden + " b":                   "a [redacted] b",
		"made-up-\u200bhidden-\u2060value":     "[redacted]",
		strings.Repeat("x", 35) + " " + hidden: strings.Repeat("x", 35) + " [re…",
		strings.Repeat("日", 50):                strings.Repeat("日", 39) + "…",
	}
	for text, want := range cases {
		if got := secret.Untrusted(text, 40, mask); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func FuzzUntrusted(f *testing.F) {
	f.Add("a "+hidden, 20)
	f.Add("\u202e\x1b[31m\xff", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + int(uint(limit)%500)
		got := secret.Untrusted(text, limit, mask)
		if utf8.RuneCountInString(got) > limit || strings.Contains(got, hidden) {
			t.Fatalf("got %q under a limit of %d", got, limit)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r == '\n' || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
			t.Fatalf("got %q", got)
		}
	})
}
