package secret

import (
	"errors"
	"fmt"
	"time"
)

// The closed set of ways in which a store refuses or fails. The adapter to the
// store wraps them with what it was doing; everyone else tells them apart with
// errors.Is (and errors.As for *RateLimitedError).
var (
	ErrUnauthenticated = errors.New("the store does not accept this identity's credentials")
	ErrForbidden       = errors.New("this identity is not allowed to do that")
	ErrPathNotFound    = errors.New("the store has no such path or environment")
	ErrNoProject       = errors.New("the store has no project with this id")
	ErrNotFound        = errors.New("the store has no such secret")
	ErrExists          = errors.New("the store has one of that name already")
	ErrAwaitsApproval  = errors.New("the store has made it a request, which somebody has to approve there")
	ErrRateLimited     = errors.New("the store limits the rate of requests")
	ErrUnavailable     = errors.New("the store cannot be reached")
	ErrBadResponse     = errors.New("the store's answer is not what it should be")
)

// RateLimitedError is ErrRateLimited with the time after which the store
// invites another try.
type RateLimitedError struct{ After time.Duration }

// Error says how long to wait.
func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("%v: try again in %s", ErrRateLimited, e.After.Round(time.Second))
}

// Is makes errors.Is(err, ErrRateLimited) hold.
func (e *RateLimitedError) Is(target error) bool { return target == ErrRateLimited }

// Listing is one folder as the store listed it, imports included.
type Listing struct {
	ETag        string // for the next conditional list of the same folder
	NotModified bool   // the folder is as it was under the ETag that was sent; nothing else is set

	Secrets []Listed
	Refused []Value // values under names that scrim cannot address; known to the redactor all the same
	Silent  []Place // what the folder imports from, and nothing of it was listed
	Hidden  bool    // this identity may see names and not values
	// Unexpanded says that the store would not expand every ${reference}, so
	// values are as they were written.
	Unexpanded bool
}

// Draft is a secret to be written.
type Draft struct {
	Name    string
	Value   Value
	Comment string
}

// Listed is one secret of a Listing.
type Listed struct {
	Entry    Entry  // Ref addresses the listed folder; Location is for the caller to set
	Value    Value  // the zero Value where it is hidden
	Imported string // "env:/path" that it was imported from, or empty
}
