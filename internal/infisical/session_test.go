package infisical_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/secret"
)

// tokens answers logins and renewals with tokens that are told apart by their
// number, and lists with an empty folder where the token is good.
type tokens struct {
	ttl, maxTTL int
	renew       http.Handler           // in place of a renewal
	login       func(n int) (a answer) // in place of a login; nil: one with a token
	refuses     func(auth string) http.Handler
}

func (tk tokens) answer(a asked, n int) http.Handler {
	switch {
	case a.path == loginPath && tk.login != nil:
		return tk.login(n)
	case a.path == loginPath:
		return issued(fmt.Sprintf("made-up-login-%d", n), tk.ttl, tk.maxTTL)
	case a.path == renewPath && tk.renew != nil:
		return tk.renew
	case a.path == renewPath:
		return issued(fmt.Sprintf("made-up-renewed-%d", n), tk.ttl, tk.maxTTL)
	}
	if tk.refuses != nil {
		if h := tk.refuses(strings.TrimPrefix(a.auth, "Bearer ")); h != nil {
			return h
		}
	}
	return jsonAnswer(http.StatusOK, emptyList)
}

// trace is what a server was asked, in short: "login", "renew", or the token
// that a list came with.
func trace(s *server) []string {
	var all []string
	for _, a := range s.requests() {
		switch a.path {
		case loginPath:
			all = append(all, "login")
		case renewPath:
			all = append(all, "renew")
		default:
			all = append(all, strings.TrimPrefix(a.auth, "Bearer made-up-"))
		}
	}
	return slices.Compact(all)
}

func mustTrace(t *testing.T, s *server, want ...string) {
	t.Helper()
	if got := trace(s); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func mustList(t *testing.T, c testClient) {
	t.Helper()
	if _, err := c.List(t.Context(), "prod", "/alpha", ""); err != nil {
		t.Fatal(err)
	}
}

// sleep lets time pass in a bubble.
func sleep(d time.Duration) { <-time.After(d) }

func TestTokenIsRenewedAndReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, tokens{ttl: 8, maxTTL: 20}.answer)
		c := newClient(t, s)
		for range 22 {
			mustList(t, c)
			sleep(time.Second)
		}
		// Renewed at 7 s and 14 s; at 19 s the maximum TTL of 20 s is near.
		mustTrace(t, s, "login", "login-1", "renew", "renewed-1", "renew", "renewed-2", "login", "login-2")
		want := []string{clientID, clientSecret, "made-up-login-1", "made-up-renewed-1", "made-up-renewed-2", "made-up-login-2"}
		if !slices.Equal(*c.learned, want) {
			t.Errorf("learned %q", *c.learned)
		}
		for _, a := range s.requests() {
			if a.path == renewPath && a.auth != "" {
				t.Errorf("a renewal has the header %q", a.auth)
			}
		}
	})
}

// TestRecordedRenewal goes through the recorded life of a short-lived token.
func TestRecordedRenewal(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	for refused, after := range map[string]time.Duration{
		"token-renew-shortlived-4": 7 * time.Second,
		"token-renew-expired":      7 * time.Second,
		"token-renew-garbage":      7 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			s := serveInMemory(t, func(a asked, n int) http.Handler {
				switch {
				case a.path == loginPath:
					return recorded["shortlived-login"]
				case a.path == renewPath && n <= 2:
					return recorded[fmt.Sprintf("token-renew-shortlived-%d", n)]
				case a.path == renewPath:
					return recorded[refused]
				}
				return jsonAnswer(http.StatusOK, emptyList)
			})
			c := newClient(t, s)
			for range 3 {
				mustList(t, c)
				sleep(after)
			}
			if logins, renewals := s.count(loginPath), s.count(renewPath); logins != 1 || renewals != 2 {
				t.Errorf("%d logins, %d renewals", logins, renewals)
			}
			mustList(t, c)
			if logins := s.count(loginPath); logins != 2 {
				t.Errorf("%s: %d logins", refused, logins)
			}
		})
	}
}

func TestRefusedRenewalLeadsToALogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, tokens{ttl: 100, maxTTL: 1000, renew: recordings(t)["token-renew-expired"]}.answer)
		c := newClient(t, s)
		mustList(t, c)
		sleep(90 * time.Second)
		mustList(t, c)
		mustTrace(t, s, "login", "login-1", "renew", "login", "login-2")
	})
}

func TestTokenOutlastsAServerInTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := complain(http.StatusBadGateway, "X", "x")
		s := serveInMemory(t, tokens{ttl: 100, maxTTL: 1000, renew: down}.answer)
		c := newClient(t, s)
		mustList(t, c)
		sleep(81 * time.Second)
		for range 18 { // until a second before the token's end
			mustList(t, c)
			sleep(time.Second)
		}
		if n := s.count(renewPath); n > 5 {
			t.Errorf("%d renewals in 18 s", n)
		}
		mustTrace(t, s, "login", "login-1", "renew", "login-1", "renew", "login-1", "renew", "login-1", "renew", "login-1")
		sleep(2 * time.Second)
		mustList(t, c)
		if s.count(loginPath) != 2 {
			t.Errorf("%v", trace(s))
		}
	})
}

func TestTokenWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, ttl := range []int{0, -1, math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			s := serveInMemory(t, tokens{ttl: ttl, maxTTL: ttl}.answer)
			c := newClient(t, s)
			mustList(t, c)
			sleep(365 * 24 * time.Hour)
			mustList(t, c)
			mustTrace(t, s, "login", "login-1")
		})
	}
}

func TestExpiredTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	for _, name := range []string{"list-expired-token", "list-revoked-token", "v3-list-no-token", "v3-list-garbage-token"} {
		s := serve(t, tokens{ttl: 1000, maxTTL: 1000, refuses: func(token string) http.Handler {
			if token == "made-up-login-1" {
				return recorded[name]
			}
			return nil
		}}.answer)
		c := newClient(t, s)
		mustList(t, c)
		mustList(t, c)
		mustTrace(t, s, "login", "login-1", "login", "login-2")

		always := serve(t, tokens{ttl: 1000, maxTTL: 1000, refuses: func(string) http.Handler { return recorded[name] }}.answer)
		_, err := newClient(t, always).List(t.Context(), "prod", "/alpha", "")
		mustFail(t, always, err, secret.ErrUnauthenticated)
		mustTrace(t, always, "login", "login-1", "login", "login-2")
	}
}

func TestAccessTokenNeverLogsIn(t *testing.T) {
	t.Parallel()
	s := serve(t, tokens{refuses: func(string) http.Handler { return recordings(t)["list-expired-token"] }}.answer)
	_, err := newClient(t, s, withToken("made-up-fixed")).List(t.Context(), "prod", "/alpha", "")
	mustFail(t, s, err, secret.ErrUnauthenticated)
	mustTrace(t, s, "fixed")
}

func TestOneLoginForFiftyCallers(t *testing.T) {
	t.Parallel()
	expired := recordings(t)["list-expired-token"]
	s := serve(t, tokens{ttl: 1000, maxTTL: 1000, refuses: func(token string) http.Handler {
		if token == "made-up-login-1" {
			return expired
		}
		return nil
	}}.answer)
	c := newClient(t, s)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if _, err := c.List(t.Context(), "prod", "/alpha", ""); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	// One to begin with, and one when that token turned out to have expired.
	if n := s.count(loginPath); n != 2 {
		t.Errorf("%d logins", n)
	}
}

func TestOneRefusedLoginForFiftyCallers(t *testing.T) {
	t.Parallel()
	refused := recordings(t)["login-wrong-secret"]
	s := serve(t, func(asked, int) http.Handler { return refused })
	c := newClient(t, s)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			_, err := c.List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrUnauthenticated)
		})
	}
	callers.Wait()
	if n := s.count(""); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// TestRefusedLoginIsNotRepeated shows a wrong secret once, for as long as the
