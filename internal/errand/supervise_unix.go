//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package errand

import (
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nonBlocking keeps an open from waiting, whatever has come to the path.
const nonBlocking = unix.O_NONBLOCK

const supported = true

// notStarted is the exit code of a supervisor that started nothing.
const notStarted = 126

func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// endGroup ends the process group of a command whose supervisor did not.
func endGroup(command int) { _ = unix.Kill(-command, unix.SIGKILL) }

// Supervise is what a supervisor does: it runs the command that it is ordered
// to, and ends everything that the command has started. It returns an exit code
// that nobody looks at.
func Supervise() int {
	runtime.LockOSThread() // the command is ended with the thread that started it
	keepDescriptors()
	// Caught and not ignored: what is ignored stays so in the command.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGPIPE)
	harden()
	orders := gob.NewDecoder(os.NewFile(ordersDescriptor, "orders"))
	var o order
	if orders.Decode(&o) != nil || len(o.Args) == 0 {
		return notStarted
	}
	s := &supervisor{
		reports: gob.NewEncoder(os.NewFile(reportsDescriptor, "reports")), signals: signals,
		ended: make(chan int, 1), none: make(chan struct{}), gone: make(chan struct{}),
	}
	go func() {
		defer close(s.gone)
		_ = orders.Decode(&order{}) // there is no second one: this is the server's end
	}()
	if err := s.start(o); err != nil {
		_ = s.reports.Encode(report{Failed: err.Error()})
		return notStarted
	}
	_ = s.reports.Encode(report{Started: s.command})
	_ = s.reports.Encode(s.watch(o.Timeout))
	return 0
}

// inherited is beyond what a client leaves open in a server by mistake.
const inherited = 1024

// keepDescriptors gives the command no descriptor but its own three, whoever
// left one open.
func keepDescriptors() {
	for d := ordersDescriptor; d < inherited; d++ {
		unix.CloseOnExec(d)
	}
}

type supervisor struct {
	reports *gob.Encoder
	signals <-chan os.Signal
	gone    chan struct{} // closed when the server is gone, or wants an end
	command int           // its process, and its process group
	ended   chan int      // gets the command's exit code
	none    chan struct{} // closed when this process has no children left
}

// start starts the command in a session of its own, and lets go of its streams.
func (s *supervisor) start(o order) error {
	if err := adopt(); err != nil {
		return err
	}
	if err := unix.Fchdir(dirDescriptor); err != nil {
		return fmt.Errorf("enter its directory: %w", err)
	}
	path, files := program(o.Path)
	command, err := syscall.ForkExec(path, o.Args, &syscall.ProcAttr{ //nolint:gosec // G204: running the command that a person said yes to is the feature
		Env: o.Env, Files: files, Sys: attributes(),
	})
	if err != nil {
		return err
	}
	s.command = command
	go s.reap()
	return letGo()
}

// letGo puts nothing in the place of the command's streams, so that they end
// with those who have them.
func letGo() error {
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

// reap waits for every child, its own and those that it adopted.
func (s *supervisor) reap() {
	defer close(s.none)
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return
		case pid == s.command:
			s.ended <- exitCode(status)
		}
	}
}

func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return signalled + int(status.Signal())
	}
	return status.ExitStatus()
}

// watch waits for the command's end, or brings it about.
func (s *supervisor) watch(limit time.Duration) report {
	r := report{Ended: true}
	over := time.After(limit)
	for {
		select {
		case r.Code = <-s.ended:
			r.Left = !s.end()
			return r
		case <-over:
			if r.TimedOut {
				return s.cut(r)
			}
			r.TimedOut = true
			signalAll(s.command, unix.SIGTERM)
			over = time.After(grace)
		case <-s.gone:
			return s.cut(r)
		case <-s.signals:
			return s.cut(r)
		}
	}
}

// cut ends a command that has not ended by itself.
func (s *supervisor) cut(r report) report {
	r.Left = !s.end()
	select {
	case r.Code = <-s.ended:
	default:
		r.Code = signalled + int(unix.SIGKILL)
	}
	return r
}

// end ends every process that is left, and reports whether it could. What a
// process starts while it is ended is ended in the next round.
func (s *supervisor) end() bool {
	deadline := time.After(reaping)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		signalAll(s.command, unix.SIGKILL)
		select {
		case <-s.none:
			return true
		case <-deadline:
			return false
		case <-time.After(pause):
		}
	}
}
