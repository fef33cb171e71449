//go:build unix

package approver_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scrim/internal/approver"
)

// TestFileMustBePrivate plants each thing that is no file of the user's alone.
// Nothing reads it, and nothing writes through it.
func TestFileMustBePrivate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(d desk, whole []byte) error
		says  string
	}{
		"readable by all":   {func(d desk, _ []byte) error { return os.Chmod(d.path, 0o644) }, "its mode is 0644, so others may read it: run chmod 600 "},
		"readable by group": {func(d desk, _ []byte) error { return os.Chmod(d.path, 0o640) }, "its mode is 0640, "},
		"executable":        {func(d desk, _ []byte) error { return os.Chmod(d.path, 0o700) }, "its mode is 0700, "},
		"link": {func(d desk, whole []byte) error {
			d.lose()
			elsewhere := filepath.Join(filepath.Dir(d.path), "elsewhere")
			if err := os.WriteFile(elsewhere, whole, 0o600); err != nil {
				return err
			}
			return os.Symlink(elsewhere, d.path)
		}, "this is a link: "},
		"dangling link": {func(d desk, _ []byte) error {
			d.lose()
			return os.Symlink("nowhere", d.path)
		}, "this is a link: "},
		"folder": {func(d desk, _ []byte) error {
			d.lose()
			return os.Mkdir(d.path, 0o700)
		}, "this is a folder: move it away: mv "},
		"pipe": {func(d desk, _ []byte) error {
			d.lose()
			return syscall.Mkfifo(d.path, 0o600)
		}, "this is not a regular file: remove it: rm "},
		"another's": {func(d desk, _ []byte) error {
			if os.Geteuid() != 0 {
				return os.Chmod(d.path, 0o666) // ownfile's TestPrivateMustBeOurs looks at one of root's
			}
			return os.Chown(d.path, 12345, 12345)
		}, ": "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := enrolled(t)
			leave, err := d.load().Change(t.Context(), []byte(rightPIN))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.plant(d, d.text()); err != nil {
				t.Fatal(err)
			}
			a, err := approver.LoadCheap(d.path, d.trail)
			if a != nil || err == nil || !strings.HasPrefix(err.Error(), d.path+": ") || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error = %v", err)
			}
			if err := leave.SetPIN([]byte("grey heron 8")); err == nil {
				t.Error("written")
			}
			if got := d.kinds(); got != "enrolled pin" {
				t.Errorf("the trail has %q", got)
			}
		})
	}
}

// TestFileIsPrivate writes it where nothing is masked, in folders of its own.
func TestFileIsPrivate(t *testing.T) {
	before := syscall.Umask(0)
	defer syscall.Umask(before)
	d := enrolled(t)
	for path, want := range map[string]os.FileMode{d.path: 0o600, filepath.Dir(d.path): os.ModeDir | 0o700} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(d.path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestChangeIsTakenBack lets the trail be written and the file not.
func TestChangeIsTakenBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.path = filepath.Join(filepath.Dir(d.path), strings.Repeat("x", 250)) // no room for a name beside it
	change, err := d.load().Change(t.Context(), nil)
	if err == nil {
		err = change.SetPIN([]byte(rightPIN))
	}
	if err == nil || !strings.Contains(err.Error(), "it cannot be written") {
		t.Errorf("error = %v", err)
	}
	if got := d.kinds(); got != "enrolled pin, unenrolled pin" {
		t.Errorf("the trail has %q", got)
	}
	_ = d.wants(approver.NotEnrolled)

	before := enrolled(t)
	text := before.text()
	before.path = filepath.Join(filepath.Dir(before.path), strings.Repeat("x", 250))
	before.put(text)
	if err := before.leave(rightPIN).SetPIN([]byte("grey heron 8")); err == nil {
		t.Error("written")
	}
	if err := before.verify(before.load(), rightPIN); err != nil {
		t.Errorf("the PIN that stays is no longer good: %v", err)
	}
}
