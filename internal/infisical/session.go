package infisical

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"
	auth "github.com/infisical/go-sdk/packages/api/auth"

	"scrim/internal/secret"
)

const (
	// refusalHold is how long scrim stays away after a refused login that may
	// go well later. Three refusals in 30 s lock an identity for 300 s, for
	// everyone who uses it.
	refusalHold = time.Minute
	// renewPause is how long a token is used on after its renewal failed.
	renewPause = 5 * time.Second
	// maxTTL bounds what a server can claim, in seconds.
	maxTTL = 10 * 365 * 24 * 60 * 60
)

// lease is an access token and the times at which something is to be done
// about it. A zero time is one that the server did not set.
type lease struct {
	token     secret.Value
	serial    int           // tells leases of one session apart
	ttl       time.Duration // from one renewal to the next expiry
	refreshAt time.Time
	expires   time.Time
	lastDay   time.Time // when the maximum TTL ends and no renewal helps
}

func (l lease) fresh(now time.Time) bool {
	return !l.token.IsZero() && (l.refreshAt.IsZero() || now.Before(l.refreshAt))
}

func (l lease) alive(now time.Time) bool {
	return !l.token.IsZero() && (l.expires.IsZero() || now.Before(l.expires))
}

// renewable reports whether a renewal would give the token noticeably more
// time than it has.
func (l lease) renewable(now time.Time) bool {
	return l.alive(now) && (l.lastDay.IsZero() || l.lastDay.Sub(l.expires) > l.ttl/5)
}

// postponed is l for a little longer, because it could not be refreshed.
func (l lease) postponed(now time.Time) lease {
	l.refreshAt = now.Add(renewPause)
	if !l.expires.IsZero() && l.expires.Before(l.refreshAt) {
		l.refreshAt = l.expires
	}
	return l
}

// session keeps the identity's access token alive. Callers that need a new one
// at the same time share one login; one of them makes it, in its own time.
type session struct {
	wire     *wire
	identity Identity
	learn    func(secret.Value)

	mu      sync.Mutex
	current lease
	flight  *flight // nil while nobody refreshes

	// Of the one that refreshes only: flights do not overlap.
	serial int
	hold   hold
}

// flight is one refresh and its outcome, for all who wait for it.
type flight struct {
	done  chan struct{}
	lease lease
	err   error
	// abandoned says that the caller who made the refresh ran out of time or
	// left. Its error is its own; the others try again.
	abandoned bool
}

// hold keeps scrim from logging in: for a while, or with one proof for good.
type hold struct {
	since, until time.Time    // a zero until is for good
	shown        secret.Value // what was refused; zero: any
	refused      *refusedError
}

// token returns a living token to make a request with.
func (s *session) token(ctx context.Context) (lease, error) {
	if s.identity.fixed() {
		return lease{token: s.identity.token}, nil
	}
	for {
		f, mine, l := s.join()
		if f == nil {
			return l, nil
		}
		if mine {
			s.fly(ctx, f, l)
			return f.lease, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return lease{}, fmt.Errorf("log in: %w", interrupted(ctx))
		}
		if !f.abandoned {
			return f.lease, f.err
		}
	}
}

// join returns the current lease, and where that is due the refresh to wait
// for; mine is true for the one caller who has to make it.
func (s *session) join() (f *flight, mine bool, l lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.fresh(time.Now()) {
		return nil, false, s.current
	}
	if s.flight != nil {
		return s.flight, false, lease{}
	}
	s.flight = &flight{done: make(chan struct{})}
	return s.flight, true, s.current
}

// fly makes the refresh f.
func (s *session) fly(ctx context.Context, f *flight, old lease) {
	f.abandoned = true
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flight = nil
		if f.err == nil && !f.abandoned {
			s.current = f.lease
		}
		close(f.done)
	}()
	f.lease, f.err = s.refresh(ctx, old)
	f.abandoned = f.err != nil && ctx.Err() != nil
}

// drop forgets a token that the store refused, and reports whether there can
// be another.
func (s *session) drop(l lease) bool {
	if s.identity.fixed() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.serial == l.serial {
		s.current = lease{}
	}
	return true
}

// refresh renews old where that gives it more time, and logs in elsewhere. A
// token that still lives outlasts a server that cannot be reached.
func (s *session) refresh(ctx context.Context, old lease) (lease, error) {
	if s.identity.kind == kindBorrowed {
		return s.borrowed(ctx, old)
	}
	var l lease
	var err error
	renewable := old.renewable(time.Now())
	if renewable {
		l, err = s.renew(ctx, old)
	}
	if !renewable || refusedLogin(err) {
		l, err = s.login(ctx)
	}
	if now := time.Now(); err != nil && ctx.Err() == nil && old.alive(now) {
		return old.postponed(now), nil
	}
	return l, err
}

