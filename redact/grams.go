package redact

import (
	"math/bits"
	"sync/atomic"
)

// entry is one gram of a window: the pattern that it is in, where in that the
// window starts, and which of its grams it is.
type entry struct{ pattern, window, nth int }

// nthBits is how many bits say which gram of a window one is.
const nthBits = 4

// table is a hash table of grams, open to the next free place. Most that are
// looked up are not there, which the tags tell.
type table struct {
	windows []placed
	entries []uint32 // the index of a window, and which gram of it
	tags    []uint8  // 0 where there is no entry
}

// newTable makes the table of windows and gives the hashes of their grams to add.
func (m *matcher) newTable(s shape, windows []placed, add func(h uint64)) table {
	size := len(windows)*s.stride*4/3 + 1
	t := table{windows: windows, entries: make([]uint32, size), tags: make([]uint8, size)}
	for w, window := range windows {
		text := m.pattern(int(window.pattern)).text
		for nth := range s.stride {
			h := hash(s.gramOf(text, int(window.at)+nth))
			add(h)
			i := t.place(h)
			for t.tags[i] != 0 {
				i = t.next(i)
			}
			t.entries[i] = uint32(w<<nthBits | nth) //nolint:gosec // G115: memory has fewer
			t.tags[i] = tagOf(h)
		}
	}
	return t
}

// place returns where to look for a hash first.
func (t *table) place(h uint64) int {
	high, _ := bits.Mul64(h, uint64(len(t.tags)))
	return int(high) //nolint:gosec // G115: less than the length
}

// next returns where to look after i.
func (t *table) next(i int) int {
	if i++; i < len(t.tags) {
		return i
	}
	return 0
}

func (t *table) at(i int) entry {
	w := t.windows[t.entries[i]>>nthBits]
	return entry{pattern: int(w.pattern), window: int(w.at), nth: int(t.entries[i] & (1<<nthBits - 1))}
}

// tagOf is bits of a hash that no table or filter is indexed by, and not 0.
func tagOf(h uint64) uint8 { return uint8(h>>16&0xff) | 1 }

// filter is a set of hashes that may say yes too often: about once in 100 for
// what is not in it. It is a Bloom filter whose two bits for a hash are in one
// word. Some may be added while others look: they may see those or not.
type filter struct {
	words []uint64
	shift uint
}

func newFilter(n int) filter {
	words := ceilPower(max(16*n/64, 1<<10))
	return filter{words: make([]uint64, words), shift: hashBits - log2(words)}
}

// pairs is words of two bits each, all sorts of them: to look one up is quicker
// than two shifts.
var pairs = newPairs()

func newPairs() (words [1 << 10]uint64) {
	for i := range words {
		first := i % 64
		second := (first + 1 + int(hash(uint64(i))>>32%63)) % 64
		words[i] = 1<<first | 1<<second
	}
	return words
}

// pairOf is bits of a hash that the words are not indexed by, as far as it can
// be.
func pairOf(h uint64) uint64 { return h >> 34 & (1<<10 - 1) }

// add adds to a filter that others may look at.
func (f filter) add(h uint64) { atomic.OrUint64(&f.words[h>>f.shift], pairs[pairOf(h)]) }

// put is add while nobody else has the filter, and several times as quick.
func (f filter) put(h uint64) { f.words[h>>f.shift] |= pairs[pairOf(h)] }

func (f filter) maybe(h uint64) bool {
	return pairs[pairOf(h)]&^atomic.LoadUint64(&f.words[h>>f.shift]) == 0
}

// crowd counts how often patterns share a run of eight bytes, so that each can
// be found by a window that it shares with few: not by "https://".
type crowd struct {
	counts []uint16
	shift  uint
	usual  uint16 // how many there are of a run that nobody shares
}

const (
	// maxCrowd bounds the counts; runs that share one look more common than they
	// are, which is no harm.
	maxCrowd = 1 << 18
	// maxAsked bounds how many patterns are counted, about: of what many share, a
	// part is enough to see it.
	maxAsked = 1 << 15
)

func newCrowd(patterns []pattern) crowd {
	asked := len(patterns)/maxAsked + 1
	size := ceilPower(min(windowReach*len(patterns), maxCrowd))
	c := crowd{counts: make([]uint16, size), shift: hashBits - log2(size)}
	runs := 0
	for i := 0; i < len(patterns); i += asked {
		text := patterns[i].text
		for at := range min(len(text)-7, windowReach+8) {
			if n := &c.counts[c.place(text[at:])]; *n < 1<<16-1 {
				*n++
			}
			runs++
		}
	}
	c.usual = uint16(min(runs/size+1, 1<<16-1)) //nolint:gosec // G115: it is less
	return c
}

func (c crowd) place(text string) uint64 { return hash(loadString(text)) >> c.shift }

// rarest returns where in text a window is whose first and last bytes are shared
// with few, or else with the fewest.
func (c crowd) rarest(text string, s shape) int {
	if len(text) < 8 {
		return 0
	}
	best, least := 0, uint16(1<<16-1)
	last := max(0, s.window()-8)
	for at := range min(len(text)-s.window(), windowReach) + 1 {
		n := max(c.counts[c.place(text[at:])], c.counts[c.place(text[at+last:])])
		if n <= c.usual {
			return at
		}
		if n < least {
			best, least = at, n
		}
	}
	return best
}

// hashBits is the length of a hash. Its high bits are the good ones.
const hashBits = 64

// hash spreads a gram over 64 bits.
func hash(gram uint64) uint64 { return gram * 0x9e3779b97f4a7c15 }

// ceilPower returns the least power of two that is n or more, and at least 2.
func ceilPower(n int) int { return 1 << max(1, bits.Len(uint(max(n, 1)-1))) }

// log2 returns the logarithm of a power of two.
func log2(size int) uint { return uint(bits.TrailingZeros(uint(size))) }

func load(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func loadString(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
