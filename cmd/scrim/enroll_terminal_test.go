//go:build linux || darwin

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// enrolDesk is a terminal at which somebody enrols.
type enrolDesk struct {
	testing.TB
	t    *testing.T
	home string
}

func newEnrolDesk(t *testing.T) enrolDesk {
	t.Helper()
	return enrolDesk{t, t, t.TempDir()}
}

func (e enrolDesk) env() []string {
	return []string{"HOME=" + e.home, "XDG_CONFIG_HOME=" + e.home + "/config", "XDG_STATE_HOME=" + e.home + "/state", "TZ=UTC"}
}

// sit starts `scrim enroll` on a terminal. A PIN costs seconds on a busy
// machine.
func (e enrolDesk) sit(args ...string) *loginDesk {
	e.Helper()
	return e.sitBy("scrim", append([]string{"enroll"}, args...)...)
}

func (e enrolDesk) sitBy(name string, args ...string) *loginDesk {
	e.Helper()
	d := &loginDesk{desk: sitWith(e.t, e.env(), name, args...), home: e.home}
	d.late = 3 * time.Minute
	return d
}

// keeps fails where a file in the home directory holds one of pins, or another
// one than want is there.
func (e enrolDesk) keeps(want string, pins ...string) {
	e.Helper()
	var found []string
	home := os.DirFS(e.home)
	err := fs.WalkDir(home, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(home, path)
		for _, pin := range pins {
			if strings.Contains(string(text), pin) {
				e.Errorf("%q is in %s: %s", pin, path, text)
			}
		}
		found = append(found, d.Name())
		return err
	})
	if got := strings.Join(found, " "); err != nil || got != want {
		e.Errorf("home has %q, want %q: %v", got, want, err)
	}
}

