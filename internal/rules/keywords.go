package rules

import (
	"bytes"
	"slices"
	"strings"
)

// keywords tells in one pass which rules a text can have matches of.
type keywords struct {
	always []int           // rules without a keyword
	starts [1 << 16]uint16 // by a keyword's first two bytes: 1 + where its group lies; 0 is none
	groups [][]keyword
}

// keyword is a word and the rules that it calls for.
type keyword struct {
	word  string
	rules []int
}

func newKeywords(rules []*rule) *keywords {
	k := &keywords{}
	for i, r := range rules {
		if len(r.Keywords) == 0 {
			k.always = append(k.always, i)
		}
		for _, word := range r.Keywords {
			word = strings.ToLower(word)
			if len(word) < 2 {
				k.always = append(k.always, i) // too short to look for
				continue
			}
			k.add(word, i)
		}
	}
	return k
}

func (k *keywords) add(word string, rule int) {
	start := &k.starts[uint16(word[0])<<8|uint16(word[1])]
	if *start == 0 {
		k.groups = append(k.groups, nil)
		*start = uint16(len(k.groups)) //nolint:gosec // G115: there are some hundred keywords
	}
	group := &k.groups[*start-1]
	i := slices.IndexFunc(*group, func(w keyword) bool { return w.word == word })
	if i < 0 {
		i = len(*group)
		*group = append(*group, keyword{word: word})
	}
	(*group)[i].rules = append((*group)[i].rules, rule)
}

// about returns the rules that text has a keyword of, in the file's order.
func (f *file) about(text []byte) []*rule {
	wanted := make([]bool, len(f.Rules))
	for _, i := range f.keywords.always {
		wanted[i] = true
	}
	f.keywords.mark(wanted, bytes.ToLower(text))
	var rules []*rule
	for i, r := range f.Rules {
		if wanted[i] {
			rules = append(rules, r)
		}
	}
	return rules
}

// mark sets wanted for each rule that has a keyword in lower.
func (k *keywords) mark(wanted []bool, lower []byte) {
	seen := make([]bool, len(k.groups))
	for i := 0; i+1 < len(lower); i++ {
		group := k.starts[uint16(lower[i])<<8|uint16(lower[i+1])]
		if group == 0 || seen[group-1] {
			continue
		}
		left := 0
		for _, w := range k.groups[group-1] {
			switch {
			case wanted[w.rules[0]] && !slices.ContainsFunc(w.rules, func(r int) bool { return !wanted[r] }):
			case bytes.HasPrefix(lower[i:], []byte(w.word)):
				for _, r := range w.rules {
					wanted[r] = true
				}
			default:
				left++
			}
		}
		seen[group-1] = left == 0
	}
}
