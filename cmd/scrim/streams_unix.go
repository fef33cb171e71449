//go:build unix

package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// standardStreams are the process's streams after descriptors 1 and 2 were
// pointed at a pipe.
type standardStreams struct {
	stdout, stderr *os.File // the real ones
	stray          *os.File // what is written to descriptors 1 and 2 comes out here
}

func seizeStandardStreams() (standardStreams, error) {
	var s standardStreams
	stdout, err := duplicate(1, "stdout")
	if err != nil {
		return s, err
	}
	stderr, err := duplicate(2, "stderr")
	if err != nil {
		return s, err
	}
	stray, write, err := os.Pipe()
	if err != nil {
		return s, err
	}
	defer func() { _ = write.Close() }()
	for _, descriptor := range []int{1, 2} {
		if err := unix.Dup2(int(write.Fd()), descriptor); err != nil {
			return s, os.NewSyscallError("dup2", err)
		}
	}
	return standardStreams{stdout: stdout, stderr: stderr, stray: stray}, nil
}

// duplicate returns a file of its own for descriptor, closed in children.
func duplicate(descriptor int, name string) (*os.File, error) {
	copied, err := unix.FcntlInt(uintptr(descriptor), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(copied), name), nil
}

// giveBack points descriptors 1 and 2 at the real streams again, which ends
// stray.
func (s standardStreams) giveBack() {
	_ = unix.Dup2(int(s.stdout.Fd()), 1)
	_ = unix.Dup2(int(s.stderr.Fd()), 2)
}

// hardenProcess keeps the memory of a process that holds values out of core
// dumps, out of the reach of other processes of the same user where the system
// can do that, and out of tracebacks.
func hardenProcess() {
	debug.SetTraceback("none")
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	denyInspection()
}
