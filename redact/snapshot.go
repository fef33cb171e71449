package redact

import (
	"slices"
	"strings"

	"scrim/internal/secret"
)

// pattern is one text to look for, in one encoding, and whose it is.
type pattern struct {
	text     string
	token    bool // a hit only where it is not part of a longer word
	encoding Encoding
	refs     []secret.Ref // sorted; empty where no owner has a name
	marker   string
}

// snapshot is what is known at one moment. It does not change.
type snapshot struct {
	patterns     []pattern
	matcher      *matcher
	unredactable []secret.Ref
}

// newSnapshot makes the snapshot of what was learned. It makes the forms of
// values that have none yet; the caller holds the lock on them.
func newSnapshot(order []*learned, latest map[secret.Ref]*learned) *snapshot {
	said := namesToSay(order)
	k := &snapshot{}
	index := make(map[string]int)
	for _, l := range order {
		l.make()
		for _, f := range l.forms {
			if !said[f.of] {
				k.add(index, l.ref, f)
			}
		}
	}
	k.matcher = newMatcher(k.patterns)
	k.label()
	for ref, l := range latest {
		if plaintext := trim(l.value.Reveal()); plaintext != "" && (said[plaintext] || classify(plaintext) == never) {
			k.unredactable = append(k.unredactable, ref)
		}
	}
	slices.SortFunc(k.unredactable, compareRefs)
	return k
}

func (l *learned) make() {
	if !l.made {
		l.forms, l.made = formsOf(l.value.Reveal()), true
	}
}

// add puts one form of ref's value among the patterns. The same text can be a
// form of several values, and of one value in several ways.
func (k *snapshot) add(index map[string]int, ref secret.Ref, f form) {
	i, ok := index[f.text]
	if !ok {
		i = len(k.patterns)
		index[f.text] = i
		k.patterns = append(k.patterns, pattern{text: f.text, token: f.token, encoding: f.encoding})
	}
	p := &k.patterns[i]
	p.token = p.token && f.token
	if !ref.IsZero() && !slices.Contains(p.refs, ref) {
		p.refs = append(p.refs, ref)
	}
}

// label gives each pattern its marker. A name that holds a known value is not
// shown, nor is any where owners of the same text have several.
func (k *snapshot) label() {
	for i := range k.patterns {
		p := &k.patterns[i]
		slices.SortFunc(p.refs, compareRefs)
		p.marker = k.marker(p.refs)
	}
}

func (k *snapshot) marker(refs []secret.Ref) string {
	if len(refs) == 0 {
		return unnamed
	}
	name := refs[0].Name()
	for _, ref := range refs[1:] {
		if ref.Name() != name {
			return unnamed
		}
	}
	if len(k.matcher.find(nil, []byte(name))) > 0 {
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
		if l.ref.IsZero() {
			continue
		}
		said[l.ref.Name()] = true
		said[l.ref.Environment()] = true
		said[l.ref.Path()] = true
		for segment := range strings.SplitSeq(l.ref.Path(), "/") {
			said[segment] = true
		}
	}
	return said
}

// spans returns what to mask in text, in order and apart from each other.
func (k *snapshot) spans(text []byte) []span { return union(k.sorted(text)) }

// sorted returns every occurrence in text, in order, overlaps and all.
func (k *snapshot) sorted(text []byte) []span {
	var buffer [8]match // most texts have few hits or none
	return sortSpans(k.asSpans(k.find(buffer[:0], text)))
}

// find appends every occurrence of a pattern or of a claim to dst.
func (k *snapshot) find(dst []match, text []byte) []match {
	return findClaims(k.matcher.find(dst, text), text)
}

func (k *snapshot) asSpans(matches []match) []span {
	if len(matches) == 0 {
		return nil
	}
	spans := make([]span, 0, len(matches))
	for _, m := range matches {
		s := span{start: m.start, end: m.end, marker: unnamed, encoding: Plain}
		if m.pattern != claimPattern {
			p := &k.patterns[m.pattern]
			s.marker, s.refs, s.encoding = p.marker, p.refs, p.encoding
		}
		spans = append(spans, s)
	}
	return spans
}

// pending returns where the longest tail of text starts that more text could
// still make an occurrence, or len(text).
func (k *snapshot) pending(text []byte) int {
	return min(k.matcher.pending(text), pendingClaim(text))
}
