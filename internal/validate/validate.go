// Package validate judges a secret's value by its name, its declared type and
// its environment: empty, a placeholder, not the URL that its name promises.
//
// It is one of the few packages that see plaintext, and what it says of a value
// is one of a fixed set of sentences. A rule that is in doubt says nothing: a
// check that cries wolf is soon turned off.
package validate

import (
	"slices"
	"time"

	"scrim/internal/secret"
)

// Checker judges values. The zero Checker goes by names alone.
type Checker struct {
	// Types is the declared types by name. They win over what a name suggests.
	Types map[string]secret.Type
	// Quiet is types that somebody declared who must not ask what a value is,
	// such as a repository where an agent asks. They undo what a name suggests,
	// and no value is held to them.
	Quiet map[string]secret.Type
	// Vault is the path of a vault, or empty. What lies there is held to VaultTypes
	// in the place of Types.
	Vault      string
	VaultTypes map[string]secret.Type
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

var _ secret.Judge = Checker{}

// Judge says what is wrong with v, the value of ref.
func (c Checker) Judge(ref secret.Ref, v secret.Value) []secret.Problem {
	s := c.subject(ref, v.Reveal())
	var problems []secret.Problem
	for _, r := range Table() {
		if r.broken == nil || s.loose && !r.always || !r.broken(s) {
			continue
		}
		problems = append(problems, r.problem(s.detail(r)))
		if r.last {
			break
		}
	}
	return problems
}

// Credential reports whether v, the value of ref, lets in who has it: a key, a
// token, a password, a URL with one in it. It is in no doubt: what may be a
// setting is none.
func (c Checker) Credential(ref secret.Ref, v secret.Value) bool {
	s := c.subject(ref, v.Reveal())
	const least = 8 // a shorter one is a setting, or nothing worth a comparison
	if s.loose || len(s.trimmed) < least || isSwitch(s.trimmed) || s.mentions("PUBLIC", "PUBLISHABLE") || isInteger(s) {
		return false
	}
	for _, r := range Table() {
		if r.last && r.broken(s) {
			return false
		}
	}
	switch s.form {
	case secret.URL:
		return hasPassword(s.trimmed)
	case secret.PEM:
		return slices.ContainsFunc(s.blocks(), isPrivateKey)
	case secret.JWT, secret.Prefix:
		return true
	case secret.Hex, secret.Base64:
		return s.declared || s.isCredential()
	case secret.Email, secret.Port, secret.UUID, secret.Integer, secret.Boolean:
		return false
	default:
		return s.isCredential() || hasPassword(s.trimmed)
	}
}

// Production reports whether an environment is production, as far as its slug
// says.
func Production(environment string) bool { return stageOf(environment) == production }

// subject is a value with all that a rule may go by.
type subject struct {
	value     string // as it is
	trimmed   string // without white space around it
	words     []string
	form      secret.Type // the kind that the value is to be of, or "" where nothing says
	parameter string      // of the declared type
	declared  bool        // somebody declared the form; else it is the name's
	loose     bool        // declared to be any text
	stage     stage
	now       time.Time
}

func (c Checker) subject(ref secret.Ref, value string) subject {
	s := subject{value: value, trimmed: trim(value), words: wordsOf(ref.Name()), stage: stageOf(ref.Environment()), now: c.now()}
	types := c.Types
	if c.Vault != "" && secret.Under(ref.Path(), c.Vault) {
		types = c.VaultTypes
	}
	quiet, isQuiet := c.Quiet[ref.Name()]
	switch typ, declared := types[ref.Name()]; {
	case declared:
		s.form, s.parameter, s.declared = typ.Kind(), typ.Parameter(), true
		s.loose = s.form == secret.Text
	case isQuiet:
		s.loose = quiet.Kind() == secret.Text
	default:
		s.form = formOf(s.words, s.trimmed)
	}
	return s
}

func (c Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// detail is the sentence for a broken rule.
func (s subject) detail(r Rule) string {
	switch {
	case r.noun == "" || r.ID != string(s.form):
		return r.Sentence
	case s.declared:
		return "the value is declared to be " + r.noun + ", and is not"
	case startsPEM(s.trimmed):
		return "the value begins as PEM does, and is not whole"
	default:
		return "by its name the value is " + r.noun + ", and it does not read as such"
	}
}
