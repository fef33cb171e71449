package redact

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"scrim/internal/secret"
)

// pattern is one text to look for, in one encoding, and whose it is.
type pattern struct {
	text     string
	label    *label
	encoding Encoding
	token    bool // a hit only where it is not part of a longer word
	claim    bool // what a claim starts with; always the first of the patterns
	ascii    bool // printable
}

// label is whose a pattern is, and what is put in its place.
type label struct {
	refs   []secret.Ref // sorted; empty where no owner has a name
	marker string
}

// snapshot is what is known at one moment. It does not change.
type snapshot struct {
	matcher *matcher
	count   int             // how many learned values the patterns are of
	of      map[string]bool // the pieces of values that they are forms of
	said    map[string]bool // the words that discovery says
	names   []byte          // those in markers, each on a line

	// The same of what was learned since the rest was built.
	added added
}

// added is what a snapshot knows beside what it was built with. A later snapshot
// appends to it: it shares the memory, of which each sees as much as it knows.
type added struct {
	of, said []string
	names    []byte
}

// formsEach is about how many forms a value has.
const formsEach = 15

// newSnapshot makes the snapshot of what was learned.
func newSnapshot(order []*learned, exempt map[string]bool) *snapshot {
	k := &snapshot{count: len(order), said: namesToSay(order), of: make(map[string]bool, len(order))}
	b := newBuilder(formsEach * len(order))
	var forms former
	for _, l := range order {
		if exempt[l.ref.Name()] {
			continue
		}
		owner := l.label()
		b.labels = append(b.labels, owner)
		for _, f := range forms.of(l.value.Reveal()) {
			k.of[f.of] = true
			if !k.said[f.of] {
				b.add(owner, f)
			}
		}
	}
	k.matcher = newMatcher(b.patterns)
	k.names = k.mark(b.labels, nil)
	return k
}

// maxAdded bounds what a snapshot has that was learned since it was built, in
// patterns: a part of what it was built with, and some more.
func (k *snapshot) maxAdded() int { return 512 + len(k.matcher.patterns)/8 }

// with returns the snapshot of order, of which k has the start: the patterns of
// the rest are added to k's, without building those again. It returns nil where
// that cannot be done, or not often.
func (k *snapshot) with(order []*learned, exempt map[string]bool) *snapshot {
	if fewest := len(order) - k.count; k.count == 0 || fewest > k.maxAdded()/8 {
		return nil
	}
	wider := &snapshot{count: len(order), of: k.of, said: k.said, names: k.names, added: k.added}
	var labels []*label
	var more []pattern
	var forms former
	for _, l := range order[k.count:] {
		if exempt[l.ref.Name()] {
			continue
		}
		for word := range wordsToSay(l.ref) {
			if wider.knows(word) {
				return nil
			}
			if !wider.says(word) {
				wider.added.said = append(wider.added.said, word)
			}
		}
		owner := l.label()
		labels = append(labels, owner)
		for _, f := range forms.of(l.value.Reveal()) {
			if !wider.says(f.of) {
				more = append(more, newPattern(owner, f))
			}
			wider.added.of = append(wider.added.of, f.of)
		}
	}
	if len(k.matcher.added)+len(more) > k.maxAdded() || wider.named(more) {
		return nil
	}
	wider.matcher = k.matcher.with(more)
	wider.added.names = wider.mark(labels, wider.added.names)
	return wider
}

// says reports whether discovery says word.
func (k *snapshot) says(word string) bool { return k.said[word] || slices.Contains(k.added.said, word) }

// knows reports whether word is a piece of a known value.
func (k *snapshot) knows(word string) bool { return k.of[word] || slices.Contains(k.added.of, word) }

// named reports whether a name in a marker holds one of the patterns.
func (k *snapshot) named(patterns []pattern) bool {
	if len(patterns) == 0 || len(k.names)+len(k.added.names) == 0 {
		return false
	}
	var f found
	m := newMatcher(patterns)
	m.find(&f, k.names)
	m.find(&f, k.added.names)
	return len(f.matches) > 0
}

// label is what the patterns of the value have if they are of no other.
func (l *learned) label() *label {
	if l.ref.IsZero() {
		return &label{}
	}
	return &label{refs: []secret.Ref{l.ref}}
}

func newPattern(owner *label, f form) pattern {
	return pattern{text: f.text, label: owner, encoding: f.encoding, token: f.token, ascii: isPrintable(f.text)}
}

