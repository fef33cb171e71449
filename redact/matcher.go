package redact

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// A pattern is found by one window of it: windowLong bytes, or windowShort for
// the few patterns that have not as many. Shorter patterns are not found.
const (
	windowLong  = 8
	windowShort = 6
)

// windowReach bounds where in a pattern its window may be.
const windowReach = 64

// match is one occurrence: text[start:end] is patterns[pattern].
type match struct {
	start, end int
	pattern    int
}

// matcher finds all occurrences of all patterns. It is simple: every position
// of the text is looked up in a filter of the patterns' windows, and where
// that says maybe, in a table of them. It does not change once made.
type matcher struct {
	patterns []pattern
	long     table
	short    table
	sorted   []int // patterns in the order of their texts, for pending
	starts   filter
	longest  int
}

func newMatcher(patterns []pattern) *matcher {
	m := &matcher{patterns: patterns}
	if len(patterns) == 0 {
		return m
	}
	var long, short []entry
	crowd := newCrowd(patterns)
	for i, p := range patterns {
		m.longest = max(m.longest, len(p.text))
		m.sorted = append(m.sorted, i)
		switch {
		case len(p.text) >= windowLong:
			at := crowd.rarest(p.text)
			long = append(long, entry{window: load(p.text[at:]), at: at, pattern: i})
		case len(p.text) >= windowShort:
			short = append(short, entry{window: loadShort(p.text), pattern: i})
		}
	}
	slices.SortFunc(m.sorted, func(a, b int) int { return strings.Compare(patterns[a].text, patterns[b].text) })
	m.long, m.short = newTable(long), newTable(short)
	m.starts = newFilter(len(patterns))
	for _, p := range patterns {
		if len(p.text) >= startLength {
			m.starts.add(hash(loadStart(p.text)))
		}
	}
	return m
}

// find appends every occurrence of every pattern in text to dst, in no order.
func (m *matcher) find(dst []match, text []byte) []match {
	if len(m.long.entries) > 0 {
		likely := m.long.filter
		for i := 0; i+windowLong <= len(text); i++ {
			window := binary.LittleEndian.Uint64(text[i:])
			if h := hash(window); likely.maybe(h) {
				dst = m.verify(dst, &m.long, text, i, window, h)
			}
		}
	}
	if len(m.short.entries) > 0 {
		likely := m.short.filter
		for i := 0; i+windowShort <= len(text); i++ {
			window := loadShortBytes(text[i:])
			if h := hash(window); likely.maybe(h) {
				dst = m.verify(dst, &m.short, text, i, window, h)
			}
		}
	}
	return dst
}

// verify appends the occurrences of patterns whose window is at text[i:].
func (m *matcher) verify(dst []match, t *table, text []byte, i int, window, h uint64) []match {
	for _, e := range t.bucket(h) {
		start := i - e.at
		if e.window != window || start < 0 {
			continue
		}
		p := &m.patterns[e.pattern]
		end := start + len(p.text)
		if end > len(text) || string(text[start:end]) != p.text {
			continue
		}
		if p.token && !isToken(text, start, end) {
			continue
		}
		dst = append(dst, match{start: start, end: end, pattern: e.pattern})
	}
	return dst
}

// isToken reports whether text[start:end] is not part of a longer word.
func isToken(text []byte, start, end int) bool {
	return (start == 0 || !isWord(text[start-1]) || !isWord(text[start])) &&
		(end == len(text) || !isWord(text[end]) || !isWord(text[end-1]))
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}

// pending returns the start of the longest tail of text that more text could
// still turn into an occurrence, or len(text). A token that ends with text
// counts: the next byte decides.
func (m *matcher) pending(text []byte) int {
	for i := max(0, len(text)-m.longest); i < len(text); i++ {
		tail := text[i:]
		if len(tail) >= startLength && !m.starts.maybe(hash(loadStartBytes(tail))) {
			continue
		}
		if m.startsPattern(tail) {
			return i
		}
	}
	return len(text)
}

