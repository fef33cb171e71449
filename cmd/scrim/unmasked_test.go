package main

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"scrim/internal/config"
	"scrim/internal/devstore"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
)

// watched is a scope whose readings go to a maskWarning, and what that logs.
type watched struct {
	held     *devstore.Store
	identity string
	secrets  *store.Store
	logged   *bytes.Buffer
	late     time.Duration // how far the store's clock is ahead
}

func watch(t *testing.T, public ...string) *watched {
	t.Helper()
	w := &watched{logged: &bytes.Buffer{}, held: devstore.New(devstore.Options{Seed: devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {
			"/alpha":       {"PIN": "1234", "SOUND": "made-up-sound-value"},
			"/alpha/vault": {"DEPLOY_TOKEN": "made-up-deploy-value"},
		}},
	}})}
	served := httptest.NewServer(w.held)
	t.Cleanup(served.Close)
	id, key := w.held.AddIdentity(devstore.Identity{Name: "test", Rules: devstore.MayRead()})
	w.identity = id
	cfg := config.Config{
		Scope: secret.Scope{
			Site: served.URL, ProjectID: w.held.ProjectID(), Project: "alpha", Environment: "prod", Stated: true,
			Path: "/alpha", VaultPath: "/alpha/vault",
		},
		Identities: config.Identities{
			Candidates: []config.Credentials{{Kind: config.UniversalAuth, ClientID: secret.NewValue(id), ClientSecret: secret.NewValue(key)}},
			Attempts:   []config.Attempt{{Kind: config.UniversalAuth, Outcome: "serves"}},
		},
		Redact: config.Redact{Public: public},
	}
	redactor := redact.New(redact.Options{})
	log := slog.New(slog.NewTextHandler(w.logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	options, _ := storeOptions(&cli{getenv: os.Getenv}, cfg, nil, redactor, log)
	options.Now = func() time.Time { return time.Now().Add(w.late) }
	options.Refreshed = (&maskWarning{public: public, redactor: redactor, log: log}).heed
	w.secrets = store.New(options)
	return w
}

// read reads the scope once it is due again, and returns what was logged since.
func (w *watched) read(t *testing.T) string {
	t.Helper()
	w.late += time.Minute
	if s := w.secrets.Snapshot(t.Context()); s.Err() != nil {
		t.Fatal(s.Err())
	}
	defer w.logged.Reset()
	return w.logged.String()
}

// The log says what nothing masks when it is first known, and when it changes.
func TestMaskWarning(t *testing.T) {
	t.Parallel()
	w := watch(t)
	if w.logged.Len() > 0 || len(w.held.Requests()) > 0 {
		t.Error("start-up reads the store")
	}
	steps := []struct {
		what   string
		change func()
		want   string // in the only line, or no line
	}{
		{"first reading", func() {}, "names=PIN\n"},
		{"nothing changed", func() {}, ""},
		{"a sound one came", func() { w.held.Set("prod", "/alpha", "OTHER", "made-up-other-value") }, ""},
		{"another weak one came", func() { w.held.Set("prod", "/alpha", "MODE", "production") }, `names="MODE, PIN"` + "\n"},
		{"one was rotated", func() { w.held.Set("prod", "/alpha", "PIN", "made-up-longer-pin") }, "names=MODE\n"},
		{"one was deleted", func() { w.held.Delete("prod", "/alpha", "MODE") }, ""},
		{"one was weakened", func() { w.held.Set("prod", "/alpha", "PIN", "77152") }, "names=PIN\n"},
		{"a place gives names only", func() {
			w.held.Permit(w.identity, append(devstore.MayRead(), devstore.MayNotReadValues("/alpha/vault")...))
		}, "places=prod:/alpha/vault\n"},
		{"it stays so", func() {}, ""},
	}
	for _, step := range steps {
		step.change()
		got := w.read(t)
		if step.want == "" && got != "" || !strings.HasSuffix(got, step.want) || strings.Count(got, "\n") > 1 {
			t.Errorf("%s: logged %q, want a line that ends in %q", step.what, got, step.want)
		}
		for _, value := range []string{"1234", "production", "77152", "made-up"} {
			if strings.Contains(got, value) {
				t.Errorf("%s: logged a value: %q", step.what, got)
			}
		}
	}
}

// What a person calls public is no news to them, wherever it lies.
func TestMaskWarningLeavesOutWhatIsPublic(t *testing.T) {
	t.Parallel()
	w := watch(t, "DEPLOY_TOKEN", "PIN")
	w.held.Permit(w.identity, append(devstore.MayRead(), devstore.MayNotReadValues("/alpha/vault")...))
	if got := w.read(t); got != "" {
		t.Errorf("logged %q", got)
	}
}
