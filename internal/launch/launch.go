// Package launch decides what the environment of a launched agent holds: the
// secrets of a project's own path, and none of scrim's credentials. It decides
// the same of a command that is run for an agent with vault secrets (errand.go).
package launch

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"scrim/internal/secret"
	"scrim/internal/store"
)

// Options are what a Plan is made of.
type Options struct {
	Parent   []string       // the environment of this process, as os.Environ has it
	Scope    secret.Scope   // of the agent
	Snapshot store.Snapshot // of the scope's injected and staging places; others play no part
	Allow    []string       // names that are injected although they change how programs load or run code
}

// Plan is what an agent is given. Env alone holds values.
type Plan struct {
	Env      []string      // the agent's whole environment
	Injected []store.Entry // sorted by name
	Refused  []Refusal     // what is not injected, sorted by name
	Replaced []string      // names that the parent's environment has with another value, sorted
}

// Refusal is a secret that is not injected, and why.
type Refusal struct {
	Ref    secret.Ref
	Reason string
}

// New makes the plan of an agent. A secret of staging wins over one of the same
// name at the project's path, even where it cannot be injected itself: what
// staging was to keep away does not come back.
func New(o Options) Plan {
	var p Plan
	added := map[string]string{}
	for _, e := range strongest(o.Snapshot) {
		if reason := refuse(e, o.Allow); reason != "" {
			p.Refused = append(p.Refused, Refusal{e.Ref, reason})
			continue
		}
		p.Injected = append(p.Injected, e)
		added[e.Ref.Name()] = e.Value().Reveal()
	}
	own := map[string]string{"PROJECT_ENV": o.Scope.Environment}
	for _, variable := range o.Parent {
		name, value, _ := strings.Cut(variable, "=")
		instead, replaced := added[name]
		switch {
		case isCredential(name):
		case replaced:
			if value != instead {
				p.Replaced = append(p.Replaced, name)
			}
		case name == "PROJECT_ENV":
		case name == "SCRIM_PROJECT":
			own[name] = o.Scope.Project // what is started in the agent must not look elsewhere
		default:
			p.Env = append(p.Env, variable)
		}
	}
	for _, variables := range []map[string]string{own, added} {
		for name, value := range variables {
			p.Env = append(p.Env, name+"="+value)
		}
	}
	slices.Sort(p.Replaced)
	return p
}

// strongest returns the secrets of s that are for the environment, sorted by
// name, of each name the one whose place comes first.
func strongest(s store.Snapshot) []store.Entry {
	var entries []store.Entry
	seen := map[string]bool{}
	for _, v := range s.Views {
		if v.Place.Location != secret.Injected && v.Place.Location != secret.Staging {
			continue
		}
		for _, e := range v.Entries {
			if !seen[e.Ref.Name()] {
				seen[e.Ref.Name()] = true
				entries = append(entries, e)
			}
		}
	}
	slices.SortFunc(entries, func(a, b store.Entry) int { return cmp.Compare(a.Ref.Name(), b.Ref.Name()) })
	return entries
}

// reference is how Infisical writes a reference to another secret; what is left
// of it after expansion refers to nothing.
var reference = regexp.MustCompile(`\$\{[A-Za-z0-9_.-]+\}`)

// refuse returns why e is not injected, or "".
func refuse(e store.Entry, allow []string) string {
	name := e.Ref.Name()
	switch {
	case isOwn(name):
		return ownName
	case runsCode(name) && !slices.Contains(allow, name):
		return "it changes how programs load or run code; [run] allow in your own scrim/config.toml permits it"
	default:
		return refuseValue(e.Value())
	}
}

const ownName = "it is a name that scrim or Infisical reads itself"

// refuseValue returns why no variable can have a value, or "".
func refuseValue(value secret.Value) string {
	switch {
	case value.IsZero():
		return "this identity may not read its value"
	case strings.Contains(value.Reveal(), "\x00"):
		return "its value has a NUL, which no environment can hold"
	case reference.MatchString(value.Reveal()):
		return "its value refers to a secret that is not there, or that this identity may not read"
	default:
		return ""
	}
}

// isCredential reports whether a variable is one of those that scrim, the
// Infisical CLI and its SDK log in with.
func isCredential(name string) bool {
	rest, ours := strings.CutPrefix(name, "INFISICAL_")
	return ours && slices.ContainsFunc([]string{"TOKEN", "SECRET", "CLIENT_ID", "PASSWORD", "JWT", "KEY", "AUTH"}, func(word string) bool {
		return strings.Contains(rest, word)
	})
}

// isOwn reports whether scrim or Infisical would take orders from a variable.
func isOwn(name string) bool {
	return name == "PROJECT_ENV" || strings.HasPrefix(name, "SCRIM_") || strings.HasPrefix(name, "INFISICAL_")
}
