package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRunTakesNoOrdersFromARepository: a scrim.toml that names another site, a
// vault as a place of secrets to inject, or a program, is an error. Nothing is
// started, and nobody at that site hears of it.
func TestRunTakesNoOrdersFromARepository(t *testing.T) {
	t.Parallel()
	var listening net.ListenConfig
	site, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	var heard atomic.Int32
	go func() {
		for {
			c, err := site.Accept()
			if err != nil {
				return
			}
			heard.Add(1)
			_ = c.Close()
		}
	}()
	for name, file := range map[string]string{
		"another site":          "site_url = \"http://" + site.Addr().String() + "\"\n",
		"an agent":              "agent = [\"sh\", \"-c\", \"echo started\"]\n",
		"names that run code":   "[run]\nallow = [\"LD_PRELOAD\"]\n",
		"a login in a keychain": "[run]\nkeychain = [\"sh\"]\n",
		"a vault as staging":    "[paths]\nstaging = \"vault\"\n",
		"a vault under a name":  "[paths]\nvault = \"stored\"\nstaging = \"stored\"\n",
		"another project's":     "[paths]\nstaging = \"/beta\"\n",
		"a registered project":  "[projects.alpha]\npath = \"/beta\"\n",
		"a vault as a project":  "project = \"alpha/vault\"\n",
	} {
		cmd := storeCommand(t, seedOf(map[string]string{"NAME": runsValue}), "scrim", "run", "--env", "dev", "--", "sh", "-c", "echo started")
		if name == "a vault as a project" {
			cmd.Env = append(cmd.Env, "SCRIM_PROJECT=")
		}
		if err := os.WriteFile(filepath.Join(cmd.Dir, "scrim.toml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != int(errUsage) || strings.Contains(string(out), "started\n") && !strings.Contains(string(out), "scrim.toml") {
			t.Errorf("%s: %v, %s", name, err, out)
		}
		if !strings.Contains(string(out), "scrim.toml:") {
			t.Errorf("%s: it does not say where: %s", name, out)
		}
	}
	if n := heard.Load(); n > 0 {
		t.Errorf("the other site heard %d times", n)
	}
}

const runsValue = "made-up/of-the-environment-2"
