package tools

import (
	"errors"
	"strings"

	"golang.org/x/time/rate"

	"scrim/internal/secret"
)

// What the prompt and the resources say of arguments that do not fit. None
// holds what was passed.
var (
	errPromptName   = errors.New("the prompt's argument name: " + secret.ErrBadName.Error() + "; list_secrets has the names")
	errLocation     = errors.New("a resource's location is one of " + strings.Join(locationWords(), ", "))
	errTooManyNames = errors.New("too many names that are not in scope were asked for: wait a minute")
)

// Sayings lists the texts of errors that may go to a client as they are.
func Sayings() []string {
	return []string{errPromptName.Error(), errLocation.Error(), errTooManyNames.Error()}
}

// How many names that are not in scope one session may ask for: some at once,
// then a slow stream. An answer repeats the name, masked, so each such name is
// a guess at a value; and each costs the store requests, of which the free
// cloud tier allows 40 a minute.
const (
	strangeNames          = 100
	strangeNamesPerMinute = 30
)

// NewStrangers returns the bound for one session of an agent.
func NewStrangers() *rate.Limiter {
	return rate.NewLimiter(strangeNamesPerMinute/rate.Limit(60), strangeNames)
}

// admitName reports whether a name may be asked for: those in scope always.
func (d Deps) admitName(name string) error {
	if d.Strangers == nil || d.Store.Peek().Has(name) || d.Strangers.Allow() {
		return nil
	}
	return CallError{"too_many_requests", errTooManyNames.Error(), "list_secrets has the names in scope; ask for those, or wait."}
}
