//go:build unix

package handover_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrim/internal/handover"
	"scrim/internal/secret"
)

// How this program is started again.
const (
	keep = "keep" // as a keeper
	hand = "hand" // as a process that has one file, at a place
)

const value = "made-up-handed-over-0917"

// TestMain lets this program keep a file, as scrim does.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == keep:
		os.Exit(handover.Keep())
	case len(os.Args) == 3 && os.Args[1] == hand:
		file, err := filesAt(os.Args[2]).Put(context.Background(), secret.NewValue(value))
		fmt.Println(file.Path, err)
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // without a word to the files, as after a crash
	}
	os.Exit(m.Run())
}

// filesAt returns files whose folders are in places.
func filesAt(places ...string) *handover.Files {
	return &handover.Files{Keeper: []string{os.Args[0], keep}, Places: places}
}

// place returns a folder for folders of files.
func place(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "scrim")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func put(t *testing.T, f *handover.Files, text string) handover.File {
	t.Helper()
	file, err := f.Put(t.Context(), secret.NewValue(text))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// wantEmpty expects nothing to be left in a place, within a while.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	var names []string
	for range 1000 {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return
		}
		names = names[:0]
		for _, e := range entries {
			names = append(names, e.Name())
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	t.Errorf("left in the place: %q", names)
}

func TestPut(t *testing.T) {
	t.Parallel()
	syscall.Umask(0) // nothing may depend on it
	dir := place(t)
	f := filesAt(dir)
	seen := map[string]bool{}
	for _, text := range []string{value, value + "\n", "first\nsecond\r\n\tthird\n\n", "\x00\xff\xfe binary \x00", "", strings.Repeat("long ", 200_000)} {
		before := time.Now()
		file := put(t, f, text)
		got, err := os.ReadFile(file.Path)
		if err != nil || string(got) != text {
			t.Errorf("%.40q: the file holds %.40q: %v", text, got, err)
		}
		for path, want := range map[string]fs.FileMode{file.Path: 0o600, filepath.Dir(file.Path): fs.ModeDir | 0o700} {
			if info, err := os.Lstat(path); err != nil || info.Mode() != want {
				t.Errorf("%s: %v %v", path, info.Mode(), err)
			}
		}
		if left := file.Expires.Sub(before); left < handover.Lifetime || left > handover.Lifetime+time.Minute {
			t.Errorf("it expires in %s", left)
		}
		if filepath.Dir(filepath.Dir(file.Path)) != dir || seen[file.Path] || len(filepath.Base(filepath.Dir(file.Path))) < 30 {
			t.Errorf("it is at %s", file.Path)
		}
		seen[file.Path] = true
	}
	f.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("after Close there is %v: %v", entries, err)
	}
	if _, err := f.Put(t.Context(), secret.NewValue(value)); !errors.Is(err, handover.ErrNotWritten) {
		t.Errorf("after Close: %v", err)
	}
	f.Close()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	dir := place(t)
	if _, err := filesAt(dir).Put(t.Context(), secret.Value{}); !errors.Is(err, handover.ErrNotWritten) {
		t.Errorf("no value: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := filesAt(dir).Put(cancelled, secret.NewValue(value)); !errors.Is(err, handover.ErrNotWritten) {
		t.Errorf("cancelled: %v", err)
	}
	for name, f := range map[string]*handover.Files{
		"nil": nil, "zero": {}, "without a keeper": {Places: []string{dir}}, "without a place": {Keeper: []string{os.Args[0], keep}, Places: []string{}},
	} {
		if _, err := f.Ready(); !errors.Is(err, handover.ErrNoPlace) {
			t.Errorf("%s is ready: %v", name, err)
		}
		if _, err := f.Put(t.Context(), secret.NewValue(value)); !errors.Is(err, handover.ErrNoPlace) {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
	for name, program := range map[string][]string{
		"a keeper that is not there": {filepath.Join(dir, "nowhere")},
		"a keeper that keeps not":    {"/bin/sh", "-c", "exit 0"},
	} {
		if _, err := (&handover.Files{Keeper: program, Places: []string{dir}}).Put(t.Context(), secret.NewValue(value)); !errors.Is(err, handover.ErrNotWritten) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantEmpty(t, dir)
}

// TestPlantedPlace has somebody wait at the place with something else than a
// folder of the user's own.
func TestPlantedPlace(t *testing.T) {
	t.Parallel()
	elsewhere := place(t)
	for name, plant := range map[string]func(path string) error{
		"a link to a folder":     func(path string) error { return os.Symlink(elsewhere, path) },
		"a link to nowhere":      func(path string) error { return os.Symlink(filepath.Join(elsewhere, "nowhere"), path) },
		"a folder for everybody": func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"a folder to be read":    func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o755)) },
		"a file":                 func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"nothing, in nothing":    func(string) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			planted := filepath.Join(t.TempDir(), "scrim")
			if strings.Contains(name, "nothing") {
				planted = filepath.Join(planted, "deeper")
			}
			if err := plant(planted); err != nil {
				t.Fatal(err)
			}
			if file, err := filesAt(planted).Put(t.Context(), secret.NewValue(value)); !errors.Is(err, handover.ErrNoPlace) {
				t.Errorf("it took %+v: %v", file, err)
			}
			next := place(t)
			f := filesAt(planted, next)
			if file := put(t, f, value); filepath.Dir(filepath.Dir(file.Path)) != next {
				t.Errorf("it took %s", file.Path)
			}
			f.Close()
			handover.Sweep([]string{planted})
		})
	}
	t.Cleanup(func() { wantEmpty(t, elsewhere) })
}

