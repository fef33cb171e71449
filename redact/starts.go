package redact

import (
	"slices"
	"sort"
	"strings"
)

// starts knows how patterns begin, for telling where a text that goes on may
// have begun one.
type starts struct {
	sorted []*pattern // by their texts
	likely filter
}

// startLength is how much of a pattern's start the filter knows.
const startLength = 4

func newStarts(patterns []pattern) *starts {
	s := &starts{sorted: make([]*pattern, 0, len(patterns)), likely: newFilter(len(patterns))}
	for i := range patterns {
		if patterns[i].claim {
			continue // see pendingClaim
		}
		s.sorted = append(s.sorted, &patterns[i])
		s.likely.put(hash(startOf(patterns[i].text)))
	}
	slices.SortFunc(s.sorted, func(a, b *pattern) int { return strings.Compare(a.text, b.text) })
	return s
}

// patience says which beginnings count as pending.
type patience int

const (
	forEver   patience = iota // every one, and what is not worth a closer look
	forNow                    // every one
	forAWhile                 // those that show more than may be shown to someone who waits
)

// pending returns the start of the longest tail of text that more text could
// still turn into an occurrence, or len(text). A token that ends with text
// counts: the next byte decides.
func (m *matcher) pending(text []byte, wait patience) int {
	from := len(text)
	for from > max(0, len(text)-m.longest) && m.inPattern[text[from-1]] {
		from--
	}
	least := len(text)
	for _, starts := range m.starts {
		least = min(least, starts().pending(text, from, least, wait))
	}
	return least
}

// unsettledLength is how much of what means something else may be before the byte
// that shows it: "=\r" before a line feed.
const unsettledLength = 2

// mayBegin reports whether text may start as some pattern does, as it stands or
// in another way. It may say yes too often.
func (m *matcher) mayBegin(text []byte) bool {
	for _, c := range text[:min(len(text), startLength+unsettledLength)] {
		if c == '\n' || isTrigger(c) {
			return true
		}
	}
	for _, starts := range m.starts {
		if s := starts(); len(text) < startLength || s.likely.maybe(hash(startOf(text))) {
			return true
		}
	}
	return false
}

// begins reports whether some pattern starts with text; see starts.begins.
func (m *matcher) begins(text []byte, wait patience) bool {
	for _, starts := range m.starts {
		if starts().begins(text, wait) {
			return true
		}
	}
	return false
}

// pending returns the first place from on and before limit where a tail of text
// starts that counts, or limit.
func (s *starts) pending(text []byte, from, limit int, wait patience) int {
	for i := from; i < limit; i++ {
		tail := text[i:]
		if len(tail) >= startLength && !s.likely.maybe(hash(startOf(tail))) {
			continue
		}
		if s.begins(tail, wait) {
			return i
		}
	}
	return limit
}

// begins reports whether some pattern starts with tail and is longer, or is
// tail and a token; with little patience, one that tail shows too much of.
func (s *starts) begins(tail []byte, wait patience) bool {
	at := sort.Search(len(s.sorted), func(i int) bool { return compare(s.sorted[i].text, tail) >= 0 })
	for _, p := range s.sorted[at:] {
		if len(p.text) < len(tail) || p.text[:len(tail)] != string(tail) {
			return false
		}
		if len(p.text) == len(tail) && !p.token {
			continue
		}
		if wait != forAWhile || len(tail) > p.mayShow() {
			return true
		}
	}
	return false
}

// maxShown bounds how much of a value's start is shown while its rest may be
// on its way, in bytes.
const maxShown = 12

// mayShow returns how much of the pattern's start may be shown to someone who
// waits for output that a stream holds back: a quarter, or the scheme of a URL,
// which is no secret.
func (p *pattern) mayShow() int {
	return max(min(len(p.text)/4, maxShown), schemeLength(p.text))
}

// schemeLength returns the length of what text has up to "://", if that is the
// scheme of a URL.
func schemeLength(text string) int {
	scheme, _, ok := strings.Cut(text[:min(len(text), 32)], "://")
	if !ok || strings.ContainsFunc(scheme, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
	}) {
		return 0
	}
	return len(scheme) + len("://")
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

// startOf returns the first startLength bytes of text, or what there is.
func startOf[T string | []byte](text T) uint64 {
	if len(text) >= startLength {
		return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24
	}
	var start uint64
	for i := range min(len(text), startLength) {
		start |= uint64(text[i]) << (8 * i)
	}
	return start
}
