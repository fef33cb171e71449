package devstore

import (
	"slices"
	"strings"
	"time"

	"scrim/internal/secret"
)

// Action is something that a Rule gives or takes away, as the wire spells it.
type Action string

// The actions that this store knows. Describe and ReadValue are for secrets,
// the others for secrets and folders.
const (
	Describe  Action = "describeSecret"
	ReadValue Action = "readValue"
	Create    Action = "create"
	Edit      Action = "edit"
	Remove    Action = "delete"
)

// Subject is the kind of thing that a Rule is about, as the wire spells it.
type Subject string

// The subjects that this store knows.
const (
	Secrets Subject = "secrets"
	Folders Subject = "secret-folders"
)

// Rule gives an identity actions on a subject, or takes them away. Of the rules
// that fit, the last one counts.
type Rule struct {
	Actions []Action
	Subject Subject
	Inverse bool   // takes the actions away
	Path    string // "/alpha" itself, or "/alpha/**" with all that is below it too; empty: every path
}

// MayRead gives names and values at the paths, or everywhere.
func MayRead(paths ...string) []Rule {
	return rulesOn(Rule{Actions: []Action{Describe, ReadValue}, Subject: Secrets}, paths)
}

// MayDescribe gives names without values at the paths, or everywhere.
func MayDescribe(paths ...string) []Rule {
	return rulesOn(Rule{Actions: []Action{Describe}, Subject: Secrets}, paths)
}

// MayWrite gives writing of secrets and folders at the paths, or everywhere.
// It does not give reading.
func MayWrite(paths ...string) []Rule {
	write := []Action{Create, Edit, Remove}
	return slices.Concat(
		rulesOn(Rule{Actions: write, Subject: Secrets}, paths),
		rulesOn(Rule{Actions: write, Subject: Folders}, paths))
}

// MayNotSee takes names and values at the paths away: their lists are silently
// empty and a get there is refused.
func MayNotSee(paths ...string) []Rule {
	return rulesOn(Rule{Actions: []Action{Describe, ReadValue}, Subject: Secrets, Inverse: true}, paths)
}

// MayNotReadValues takes values at the paths away and leaves the names.
func MayNotReadValues(paths ...string) []Rule {
	return rulesOn(Rule{Actions: []Action{ReadValue}, Subject: Secrets, Inverse: true}, paths)
}

// rulesOn repeats r for each path. Without a path it is r itself.
func rulesOn(r Rule, paths []string) []Rule {
	if len(paths) == 0 {
		return []Rule{r}
	}
	rules := make([]Rule, 0, len(paths))
	for _, path := range paths {
		r.Path = path
		rules = append(rules, r)
	}
	return rules
}

// Identity is a machine identity. One without rules is no member of the
// project: it can log in and is refused everything else.
type Identity struct {
	Name   string
	Rules  []Rule
	TTL    time.Duration // of a token; zero: 30 days
	MaxTTL time.Duration // to which renewals can stretch a token; zero: 30 days
}

// fits reports whether r is about path. An empty path stands for no place in
// particular, on which every rule that gives counts and none that takes away
// from a part.
func (r Rule) fits(path string) bool {
	switch tree, deep := strings.CutSuffix(r.Path, "/**"); {
	case r.Path == "":
		return true
	case path == "":
		return !r.Inverse
	case deep:
		return secret.Under(path, cleanPath(tree))
	default:
		return path == r.Path
	}
}

// about reports whether r says anything of action on subject, wherever.
func (r Rule) about(action Action, subject Subject) bool {
	return r.Subject == subject && slices.Contains(r.Actions, action)
}

// allows reports whether rules give action on subject at path. The empty path
// asks whether they give it anywhere.
func allows(rules []Rule, action Action, subject Subject, path string) bool {
	for _, r := range slices.Backward(rules) {
		if r.about(action, subject) && r.fits(path) {
			return !r.Inverse
		}
	}
	return false
}

// require returns nil if rules give action on subject at path, and otherwise
// the server's refusal, which carries the identity's own rules.
func require(rules []Rule, action Action, subject Subject, path string) error {
	if allows(rules, action, subject, path) {
		return nil
	}
	details := []wireRule{}
	for _, r := range slices.Backward(rules) {
		if r.about(action, subject) {
			details = append(details, r.wire())
		}
	}
	return forbidden("PermissionDenied", "You are not allowed to "+string(action)+" on "+string(subject), details)
}

// wireRule is a Rule in the details of a refusal.
type wireRule struct {
	Action     []Action       `json:"action"`
	Inverted   bool           `json:"inverted"`
	Subject    []Subject      `json:"subject"`
	Conditions map[string]any `json:"conditions,omitempty"`
}

func (r Rule) wire() wireRule {
	w := wireRule{Action: r.Actions, Inverted: r.Inverse, Subject: []Subject{r.Subject}}
	switch {
	case r.Path == "":
	case strings.HasSuffix(r.Path, "/**"):
		w.Conditions = map[string]any{"secretPath": map[string]any{"$glob": r.Path}}
	default:
		w.Conditions = map[string]any{"secretPath": map[string]any{"$in": []string{r.Path}}}
	}
	return w
}
