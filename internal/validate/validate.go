// Package validate judges a secret's value by its name, its declared type and
// its environment: empty, a placeholder, not the URL that its name promises.
//
// It is one of the few packages that see plaintext, and what it says of a value
// is one of a fixed set of sentences. A rule that is in doubt says nothing: a
// check that cries wolf is soon turned off.
package validate

import "scrim/internal/secret"

// Checker judges values. The zero Checker goes by names alone.
type Checker struct {
	// Types is the declared types by name. They win over what a name suggests.
	Types map[string]secret.Type
	// Quiet is types that somebody declared who must not ask what a value is,
	// such as a repository where an agent asks. They undo what a name suggests,
	// and no value is held to them.
	Quiet map[string]secret.Type
}

var _ secret.Judge = Checker{}

// Judge says what is wrong with v, the value of ref.
func (c Checker) Judge(ref secret.Ref, v secret.Value) []secret.Problem {
	return c.judge(ref.Name(), ref.Environment(), v)
}

// judge goes through the rules in their order. A rule that leaves no value to
// judge is the last.
func (c Checker) judge(name, environment string, v secret.Value) []secret.Problem {
	s := c.subject(name, environment, v.Reveal())
	var problems []secret.Problem
	for _, r := range rules() {
		if s.loose && !r.always || !r.broken(s) {
			continue
		}
		problems = append(problems, secret.Problem{Verdict: r.verdict, Rule: r.name, Detail: s.detail(r)})
		if r.last {
			break
		}
	}
	return problems
}

// subject is a value with all that a rule may go by.
type subject struct {
	value    string // as it is
	trimmed  string // without white space around it
	words    []string
	form     secret.Type // what the value is to be, or "" where nothing says
	declared bool        // somebody declared the form; else it is the name's
	loose    bool        // declared to be any text
	stage    stage
}

func (c Checker) subject(name, environment, value string) subject {
	s := subject{value: value, trimmed: trim(value), words: wordsOf(name), stage: stageOf(environment)}
	quiet, isQuiet := c.Quiet[name]
	switch s.form, s.declared = c.Types[name]; {
	case s.declared:
		s.loose = s.form == secret.Text
	case isQuiet:
		s.loose = quiet == secret.Text
	default:
		s.form = formOf(s.words, s.trimmed)
	}
	return s
}

// detail is the sentence for a broken rule.
func (s subject) detail(r rule) string {
	switch {
	case r.name != string(s.form):
		return r.detail
	case s.declared:
		return "the value is declared to be " + r.detail + ", and is not"
	case startsPEM(s.trimmed):
		return "the value begins as PEM does, and is not whole"
	default:
		return "by its name the value is " + r.detail + ", and it does not read as such"
	}
}
