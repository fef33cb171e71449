package redact

import (
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
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
	inert     *kindTables      // the visible bytes that mean nothing after a sign, and that end what is at a line's end
	starts    []func() *starts // made when first needed: only streams ask
}

// group is the patterns of a range of lengths, which share the sizes of their
// windows. Longer windows make for longer strides.
type group struct {
	shape
	filter filter
	tables []table // the first is of the patterns that the matcher was made with
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
	for i, windows := range m.choose(patterns, 0) {
		c := &m.groups[i]
		c.shape = shapes[i]
		c.filter = newFilter(len(windows) * c.stride)
		if len(windows) > 0 {
			c.tables = []table{m.newTable(c.shape, windows, c.filter.put)}
		}
	}
	m.starts = append(m.starts, sync.OnceValue(func() *starts { return newStarts(patterns) }))
	return m
}

// with returns a matcher that finds more patterns as well, which are appended to
// those that m was given so before. The rest is shared: the filters, too, so that
// m may look up in its tables what only the other finds.
func (m *matcher) with(more []pattern) *matcher {
	wider := *m
	wider.added = append(m.added, more...)
	for i, windows := range wider.choose(more, len(m.patterns)+len(m.added)) {
		if len(windows) > 0 {
			wider.groups[i].tables = wider.widen(&m.groups[i], windows)
		}
	}
	added := wider.added
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

// choose chooses a window for each of patterns, whose indices start at from, and
// sorts them into groups.
func (m *matcher) choose(patterns []pattern, from int) [len(shapes)][]placed {
	var counts [len(shapes)]int
	for i := range patterns {
		if c := groupOf(&patterns[i]); c >= 0 {
			counts[c]++
		}
	}
	var windows [len(shapes)][]placed
	for c, n := range counts {
		windows[c] = make([]placed, 0, n)
	}
	crowd := newCrowd(patterns)
	for i := range patterns {
		p := &patterns[i]
		m.note(p)
		if c := groupOf(p); c >= 0 {
			at := crowd.rarest(p.text, shapes[c])
			for _, b := range []byte(p.text[at : at+shapes[c].window()]) {
				m.inWindow[b] = true
			}
			windows[c] = append(windows[c], placed{int32(from + i), int32(at)}) //nolint:gosec // G115: memory has fewer, and windowReach bounds at
		}
	}
	m.sortBytes()
	return windows
}

// groupOf returns the index of the group that p belongs to, or -1.
func groupOf(p *pattern) int {
	for i, s := range shapes {
		if len(p.text) >= s.window() {
			return i
		}
	}
	return -1
}

// note takes p into what is known of all patterns.
func (m *matcher) note(p *pattern) {
	m.longest = max(m.longest, len(p.text))
	if p.claim {
		m.longest = max(m.longest, claimLength)
	}
	for i := range len(p.text) {
		m.inPattern[p.text[i]] = true
	}
}

// sortBytes fills in what follows from the bytes that windows have.
func (m *matcher) sortBytes() {
	var inert [256]bool
	for i := range m.matters {
		c := byte(i)
		m.matters[c] = m.inWindow[c] || isTrigger(c) || c < utf8.RuneSelf && isWord(c) || c == '#' || c == ';'
		m.beside[c] = m.matters[c] || c == '=' || c == '\r' || c == '~' || c == '@' || c == '\n'
		inert[c] = c > ' ' && !m.beside[c]
	}
	m.inert = tablesOf(&inert)
}

// widen returns the tables of c and one of windows. A table that is no larger than
// what is new becomes a part of that, so that there are few.
func (m *matcher) widen(c *group, windows []placed) []table {
	tables := c.tables
	for len(tables) > 1 && len(tables[len(tables)-1].windows) <= len(windows) {
		windows = append(windows, tables[len(tables)-1].windows...)
		tables = tables[:len(tables)-1]
	}
	return append(slices.Clip(tables), m.newTable(c.shape, windows, c.filter.add))
}

func (c *group) isEmpty() bool { return len(c.tables) == 0 }

// found is what a matcher finds in a text.
type found struct {
	matches []match
	near    []int // where something stands that may be an occurrence written in another way
}

// places are where in a text each group looks next.
type places [len(shapes)]int

// find adds every occurrence of every pattern in text to f, in no order.
func (m *matcher) find(f *found, text []byte) {
	var at places
	m.findTo(f, text, &at, len(text))
}

// findTo is find for the places in text from at on and before end.
func (m *matcher) findTo(f *found, text []byte, at *places, end int) {
	for i := range m.groups {
		if c := &m.groups[i]; !c.isEmpty() {
			at[i] = m.findGroup(f, c, text, at[i], end)
		}
	}
}

// findGroup looks at every stride-th place of text from i on and before end, and
// returns the next.
func (m *matcher) findGroup(f *found, c *group, text []byte, i, end int) int {
	for most := min(end, len(text)-7); ; i += c.stride {
		if i = c.skim(text, i, most); i >= most {
			break
		}
		m.verify(f, c, text, i)
	}
	for ; i < end && i+c.gram <= len(text); i += c.stride {
		if c.filter.maybe(hash(c.gramAt(text, i))) {
			m.verify(f, c, text, i)
		}
	}
	return i
}

// skimPlain is skim where there are no instructions for it. It looks at four
// places in one go, since the processor can wait for as many look-ups at once.
func (c *group) skimPlain(text []byte, i, end int) int {
	s, mask := c.stride, c.mask()
	reach := 3*s + 8
	words, shift := c.filter.words, c.filter.shift&63
	for ; i+3*s < end; i += 4 * s {
		t := text[i : i+reach : i+reach]
		h0, h1, h2, h3 := hash(load(t)&mask), hash(load(t[s:])&mask), hash(load(t[2*s:])&mask), hash(load(t[3*s:])&mask)
		miss0 := pairs[pairOf(h0)] &^ atomic.LoadUint64(&words[h0>>shift])
		miss1 := pairs[pairOf(h1)] &^ atomic.LoadUint64(&words[h1>>shift])
		miss2 := pairs[pairOf(h2)] &^ atomic.LoadUint64(&words[h2>>shift])
		miss3 := pairs[pairOf(h3)] &^ atomic.LoadUint64(&words[h3>>shift])
		if miss0 == 0 || miss1 == 0 || miss2 == 0 || miss3 == 0 {
			break
		}
	}
	for i < end && !c.filter.maybe(hash(load(text[i:])&mask)) {
		i += s
	}
	return i
}

// verify adds the occurrences of the patterns that have text[i:]'s gram in
// their window there.
func (m *matcher) verify(f *found, c *group, text []byte, i int) {
	h := hash(c.gramAt(text, i))
	for n := range c.tables {
		t := &c.tables[n]
		for e := t.place(h); t.tags[e] != 0; e = t.next(e) {
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
			if isTrigger(text[start]) || isTrigger(text[end-1]) || start > 0 && text[start-1] == '\\' {
				f.near = append(f.near, i) // it may be a part of what stands for it
			}
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
// these eight bytes on each side. It may say yes too often.
//
// The grams of a window start at stride places side by side: one of them is
// among those that start at every stride-th place from a gram before the cut on,
// or at the cut.
func (m *matcher) mayCross(before, after uint64) bool {
	f := &m.groups[long].filter
	if f.maybe(hash(before)) || f.maybe(hash(after)) {
		return true
	}
	for i := long + 1; i < len(m.groups); i++ {
		if c := &m.groups[i]; !c.isEmpty() && c.mayCross(before, after) {
			return true
		}
	}
	return false
}

func (c *group) mayCross(before, after uint64) bool {
	for back := c.gram; ; back = max(0, back-c.stride) {
		if gram := before>>(64-8*back) | after<<(8*back); c.filter.maybe(hash(gram & c.mask())) {
			return true
		}
		if back == 0 {
			return false
		}
	}
}

func (m *matcher) isWindowAt(c *group, text []byte, i int, h uint64) bool {
	for n := range c.tables {
		t := &c.tables[n]
		for e := t.place(h); t.tags[e] != 0; e = t.next(e) {
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
