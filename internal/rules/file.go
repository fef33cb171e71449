package rules

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// packed is gitleaks' file of rules. It is compressed, since it lists keys of
// examples that scanners, this one too, take for real ones. `make rules` writes
// it.
//
//go:embed gitleaks.toml.gz
var packed []byte

// file is gitleaks' file of rules. A field that it does not know is an error:
// what a rule asks for is done or the rule is not used.
type file struct {
	Title       string    `toml:"title"`
	Description string    `toml:"description"`
	MinVersion  string    `toml:"minVersion"`
	Allow       allowlist `toml:"allowlist"`
	Rules       []*rule   `toml:"rules"`

	keywords *keywords
}

// rule says how one kind of secret looks.
type rule struct {
	ID          string      `toml:"id"`
	Description string      `toml:"description"`
	Regex       string      `toml:"regex"`
	Path        string      `toml:"path"` // of files that it is for
	SecretGroup int         `toml:"secretGroup"`
	Entropy     float64     `toml:"entropy"`  // of a secret at least, in bits a character; 0 is any
	Keywords    []string    `toml:"keywords"` // a text without any has no match; none: every text may have
	Allowlists  []allowlist `toml:"allowlists"`

	finder func() *finder
	path   func() *regexp.Regexp
}

// allowlist says what is no secret though it looks like one.
type allowlist struct {
	Description string   `toml:"description"`
	Condition   string   `toml:"condition"` // AND: all of it; else any of it
	Paths       []string `toml:"paths"`
	RegexTarget string   `toml:"regexTarget"` // match, line, or else the secret
	Regexes     []string `toml:"regexes"`
	StopWords   []string `toml:"stopwords"`

	regex func() *regexp.Regexp // nil where there is none
	path  func() *regexp.Regexp
}

// parse reads the embedded rules.
func parse() (*file, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read the rules for unknown secrets: %w", err)
	}
	return parseFile(unpacked)
}

func parseFile(r io.Reader) (*file, error) {
	f := &file{}
	if err := toml.NewDecoder(r).DisallowUnknownFields().Decode(f); err != nil {
		return nil, fmt.Errorf("read the rules for unknown secrets: %w", err)
	}
	f.Allow.prepare()
	for _, r := range f.Rules {
		r.finder = sync.OnceValue(func() *finder { return newFinder(r.Regex) })
		r.path = lazily(r.Path)
		for i := range r.Allowlists {
			r.Allowlists[i].prepare()
		}
	}
	f.keywords = newKeywords(f.Rules)
	return f, nil
}

// lazily returns a function that compiles pattern at its first call.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }) // a test compiles them all
}

func (a *allowlist) prepare() {
	// Joined as gitleaks joins them: a flag such as (?i) holds for what follows.
	if len(a.Regexes) > 0 {
		a.regex = lazily("(?:" + strings.Join(a.Regexes, "|") + ")")
	}
	if len(a.Paths) > 0 {
		a.path = lazily("(?:" + strings.Join(a.Paths, "|") + ")")
	}
	for i, word := range a.StopWords {
		a.StopWords[i] = strings.ToLower(word)
	}
}

// pathAllowed reports whether the rule has nothing to say about a file.
func (r *rule) pathAllowed(name string) bool {
	return slices.ContainsFunc(r.Allowlists, func(a allowlist) bool { return a.pathAllowed(name) })
}

// pathAllowed reports whether all that a file called name holds is allowed.
func (a *allowlist) pathAllowed(name string) bool {
	if name == "" || a.path == nil || a.all() && (a.regex != nil || len(a.StopWords) > 0) {
		return false
	}
	return a.path().MatchString(name)
}

func (a *allowlist) all() bool { return strings.EqualFold(a.Condition, "AND") || a.Condition == "&&" }

// candidate is what a rule matched, before it is known to be a finding.
type candidate struct {
	file                string
	match, line, secret span
}

// allowed reports whether one of the lists says that c is no secret.
func (c candidate) allowed(text []byte, lists ...allowlist) bool {
	return slices.ContainsFunc(lists, func(a allowlist) bool { return a.allows(c, text) })
}

func (a *allowlist) allows(c candidate, text []byte) bool {
	target := c.secret
	switch a.RegexTarget {
	case "match":
		target = c.match
	case "line":
		target = c.line
	}
	byRegex := a.regex != nil && target.start < target.end && a.regex().Match(text[target.start:target.end])
	byWord := a.hasStopWord(text[c.secret.start:c.secret.end])
	if !a.all() {
		return byRegex || byWord
	}
	return (a.path == nil || c.file != "" && a.path().MatchString(c.file)) &&
		(a.regex == nil || byRegex) && (len(a.StopWords) == 0 || byWord)
}

func (a *allowlist) hasStopWord(secret []byte) bool {
	lower := string(bytes.ToLower(secret))
	return slices.ContainsFunc(a.StopWords, func(word string) bool { return strings.Contains(lower, word) })
}

// random reports whether secret is as random as the rule wants it.
func (r *rule) random(secret []byte) bool {
	return r.Entropy == 0 || entropy(secret) > r.Entropy
}

// entropy is Shannon's, as gitleaks computes it: counted in characters, divided
// by the length in bytes.
func entropy(text []byte) float64 {
	counts := make(map[rune]int)
	for _, r := range string(text) {
		counts[r]++
	}
	bits := 0.0
	for _, n := range counts {
		share := float64(n) / float64(len(text))
		bits -= share * math.Log2(share)
	}
	return bits
}
