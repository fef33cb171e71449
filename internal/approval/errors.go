package approval

import (
	"errors"
	"fmt"
	"time"

	"scrim/internal/secret"
	"scrim/policy"
)

// Why no value leaves. Callers tell them apart with errors.Is, and find the
// details with errors.As on *PolicyError and *CooldownError.
var (
	ErrDenied      = errors.New("denied")
	ErrUnavailable = errors.New("nobody could be asked")
	ErrAway        = errors.New("the user of this machine who is to decide is not there")
	ErrUnproved    = errors.New("this needs a yes that a person proves, and nobody is enrolled for that")
	ErrUnrecorded  = errors.New("the decision could not be put on the audit trail")
	ErrExpired     = errors.New("the question closed before an answer came")
	ErrWithdrawn   = errors.New("the request was withdrawn")
	ErrCooldown    = errors.New("a person said no to this a moment ago")
	ErrTooMany     = errors.New("too many requests")
	ErrBadAnswer   = errors.New("the answer does not belong to this request")
	ErrNotGranted  = errors.New("there is no grant for this")
)

// PolicyError is an ErrDenied that the policy decided. Nobody was asked.
type PolicyError struct {
	Ref    secret.Ref // the zero Ref where the request as a whole was refused
	Rule   string     // one of policy's Rule constants, or this package's
	Origin string     // where that rule is written, such as "scrim.toml:12"; empty or policy.ByDefault where it is scrim's own

	// What is possible instead, where the policy lets the secret be used in another
	// way, or by other commands.
	Deliveries []policy.Delivery
	Commands   []policy.Command
}

// Error says which rule denies.
func (e *PolicyError) Error() string {
	if e.Ref.IsZero() {
		return fmt.Sprintf("%v by policy: %s", ErrDenied, e.Reason())
	}
	return fmt.Sprintf("%v by policy: %v: %s", ErrDenied, e.Ref, e.Reason())
}

// Reason is the rule, and where it is written.
func (e *PolicyError) Reason() string { return written(e.Rule, e.Origin) }

// Is makes errors.Is(err, ErrDenied) hold.
func (e *PolicyError) Is(target error) bool { return target == ErrDenied }

// CooldownError is ErrCooldown with the time at which it ends.
type CooldownError struct{ Until time.Time }

// Error says until when nobody is asked.
func (e *CooldownError) Error() string {
	return fmt.Sprintf("%v: nobody is asked again before %s", ErrCooldown, e.Until.Format(time.TimeOnly))
}

// Is makes errors.Is(err, ErrCooldown) hold.
func (e *CooldownError) Is(target error) bool { return target == ErrCooldown }
