package vaultkeep_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
)

func (w *world) mover() vaultkeep.Mover {
	return vaultkeep.Mover{Store: w.keeper(), From: place("/alpha"), To: place("/alpha/vault"), Beside: []secret.Place{place("/alpha/staging"), place("/shared")}}
}

// comments writes a secret with a comment, as a person does.
func (w *world) comments(at, name, value, comment string) {
	w.t.Helper()
	err := w.keeper().Create(w.t.Context(), "prod", at, []secret.Draft{{Name: name, Value: secret.NewValue(value), Comment: comment}})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestPlan says of each secret what is to be done, and why not.
func TestPlan(t *testing.T) {
	t.Parallel()
	s := seed()
	s.Environments["prod"]["/alpha"]["REFERRED"] = "made-up-referred"
	s.Environments["prod"]["/alpha"]["SAME"] = "made-up-same"
	s.Environments["prod"]["/alpha/vault"]["SAME"] = "made-up-same"
	s.Environments["prod"]["/more"] = map[string]string{"IMPORTED": "made-up-imported"}
	s.Imports = map[string]map[string][]string{"prod": {"/alpha": {"/more"}}}
	w := newWorld(t, devstore.Options{Seed: s})
	w.comments("/alpha", "REMARK", "made-up-remark", "who made it")
	w.comments("/alpha/vault", "REMARK", "made-up-remark", "somebody else")
	items, err := w.mover().Plan(t.Context(), []string{"KEY", "FAR", "SHELL", "SAME", "STORED", "OTHER", "BESIDE", "REFERRED", "REMARK", "NONE", "IMPORTED"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, item := range items {
		stage := []string{"stuck", "here", "copied", "moved"}[item.Stage]
		for _, why := range []string{"another value", "refers to a secret beside it", "prod:/alpha/staging/USES would lead nowhere", "another comment", "neither at", "by an import"} {
			if strings.Contains(item.Why, why) {
				stage += ": " + why
			}
		}
		got[item.Name] = stage
	}
	want := map[string]string{
		"KEY": "here", "FAR": "here", "SHELL": "here", "SAME": "copied", "STORED": "moved",
		"OTHER": "stuck: another value", "BESIDE": "stuck: refers to a secret beside it",
		"REFERRED": "stuck: prod:/alpha/staging/USES would lead nowhere", "REMARK": "stuck: another comment",
		"NONE": "stuck: neither at", "IMPORTED": "stuck: by an import",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	hidden := w.mover()
	hidden.Store = w.as(slices.Concat(devstore.MayRead("/alpha/vault"), devstore.MayDescribe("/alpha"))...)
	if _, err := hidden.Plan(t.Context(), []string{"KEY"}); !errors.Is(err, secret.ErrForbidden) {
		t.Errorf("without values: %v", err)
	}
	nowhere := w.mover()
	nowhere.To = place("/alpha/archive")
	if _, err := nowhere.Plan(t.Context(), []string{"KEY"}); !errors.Is(err, secret.ErrPathNotFound) {
		t.Errorf("to nowhere: %v", err)
	}
}

// TestMove carries value, comment and references over as they are written.
func TestMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{})
	w.comments("/alpha", "REMARK", "made-up-remark\n", "who made it")
	m := w.mover()
	for _, name := range []string{"KEY", "FAR", "SHELL", "REMARK"} {
		if stage, err := m.Move(t.Context(), name); err != nil || stage != vaultkeep.Moved {
			t.Errorf("%s: %v, %v", name, stage, err)
		}
	}
	want := map[string]string{
		"KEY": "made-up-key", "FAR": "x-${prod.beta.B}", "SHELL": "${HOME:-x}", "REMARK": "made-up-remark\n",
		"STORED": "made-up-stored", "OTHER": "made-up-another",
	}
	if diff := cmp.Diff(want, w.held("/alpha/vault")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"OTHER": "made-up-other", "BESIDE": "x-${OTHER}"}, w.held("/alpha")); diff != "" {
		t.Error(diff)
	}
	own, err := w.keeper().Own(t.Context(), "prod", "/alpha/vault")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range own.Secrets {
		if s.Entry.Ref.Name() == "REMARK" && s.Entry.Comment != "who made it" {
			t.Errorf("the comment is %q", s.Entry.Comment)
		}
	}
	if stage, err := m.Move(t.Context(), "OTHER"); !errors.Is(err, vaultkeep.ErrConflict) || stage != vaultkeep.Stuck {
		t.Errorf("another value: %v, %v", stage, err)
	}
}

// TestMoveDies has whoever moves die at each request in turn, before the store did
// it and after: the secret is at one place or at both, with its value, and the same
// command ends the move.
func TestMoveDies(t *testing.T) {
	t.Parallel()
	const requests = 9 // of one move
	for at := int64(1); at <= requests+1; at++ {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprint(at, done), func(t *testing.T) {
				t.Parallel()
				moveDies(t, at, done, at > requests)
			})
		}
	}
}