func (e enrolDesk) trail() string {
	e.Helper()
	text, err := os.ReadFile(filepath.Join(e.home, "state", "scrim", "audit.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Fatal(err)
	}
	return string(text)
}

// TestEnroll sets a PIN, lists it, changes it, mistakes it, loses its file, and
// removes it.
func TestEnroll(t *testing.T) {
	t.Parallel()
	const first, second, third = "blue heron 7", "grey heron 8", "weißer Reiher 9"
	e := newEnrolDesk(t)
	hides := func(l *loginDesk) {
		t.Helper()
		l.hides(first)
		l.hides(second)
		l.hides(third)
	}

	l := e.sit()
	l.sees(`(?s)eight characters or more.*New PIN \(not shown\): `)
	l.types("x\x15" + first + "\n") // a mistake, and the line anew
	l.sees(`The same again: `)
	hides(l)
	l.types(first + "\n")
	l.sees(`(?s)The PIN is set\..*approver\.json.*docs/approval\.md`)
	l.leaves(0)
	hides(l)
	e.keeps("approver.json audit.jsonl", first)

	l = e.sit("--list")
	l.sees(`FACTOR +NAME +SINCE\r\npin +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\r\n`)
	l.leaves(0)
	l = e.sit("--list", "--json")
	l.sees(`(?s)"factors": \[\s+\{\s+"kind": "pin",\s+"set_at": "20.*Z"\s+\}\s+\],\s+"file": ".*approver\.json"`)
	l.leaves(0)

	l = e.sitBy("sh", "-c", `scrim enroll </dev/null >out 2>err; code=$?; cat out err; exit $code`)
	l.sees(`Present PIN \(not shown\): `)
	l.types(first + "\n")
	l.sees(`New PIN \(not shown\): `)
	l.types(second + "\n" + second + "\n")
	l.sees(`The PIN is set\.`)
	l.leaves(0)
	hides(l)
	e.keeps("approver.json audit.jsonl", first, second)

	for _, flags := range [][]string{nil, {"--remove"}} {
		l = e.sit(flags...)
		l.sees(`Present PIN \(not shown\): `)
		l.types(first + "\n")
		l.sees(`This is not the present PIN, and nothing was changed: run scrim enroll again`)
		l.leaves(4)
		hides(l)
	}

	if err := os.Remove(filepath.Join(e.home, "config", "scrim", "approver.json")); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{nil, {"--list"}, {"--remove"}} {
		l = e.sit(flags...)
		l.sees(`this file is gone: put it back from a copy, or set a new PIN with.*scrim enroll.*--lost`)
		l.leaves(2)
	}
	l = e.sit("--lost")
	l.sees(`New PIN \(not shown\): `)
	l.types(third + "\n" + third + "\n")
	l.sees(`The PIN is set\.`)
	l.leaves(0)
	hides(l)

	l = e.sit("--remove")
	l.sees(`Present PIN \(not shown\): `)
	l.types(third + "\n")
	l.sees(`(?s)nothing proves that a person is there.*The PIN is removed`)
	l.leaves(0)
	hides(l)
	e.keeps("audit.jsonl", first, second, third)
	if n := strings.Count(e.trail(), `"kind":"enrolled","factor":"pin"`); n != 3 || strings.Count(e.trail(), `"kind":"unenrolled","factor":"pin"`) != 1 {
		t.Errorf("the trail has %s", e.trail())
	}
	l = e.sit("--remove")
	l.sees(`No PIN is enrolled: nothing was removed\.`)
	l.leaves(0)
}

// TestEnrollMistakes leaves at each question, in each way. Nothing is changed,
// and nothing is on record.
func TestEnrollMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keys   string
		signal syscall.Signal
		says   string
		code   int
	}{
		{"blue heron 7\ngrey heron 8\n", 0, `the two are not the same, and nothing was changed`, 2},
		{"12345678\n", 0, `this cannot be a PIN: it is a run, such as 12345678: choose`, 2},
		{"heron\n", 0, `this cannot be a PIN: it has fewer than 8 characters`, 2},
		{"\n", 0, `nothing was typed, and nothing was changed`, 2},
		{"blue heron 7\n\n", 0, `nothing was typed, and nothing was changed`, 2},
		{"\x04", 0, `nothing was typed, and nothing was changed`, 2},
		{strings.Repeat("heron ", 100) + "\n", 0, `longer than 128 bytes`, 2},
		{"blue heron\x03", 0, ``, 130},
		{"blue heron 7\n", syscall.SIGTERM, ``, 130},
	} {
		e := newEnrolDesk(t)
		l := e.sit()
		l.sees(`New PIN \(not shown\): `)
		l.types(tt.keys)
		if tt.signal != 0 {
			l.sees(`The same again: `)
			if err := l.cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
		}
		l.sees(tt.says)
		l.leaves(tt.code)
		l.hides("heron")
		e.keeps("")
	}
}

// TestEnrollWithoutTerminal is given PINs on stdin, and reads none.
func TestEnrollWithoutTerminal(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{{}, {"--lost"}, {"--remove"}} {
		e := newEnrolDesk(t)
		if len(flags) > 0 {
			plantEnrolment(t, e, flags[0] == "--lost")
		}
		cmd := exec.CommandContext(t.Context(), "scrim", append([]string{"enroll"}, flags...)...)
		cmd.Env = append(os.Environ(), e.env()...)
		cmd.Stdin = strings.NewReader("blue heron 7\nblue heron 7\n")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // which leaves the terminal, if there is one
		out, err := cmd.CombinedOutput()
		if status, ok := errors.AsType[*exec.ExitError](err); !ok || status.ExitCode() != 2 || !strings.Contains(string(out), "no terminal to ask for a PIN on") {
			t.Errorf("%v: %v: %s", flags, err, out)
		}
		if strings.Count(string(out), "\n") != 1 || strings.Contains(string(out), "heron") {
			t.Errorf("%v: says %s", flags, out)
		}
	}
}

// plantEnrolment makes a PIN that nobody knows, and with lost only its record.
func plantEnrolment(t *testing.T, e enrolDesk, lost bool) {
	t.Helper()
	l := e.sit()
	l.sees(`New PIN \(not shown\): `)
	l.types("white heron 9\nwhite heron 9\n")
	l.leaves(0)
	if lost {
		if err := os.Remove(filepath.Join(e.home, "config", "scrim", "approver.json")); err != nil {
			t.Fatal(err)
		}
	}
}
