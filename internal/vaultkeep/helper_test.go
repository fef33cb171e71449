package vaultkeep_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
)

// world is a store, what stands before it, and who asks it.
type world struct {
	t     *testing.T
	store *devstore.Store
	url   string
	now   *clock

	mu    sync.Mutex
	trips func(r *http.Request, serve func()) // what stands before the store; nil: nothing
}

type clock struct {
	mu sync.Mutex
	by time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.by)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

func newWorld(t *testing.T, o devstore.Options) *world {
	t.Helper()
	w := &world{t: t, now: &clock{}}
	if o.Seed.Environments == nil {
		o.Seed = seed()
	}
	o.Now = w.now.Now
	w.store = devstore.New(o)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		trips := w.trips
		w.mu.Unlock()
		if trips == nil || strings.HasSuffix(r.URL.Path, "/login") {
			w.store.ServeHTTP(out, r)
			return
		}
		trips(r, func() { w.store.ServeHTTP(out, r) })
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func seed() devstore.Seed {
	return devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": {
		"/alpha":         {"KEY": "made-up-key", "OTHER": "made-up-other", "BESIDE": "x-${OTHER}", "FAR": "x-${prod.beta.B}", "SHELL": "${HOME:-x}"},
		"/alpha/vault":   {"STORED": "made-up-stored", "OTHER": "made-up-another"},
		"/alpha/staging": {"USES": "${prod.alpha.REFERRED}"},
		"/beta":          {"B": "made-up-b"},
	}}}
}

// before puts something before the store.
func (w *world) before(trips func(r *http.Request, serve func())) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trips = trips
}

// as returns a client with these rights.
func (w *world) as(rules ...devstore.Rule) *infisical.Client {
	w.t.Helper()
	id, key := w.store.AddIdentity(devstore.Identity{Name: "keeper", Rules: rules})
	c, err := infisical.New(infisical.Options{
		Site: w.url, ProjectID: w.store.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)), Timeout: 5 * time.Second,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

func (w *world) keeper() *infisical.Client {
	return w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite())...)
}

// held returns the values of a folder, by name.
func (w *world) held(at string) map[string]string {
	w.t.Helper()
	w.before(nil)
	l, err := w.keeper().Own(w.t.Context(), "prod", at)
	if err != nil {
		w.t.Fatal(err)
	}
	held := map[string]string{}
	for _, s := range l.Secrets {
		held[s.Entry.Ref.Name()] = s.Value.Reveal()
	}
	return held
}

func place(at string) secret.Place { return secret.Place{Environment: "prod", Path: at} }

// noThrowAway fails where a probe left something.
func (w *world) noThrowAway() {
	w.t.Helper()
	for _, at := range []string{"/alpha", "/alpha/vault"} {
		for name := range w.held(at) {
			if strings.HasPrefix(name, "SCRIM_PROBE_") {
				w.t.Errorf("%s is left at %s", name, at)
			}
		}
	}
}

func (w *world) prober() (vaultkeep.Prober, *strings.Builder) {
	var said strings.Builder
	return vaultkeep.Prober{
		Store: w.keeper(), Vault: place("/alpha/vault"), Apart: []secret.Place{place("/alpha")}, Owner: "me",
		Say: func(f vaultkeep.Finding) { said.WriteString(f.Status.String() + " " + f.What + "\n") },
	}, &said
}
