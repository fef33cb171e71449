package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestFinder compares each rule's finder with its pattern alone, on texts of
// pieces that nearly match.
func TestFinder(t *testing.T) {
	t.Parallel()
	f, err := New().load()
	if err != nil {
		t.Fatal(err)
	}
	split := 0
	for _, r := range f.Rules {
		if r.Regex == "" {
			continue
		}
		finder := r.finder()
		if finder.tail == nil {
			continue
		}
		split++
		pieces := []string{"\n", " ", "=", "\"", ";", "é", "\xff", "\u017f", "a.b-c_", strings.Repeat("n", 49), strings.Repeat("n", 60)}
		for _, word := range finder.words {
			pieces = append(pieces, word, strings.ToUpper(word), word+"=", word+" = \"")
		}
		samples := rapid.StringMatching(r.Regex)
		for seed := range 3 {
			sample := samples.Example(seed)
			pieces = append(pieces, sample, sample[:len(sample)/2], sample[len(sample)/2:], sample+sample)
		}
		texts := rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 30).Draw(t, "pieces"), "")
		})
		for seed := range 25 {
			text := []byte(texts.Example(seed))
			if diff := cmp.Diff(finder.pattern.FindAllIndex(text, -1), finder.findAll(text, lowerASCII(text))); diff != "" {
				t.Errorf("%s in %q (-pattern +finder):\n%s", r.ID, text, diff)
			}
		}
	}
	if split < 100 {
		t.Errorf("only %d patterns are split", split)
	}
}

func BenchmarkFind(b *testing.B) {
	s := New()
	line := "func (s *stream) write(p []byte) (int, error) { // the key of the token is kept: access = \"denied\"\n"
	text := []byte(strings.Repeat(line, 256<<10/len(line)))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := s.Find(b.Context(), "", text); err != nil {
			b.Fatal(err)
		}
	}
}
