// Package scan finds secrets in text: those that scrim knows by their values,
// in every encoding that the redactor looks for, and unknown ones by how they
// look.
package scan

import (
	"cmp"
	"context"
	"slices"

	"scrim/internal/rules"
	"scrim/internal/secret"
	"scrim/redact"
)

// Kind says how a secret was found.
type Kind string

// The kinds.
const (
	Known   Kind = "known"   // it is a value that scrim knows
	Pattern Kind = "pattern" // it looks like a secret
)

// Spot is one place in a text. It holds no byte of it.
type Spot struct {
	Start, End int
	Kind       Kind
	Encoding   redact.Encoding
	Refs       []secret.Ref // of a known value: every name that it has; empty where it has none
	Rule       string       // of a pattern
}

// rulePrefix marks a rule among names. A secret's name cannot have a colon.
const rulePrefix = "gitleaks:"

// Names returns what a spot is called: the names of a known value, each once,
// or the rule as "gitleaks:ID". A known value without a name has one empty one.
func (s Spot) Names() []string {
	if s.Kind == Pattern {
		return []string{rulePrefix + s.Rule}
	}
	var names []string
	for _, ref := range s.Refs {
		if !slices.Contains(names, ref.Name()) {
			names = append(names, ref.Name())
		}
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// Scanner looks for secrets. It is safe for concurrent use.
type Scanner struct {
	Redactor *redact.Redactor // nil: no value is known
	Rules    *rules.Set
}

// Text returns the spots in text, sorted by place; those of patterns may
// overlap. The name is that of the file that text is from, with slashes, or
// empty. What a pattern finds within a known value is that value, and no spot
// of its own.
func (s Scanner) Text(ctx context.Context, name string, text []byte) ([]Spot, error) {
	var spots []Spot
	if s.Redactor != nil {
		_, hits := s.Redactor.Bytes(nil, text)
		for _, h := range hits {
			spots = append(spots, Spot{Start: h.Start, End: h.End, Kind: Known, Encoding: h.Encoding, Refs: h.Refs})
		}
	}
	known := len(spots)
	found, err := s.Rules.Find(ctx, name, text)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		if !covered(spots[:known], f.Start, f.End) {
			spots = append(spots, Spot{Start: f.Start, End: f.End, Kind: Pattern, Encoding: redact.Plain, Rule: f.Rule})
		}
	}
	slices.SortStableFunc(spots, func(a, b Spot) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	return spots, nil
}

// covered reports whether one of the spots, which are sorted and apart, holds
// all from start to end.
func covered(spots []Spot, start, end int) bool {
	i, _ := slices.BinarySearchFunc(spots, start, func(s Spot, start int) int { return cmp.Compare(s.End, start+1) })
	return i < len(spots) && spots[i].Start <= start && end <= spots[i].End
}

// marker stands for what was masked.
const marker = "[redacted]"

// Mask returns text with every spot masked: a known value by its name where it
// has one, everything else by "[redacted]". The spots are sorted, as Text
// returns them.
func Mask(text []byte, spots []Spot) []byte {
	masked := make([]byte, 0, len(text))
	done := 0
	for i := 0; i < len(spots); {
		end, label := spots[i].End, spots[i].marker()
		next := i + 1
		for ; next < len(spots) && (spots[next].Start < end || spots[next].Start == spots[i].Start); next++ {
			if spots[next].End > end {
				end, label = spots[next].End, marker
			}
		}
		masked = append(append(masked, text[done:spots[i].Start]...), label...)
		done, i = end, next
	}
	return append(masked, text[done:]...)
}

// marker is what stands for a spot. It has no byte that JSON, a shell or HTML
// would escape.
func (s Spot) marker() string {
	if names := s.Names(); s.Kind == Known && len(names) == 1 && names[0] != "" {
		return "[redacted:" + names[0] + "]"
	}
	return marker
}
