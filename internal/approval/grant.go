package approval

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"scrim/internal/audit"
	"scrim/internal/secret"
)

// Grant permits one read of the secrets of one request. Only Gate.Admit makes
// one; the zero Grant refuses. Copies share the one use.
type Grant struct{ grant *grant }

type grant struct {
	gate  *Gate
	about subject
	id    string
	until time.Time
	spent atomic.Bool
}

// ID returns the request's id, empty for the zero Grant.
func (g Grant) ID() string {
	if g.grant == nil {
		return ""
	}
	return g.grant.id
}

// Redeem returns the secrets that the grant is for. It succeeds once, within
// 30 seconds of the grant; every other try is refused and put on record.
func (g Grant) Redeem() ([]secret.Ref, error) {
	if g.grant == nil {
		return nil, ErrNotGranted
	}
	return g.grant.redeem()
}

// Void spends the grant without a use, puts the reason on record, and returns
// it. What has come apart since the yes is not what the person said yes to.
func (g Grant) Void(reason error) error {
	if g.grant == nil {
		return fmt.Errorf("%w: %w", ErrNotGranted, reason)
	}
	g.grant.spent.Store(true)
	return g.grant.gate.refuse(g.grant.about, g.grant.id, reason)
}

// Ended puts the end of the command on record that was given what the grant is
// for.
func (g Grant) Ended(exitCode int, timedOut bool) error {
	if g.grant == nil {
		return ErrNotGranted
	}
	e := g.grant.about.event(audit.Ended, g.grant.id)
	e.ExitCode, e.TimedOut = &exitCode, timedOut
	return g.grant.gate.append(e, nil)
}

func (g *grant) redeem() ([]secret.Ref, error) {
	if g.spent.Swap(true) {
		return nil, g.refuse("it was used before")
	}
	if past(time.Now(), g.until) {
		return nil, g.refuse("it was not used in time")
	}
	return slices.Clone(g.about.request.Refs), nil
}

func (g *grant) refuse(why string) error {
	return g.gate.refuse(g.about, g.id, fmt.Errorf("%w: %s", ErrNotGranted, why))
}

// past reports whether deadline is over, by whichever clock is further: the
// monotonic one stands still while a laptop sleeps.
func past(now, deadline time.Time) bool {
	return !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0))
}
