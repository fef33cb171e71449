//go:build unix

package child

import (
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// signals are those that came to this process and are the command's.
type signals struct {
	from chan os.Signal
	tty  *os.File // the controlling terminal, or nil
}

// catch takes over the signals that the command is to get, from now on. What
// this process was started to ignore stays ignored, by the command too. Stops
// by the terminal (Ctrl-Z) are left alone unless named: they reach this process
// and the command alike, as one job.
func catch(more ...os.Signal) *signals {
	wanted := append([]os.Signal{
		unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGWINCH,
		unix.SIGPIPE, // taken, so that a reader that has gone fails a write; to ignore it would be inherited
	}, more...)
	wanted = slices.DeleteFunc(wanted, signal.Ignored)
	s := &signals{from: make(chan os.Signal, 32)}
	signal.Notify(s.from, wanted...)
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0); err == nil {
		s.tty = tty
	}
	return s
}

func (s *signals) release() {
	signal.Stop(s.from)
	if s.tty != nil {
		_ = s.tty.Close()
	}
}

// forward passes signals on to a process of this process's group until it has
// ended. One that the terminal sent came to the whole group.
func (s *signals) forward(to *os.Process, resize func(), ended <-chan struct{}) {
	for {
		select {
		case got := <-s.from:
			switch got {
			case unix.SIGPIPE:
			case unix.SIGWINCH:
				resize()
			default:
				if !s.groupHas(got) {
					_ = to.Signal(got) // it may have ended this moment
				}
			}
		case <-ended:
			return
		}
	}
}

// groupHas reports whether a signal came from the terminal, which gives it to
// every process of its foreground group: Ctrl-C and Ctrl-\, and that it has
// gone.
func (s *signals) groupHas(got os.Signal) bool {
	if s.tty == nil {
		return false
	}
	group, err := foregroundOf(s.tty)
	switch got {
	case unix.SIGINT, unix.SIGQUIT:
		return err == nil && group == ownGroup()
	case unix.SIGHUP:
		return err != nil
	default:
		return false
	}
}

// foregroundOf returns the foreground process group of the terminal.
func foregroundOf(tty *os.File) (int, error) {
	var group int
	err := control(tty, func(fd int) (err error) {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	return group, err
}

// control calls do with the descriptor of f, and leaves its mode as it is.
func control(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = do(int(fd)) }); err != nil {
		return err
	}
	return result
}

// number is the number of a signal.
func number(s os.Signal) int {
	n, _ := s.(syscall.Signal)
	return int(n)
}

func ownGroup() int {
	group, _ := unix.Getpgid(0) // documented never to fail for oneself
	return group
}
