package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/windows"
)

// standardStreams are the process's streams after the standard handles were
// pointed at a pipe.
type standardStreams struct {
	stdout, stderr *os.File
	stray          *os.File
	write          *os.File
}

func seizeStandardStreams() (standardStreams, error) {
	stray, write, err := os.Pipe()
	if err != nil {
		return standardStreams{}, err
	}
	s := standardStreams{stdout: os.Stdout, stderr: os.Stderr, stray: stray, write: write}
	for _, handle := range []uint32{windows.STD_OUTPUT_HANDLE, windows.STD_ERROR_HANDLE} {
		if err := windows.SetStdHandle(handle, windows.Handle(write.Fd())); err != nil {
			return standardStreams{}, os.NewSyscallError("SetStdHandle", err)
		}
	}
	os.Stdout, os.Stderr = write, write
	return s, nil
}

func (s standardStreams) giveBack() {
	_ = windows.SetStdHandle(windows.STD_OUTPUT_HANDLE, windows.Handle(s.stdout.Fd()))
	_ = windows.SetStdHandle(windows.STD_ERROR_HANDLE, windows.Handle(s.stderr.Fd()))
	os.Stdout, os.Stderr = s.stdout, s.stderr
	_ = s.write.Close()
}

// hardenProcess keeps values out of tracebacks; the system has no core dumps
// of this kind.
func hardenProcess() { debug.SetTraceback("none") }
