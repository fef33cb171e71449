package redact

import (
	"slices"
	"strings"
	"testing"
)

// TestKinds holds the tables to what they stand for.
func TestKinds(t *testing.T) {
	t.Parallel()
	for i := range 256 {
		c := byte(i)
		kinds := kindsOf(c)
		token := c < 0x80 && (isAlphanumeric(c) || strings.IndexByte("+-/_\x7f", c) >= 0)
		if got := kinds&tokenKinds != 0; got != token {
			t.Errorf("%#02x: token %v", c, got)
		}
		trigger := strings.IndexByte(`\%&`, c) >= 0 || c < ' ' && strings.IndexByte("\t\n\r\x19\x1a\x1d", c) < 0
		if got := kinds&triggerKinds != 0; got != trigger {
			t.Errorf("%#02x: trigger %v", c, got)
		}
		if got := kinds&lineFeed != 0; got != (c == '\n') {
			t.Errorf("%#02x: line feed %v", c, got)
		}
	}
}

// FuzzClassify holds the instructions to the plain code.
func FuzzClassify(f *testing.F) {
	var every []byte
	for i := range 256 {
		every = append(every, byte(i))
	}
	f.Add(every, every[:100])
	f.Add([]byte("short"), []byte("st"))
	f.Fuzz(func(t *testing.T, text, set []byte) {
		text = text[:min(len(text), chunk)]
		var inert [256]bool
		for _, c := range set {
			inert[c] = true
		}
		tables := tablesOf(&inert)
		onEach(func() { checkMasks(t, text, tables) })
		var want masks
		want.classify(text, tables)
		for i, c := range text {
			if want.inert[i/block]>>(i%block)&1 != 0 != (inert[c] && c < 0x80) {
				t.Fatalf("%#02x: inert %v", c, inert[c])
			}
		}
	})
}

// checkMasks holds what the instructions make of text to the plain code.
func checkMasks(t *testing.T, text []byte, inert *kindTables) {
	t.Helper()
	var got, want masks
	words := got.classify(text, inert)
	for w := range words {
		padded := noKind
		copy(padded[:], text[w*block:])
		want.classifyBlock(w, padded[:], inert)
	}
	if got != want || words != (len(text)+block-1)/block {
		t.Fatalf("%d words, %+v, not %+v", words, got, want)
	}
	var here, there offsets
	if got, want := got.places(&here, words), want.placesPlain(&there, words); !slices.Equal(got, want) {
		t.Fatalf("places %d, not %d", got, want)
	}
	if some, same := got.tiles(words), want.tilesPlain(words); some != same || got != want {
		t.Fatalf("tiles %x: %+v, not %x: %+v", some, got, same, want)
	}
}

// FuzzSkim: the filter is asked for every stride-th place, and for no other.
func FuzzSkim(f *testing.F) {
	f.Add([]byte("a pattern of sixteen, 8 of 15, six"), []byte("a pattern of sixteen and more\n8 of 15 by\nsix123"))
	f.Fuzz(func(t *testing.T, text, known []byte) {
		var patterns []pattern
		for line := range strings.Lines(string(known)) {
			patterns = append(patterns, pattern{text: line})
		}
		m := newMatcher(patterns)
		for g := range m.groups {
			c := &m.groups[g]
			onEach(func() {
				for i, end := 0, len(text)-7; i < end; i += c.stride {
					next := c.skim(text, i, end)
					for ; i < next; i += c.stride {
						if i < end && c.filter.maybe(hash(c.gramAt(text, i))) {
							t.Fatalf("group %d: skimmed over %d", g, i)
						}
					}
					if i != next || i < end && !c.filter.maybe(hash(c.gramAt(text, i))) {
						t.Fatalf("group %d: stopped at %d after %d", g, next, i)
					}
				}
			})
		}
	})
}
