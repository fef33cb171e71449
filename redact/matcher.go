package redact

import (
	"math/bits"
	"slices"
	"sync"
)

// match is one occurrence: text[start:end] is patterns[pattern], or is what
// decodes to it.
type match struct {
	start, end int
	pattern    int
	via        Encoding // what was decoded to find it, or ""
}

// matcher finds all occurrences of all patterns. It does not change once made.
//
// Every pattern is found by one window of it, a run of its bytes that few other
// patterns have, and a window by its grams: short overlapping runs, stride of
// them side by side. The text is looked at only at every stride-th position, so
// that each window that stands in it is met exactly once, at one of its grams.
// A filter that fits the cache says no to nearly all of what is met; the rest
// is looked up in a table and compared in full.
type matcher struct {
	patterns  []pattern
	added     []pattern // their indices follow those of patterns
	groups    [len(shapes)]group
	longest   int
	inWindow  [256]bool        // the bytes that windows have
	matters   [256]bool        // those and what may be a part of something that is undone
	beside    [256]bool        // those and what may be the end of it
	inPattern [256]bool        // the bytes that patterns have
	starts    []func() *starts // made when first needed: only streams ask
}

// group is the patterns of a range of lengths, which share the sizes of their
// windows. Longer windows make for longer strides.
type group struct {
	shape
	filter filter
	base   table
	more   table // of the patterns that were added
}

// shape is the sizes of a group: stride grams of gram bytes side by side make
// a window.
type shape struct{ stride, gram int }

// window is how many bytes of a pattern a window has, and the least that a
// pattern of the group may have.
func (s shape) window() int { return s.stride + s.gram - 1 }

// long is the group of most patterns, and longStride its stride.
const (
	long       = 0
	longStride = 9
)

// shapes are the groups' shapes, by the least length of their patterns.
// Shorter patterns than the last's are not found.
var shapes = [...]shape{
	long:                 {stride: longStride, gram: 8}, // 16 bytes and more
	{stride: 3, gram: 6}, // 8 to 15
	{stride: 2, gram: 5}, // 6 and 7
}

// windowReach bounds where in a pattern its window may start.
const windowReach = 64

func newMatcher(patterns []pattern) *matcher {
	m := &matcher{patterns: patterns}
	sorted := m.sort(patterns, 0)
	for i, s := range shapes {
		m.groups[i] = m.newGroup(s, sorted[i])
	}
	m.starts = append(m.starts, sync.OnceValue(func() *starts { return newStarts(patterns) }))
	return m
}

// with returns a matcher that finds the added patterns as well, in place of
// those that were added before. The rest is shared.
func (m *matcher) with(added []pattern) *matcher {
	wider := *m
	wider.added = added
	sorted := wider.sort(added, len(m.patterns))
	for i := range wider.groups {
		wider.groups[i] = wider.widen(m.groups[i], sorted[i])
	}
	wider.starts = append(m.starts[:1:1], sync.OnceValue(func() *starts { return newStarts(added) }))
	return &wider
}

// pattern returns the pattern with an index.
func (m *matcher) pattern(i int) *pattern {
	if i < len(m.patterns) {
		return &m.patterns[i]
	}
	return &m.added[i-len(m.patterns)]
}

// placed is a window: where in which pattern it is.
type placed struct{ pattern, at int32 }

// sort chooses a window for each of patterns, whose indices start at from, and
// sorts them into groups.
func (m *matcher) sort(patterns []pattern, from int) [len(shapes)][]placed {
	var sorted [len(shapes)][]placed
	crowd := newCrowd(patterns)
	for i, p := range patterns {
		m.longest = max(m.longest, len(p.text))
		if p.claim {
			m.longest = max(m.longest, claimLength)
		}
		for j := range len(p.text) {
			m.inPattern[p.text[j]] = true
		}
		c := slices.IndexFunc(shapes[:], func(s shape) bool { return len(p.text) >= s.window() })
		if c < 0 {
			continue
		}
		at := crowd.rarest(p.text, shapes[c])
		for _, b := range []byte(p.text[at : at+shapes[c].window()]) {
			m.inWindow[b] = true
		}
		sorted[c] = append(sorted[c], placed{int32(from + i), int32(at)}) //nolint:gosec // G115: memory has fewer, and windowReach bounds at
	}
	for i := range m.matters {
		c := byte(i) //nolint:gosec // G115: there are 256
		m.matters[c] = m.inWindow[c] || isTrigger(c) || isWord(c) || c == '#' || c == ';'
		m.beside[c] = m.matters[c] || c == '=' || c == '\r' || c == '~' || c == '@' || c == '\n'
	}
	return sorted
}

