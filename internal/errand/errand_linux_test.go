package errand_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scrim/internal/errand"
)

// TestMain lets this program be a supervisor, and a server that is about to be
// killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "supervise":
		os.Exit(errand.Supervise())
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	}
	os.Exit(m.Run())
}

// serve runs a command that does not end.
func serve(dir string) {
	ready, err := prepare(dir, "sh", "-c", `setsid sleep 300 & trap "" TERM HUP; echo $! $$ > pids.new; mv pids.new pids; while :; do sleep 1; done`)
	if err == nil {
		_, err = ready.Run(context.Background(), []string{"PATH=" + os.Getenv("PATH")})
	}
	panic(err)
}

func prepare(dir string, args ...string) (*errand.Ready, error) {
	program, err := errand.Find(args[0], dir, os.Getenv("PATH"))
	if err != nil {
		return nil, err
	}
	return errand.Prepare(errand.Command{
		Supervisor: []string{os.Args[0], "supervise"}, Program: program, Args: args, Dir: dir, Timeout: time.Minute,
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestWhatWasHashedRuns puts another file in the program's place after it was
// opened: the one that was hashed runs, script or not.
func TestWhatWasHashedRuns(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(t *testing.T, path string){
		"script": func(t *testing.T, path string) { write(t, path, "#!/bin/sh\necho \"$1\"\n") },
		"binary": func(t *testing.T, path string) {
			echo, err := exec.LookPath("echo")
			if err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(echo)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, string(data))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			program := filepath.Join(dir, "echo")
			make(t, program)
			ready, err := prepare(dir, "./echo", "as agreed")
			if err != nil {
				t.Fatal(err)
			}
			defer ready.Close()
			write(t, filepath.Join(dir, "evil"), "#!/bin/sh\necho evil\n")
			if err := os.Rename(filepath.Join(dir, "evil"), program); err != nil {
				t.Fatal(err)
			}
			result, err := ready.Run(t.Context(), []string{"A=\xff\xfe"})
			if err != nil || string(result.Stdout.Raw) != "as agreed\n" || result.ExitCode != 0 {
				t.Errorf("got %+v, %v: %s", result, err, result.Stderr.Raw)
			}
		})
	}
}

// TestWhereItRuns: the directory that was opened is where it runs, whatever has come
// to its path since, and whoever may list it.
func TestWhereItRuns(t *testing.T) {
	t.Parallel()
	base, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	here, evil := filepath.Join(base, "here"), filepath.Join(base, "evil")
	for dir, mode := range map[string]os.FileMode{here: 0o300, evil: 0o700} {
		if err := os.Mkdir(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	ready, err := prepare(here, "sh", "-c", "echo ran > ran")
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	if err := errors.Join(os.Rename(here, here+"-1"), os.Symlink(evil, here)); err != nil {
		t.Fatal(err)
	}
	if result, err := ready.Run(t.Context(), nil); err != nil || result.ExitCode != 0 {
		t.Errorf("got %+v, %v: %s", result, err, result.Stderr.Raw)
	}
	if _, err := os.Stat(filepath.Join(here+"-1", "ran")); err != nil {
		t.Error(err)
	}
	if _, err := prepare(here, "true"); !errors.Is(err, errand.ErrChanged) || strings.Contains(err.Error(), base) {
		t.Errorf("by a link: %v", err)
	}
}

// TestServerIsKilled: with the server everything ends that it had run.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := exec.CommandContext(t.Context(), os.Args[0], "serve", dir) //nolint:gosec // G702: this program itself
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for range 1000 {
		if file, err := os.Open(filepath.Join(dir, "pids")); err == nil {
			for words := bufio.NewScanner(file); words.Scan(); {
				for word := range strings.FieldsSeq(words.Text()) {
					pid, _ := strconv.Atoi(word)
					pids = append(pids, pid)
				}
			}
			_ = file.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := server.Process.Kill(); err != nil || len(pids) != 2 {
		t.Fatalf("%v, %v", pids, err)
	}
	_ = server.Wait()
	for _, pid := range pids {
		if !goneSoon(pid) {
			t.Errorf("%d is there", pid)
		}
	}
}

// goneSoon waits for a process to end; somebody else may have to wait for it.
func goneSoon(pid int) bool {
	for range 500 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestFind(t *testing.T) {
	t.Parallel()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	for _, d := range []string{"bin", "bin/folder", "here"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(bin, "tool"), "x")
	write(t, filepath.Join(dir, "here", "mine"), "x")
	if err := os.WriteFile(filepath.Join(bin, "text"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("tool", filepath.Join(bin, "link")); err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(dir, "here")
	for name, c := range map[string]struct {
		name, path, want string
		err              error
	}{
		"in PATH":              {"tool", "/nowhere:" + bin, "bin/tool", nil},
		"by a link":            {"link", bin, "bin/tool", nil},
		"by a path":            {"../bin/link", "", "bin/tool", nil},
		"here by a path":       {"./mine", "", "here/mine", nil},
		"here by its name":     {"mine", bin, "", errand.ErrNotFound},
		"an empty folder":      {"mine", "::" + bin, "", errand.ErrNotFound},
		"a dot":                {"mine", ".:" + bin, "", errand.ErrNotFound},
		"a relative folder":    {"mine", "../here", "", errand.ErrNotFound},
		"a text in PATH":       {"text", bin, "", errand.ErrNotFound},
		"a text by a path":     {"../bin/text", bin, "", errand.ErrUnfit},
		"a folder":             {"../bin/folder", bin, "", errand.ErrUnfit},
		"a device":             {"/dev/zero", bin, "", errand.ErrUnfit},
		"nothing":              {"", bin, "", errand.ErrNotFound},
		"a NUL":                {"tool\x00", bin, "", errand.ErrNotFound},
		"nowhere":              {"nowhere", bin, "", errand.ErrNotFound},
		"nowhere by its path":  {"./nowhere", bin, "", errand.ErrNotFound},
		"no PATH and no slash": {"tool", "", "", errand.ErrNotFound},
	} {
		got, err := errand.Find(c.name, here, c.path)
		if !errors.Is(err, c.err) || c.want != "" && got.Path != filepath.Join(dir, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%s: the error has a path: %v", name, err)
		}
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"nowhere", "/dev/null", "/nowhere"} {
		if got, err := errand.Dir(t.TempDir(), dir); !errors.Is(err, errand.ErrNoDir) {
			t.Errorf("%s: %s, %v", dir, got, err)
		}
	}
	if got, err := errand.Dir("", ""); !errors.Is(err, errand.ErrNoDir) {
		t.Errorf("without a base: %s, %v", got, err)
	}
}

// TestZeroesStartNothing: what was not said is not guessed.
func TestZeroesStartNothing(t *testing.T) {
	t.Parallel()
	program, err := errand.Find("true", "/", os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	fine := errand.Command{Supervisor: []string{os.Args[0], "supervise"}, Program: program, Args: []string{"true"}, Dir: "/", Timeout: time.Second}
	for name, spoil := range map[string]func(*errand.Command){
		"supervisor": func(c *errand.Command) { c.Supervisor = nil },
		"program":    func(c *errand.Command) { c.Program = errand.Program{} },
		"hash":       func(c *errand.Command) { c.Program.SHA256 = "" },
		"arguments":  func(c *errand.Command) { c.Args = nil },
		"directory":  func(c *errand.Command) { c.Dir = "" },
		"time":       func(c *errand.Command) { c.Timeout = 0 },
	} {
		c := fine
		spoil(&c)
		if _, err := errand.Prepare(c); err == nil {
			t.Errorf("prepared without its %s", name)
		}
	}
	ready, err := errand.Prepare(fine)
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ready.Run(ended, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
}

// TestAStrangerIsNoSupervisor: what does not do a supervisor's work is told from
// a command that has ended.
func TestAStrangerIsNoSupervisor(t *testing.T) {
	t.Parallel()
	program, err := errand.Find("true", "/", os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	ready, err := errand.Prepare(errand.Command{Supervisor: []string{program.Path}, Program: program, Args: []string{"true"}, Dir: "/", Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	if _, err := ready.Run(t.Context(), nil); !errors.Is(err, errand.ErrLost) {
		t.Errorf("got %v", err)
	}
}
