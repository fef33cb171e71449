package redact_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"scrim/internal/secret"
	"scrim/redact"
)

// The tests here hold what Bytes hides against two oracles that know nothing of
// windows, filters and classes: one looks everywhere for everything, the other
// is an Aho-Corasick automaton. The texts start no decoding, so that the forms
// are all there is to find.

// calm is characters that start no decoding and that no form has for others,
// but for the word characters k and 1 of tokens.
const calm = "!~:.;?^(),*#|"

// lengths are those around which the matcher changes its way, and some others.
var lengths = []int{8, 9, 10, 11, 14, 15, 16, 17, 18, 23, 24, 25, 26, 32, 33, 64, 65}

// drawHostile draws values that are hard to tell apart: periodic ones, with
// prefixes or suffixes in common, parts of each other, overlapping; and tokens.
func drawHostile(t *rapid.T) []string {
	unit := rapid.StringMatching(`[!~k1]{1,4}|!{1,9}~`)
	end := rapid.StringMatching(`[!~]{0,9}`)
	length := rapid.SampledFrom(lengths)
	values := rapid.SliceOfN(rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return repeated(unit.Draw(t, "unit"), length.Draw(t, "length")) }),
		rapid.Custom(func(t *rapid.T) string { return shared + end.Draw(t, "end") }),
		rapid.Custom(func(t *rapid.T) string { return end.Draw(t, "start") + shared }),
		rapid.StringMatching(`[!~]{8,26}`),
		rapid.StringMatching(`[k1]{2,3}1[k1]{3}`),
	), 1, 8).Draw(t, "values")
	for range rapid.IntRange(0, 4).Draw(t, "parts") {
		of, with := rapid.SampledFrom(values).Draw(t, "of"), rapid.SampledFrom(values).Draw(t, "with")
		whole := of + with
		from := rapid.IntRange(0, len(whole)-1).Draw(t, "from")
		if part := whole[from:rapid.IntRange(from, len(whole)).Draw(t, "to")]; len(part) >= 8 {
			values = append(values, part)
		}
	}
	return values
}

// shared is the start or the end of several values.
const shared = "!!~~!~!!!~~!~~!~"

func repeated(unit string, length int) string {
	return strings.Repeat(unit, length/len(unit)+1)[:length]
}

// drawCalm draws text of values, whole and cut, that overlap and repeat.
func drawCalm(t *rapid.T, values []string) string {
	value := rapid.SampledFrom(values)
	part := rapid.OneOf(
		value,
		rapid.Custom(func(t *rapid.T) string {
			v := value.Draw(t, "value")
			from := rapid.IntRange(0, len(v)-1).Draw(t, "from")
			return v[from:rapid.IntRange(from, len(v)).Draw(t, "to")]
		}),
		rapid.Custom(func(t *rapid.T) string {
			v := []byte(value.Draw(t, "value"))
			v[rapid.IntRange(0, len(v)-1).Draw(t, "at")] = '|'
			return string(v)
		}),
		rapid.StringMatching(`[!~k1 ]{0,9}`),
	)
	return breakRuns(strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "text"), ""))
}

// maxRun is how many word characters may follow each other before they look
// like base64 or hexadecimal digits.
const maxRun = 11

// breakRuns cuts longer runs of word characters.
func breakRuns(text string) string {
	var b strings.Builder
	run := 0
	for _, c := range []byte(text) {
		if !isWordByte(c) {
			run = 0
		} else if run++; run > maxRun {
			b.WriteByte('!')
			run = 1
		}
		b.WriteByte(c)
	}
	return b.String()
}

// isWordByte reports whether a token cannot end beside c, as its end is one of
// these too.
func isWordByte(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
}

// oracle knows where the forms of values are.
type oracle struct {
	anywhere  []string
	tokens    []string
	automaton func(text []byte) [][2]int
}

// newOracle takes the forms of values that a calm text can hold.
func newOracle(tb testing.TB, values []string) oracle {
	tb.Helper()
	var o oracle
	for _, value := range values {
		anywhere, tokens := redact.FormsOf(value)
		o.anywhere = append(o.anywhere, slices.DeleteFunc(anywhere, isLoud)...)
		o.tokens = append(o.tokens, slices.DeleteFunc(tokens, isLoud)...)
	}
	o.automaton = func([]byte) [][2]int { return nil }
	if all := slices.Concat(o.anywhere, o.tokens); len(all) > 0 {
		find := newAutomaton(tb, all)
		o.automaton = func(text []byte) [][2]int {
			var places [][2]int
			for _, m := range find(text) {
				if m.PatternID < len(o.anywhere) || isTokenAt(string(text), m.Start, m.End) {
					places = append(places, [2]int{m.Start, m.End})
				}
			}
			return places
		}
	}
	return o
}

