package redact

import (
	"cmp"
	"slices"
	"strings"

	"scrim/internal/secret"
)

// pattern is one text to look for, in one encoding, and whose it is.
type pattern struct {
	text     string
	token    bool // a hit only where it is not part of a longer word
	claim    bool // what a claim starts with; always the first of the patterns
	ascii    bool // printable
	encoding Encoding
	refs     []secret.Ref // sorted; empty where no owner has a name
	marker   string
}

// snapshot is what is known at one moment. It does not change.
type snapshot struct {
	matcher      *matcher
	unredactable []secret.Ref

	base  int             // how many of the matcher's patterns it was built with; the rest was added
	count int             // how many learned values the patterns are of
	index map[string]int  // the patterns built with, by their texts
	of    map[string]bool // the pieces of values that they are forms of
	said  map[string]bool
}

// newSnapshot makes the snapshot of what was learned. It makes the forms of
// values that have none yet; the caller holds the lock on them.
func newSnapshot(order []*learned, latest map[secret.Ref]*learned, exempt map[string]bool) *snapshot {
	k := &snapshot{
		count: len(order), said: namesToSay(order),
		index: make(map[string]int, 8*len(order)), of: make(map[string]bool, len(order)),
	}
	patterns := append(make([]pattern, 0, 8*len(order)+1), claimPattern())
	for _, l := range order {
		if exempt[l.ref.Name()] {
			continue
		}
		for _, f := range l.make() {
			k.of[f.of] = true
			if !k.said[f.of] {
				patterns = k.add(patterns, l, f)
			}
		}
	}
	k.base = len(patterns)
	k.matcher = newMatcher(patterns)
	k.label(patterns)
	k.report(latest, exempt)
	return k
}

// maxAdded bounds what a snapshot has that was learned since it was built, in
// patterns: a part of what it was built with, and some more.
func (k *snapshot) maxAdded() int { return 512 + k.base/8 }

// with returns the snapshot of order, of which k has the start: the patterns of
// the rest are added to k's, without building those again. It returns nil where
// that cannot be done, or not often.
func (k *snapshot) with(order []*learned, latest map[secret.Ref]*learned, exempt map[string]bool) *snapshot {
	wider := &snapshot{base: k.base, count: len(order), index: k.index, of: k.of, said: k.said}
	added := slices.Clone(k.matcher.patterns[k.base:])
	for _, l := range order[k.count:] {
		if exempt[l.ref.Name()] {
			continue
		}
		for word := range wordsToSay(l.ref) {
			if !k.said[word] {
				return nil
			}
		}
		for _, f := range l.make() {
			if !k.said[f.of] {
				added = append(added, l.pattern(f))
			}
		}
	}
	if len(added) > k.maxAdded() {
		return nil
	}
	wider.matcher = k.matcher.with(k.base, added)
	wider.label(wider.matcher.patterns[len(k.matcher.patterns):])
	wider.report(latest, exempt)
	return wider
}

// make returns the forms of the value, and keeps them.
func (l *learned) make() []form {
	if !l.made {
		l.forms, l.made = formsOf(l.value.Reveal()), true
		if !l.ref.IsZero() {
			l.refs = []secret.Ref{l.ref}
		}
	}
	return l.forms
}

func (l *learned) pattern(f form) pattern {
	return pattern{text: f.text, token: f.token, ascii: isPrintable(f.text), encoding: f.encoding, refs: l.refs}
}

// add puts one form of a value among the patterns. The same text can be a form
// of several values, and of one value in several ways.
func (k *snapshot) add(patterns []pattern, l *learned, f form) []pattern {
	i, ok := k.index[f.text]
	if !ok {
		k.index[f.text] = len(patterns)
		return append(patterns, l.pattern(f))
	}
	p := &patterns[i]
	p.token = p.token && f.token
	if !l.ref.IsZero() && !slices.Contains(p.refs, l.ref) {
		p.refs = append(slices.Clip(p.refs), l.ref)
	}
	return patterns
}

// label gives each pattern its marker. A name that holds a known value is not
// shown, nor is any where owners of the same text have several.
func (k *snapshot) label(patterns []pattern) {
	markers := make(map[string]string)
	for i := range patterns {
		p := &patterns[i]
		slices.SortFunc(p.refs, compareRefs)
		name := commonName(p.refs)
		if _, ok := markers[name]; !ok {
			markers[name] = k.marker(name)
		}
		p.marker = markers[name]
	}
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

// report lists the names whose last value cannot be masked.
func (k *snapshot) report(latest map[secret.Ref]*learned, exempt map[string]bool) {
	for ref, l := range latest {
		plaintext := trim(l.value.Reveal())
		if plaintext != "" && !exempt[ref.Name()] && (k.said[plaintext] || classify(plaintext) == never) {
			k.unredactable = append(k.unredactable, ref)
		}
	}
	slices.SortFunc(k.unredactable, compareRefs)
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
		p := &k.matcher.patterns[m.pattern]
		spans = append(spans, span{start: m.start, end: m.end, marker: p.marker, refs: p.refs, encoding: cmp.Or(m.via, p.encoding)})
	}
	return spans
}