// startsPattern reports whether some pattern starts with tail and is longer,
// or is tail and a token.
func (m *matcher) startsPattern(tail []byte) bool {
	at, found := slices.BinarySearchFunc(m.sorted, tail, func(i int, tail []byte) int {
		return compare(m.patterns[i].text, tail)
	})
	if found && m.patterns[m.sorted[at]].token {
		return true
	}
	if found {
		at++
	}
	if at == len(m.sorted) {
		return false
	}
	next := m.patterns[m.sorted[at]].text
	return len(next) > len(tail) && next[:len(tail)] == string(tail)
}

// compare is strings.Compare without making a string of b.
func compare(a string, b []byte) int {
	switch {
	case a < string(b):
		return -1
	case a > string(b):
		return 1
	default:
		return 0
	}
}

// entry is a pattern's window and where in the pattern it is.
type entry struct {
	window  uint64
	at      int
	pattern int
}

// table is a hash table of windows: the entries of bucket b are
// entries[first[b]:first[b+1]].
type table struct {
	filter  filter
	entries []entry
	first   []int32
	shift   uint
}

func newTable(entries []entry) table {
	size := ceilPower(2 * len(entries))
	t := table{filter: newFilter(len(entries)), first: make([]int32, size+1), shift: hashBits - log2(size)}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(t.place(hash(a.window)), t.place(hash(b.window))) })
	t.entries = entries
	for _, e := range entries {
		h := hash(e.window)
		t.filter.add(h)
		t.first[t.place(h)+1]++
	}
	for b := range size {
		t.first[b+1] += t.first[b]
	}
	return t
}

func (t *table) place(h uint64) uint64 { return h >> t.shift }

func (t *table) bucket(h uint64) []entry {
	b := t.place(h)
	return t.entries[t.first[b]:t.first[b+1]]
}

// filter is a set of hashes that may say yes too often, about once in sixteen.
type filter struct {
	bits  []uint64
	shift uint
}

func newFilter(n int) filter {
	size := ceilPower(max(16*n, 1<<12))
	return filter{bits: make([]uint64, size/64), shift: hashBits - log2(size)}
}

func (f *filter) add(h uint64) {
	at := h >> f.shift
	f.bits[at>>6] |= 1 << (at & 63)
}

func (f *filter) maybe(h uint64) bool {
	at := h >> f.shift
	return f.bits[at>>6]>>(at&63)&1 != 0
}

// crowd counts how often patterns share a window, so that each pattern can be
// found by one that it shares with few: not by "https://".
type crowd struct {
	counts []uint16
	shift  uint
}

// maxCrowd bounds the counts; windows that share one look more common than
// they are, which is no harm.
const maxCrowd = 1 << 18

func newCrowd(patterns []pattern) crowd {
	size := ceilPower(min(windowReach*len(patterns), maxCrowd))
	c := crowd{counts: make([]uint16, size), shift: hashBits - log2(size)}
	for _, p := range patterns {
		for at := range windows(p.text) {
			if n := &c.counts[c.place(p.text[at:])]; *n < 1<<16-1 {
				*n++
			}
		}
	}
	return c
}

func (c crowd) place(text string) uint64 { return hash(load(text)) >> c.shift }

// rarest returns where in text the window is that the fewest patterns have.
func (c crowd) rarest(text string) int {
	best := 0
	for at := range windows(text) {
		if c.counts[c.place(text[at:])] < c.counts[c.place(text[best:])] {
			best = at
		}
	}
	return best
}

// windows returns how many places for a window text has within reach.
func windows(text string) int { return max(0, min(len(text)-windowLong+1, windowReach)) }

// hashBits is the length of a hash. Its high bits are the good ones.
const hashBits = 64

// hash spreads a window over 64 bits.
func hash(window uint64) uint64 { return window * 0x9e3779b97f4a7c15 }

// ceilPower returns the least power of two that is n or more, and at least 2.
func ceilPower(n int) int {
	size := 2
	for size < n {
		size *= 2
	}
	return size
}

// log2 returns the logarithm of a power of two.
func log2(size int) uint {
	var n uint
	for ; size > 1; size /= 2 {
		n++
	}
	return n
}

// startLength is how much of a pattern's start the filter for pending knows.
const startLength = 4

func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func loadShort(s string) uint64 {
	_ = s[5]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40
}

func loadShortBytes(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32
}

func loadStart(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}

func loadStartBytes(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }
