package vaultkeep_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
)

// TestProbe looks at vaults that are one, and at those that are none.
func TestProbe(t *testing.T) {
	t.Parallel()
	open := devstore.MayRead()
	withImport := seed()
	withImport.Imports = map[string]map[string][]string{"prod": {"/alpha": {"/alpha/vault"}}}
	for name, test := range map[string]struct {
		options devstore.Options
		change  func(*world, *vaultkeep.Prober)
		passes  bool
		says    []string
	}{
		"a vault": {passes: true, says: []string{
			"ok made the throw-away secret prod:/alpha/vault/SCRIM_PROBE_", "ok a list of prod:/alpha does not return it",
			"ok as the identity in use, its value is read back", "ok removed it again",
		}},
		"a store that matches recursively": {options: devstore.Options{Recursive: true}, says: []string{
			"failed a list of prod:/alpha returns it: this store does not match paths exactly", "ok removed it again",
		}},
		"a project that imports its vault": {options: devstore.Options{Seed: withImport}, says: []string{
			"failed a list of prod:/alpha returns it, by an import of prod:/alpha/vault",
		}},
		"who sees the vault alone": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Store = w.as(slices.Concat(devstore.MayRead("/alpha/vault"), devstore.MayWrite())...)
			},
			says: []string{"failed this identity may not see into prod:/alpha, so that its list does not return it proves nothing"},
		},
		"who does not see what it writes": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite(), devstore.MayNotSee("/alpha/vault"))...)
			},
			says: []string{"failed a list of prod:/alpha/vault does not return it"},
		},
		"who reads no values there": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Store = w.as(slices.Concat(devstore.MayRead(), devstore.MayWrite(), devstore.MayNotReadValues("/alpha/vault"))...)
			},
			passes: true,
			says:   []string{"note the identity in use may not read its value: no yes gets a value from this vault"},
		},
		"others, as they should be": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Others = []vaultkeep.Other{
					{Who: "the agents'", As: w.as(slices.Concat(open, devstore.MayNotReadValues("/alpha/vault"))...)},
					{Who: "the vault's", As: w.as(devstore.MayRead("/alpha/vault")...), Reads: true},
				}
			},
			passes: true,
			says: []string{
				"ok as the agents', a list of prod:/alpha does not return it", "ok as the agents', it is known by name in prod:/alpha/vault",
				"ok as the agents', its value cannot be read", "ok as the vault's, its value is read back",
			},
		},
		"others, as they should not be": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Others = []vaultkeep.Other{
					{Who: "the agents'", As: w.as(open...)},
					{Who: "the vault's", As: w.as(devstore.MayDescribe("/alpha/vault")...), Reads: true},
				}
			},
			says: []string{"failed as the agents', its value can be read", "failed as the vault's, its value cannot be read"},
		},
		"another who sees nothing of it": {
			change: func(w *world, p *vaultkeep.Prober) {
				p.Others = []vaultkeep.Other{{Who: "the agents'", As: w.as(devstore.MayRead("/alpha")...)}}
			},
			passes: true,
			says:   []string{"note the agents' may not see into prod:/alpha/vault"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.options)
			p, said := w.prober()
			if test.change != nil {
				test.change(w, &p)
			}
			var value secret.Value
			p.Learn = func(_ secret.Ref, v secret.Value) { value = v }
			before := w.held("/alpha/vault")
			passed, err := p.Probe(t.Context())
			if err != nil || passed != test.passes {
				t.Errorf("%v, %v", passed, err)
			}
			for _, want := range test.says {
				if !strings.Contains(said.String(), want) {
					t.Errorf("it does not say %q in\n%s", want, said)
				}
			}
			if strings.Contains(said.String(), value.Reveal()) {
				t.Error("it says the value")
			}
			if after := w.held("/alpha/vault"); len(after) != len(before) {
				t.Errorf("the vault has %d secrets after %d", len(after), len(before))
			}
		})
	}
}

