package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// agent is a coding agent, headless, between a scripted model and a server. A
// hook answers the server's forms in the person's place, and the test is the
// host that lets every tool be used: a tool that asks for a person's part is
// refused where there is no host, whatever the hooks say.
type agent struct {
	t    *testing.T
	home string
	cmd  *exec.Cmd
}

// prefix is what the agent puts before the names of the server's tools.
const prefix = "mcp__scrim__"

func newAgent(t *testing.T, m *model, server []string, person answer) *agent {
	t.Helper()
	bin := claudeBin(t)
	a := &agent{t: t, home: t.TempDir()}
	servers := a.file("mcp.json", map[string]any{"mcpServers": map[string]any{
		"scrim": map[string]any{"type": "stdio", "command": server[0], "args": server[1:]},
	}})
	settings := a.file("settings.json", map[string]any{"hooks": map[string]any{
		"Elicitation": []any{map[string]any{
			"matcher": "scrim",
			"hooks":   []any{map[string]any{"type": "command", "command": a.hook(person)}},
		}},
	}})
	a.cmd = exec.CommandContext(t.Context(), bin,
		"-p", "--model", "stand-in", "--verbose",
		"--input-format", "stream-json", "--output-format", "stream-json", "--permission-prompt-tool", "stdio",
		"--mcp-config", servers, "--strict-mcp-config", "--allowedTools", "mcp__scrim", "--settings", settings)
	a.cmd.Dir = a.home
	a.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + a.home,
		"ANTHROPIC_BASE_URL=" + m.URL, "ANTHROPIC_API_KEY=none",
		"ENABLE_TOOL_SEARCH=false", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_AUTOUPDATER=1", "DISABLE_TELEMETRY=1",
	}
	return a
}

// hook returns the command that keeps each form that it is shown in the file
// asked, and answers it in the person's place.
func (a *agent) hook(person answer) string {
	a.t.Helper()
	output := person.fields()
	output["hookEventName"] = "Elicitation"
	file := a.file("answer.json", map[string]any{"hookSpecificOutput": output})
	return fmt.Sprintf("cat >>'%s'; cat '%s'", filepath.Join(a.home, "asked"), file)
}

func claudeBin(t *testing.T) string {
	t.Helper()
	if os.Getenv("SCRIM_E2E_CLAUDE") != "1" {
		t.Skip("left out: SCRIM_E2E_CLAUDE=1 runs the coding agent (make test-claude)")
	}
	// The program is in the one package that is for this system. The wrapper
	// package would copy it from there in an install script.
	found, _ := filepath.Glob(filepath.Join("claude", "node_modules", "@anthropic-ai", "claude-code-*", "claude*"))
	if len(found) != 1 {
		t.Fatalf("the coding agent is not installed (npm ci --prefix internal/e2e/claude): found %v", found)
	}
	bin, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

func (a *agent) file(name string, v any) string {
	a.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	file := filepath.Join(a.home, name)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// hostMessage is what the agent says to its host, one a line.
type hostMessage struct {
	Type      string `json:"type"`
	RequestID string `json:"request_id"`
	Request   struct {
		Subtype string          `json:"subtype"`
		Tool    string          `json:"tool_name"`
		Input   json.RawMessage `json:"input"`
	} `json:"request"`
}

// run gives the agent its task and returns the tools that it asked the host
// for, when the task is done.
func (a *agent) run() (permitted []string) {
	a.t.Helper()
	stdin, err := a.cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	stdout, err := a.cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	var said, stderr bytes.Buffer
	a.cmd.Stderr = &stderr
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.say(stdin, map[string]any{"type": "user", "message": map[string]any{"role": "user", "content": "use the tools"}})

	in := bufio.NewReader(io.TeeReader(stdout, &said))
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		var m hostMessage
		if json.Unmarshal(line, &m) != nil {
			continue
		}
		switch m.Type {
		case "control_request":
			permitted = append(permitted, m.Request.Tool)
			a.say(stdin, map[string]any{"type": "control_response", "response": map[string]any{
				"subtype": "success", "request_id": m.RequestID,
				"response": map[string]any{"behavior": "allow", "updatedInput": m.Request.Input},
			}})
		case "result":
			_ = stdin.Close()
		}
	}
	if err := a.cmd.Wait(); err != nil {
		a.t.Fatalf("the agent ends with %v\n%s%s", err, said.Bytes(), stderr.Bytes())
	}
	if a.t.Failed() {
		a.t.Logf("%s", said.Bytes())
	}
	return permitted
}

func (a *agent) say(stdin io.Writer, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		a.t.Fatal(err)
	}
	_, _ = stdin.Write(append(b, '\n'))
}

