package tools

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"scrim/internal/secret"
	"scrim/redact"
)

// guessesIn returns the distinct short words of text, sorted.
func guessesIn(text string) []string {
	var all []string
	shortWords(text, decodings, func(word string) { all = append(all, word) })
	slices.Sort(all)
	return slices.Compact(all)
}

func TestShortWords(t *testing.T) {
	t.Parallel()
	in := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for text, want := range map[string][]string{
		"":                                          nil,
		"no digits, 1234, 12345678":                 nil,
		"pin 123456, code: 7-b12c":                  {"123456", "7-b12c"},
		"uint64(x) sha256 base64":                   {"base64", "sha256", "uint64"},
		"123456-123457.123458/12345_":               {"12345_", "123456", "123457", "123458"},
		in("123456\n123457"):                        {"123456", "123457"},
		"xx" + in("123456\n123457"):                 {"123456", "123457"},
		"key=" + in("x 123456 y"):                   {"123456"},
		in(in("123456 123457")):                     {"123456", "123457"},
		hex.EncodeToString([]byte("123456 12345x")): {"123456", "12345x"},
		"%31%32%33%34%35%36":                        {"123456"},
		`\u0031\u0032\u0033\u0034\u0035\u0036`:      {"123456"},
		`\x31\x32\x33\x34\x35\x36`:                  {"123456"},
		"&#49;&#50;&#x33;&#52;&#0053;&#54;":         {"123456"},
		`\u{31}\u{032}\U00000033\64\065\x36`:        {"123456"},
		`1%32\u0033&#52;56 %2531%32%33456`:          {"123456"},
	} {
		got := guessesIn(text)
		for _, word := range want {
			if !slices.Contains(got, word) {
				t.Errorf("%q: %v lacks %s", text, got, word)
			}
		}
		if want == nil && len(got) > 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestOrdinaryTextsAreFewGuesses keeps what people write below the bound.
func TestOrdinaryTextsAreFewGuesses(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "+\tif err := store.Refresh(ctx, options%d); err != nil { // see issue %d of 2026\n", i%40, i%90)
		fmt.Fprintf(&text, "index 3f9c2ab..77d01e%d 100644 integrity configuration information\n", i%10)
	}
	if n := len(guessesIn(text.String())); n > 60 {
		t.Errorf("%d guesses in a diff: %v", n, guessesIn(text.String()))
	}
}

func TestGuessesRefill(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 3, 9, 30, 0, 0, time.UTC)
	g := newGuesses()
	list := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%06d ", from+i)
		}
		return b.String()
	}
	steps := []struct {
		after time.Duration
		text  string
		ok    bool
	}{
		{0, list(0, 501), false}, // more than there ever is
		{0, list(0, 400), true},
		{0, list(300, 200), true}, // half of it was paid for
		{0, list(1000, 1), false},
		{0, list(0, 500), true}, // all of it was
		{time.Minute, list(1000, 31), false},
		{0, list(1000, 29), true},
		{time.Hour, strings.Repeat("x", maxText), true},
		{0, "some more text", false},
		{time.Minute, strings.Repeat("x", 4000), true},
		{0, strings.Repeat("x", 4000), false},
	}
	for i, step := range steps {
		now = now.Add(step.after)
		if got := g.admit(now, step.text); got != step.ok {
			t.Errorf("step %d: admitted is %t", i, got)
		}
	}
	now = now.Add(24 * time.Hour)
	g.told(now, 1000) // one text can hold every name there is
	if g.admit(now, "x") {
		t.Error("admitted after many hits")
	}
	if !g.admit(now.Add(time.Minute), "x") {
		t.Error("not admitted a minute later")
	}
}

// TestWhatIsFoundIsCounted hides a short value under several encodings: where
// the redactor finds it, it was counted as a guess.
func TestWhatIsFoundIsCounted(t *testing.T) {
	t.Parallel()
	each := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, c := range []byte(s) {
				fmt.Fprintf(&b, format, c)
			}
			return b.String()
		}
	}
	encoders := []func(string) string{
		func(s string) string { return s }, each("%%%02X"), each("\\u%04x"), each("\\%o"), each("&#x%x;"), each("\\u{%x}"), each("%02x"), each("%c\n"), each("%c\x1b[0m"), each("\\%c"),
		func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("a=" + s + ";b")) },
		func(s string) string { return "x" + hex.EncodeToString([]byte(" "+s+" ")) },
		func(s string) string { return s[:len(s)/2] + each("%%%02x")(s[len(s)/2:]) },
		func(s string) string { return strings.ToUpper(s) }, strconv.Quote, url.QueryEscape, html.EscapeString,
	}
	redactor := redact.New(redact.Options{})
	hits := 0
	for _, value := range []string{"771234", "a7-b12c", "p1n_42x"} {
		ref, err := secret.ParseRef("prod", "/alpha", "PIN")
		if err != nil {
			t.Fatal(err)
		}
		redactor.Learn(ref, secret.NewValue(value))
		around := func(s string) []string {
			return []string{s, "a=" + s + "&b"}
		}
		for i, outer := range encoders {
			for j, middle := range encoders {
				for k, inner := range encoders {
					if value != "771234" && k > 0 && i > 0 {
						continue // two in each other will do
					}
					for n, text := range around(outer(middle(inner(value)))) {
						_, found := redactor.Bytes(nil, []byte(text))
						if len(found) == 0 {
							continue
						}
						hits++
						if !slices.ContainsFunc(guessesIn(text), func(w string) bool { return strings.Contains(w, value) || strings.Contains(strings.ToLower(w), value) }) {
							t.Errorf("%q (%d %d %d %d) is found and not counted: %q", value, i, j, k, n, text)
						}
					}
				}
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d are found", hits)
	}
}

// TestGuessesAreCountedQuickly bounds how much a text can expand to.
func TestGuessesAreCountedQuickly(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"MTIzNDU2", "3331", "%25", `\\`, "AAAA", "&amp;", "aA1+", "123456 "} {
		text := strings.Repeat(piece, maxText/len(piece))
		for range 2 {
			if len(text) <= maxText/2 {
				text = base64.StdEncoding.EncodeToString([]byte(text))
			}
		}
		bytes := 0
		shortWords(text, decodings, func(word string) { bytes += len(word) })
		if bytes > 40*len(text) {
			t.Errorf("%q: %d bytes of words", piece, bytes)
		}
	}
}

func FuzzShortWords(f *testing.F) {
	f.Add("pin 123456 %31%32 &#49; AAECAw==")
	f.Fuzz(func(t *testing.T, text string) {
		text = text[:min(len(text), 4096)]
		shortWords(text, decodings, func(word string) {
			if !isShort(word) || len(word) < shortest || len(word) > longest {
				t.Fatalf("%q", word)
			}
		})
		if g := newGuesses(); g.admit(time.Now(), text) && !g.admit(time.Now(), text) {
			t.Fatal("the same words are charged twice")
		}
	})
}