// TestProbeIsRefused: where nothing could be made, nothing is proved.
func TestProbeIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		faults []devstore.Fault
		at     string
		as     []devstore.Rule
		want   error
	}{
		"no folder":     {at: "/alpha/archive", want: secret.ErrPathNotFound},
		"no permission": {as: devstore.MayRead(), want: secret.ErrForbidden},
		"by approval":   {faults: []devstore.Fault{{Kind: devstore.ByApproval}}, want: secret.ErrAwaitsApproval},
		"not reachable": {faults: []devstore.Fault{{Kind: devstore.ServerError, Route: "/api/v3"}}, want: secret.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devstore.Options{})
			p, said := w.prober()
			if test.at != "" {
				p.Vault = place(test.at)
			}
			if test.as != nil {
				p.Store = w.as(test.as...)
			}
			w.store.Faults().Add(test.faults...)
			passed, err := p.Probe(t.Context())
			if passed || !errors.Is(err, test.want) {
				t.Errorf("%v, %v\n%s", passed, err, said)
			}
			w.store.Faults().Clear()
			w.noThrowAway()
		})
	}
}

// TestProbeInterrupted ends its context while each of its requests is served, and
// breaks each one off after it was done: in no case is anything left.
func TestProbeInterrupted(t *testing.T) {
	t.Parallel()
	for at := int64(1); at <= 8; at++ {
		for _, drop := range []bool{false, true} {
			t.Run(fmt.Sprint(at, drop), func(t *testing.T) {
				t.Parallel()
				probeInterrupted(t, at, drop)
			})
		}
	}
}

func probeInterrupted(t *testing.T, at int64, drop bool) {
	t.Helper()
	w := newWorld(t, devstore.Options{})
	p, _ := w.prober()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var n atomic.Int64
	w.before(func(_ *http.Request, serve func()) {
		now := n.Add(1) == at
		if now && drop {
			serveNobody(serve)
		}
		if now {
			cancel()
		}
		serve()
	})
	passed, err := p.Probe(ctx)
	if !drop && at < 6 && (passed || !errors.Is(err, context.Canceled)) {
		t.Errorf("%v, %v", passed, err)
	}
	w.noThrowAway()
}

// serveNobody has the store do what is asked, and breaks the connection off.
func serveNobody(serve func()) {
	serve() // what is answered by then is not sent
	panic(http.ErrAbortHandler)
}

// TestLeftovers: what a probe left that was killed is removed by the next one, and
// nothing else is: not what may be in use, nor what only looks like it.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devstore.Options{})
	killed := func(owner string) {
		p, _ := w.prober()
		p.Owner = owner
		w.before(func(r *http.Request, serve func()) {
			if r.Method == http.MethodDelete {
				panic(http.ErrAbortHandler)
			}
			serve()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if passed, err := p.Probe(ctx); passed || !strings.Contains(err.Error(), "run scrim vault probe again") {
			t.Errorf("%v, %v", passed, err)
		}
		w.before(nil)
	}
	killed("gone")
	killed("alive")
	look := "SCRIM_PROBE_" + strings.Repeat("A", 26)
	w.store.Set("prod", "/alpha/vault", look, "made-up: a name and no more")
	p, said := w.prober()
	p.Gone = func(owner string) bool { return owner == "gone" }
	if passed, err := p.Probe(t.Context()); !passed || err != nil {
		t.Errorf("%v, %v", passed, err)
	}
	if text := said.String(); strings.Count(text, "note removed prod:/alpha/vault/SCRIM_PROBE_") != 1 || strings.Count(text, "may still run: left there") != 1 {
		t.Error(text)
	}
	if held := w.held("/alpha/vault"); len(held) != 4 || held[look] == "" {
		t.Errorf("%d secrets", len(held))
	}
	w.now.pass(time.Hour)
	p, said = w.prober()
	if passed, err := p.Probe(t.Context()); !passed || err != nil || strings.Count(said.String(), "note removed") != 1 {
		t.Errorf("%v, %v\n%s", passed, err, said)
	}
	if held := w.held("/alpha/vault"); len(held) != 3 || held[look] == "" {
		t.Errorf("%d secrets", len(held))
	}
}
