//go:build unix

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCredentialsFileIsWrittenWhole writes one where there is none, over one
// that others may read, and what is written is what is read.
func TestCredentialsFileIsWrittenWhole(t *testing.T) {
	w := newWorld(t)
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	for _, site := range []string{"", "https://c.example"} {
		f, err := NewCredentialsFile(w.home, "id-1", "key-1", site)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Write(); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(filepath.Join(w.home, credentialsName))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		c, err := readCredentials(w.home)
		if err != nil || c.Site != site || c.ClientID.Reveal() != "id-1" || c.ClientSecret.Reveal() != "key-1" {
			t.Errorf("read back: %v", err)
		}
		if shown := fmt.Sprintf("%v %+v %#v", f, f, f); strings.Contains(shown, "key-1") {
			t.Errorf("printed: %s", shown)
		}
		if err := os.Chmod(filepath.Join(w.home, credentialsName), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(w.home); err != nil || len(left) != 2 { // and the repository
		t.Errorf("%d entries, %v", len(left), err)
	}
}

// TestCredentialsFileFollowsNoLink plants one between the check and the write.
func TestCredentialsFileFollowsNoLink(t *testing.T) {
	w := newWorld(t)
	target := w.write("elsewhere", "theirs", 0o600)
	f, err := NewCredentialsFile(w.home, "id-1", "key-1", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckCredentialsFile(w.home); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(w.home, credentialsName)); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(); err == nil || !strings.Contains(err.Error(), "this is a link") {
		t.Errorf("Write = %v", err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "theirs" {
		t.Errorf("the link's target is %q, %v", data, err)
	}
	if left, err := filepath.Glob(filepath.Join(w.home, credentialsName+".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestCredentialsFileOfAnotherUser gives one away where it may.
func TestCredentialsFileOfAnotherUser(t *testing.T) {
	w := newWorld(t)
	path := w.write(credentialsName, goodFile, 0o600)
	if os.Geteuid() != 0 {
		return // ownfile's TestPrivateMustBeOurs looks at one of root's
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	const want = "~/.infisical-ua: this file belongs to another user: make it yours: sudo chown "
	if err := CheckCredentialsFile(w.home); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error = %v", err)
	}
	w.scrimTOML(minimal)
	if got := w.refused(w.input()); !strings.HasPrefix(got, want) {
		t.Errorf("error = %q", got)
	}
}
