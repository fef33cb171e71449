//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package child

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// The descriptors that a leader is started with, beside the command's own
// three, of which stdout is the terminal.
const (
	commandsDescriptor = 3 // it is told here
	eventsDescriptor   = 4 // it tells here
	keyboardDescriptor = 5 // the real terminal, where there is one
)

// Lead is what the leader of a session does: it starts the command that args
// are (its path, its name, its arguments) in the foreground of the terminal,
// says how it fares, and sees that it and the real terminal are left in order
// if the process that started it is gone. It returns an exit code that nobody
// looks at.
func Lead(args []string) int {
	for _, d := range []int{commandsDescriptor, eventsDescriptor, keyboardDescriptor} {
		unix.CloseOnExec(d)
	}
	l := &leader{
		told: receive(os.NewFile(commandsDescriptor, "commands")),
		tell: os.NewFile(eventsDescriptor, "events"),
		real: newGuard(os.NewFile(keyboardDescriptor, "terminal")),
	}
	_ = send(l.tell, ready, 0)
	if !l.awaitStart() {
		return NotExecutable
	}
	if err := l.start(args); err != nil {
		_ = send(l.tell, failed, failure(err))
		return NotExecutable
	}
	return l.lead()
}

// awaitStart waits until the real terminal is as the command needs it.
func (l *leader) awaitStart() bool {
	for m := range l.told {
		switch m.kind {
		case start:
			return true
		case rawNow:
			l.real.remember()
		default:
		}
	}
	l.real.restore()
	return false
}

func failure(err error) int {
	if n, ok := errors.AsType[syscall.Errno](err); ok {
		return int(n)
	}
	return int(unix.EINVAL)
}

type leader struct {
	told <-chan message
	tell *os.File
	real *guard
	tty  int // the command's terminal, of which this process leads the session
	pid  int
}

// start starts the command as the foreground job of the terminal, and lets go
// of its streams.
func (l *leader) start(args []string) error {
	if len(args) < 2 {
		return unix.EINVAL
	}
	tty, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return err
	}
	l.tty = tty
	l.pid, err = syscall.ForkExec(args[0], args[1:], &syscall.ProcAttr{ //nolint:gosec // G204: running the person's command is the feature
		Env:   os.Environ(),
		Files: []uintptr{0, 1, 2},
		Sys:   &syscall.SysProcAttr{Foreground: true, Ctty: tty},
	})
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGTTOU) // in the background from here on; the command does not inherit it
	return l.letGo()
}

// letGo puts nothing in the place of the command's streams, so that whoever is
// at their other ends waits for the command alone.
func (l *leader) letGo() error {
	nothing, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { _ = nothing.Close() }()
	for d := range 3 {
		if err := unix.Dup2(int(nothing.Fd()), d); err != nil {
			return err
		}
	}
	return nil
}

// lead does what it is told until the command has ended and all it printed has
// been passed on.
func (l *leader) lead() int {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, unix.SIGHUP, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP)
	changes := l.watch()
	for {
		select {
		case m, ok := <-l.told:
			if !ok {
				l.real.restore()
				l.hangUp()
				return NotExecutable
			}
			if m.kind == goodbye {
				return 0
			}
			l.heed(m)
		case m, ok := <-changes:
			if !ok {
				changes = nil
				continue
			}
			if m.kind == ended {
				l.pid = 0
			}
			_ = send(l.tell, m.kind, m.value)
		case got := <-hangUps:
			if got == unix.SIGHUP {
				l.hangUp()
			}
		}
	}
}

// heed does what the other process says.
func (l *leader) heed(m message) {
	if l.pid == 0 {
		return // it has ended
	}
	switch m.kind {
	case goOn:
		_ = unix.IoctlSetPointerInt(l.tty, unix.TIOCSPGRP, l.pid)
		_ = unix.Kill(-l.pid, unix.SIGCONT)
	case toCommand:
		_ = unix.Kill(l.pid, unix.Signal(m.value))
	case toGroup:
		if group, err := unix.IoctlGetInt(l.tty, unix.TIOCGPGRP); err == nil && group > 1 {
			_ = unix.Kill(-group, unix.Signal(m.value))
			l.wake(group, unix.Signal(m.value))
		}
	case rawNow:
		l.real.remember()
	default:
	}
}

// wake lets a group that is stopped hear of a hang-up, as the system does.
func (l *leader) wake(group int, s unix.Signal) {
	if s == unix.SIGHUP {
		_ = unix.Kill(-group, unix.SIGCONT)
	}
}

// hangUp tells the command that its terminal has gone.
func (l *leader) hangUp() {
	if l.pid == 0 {
		return
	}
	_ = unix.Kill(-l.pid, unix.SIGHUP)
	l.wake(l.pid, unix.SIGHUP)
}

// watch says when the command was stopped and when it has ended. From its end
// on this process holds the terminal no more, so that what is left in it comes
// to an end.
func (l *leader) watch() <-chan message {
	changes := make(chan message)
	pid := l.pid
	go func() {
		defer close(changes)
		for {
			var status unix.WaitStatus
			_, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil)
			switch {
			case err == unix.EINTR:
			case err != nil:
				return
			case status.Stopped():
				changes <- message{stopped, int(status.StopSignal())}
			case status.Signaled():
				_ = unix.Close(l.tty)
				changes <- message{ended, signalled + int(status.Signal())}
				return
			case status.Exited():
				_ = unix.Close(l.tty)
				changes <- message{ended, status.ExitStatus()}
				return
			}
		}
	}()
	return changes
}

// guard brings the real terminal back from raw mode if the process that put it
// there is gone.
type guard struct {
	tty         *os.File
	before, raw *term.State
}

func newGuard(tty *os.File) *guard {
	g := &guard{tty: tty}
	g.before = g.state()
	return g
}

func (g *guard) state() *term.State {
	if g.tty == nil {
		return nil
	}
	state, err := term.GetState(int(g.tty.Fd()))
	if err != nil {
		return nil
	}
	return state
}

func (g *guard) remember() { g.raw = g.state() }

// restore does nothing where somebody has given the terminal another mode since.
func (g *guard) restore() {
	now := g.state()
	if g.before != nil && g.raw != nil && now != nil && *now == *g.raw {
		_ = term.Restore(int(g.tty.Fd()), g.before)
	}
}
