package e2e

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// A server that starts without its store says what it cannot know, and knows
// it once the store is there.
func TestStoreDownAtStart(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			store, server := serve(t)
			server.Close()
			w := open(t, storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod"), version, canAsk)
			w.reply(w.request("tools/list", map[string]any{}))

			for _, name := range []string{"MAILER_PHRASE", "PAYOUT_PHRASE", "NOWHERE_PHRASE"} {
				if found := w.find(name); found.IsError || found.Facts.Status != "unknown" {
					t.Errorf("find_secret %s without the store: %+v", name, found.Facts)
				}
			}
			list := w.call("list_secrets", map[string]any{})
			if list.IsError || list.Facts.Complete {
				t.Errorf("list_secrets without the store: %+v", list.Facts)
			}
			for _, location := range []string{"injected", "vault", "shared"} {
				if !slices.ContainsFunc(list.Facts.Unreadable, func(u unreadable) bool { return u.Location == location && u.Reason != "" }) {
					t.Errorf("unreadable does not name %s: %+v", location, list.Facts.Unreadable)
				}
			}
			read := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"})
			if !read.IsError || read.Facts.Code != "store_unavailable" {
				t.Errorf("get_vault_secret without the store: %+v", read.Facts)
			}

			if _, err := devstore.Serve(t.Context(), server.Addr(), store); err != nil {
				t.Fatal(err)
			}
			w.untilComplete()
			if found := w.find("PAYOUT_PHRASE"); found.Facts.Status != "stored_in_vault" {
				t.Errorf("find_secret with the store back: %+v", found.Facts)
			}
			if found := w.find("NOWHERE_PHRASE"); found.Facts.Status != "missing" {
				t.Errorf("find_secret with the store back: %+v", found.Facts)
			}
			if read := w.answer(w.ask("PAYOUT_PHRASE", "pay the people"), approve); read.Facts.Value != seeded["PAYOUT_PHRASE"] {
				t.Errorf("get_vault_secret with the store back: %+v", read.Facts)
			}
			w.end(disclosure{"PAYOUT_PHRASE", 1})
		})
	}
}

// untilComplete lists until nothing is unreadable. A store that is back is
// asked again within seconds.
func (w *wire) untilComplete() {
	w.t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !w.call("list_secrets", map[string]any{}).Facts.Complete {
		select {
		case <-again.C:
		case <-w.t.Context().Done():
			w.fatalf("the list never gets complete")
		}
	}
}