func (m *matcher) newGroup(s shape, windows []placed) group {
	c := group{shape: s, filter: newFilter(len(windows) * s.stride), base: m.newTable(s, windows)}
	m.eachGram(s, windows, func(h uint64, _, _ int) { c.filter.add(h) })
	return c
}

// widen returns the group with windows of what was added.
func (m *matcher) widen(c group, windows []placed) group {
	if len(windows) > 0 {
		c.filter = c.filter.clone()
		m.eachGram(c.shape, windows, func(h uint64, _, _ int) { c.filter.add(h) })
	}
	c.more = m.newTable(c.shape, windows)
	return c
}

// eachGram calls visit for each gram of windows: with its hash, and which gram
// it is of which window.
func (m *matcher) eachGram(s shape, windows []placed, visit func(h uint64, window, nth int)) {
	for i, w := range windows {
		text := m.pattern(int(w.pattern)).text
		for nth := range s.stride {
			visit(hash(s.gramOf(text, int(w.at)+nth)), i, nth)
		}
	}
}

func (c *group) isEmpty() bool { return len(c.base.entries)+len(c.more.entries) == 0 }

// found is what a matcher finds in a text.
type found struct {
	matches []match
	near    []int // where something stands that may be an occurrence written in another way
}

// find adds every occurrence of every pattern in text to f, in no order.
func (m *matcher) find(f *found, text []byte) {
	for i := range m.groups {
		if c := &m.groups[i]; !c.isEmpty() {
			m.findGroup(f, c, text)
		}
	}
}

// findGroup looks at every stride-th position of text. It looks at several in
// one go, since the processor can wait for as many look-ups of the filter at
// once.
func (m *matcher) findGroup(f *found, c *group, text []byte) {
	i := 0
	if c.shape == shapes[long] {
		i = m.findLong(f, c, text)
	}
	for ; i+c.gram <= len(text); i += c.stride {
		if c.filter.maybe(hash(c.gramAt(text, i))) {
			m.verify(f, c, text, i)
		}
	}
}

// findLong is findGroup for the longest patterns, which most are. It leaves the
// end of text, and returns where that begins.
func (m *matcher) findLong(f *found, c *group, text []byte) int {
	const s, reach = longStride, 3*longStride + 8
	words, shift := c.filter.words, c.filter.shift&63
	i := 0
	for ; i+reach <= len(text); i += 4 * s {
		t := text[i : i+reach : i+reach]
		h0, h1, h2, h3 := hash(load(t)), hash(load(t[s:])), hash(load(t[2*s:])), hash(load(t[3*s:]))
		miss0 := pairs[pairOf(h0)] &^ words[h0>>shift]
		miss1 := pairs[pairOf(h1)] &^ words[h1>>shift]
		miss2 := pairs[pairOf(h2)] &^ words[h2>>shift]
		miss3 := pairs[pairOf(h3)] &^ words[h3>>shift]
		if miss0 != 0 && miss1 != 0 && miss2 != 0 && miss3 != 0 {
			continue
		}
		for n, miss := range [4]uint64{miss0, miss1, miss2, miss3} {
			if miss == 0 {
				m.verify(f, c, text, i+n*s)
			}
		}
	}
	return i
}

