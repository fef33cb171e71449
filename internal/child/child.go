// Package child runs a command as if it had been started in scrim's place: its
// terminal, its signals, its exit code.
//
// What the command prints can be masked on the way. Where it would have written
// to a terminal it gets a terminal of its own, which a second process leads, so
// that colours, full-screen programs, Ctrl-C, Ctrl-Z and the window's size are
// what they would have been (session.go, leader.go). Otherwise it gets a pipe
// for each stream (pipes.go).
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/term"
)

// Command is what to run, and on which streams.
type Command struct {
	Args []string // the name, looked up as a shell would, and the arguments; never empty
	Env  []string // nil: that of this process
	Dir  string   // empty: that of this process

	// Stdin goes to the command as it is where it is a file. Stdout and Stderr
	// are told apart unless they are the same file.
	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Mask wraps each stream that the command writes to, and is closed when the
	// command has ended. Nil gives it Stdout and Stderr themselves.
	Mask func(io.Writer) io.WriteCloser

	// Leader is the program and the first arguments that end up in a call of
	// Lead with the arguments that follow. Without one the command gets no
	// terminal of its own.
	Leader []string
}

// The exit codes of a command that was not started, those of a shell.
const (
	NotExecutable = 126
	NotFound      = 127
)

// signalled is added to the number of a signal that ended the command.
const signalled = 128

// StartError says that a command was not started, and why.
type StartError struct {
	Name string
	Code int // NotFound or NotExecutable
	Err  error
}

// Error says what was tried, and the next step.
func (e *StartError) Error() string {
	next := "check its name, or give its path"
	if e.Code == NotExecutable {
		next = "check that it is a program that you may run"
	}
	return fmt.Sprintf("the command %s cannot be started (%v): %s", e.Name, e.Err, next)
}

func (e *StartError) Unwrap() error { return e.Err }

// Run runs the command to its end and returns its exit code: its own, or 128
// and the number of the signal that ended it. Signals to this process go to the
// command, once each. A *StartError comes with the code that a shell has for
// it; any other error is of what the command printed, and comes with the code
// of the command. That nobody reads what it prints ends it as it would have
// without this process, and is no error.
//
// Nothing is started once ctx has ended. A command that runs is told by
// signals, not by ctx.
//
// What is left running in the background, and still holds the streams when the
// command has ended, is heard for another second at most. All that was written
// before the command ended is passed on.
func Run(ctx context.Context, c Command) (int, error) {
	path, err := lookUp(c.Args[0])
	if err != nil {
		return notStarted(c.Args[0], err)
	}
	return run(ctx, c, path)
}

// lookUp finds a program as a shell does: in the working directory only where
// PATH says so.
func lookUp(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		return path, nil
	}
	return path, err
}

func notStarted(name string, err error) (int, error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return NotExecutable, err
	}
	if where, ok := errors.AsType[*exec.Error](err); ok {
		err = where.Err
	}
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	code := NotExecutable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = NotFound
	}
	return code, &StartError{name, code, err}
}

// outcome is how it went, once the command has ended with code and its output
// with err.
func outcome(code int, err error) (int, error) {
	if end, ok := errors.AsType[*interruptError](err); ok {
		return signalled + int(end.signal), nil
	}
	if errors.Is(err, syscall.EPIPE) {
		err = nil
		if code == 0 {
			code = signalled + int(syscall.SIGPIPE)
		}
	}
	if err != nil {
		err = fmt.Errorf("pass on what the command prints: %w", err)
	}
	return code, err
}

// terminal returns the file that stream is if it is a terminal, or nil.
func terminal(stream any) *os.File {
	f, ok := stream.(*os.File)
	if !ok || f == nil || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// sameFile reports whether two streams are one file, as after 2>&1.
func sameFile(a, b any) bool {
	f, ok := a.(*os.File)
	g, ok2 := b.(*os.File)
	if !ok || !ok2 {
		return false
	}
	x, err := f.Stat()
	if err != nil {
		return false
	}
	y, err := g.Stat()
	return err == nil && os.SameFile(x, y)
}
