package redact

import (
	"cmp"
	"slices"

	"scrim/internal/secret"
)

// Hit is one masked interval of a text. It holds no byte of it.
type Hit struct {
	Refs     []secret.Ref // whose value it is; empty where no name is known, several where values merged
	Start    int          // in the source, in bytes
	End      int
	Encoding Encoding
}

// unnamed is the marker for a value without a name, and for several in one.
const unnamed = "[redacted]"

// The parts of a marker with a name. secret.ParseRef makes names so plain that
// a marker needs no escape in JSON, shell or HTML.
const (
	markerStart = "[redacted:"
	markerEnd   = "]"
)

// span is an interval to mask and what to put there.
type span struct {
	start, end int
	marker     string
	refs       []secret.Ref
	encoding   Encoding
}

// sortSpans sorts spans by their start, of those with the same the longest first.
func sortSpans(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.end, a.end))
	})
	return spans
}

// union merges those of the sorted spans that overlap, in place. An interval
// that one span covers keeps that span's marker; where several make it up only
// together, it keeps no name unless all have the same.
func union(spans []span) []span {
	merged := spans[:0]
	for _, s := range spans {
		if len(merged) == 0 || s.start >= merged[len(merged)-1].end {
			merged = append(merged, s)
			continue
		}
		merged[len(merged)-1].absorb(s)
	}
	return merged
}

// absorb merges other, which starts within s and sorts after it, into s.
func (s *span) absorb(other span) {
	if other.end < s.end || other.end == s.end && other.start > s.start {
		return
	}
	if other.start == s.start && other.end == s.end && (len(s.refs) == 0) != (len(other.refs) == 0) {
		if len(s.refs) == 0 { // a name beats none
			s.marker, s.refs = other.marker, other.refs
		}
		return
	}
	s.end = other.end
	if s.marker != other.marker {
		s.marker = unnamed
	}
	if s.encoding != other.encoding {
		s.encoding = Mixed
	}
	if !slices.Equal(s.refs, other.refs) {
		s.refs = mergeRefs(s.refs, other.refs)
	}
}

// mergeRefs returns the sorted union of two lists, in a list of its own.
func mergeRefs(a, b []secret.Ref) []secret.Ref {
	all := slices.Concat(a, b)
	slices.SortFunc(all, compareRefs)
	return slices.Compact(all)
}

func compareRefs(a, b secret.Ref) int {
	return cmp.Or(
		cmp.Compare(a.Environment(), b.Environment()),
		cmp.Compare(a.Path(), b.Path()),
		cmp.Compare(a.Name(), b.Name()),
	)
}