// TestClaudeCode drives scrim with the coding agent, in both the roles that a
// hook can play: the person who answers, and the one who closes the form.
func TestClaudeCode(t *testing.T) {
	t.Parallel()
	for _, a := range []answer{approve, deny, cancel} {
		t.Run(a.action+a.decision, func(t *testing.T) {
			t.Parallel()
			rig, rec := devRig(t), record(t)
			m := newModel(t,
				use{Tool: "list_secrets", Input: map[string]any{}},
				use{Tool: "find_secret", Input: map[string]any{"name": "MAILER_PHRASE"}},
				use{Tool: "find_secret", Input: map[string]any{"name": "PAYOUT_PHRASE"}},
				use{Tool: "find_secret", Input: map[string]any{"name": "PAYOUT_PHRASES"}},
				use{Tool: "get_vault_secret", Input: map[string]any{"name": "MAILER_PHRASE", "purpose": "greet the people"}},
				use{Tool: "get_vault_secret", Input: map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"}},
			)
			agent := newAgent(t, m, rec.command(t, rig.argv, rig.env), a)
			permitted := agent.run()
			if want := []string{prefix + "get_vault_secret", prefix + "get_vault_secret"}; !slices.Equal(permitted, want) {
				t.Errorf("the agent asked its host for %v, want %v", permitted, want)
			}
			told := agent.story(m)
			told.checkDiscovery(t)
			told.checkRead(t, a)

			_, approved := ending(a)
			rig.check(t, approved, rec.end(t)...)
			m.check(t, approved)
		})
	}
}

// story returns what the model was told.
func (a *agent) story(m *model) story {
	a.t.Helper()
	var s story
	for _, name := range m.tools {
		s.Tools = append(s.Tools, strings.TrimPrefix(name, prefix))
	}
	parts := []*toolResult{&s.List, &s.Injected, &s.Stored, &s.Missing, &s.NotVault, &s.Read}
	if len(m.results) != len(parts) {
		a.t.Fatalf("%d results, want %d: %q", len(m.results), len(parts), m.results)
	}
	for i, part := range parts {
		if part == &s.NotVault { // the agent passes an error on as its text
			part.IsError = strings.Contains(m.results[i], "not_in_vault")
			part.Facts.Code = "not_in_vault"
			continue
		}
		if err := json.Unmarshal([]byte(m.results[i]), &part.Facts); err != nil {
			a.t.Errorf("the model was not given structured content: %v: %q", err, m.results[i])
		}
	}
	asked, err := os.ReadFile(filepath.Join(a.home, "asked"))
	if err != nil {
		a.t.Errorf("the hook was not asked: %v", err)
	}
	for d := json.NewDecoder(bytes.NewReader(asked)); d.More(); {
		var q struct{ Message string }
		if err := d.Decode(&q); err != nil {
			a.t.Fatal(err)
		}
		s.Questions = append(s.Questions, q.Message)
	}
	return s
}

// check fails the test if the model was sent a seeded value but the approved
// one, or that one in any but its one result.
func (m *model) check(t *testing.T, approved disclosure) {
	t.Helper()
	others := maps.Clone(seeded)
	delete(others, approved.name)
	for _, body := range m.bodies {
		for _, text := range append(strands([]byte(body)), body) {
			if found := leaks(text, needles(others)); found != nil {
				t.Fatalf("the model was sent %v in %.400q", found, text)
			}
		}
	}
	times := 0
	for _, result := range m.results {
		times += strings.Count(result, jsonString(seeded[approved.name], false))
	}
	if approved.times != 0 && times != approved.times {
		t.Errorf("the model was told the approved value %d times, want %d", times, approved.times)
	}
}
