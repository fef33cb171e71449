//go:build linux || darwin

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/audit"
	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// mover is a person, or an agent that makes up a terminal, who moves secrets out of
// the vault.
type mover struct {
	*asker
	store *devstore.Store
	url   string
}

func newMover(t *testing.T) *mover {
	t.Helper()
	store := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {"/alpha": {}, "/alpha/vault": {"DEPLOY_TOKEN": litValue, "OTHER_TOKEN": "made-up/other-of-the-vault"}},
		"dev":  {"/alpha": {}, "/alpha/vault": {"DEPLOY_TOKEN": litValue}},
	}}})
	id, key := store.AddIdentity(devstore.Identity{Name: "keeper", Rules: slices.Concat(devstore.MayRead(), devstore.MayWrite())})
	server, err := devstore.Serve(t.Context(), "127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	home := t.TempDir()
	return &mover{&asker{t: t, env: map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "SCRIM_CONFIG": "", tokenVar: "",
		"INFISICAL_API_URL": server.URL(), "SCRIM_PROJECT_ID": store.ProjectID(), "SCRIM_PROJECT": "alpha", "PROJECT_ENV": "prod",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": key,
	}}, store, server.URL()}
}

// isAt fails unless the token is at these places of the environment and at no other.
func (m *mover) isAt(environment string, places ...string) {
	m.t.Helper()
	id, key := m.store.AddIdentity(devstore.Identity{Name: "looker", Rules: devstore.MayRead()})
	c, err := infisical.New(infisical.Options{
		Site: m.url, ProjectID: m.store.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)), Timeout: 5 * time.Second,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, place := range []string{"/alpha", "/alpha/vault"} {
		held, err := c.Own(m.t.Context(), environment, place)
		if err != nil {
			m.t.Fatal(err)
		}
		there := slices.ContainsFunc(held.Secrets, func(s secret.Listed) bool {
			return s.Entry.Ref.Name() == "DEPLOY_TOKEN" && s.Value.Reveal() == litValue
		})
		if there != slices.Contains(places, place) {
			m.t.Errorf("at %s: %v", place, there)
		}
	}
}

// refused waits for a move that must not have happened.
func (m *mover) refused(d *desk) {
	m.t.Helper()
	d.sees(`Not approved, and nothing was moved`)
	d.leaves(int(errNotApproved))
	m.isAt("prod", "/alpha/vault")
	if strings.Contains(d.text(), litValue) || strings.Contains(d.text(), "walrus") {
		m.t.Error("it shows what it must not")
	}
}

// TestMoveOutWithAPIN: out of production's vault it takes the PIN, once somebody is
// enrolled. An agent with a terminal that it made up gets no further than the
// question, whatever it types or passes.
func TestMoveOutWithAPIN(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	m.enrols(deskPIN)
	for _, typed := range []string{"\n", "yes\n", "made-up walrus 4712\n"} {
		agent := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base", "--yes")
		agent.sees(`Somebody at a terminal asks to move secrets out of the vault`)
		agent.sees(`DEPLOY_TOKEN`)
		agent.sees(`every agent of the project`)
		agent.sees(`PIN \(not shown\): `)
		agent.types(typed)
		m.refused(agent)
	}
	if trail := m.trail(); strings.Contains(trail, "approved") || strings.Contains(trail, "granted") {
		t.Errorf("the trail is %q", trail)
	}

	person := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base")
	person.sees(`PIN \(not shown\): `)
	person.types(deskPIN + "\n")
	person.sees(`DEPLOY_TOKEN is at prod:/alpha\s`)
	person.leaves(0)
	m.isAt("prod", "/alpha")
	if text := person.text(); strings.Contains(text, litValue) || strings.Contains(text, "walrus") {
		t.Error("it shows what it must not")
	}
	records := m.records()
	last := records[len(records)-1]
	if last.Kind != audit.Granted || last.Strength != "verified" || last.Factor != "pin" || last.Delivery != "base" ||
		!slices.Equal(last.Names, []string{"prod:/alpha/vault/DEPLOY_TOKEN"}) {
		t.Errorf("on record as %+v", last)
	}

	// What is enrolled is gone: that is no leave to do without.
	back := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "vault", "--yes")
	back.sees(`DEPLOY_TOKEN is at prod:/alpha/vault`)
	back.leaves(0)
	if err := os.Remove(filepath.Join(m.env["XDG_CONFIG_HOME"], "scrim", "approver.json")); err != nil {
		t.Fatal(err)
	}
	m.refused(m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base"))
}

// TestMoveOut: where nobody is enrolled a yes is whoever's is at the terminal, and
// is recorded as that; without a trail there is none.
func TestMoveOut(t *testing.T) {
	t.Parallel()
	m := newMover(t)
	for _, typed := range []string{"\n", "y\n", "no\n", "\x04"} {
		no := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base", "--yes")
		no.sees(`Type yes: `)
		no.types(typed)
		m.refused(no)
	}
	gone := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base")
	gone.sees(`Type yes: `)
	gone.types("\x03")
	gone.leaves(int(errInterrupted))
	m.isAt("prod", "/alpha/vault")

	yes := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base")
	yes.sees(`Type yes: `)
	yes.types("yes\n")
	yes.sees(`Probed: what is in prod:/alpha/vault is not injected`)
	yes.sees(`DEPLOY_TOKEN is at prod:/alpha\s`)
	yes.leaves(0)
	m.isAt("prod", "/alpha")
	m.isAt("dev", "/alpha/vault")
	trail := m.trail()
	if !strings.HasSuffix(trail, "asked withdrawn asked approved/client granted/client") || strings.Count(trail, "asked denied") != 4 {
		t.Errorf("the trail is %q", trail)
	}

	in := m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "vault")
	in.sees(`Move 1 secret\? \[y/N\] `)
	in.types("y\n")
	in.sees(`DEPLOY_TOKEN is at prod:/alpha/vault`)
	in.leaves(0)

	file := filepath.Join(m.env["XDG_STATE_HOME"], "scrim", "audit.jsonl")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	m.refused(m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base"))
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}

	// A policy asks for a proof, and nobody is enrolled.
	if err := os.MkdirAll(filepath.Join(m.env["XDG_CONFIG_HOME"], "scrim"), 0o700); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(m.env["XDG_CONFIG_HOME"], "scrim", "config.toml")
	for _, narrowed := range []string{`strength = "verified"`, `effect = "deny"`, `deliveries = ["run", "value", "file"]`} {
		if err := os.WriteFile(own, []byte("[policy.vault]\n"+narrowed+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		m.refused(m.sit("vault", "mv", "DEPLOY_TOKEN", "--to", "base"))
	}
}
