package drift_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/drift"
	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
)

// sides reads the project alpha of a seed in these environments.
func sides(t *testing.T, seed devstore.Seed, faults func(*devstore.Faults), environments ...string) []drift.Side {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: seed})
	id, key := held.AddIdentity(devstore.Identity{Name: "reader", Rules: seed.Rules()})
	served, err := devstore.Serve(t.Context(), "127.0.0.1:0", held)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	client, err := infisical.New(infisical.Options{
		Site: served.URL(), ProjectID: held.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)), Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []drift.Side
	for _, environment := range environments {
		s := store.New(store.Options{
			Scope:  secret.Scope{Environment: environment, Project: "alpha", Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging"},
			Source: client, Learner: redact.New(redact.Options{}),
		})
		all = append(all, drift.Side{
			Environment: environment, Production: environment == "prod", Store: s, Snapshot: s.Snapshot(t.Context()),
			Credential: func(ref secret.Ref, _ secret.Value) bool { return strings.HasSuffix(ref.Name(), "KEY") },
		})
	}
	if faults != nil {
		faults(held.Faults())
	}
	return all
}

// compared says each row in a line.
func compared(t *testing.T, sides []drift.Side) []string {
	t.Helper()
	rows, err := drift.Comparer{}.Compare(t.Context(), sides)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range rows {
		line := r.Name + ":"
		for i, c := range r.Cells {
			line += fmt.Sprintf(" %s %s %v", sides[i].Environment, c.Presence, c.Locations)
			if !c.Sure {
				line += "?"
			}
		}
		for _, f := range r.Faults {
			line += " " + string(f)
		}
		if r.Uncompared {
			line += " uncompared"
		}
		lines = append(lines, line)
	}
	return lines
}

func seed() devstore.Seed {
	return devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {
			"/alpha":       {"SAME_KEY": "made-up-1", "OWN_KEY": "made-up-2", "REGION": "eu", "NEW": "x", "GIVEN": "y"},
			"/alpha/vault": {"ROOT_KEY": "made-up-3", "STORED": "z"},
		},
		"dev": {
			"/alpha":         {"SAME_KEY": "made-up-1", "OWN_KEY": "made-up-9", "REGION": "eu"},
			"/alpha/staging": {"OWN_KEY": "made-up-8", "ONLY_STAGING": "w"},
			"/alpha/vault":   {"ROOT_KEY": "made-up-3", "GIVEN": "y"},
		},
		"qa": {},
	}}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	want := []string{
		"GIVEN: dev present [vault] prod present [injected] elsewhere",
		"NEW: dev absent [] prod present [injected] missing",
		"ONLY_STAGING: dev present [staging] prod absent [] missing",
		"OWN_KEY: dev present [injected staging] prod present [injected]",
		"REGION: dev present [injected] prod present [injected]",
		"ROOT_KEY: dev present [vault] prod present [vault] same_in_production",
		"SAME_KEY: dev present [injected] prod present [injected] same_in_production",
		"STORED: dev absent [] prod present [vault]",
	}
	if diff := cmp.Diff(want, compared(t, sides(t, seed(), nil, "dev", "prod"))); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	// An environment without the project has none of it, and nothing in common.
	got := compared(t, sides(t, seed(), nil, "dev", "qa"))
	if !slices.Contains(got, "SAME_KEY: dev present [injected] qa absent [] missing") || strings.Contains(strings.Join(got, "\n"), "same") {
		t.Errorf("got %v", got)
	}
}

// TestNotKnownIsNotAbsent: what this identity may not look into, or could not read,
// is never called missing, and no value that it may not read is called the same.
func TestNotKnownIsNotAbsent(t *testing.T) {
	t.Parallel()
	denied := seed()
	denied.Deny = []string{"/alpha/vault"}
	for _, line := range compared(t, sides(t, denied, nil, "dev", "prod")) {
		if strings.HasPrefix(line, "NEW:") && line != "NEW: dev hidden []? prod present [injected]?" || strings.Contains(line, "missing") || strings.Contains(line, "elsewhere") || strings.Contains(line, "absent") {
			t.Errorf("with a closed vault: %s", line)
		}
	}
	described := seed()
	described.DescribeOnly = []string{"/alpha/vault"}
	got := compared(t, sides(t, described, nil, "dev", "prod"))
	if !slices.Contains(got, "ROOT_KEY: dev present [vault] prod present [vault] uncompared") || !slices.Contains(got, "NEW: dev absent [] prod present [injected] missing") {
		t.Errorf("with a vault of names: %v", got)
	}
	imports := seed()
	imports.Environments["dev"]["/closed"] = map[string]string{"NEW": "x"}
	imports.Imports = map[string]map[string][]string{"dev": {"/alpha": {"/closed"}}}
	imports.Deny = []string{"/closed"}
	for _, line := range compared(t, sides(t, imports, nil, "dev", "prod")) {
		if strings.HasPrefix(line, "NEW:") && line != "NEW: dev hidden []? prod present [injected]" {
			t.Errorf("with a closed import: %s", line)
		}
	}
	down := func(f *devstore.Faults) { f.Add(devstore.Fault{Kind: devstore.HTMLPage}) }
	for _, line := range compared(t, sides(t, seed(), down, "dev", "prod")) {
		if strings.Contains(line, "missing") || strings.Contains(line, "absent") {
			t.Errorf("with a store that went away: %s", line)
		}
	}
}
