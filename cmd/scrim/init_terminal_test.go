//go:build linux || darwin

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// initAt starts `scrim init` on a terminal, in a folder called My Project.
func initAt(t *testing.T, args ...string) (d *desk, folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "My Project")
	if err := os.MkdirAll(filepath.Join(folder, ".git"), 0o700); err != nil {
		t.Fatal(err)
	}
	return initIn(t, folder, args...), folder
}

func initIn(t *testing.T, folder string, args ...string) *desk {
	t.Helper()
	home := filepath.Dir(folder)
	cmd := exec.CommandContext(t.Context(), "scrim", append([]string{"init", "--client", "claude-code"}, args...)...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home, "XDG_CONFIG_HOME="+home,
		"SCRIM_PROJECT=", "SCRIM_PROJECT_ID=", "SCRIM_CONFIG=", "PROJECT_ENV=")
	return sitBy(t, cmd)
}

// TestInitAsks has a person answer, first with what cannot be, and then undo.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	d, folder := initAt(t)
	d.sees(`Project \[my-project\]: `)
	d.types("not a name\n")
	d.sees(`a project's name has letters`)
	d.sees(`Project \[my-project\]: `)
	d.types("\n")
	d.sees(`Infisical project id.*: `)
	d.types("made-up-id\n")
	d.sees(`Environment where nothing else states one.*: `)
	d.types("dev\n")
	d.sees(`\+ project = "my-project"`)
	d.sees(`\.mcp\.json \(new\)`)
	d.sees(`Make these changes\? \[y/N\] `)
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("before the answer: %v, %v", entries, err)
	}
	d.types("y\n")
	d.sees(`Changed scrim\.toml, \.mcp\.json, AGENTS\.md\.`)
	d.leaves(0)
	text, err := os.ReadFile(filepath.Join(folder, "scrim.toml"))
	if err != nil || !strings.HasSuffix(string(text), "project = \"my-project\"\nproject_id = \"made-up-id\"\n\n[env]\ndefault = \"dev\"\n") {
		t.Errorf("%v: %s", err, text)
	}

	d = initIn(t, folder) // and now there is nothing to ask
	d.sees(`Nothing to change`)
	d.leaves(0)

	d = initIn(t, folder, "--undo")
	d.sees(`Make these changes\? \[y/N\] `)
	d.types("y\n")
	d.leaves(0)
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("after the undo: %v, %v", entries, err)
	}
}

// TestInitHeedsANo has a person say no, say nothing, hang up and interrupt.
func TestInitHeedsANo(t *testing.T) {
	t.Parallel()
	for keys, code := range map[string]int{"n\n": 4, "\n": 4, "\x04": 4, "\x03": 130} {
		d, folder := initAt(t, "--project", "alpha", "--project-id", "made-up-id")
		d.sees(`Environment`)
		d.types("\n")
		d.sees(`Make these changes\? \[y/N\] `)
		d.types(keys)
		d.leaves(code)
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
			t.Errorf("%q: %v, %v", keys, entries, err)
		}
	}
	d, _ := initAt(t)
	d.sees(`Project`)
	d.types("\x03")
	d.leaves(130)
}