// process lives.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	t.Parallel()
	refused := recordings(t)["login-wrong-secret"]
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, tokens{ttl: 1000, maxTTL: 1000, login: func(int) answer { return refused }}.answer)
		c := newClient(t, s)
		for hour := range 48 {
			_, err := c.List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrUnauthenticated)
			for _, want := range []string{
				fmt.Sprintf("login refused %s ago", time.Duration(hour)*time.Hour), "does not show it the same credentials again",
			} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v lacks %q", err, want)
				}
			}
			sleep(time.Hour)
		}
		mustTrace(t, s, "login")
		if n := s.count(loginPath); n != 1 {
			t.Errorf("%d logins in two days", n)
		}
	})
}

// TestLockIsRememberedForAMinute meets a lock, which passes by itself and says
// nothing of the secret.
func TestLockIsRememberedForAMinute(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	synctest.Test(t, func(t *testing.T) {
		s := serveInMemory(t, tokens{ttl: 1000, maxTTL: 1000, login: func(n int) answer {
			if n == 1 {
				return recorded["login-lockout-right-secret"]
			}
			return recorded["login-ok"]
		}}.answer)
		c := newClient(t, s)
		for second := range 60 {
			_, err := c.List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrUnauthenticated)
			for _, want := range []string{fmt.Sprintf("%ds ago", second), "has locked this identity", "asks again in"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v lacks %q", err, want)
				}
			}
			sleep(time.Second)
		}
		if n := s.count(loginPath); n != 1 {
			t.Errorf("%d logins in a minute", n)
		}
		mustList(t, c)
	})
}

func TestLimitedLoginIsLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := recordings(t)["rate-limit-429"]
		s := serveInMemory(t, tokens{ttl: 1000, maxTTL: 1000, login: func(n int) answer {
			if n == 1 {
				return limited
			}
			return issued("made-up-login-2", 1000, 1000)
		}}.answer)
		c := newClient(t, s)
		for range 3 {
			_, err := c.List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrRateLimited)
			sleep(20 * time.Second)
		}
		mustList(t, c)
		mustTrace(t, s, "login", "login-2")
	})
}

func TestUnreachableLoginIsTriedAgainByTheNextCall(t *testing.T) {
	t.Parallel()
	s := serve(t, tokens{ttl: 1000, maxTTL: 1000, login: func(n int) answer {
		if n == 1 {
			return complain(http.StatusServiceUnavailable, "X", "x")
		}
		return issued("made-up-login-2", 1000, 1000)
	}}.answer)
	c := newClient(t, s)
	_, err := c.List(t.Context(), "prod", "/alpha", "")
	mustFail(t, s, err, secret.ErrUnavailable)
	mustList(t, c)
}

// TestOneCallerLeavesTheOthers has the caller who logs in for all go away.
func TestOneCallerLeavesTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		s := serveInMemory(t, func(a asked, n int) http.Handler {
			if a.path == loginPath && n == 1 {
				return hangs
			}
			return tokens{ttl: 1000, maxTTL: 1000}.answer(a, n)
		})
		c := newClient(t, s)
		ctx, leave := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := c.List(ctx, "prod", "/alpha", "")
			mustFail(t, s, err, context.Canceled)
		})
		synctest.Wait() // it waits for the first login
		for range 20 {
			callers.Go(func() {
				if _, err := c.List(t.Context(), "prod", "/alpha", ""); err != nil {
					t.Error(err)
				}
			})
		}
		brief, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		callers.Go(func() {
			_, err := c.List(brief, "prod", "/alpha", "")
			mustFail(t, s, err, context.DeadlineExceeded)
		})
		sleep(2 * time.Second)
		leave()
		callers.Wait()
		if n := s.count(loginPath); n != 2 {
			t.Errorf("%d logins", n)
		}
	})
}
