package launch_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
)

// scope is that of every test.
func scope(env string) secret.Scope {
	return secret.Scope{Project: "alpha", Environment: env, Path: "/alpha", StagingPath: "/alpha/staging"}
}

// plan makes the plan for a store with these values, by path.
func plan(t *testing.T, env string, folders map[string]map[string]string, parent []string, allow ...string) launch.Plan {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: map[string]map[string]map[string]string{env: folders}}})
	id, key := held.AddIdentity(devstore.Identity{Name: "launch", Rules: devstore.Seed{}.Rules()})
	server, err := devstore.Serve(t.Context(), "127.0.0.1:0", held)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := infisical.New(infisical.Options{
		Site: server.URL(), ProjectID: held.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		t.Fatal(err)
	}
	secrets := store.New(store.Options{Scope: scope(env), Source: client, Learner: redact.New(redact.Options{})})
	return launch.New(launch.Options{Parent: parent, Scope: scope(env), Snapshot: secrets.Snapshot(t.Context()), Allow: allow})
}

func TestEnvironmentOfAnAgent(t *testing.T) {
	t.Parallel()
	got := plan(t, "dev",
		map[string]map[string]string{
			"/alpha":         {"A": "base-a", "B": "base-b", "C": "base-c"},
			"/alpha/staging": {"B": "staging-b", "C": "staging-${NOT_THERE}"},
		},
		[]string{
			"KEEP=1", "A=mine", "B=staging-b", "PROJECT_ENV=prod", "SCRIM_PROJECT=beta", "INFISICAL_API_URL=https://one.example.test",
			"INFISICAL_TOKEN=t", "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=i", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=s", "INFISICAL_MACHINE_IDENTITY_JWT=j",
			"EMPTY=", "ODD", "=C:=x",
		})
	want := []string{
		"=C:=x", "A=base-a", "B=staging-b", "EMPTY=", "INFISICAL_API_URL=https://one.example.test", "KEEP=1", "ODD", "PROJECT_ENV=dev", "SCRIM_PROJECT=alpha",
	}
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got.Env))); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if !slices.Equal(got.Replaced, []string{"A"}) {
		t.Errorf("replaced: %v", got.Replaced)
	}
	// What staging was to replace does not come back where staging's own cannot be used.
	if len(got.Refused) != 1 || got.Refused[0].Ref.Name() != "C" || got.Refused[0].Ref.Path() != "/alpha/staging" {
		t.Errorf("refused: %v", got.Refused)
	}
}

// TestNamesThatRunCode: no secret gets a program of somebody's into the agent's
// place, however its name is written, unless the user says so.
func TestNamesThatRunCode(t *testing.T) {
	t.Parallel()
	names := []string{
		"PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "BASH_ENV", "ENV", "PYTHONSTARTUP", "GIT_SSH_COMMAND", "IFS",
		"Path", "node_options", "npm_config_node_options", "GIT_CONFIG_COUNT", "BASH_FUNC_ls", "PROMPT_COMMAND", "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS",
	}
	values := map[string]string{"FINE": "made-up"}
	for _, name := range names {
		values[name] = "made-up"
	}
	got := plan(t, "prod", map[string]map[string]string{"/alpha": values}, nil)
	if len(got.Injected) != 1 || len(got.Refused) != len(names) {
		t.Errorf("%d injected, %d refused", len(got.Injected), len(got.Refused))
	}
	got = plan(t, "prod", map[string]map[string]string{"/alpha": values}, nil, "NODE_OPTIONS")
	if !slices.Contains(got.Env, "NODE_OPTIONS=made-up") || slices.Contains(got.Env, "node_options=made-up") {
		t.Errorf("allowed: %v", got.Env)
	}
	// No file can allow what scrim itself reads.
	own := map[string]string{"SCRIM_PROJECT": "beta", "SCRIM_CONFIG": "x", "PROJECT_ENV": "prod", "INFISICAL_API_URL": "https://two.example.test", "INFISICAL_TOKEN": "t"}
	got = plan(t, "dev", map[string]map[string]string{"/alpha": own}, nil, "SCRIM_PROJECT", "SCRIM_CONFIG", "PROJECT_ENV", "INFISICAL_API_URL", "INFISICAL_TOKEN")
	if len(got.Injected) != 0 || strings.Join(got.Env, " ") != "PROJECT_ENV=dev" {
		t.Errorf("%v", got.Env)
	}
}

// TestValuesThatCannotBe: a value with a NUL, and one that still refers to another.
func TestValuesThatCannotBe(t *testing.T) {
	t.Parallel()
	got := plan(t, "prod", map[string]map[string]string{"/alpha": {
		"NUL": "made\x00up", "REFERS": "x${dev.folder.NAME}y", "SHELL_WORDS": "${VAR:-default} $VAR ${}", "LINES": "a\nb",
	}}, nil)
	var refused []string
	for _, r := range got.Refused {
		refused = append(refused, r.Ref.Name())
		if strings.Contains(r.Reason, "made") || strings.Contains(r.Reason, "folder") {
			t.Errorf("the reason tells of the value: %s", r.Reason)
		}
	}
	if !slices.Equal(refused, []string{"NUL", "REFERS"}) || !slices.Contains(got.Env, "LINES=a\nb") {
		t.Errorf("refused %v of %v", refused, got.Env)
	}
	// The zero plan of nothing is an environment of nothing.
	if got := launch.New(launch.Options{}); len(got.Injected) != 0 {
		t.Errorf("%v", got)
	}
}