// isLoud reports whether a calm text cannot hold form.
func isLoud(form string) bool { return strings.Trim(form, calm+"k1") != "" }

// naive looks for everything everywhere.
func (o oracle) naive(text string) [][2]int {
	var places [][2]int
	find := func(form string, counts func(start, end int) bool) {
		for from := 0; ; {
			at := strings.Index(text[from:], form)
			if at < 0 {
				return
			}
			start, end := from+at, from+at+len(form)
			if counts(start, end) {
				places = append(places, [2]int{start, end})
			}
			from = start + 1
		}
	}
	for _, form := range o.anywhere {
		find(form, func(int, int) bool { return true })
	}
	for _, form := range o.tokens {
		find(form, func(start, end int) bool { return isTokenAt(text, start, end) })
	}
	return places
}

// isTokenAt reports whether what starts and ends with a word character, at
// text[start:end], is no part of a longer word.
func isTokenAt(text string, start, end int) bool {
	return (start == 0 || !isWordByte(text[start-1])) && (end == len(text) || !isWordByte(text[end]))
}

// covered draws places under text: a # where some place is, a dot elsewhere.
func covered(length int, places [][2]int) string {
	under := []byte(strings.Repeat(".", length))
	for _, p := range places {
		for i := p[0]; i < p[1]; i++ {
			under[i] = '#'
		}
	}
	return string(under)
}

// agree checks that r hides in text what every oracle together finds there.
func agree(t *rapid.T, r *redact.Redactor, text string, oracles ...oracle) {
	var naive, automaton, hidden [][2]int
	for _, o := range oracles {
		naive = append(naive, o.naive(text)...)
		automaton = append(automaton, o.automaton([]byte(text))...)
	}
	out, hits := r.Bytes(nil, []byte(text))
	for _, hit := range hits {
		hidden = append(hidden, [2]int{hit.Start, hit.End})
	}
	want := covered(len(text), naive)
	if other := covered(len(text), automaton); other != want {
		t.Fatalf("the oracles differ:\ntext      %s\nnaive     %s\nautomaton %s", text, want, other)
	}
	if got := covered(len(text), hidden); got != want {
		t.Fatalf("\ntext %s\nwant %s\ngot  %s\nout  %s", text, want, got, out)
	}
}

func learnInto(tb testing.TB, r *redact.Redactor, prefix string, values []string) {
	tb.Helper()
	for i, value := range values {
		r.Learn(ref(tb, fmt.Sprintf("%s_%d", prefix, i)), secret.NewValue(value))
	}
}

func TestBytesHidesWhatOraclesFind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		values := drawHostile(rt)
		r := redact.New(redact.Options{})
		learnInto(t, r, "HOSTILE", values)
		o := newOracle(t, values)
		for range 5 {
			agree(rt, r, drawCalm(rt, values), o)
		}
	})
}

// TestBytesHidesWhatOraclesFindAmongThousands does the same with 1,000 others
// known, and learns the hostile ones last: as one more each, after a build.
func TestBytesHidesWhatOraclesFindAmongThousands(t *testing.T) {
	t.Parallel()
	others := unrelated(1000)
	among := newOracle(t, others)
	for seed := range 8 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			values := rapid.Custom(drawHostile).Example(seed)
			r := redact.New(redact.Options{})
			learnInto(t, r, "OTHER", others)
			for i, value := range values {
				r.String("build now")
				learnInto(t, r, fmt.Sprintf("HOSTILE_%d", i), []string{value})
			}
			o, both := newOracle(t, values), slices.Concat(values, others[:50])
			rapid.Check(t, func(rt *rapid.T) { agree(rt, r, drawCalm(rt, both), o, among) })
		})
	}
}

// unrelated returns n values of 8 to 40 bytes.
func unrelated(n int) []string {
	random := rand.New(rand.NewPCG(3, 4))
	values := make([]string, n)
	for i := range values {
		b := make([]byte, 8+random.IntN(33))
		for j := range b {
			b[j] = calm[random.IntN(len(calm))]
		}
		values[i] = string(b)
	}
	return values
}
