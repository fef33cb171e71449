//go:build unix

package identity_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/config"
	"scrim/internal/devstore"
	"scrim/internal/identity"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// bench is a store, a home directory, and what was logged.
type bench struct {
	*testing.T
	held   *devstore.Store
	url    string
	id     string
	key    string
	home   string
	logged bytes.Buffer

	mu    sync.Mutex
	found config.Identities // what looking again gives
}

func newBench(t *testing.T) *bench {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {"/alpha": {"NAME": "made-up-value"}}},
	}})
	served, err := devstore.Serve(t.Context(), "127.0.0.1:0", held)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	b := &bench{T: t, held: held, url: served.URL(), home: t.TempDir()}
	b.id, b.key = held.AddIdentity(devstore.Identity{Name: "test", Rules: devstore.MayRead()})
	return b
}

// pair is the store's own pair, or one with another secret.
func (b *bench) pair(key string) config.Credentials {
	return config.Credentials{
		Kind: config.UniversalAuth, ClientID: secret.NewValue(b.id), ClientSecret: secret.NewValue(key),
		Site: b.url, Source: "test",
	}
}

// program puts a stand-in for the Infisical CLI there.
func (b *bench) program(script string) config.Credentials {
	b.Helper()
	path := filepath.Join(b.home, "infisical")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		b.Fatal(err)
	}
	return config.Credentials{Kind: config.CommandLine, Program: path, Site: b.url, Source: path}
}

func identities(all ...config.Credentials) config.Identities {
	found := config.Identities{Candidates: all}
	for _, c := range all {
		found.Attempts = append(found.Attempts, config.Attempt{Kind: c.Kind, Source: c.Kind.String(), Outcome: "may serve"})
	}
	return found
}

