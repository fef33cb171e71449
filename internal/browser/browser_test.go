package browser

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		system string
		env    map[string]string
		want   error
	}{
		"X":           {"linux", map[string]string{"DISPLAY": ":0"}, nil},
		"Wayland":     {"freebsd", map[string]string{"WAYLAND_DISPLAY": "wayland-0"}, nil},
		"neither":     {"linux", nil, ErrNoDisplay},
		"X over SSH":  {"linux", map[string]string{"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, ErrRemote},
		"a Mac":       {"darwin", nil, nil},
		"a Mac, away": {"darwin", map[string]string{"SSH_TTY": "/dev/ttys001"}, ErrRemote},
		"Windows":     {"windows", nil, nil},
	} {
		if err := here(c.system, func(key string) string { return c.env[key] }); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOpen has a program in the place of the system's own say what it was given.
func TestOpen(t *testing.T) {
	name, _ := opener("linux", "")
	dir := t.TempDir()
	said := filepath.Join(dir, "said")
	script := "#!/bin/sh\nprintf %s \"$*$INFISICAL_TOKEN\" >" + said + "\n"
	for _, name := range []string{name, "open"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	t.Setenv("INFISICAL_TOKEN", "made-up, and none of a browser's business")
	if err := Open(t.Context(), "http://localhost:4711/x/"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(said); err != nil || string(text) != "http://localhost:4711/x/" {
		t.Errorf("%s, %v", text, err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := Open(t.Context(), "http://localhost:4711/x/"); err == nil || !strings.HasPrefix(err.Error(), "open a browser: ") {
		t.Errorf("error = %v", err)
	}
}
