package redact

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// naive finds every occurrence by looking everywhere for everything.
func naive(patterns []pattern, text []byte) []match {
	var all []match
	for i, p := range patterns {
		for start := range text {
			end := start + len(p.text)
			if bytes.HasPrefix(text[start:], []byte(p.text)) && (!p.token || isToken(text, start, end)) {
				all = append(all, match{start: start, end: end, pattern: i})
			}
		}
	}
	return all
}

func findAll(m *matcher, text []byte) []match {
	var f found
	m.find(&f, text)
	return f.matches
}

// naivePending is the same for pending.
func naivePending(patterns []pattern, text []byte) int {
	for start := range text {
		for _, p := range patterns {
			tail := string(text[start:])
			if strings.HasPrefix(p.text, tail) && (len(tail) < len(p.text) || p.token) {
				return start
			}
		}
	}
	return len(text)
}

func sortMatches(all []match) []match {
	slices.SortFunc(all, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.pattern, b.pattern))
	})
	return all
}

// drawPatterns draws patterns that overlap, repeat and share prefixes.
func drawPatterns(t *rapid.T) []pattern {
	texts := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab]{6,12}|https://[ab]{0,4}|[ab1]{6,7}|a{8,50}b?`), 0, 12, rapid.ID).Draw(t, "patterns")
	patterns := make([]pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, pattern{text: text, token: len(text) < minSubstring || rapid.IntRange(0, 4).Draw(t, "token") == 0})
	}
	return patterns
}

func TestMatcherFindsWhatANaiveOneFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		patterns := drawPatterns(t)
		text := []byte(rapid.StringMatching(`([ab]{0,20}|https://|a{0,60}|[ 1.]){0,12}`).Draw(t, "text"))
		m := newMatcher(patterns)
		want, got := sortMatches(naive(patterns, text)), sortMatches(findAll(m, text))
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(match{}), gocmp.Comparer(func(a, b []match) bool { return slices.Equal(a, b) })); diff != "" {
			t.Fatal(diff)
		}
		if want, got := naivePending(patterns, text), m.pending(text, forEver); got != want {
			t.Fatalf("pending at %d, not %d", got, want)
		}
	})
}
