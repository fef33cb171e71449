package infisical

import (
	"context"
	"fmt"
	"time"

	"scrim/internal/secret"
)

const kindBorrowed = "borrowed"

// Borrowed returns an identity of the given kind whose tokens come from somebody
// who has its credentials: borrow returns one, and for how long it is good; zero
// is not known. It is asked again when that time is nearly over.
func Borrowed(borrow func(context.Context) (secret.Value, time.Duration, error)) Identity {
	return Identity{kind: kindBorrowed, borrow: borrow}
}

// Lend returns the access token that the Client works with, and for how long it
// is good; zero is not known.
func (c *Client) Lend(ctx context.Context) (secret.Value, time.Duration, error) {
	l, err := c.session.token(ctx)
	if err != nil || l.expires.IsZero() {
		return l.token, 0, err
	}
	return l.token, time.Until(l.expires), nil
}

// borrowed gets a token from the lender.
func (s *session) borrowed(ctx context.Context, old lease) (lease, error) {
	start := time.Now()
	token, good, err := s.identity.borrow(ctx)
	if err == nil && !headerSafe(token.Reveal()) {
		err = badResponse("what was borrowed is no access token")
	}
	if err != nil {
		if old.alive(start) {
			return old.postponed(start), nil
		}
		return lease{}, fmt.Errorf("%w: %w", secret.ErrUnauthenticated, err)
	}
	s.serial++
	s.learn(token)
	l := lease{token: token, serial: s.serial}
	if good > 0 {
		l.ttl, l.expires, l.refreshAt = good, start.Add(good), start.Add(good-good/5)
	}
	return l, nil
}
