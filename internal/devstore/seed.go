package devstore

import "fmt"

// Seed is what a Store holds at first, and what the identity of `scrim dev` may
// not do with it.
type Seed struct {
	// Environments holds values by environment slug, path and name. A path
	// without names is an empty folder.
	Environments map[string]map[string]map[string]string
	// Imports holds, by environment and importing path, the paths imported, of
	// which the last one wins.
	Imports map[string]map[string][]string
	// Deny holds paths of which the identity sees nothing, like an empty folder.
	Deny []string
	// DescribeOnly holds paths of which the identity sees names and no values.
	DescribeOnly []string
}

// String counts the environments and shows nothing of what is in them.
func (s Seed) String() string { return fmt.Sprintf("a seed of %d environments", len(s.Environments)) }

// GoString is String, for %#v.
func (s Seed) GoString() string { return s.String() }

// Rules returns what the identity of `scrim dev` may do: read everything but
// what the seed denies.
func (s Seed) Rules() []Rule {
	rules := MayRead()
	if len(s.DescribeOnly) > 0 {
		rules = append(rules, MayNotReadValues(trees(s.DescribeOnly)...)...)
	}
	if len(s.Deny) > 0 {
		rules = append(rules, MayNotSee(trees(s.Deny)...)...)
	}
	return rules
}

// trees makes each path stand for all that is below it too.
func trees(paths []string) []string {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		if path == "/" {
			path = ""
		}
		out = append(out, path+"/**")
	}
	return out
}
