package estate_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/estate"
	"scrim/internal/secret"
)

// TestCensus counts, and says "hidden" where an empty list proves nothing.
func TestCensus(t *testing.T) {
	t.Parallel()
	s := seed()
	s.Environments["prod"]["/beta/vault"] = map[string]string{}
	s.Environments["prod"]["/beta/staging"] = map[string]string{"S": "made-up-s"}
	s.Environments["prod"]["/hidden/vault"] = map[string]string{"V": "made-up-v"}
	w := newWorld(t, s)
	see := func(rules ...devstore.Rule) map[string]string {
		census := estate.Census{Store: w.as(rules), Layout: layout()}
		tallies, err := census.Take(t.Context(), "prod")
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, one := range tallies {
			for _, n := range []estate.Count{one.Injected, one.Staging, one.Vault} {
				got[one.Project.Name] += n.Sight.String()[:1] + string(rune('0'+n.N))
			}
		}
		return got
	}
	want := map[string]string{"alpha": "c3a0c1", "beta": "c3c1c0", "gamma": "c3a0a0", "hidden": "h0a0h0", "web": "c0a0a0"}
	if diff := cmp.Diff(want, see(slices.Concat(devstore.MayRead(), devstore.MayNotSee("/hidden/**"))...)); diff != "" {
		t.Error(diff)
	}
	w.store.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500, SecretPath: "/beta/vault"})
	if got := see(devstore.MayDescribe()...)["beta"]; got != "c3c1u0" {
		t.Errorf("unreadable: %s", got)
	}
	if _, err := (estate.Census{Store: w.as(devstore.MayRead()), Layout: layout()}).Take(t.Context(), "nowhere"); !errors.Is(err, secret.ErrPathNotFound) {
		t.Error(err)
	}
}

// TestHiddenSource: a shared source that this identity may not see into has an empty
// list too, and is not one without secrets.
func TestHiddenSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed())
	w.auditor.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayNotSee("/shared")))
	if r, err := w.auditor.Audit(t.Context(), "prod", nil); !errors.Is(err, secret.ErrForbidden) {
		t.Errorf("%+v, %v", r.Names, err)
	}
}

// TestFounder makes what is missing, from the top, and nothing twice.
func TestFounder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, seed())
	store := w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite()))
	f := estate.Founder{Store: store}
	paths := []string{"/teams/new/app", "/teams/new/app/vault", "/alpha", "/alpha/vault"}
	missing, err := f.Missing(t.Context(), "prod", paths...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/teams/new", "/teams/new/app", "/teams/new/app/vault"}, missing); diff != "" {
		t.Error(diff)
	}
	w.store.Faults().Add(devstore.Fault{Kind: devstore.RateLimited, Times: 1, Route: "/api/v1/folders"})
	for range 2 {
		for _, at := range missing {
			if err := f.Make(t.Context(), "prod", at); err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
	}
	if missing, err := f.Missing(t.Context(), "prod", paths...); len(missing) > 0 || err != nil {
		t.Errorf("%v, %v", missing, err)
	}
	if _, err := f.Missing(t.Context(), "nowhere", "/alpha"); !errors.Is(err, secret.ErrPathNotFound) {
		t.Error(err)
	}
	reader := estate.Founder{Store: w.as(devstore.MayRead())}
	if err := reader.Make(t.Context(), "prod", "/other"); !errors.Is(err, secret.ErrForbidden) {
		t.Error(err)
	}
}
