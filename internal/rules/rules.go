// Package rules finds what looks like a secret by the rules of gitleaks: a
// provider's token, a private key, a password in an assignment.
//
// The rules are the file of the gitleaks module, as it is; what runs them is
// this package, since gitleaks' own detector brings along more than the rest of
// scrim (docs/decisions/0005-gitleaks-rules-without-gitleaks.md). The tests in
// upstream hold both to the same findings.
package rules

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
)

// Finding is one place in a text that a rule takes for a secret. It holds no
// byte of it.
type Finding struct {
	Rule  string // gitleaks' id, such as private-key
	Start int    // of the secret, in the text, in bytes
	End   int

	line  int  // on which the rule's match starts
	match span // what the rule matched, the secret and its surroundings
}

type span struct{ start, end int }

// Set is gitleaks' rules. They are read when first asked for, and each pattern
// is compiled when first needed. A Set is safe for concurrent use.
type Set struct{ load func() (*file, error) }

// New returns the rules without reading them.
func New() *Set { return &Set{load: sync.OnceValues(parse)} }

// Find returns what the rules find in text, sorted by place. The name is that
// of the file that text is from, with slashes, or empty: some rules are for
// some files, and some files have no secrets. It ends early with ctx.
//
// As with gitleaks, a line that holds "gitleaks:allow" has none.
func (s *Set) Find(ctx context.Context, name string, text []byte) ([]Finding, error) {
	rules, err := s.load()
	if err != nil {
		return nil, err
	}
	if rules.Allow.pathAllowed(name) {
		return nil, nil
	}
	var findings []Finding
	lower := lowerASCII(text)
	for _, r := range rules.about(text) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		findings = append(findings, rules.apply(r, name, text, lower)...)
	}
	findings = withoutGeneric(findings, text)
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Rule, b.Rule))
	})
	return findings, nil
}

// ByName returns the ids of the rules that take a file for a secret for its
// name alone, such as a key store.
func (s *Set) ByName(name string) ([]string, error) {
	rules, err := s.load()
	if err != nil || name == "" || rules.Allow.pathAllowed(name) {
		return nil, err
	}
	var ids []string
	for _, r := range rules.Rules {
		if r.Regex == "" && !r.pathAllowed(name) && r.path().MatchString(name) {
			ids = append(ids, r.ID)
		}
	}
	return ids, nil
}

// apply returns what r finds in text.
func (f *file) apply(r *rule, name string, text, lower []byte) []Finding {
	if r.Regex == "" || r.pathAllowed(name) || r.Path != "" && !r.path().MatchString(name) {
		return nil
	}
	var findings []Finding
	for _, at := range r.finder().findAll(text, lower) {
		c := candidate{file: name, match: trimLines(text, at[0], at[1])}
		c.line = lineOf(text, c.match)
		if bytes.Contains(text[c.line.start:c.line.end], []byte("gitleaks:allow")) {
			continue
		}
		c.secret = r.secretIn(text, c.match)
		if !r.random(text[c.secret.start:c.secret.end]) || c.allowed(text, f.Allow) || c.allowed(text, r.Allowlists...) {
			continue
		}
		findings = append(findings, Finding{
			Rule: r.ID, Start: c.secret.start, End: c.secret.end,
			line: bytes.Count(text[:min(at[0]+1, len(text))], []byte("\n")), match: c.match,
		})
	}
	return findings
}

// trimLines leaves out the line ends around text[start:end].
func trimLines(text []byte, start, end int) span {
	for start < end && text[start] == '\n' {
		start++
	}
	for start < end && text[end-1] == '\n' {
		end--
	}
	return span{start, end}
}

// lineOf returns the lines that s stands on.
func lineOf(text []byte, s span) span {
	line := span{bytes.LastIndexByte(text[:s.start], '\n') + 1, len(text)}
	if next := bytes.IndexByte(text[s.end:], '\n'); next >= 0 {
		line.end = s.end + next
	}
	return line
}

// secretIn returns the part of a match that is the secret: the group that the
// rule names, else the first that is not empty, else all of it.
func (r *rule) secretIn(text []byte, match span) span {
	groups := r.finder().pattern.FindSubmatchIndex(text[match.start:match.end])
	for group := 1; group < len(groups)/2; group++ {
		start, end := groups[2*group], groups[2*group+1]
		if r.SecretGroup == group || r.SecretGroup == 0 && start < end {
			return span{match.start + max(start, 0), match.start + max(end, 0)}
		}
	}
	return match
}

// withoutGeneric leaves out what a generic rule found where another rule found
// the same and says more.
func withoutGeneric(findings []Finding, text []byte) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool {
		return isGeneric(f.Rule) && slices.ContainsFunc(findings, func(other Finding) bool {
			return !isGeneric(other.Rule) && other.line == f.line &&
				bytes.Contains(text[other.Start:other.End], text[f.Start:f.End])
		})
	})
}

func isGeneric(id string) bool { return strings.Contains(id, "generic") }