// TestRemovedInTime: by the server, and by the keeper alone where the server
// cannot any more.
func TestRemovedInTime(t *testing.T) {
	t.Parallel()
	dir := place(t)
	f := filesAt(dir)
	f.Lifetime = 300 * time.Millisecond
	file := put(t, f, value)
	open, err := os.Open(file.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	wantEmpty(t, dir)
	if early := time.Until(file.Expires); early > 0 {
		t.Errorf("it went %s early", early)
	}
	if left, err := io.ReadAll(open); err != nil || len(left) > 0 {
		t.Errorf("who had it open still reads %q: %v", left, err)
	}
	f.Close()
}

// TestRemovedWhatIsThere: what somebody puts into the folder goes with it, and
// what they put in the file's place is not written to.
func TestRemovedWhatIsThere(t *testing.T) {
	t.Parallel()
	dir, mine := place(t), filepath.Join(t.TempDir(), "mine")
	for name, replace := range map[string]func(path string) error{
		"a link":          func(path string) error { return os.Symlink(mine, path) },
		"another name":    func(path string) error { return os.Link(mine, path) },
		"a folder":        func(path string) error { return os.MkdirAll(filepath.Join(path, "deeper"), 0o700) },
		"a folder's link": func(path string) error { return os.Symlink(filepath.Dir(mine), path) },
		"nothing":         func(string) error { return nil },
	} {
		if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		f := filesAt(dir)
		file := put(t, f, value)
		second := filepath.Join(filepath.Dir(file.Path), "second")
		if err := errors.Join(os.Link(file.Path, second), os.Remove(file.Path), replace(file.Path)); err != nil {
			t.Fatal(err)
		}
		kept, err := os.Open(second)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		wantEmpty(t, dir)
		if left, err := io.ReadAll(kept); err != nil || len(left) > 0 {
			t.Errorf("%s: under its second name it holds %q: %v", name, left, err)
		}
		_ = kept.Close()
		if got, err := os.ReadFile(mine); err != nil || string(got) != "mine" {
			t.Errorf("%s: what it led to holds %q: %v", name, got, err)
		}
	}
}

// start starts a process that has a file at dir, and returns its path.
func start(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], hand, dir) //nolint:gosec // G204: this program
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	path, ok := strings.CutSuffix(line, " <nil>\n")
	if !ok {
		t.Fatalf("it says %q: %v", line, err)
	}
	return cmd, path
}

// TestServerIsKilled: its keeper outlives it for as long as that takes.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	dir := place(t)
	cmd, path := start(t, dir)
	if got, err := os.ReadFile(path); err != nil || string(got) != value {
		t.Fatalf("%s holds %q: %v", path, got, err)
	}
	handover.Sweep([]string{dir})
	if _, err := os.Stat(path); err != nil {
		t.Errorf("a file of a process that lives was swept: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, dir)
}

// TestSweep: what nobody has locked is what was left behind. What is not of this
// package, or leads elsewhere, is left alone.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir, mine := place(t), t.TempDir()
	other := filepath.Join(mine, "other")
	left := filepath.Join(dir, "handover-left")
	if err := errors.Join(
		os.WriteFile(other, []byte("mine"), 0o600),
		os.Mkdir(left, 0o700),
		os.WriteFile(filepath.Join(left, "value"), []byte(value), 0o600),
		os.Symlink(other, filepath.Join(left, "link")),
		os.Link(other, filepath.Join(left, "another-name")),
		syscall.Mkfifo(filepath.Join(left, "pipe"), 0o600),
		os.Symlink(mine, filepath.Join(dir, "handover-link")),
		os.WriteFile(filepath.Join(dir, "handover-file"), []byte("a file"), 0o600),
		os.Mkdir(filepath.Join(dir, "desk-1.sock"), 0o700),
		os.Mkdir(filepath.Join(dir, "handover-loose"), 0o700),
		os.Chmod(filepath.Join(dir, "handover-loose"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(filepath.Join(left, "value"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	f := filesAt(dir)
	live := put(t, f, value)

	handover.Sweep([]string{filepath.Join(mine, "nowhere"), other, dir})
	if text, err := io.ReadAll(open); err != nil || len(text) > 0 {
		t.Errorf("it was not overwritten: %q %v", text, err)
	}
	if got, err := os.ReadFile(other); err != nil || string(got) != "mine" {
		t.Errorf("what was linked to holds %q: %v", got, err)
	}
	if got, err := os.ReadFile(live.Path); err != nil || string(got) != value {
		t.Errorf("a live file holds %q: %v", got, err)
	}
	f.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "desk-1.sock handover-file handover-link handover-loose" {
		t.Errorf("there is %s", got)
	}
}