// verify adds the occurrences of the patterns that have text[i:]'s gram in
// their window there.
func (m *matcher) verify(f *found, c *group, text []byte, i int) {
	h := hash(c.gramAt(text, i))
	for _, t := range [...]*table{&c.base, &c.more} {
		from, to := t.bucket(h)
		for e := from; e < to; e++ {
			if t.tags[e] == tagOf(h) {
				m.compare(f, c, text, i, t.at(e))
			}
		}
	}
}

// compare adds the occurrence of e's pattern whose gram is at text[i:], if it
// is one, and says where one may be that is written in another way.
func (m *matcher) compare(f *found, c *group, text []byte, i int, e entry) {
	p := m.pattern(e.pattern)
	start := i - e.window - e.nth
	end := start + len(p.text)
	if start >= 0 && end <= len(text) && string(text[start:end]) == p.text {
		if p.claim {
			f.addClaim(text, start)
		} else if !p.token || isToken(text, start, end) {
			f.matches = append(f.matches, match{start: start, end: end, pattern: e.pattern})
		} else if mayBeToken(text, start, end) {
			f.near = append(f.near, i)
		}
		return
	}
	if m.isWindow(c, text, i, e) && mayGoOn(text, start, i-e.nth, i-e.nth+c.window(), p.text) {
		f.near = append(f.near, i)
	}
}

// isWindow reports whether the window of e stands in text, one of whose grams
// is at text[i:].
func (m *matcher) isWindow(c *group, text []byte, i int, e entry) bool {
	from := i - e.nth
	to := from + c.window()
	return from >= 0 && to <= len(text) && string(text[from:to]) == m.pattern(e.pattern).text[e.window:e.window+c.window()]
}

// hasWindow reports whether the window of some pattern stands in text.
func (m *matcher) hasWindow(text []byte) bool {
	for g := range m.groups {
		c := &m.groups[g]
		if c.isEmpty() {
			continue
		}
		for i := 0; i+c.gram <= len(text); i += c.stride {
			if h := hash(c.gramAt(text, i)); c.filter.maybe(h) && m.isWindowAt(c, text, i, h) {
				return true
			}
		}
	}
	return false
}

// mayCross reports whether the window of some pattern may lie across a cut with
// these crossing bytes on each side. It may say yes too often.
func (m *matcher) mayCross(before, after []byte) bool {
	// A long window across the cut has one of two grams, just before the cut or
	// a byte after it, since its grams start at nine places side by side.
	c := &m.groups[long]
	if c.filter.maybe(hash(load(before[crossing-8:]))) || c.filter.maybe(hash(load(after[1:]))) {
		return true
	}
	for i := range m.groups {
		if i != long && !m.groups[i].isEmpty() {
			return true
		}
	}
	return false
}

func (m *matcher) isWindowAt(c *group, text []byte, i int, h uint64) bool {
	for _, t := range [...]*table{&c.base, &c.more} {
		from, to := t.bucket(h)
		for e := from; e < to; e++ {
			if t.tags[e] == tagOf(h) && m.isWindow(c, text, i, t.at(e)) {
				return true
			}
		}
	}
	return false
}

// mask keeps a gram's bytes of eight.
func (s shape) mask() uint64 { return ^uint64(0) >> (64 - 8*s.gram) }

// gramAt returns the gram at text[i:], of which there may be no more.
func (s shape) gramAt(text []byte, i int) uint64 {
	if i+8 <= len(text) {
		return load(text[i:]) & s.mask()
	}
	var padded [8]byte
	copy(padded[:], text[i:])
	return load(padded[:]) & s.mask()
}

// gramOf is gramAt for a pattern.
func (s shape) gramOf(text string, i int) uint64 {
	if i+8 <= len(text) {
		return loadString(text[i:]) & s.mask()
	}
	var gram uint64
	for j := range s.gram {
		gram |= uint64(text[i+j]) << (8 * j)
	}
	return gram
}

// isToken reports whether text[start:end] is not part of a longer word.
func isToken(text []byte, start, end int) bool {
	return (start == 0 || !isWord(text[start-1]) || !isWord(text[start])) &&
		(end == len(text) || !isWord(text[end]) || !isWord(text[end-1]))
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}

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
