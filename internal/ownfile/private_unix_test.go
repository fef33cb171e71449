//go:build unix

package ownfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrim/internal/ownfile"
)

func place(path string) ownfile.Private {
	return ownfile.Private{Path: path, Name: path, Folder: "its folder", Anew: "make it again", Unowned: "do without"}
}

// TestPrivateMustBeOurs gives a file away where it may, and looks at one of
// root's otherwise.
func TestPrivateMustBeOurs(t *testing.T) {
	path := "/etc/passwd"
	if os.Geteuid() == 0 {
		path = filepath.Join(t.TempDir(), "private")
		if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	want := path + `: this file belongs to another user: make it yours: sudo chown "$(id -un)" ` + path
	if _, err := place(path).Read(); err == nil || err.Error() != want {
		t.Errorf("Read = %v", err)
	}
	if err := place(path).Check(); err == nil || err.Error() != want {
		t.Errorf("Check = %v", err)
	}
}

// TestPrivateIsWrittenAndRemoved goes there and back, in a folder whose name a
// shell would take for several words.
func TestPrivateIsWrittenAndRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := place(filepath.Join(dir, "private"))
	for _, text := range []string{"one", "another"} {
		if err := p.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := p.Read(); err != nil || string(got) != text {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if err := os.Chmod(p.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	want := `so others may read it: run chmod 600 '` + strings.ReplaceAll(p.Path, "'", `'\''`) + `'`
	if _, err := p.Read(); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error = %v\nwant it to end in %s", err, want)
	}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed, and Read = %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := p.Remove(); err == nil || !strings.Contains(err.Error(), "it cannot be removed") {
		t.Errorf("Remove of nothing = %v", err)
	}
}