func (b *bench) source(first config.Identities) *identity.Source {
	b.becomes(first)
	return identity.New(identity.Options{
		Site: b.url, ProjectID: b.held.ProjectID(), Identities: first,
		Again: func() (config.Identities, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.found, nil
		},
		Program: identity.Program{Environ: os.Environ(), Home: b.home},
		Getenv:  os.Getenv,
		Learn:   func(secret.Value) {},
		Log:     slog.New(slog.NewTextHandler(&b.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

func (b *bench) becomes(found config.Identities) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.found = found
}

func (b *bench) lists(s *identity.Source) {
	b.Helper()
	l, err := s.List(b.Context(), "prod", "/alpha", "")
	if err != nil || len(l.Secrets) != 1 {
		b.Errorf("%d secrets, %v", len(l.Secrets), err)
	}
}

func (b *bench) refuses(s *identity.Source) error {
	b.Helper()
	_, err := s.List(b.Context(), "prod", "/alpha", "")
	if !errors.Is(err, secret.ErrUnauthenticated) {
		b.Errorf("got %v", err)
	}
	return err
}

func (b *bench) logins() int {
	n := 0
	for _, r := range b.held.Requests() {
		if strings.HasSuffix(r.Path, "/login") {
			n++
		}
	}
	return n
}

// token is one that the store gives to whoever has the pair.
func (b *bench) token() string {
	b.Helper()
	defer b.held.ForgetRequests()
	var token secret.Value // what is learned last
	_, err := infisical.LogIn(b.Context(), infisical.Options{
		Site: b.url, Identity: infisical.UniversalAuth(secret.NewValue(b.id), secret.NewValue(b.key)),
		Learn: func(v secret.Value) { token = v },
	})
	if err != nil {
		b.Fatal(err)
	}
	return token.Reveal()
}

// TestWrongSecretIsShownOnce asks in parallel and again, and then corrects it.
func TestWrongSecretIsShownOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.source(identities(b.pair("made-up-wrong-secret")))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { _ = b.refuses(s) })
	}
	all.Wait()
	for range 5 {
		if err := b.refuses(s); !strings.Contains(err.Error(), "does not show it the same credentials again") {
			t.Error(err)
		}
	}
	if n := b.logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
	b.becomes(identities(b.pair(b.key)))
	late := time.Now().Add(20 * time.Second)
	for {
		_, err := s.List(t.Context(), "prod", "/alpha", "")
		if err == nil {
			break
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // the credentials are looked at every two seconds of the wall clock
	}
	b.lists(s)
	if n := b.logins(); n != 2 {
		t.Errorf("%d logins", n)
	}
	for _, value := range []string{b.key, b.id, "made-up-wrong-secret"} {
		if strings.Contains(b.logged.String(), value) {
			t.Errorf("%q is logged", value)
		}
	}
}

// TestProgramsLogin asks a stand-in for the Infisical CLI, with what it may
// know, and without what would pick another login.
func TestProgramsLogin(t *testing.T) {
	b := newBench(t)
	token := b.token()
	t.Setenv("INFISICAL_PROFILE", "made-up-other")
	t.Setenv("INFISICAL_TOKEN", "")
	c := b.program(`[ "$*" = "user get token --plain --silent" ] || exit 9
[ "$INFISICAL_API_URL" = "` + b.url + `/api" ] || exit 8
[ -z "${INFISICAL_PROFILE+x}" ] || exit 7
[ "$(pwd -P)" = "$(cd "` + b.home + `" && pwd -P)" ] || exit 6
( : >/dev/tty ) 2>/dev/null && exit 5
read line && exit 4
echo made-up-noise >&2
echo ` + token + `
`)
	s := b.source(identities(c))
	if got := s.Kind(); got != "infisical-cli" {
		t.Errorf("kind %q", got)
	}
	b.lists(s)
	b.lists(s)
	if n := b.logins(); n != 0 {
		t.Errorf("%d logins", n)
	}
	if got := s.Attempts()[0].String(); got != "infisical-cli serves" {
		t.Errorf("attempt %q", got)
	}
	for _, value := range []string{token, "made-up-noise"} {
		if strings.Contains(b.logged.String(), value) {
			t.Errorf("%q is logged", value)
		}
	}
}

// TestProgramThatDoesNotServe goes on to what stands by, and says why.
func TestProgramThatDoesNotServe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ script, want string }{
		"logged out":  {"echo made-up-talk; echo made-up-talk >&2; exit 1\n", "does not serve: it has no token: run infisical login"},
		"silent":      {"exit 0\n", "does not serve: what it prints is no token: update the Infisical CLI"},
		"talkative":   {"echo Token: made-up-talk\n", "does not serve: what it prints is no token: update the Infisical CLI"},
		"endless":     {"while :; do echo made-up-talk; done\n", "does not serve: it does not answer in time: run infisical login"},
		"asking":      {"sleep 60\n", "does not serve: it does not answer in time: run infisical login"},
		"with others": {"sleep 60 & sleep 60\n", "does not serve: it does not answer in time: run infisical login"},
		"revoked":     {"echo made-up.token.of-nobody\n", "does not serve: the store refused its token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			found := identities(b.program(tt.script), b.pair(b.key))
			b.becomes(found)
			s := identity.New(identity.Options{
				Site: b.url, ProjectID: b.held.ProjectID(), Identities: found,
				Again:   func() (config.Identities, error) { return found, nil },
				Program: identity.Program{Environ: os.Environ(), Home: b.home, Time: 2 * time.Second},
				Learn:   func(secret.Value) {},
				Log:     slog.New(slog.NewTextHandler(&b.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			began := time.Now()
			b.lists(s)
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("took %s", took)
			}
			if got := s.Attempts()[0].Outcome; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if s.Kind() != "universal-auth" || b.logins() != 1 {
				t.Errorf("%s, %d logins", s.Kind(), b.logins())
			}
			if strings.Contains(b.logged.String(), "made-up-talk") {
				t.Error("what the program printed is logged")
			}
		})
	}
}

// TestNothingServes says what was looked at, and begins to serve once there is
// something.
func TestNothingServes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.source(config.Identities{Attempts: []config.Attempt{
		{Kind: config.AccessToken, Source: "INFISICAL_TOKEN", Outcome: "is not set"},
	}})
	err := b.refuses(s)
	if _, ok := errors.AsType[*identity.NoneError](err); !ok || err.Error() != "no credentials: INFISICAL_TOKEN is not set: run scrim login" {
		t.Error(err)
	}
	if n := len(b.held.Requests()); n != 0 || s.Kind() != "none" {
		t.Errorf("%d requests, %s", n, s.Kind())
	}
	b.becomes(identities(b.pair(b.key)))
	time.Sleep(2100 * time.Millisecond) // the credentials are looked at every two seconds of the wall clock
	b.lists(s)
}

// TestCallerLeaves has one that does not wait for the program, which is no
// reason to pass it over.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	slow := b.program("sleep 1; echo " + b.token() + "\n")
	s := b.source(identities(slow, b.pair(b.key)))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := s.List(ctx, "prod", "/alpha", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	b.lists(s)
	if s.Kind() != "infisical-cli" || b.logins() != 0 {
		t.Errorf("%s, %d logins", s.Kind(), b.logins())
	}
}

// TestEveryCall makes each of them.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	s := b.source(identities(b.program("echo " + b.token() + "\n")))
	b.lists(s)
	if _, err := s.Folders(t.Context(), "prod", "/"); err != nil {
		t.Error(err)
	}
	ref, err := secret.ParseRef("prod", "/alpha", "NAME")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Probe(t.Context(), ref); err != nil {
		t.Error(err)
	}
	if l, err := s.Get(t.Context(), ref); err != nil || l.Value.Reveal() != "made-up-value" {
		t.Error(err)
	}
	if l, err := s.Names(t.Context(), "prod", "/alpha"); err != nil || len(l.Secrets) != 1 {
		t.Error(err)
	}
}
