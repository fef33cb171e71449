package child

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
)

// runHere runs the command in the session and the process group of this
// process, on pipes.
func runHere(ctx context.Context, c Command, path string) (int, error) {
	signals := catch()
	defer signals.release()
	cmd := &exec.Cmd{Path: path, Args: c.Args, Env: c.Env, Dir: c.Dir, Stdin: c.Stdin, WaitDelay: linger}
	heard, err := connect(cmd, c)
	if err != nil {
		return notStarted(c.Args[0], err)
	}
	if err := ctx.Err(); err != nil { // from here on signals are the command's
		heard.abandon()
		return notStarted(c.Args[0], err)
	}
	if err := cmd.Start(); err != nil {
		heard.abandon()
		return notStarted(c.Args[0], err)
	}
	heard.begin()
	ended := make(chan struct{})
	forwarded := make(chan struct{})
	go func() {
		defer close(forwarded)
		signals.forward(cmd.Process, heard.resize, ended)
	}()
	err = cmd.Wait()
	close(ended)
	<-forwarded
	printed := heard.finish(signals.from)
	if cmd.ProcessState == nil {
		return NotExecutable, err
	}
	return outcome(exitCode(cmd.ProcessState), printed)
}

// exitCode is the exit code of a process as a shell gives it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalled + int(status.Signal())
	}
	return state.ExitCode()
}

// ears are the streams on which the command is heard.
type ears struct {
	theirs []*os.File // the command's ends, until it has them
	flows  []*flow
	resize func() // makes the command's terminals as large as the real ones
	rescue func() // brings the real terminal back before a panic ends the process
}

func newEars() *ears { return &ears{resize: func() {}, rescue: func() {}} }

// connect gives the command its streams: the given ones where nothing is to be
// masked, and otherwise one of its own for each.
func connect(cmd *exec.Cmd, c Command) (*ears, error) {
	e := newEars()
	if c.Mask == nil {
		cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
		return e, nil
	}
	stdout, err := e.add(c, c.Stdout)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = stdout, stdout
	if sameFile(c.Stdout, c.Stderr) { // in the order in which it was written
		return e, nil
	}
	stderr, err := e.add(c, c.Stderr)
	if err != nil {
		e.abandon()
		return nil, err
	}
	cmd.Stderr = stderr
	return e, nil
}

// add makes a stream that ends up in to: a terminal that is only there to be
// written to where to is one, and otherwise a pipe. It returns the command's
// end.
func (e *ears) add(c Command, to io.Writer) (*os.File, error) {
	screen := terminal(to)
	if screen == nil || len(c.Leader) == 0 {
		return e.addPipe(c.Mask(to))
	}
	ours, theirs, err := sideTerminal(screen)
	if errors.Is(err, errors.ErrUnsupported) {
		return e.addPipe(c.Mask(to))
	}
	if err != nil {
		return nil, err
	}
	resize := e.resize
	e.resize = func() {
		resize()
		copySize(screen, ours)
	}
	return e.hear(ours, theirs, c.Mask(to)), nil
}

func (e *ears) addPipe(to io.WriteCloser) (*os.File, error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		_ = to.Close()
		return nil, err
	}
	return e.hear(ours, theirs, to), nil
}

// hear notes a stream, and returns the command's end of it.
func (e *ears) hear(ours, theirs *os.File, to io.WriteCloser) *os.File {
	e.flows = append(e.flows, &flow{from: ours, to: to})
	e.theirs = append(e.theirs, theirs)
	return theirs
}

// begin passes on what comes, once the command has its ends.
func (e *ears) begin() {
	e.letGo()
	for _, f := range e.flows {
		f.begin(e.rescue)
	}
}

func (e *ears) letGo() {
	for _, f := range e.theirs {
		_ = f.Close()
	}
}

// abandon closes everything, since there is no command.
func (e *ears) abandon() {
	e.letGo()
	for _, f := range e.flows {
		_ = f.from.Close()
		_ = f.to.Close()
	}
}

// settle waits a moment for what the command has just printed to be passed on.
func (e *ears) settle() {
	for _, f := range e.flows {
		f.settle()
	}
}

// finish passes on the rest, and returns what went wrong. A signal that comes
// meanwhile ends the wait for whoever does not read it.
func (e *ears) finish(signals <-chan os.Signal) error {
	finished := make(chan error, len(e.flows))
	for _, f := range e.flows {
		go func() { finished <- f.finish() }()
	}
	var errs []error
	for len(errs) < len(e.flows) {
		select {
		case err := <-finished:
			errs = append(errs, err)
		case got := <-signals:
			if end, ok := got.(syscall.Signal); ok && slices.Contains(endings(), end) {
				return &interruptError{end}
			}
		}
	}
	return errors.Join(errs...)
}

// endings are the signals that end a process that only waits.
func endings() []syscall.Signal {
	return []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT}
}

// interruptError says that a signal ended the wait.
type interruptError struct{ signal syscall.Signal }

// Error names the signal.
func (e *interruptError) Error() string { return e.signal.String() }
