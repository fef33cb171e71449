//go:build unix

package audit_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"scrim/internal/audit"
)

// The test binary runs again as one of several processes that share a trail.
const (
	roleEnv  = "AUDIT_TEST_ROLE"
	trailEnv = "AUDIT_TEST_TRAIL"
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "append":
		os.Exit(appendMany(os.Getenv(trailEnv), 50))
	case "full disk":
		os.Exit(appendUntilFull(os.Getenv(trailEnv)))
	}
}

func appendMany(path string, n int) int {
	log := audit.New(path)
	for i := range n {
		e := event(i)
		e.PID, e.Reason = 0, strings.Repeat("r", i*20)
		if err := log.Append(e); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

func appendUntilFull(path string) int {
	signal.Ignore(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 3000, Max: 3000}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	log := audit.New(path)
	written := 0
	for range 20 {
		if err := log.Append(event(1)); err == nil {
			written++
		} else if written == 0 {
			return 1
		}
	}
	fmt.Print(written)
	return 0
}

func self(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // G702: this very test binary
	command.Env = append(os.Environ(), roleEnv+"="+role, trailEnv+"="+path)
	command.Stderr = os.Stderr
	return command
}

func TestProcessesShareATrail(t *testing.T) {
	t.Parallel()
	path := trailPath(t)
	var all sync.WaitGroup
	for range 8 {
		command := self(t, "append", path)
		all.Go(func() {
			if err := command.Run(); err != nil {
				t.Error(err)
			}
		})
	}
	// Whoever verifies meanwhile never sees half a record.
	for range 20 {
		if _, err := audit.Verify(path); err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), "no such file") {
			t.Error(err)
		}
	}
	all.Wait()
	if sum, err := audit.Verify(path); err != nil || (sum != audit.Summary{Records: 400}) {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestGoroutinesShareALog(t *testing.T) {
	t.Parallel()
	log := audit.New(trailPath(t))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 5 {
				if err := log.Append(event(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if sum, err := audit.Verify(log.Path()); err != nil || (sum != audit.Summary{Records: 40}) {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := trailPath(t)
	command := self(t, "full disk", path)
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	written, err := strconv.Atoi(string(out))
	if err != nil || written == 0 || written > 10 {
		t.Fatalf("wrote %q: %v", out, err)
	}
	if sum, err := audit.Verify(path); err != nil || (sum != audit.Summary{Records: written}) {
		t.Errorf("%+v, %v", sum, err)
	}
	appendOne(t, path)
	if sum, err := audit.Verify(path); err != nil || sum.Records != written+1 {
		t.Errorf("when there is room again: %+v, %v", sum, err)
	}
}

func TestWhatStandsThereIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		prepare func(t *testing.T, path string)
		says    string
	}{
		"symlink": {func(t *testing.T, path string) {
			t.Helper()
			target := filepath.Join(t.TempDir(), "elsewhere")
			must(t, os.WriteFile(target, nil, 0o600))
			must(t, os.Symlink(target, path))
		}, "symbolic link"},
		"dangling symlink": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.Symlink(filepath.Join(t.TempDir(), "nothing"), path))
		}, "symbolic link"},
		"readable by others": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Chmod(path, 0o644))
		}, "has mode 0644: run chmod 600 "},
		"read-only": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Chmod(path, 0o400))
		}, "has mode 0400: run chmod 600 "},
		"directory": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.Mkdir(path, 0o700))
		}, "not a regular file"},
		"pipe": {func(t *testing.T, path string) {
			t.Helper()
			must(t, unix.Mkfifo(path, 0o600))
		}, "not a regular file"},
		"open directory": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.Chmod(filepath.Dir(path), 0o755))
		}, "has mode 0755: run chmod 700 "},
		"file for a directory": {func(t *testing.T, path string) {
			t.Helper()
			must(t, os.Remove(filepath.Dir(path)))
			must(t, os.WriteFile(filepath.Dir(path), nil, 0o600))
		}, "not a directory"},
	}
	if os.Geteuid() == 0 { // nobody else can give a file away
		own := cases["another owner"]
		own.says = "belongs to user 12345"
		own.prepare = func(t *testing.T, path string) {
			t.Helper()
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Chown(path, 12345, 12345))
		}
		cases["another owner"] = own
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := trailPath(t)
			mustMkdirFor(t, path)
			c.prepare(t, path)
			log := audit.New(path)
			err := log.Append(event(1))
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("says %v", err)
			}
			if check := log.Check(); check == nil {
				t.Error("Check finds nothing")
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
