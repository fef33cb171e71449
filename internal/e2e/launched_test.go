package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// TestClaudeCodeLaunched starts the coding agent with `scrim run`, with a server
// that `scrim init` registered and credentials that came through the environment
// alone. It sees what is loaded, what is only stored, and a rotation.
func TestClaudeCodeLaunched(t *testing.T) {
	t.Parallel()
	bin := claudeBin(t)
	store, server := serve(t)
	id, key := store.AddIdentity(devstore.Identity{Name: "launcher", Rules: devstore.MayRead()})
	find := func(name string) use { return use{Tool: "find_secret", Input: map[string]any{"name": name}} }
	rotated := find("MAILER_PHRASE")
	rotated.Before = func() {
		store.Set("prod", "/alpha", "MAILER_PHRASE", "another-heron-5582-lantern-oriel")
		time.Sleep(31 * time.Second) // a snapshot serves for 30 s
	}
	m := newModel(t, use{Tool: "list_secrets", Input: map[string]any{}}, find("MAILER_PHRASE"), find("PAYOUT_PHRASE"), rotated)

	home := t.TempDir()
	repo := filepath.Join(home, "repo")
	if err := os.Mkdir(repo, 0o700); err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(home, "bin")
	if err := os.MkdirAll(tools, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(scrimBin, filepath.Join(tools, "scrim")); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PATH=" + tools + ":" + os.Getenv("PATH"), "HOME=" + home,
		"ANTHROPIC_BASE_URL=" + m.URL, "ANTHROPIC_API_KEY=none",
		"ENABLE_TOOL_SEARCH=false", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_AUTOUPDATER=1", "DISABLE_TELEMETRY=1",
		"INFISICAL_API_URL=" + server.URL(), "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
	}
	inRepo := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), scrimBin, args...)
		cmd.Dir, cmd.Env = repo, env
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("scrim %s: %v\n%s%s", args[0], err, out, stderr.Bytes())
		}
		return append(out, stderr.Bytes()...)
	}
	inRepo("init", "--project", "alpha", "--project-id", store.ProjectID(), "--client", "claude-code", "--yes")
	said := inRepo("run", "alpha", "--", bin,
		"-p", "use the tools", "--model", "stand-in", "--mcp-config", filepath.Join(repo, ".mcp.json"), "--strict-mcp-config", "--allowedTools", "mcp__scrim")

	type facts struct {
		Status, Loaded string
		Secrets        []struct{ Name, Loaded string }
	}
	var told []facts
	for _, result := range m.results {
		var f facts
		if err := json.Unmarshal([]byte(result), &f); err != nil {
			t.Fatalf("%v: %q", err, result)
		}
		told = append(told, f)
	}
	if len(told) != 4 || len(told[0].Secrets) == 0 {
		t.Fatalf("the agent was told %q, and said %s", m.results, said)
	}
	for i, want := range []facts{{Status: "injected", Loaded: "yes"}, {Status: "stored_in_vault", Loaded: "no"}, {Status: "injected", Loaded: "changed"}} {
		if got := told[i+1]; got.Status != want.Status || got.Loaded != want.Loaded {
			t.Errorf("%s: %s, loaded %s; want %s, %s", m.script[i+1].Input["name"], got.Status, got.Loaded, want.Status, want.Loaded)
		}
	}
	for _, body := range m.bodies {
		for _, value := range []string{seeded["MAILER_PHRASE"], seeded["PAYOUT_PHRASE"], "another-heron-5582"} {
			if strings.Contains(body, value) {
				t.Fatal("the model was sent a value")
			}
		}
	}
}