// A store that accepts a connection and says nothing holds up neither the
// handshake nor the end.
func TestSilentStore(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	store.Faults().Add(devstore.Fault{Kind: devstore.Silent})
	w := open(t, storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod"), legacy, nil)
	w.reply(w.request("tools/list", map[string]any{}))
	w.reply(w.request("prompts/list", map[string]any{}))
	w.reply(w.request("resources/list", map[string]any{}))
	w.end(nothing)
}

// What an identity may not see is hidden: nothing there is ever missing.
func TestVaultDenied(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	rules := slices.Concat(devstore.MayRead(), devstore.MayNotSee("/alpha/vault/**"))
	w := open(t, storeRig(t, store, server.URL(), rules, "PROJECT_ENV=prod"), legacy, canAsk)
	for _, name := range []string{"PAYOUT_PHRASE", "NOWHERE_PHRASE"} {
		if found := w.find(name); found.Facts.Status != "hidden" {
			t.Errorf("find_secret %s: %+v, want hidden", name, found.Facts)
		}
	}
	if found := w.find("MAILER_PHRASE"); found.Facts.Status != "injected" {
		t.Errorf("find_secret of an injected secret: %+v", found.Facts)
	}
	if list := w.call("list_secrets", map[string]any{}); list.Facts.Complete ||
		!slices.ContainsFunc(list.Facts.Unreadable, func(u unreadable) bool { return u.Location == "vault" }) {
		t.Errorf("list_secrets: %+v", list.Facts)
	}
	read := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"})
	if !read.IsError || read.Facts.Code != "hidden" {
		t.Errorf("get_vault_secret: %+v, want hidden", read.Facts)
	}
	w.end(nothing)
}

// An identity that may describe the vault finds what is in it and reads none.
func TestVaultDescribeOnly(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	rules := slices.Concat(devstore.MayRead(), devstore.MayNotReadValues("/alpha/vault/**"))
	w := open(t, storeRig(t, store, server.URL(), rules, "PROJECT_ENV=prod"), modern, canAsk)
	if found := w.find("PAYOUT_PHRASE"); found.Facts.Status != "stored_in_vault" {
		t.Errorf("find_secret: %+v", found.Facts)
	}
	if found := w.find("NOWHERE_PHRASE"); found.Facts.Status != "missing" {
		t.Errorf("find_secret: %+v", found.Facts)
	}
	f := w.reply(w.start("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"}))
	if r := f.tool(t); r.ResultType == "input_required" {
		q := question{args: map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"}}
		w.opened(&q, r)
		f = w.retry(q.args, q.state, map[string]any{q.id: approve.fields()})
	}
	if r := f.tool(t); !r.IsError || (r.Facts.Code != "identity_refused" && r.Facts.Code != "hidden") {
		t.Errorf("get_vault_secret: %+v", r.Facts)
	}
	w.end(nothing)
}

// A mistyped environment is an error that names it, never a missing secret.
func TestEnvironmentMistyped(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t, "PROJECT_ENV=prdo"), legacy, canAsk)
	for _, name := range []string{"MAILER_PHRASE", "NOWHERE_PHRASE"} {
		f := w.reply(w.start("find_secret", map[string]any{"name": name}))
		r := f.tool(t)
		if !r.IsError || !strings.Contains(r.Facts.Message+r.Facts.NextStep, "prdo") {
			t.Errorf("find_secret %s: %s", name, f.raw)
		}
		if r.Facts.Status == "missing" || bytes.Contains(f.raw, []byte(`"missing"`)) {
			t.Errorf("find_secret %s says missing: %s", name, f.raw)
		}
	}
	list := w.reply(w.start("list_secrets", map[string]any{}))
	if r := list.tool(t); r.Facts.Complete || !bytes.Contains(list.raw, []byte("prdo")) {
		t.Errorf("list_secrets: %s", list.raw)
	}
	read := w.reply(w.start("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"}))
	if r := read.tool(t); !r.IsError || !bytes.Contains(read.raw, []byte("prdo")) {
		t.Errorf("get_vault_secret: %s", read.raw)
	}
	w.end(nothing)
}

// Where nobody said which environment this is, names are shown and nothing is
// read.
func TestEnvironmentNotStated(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	w := open(t, storeRig(t, store, server.URL(), devstore.MayRead()), legacy, canAsk)
	if found := w.find("PAYOUT_PHRASE"); found.Facts.Status != "stored_in_vault" {
		t.Errorf("find_secret: %+v", found.Facts)
	}
	read := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"})
	if !read.IsError || read.Facts.Code != "environment_not_stated" {
		t.Errorf("get_vault_secret: %+v, want environment_not_stated", read.Facts)
	}
	w.end(nothing)
}

// Outside production staging wins over the project's own secrets.
func TestStagingInDev(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t, "PROJECT_ENV=dev"), legacy, nil)
	for name, want := range map[string]string{
		"MAILER_PHRASE": "staging_override", "STAGE_ONLY_PHRASE": "staging_override",
		"DEV_VAULT_PHRASE": "stored_in_vault", "STATUS_PHRASE": "shared_not_propagated", "PAYOUT_PHRASE": "missing",
	} {
		if found := w.find(name); found.Facts.Status != want {
			t.Errorf("find_secret %s: %+v, want %s", name, found.Facts, want)
		}
	}
	w.end(nothing)
}
