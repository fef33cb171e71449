//go:build linux || darwin

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/tools/txtar"
)

const keychainPassword = "open-sesame" // of the stand-in in testdata/keychain.txtar

// keychainRun is `scrim run alpha -- claude` over SSH, below a home in which a
// stand-in plays `security` and a script the agent.
func keychainRun(t *testing.T, home, agent string) *exec.Cmd {
	t.Helper()
	return keychainCommand(t, home, agent, "scrim", "run", "alpha", "--", "claude")
}

func keychainCommand(t *testing.T, home, agent, name string, args ...string) *exec.Cmd {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "keychain.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(home, "bin")
	scripts := map[string]string{filepath.Join(bin, "claude"): "#!/bin/sh\n" + agent}
	for _, f := range archive.Files {
		if f.Name == "bin/security" {
			scripts[filepath.Join(bin, "security")] = string(f.Data)
		}
	}
	for _, dir := range []string{bin, filepath.Join(home, "home"), filepath.Join(home, "keychain")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, script := range scripts {
		if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := storeCommand(t, deskSeed(), name, args...)
	cmd.Env = append(cmd.Env, "HOME="+filepath.Join(home, "home"), "PATH="+bin+":"+os.Getenv("PATH"), "SSH_TTY=/dev/pts/9")
	return cmd
}

// asked is what `security` was called with, a line each.
func asked(t *testing.T, home string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(home, "asked"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

// TestRunUnlocksTheKeychain types the password at the system's own question,
// once, and looks for it everywhere else.
func TestRunUnlocksTheKeychain(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	const agent = `test -t 0 && test -t 1 && test -t 2 && echo all terminals; printf 'key: '; read key; echo "<$key> ${#NAME}"; exit 7`
	d := sitBy(t, keychainRun(t, home, agent))
	d.sees(`scrim: the keychain with claude's login is locked: security asks to unlock it\.\r\npassword to unlock default: `)
	holds(t, deskValue, filepath.Join(home, "told"))
	d.types(keychainPassword + "\n")
	d.sees(`\r\nall terminals\r\nkey: `)
	for _, pattern := range []string{"/proc/[0-9]*/cmdline", "/proc/[0-9]*/environ"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			holds(t, keychainPassword, path)
		}
	}
	d.types("x\n")
	d.sees(`<x> 24\r\n`)
	d.leaves(7)
	for _, path := range []string{"told", "asked"} {
		holds(t, keychainPassword, filepath.Join(home, path))
	}
	if strings.Contains(d.text(), keychainPassword) {
		t.Errorf("the password is shown: %q", d.text())
	}

	d = sitBy(t, keychainRun(t, home, agent))
	d.sees(`key: `)
	d.types("y\n")
	d.sees(`<y> 24\r\n`)
	d.leaves(7)
	if strings.Contains(d.text(), "keychain") {
		t.Errorf("it is spoken of again: %q", d.text())
	}
	if got := asked(t, home); got != "show-keychain-info unlock-keychain show-keychain-info" {
		t.Errorf("security was called with %s", got)
	}
}

// holds fails where a file has value. One that cannot be read, such as another
// user's, is passed over.
func holds(t *testing.T, value, path string) {
	t.Helper()
	if data, err := os.ReadFile(path); err == nil && strings.Contains(string(data), value) {
		t.Errorf("%s has %q", path, value)
	}
}

// TestRunGoesOnWithALockedKeychain: whatever ends the question, the agent
// starts after one sentence, and Ctrl-C is its own from then on.
func TestRunGoesOnWithALockedKeychain(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"\x03", "\x04", "\n", "made-up-error\n"} {
		home := t.TempDir()
		d := sitBy(t, keychainRun(t, home, `echo up; exec sleep 60`))
		d.sees(`password to unlock default: `)
		d.types(keys)
		d.sees("scrim: still locked: if claude is logged out, run `security unlock-keychain`\\.\r\n")
		d.sees(`up\r\n`)
		d.types("\x03")
		d.leaves(130)
		if got := asked(t, home); got != "show-keychain-info unlock-keychain" {
			t.Errorf("%q: security was called with %s", keys, got)
		}
	}
}

// TestRunLeavesAStubbornKeychain: a `security` that heeds nothing does not keep
// the agent waiting after Ctrl-C.
func TestRunLeavesAStubbornKeychain(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	cmd := keychainRun(t, home, `stty -a | grep -c ' -echo '; echo up; exit 7`)
	security := "#!/bin/sh\n[ \"$1\" = unlock-keychain ] || exit 36\ntrap '' INT TERM\nstty -echo; printf 'password: '\nwhile :; do sleep 0.1; done\n"
	if err := os.WriteFile(filepath.Join(home, "bin", "security"), []byte(security), 0o700); err != nil {
		t.Fatal(err)
	}
	d := sitBy(t, cmd)
	d.sees(`password: `)
	d.types("\x03")
	d.sees(`still locked: `)
	d.sees(`0\r\nup\r\n`)
	d.leaves(7)
}

// TestRunIsTerminatedAtTheKeychain: a request to scrim to end starts nothing.
func TestRunIsTerminatedAtTheKeychain(t *testing.T) {
	t.Parallel()
	d := sitBy(t, keychainRun(t, t.TempDir(), `echo started`))
	d.sees(`password to unlock default: `)
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.leaves(int(errInterrupted))
	if text := d.text(); strings.Contains(text, "started") || strings.Contains(text, "still locked") {
		t.Errorf("it goes on: %q", text)
	}
}

// TestRunAsksOnlyWhoIsThere: where neither stdin nor stderr is the terminal,
// nobody is asked on it.
func TestRunAsksOnlyWhoIsThere(t *testing.T) {
	t.Parallel()
	for streams, asks := range map[string]bool{"</dev/null 2>said": false, "</dev/null": true, "2>said": true} {
		home := t.TempDir()
		d := sitBy(t, keychainCommand(t, home, `echo up`, "sh", "-c", `scrim run alpha -- claude `+streams+`; code=$?; touch said; cat said; exit $code`))
		want := "show-keychain-info"
		if asks {
			d.sees(`password to unlock default: `)
			d.types(keychainPassword + "\n")
			want += " unlock-keychain"
		}
		d.sees(`up\r\n`)
		if !asks {
			d.sees(`no terminal is here to`)
		}
		d.leaves(0)
		if got := asked(t, home); got != want {
			t.Errorf("%s: security was called with %s", streams, got)
		}
	}
}
