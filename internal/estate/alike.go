package estate

import (
	"cmp"
	"crypto/rand"
	"slices"

	"scrim/internal/secret"
)

// Holding is a secret that somebody has, and its value.
type Holding struct {
	Project string // empty: the shared source has it
	Ref     secret.Ref
	Value   secret.Value
}

// Alike returns the holdings of one environment that have a value in common under
// different names, or as two projects' own; each group, and the groups, by place
// and name. A project's copy of what the shared source has under the same name is
// the source's, and not its own. Values are compared by a digest whose key is of
// this call alone.
func Alike(holdings []Holding) [][]Holding {
	type place struct {
		environment string
		digest      [32]byte
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	at := func(h Holding) place { return place{h.Ref.Environment(), h.Value.Digest(key)} }
	type named struct {
		place
		name string
	}
	shared := map[named]bool{}
	for _, h := range holdings {
		if h.Project == "" {
			shared[named{at(h), h.Ref.Name()}] = true
		}
	}
	groups := map[place][]Holding{}
	for _, h := range holdings {
		if p := at(h); h.Project == "" || !shared[named{p, h.Ref.Name()}] {
			groups[p] = append(groups[p], h)
		}
	}
	var alike [][]Holding
	for _, group := range groups {
		slices.SortFunc(group, func(a, b Holding) int { return compareRefs(a.Ref, b.Ref) })
		if SeveralProjects(group) || several(group, func(h Holding) string { return h.Ref.Name() }) {
			alike = append(alike, group)
		}
	}
	slices.SortFunc(alike, func(a, b []Holding) int { return compareRefs(a[0].Ref, b[0].Ref) })
	return alike
}

// SeveralProjects reports whether more than one project is in a group. The shared
// source is none.
func SeveralProjects(group []Holding) bool {
	return several(slices.DeleteFunc(slices.Clone(group), func(h Holding) bool { return h.Project == "" }), func(h Holding) string { return h.Project })
}

func several(group []Holding, of func(Holding) string) bool {
	return slices.ContainsFunc(group, func(h Holding) bool { return of(h) != of(group[0]) })
}

func compareRefs(a, b secret.Ref) int {
	return cmp.Or(cmp.Compare(a.Environment(), b.Environment()), cmp.Compare(a.Path(), b.Path()), cmp.Compare(a.Name(), b.Name()))
}
