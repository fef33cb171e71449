//go:build unix

package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"scrim/internal/devstore"
)

// TestPolicyTestSaysWhatAServerDoes: where `scrim policy test` says that a person may
// be asked, a server asks, and nowhere else.
func TestPolicyTestSaysWhatAServerDoes(t *testing.T) {
	t.Parallel()
	seed := devstore.Seed{
		Environments: holdings{"prod": {
			"/alpha":       {"DATABASE_URL": word()},
			"/alpha/vault": {"TOKEN": word(), "LD_PRELOAD": word()},
			"/beta":        {}, "/beta/vault": {"UNREAD": word()},
			"/shared": {},
		}},
		DescribeOnly: []string{"/beta/vault"},
	}
	store := devstore.New(devstore.Options{Seed: seed})
	served, err := devstore.Serve(t.Context(), "127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	id, key := store.AddIdentity(devstore.Identity{Name: "agent", Rules: seed.Rules()})
	for name, c := range map[string]struct {
		secret, delivery, policy string
		command                  []string
		project, environment     string
		fault                    devstore.Fault
		code                     int
	}{
		"a value":               {secret: "TOKEN", delivery: "value"},
		"a file":                {secret: "TOKEN", delivery: "file"},
		"a run":                 {secret: "TOKEN", command: []string{"sh", "-c", "echo  x"}},
		"injected":              {secret: "DATABASE_URL", delivery: "value", code: 4},
		"missing":               {secret: "NOWHERE", delivery: "value", code: 4},
		"it changes programs":   {secret: "LD_PRELOAD", command: []string{"true"}, code: 4},
		"as a value":            {secret: "LD_PRELOAD", delivery: "value"},
		"no readValue":          {secret: "UNREAD", project: "beta", delivery: "value", code: 4},
		"no readValue to run":   {secret: "UNREAD", project: "beta", command: []string{"true"}, code: 4},
		"environment not said":  {secret: "TOKEN", environment: "-", delivery: "value", code: 4},
		"run alone":             {secret: "TOKEN", policy: "deliveries = ['run']", delivery: "file", code: 4},
		"denied elsewhere":      {secret: "TOKEN", policy: "[policy.vault.dev]\neffect = 'deny'", delivery: "file"},
		"denied":                {secret: "TOKEN", policy: "[policy.vault.prod]\neffect = 'deny'", command: []string{"true"}, code: 4},
		"nobody can prove it":   {secret: "TOKEN", policy: "strength = 'verified'", delivery: "value", code: 4},
		"allowed":               {secret: "TOKEN", policy: "commands = [['sh', '-c', '*']]", command: []string{"sh", "-c", "echo ../x"}},
		"by its path":           {secret: "TOKEN", policy: "commands = [['sh', '-c', '*']]", command: []string{"/bin/../bin/sh", "-c", "x"}},
		"another command":       {secret: "TOKEN", policy: "commands = [['sh', '-c', '*']]", command: []string{"sh", "-c", "x", "y"}, code: 4},
		"another program":       {secret: "TOKEN", policy: "commands = [['sh', '...']]", command: []string{"./sh", "x"}, code: 4},
		"a link to the program": {secret: "TOKEN", policy: "commands = [['sh', '...']]", command: []string{"./link", "x"}, code: 4},
		"a list for runs only":  {secret: "TOKEN", policy: "commands = [['sh', '...']]", delivery: "value"},
		"too long":              {secret: "TOKEN", command: []string{"echo", strings.Repeat("x", 1500), strings.Repeat("y", 1500)}, code: 4},
		"a place is not read": {
			secret: "TOKEN", delivery: "value", code: 3,
			fault: devstore.Fault{Kind: devstore.ServerError, SecretPath: "/alpha", Status: 500},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.policy != "" {
				c.policy = "[policy.vault]\n" + c.policy
			}
			for file, text := range map[string]string{"scrim.toml": c.policy, "sh": "#!/bin/sh\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/bin/sh", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			store.Faults().Clear()
			if c.fault.Kind != devstore.NoFault {
				store.Faults().Add(c.fault)
			}
			scrim := func(words ...string) *exec.Cmd {
				cmd := exec.CommandContext(t.Context(), "scrim", words...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME=", "XDG_STATE_HOME=", "SCRIM_CONFIG=", tokenVar+"=",
					"SCRIM_PROJECT="+cmp.Or(c.project, "alpha"), "PROJECT_ENV="+strings.Trim(cmp.Or(c.environment, "prod"), "-"), "INFISICAL_API_URL="+served.URL(), "SCRIM_PROJECT_ID="+store.ProjectID(),
					"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+key)
				return cmd
			}
			words := []string{"policy", "test", c.secret}
			if c.delivery != "" {
				words = append(words, "--delivery", c.delivery)
			}
			test := scrim(append(append(words, "--"), c.command...)...)
			said, _ := test.CombinedOutput()
			if got := test.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d: %s", got, said)
			}
			if asks, answer := asks(t, scrim("serve"), c.secret, c.delivery, c.command); asks != (c.code == 0) {
				t.Errorf("a server asks: %v: %s", asks, answer)
			}
		})
	}
}

// asks reports whether a server asks its client's user, and what it says otherwise.
func asks(t *testing.T, serve *exec.Cmd, name, delivery string, command []string) (asked bool, answer string) {
	t.Helper()
	in, err := serve.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close(); _ = serve.Process.Kill(); _ = serve.Wait() }()
	tool, arguments := "get_vault_secret", map[string]any{"name": name, "delivery": delivery, "purpose": "deploy"}
	if len(command) > 0 {
		tool, arguments = "run_with_vault_secrets", map[string]any{"names": []string{name}, "command": command, "purpose": "deploy"}
	}
	call, err := json.Marshal(map[string]any{"name": tool, "arguments": arguments})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"script","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":%s}
`, call)
	for lines := bufio.NewScanner(out); lines.Scan(); answer = lines.Text() {
		if strings.Contains(lines.Text(), `"elicitation/create"`) {
			return true, lines.Text()
		}
		if strings.Contains(lines.Text(), `"id":2`) {
			return false, lines.Text()
		}
	}
	t.Errorf("the server ended: %s", answer)
	return false, answer
}
