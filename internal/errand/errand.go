// Package errand runs one command for an agent: the program that a person said
// yes to, with an environment of its own, for a bounded time, and nothing of it
// is left behind.
//
// A process of scrim's own, the supervisor, is the command's parent. Whatever
// the command started comes to the supervisor when its own parent ends, also
// what left its session, since the supervisor is a subreaper where the system
// has such (Linux). So each errand's processes are told from those of another,
// and all are ended: when the command ends, when its time is over, when the
// call is cancelled, and when the server is gone, however that came.
package errand

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Why a command did not run, or not to an end that is known.
var (
	ErrNotStarted = errors.New("the command could not be started")
	ErrLost       = errors.New("the process that watches over the command was ended")
)

const (
	// grace is what a command has between being asked to end and being ended.
	grace = 2 * time.Second
	// reaping bounds how long the supervisor tries to end what is left.
	reaping = 5 * time.Second
	// overdue is how much later than it should the supervisor may be done before
	// it is taken to be held up by the command.
	overdue = grace + reaping + 3*time.Second
	// linger is for how long output is awaited that somebody outside holds open.
	linger = time.Second
	// signalled is added to the number of a signal that ended the command.
	signalled = 128
)

// The descriptors that a supervisor is started with, beside the command's own
// three.
const (
	ordersDescriptor  = 3
	reportsDescriptor = 4
	programDescriptor = 5
	dirDescriptor     = 6
)

// order is what a supervisor is told. Its Env holds values, and passes through
// a pipe: an argument or a variable of the supervisor's could be read by others.
type order struct {
	Path    string
	Args    []string
	Env     []string
	Timeout time.Duration
}

// report is what a supervisor tells.
type report struct {
	Started  int    // the number of the command's process
	Failed   string // why it was not started
	Ended    bool
	Code     int
	TimedOut bool
	Left     bool // something that it started could not be ended
}

// Command is what to run.
type Command struct {
	Supervisor []string // the program and the first arguments that end up in a call of Supervise
	Program    Program
	Args       []string // the name that the program is called by, and its arguments
	Dir        string   // absolute, links resolved, as Dir returns it
	Timeout    time.Duration
}

// Result is how a command ended. Stdout and Stderr are as it printed them: they
// are not masked.
type Result struct {
	ExitCode       int // its own, or 128 and the number of the signal that ended it
	TimedOut       bool
	Left           bool // something that it started could not be ended
	Stdout, Stderr Output
}

// Ready is a command whose program and directory were opened and are what they
// were. It is run once, or closed.
type Ready struct {
	command      Command
	program, dir *os.File
}

// Prepare opens the program and the directory of c. ErrChanged says that they are
// not any more what was found.
func Prepare(c Command) (*Ready, error) {
	if len(c.Supervisor) == 0 || len(c.Args) == 0 || c.Dir == "" || c.Timeout <= 0 {
		return nil, fmt.Errorf("%w: nothing says how", ErrNotStarted)
	}
	if !supported {
		return nil, fmt.Errorf("%w: on this system nothing could end what it starts", ErrNotStarted)
	}
	dir, err := openDir(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("%w: its directory: %w", ErrChanged, cause(err))
	}
	program, err := c.Program.open()
	if err != nil {
		_ = dir.Close()
		return nil, err
	}
	return &Ready{c, program, dir}, nil
}

// Close lets go of the program and the directory.
func (r *Ready) Close() {
	_ = r.program.Close()
	_ = r.dir.Close()
}

