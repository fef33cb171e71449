package redact

import (
	"math/bits"
	"slices"
)

// entry is one gram of a window: the pattern that it is in, where in that the
// window starts, and which of its grams it is.
type entry struct{ pattern, window, nth int }

// nthBits is how many bits say which gram of a window one is.
const nthBits = 4

// table is a hash table of grams: those of bucket b are from first[b] to
// first[b+1]. Most that are looked up are not there, which their tags tell.
type table struct {
	windows []placed
	entries []uint32 // the index of a window, and which gram of it
	tags    []uint8
	first   []uint32
	shift   uint
}

func (m *matcher) newTable(s shape, windows []placed) table {
	if len(windows) == 0 {
		return table{}
	}
	n := len(windows) * s.stride
	size := max(2, ceilPower(n)/2)
	t := table{windows: windows, entries: make([]uint32, n), tags: make([]uint8, n), first: make([]uint32, size+1), shift: hashBits - log2(size)}
	m.eachGram(s, windows, func(h uint64, _, _ int) { t.first[h>>t.shift]++ })
	// The sums are where each bucket ends; filling it from its end leaves first
	// at its start.
	var sum uint32
	for b := range t.first {
		sum += t.first[b]
		t.first[b] = sum
	}
	m.eachGram(s, windows, func(h uint64, window, nth int) {
		b := h >> t.shift
		t.first[b]--
		t.entries[t.first[b]] = uint32(window<<nthBits | nth) //nolint:gosec // G115: memory has fewer
		t.tags[t.first[b]] = tagOf(h)
	})
	return t
}

// bucket returns where the grams are whose hashes start as h does.
func (t *table) bucket(h uint64) (from, to uint32) {
	if len(t.entries) == 0 {
		return 0, 0
	}
	b := h >> t.shift
	return t.first[b], t.first[b+1]
}

func (t *table) at(i uint32) entry {
	w := t.windows[t.entries[i]>>nthBits]
	return entry{pattern: int(w.pattern), window: int(w.at), nth: int(t.entries[i] & (1<<nthBits - 1))}
}

// tagOf is bits of a hash that no table or filter is indexed by.
func tagOf(h uint64) uint8 { return uint8(h >> 16 & 0xff) }

// filter is a set of hashes that may say yes too often: about once in 100 for
// what is not in it. It is a Bloom filter whose two bits for a hash are in one
// word.
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

func (f filter) clone() filter {
	f.words = slices.Clone(f.words)
	return f
}

func (f filter) add(h uint64) { f.words[h>>f.shift] |= pairs[pairOf(h)] }

func (f filter) maybe(h uint64) bool { return pairs[pairOf(h)]&^f.words[h>>f.shift] == 0 }

// crowd counts how often patterns share a run of eight bytes, so that each can
// be found by a window that it shares with few: not by "https://".
type crowd struct {
	counts []uint16
	shift  uint
}

// maxCrowd bounds the counts; runs that share one look more common than they
// are, which is no harm.
const maxCrowd = 1 << 18

func newCrowd(patterns []pattern) crowd {
	size := ceilPower(min(windowReach*len(patterns), maxCrowd))
	c := crowd{counts: make([]uint16, size), shift: hashBits - log2(size)}
	for _, p := range patterns {
		for at := range min(len(p.text)-7, windowReach+8) {
			if n := &c.counts[c.place(p.text[at:])]; *n < 1<<16-1 {
				*n++
			}
		}
	}
	return c
}

func (c crowd) place(text string) uint64 { return hash(loadString(text)) >> c.shift }

// rarest returns where in text the window is whose first and last bytes are
// shared with the fewest.
func (c crowd) rarest(text string, s shape) int {
	if len(text) < 8 {
		return 0
	}
	best, least := 0, uint16(1<<16-1)
	last := s.window() - 8
	for at := range min(len(text)-s.window(), windowReach) + 1 {
		if n := max(c.counts[c.place(text[at:])], c.counts[c.place(text[at+max(0, last):])]); n < least {
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
