package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// maxSuggestions bounds did_you_mean.
const maxSuggestions = 3

// suggest returns the names of the snapshot that resemble name, the nearest
// first: misspelt, or with the same words in another order or number.
func suggest(name string, s Snapshot) []string {
	distances := map[string]int{}
	for _, v := range s.Views {
		for _, e := range v.Entries {
			if e.Ref.Name() == name {
				continue // found, in the shared source
			}
			if d, near := distance(name, e.Ref.Name()); near {
				distances[e.Ref.Name()] = d
			}
		}
	}
	names := make([]string, 0, len(distances))
	for candidate := range distances {
		names = append(names, candidate)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(distances[a], distances[b]), cmp.Compare(a, b))
	})
	return names[:min(len(names), maxSuggestions)]
}

// distance returns how far apart two names are, and whether that is near
// enough to be worth a suggestion. Only names in scope are ever candidates.
func distance(asked, have string) (int, bool) {
	a, b := words(asked), words(have)
	joinedA, joinedB := strings.Join(a, ""), strings.Join(b, "")
	edits := levenshtein.ComputeDistance(joinedA, joinedB)
	if edits <= max(1, len(joinedA)/4) {
		return edits, true
	}
	if contains(a, b) || contains(b, a) {
		return len(joinedA) + edits, true
	}
	return 0, false
}

// contains reports whether every word of inner, of which there are two at
// least, is a word of outer.
func contains(outer, inner []string) bool {
	if len(inner) < 2 {
		return false
	}
	return !slices.ContainsFunc(inner, func(word string) bool { return !slices.Contains(outer, word) })
}

func words(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
}