// Run runs the command to its end, with env as its whole environment. The end of
// ctx ends it too, and is the error then. Nothing of the command runs any more
// when Run returns, but for what Result.Left says.
func (r *Ready) Run(ctx context.Context, env []string) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	w, err := r.start()
	if err != nil {
		return Result{}, fmt.Errorf("%w: start its supervisor: %w", ErrNotStarted, err)
	}
	defer w.close()
	go w.instruct(order{Path: r.command.Program.Path, Args: r.command.Args, Env: env, Timeout: r.command.Timeout})
	last := w.follow(ctx, r.command.Timeout)
	result := Result{ExitCode: last.Code, TimedOut: last.TimedOut, Left: last.Left}
	result.Stdout, result.Stderr = w.stdout.finish(), w.stderr.finish()
	switch {
	case ctx.Err() != nil:
		return result, ctx.Err()
	case last.Failed != "":
		return result, fmt.Errorf("%w: %s", ErrNotStarted, last.Failed)
	case !last.Ended:
		return result, ErrLost
	}
	return result, nil
}

// watch is this process's side of a supervisor.
type watch struct {
	supervisor     *exec.Cmd
	orders         *os.File
	reports        chan report
	stdout, stderr *ear
	closers        []io.Closer
}

// start starts a supervisor, without a variable of this process's.
func (r *Ready) start() (*watch, error) {
	w := &watch{reports: make(chan report)}
	var pipes [4]struct{ read, write *os.File }
	for i := range pipes {
		read, write, err := os.Pipe()
		if err != nil {
			w.close()
			return nil, err
		}
		pipes[i].read, pipes[i].write = read, write
		w.closers = append(w.closers, read, write)
	}
	orders, reports, stdout, stderr := pipes[0], pipes[1], pipes[2], pipes[3]
	w.orders = orders.write
	w.supervisor = &exec.Cmd{
		Path: r.command.Supervisor[0], Args: r.command.Supervisor, Env: []string{}, Dir: "/",
		Stdout: stdout.write, Stderr: stderr.write, // and no stdin
		ExtraFiles:  []*os.File{orders.read, reports.write, r.program, r.dir},
		SysProcAttr: ownSession(),
	}
	if err := w.supervisor.Start(); err != nil {
		w.close()
		return nil, err
	}
	for _, theirs := range []*os.File{orders.read, reports.write, stdout.write, stderr.write} {
		_ = theirs.Close()
	}
	w.stdout, w.stderr = listen(stdout.read), listen(stderr.read)
	go w.hear(reports.read)
	return w, nil
}

func (w *watch) close() {
	for _, c := range w.closers {
		_ = c.Close()
	}
}

// instruct sends the order. A supervisor that does not take it is gone, which
// its reports show.
func (w *watch) instruct(o order) { _ = gob.NewEncoder(w.orders).Encode(o) }

func (w *watch) hear(from io.Reader) {
	defer close(w.reports)
	for reports := gob.NewDecoder(from); ; {
		var r report
		if reports.Decode(&r) != nil {
			return
		}
		w.reports <- r
	}
}

// follow waits until the supervisor is done and has ended, and returns what it
// said last. One that the command keeps from doing its work is done without.
func (w *watch) follow(ctx context.Context, limit time.Duration) report {
	late := time.NewTimer(limit + overdue)
	defer late.Stop()
	var last report
	for done, cancelled := false, ctx.Done(); !done; {
		select {
		case r, ok := <-w.reports:
			if !ok {
				done = true
				continue
			}
			r.Started = max(r.Started, last.Started)
			last = r
		case <-cancelled:
			cancelled = nil
			_ = w.orders.Close() // which it takes for the end
			late.Reset(overdue)
		case <-late.C:
			slay(w.supervisor.Process.Pid, last.Started)
			late.Reset(time.Second)
		}
	}
	_ = w.supervisor.Wait() // it ends with its reports
	if !last.Ended {
		w.endRest(last.Started)
	}
	return last
}

// endRest ends what a supervisor left that did not come to its end: the command's
// process group, where it said which that is, and whoever may still write where the
// command did. The command may have killed it before it said anything.
func (w *watch) endRest(command int) {
	if command > 0 {
		endGroup(command)
	}
	endWriters(w.stdout.from, w.stderr.from)
}
