//go:build linux || darwin

package main

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/term"

	"scrim/internal/devstore"
)

// desk is a terminal at which somebody types.
type desk struct {
	*testing.T
	cmd    *exec.Cmd
	tty    *os.File
	before *term.State
	late   time.Duration // how long something to see, or the end, is awaited

	mu     sync.Mutex
	shown  []byte
	seen   int // bytes of shown that were awaited
	change chan struct{}
}

// sit starts a command on a terminal of 24 lines and 80 columns.
func sit(t *testing.T, seed devstore.Seed, name string, args ...string) *desk {
	t.Helper()
	return sitBy(t, storeCommand(t, seed, name, args...))
}

// sitWith is sit with what is added to the environment, and without a store.
func sitWith(t *testing.T, env []string, name string, args ...string) *desk {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...)
	return sitBy(t, cmd)
}

func sitBy(t *testing.T, cmd *exec.Cmd) *desk {
	t.Helper()
	// Where hang-ups are ignored, as under nohup, what is started could not trap
	// them: a process that heeds them starts others with the default.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	cmd.Env = append(cmd.Env, "TERM=xterm", "ENV=", "PS1=$ ", "HISTFILE=")
	tty, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, cmd: cmd, tty: tty, late: 20 * time.Second, change: make(chan struct{}, 1)}
	d.resize(24, 80)
	if d.before, err = term.GetState(int(slave.Fd())); err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	go d.watch()
	t.Cleanup(func() { _ = tty.Close() })
	return d
}

func (d *desk) watch() {
	buffer := make([]byte, 4096)
	for {
		n, err := d.tty.Read(buffer)
		d.mu.Lock()
		d.shown = append(d.shown, buffer[:n]...)
		d.mu.Unlock()
		select {
		case d.change <- struct{}{}:
		default:
		}
		if err != nil {
			close(d.change)
			return
		}
	}
}

// sees waits until what is shown from here on matches.
func (d *desk) sees(pattern string) {
	d.Helper()
	want := regexp.MustCompile(pattern)
	late := time.After(d.late)
	for {
		d.mu.Lock()
		fresh := d.shown[d.seen:]
		found := want.FindIndex(fresh)
		if found != nil {
			d.seen += found[1]
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		select {
		case _, on := <-d.change:
			if !on {
				d.Fatalf("it has ended without %q: %q", pattern, fresh)
			}
		case <-late:
			d.Fatalf("no %q in %q", pattern, fresh)
		}
	}
}

func (d *desk) types(keys string) {
	d.Helper()
	if _, err := d.tty.WriteString(keys); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) resize(rows, columns uint16) {
	d.Helper()
	if err := pty.Setsize(d.tty, &pty.Winsize{Rows: rows, Cols: columns}); err != nil {
		d.Fatal(err)
	}
}

// leaves waits for the command's end, and for the terminal to be what it was.
func (d *desk) leaves(code int) {
	d.Helper()
	d.wait()
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		d.Errorf("exit code %d, want %d", got, code)
	}
	d.isRestored()
}

func (d *desk) wait() {
	d.Helper()
	late := time.AfterFunc(d.late, func() {
		d.Errorf("it does not end: %q", d.text())
		_ = d.cmd.Process.Kill()
	})
	defer late.Stop()
	_ = d.cmd.Wait()
}

// text is all that was shown so far.
func (d *desk) text() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return string(d.shown)
}

func (d *desk) isRestored() {
	d.Helper()
	now, err := term.GetState(int(d.tty.Fd()))
	if err != nil || *now != *d.before {
		d.Errorf("the terminal is not what it was: %v", err)
	}
}

const deskValue = "made-up/9aZ3kQ7xV2mN8pR4"

func deskSeed() devstore.Seed { return seedOf(map[string]string{"NAME": deskValue}) }

