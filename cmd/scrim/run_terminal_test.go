//go:build linux || darwin

package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestRunOnATerminal gives the program the terminal itself: its size, its keys
// and a resize reach it.
func TestRunOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "scrim", "run", "alpha", "--", "sh", "-c", `
		trap 'stty size' WINCH
		test -t 0 && test -t 1 && test -t 2 && echo all terminals; stty size
		printf 'key: '; until read key; do :; done; echo "<$key> ${#NAME}"
		exit 7`)
	d.sees(`all terminals\r\n24 80\r\nkey: `)
	d.resize(33, 91)
	d.sees(`33 91`)
	d.types("a\x7fb\n")
	d.sees(`<b> 24\r\n`)
	d.leaves(7)
}

// TestRunIsInterruptedOnATerminal types Ctrl-C for a program that dies of it, and
// for one that goes on.
func TestRunIsInterruptedOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "scrim", "run", "alpha", "--", "sh", "-c", `echo up; exec sleep 60`)
	d.sees(`up`)
	d.types("\x03")
	d.leaves(130)

	d = sit(t, deskSeed(), "scrim", "run", "alpha", "--", "sh", "-c", `trap 'echo once' INT; echo up; read word; read word; echo "<$word>"; exit 5`)
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

// TestRunGetsSignals sends them to scrim from outside. An interrupt is not among
// them: one that another process sends cannot be told from the terminal's, which
// the program gets itself.
func TestRunGetsSignals(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1} {
		d := sit(t, deskSeed(), "scrim", "run", "alpha", "--", "sh", "-c", `trap 'echo got it; exit 9' TERM HUP USR1; echo up; while :; do sleep 0.05; done`)
		d.sees(`up`)
		if err := d.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		d.sees(`got it`)
		d.leaves(9)
	}
}

// TestRunIsStoppedOnATerminal stops it as a job of a shell, and lets it go on.
func TestRunIsStoppedOnATerminal(t *testing.T) {
	t.Parallel()
	d := sit(t, deskSeed(), "sh", "-i")
	d.sees(`\$ `)
	d.types("scrim run alpha -- sh -c 'echo up; read word; echo \"<$word>\"; exec sleep 60'\n")
	d.sees(`up\r+\n`)
	d.types("\x1a")
	d.sees(`(?s)(Stopped|Suspended).*\$ `)
	d.types(" echo o''uter; fg\n") // what is typed while the terminal is given back may be lost
	d.sees(`outer\r\n`)
	d.types("word\n")
	d.sees(`<word>`)
	d.types("\x03")
	d.sees(`\$ `)
	d.types("echo code $?\n")
	d.sees(`code 130`)
	d.types("exit 4\n")
	d.wait()
}
