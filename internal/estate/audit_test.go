package estate_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/estate"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// world is a store with projects and a shared source, and who looks at it.
type world struct {
	t       *testing.T
	store   *devstore.Store
	url     string
	auditor estate.Auditor
}

func layout() estate.Layout {
	return estate.Layout{
		Shared: "/shared", Vault: "vault", Staging: "staging",
		Registered: map[string]string{"web": "/teams/web", "gone": "/teams/gone"},
	}
}

func newWorld(t *testing.T, seed devstore.Seed) *world {
	t.Helper()
	w := &world{t: t, store: devstore.New(devstore.Options{Seed: seed})}
	served, err := devstore.Serve(t.Context(), "127.0.0.1:0", w.store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	w.url = served.URL()
	w.auditor = estate.Auditor{
		Store: w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite())), Layout: layout(),
		Except: map[string][]string{"beta": {"MAIL"}},
	}
	return w
}

// as returns a client with these rights.
func (w *world) as(rules []devstore.Rule) *infisical.Client {
	w.t.Helper()
	id, key := w.store.AddIdentity(devstore.Identity{Name: "auditor", Rules: rules})
	c, err := infisical.New(infisical.Options{
		Site: w.url, ProjectID: w.store.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)), Timeout: 5 * time.Second,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// audit returns the states by project and name.
func (w *world) audit() map[string]map[string]string {
	w.t.Helper()
	r, err := w.auditor.Audit(w.t.Context(), "prod", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, row := range r.Rows {
		got[row.Project.Name] = map[string]string{}
		for i, state := range row.States {
			got[row.Project.Name][r.Names[i]] = state.String()
		}
	}
	return got
}

func seed() devstore.Seed {
	return devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {
			"/shared":      {"MAIL": "made-up-mail", "LOG": "made-up-log", "REF": "${LOG}/x"},
			"/alpha":       {"MAIL": "made-up-mail", "LOG": "made-up-other", "OWN": "made-up-own"},
			"/alpha/vault": {"REF": "made-up-stored"},
			"/beta":        {"MAIL": "made-up-beta's", "LOG": "made-up-log", "REF": "made-up-log/x"},
			"/gamma":       {"LOG": "made-up-gamma's"},
			"/teams/web":   {},
			"/hidden":      {"MAIL": "made-up-mail"},
		}},
		Imports: map[string]map[string][]string{"prod": {"/gamma": {"/shared"}}},
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed())
	w.auditor.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayNotSee("/hidden")))
	want := map[string]map[string]string{
		"alpha":  {"MAIL": "ok", "LOG": "differs", "REF": "missing"},
		"beta":   {"MAIL": "shadowed", "LOG": "ok", "REF": "ok"},
		"gamma":  {"MAIL": "imported", "LOG": "differs", "REF": "imported"},
		"hidden": {"MAIL": "unknown", "LOG": "unknown", "REF": "unknown"},
		"web":    {"MAIL": "missing", "LOG": "missing", "REF": "missing"},
	}
	if diff := cmp.Diff(want, w.audit()); diff != "" {
		t.Error(diff)
	}
}