// TestMaskOnATerminal gives a command one: its size, its colours, its keys.
func TestMaskOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", `
		trap 'stty size' WINCH
		test -t 0 && test -t 1 && test -t 2 && echo all terminals
		ps -o tty= -p $$ >/dev/null && : >/dev/tty && stty size
		printf 'key: '; until read key; do :; done; echo "<$key>"
		exit 7`)
	d.sees(`all terminals\r\n24 80\r\nkey: `)
	d.resize(33, 91)
	d.sees(`33 91`)
	d.types("a\x7fb\n")
	d.sees(`<b>\r\n`)
	d.leaves(7)
}

// TestMaskHidesOnATerminal prints, types and pastes a value.
func TestMaskHidesOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", `echo up; printf '\033[31m%s\033[0m\n' "$(cat)" >&2; cat`)
	d.sees(`up\r\n`)
	d.types(deskValue + "\n\x04")
	d.sees(`\[redacted:NAME\]\r\n`)
	d.sees(`\x1b\[31m\[redacted:NAME\]\x1b\[0m\r\n`)
	d.types("\x04")
	d.leaves(0)
	if text := d.text(); strings.Contains(text, deskValue) {
		t.Errorf("shown: %q", text)
	}
}

// TestMaskIsInterruptedOnATerminal types Ctrl-C and Ctrl-\ for commands that
// die of it, and for one that does not.
func TestMaskIsInterruptedOnATerminal(t *testing.T) {
	t.Parallel()
	for key, code := range map[string]int{"\x03": 130, "\x1c": 131} {
		d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", `echo up; exec sleep 60`)
		d.sees(`up`)
		d.types(key)
		d.leaves(code)
	}
	d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", `trap 'echo once' INT; echo up; read word; read word; echo "<$word>"; exit 5`)
	d.sees(`up`)
	d.types("\x03")
	d.sees(`once`)
	d.types("x\ny\n")
	d.sees(`<[xy]?>`)
	d.leaves(5)
	if n := strings.Count(d.text(), "once"); n != 1 {
		t.Errorf("interrupted %d times", n)
	}
}

// TestMaskGetsSignalsOnATerminal sends them to scrim from outside.
func TestMaskGetsSignalsOnATerminal(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", `trap 'echo got it; exit 9' TERM HUP INT; echo up; while :; do sleep 0.05; done`)
		d.sees(`up`)
		if err := d.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		d.sees(`got it`)
		d.leaves(9)
	}
}

// TestMaskIsStoppedOnATerminal stops it with Ctrl-Z, as a job of a shell, and
// lets it go on in the background and in the foreground.
func TestMaskIsStoppedOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "sh", "-i")
	d.sees(`\$ `)
	d.types("scrim mask -- sh -c 'echo up; read word; echo \"<$word>\"; exec sleep 60'\n")
	d.sees(`up\r+\n`)
	d.types("\x1a")
	d.sees(`(?s)(Stopped|Suspended).*\$ `)
	d.types("echo o''uter; stty -a | tr ' ;' '\\n\\n' | grep -x -- '-*icanon'; fg\n")
	d.sees(`outer\r\nicanon\r\n`)
	d.types("word\n")
	d.sees(`<word>`)
	d.types("\x03")
	d.sees(`\$ `)
	d.types("echo code $?\n")
	d.sees(`code 130`)

	// In the background it leaves keys to the shell, and prints.
	d.types("scrim mask -- sh -c 'until [ -e go ]; do sleep 0.05; done; echo d''one' &\n")
	d.types("echo ty''ped\n")
	d.sees(`typed`)
	d.types(": >go\n")
	d.sees(`done`)
	d.types("exit 4\n")
	d.types("exit 4\n") // where a job's end is worth a warning
	d.wait()
}

// TestMaskStopsInAPipeline stops a job of which it is only a part: its terminal
// is not in raw mode, and Ctrl-Z and Ctrl-C are the job's.
func TestMaskStopsInAPipeline(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "sh", "-i")
	d.sees(`\$ `)
	// It waits in the shell itself: one that has just forked may miss a signal.
	d.types("mkfifo f; sleep 60 | scrim mask -- sh -c 'exec 3<>f; trap \"echo going on\" CONT; echo up; while :; do read x <&3; done'\n")
	d.sees(`up\r+\n`)
	d.types("\x1a")
	d.sees(`(?s)(Stopped|Suspended).*\$ `)
	d.types("fg\n")
	d.sees(`going on\r+\n`)
	d.types("\x03")
	d.sees(`\$ `)
	d.types("echo code $?\n")
	d.sees(`code 130`)
	d.types("exit\n")
	d.wait()
}

// TestMaskPagesFromAPipe runs what reads keys one by one from the terminal while
// its input is a pipe, as a pager does.
func TestMaskPagesFromAPipe(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "sh", "-c", `echo `+deskValue+` | scrim mask -- sh -c '
		cat
		before=$(stty -g </dev/tty); stty -icanon -echo min 1 </dev/tty
		printf "more? "; key=$(dd bs=1 count=1 2>/dev/null </dev/tty)
		stty "$before" </dev/tty; echo "<$key>"'`)
	d.sees(`\[redacted:NAME\]\r+\nmore\? `)
	d.types("q")
	d.sees(`<q>`)
	d.leaves(0)
}

// TestMaskKeepsStreamsApart has one of stdout and stderr on the terminal.
func TestMaskKeepsStreamsApart(t *testing.T) {
	t.Parallel()
	const who = `who=; for n in 0 1 2; do test -t $n && who=$who$n; done; echo terminals $who >/dev/tty; echo to-out; echo to-err >&2`
	for redirect, want := range map[string][2]string{
		"2>file": {`terminals 01\r\nto-out\r\n`, "to-err\n"},
		">file":  {`terminals 02\r\nto-err\r+\n`, "to-out\n"},
	} {
		d := sit(t, deskSeed(), "sh", "-c", `scrim mask -- sh -c '`+who+`' `+redirect)
		d.sees(`^` + want[0])
		d.leaves(0)
		file, err := os.ReadFile(filepath.Join(d.cmd.Dir, "file"))
		if err != nil || string(file) != want[1] {
			t.Errorf("%s: %q, %v", redirect, file, err)
		}
	}
}

// TestMaskLosesNothingOnATerminal prints much and ends at once, with somebody
// left in the background who holds the terminal.
func TestMaskLosesNothingOnATerminal(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"seq 20000", "sleep 60 & seq 20000"} {
		d := sit(t, deskSeed(), "scrim", "mask", "--", "sh", "-c", command)
		d.sees(`\n20000\r\n`)
		d.leaves(0)
		lines := strings.Split(strings.TrimSpace(d.text()), "\r\n")
		for i, line := range lines {
			if line != strconv.Itoa(i+1) {
				t.Fatalf("%s: line %d is %q", command, i+1, line)
			}
		}
	}
}

// TestMaskBringsTheTerminalBack kills scrim, which has it in raw mode: what
// leads the command's session sees to it, and to the command.
func TestMaskBringsTheTerminalBack(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "sh", "-c", `sh -c 'echo $$ >pid; exec scrim mask -- sh -c "trap \"echo >ended\" HUP; echo up; sleep 20 & wait"'
		until [ -e ended ]; do sleep 0.05; done; read line; echo "<$line>"`)
	d.sees(`up`)
	pid, err := os.ReadFile(filepath.Join(d.cmd.Dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(number, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The command can only tell by a file: its terminal has gone.
	for late := time.Now().Add(20 * time.Second); !fileExists(filepath.Join(d.cmd.Dir, "ended")); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("the command was not hung up: %q", d.text())
		}
	}
	d.isRestored()
	d.types("line\n")
	d.sees(`<line>`)
	d.leaves(0)
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// TestMaskWithoutACommandExplainsItself is what a newcomer types first.
func TestMaskWithoutACommandExplainsItself(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "scrim", "mask")
	d.sees("`scrim mask --\\s+CMD`\\s+runs a command")
	d.types("it is " + deskValue + "\n\x04")
	d.sees(`it is \[redacted:NAME\]`)
	d.leaves(0)
}
