package config

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/secret"
)

// TestEstate needs no project, and has each as a process for it alone would.
func TestEstate(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML("project_id = \"p-1\"\n[paths]\nvault = \"kept\"\n[shared.except]\nweb = [\"LOG\"]\nplain = [\"LOG\"]\n")
	w.userFile("[projects.web]\npath = \"/teams/web\"\nvault_environments = [\"ops\"]\n[projects.plain]\n[shared.except]\nweb = [\"MAIL\"]\n")
	e, err := LoadEstate(w.input())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"web": "/teams/web"}, e.Registered); diff != "" || e.Vault != "kept" || e.Staging != "staging" || e.Shared != "/shared" || e.Here != "" {
		t.Errorf("%s: %+v", diff, e)
	}
	if diff := cmp.Diff(map[string][]string{"web": {"MAIL", "LOG"}, "plain": {"LOG"}}, e.Except); diff != "" {
		t.Error(diff)
	}
	got, err := e.Scope("web", "dev")
	want := secret.Scope{
		Site: e.Config.Scope.Site, ProjectID: "p-1", Environment: "dev", Project: "web", Path: "/teams/web", VaultPath: "/teams/web/kept",
		VaultEnvironments: []string{"ops"}, StagingPath: "/teams/web/staging", SharedPath: "/shared",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var several sync.WaitGroup
	for range 8 {
		several.Go(func() {
			for range 200 {
				if s, err := e.Scope("plain", "dev"); err != nil || s.Path != "/plain" {
					t.Errorf("%v: %+v", err, s)
				}
			}
		})
	}
	several.Wait()
	if _, err := e.Scope("a b", "dev"); err == nil {
		t.Error("a folder that is no project is one")
	}
	if s, err := e.Scope("vault", "dev"); err == nil {
		t.Errorf("a vault is the project %+v", s)
	}
}

// TestEstateIsNotForAgents: inside a session other projects do not exist, and a
// repository chooses no shared source.
func TestEstateIsNotForAgents(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	in := w.input()
	in.Session = &secret.Scope{Project: "alpha", Environment: "dev"}
	if _, err := LoadEstate(in); err == nil || !strings.Contains(err.Error(), "inside a session of project alpha") {
		t.Errorf("got %v", err)
	}
	w.scrimTOML(minimal + "[paths]\nshared = \"/beta\"\n")
	if _, err := LoadEstate(w.input()); err == nil || !strings.Contains(err.Error(), "a repository's shared path") {
		t.Errorf("got %v", err)
	}
}