// builder gathers patterns, each text once.
type builder struct {
	patterns []pattern
	labels   []*label
	seed     maphash.Seed
	index    []int32 // of patterns, by the hashes of their texts, open to the next free place; 0 is free
}

// newBuilder returns a builder for about n patterns. The first is that of claims,
// whose text no value has.
func newBuilder(n int) *builder {
	return &builder{patterns: append(make([]pattern, 0, n+1), claimPattern()), seed: maphash.MakeSeed(), index: make([]int32, ceilPower(2*n))}
}

// add puts one form of a value among the patterns. The same text can be a form
// of several values, and of one value in several ways.
func (b *builder) add(owner *label, f form) {
	i := b.find(f.text)
	if b.index[i] == 0 {
		b.index[i] = int32(len(b.patterns)) //nolint:gosec // G115: memory has fewer
		b.patterns = append(b.patterns, newPattern(owner, f))
		b.grow()
		return
	}
	p := &b.patterns[b.index[i]]
	p.token = p.token && f.token
	if len(owner.refs) > 0 && !slices.Contains(p.label.refs, owner.refs[0]) {
		p.label = &label{refs: append(slices.Clip(p.label.refs), owner.refs[0])}
		b.labels = append(b.labels, p.label)
	}
}

// find returns the place in the index of text's pattern, or for it.
func (b *builder) find(text string) int {
	mask := len(b.index) - 1
	i := int(maphash.String(b.seed, text)) & mask //nolint:gosec // G115: any bits do
	for b.index[i] != 0 && b.patterns[b.index[i]].text != text {
		i = (i + 1) & mask
	}
	return i
}

// grow makes room in the index where it is getting full.
func (b *builder) grow() {
	if len(b.patterns) <= len(b.index)*3/4 {
		return
	}
	b.index = make([]int32, 2*len(b.index))
	for i := 1; i < len(b.patterns); i++ {
		b.index[b.find(b.patterns[i].text)] = int32(i)
	}
}

// mark gives each label its marker, and appends the names in those to names. A
// name that holds a known value is not shown, nor is any where owners of the
// same text have several.
func (k *snapshot) mark(labels []*label, names []byte) []byte {
	markers := make(map[string]string)
	for _, l := range labels {
		slices.SortFunc(l.refs, compareRefs)
		name := commonName(l.refs)
		if _, ok := markers[name]; !ok {
			if markers[name] = k.marker(name); name != "" {
				names = append(append(names, name...), '\n')
			}
		}
		l.marker = markers[name]
	}
	return names
}

// commonName returns the name that all refs have, or "".
func commonName(refs []secret.Ref) string {
	if len(refs) == 0 || slices.ContainsFunc(refs, func(r secret.Ref) bool { return r.Name() != refs[0].Name() }) {
		return ""
	}
	return refs[0].Name()
}

func (k *snapshot) marker(name string) string {
	var f found
	if k.matcher.find(&f, []byte(name)); name == "" || len(f.matches) > 0 {
		return unnamed
	}
	return markerStart + name + markerEnd
}

// namesToSay returns the words that discovery is made of: the names, paths and
// environments of everything known. A value that equals one cannot be masked,
// or scrim could not say where anything is; the person is told instead.
func namesToSay(order []*learned) map[string]bool {
	said := make(map[string]bool)
	for _, l := range order {
		for word := range wordsToSay(l.ref) {
			said[word] = true
		}
	}
	return said
}

// wordsToSay yields the words that discovery says of ref.
func wordsToSay(ref secret.Ref) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		if ref.IsZero() || !yield(ref.Name()) || !yield(ref.Environment()) || !yield(ref.Path()) {
			return
		}
		for segment := range strings.SplitSeq(ref.Path(), "/") {
			if !yield(segment) {
				return
			}
		}
	}
}

// sorted returns every occurrence in text, in order, overlaps and all. It is
// good until l is used again.
func (k *snapshot) sorted(l *looker, text []byte) []span {
	l.matches = l.matches[:0]
	l.find(k, text, 0)
	return sortSpans(k.asSpans(l.matches))
}

func (k *snapshot) asSpans(matches []match) []span {
	if len(matches) == 0 {
		return nil
	}
	spans := make([]span, 0, len(matches))
	for _, m := range matches {
		p := k.matcher.pattern(m.pattern)
		spans = append(spans, span{start: m.start, end: m.end, marker: p.label.marker, refs: p.label.refs, encoding: cmp.Or(m.via, p.encoding)})
	}
	return spans
}
