package infisical

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	maxAttempts  = 4
	firstBackoff = 150 * time.Millisecond
	maxBackoff   = 2 * time.Second

	maxRetryAfter = time.Hour
	// politeWait is how long to stay away from a server that limits the rate
	// and does not say for how long.
	politeWait = 30 * time.Second
)

// again decides whether a request is sent once more, and after how long. A GET
// is repeated when the rate is limited, a gateway is in the way or the
// connection broke. Anything else (a login) is repeated only when the server
// has not seen it: three refused logins lock an identity, so scrim never sends
// one twice in doubt. A wait that ends after the call's deadline is not begun.
func (x *exchange) again(method string, attempt int, r reply, err error) (time.Duration, bool) {
	if attempt >= maxAttempts || !repeatable(method == http.MethodGet, r, err) || x.ctx.Err() != nil {
		return 0, false
	}
	wait := max(backoff(attempt), r.retryAfter)
	deadline, ok := x.ctx.Deadline()
	return wait, !ok || time.Until(deadline) > wait
}

func repeatable(get bool, r reply, err error) bool {
	if lost, ok := errors.AsType[*brokenError](err); ok {
		return !lost.final && (get || lost.unsent)
	}
	switch r.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return get
	default:
		return false
	}
}

// backoff doubles from attempt to attempt up to a cap, half of it at random so
// that clients which failed together do not come back together.
func backoff(attempt int) time.Duration {
	full := min(firstBackoff<<(attempt-1), maxBackoff)
	return full/2 + rand.N(full/2) //nolint:gosec // G404: jitter, not a secret
}

// sleep waits for d or for the end of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx)
	}
}

// retryAfter reads how long a server wants to be left alone: Retry-After, in
// seconds or as a date, or for a limited rate the reset that Infisical sends.
func retryAfter(status int, h http.Header, now time.Time) time.Duration {
	switch status {
	case http.StatusTooManyRequests:
		for _, key := range []string{"Retry-After", "X-Ratelimit-Reset"} {
			if wait, ok := parseWait(h.Get(key), now); ok {
				return wait
			}
		}
		return politeWait
	case http.StatusServiceUnavailable:
		wait, _ := parseWait(h.Get("Retry-After"), now)
		return wait
	default:
		return 0
	}
}

func parseWait(text string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	at, err := http.ParseTime(text)
	return min(max(at.Sub(now), 0), maxRetryAfter), err == nil
}
