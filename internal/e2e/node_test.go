package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const oldestNode = 20

// missingNode says what keeps the Node clients from running, if anything does.
func missingNode() string {
	version, err := exec.Command("node", "--version").Output() //nolint:noctx // answers at once
	if err != nil {
		return "there is no node"
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestNode {
		return "node is " + strings.TrimSpace(string(version)) + ", older than " + strconv.Itoa(oldestNode)
	}
	if _, err := os.Stat(filepath.Join("node_modules", "@modelcontextprotocol")); err != nil {
		return "the packages of internal/e2e are not installed (npm ci --prefix internal/e2e)"
	}
	return ""
}

// chromium returns where the browser is.
func chromium() (path string, ok bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// missingBrowser says what keeps the browser from running, if anything does.
func missingBrowser() string {
	if missing := missingNode(); missing != "" {
		return missing
	}
	if _, err := os.Stat(filepath.Join("node_modules", "playwright-core")); err != nil {
		return "the packages of internal/e2e are not all installed (npm ci --prefix internal/e2e)"
	}
	if _, ok := chromium(); !ok {
		return "there is no Chromium (on Debian: apt-get install chromium)"
	}
	return ""
}

// leftOut says what this run does not test, for want of a client, in a line each.
func leftOut() []string {
	var lines []string
	if missing := missingNode(); missing != "" {
		lines = append(lines, "@modelcontextprotocol/sdk and inspector, since "+missing)
	}
	if missing := missingBrowser(); missing != "" {
		lines = append(lines, "the approval page in a browser, since "+missing)
	}
	return lines
}

func needNode(t *testing.T) {
	t.Helper()
	need(t, missingNode())
}

// need fails the test where something is missing and must not be, and leaves it
// out where it may.
func need(t *testing.T, missing string) {
	t.Helper()
	switch {
	case missing == "":
	case os.Getenv("SCRIM_E2E") == "require":
		t.Fatalf("SCRIM_E2E=require, but %s", missing)
	default:
		t.Skipf("left out: %s", missing)
	}
}

// node runs a program of Node and decodes what it prints.
func node[T any](t *testing.T, args ...string) T {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s%s", filepath.Base(args[0]), err, stdout.Bytes(), stderr.Bytes())
	}
	var v T
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		t.Fatalf("node %s: %v in %s", filepath.Base(args[0]), err, stdout.Bytes())
	}
	return v
}

// TestTypeScriptSDK drives scrim with @modelcontextprotocol/sdk.
func TestTypeScriptSDK(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, a := range []answer{approve, deny, cancel, {}} {
		t.Run("answer "+a.action+a.decision, func(t *testing.T) {
			t.Parallel()
			rig, rec := devRig(t), record(t)
			args := map[string]any{"command": rec.command(t, rig.argv, rig.env)}
			if a != (answer{}) {
				args["answer"] = a.fields()
			}
			b, err := json.Marshal(args)
			if err != nil {
				t.Fatal(err)
			}
			told := node[story](t, "client.mjs", string(b))
			told.check(t, a)
			_, approved := ending(a)
			rig.check(t, approved, rec.end(t)...)
		})
	}
}

// TestInspector drives scrim with the command line of
// @modelcontextprotocol/inspector, which starts a server for each question and
// has no way to ask a person.
func TestInspector(t *testing.T) {
	t.Parallel()
	needNode(t)
	cli := filepath.Join("node_modules", "@modelcontextprotocol", "inspector", "cli", "build", "cli.js")
	for name, ask := range map[string]struct {
		args []string
		want []string
	}{
		"tools": {[]string{"tools/list"}, []string{"list_secrets", "find_secret", "get_vault_secret", "check_text", "check_secrets", "describe_scope"}},
		"list":  {[]string{"tools/call", "--tool-name", "list_secrets"}, []string{"MAILER_PHRASE", "PAYOUT_PHRASE", `"complete":true`}},
		"read": {
			[]string{"tools/call", "--tool-name", "get_vault_secret", "--tool-arg", "name=PAYOUT_PHRASE", "purpose=pay"},
			[]string{`"status":"unavailable"`},
		},
		"resource": {[]string{"resources/read", "--uri", "scrim://secrets/vault"}, []string{"PAYOUT_PHRASE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rig, rec := devRig(t), record(t)
			args := append([]string{cli, "--cli"}, rec.command(t, rig.argv, rig.env)...)
			got := node[json.RawMessage](t, append(append(args, "--method"), ask.args...)...)
			var flat bytes.Buffer
			if err := json.Compact(&flat, got); err != nil {
				t.Fatal(err)
			}
			for _, want := range ask.want {
				if !strings.Contains(flat.String(), want) {
					t.Errorf("no %s in %s", want, &flat)
				}
			}
			rig.check(t, nothing, rec.end(t)...)
		})
	}
}
