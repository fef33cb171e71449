//go:build linux || darwin

package keychain_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"scrim/internal/keychain"
)

// standIn is a keychain whose program is a script.
func standIn(t *testing.T, script string, environ ...string) keychain.Keychain {
	t.Helper()
	path := filepath.Join(t.TempDir(), "security")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return keychain.New(keychain.Options{
		LookPath: func(name string) (string, error) {
			if name != "security" {
				t.Errorf("looked for %q", name)
			}
			return path, nil
		},
		Environ: append([]string{"PATH=" + os.Getenv("PATH")}, environ...),
		Time:    5 * time.Second,
	})
}

// TestState goes by the program's exit code, and repeats nothing that it prints.
func TestState(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]keychain.State{
		"exit 0":                        keychain.Unlocked,
		"echo hunter2 >&2; exit 36":     keychain.Locked,
		"echo hunter2; exit 1":          keychain.Unknown,
		"echo hunter2 >&2; exit 51":     keychain.Unknown,
		"kill -9 $$":                    keychain.Unknown,
		"kill -TERM $$":                 keychain.Unknown,
		`[ "$*" = show-keychain-info ]`: keychain.Unlocked,
	} {
		got, err := standIn(t, script).State(t.Context())
		if got != want || (err != nil) != (want == keychain.Unknown) {
			t.Errorf("%s: %v, %v; want %v", script, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// TestAbsent is any system without the program, and one where only the working
// directory has something of that name.
func TestAbsent(t *testing.T) {
	t.Parallel()
	for name, k := range map[string]keychain.Keychain{
		"zero": {},
		"none": keychain.New(keychain.Options{LookPath: func(string) (string, error) { return "", exec.ErrNotFound }}),
		"here": keychain.New(keychain.Options{LookPath: func(string) (string, error) { return "security", exec.ErrDot }}),
		"near": keychain.New(keychain.Options{LookPath: func(string) (string, error) { return "bin/security", nil }}),
	} {
		if got, err := k.State(t.Context()); got != keychain.Absent || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if err := k.Unlock(t.Context(), nil); err == nil {
			t.Errorf("%s: it is unlocked", name)
		}
	}
	gone := keychain.New(keychain.Options{LookPath: func(string) (string, error) { return filepath.Join(t.TempDir(), "security"), nil }})
	if got, err := gone.State(t.Context()); got != keychain.Unknown || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that has gone: %v, %v", got, err)
	}
	var zero keychain.State
	if zero != keychain.Unknown || zero.String() != "unknown" {
		t.Errorf("the zero state is %v", zero)
	}
}

// TestStateAsksNobody: the program has no terminal and no input, and is told
// only who and where the user is.
func TestStateAsksNobody(t *testing.T) {
	t.Parallel()
	seen := filepath.Join(t.TempDir(), "seen")
	k := standIn(t, `exec >"$HOME"; (: </dev/tty) 2>/dev/null && echo A_TERMINAL; cat; env; exit 36`,
		"HOME="+seen, "USER=u", "LOGNAME=u", "TERM=xterm", "LANG=C", "SSH_TTY=/dev/pts/9", "SSH_CLIENT=c", "SSH_CONNECTION=c",
		"INFISICAL_TOKEN=hunter2", "SSH_PASSWORD=hunter2", "HOME_KEY=hunter2", "DATABASE_URL=hunter2", "SCRIM_PROJECT=alpha", "ODD")
	if got, err := k.State(t.Context()); got != keychain.Locked {
		t.Fatalf("%v, %v", got, err)
	}
	data, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == "PWD" || name == "_" || name == "SHLVL" }) // the shell's own
	if got := strings.Join(names, " "); got != "HOME LANG LOGNAME PATH SSH_CLIENT SSH_CONNECTION SSH_TTY TERM USER" {
		t.Errorf("the program has %s", got)
	}
}

// TestStateDoesNotWait for a program that hangs, and ends what it started.
func TestStateDoesNotWait(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k := keychain.New(keychain.Options{
		LookPath: func(string) (string, error) { return filepath.Join(dir, "security"), nil },
		Environ:  []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, Time: time.Second,
	})
	script := "#!/bin/sh\ntrap '' INT TERM HUP\n(sleep 4; : >\"$HOME/survived\") &\nwait\n"
	if err := os.WriteFile(filepath.Join(dir, "security"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	got, err := k.State(t.Context())
	if got != keychain.Unknown || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 4*time.Second {
		t.Errorf("%v, %v after %v", got, err, time.Since(began))
	}
	time.Sleep(5*time.Second - time.Since(began)) // when the stand-in would have written, were it alive
	if _, err := os.Stat(filepath.Join(dir, "survived")); err == nil {
		t.Error("what it started is still there")
	}
}

// asks is a program that asks as the real one does: the echo off, its own
// question, and a newline that was not echoed.
const asks = `
trap 'stty echo; echo; exit 128' INT TERM
stty -echo; printf 'password: '; read word; stty echo; echo
[ "$word" = made-up-password ] || { echo 'not correct' >&2; exit 51; }
`

// TestUnlock types the password, a wrong one and nothing.
func TestUnlock(t *testing.T) {
	t.Parallel()
	for typed, unlocked := range map[string]bool{"made-up-password\n": true, "made-up-error\n": false, "\n": false, "\x04": false} {
		master, slave := open(t)
		done := make(chan error, 1)
		go func() { done <- standIn(t, asks).Unlock(t.Context(), slave) }()
		shown := until(t, master, "password: ")
		if _, err := master.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		if err := <-done; (err == nil) != unlocked {
			t.Errorf("%q: %v", typed, err)
		} else if err != nil && strings.Contains(err.Error(), "made-up") {
			t.Errorf("it is told: %v", err)
		}
		_ = slave.Close()
		rest, _ := io.ReadAll(master) // it ends in an error where the other side has gone
		if text := shown + string(rest); strings.Contains(text, "made-up") {
			t.Errorf("it is shown: %q", text)
		}
	}
}

// TestUnlockEnds with the context, one way or the other, and leaves the
// terminal as it was.
func TestUnlockEnds(t *testing.T) {
	t.Parallel()
	for _, script := range []string{asks, `trap '' INT TERM; stty -echo; printf 'password: '; while :; do sleep 0.1; done`} {
		master, slave := open(t)
		before, err := term.GetState(int(slave.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- standIn(t, script).Unlock(ctx, slave) }()
		until(t, master, "password: ")
		cancel()
		select {
		case err := <-done:
			if err == nil {
				t.Error("it is unlocked")
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
		if after, err := term.GetState(int(slave.Fd())); err != nil || *after != *before {
			t.Errorf("the terminal is not what it was: %v", err)
		}
	}
}

// open returns both ends of a terminal.
func open(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = slave.Close(), master.Close() })
	return master, slave
}

// until reads up to the end of word.
func until(t *testing.T, from io.Reader, word string) string {
	t.Helper()
	var shown strings.Builder
	for one := make([]byte, 1); !strings.HasSuffix(shown.String(), word); shown.Write(one) {
		if _, err := io.ReadFull(from, one); err != nil {
			t.Fatalf("no %q in %q: %v", word, shown.String(), err)
		}
	}
	return shown.String()
}
