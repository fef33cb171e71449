package config

import (
	"errors"
	"strings"
	"testing"

	"scrim/internal/secret"
)

// TestSessionIsTheScope: whatever files and variables say, a process inside a
// session looks at the session's scope or at nothing.
func TestSessionIsTheScope(t *testing.T) {
	const token = "made-up-token"
	scope := secret.Scope{
		Site: "https://one.example.test", ProjectID: "p-9", Environment: "dev", Stated: true, Project: "alpha", Path: "/apps/alpha",
		VaultPath: "/apps/alpha/vault", StagingPath: "/apps/alpha/staging", SharedPath: "/shared",
	}
	for name, c := range map[string]struct {
		flags Flags
		vars  map[string]string
		want  string // the start of an error, or "" where the scope is the session's
	}{
		"nothing said":        {},
		"the same said":       {Flags{Project: "alpha", Env: "dev"}, map[string]string{"SCRIM_PROJECT": "alpha", "PROJECT_ENV": "dev"}, ""},
		"another project":     {Flags{Project: "beta"}, nil, "--project: "},
		"another environment": {Flags{Env: "prod"}, nil, "--env: "},
		"another in a variable": {
			Flags{}, map[string]string{"PROJECT_ENV": "prod"}, "PROJECT_ENV: ",
		},
		"another project in a variable": {Flags{}, map[string]string{"SCRIM_PROJECT": "beta"}, "SCRIM_PROJECT: "},
		"another id":                    {Flags{}, map[string]string{"SCRIM_PROJECT_ID": "p-1"}, ""},
		"its own site": {
			Flags{}, map[string]string{"INFISICAL_TOKEN": token, "INFISICAL_API_URL": "https://one.example.test/api"}, "",
		},
		"another site": {
			Flags{}, map[string]string{"INFISICAL_TOKEN": token, "INFISICAL_API_URL": "https://two.example.test"}, "INFISICAL_API_URL: ",
		},
		"another site without credentials": {Flags{}, map[string]string{"INFISICAL_API_URL": "https://two.example.test"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML("project = \"gamma\"\nproject_id = \"p-2\"\n[env]\ndefault = \"prod\"\n")
			got, err := Load(Input{
				Getenv: func(name string) string { return c.vars[name] }, Dir: w.repo, Home: w.home, Flags: c.flags, Session: &scope,
			})
			if c.want == "" {
				if err != nil || got.Scope.Site != scope.Site || got.Scope.Path != scope.Path || got.Scope.Environment != "dev" || got.Scope.ProjectID != "p-9" {
					t.Errorf("%v, %+v", err, got.Scope)
				}
				return
			}
			if _, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
