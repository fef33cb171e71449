package redact_test

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coregx/ahocorasick"

	"scrim/internal/secret"
	"scrim/redact"
)

// engine is one way to mask what a text holds, or a part of that work.
type engine struct {
	name  string
	built time.Duration // how long it took to make
	run   func(text []byte)
}

// The names of engines that other figures are set beside.
const (
	whole      = "scrim"
	streamed   = "scrim, in writes of 4 KB"
	replacer   = "strings.NewReplacer"
	automaton  = "Aho-Corasick"
	hyperscans = "Hyperscan, scan only"
	plainCopy  = "plain copy"
)

// world is a set of secrets and what masks them.
type world struct {
	known
	values  []string
	forms   []string // under which the values are looked for, each once
	engines []engine
}

// known is a size and a kind of a set of secrets.
type known struct {
	secrets int
	short   int // of a hundred, how many have 8 to 15 bytes
}

// newWorld makes every engine for the same forms of the same values; no
// automaton for more values than largest. All write into one buffer, so that
// none pays for memory that is new to it.
func newWorld(tb testing.TB, k known, values []string, largest int) *world {
	tb.Helper()
	w := &world{known: k, values: values}
	names := w.collect()
	var out []byte
	w.add(whole, func() func([]byte) {
		r := learnAll(tb, values)
		r.String("build now")
		return func(text []byte) { out, _ = r.Bytes(out[:0], text) }
	})
	w.add(streamed, func() func([]byte) {
		r := learnAll(tb, values)
		r.String("build now")
		return func(text []byte) { writeAll(tb, r.Stream(io.Discard), text) }
	})
	if hyper := newHyperscan(tb, w.forms); hyper != nil {
		w.add(hyperscans, hyper)
	}
	if k.secrets <= largest {
		w.add(automaton, func() func([]byte) {
			find := newAutomaton(tb, w.forms)
			return func(text []byte) { out = maskUnion(out[:0], text, names, find(text)) }
		})
	}
	w.add(replacer, func() func([]byte) {
		pairs := make([]string, 0, 2*len(w.forms))
		for i, form := range w.forms {
			pairs = append(pairs, form, names[i])
		}
		r := strings.NewReplacer(pairs...)
		r.Replace("build now")
		return func(text []byte) { out = append(out[:0], r.Replace(string(text))...) }
	})
	w.add(plainCopy, func() func([]byte) {
		return func(text []byte) { out = append(out[:0], text...) }
	})
	return w
}

// rate runs over text again and again for a turn and returns its rate in MB/s.
func (e engine) rate(text []byte) float64 {
	bytes, begun := 0, time.Now()
	for time.Since(begun) < turn {
		e.run(text)
		bytes += len(text)
	}
	return float64(bytes) / 1e6 / time.Since(begun).Seconds()
}

func (w *world) add(name string, build func() func([]byte)) {
	begun := time.Now()
	run := build()
	w.engines = append(w.engines, engine{name: name, built: time.Since(begun), run: run})
}

// collect fills in the forms of the values, and returns the marker of each.
func (w *world) collect() []string {
	var markers []string
	seen := map[string]bool{}
	for i, value := range w.values {
		anywhere, _ := redact.FormsOf(value)
		for _, form := range anywhere {
			if !seen[form] {
				seen[form] = true
				w.forms = append(w.forms, form)
				markers = append(markers, fmt.Sprintf("[redacted:NAME_%d]", i))
			}
		}
	}
	return markers
}

func learnAll(tb testing.TB, values []string) *redact.Redactor {
	tb.Helper()
	r := redact.New(redact.Options{})
	for i, value := range values {
		r.Learn(ref(tb, fmt.Sprintf("NAME_%d", i)), secret.NewValue(value))
	}
	return r
}

// writeAll writes text to w in pieces of 4 KB.
func writeAll(tb testing.TB, w io.WriteCloser, text []byte) {
	tb.Helper()
	for piece := range slices.Chunk(text, 4<<10) {
		if _, err := w.Write(piece); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}

// newAutomaton returns a search by an Aho-Corasick automaton for all
// occurrences, in the order of their ends. What it has for those that do not
// overlap leaves tails, and is no faster.
func newAutomaton(tb testing.TB, patterns []string) func(text []byte) []ahocorasick.Match {
	tb.Helper()
	a, err := ahocorasick.NewBuilder().AddStrings(patterns).Build()
	if err != nil {
		tb.Fatal(err)
	}
	return a.FindAllOverlapping
}

// maskUnion appends text to dst with the union of matches masked.
func maskUnion(dst, text []byte, markers []string, matches []ahocorasick.Match) []byte {
	slices.SortFunc(matches, func(a, b ahocorasick.Match) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	done := 0
	for _, m := range matches {
		if m.Start >= done {
			dst = append(append(dst, text[done:m.Start]...), markers[m.PatternID]...)
		}
		done = max(done, m.End)
	}
	return append(dst, text[done:]...)
}
