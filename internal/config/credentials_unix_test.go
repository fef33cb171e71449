//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scrim/internal/ownfile"
)

func TestCredentialsFileMustBePrivate(t *testing.T) {
	path := func(w *world) string { return filepath.Join(w.home, ".infisical-ua") }
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		make func(t *testing.T, w *world)
		want string
	}{
		{"readable by all", func(_ *testing.T, w *world) { w.write(".infisical-ua", goodFile, 0o644) }, "~/.infisical-ua: its mode is 0644, so others may read it: run chmod 600 ~/.infisical-ua"},
		{"readable by the group", func(_ *testing.T, w *world) { w.write(".infisical-ua", goodFile, 0o640) }, "~/.infisical-ua: its mode is 0640, "},
		{"executable", func(_ *testing.T, w *world) { w.write(".infisical-ua", goodFile, 0o700) }, "~/.infisical-ua: its mode is 0700, "},
		{"link", func(t *testing.T, w *world) {
			must(t, os.Symlink(w.write("elsewhere", goodFile, 0o600), path(w)))
		}, "~/.infisical-ua: this is a link: "},
		{"dangling link", func(t *testing.T, w *world) {
			must(t, os.Symlink("nowhere", path(w)))
		}, "~/.infisical-ua: this is a link: "},
		{"directory", func(t *testing.T, w *world) {
			must(t, os.Mkdir(path(w), 0o700))
		}, "~/.infisical-ua: this is a folder: move it away: mv ~/.infisical-ua ~/.infisical-ua.old, and run scrim login"},
		{"pipe", func(t *testing.T, w *world) {
			must(t, syscall.Mkfifo(path(w), 0o600))
		}, "~/.infisical-ua: this is not a regular file: remove it: rm ~/.infisical-ua, and run scrim login"},
		{"too large", func(_ *testing.T, w *world) {
			w.write(".infisical-ua", strings.Repeat("#", ownfile.MaxSize+1), 0o600)
		}, "~/.infisical-ua: this is larger than 64 KiB: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(minimal)
			tt.make(t, w)
			if got := w.refused(w.input()); !strings.HasPrefix(got, tt.want) {
				t.Errorf("error = %q\n want it to start with %q", got, tt.want)
			}
		})
	}
}
