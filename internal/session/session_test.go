//go:build unix

package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scrim/internal/rundir"
	"scrim/internal/secret"
)

func newRecord(t *testing.T) *Record {
	t.Helper()
	r, err := New(secret.Scope{Site: "https://one.example.test", Project: "alpha", Path: "/alpha", Environment: "dev"}, "universal-auth", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ref(t *testing.T, env, path, name string) secret.Ref {
	t.Helper()
	r, err := secret.ParseRef(env, path, name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestState(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	name := ref(t, "dev", "/alpha", "NAME")
	r.Add(name, secret.Injected, secret.NewValue("made-up-value-1"))
	for _, c := range []struct {
		ref   secret.Ref
		value secret.Value
		want  State
	}{
		{name, secret.NewValue("made-up-value-1"), Yes},
		{name, secret.NewValue("made-up-value-2"), Changed},
		{name, secret.NewValue(""), Changed},
		{name, secret.Value{}, Unknown},
		{ref(t, "dev", "/alpha/staging", "NAME"), secret.NewValue("made-up-value-1"), No},
		{ref(t, "prod", "/alpha", "NAME"), secret.NewValue("made-up-value-1"), No},
		{ref(t, "dev", "/alpha", "OTHER"), secret.NewValue("made-up-value-1"), No},
	} {
		if got := r.State(c.ref, c.value); got != c.want {
			t.Errorf("%s: %s, want %s", c.ref, got, c.want)
		}
	}
	if got := (*Record)(nil).State(name, secret.NewValue("made-up-value-1")); got != Unknown {
		t.Errorf("without a record: %s", got)
	}
}

// TestRecordHoldsNoValue: what is kept can tell a value only to who has it.
func TestRecordHoldsNoValue(t *testing.T) {
	t.Parallel()
	const value = "made-up-value-of-a-record"
	r := newRecord(t)
	r.Add(ref(t, "dev", "/alpha", "NAME"), secret.Injected, secret.NewValue(value))
	other := newRecord(t)
	other.Add(ref(t, "dev", "/alpha", "NAME"), secret.Injected, secret.NewValue(value))
	if r.Key == other.Key || r.Injected["NAME"].Digest == other.Injected["NAME"].Digest {
		t.Error("two sessions have the same digest")
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '-' }) {
		if len(part) > 4 && bytes.Contains(data, []byte(part)) {
			t.Errorf("%q is in %s", part, data)
		}
	}
}

func TestKeepAndRead(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	r.Add(ref(t, "dev", "/alpha", "NAME"), secret.Injected, secret.NewValue("made-up-value-1"))
	remove, err := r.Keep()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(r.file(".json"))
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	got, err := read(r.Launcher)
	if err != nil || got == nil || got.Scope.Project != "alpha" || got.State(ref(t, "dev", "/alpha", "NAME"), secret.NewValue("made-up-value-1")) != Yes {
		t.Fatalf("%+v, %v", got, err)
	}
	// A process that has the number later is another.
	later := r.Launcher
	later.Started++
	if got, err := read(later); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	for what, spoil := range map[string]func(string) error{
		"a mode for others": func(name string) error { return os.Chmod(name, 0o644) },
		"a link": func(name string) error {
			return errors.Join(os.Rename(name, name+".moved"), os.Symlink(name+".moved", name))
		},
		"no record": func(name string) error { return os.WriteFile(name, []byte("{}"), 0o600) },
		"a folder":  func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o700)) },
	} {
		if err := spoil(r.file(".json")); err != nil {
			t.Fatal(err)
		}
		if got, err := read(r.Launcher); err == nil {
			t.Errorf("%s: %+v", what, got)
		}
		_ = os.RemoveAll(r.file(".json.moved"))
		_ = os.RemoveAll(r.file(".json"))
		if _, err := r.Keep(); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	if got, err := read(r.Launcher); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSweep: what a launcher that was killed left behind is removed, and nothing
// else.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	self, err := processOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	dead := Process{self.PID, self.Started + 1}
	kept := []string{self.String() + ".json", "notes.txt", ".new-1"}
	for _, name := range append(kept, dead.String()+".json", dead.String()+".sock") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sweep(dir)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(kept) {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestOnlyOursFolders: a folder that others can use, or prepared, is not used.
func TestOnlyOursFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := rundir.Check(dir); err != nil {
		t.Error(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{link, open, filepath.Join(dir, "absent")} {
		if rundir.Check(bad) == nil {
			t.Errorf("%s is used", filepath.Base(bad))
		}
	}
}

// TestNobodyElseBorrows: the launcher itself, and who does not descend from it,
// get nothing.
func TestNobodyElseBorrows(t *testing.T) {
	t.Parallel()
	r := newRecord(t)
	r.dir = t.TempDir()
	end, err := r.Lend(t.Context(), func(_ context.Context, w io.Writer) error { return WriteLoan(w, "made-up-token", time.Hour) })
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "unix", r.Socket())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if len(got) > 0 {
		t.Errorf("this process got %q, %v", got, err)
	}
	if token, _, err := r.Borrow(t.Context()); err == nil {
		t.Errorf("this process borrowed %v", token)
	}
}

func TestAncestry(t *testing.T) {
	t.Parallel()
	self, err := processOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	parent, err := processOf(os.Getppid())
	if err != nil {
		t.Fatal(err)
	}
	if !Descends(os.Getpid(), self) || !Descends(os.Getpid(), parent) || Descends(os.Getppid(), self) || Descends(os.Getpid(), Process{}) {
		t.Error("the family is another")
	}
	if p, ok := parseProcess(self.String()); !ok || p != self {
		t.Errorf("%v from %s", p, self)
	}
	for _, bad := range []string{"", "1", "-", "x-1", "1-x", "1-"} {
		if p, ok := parseProcess(bad); ok {
			t.Errorf("%v from %q", p, bad)
		}
	}
}
