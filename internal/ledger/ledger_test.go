//go:build unix

package ledger_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"scrim/internal/ledger"
	"scrim/internal/setup"
)

func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// TestAnySequenceGoesBack changes a file a few times, with a new ledger each
// time, and takes all of it back.
func TestAnySequenceGoesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	record := filepath.Join(dir, "state", "init.json")
	rapid.Check(t, func(r *rapid.T) {
		path := filepath.Join(dir, "repo", "new", "file.md")
		_ = os.RemoveAll(filepath.Join(dir, "repo"))
		if err := os.Mkdir(filepath.Join(dir, "repo"), 0o700); err != nil {
			r.Fatal(err)
		}
		existed := rapid.Bool().Draw(r, "existed")
		original := rapid.SliceOf(rapid.Byte()).Draw(r, "original")
		if existed {
			write(t, path, string(original), 0o640)
		}
		for range rapid.IntRange(1, 4).Draw(r, "changes") {
			change(r, record, filepath.Join(dir, "repo"))
		}
		l, err := ledger.Open(record)
		if err != nil {
			r.Fatal(err)
		}
		file := in(r, filepath.Join(dir, "repo"))
		data, _, err := file.Read()
		if err != nil {
			r.Fatal(err)
		}
		back := l.Before(file, data)
		if !back.Exact || back.Removed == existed {
			r.Fatalf("got %+v", back)
		}
		if !bytes.Equal(setup.Apply(data, back.Edits), back.Data) {
			r.Fatalf("the edits %+v of %q do not make %q", back.Edits, data, back.Data)
		}
		if err := l.Undo(file, data, back.Data, back.Removed); err != nil {
			r.Fatal(err)
		}
		now, err := os.ReadFile(path)
		if existed && (err != nil || !bytes.Equal(now, original)) {
			r.Fatalf("%q became %q, %v", original, now, err)
		}
		if _, err := os.Stat(filepath.Dir(path)); !existed && err == nil {
			r.Fatalf("the folder that was made is still there")
		}
	})
}

func in(t interface{ Fatal(...any) }, top string) ledger.File {
	file, err := ledger.In(top, "new/file.md")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// change makes one random edit.
func change(r *rapid.T, record, top string) {
	l, err := ledger.Open(record)
	if err != nil {
		r.Fatal(err)
	}
	file := in(r, top)
	data, exists, err := file.Read()
	if err != nil {
		r.Fatal(err)
	}
	start := rapid.IntRange(0, len(data)).Draw(r, "start")
	end := rapid.IntRange(start, len(data)).Draw(r, "end")
	edit := setup.Edit{Offset: start, Old: data[start:end], New: rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(r, "new")}
	if err := l.Change(file, data, exists, []setup.Edit{edit}, 0o644); err != nil {
		r.Fatal(err)
	}
}

// TestSomebodyElsesEditIsNotExact has one between two of our own.
func TestSomebodyElsesEditIsNotExact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file.md")
	write(t, path, "a", 0o600)
	l, _ := ledger.Open(filepath.Join(dir, "state", "init.json"))
	file, _ := ledger.In(dir, "file.md")
	insert := func(before string) []setup.Edit { return []setup.Edit{{Offset: len(before), New: []byte("+")}} }
	if err := l.Change(file, []byte("a"), true, insert("a"), 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, "a+b", 0o600)
	if err := l.Change(file, []byte("a+b"), true, insert("a+b"), 0); err != nil {
		t.Fatal(err)
	}
	back := l.Before(file, []byte("a+b+"))
	if back.Exact || string(back.Data) != "a+b" || len(back.Rest) != 1 {
		t.Errorf("got %+v", back)
	}
	if back := l.Before(file, []byte("other")); back.Exact || string(back.Data) != "other" || len(back.Rest) != 2 {
		t.Errorf("got %+v", back)
	}
}

// TestWriteKeeps checks mode, links and what somebody wrote meanwhile.
func TestWriteKeeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kept.md"), "a", 0o604)
	if err := os.Symlink("kept.md", filepath.Join(dir, "link.md")); err != nil {
		t.Fatal(err)
	}
	file, err := ledger.In(dir, "link.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("stale"), []byte("b"), 0); err == nil || !strings.Contains(err.Error(), "changed by somebody else") {
		t.Errorf("over somebody's edit: %v", err)
	}
	if _, err := file.Write(nil, []byte("b"), 0); err == nil {
		t.Error("over a file that was not there before")
	}
	if _, err := file.Write([]byte("a"), []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(filepath.Join(dir, "kept.md"))
	if err != nil || info.Mode() != 0o604 {
		t.Errorf("the mode is %v, %v", info.Mode(), err)
	}
	if to, err := os.Readlink(filepath.Join(dir, "link.md")); err != nil || to != "kept.md" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

// TestALinkThatComesLate swaps a folder for a link out of the repository after
// the file was looked at.
func TestALinkThatComesLate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	write(t, filepath.Join(outside, "file.md"), "a", 0o600)
	write(t, filepath.Join(dir, "repo", "new", "file.md"), "a", 0o600)
	file := in(t, filepath.Join(dir, "repo"))
	if err := os.RemoveAll(filepath.Join(dir, "repo", "new")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "repo", "new")); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("a"), []byte("b"), 0o600); err == nil {
		t.Error("it was written through the link")
	}
	if err := file.Remove([]byte("a"), nil); err == nil {
		t.Error("it was removed through the link")
	}
	if data, err := os.ReadFile(filepath.Join(outside, "file.md")); err != nil || string(data) != "a" {
		t.Errorf("outside is %q, %v", data, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "new"), "a file", 0o600)
	if _, err := ledger.In(dir, "new/file.md"); err == nil || !strings.Contains(err.Error(), "where a folder belongs") {
		t.Errorf("below a file: %v", err)
	}
	write(t, filepath.Join(dir, "large.md"), strings.Repeat("x", 5<<20), 0o600)
	large, _ := ledger.In(dir, "large.md")
	if _, _, err := large.Read(); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("a large file: %v", err)
	}
	write(t, filepath.Join(dir, "init.json"), "{", 0o600)
	if _, err := ledger.Open(filepath.Join(dir, "init.json")); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a damaged record: %v", err)
	}
}