// moveDies moves, and dies at one request, which the store did or not. None is the
// number of no request.
func moveDies(t *testing.T, at int64, done, none bool) {
	t.Helper()
	w := newWorld(t, devstore.Options{})
	var n atomic.Int64
	ctx, die := context.WithTimeout(t.Context(), time.Minute)
	defer die()
	w.before(func(_ *http.Request, serve func()) {
		switch now := n.Add(1); {
		case now == at && done:
			die()
			serveNobody(serve)
		case now >= at:
			die()
			panic(http.ErrAbortHandler)
		}
		serve()
	})
	stage, err := w.mover().Move(ctx, "KEY")
	if ended := err == nil && stage == vaultkeep.Moved; ended != none {
		t.Errorf("after %d requests: %v, %v", n.Load(), stage, err)
	}
	w.whole(at)
	if stage, err := w.mover().Move(t.Context(), "KEY"); !none && (err != nil || stage != vaultkeep.Moved) {
		t.Errorf("run again: %v, %v", stage, err)
	}
	w.whole(at)
}

// whole fails where the secret that is moved is lost, or is not what it was.
func (w *world) whole(at int64) {
	w.t.Helper()
	const name, value = "KEY", "made-up-key"
	base, vault := w.held("/alpha"), w.held("/alpha/vault")
	for _, held := range []map[string]string{base, vault} {
		if got, there := held[name]; there && got != value {
			w.t.Errorf("at %d: it is another value", at)
		}
	}
	if base[name] == "" && vault[name] == "" {
		w.t.Errorf("at %d: it is lost", at)
	}
}

// TestMoveOnABadDay: requests that fail, with and without having been done, and a
// limited rate, keep nothing from its end.
func TestMoveOnABadDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{})
	w.store.Faults().Add(
		devstore.Fault{Kind: devstore.RateLimited, Times: 2, RetryAfter: time.Second, Route: "/api/v3"},
		devstore.Fault{Kind: devstore.Dropped, Chance: 0.2, Route: "/api/v3"})
	var n atomic.Int64
	w.before(func(_ *http.Request, serve func()) {
		if n.Add(1)%5 == 0 {
			serveNobody(serve)
		}
		serve()
	})
	moved := false
	for range 5 { // as a person would run it again
		stage, err := w.mover().Move(t.Context(), "KEY")
		if moved = err == nil && stage == vaultkeep.Moved; moved {
			break
		}
	}
	w.store.Faults().Clear()
	w.whole(0)
	if !moved {
		t.Error("it did not come to its end")
	}
}

// TestMovesCross: several that move at once, and in both directions, lose nothing.
func TestMovesCross(t *testing.T) {
	t.Parallel()
	for range 10 {
		w := newWorld(t, devstore.Options{})
		in, out := w.mover(), w.mover()
		out.From, out.To = in.To, in.From
		var all sync.WaitGroup
		for _, m := range []vaultkeep.Mover{in, out, in, out} {
			all.Go(func() { _, _ = m.Move(t.Context(), "KEY") })
		}
		all.Wait()
		w.whole(0)
	}
}

// TestChangedMeanwhile: a secret that somebody changes after it was copied is not
// deleted.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{})
	w.before(func(r *http.Request, serve func()) {
		serve()
		if r.Method == http.MethodPost {
			w.store.Set("prod", "/alpha", "KEY", "made-up-newer")
		}
	})
	if stage, err := w.mover().Move(t.Context(), "KEY"); !errors.Is(err, vaultkeep.ErrConflict) || stage != vaultkeep.Stuck {
		t.Errorf("%v, %v", stage, err)
	}
	if got := w.held("/alpha")["KEY"]; got != "made-up-newer" {
		t.Error("it is gone, or what it was")
	}
}

// TestMoveAwaitsApproval says how far it came where the store makes requests of
// writes.
func TestMoveAwaitsApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{})
	w.store.Faults().Add(devstore.Fault{Kind: devstore.ByApproval, SecretPath: "/alpha/vault", Times: 1})
	if stage, err := w.mover().Move(t.Context(), "KEY"); stage != vaultkeep.Here || !errors.Is(err, secret.ErrAwaitsApproval) {
		t.Errorf("%v, %v", stage, err)
	}
	w.store.Faults().Add(devstore.Fault{Kind: devstore.ByApproval, SecretPath: "/alpha", Times: 1})
	if stage, err := w.mover().Move(t.Context(), "KEY"); stage != vaultkeep.Copied || !errors.Is(err, secret.ErrAwaitsApproval) {
		t.Errorf("%v, %v", stage, err)
	}
	w.whole(0)
}

// TestRecursiveStoreLosesNothing: even without a probe before it, a list that has
// more than the folder's own is not taken for a copy.
func TestRecursiveStoreLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{Recursive: true})
	m := w.mover()
	m.From, m.To = m.To, m.From
	if stage, err := m.Move(t.Context(), "STORED"); err != nil || stage != vaultkeep.Moved {
		t.Errorf("%v, %v", stage, err)
	}
	if got := w.held("/alpha")["STORED"]; got != "made-up-stored" {
		t.Error("it is lost")
	}
}