// TestFix repairs what is off and nothing else, and has nothing to do afterwards.
func TestFix(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]devstore.Fault{
		"a good day":      nil,
		"one in ten":      {{Kind: devstore.ServerError, Chance: 0.1, Route: "/api/v3"}, {Kind: devstore.Dropped, Chance: 0.1, Route: "/api/v3"}},
		"a limited store": {{Kind: devstore.RateLimited, Times: 5, RetryAfter: time.Second, Route: "/api/v3"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, seed())
			f := estate.Fixer{Auditor: w.auditor, Store: w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite()))}
			f.Auditor.Store = f.Store
			w.store.Faults().Add(faults...)
			r, err := f.Audit(t.Context(), "prod", nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 10 { // as a person would run it again
				if len(r.Plan()) == 0 {
					break
				}
				for _, o := range f.Fix(t.Context(), r) {
					if faults == nil && o.Err != nil {
						t.Errorf("%+v", o)
					}
				}
				if r, err = f.Audit(t.Context(), "prod", nil); err != nil {
					t.Fatal(err)
				}
			}
			w.store.Faults().Clear()
			ok := map[string]string{"MAIL": "ok", "LOG": "ok", "REF": "ok"}
			want := map[string]map[string]string{"alpha": ok, "web": ok, "beta": maps.Clone(ok), "hidden": ok, "gamma": {"MAIL": "imported", "LOG": "ok", "REF": "imported"}}
			want["beta"]["MAIL"] = "shadowed"
			if diff := cmp.Diff(want, w.audit()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFixWritesWhatWasLookedAt: nobody agreed to what came after.
func TestFixWritesWhatWasLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed())
	f := estate.Fixer{Auditor: w.auditor, Store: w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite()))}
	r, err := f.Audit(t.Context(), "prod", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.store.Set("prod", "/alpha", "LOG", "made-up-newer")      // it differed already
	w.store.Set("prod", "/teams/web", "LOG", "made-up-by-web") // it was missing
	w.store.Set("prod", "/shared", "MAIL", "made-up-rotated")
	got := map[string]estate.Outcome{}
	for _, o := range f.Fix(t.Context(), r) {
		got[o.Project.Name] = o
	}
	want := map[string][2][]string{ // written, left
		"alpha": {{"REF"}, {"LOG"}}, "gamma": {{"LOG"}, nil}, "hidden": {{"LOG", "REF"}, nil}, "web": {{"REF"}, {"LOG", "MAIL"}},
	}
	for name, o := range got {
		if diff := cmp.Diff(want[name], [2][]string{o.Written, o.Left}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(got) != len(want) || !errors.Is(got["alpha"].Err, estate.ErrChanged) || !errors.Is(got["web"].Err, estate.ErrSourceChanged) {
		t.Errorf("got %+v", got)
	}
	own, err := f.Store.(*infisical.Client).Own(t.Context(), "prod", "/teams/web")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range own.Secrets {
		if s.Entry.Ref.Name() == "LOG" && !s.Value.Equal(secret.NewValue("made-up-by-web")) {
			t.Error("what web had written meanwhile is overwritten")
		}
	}
}

// TestMissingIsProved: what a closed import may have is not missing.
func TestMissingIsProved(t *testing.T) {
	t.Parallel()
	s := seed()
	s.Environments["prod"]["/common"] = map[string]string{"REF": "made-up-common"}
	s.Imports["prod"]["/alpha"] = []string{"/common"}
	w := newWorld(t, s)
	w.auditor.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayNotSee("/common")))
	if got := w.audit()["alpha"]; got["REF"] != "unknown" || got["MAIL"] != "ok" {
		t.Errorf("got %v", got)
	}
	w.auditor.Store = w.as(devstore.MayRead())
	if got := w.audit()["alpha"]; got["REF"] != "differs" {
		t.Errorf("got %v", got)
	}
}

// TestBlind: a source that refers to what this identity may not read is unknown
// everywhere, and said.
func TestBlind(t *testing.T) {
	t.Parallel()
	s := seed()
	s.Environments["prod"]["/shared"]["FAR"] = "${prod.hidden.MAIL}/x"
	w := newWorld(t, s)
	w.auditor.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayNotSee("/hidden")))
	r, err := w.auditor.Audit(t.Context(), "prod", func(name string) bool { return name == "alpha" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"FAR", "REF"}, r.Blind); diff != "" || r.Count(estate.Unknown) != 2 || r.Count(estate.Differs) != 1 {
		t.Errorf("%+v %s", r.Rows, diff)
	}
}

// TestProjects: what all projects have in common is none of them.
func TestProjects(t *testing.T) {
	t.Parallel()
	s := seed()
	s.Environments["prod"]["/vaults/all"] = map[string]string{"X": "made-up-x"}
	w := newWorld(t, s)
	l := layout()
	l.Vault = "/vaults/all"
	all, err := l.Projects(t.Context(), w.auditor.Store, "prod")
	if err != nil {
		t.Fatal(err)
	}
	want := []estate.Project{{"alpha", "/alpha"}, {"beta", "/beta"}, {"gamma", "/gamma"}, {"hidden", "/hidden"}, {"web", "/teams/web"}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

// TestPace asks 200 things of a store that answers forty a minute: it takes four
// minutes, and each of those who ask is turned away once a minute at most.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var begun time.Time
		answered, refused, done := 0, 0, 0
		ask := func() error {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); now.Sub(begun) >= time.Minute {
				begun, answered = now, 0
			}
			if answered == 40 {
				refused++
				return &secret.RateLimitedError{After: time.Until(begun.Add(time.Minute))}
			}
			answered, done = answered+1, done+1
			return nil
		}
		p, start := estate.Pace{}, time.Now()
		p.Each(t.Context(), 200, func(int) {
			if err := p.Patiently(t.Context(), ask); err != nil {
				t.Error(err)
			}
		})
		if took := time.Since(start); done != 200 || refused > 4*8 || took != 4*time.Minute {
			t.Errorf("%d of 200 done in %v, %d refused", done, took, refused)
		}
	})
}