// login exchanges what proves the identity for a token. What the store refused
// once is not shown to it again: a wrong secret stays wrong.
func (s *session) login(ctx context.Context) (lease, error) {
	p, err := s.identity.prove(ctx, s)
	if err == nil {
		err = s.hold.err(p.shown, time.Now())
	}
	if err != nil {
		return lease{}, fmt.Errorf("log in: %w", err)
	}
	l, err := s.issue(ctx, "log in", lease{}, p.call)
	s.hold = newHold(err, p.shown, time.Now())
	if held := s.hold.err(p.shown, time.Now()); held != nil {
		err = held
	}
	if err != nil {
		return lease{}, fmt.Errorf("log in: %w", err)
	}
	return l, nil
}

// renew exchanges a living token for one that lives longer.
func (s *session) renew(ctx context.Context, old lease) (lease, error) {
	return s.issue(ctx, "renew the access token", old, func(c *resty.Client) (auth.MachineIdentityAuthLoginResponse, error) {
		return auth.CallRenewAccessToken(c, auth.RenewAccessTokenRequest{AccessToken: old.token.Reveal()})
	})
}

// issue makes a request that is answered with a token, and learns it. The
// maximum TTL counts from the login, so a renewed token keeps old's.
func (s *session) issue(
	ctx context.Context, what string, old lease,
	call func(*resty.Client) (auth.MachineIdentityAuthLoginResponse, error),
) (lease, error) {
	var issued auth.MachineIdentityAuthLoginResponse
	start := time.Now()
	r, err := s.wire.exchange(ctx, what, secret.Value{}, func(c *resty.Client) (err error) {
		issued, err = call(c)
		return err
	})
	switch {
	case err != nil:
		return lease{}, err
	case r.status != http.StatusOK:
		return lease{}, refusal(r, "")
	case !headerSafe(issued.AccessToken):
		return lease{}, badResponse("there is no access token in it")
	}
	s.serial++
	l := newLease(issued, s.serial, start, old.lastDay)
	s.learn(l.token)
	return l, nil
}

// newLease plans for a token issued at start: it is refreshed when a fifth of
// its time is left. lastDay is that of the login, or zero for a login.
func newLease(issued auth.MachineIdentityAuthLoginResponse, serial int, start, lastDay time.Time) lease {
	l := lease{token: secret.NewValue(issued.AccessToken), serial: serial, lastDay: lastDay}
	if lastDay.IsZero() && issued.AccessTokenMaxTTL > 0 {
		l.lastDay = start.Add(seconds(issued.AccessTokenMaxTTL))
	}
	if issued.ExpiresIn <= 0 {
		return l
	}
	l.ttl = seconds(issued.ExpiresIn)
	if !l.lastDay.IsZero() {
		l.ttl = min(l.ttl, l.lastDay.Sub(start))
	}
	l.expires = start.Add(l.ttl)
	l.refreshAt = start.Add(l.ttl - l.ttl/5)
	return l
}

func seconds(n int64) time.Duration { return time.Duration(min(n, maxTTL)) * time.Second }

// newHold returns the hold that the outcome of a login calls for: none after a
// success or a server in trouble, as long as it says after a limited rate, a
// minute after a refusal that may pass, and for good after one of what was
// shown.
func newHold(err error, shown secret.Value, now time.Time) hold {
	refused, ok := errors.AsType[*refusedError](err)
	if !ok || errors.Is(err, secret.ErrUnavailable) {
		return hold{}
	}
	if limited, ok := errors.AsType[*secret.RateLimitedError](err); ok {
		return hold{since: now, until: now.Add(limited.After), refused: refused}
	}
	if refused.own {
		refused.is = secret.ErrUnauthenticated
	}
	if refused.own && !refused.locked && !shown.IsZero() {
		return hold{since: now, shown: shown, refused: refused}
	}
	return hold{since: now, until: now.Add(refusalHold), refused: refused}
}

// err returns why not to log in at now by showing what it is given, or nil.
func (h hold) err(shown secret.Value, now time.Time) error {
	switch {
	case h.refused == nil:
		return nil
	case h.until.IsZero():
		if !h.shown.Equal(shown) {
			return nil
		}
		return h.because(now, "scrim does not show it the same credentials again")
	case !now.Before(h.until):
		return nil
	}
	left := h.until.Sub(now).Round(time.Second)
	if _, ok := errors.AsType[*secret.RateLimitedError](h.refused.is); ok {
		return &refusedError{is: &secret.RateLimitedError{After: left}, reqID: h.refused.reqID}
	}
	return h.because(now, fmt.Sprintf("scrim asks again in %s at the earliest", left))
}

// because is the refusal, how long ago it was, and what scrim does about it.
func (h hold) because(now time.Time, consequence string) error {
	what := "login refused"
	if h.refused.detail != "" {
		what += " (" + h.refused.detail + ")"
	}
	return &refusedError{
		is:    h.refused.is,
		reqID: h.refused.reqID,
		detail: fmt.Sprintf("%s %s ago; repeated refusals lock the identity, so %s",
			what, now.Sub(h.since).Round(time.Second), consequence),
	}
}

// refusedLogin reports whether err is the store's own refusal, so that the
// next step is another way to a token and not another try.
func refusedLogin(err error) bool {
	refused, ok := errors.AsType[*refusedError](err)
	return ok && !errors.Is(refused, secret.ErrUnavailable) && !errors.Is(refused, secret.ErrRateLimited)
}
