package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/secret"
)

// troubled answers the first n lists with h and the others well.
func troubled(n int, h http.Handler) func(asked, int) http.Handler {
	return afterLogin("made-up-token-1", func(_ asked, nth int) http.Handler {
		if nth <= n {
			return h
		}
		return jsonAnswer(http.StatusOK, emptyList)
	})
}

func limited(header, value string) answer {
	a := complain(http.StatusTooManyRequests, "RateLimitExceeded", "x")
	a.Headers[header] = value
	return a
}

func unavailable(status int, retryAfter string) answer {
	a := complain(status, "X", "x")
	if retryAfter != "" {
		a.Headers["Retry-After"] = retryAfter
	}
	return a
}

func TestRetries(t *testing.T) {
	t.Parallel()
	drop := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
	})
	for name, c := range map[string]struct {
		troubles int
		answer   http.Handler
		want     error
		requests int
		min, max time.Duration
	}{
		"503 once":               {1, unavailable(503, ""), nil, 2, 75 * time.Millisecond, 150 * time.Millisecond},
		"502 thrice":             {3, unavailable(502, ""), nil, 4, 500 * time.Millisecond, 1050 * time.Millisecond},
		"504 for ever":           {99, unavailable(504, ""), secret.ErrUnavailable, 4, 500 * time.Millisecond, 1050 * time.Millisecond},
		"503 that says when":     {1, unavailable(503, "4"), nil, 2, 4 * time.Second, 4 * time.Second},
		"503 for too long":       {1, unavailable(503, "20"), secret.ErrUnavailable, 1, 0, 0},
		"500":                    {1, unavailable(500, "1"), secret.ErrUnavailable, 1, 0, 0},
		"dropped":                {2, drop, nil, 3, 200 * time.Millisecond, 450 * time.Millisecond},
		"dropped for ever":       {99, drop, secret.ErrUnavailable, 4, 500 * time.Millisecond, 1050 * time.Millisecond},
		"429 in seconds":         {1, limited("Retry-After", "3"), nil, 2, 3 * time.Second, 3 * time.Second},
		"429 twice":              {2, limited("Retry-After", "3"), nil, 3, 6 * time.Second, 6 * time.Second},
		"429 past the deadline":  {9, limited("Retry-After", "4"), secret.ErrRateLimited, 3, 8 * time.Second, 8 * time.Second},
		"429 for a minute":       {1, limited("Retry-After", "60"), secret.ErrRateLimited, 1, 0, 0},
		"429 as a date":          {1, limited("Retry-After", "Sat, 01 Jan 2000 00:00:05 GMT"), nil, 2, 5 * time.Second, 5 * time.Second},
		"429 until the past":     {1, limited("Retry-After", "Sat, 01 Jan 1999 00:00:05 GMT"), nil, 2, 75 * time.Millisecond, 150 * time.Millisecond},
		"429 by Infisical":       {1, limited("X-Ratelimit-Reset", "2"), nil, 2, 2 * time.Second, 2 * time.Second},
		"429 at a loss":          {1, limited("Retry-After", "soon"), secret.ErrRateLimited, 1, 0, 0},
		"429 of a hostile wait":  {1, limited("Retry-After", "4294967295"), secret.ErrRateLimited, 1, 0, 0},
		"429 of a negative wait": {1, limited("Retry-After", "-5"), secret.ErrRateLimited, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := serveInMemory(t, troubled(c.troubles, c.answer))
				start := time.Now()
				_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
				took := time.Since(start)
				if c.want != nil {
					mustFail(t, s, err, c.want)
				} else if err != nil {
					t.Error(err)
				}
				if n := s.count("/api/v3/secrets/raw"); n != c.requests || took < c.min || took > c.max {
					t.Errorf("%d requests in %s", n, took)
				}
				if l, ok := errors.AsType[*secret.RateLimitedError](err); ok && (l.After < 4*time.Second || l.After > time.Hour) {
					t.Errorf("try again after %s", l.After)
				}
			})
		})
	}
}

func TestCallerLeavesWithinAWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, troubled(1, limited("Retry-After", "5")))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := newClient(t, s).List(ctx, "prod", "/alpha", "")
		mustFail(t, s, err, context.Canceled)
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// TestTimeLimitIsForTheWholeCall has every step of one call take its time.
func TestTimeLimitIsForTheWholeCall(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, func(a asked, _ int) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(4 * time.Second):
				case <-r.Context().Done():
				}
				if a.path == loginPath {
					recorded["login-ok"].ServeHTTP(w, r)
					return
				}
				recorded["v3-list-names-only"].ServeHTTP(w, r)
			})
		})
		start := time.Now()
		_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
		mustFail(t, s, err, secret.ErrUnavailable)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s", took)
		}
	})
}
