package main

import "testing"

func TestShellQuoteMakesOneWord(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"http://127.0.0.1:1":  "http://127.0.0.1:1",
		"http://[::1]:1":      "'http://[::1]:1'",
		"":                    "''",
		"two words $(and) it": "'two words $(and) it'",
		"it's":                `'it'\''s'`,
	} {
		if got := shellQuote(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}
