//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package child

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// run gives the command a terminal of its own where its output goes to one.
func run(ctx context.Context, c Command, path string) (int, error) {
	screen := terminal(c.Stdout)
	if c.Mask == nil || screen == nil || len(c.Leader) == 0 {
		return runHere(ctx, c, path)
	}
	s, err := openSession(c, screen)
	if err != nil {
		return notStarted(c.Args[0], err)
	}
	defer s.close()
	return s.run(ctx, path)
}

// session is a command on a terminal of its own. A second process, the leader,
// leads the terminal's session and is the command's parent, for two reasons. A
// command that leads its session itself cannot be stopped with Ctrl-Z, since
// nobody there could let it go on; and when it ends, the system throws away
// what the terminal still holds of its output.
type session struct {
	command  Command
	screen   *os.File // the real terminal, as far as it is written to
	signals  *signals
	keyboard *keyboard
	master   *os.File // our end of the command's terminal
	slave    *os.File // the command's
	leader   *exec.Cmd
	tell     *os.File
	told     <-chan message
	heard    *ears
	ready    bool // the leader knows what the real terminal was like
	closers  []io.Closer
}

// openSession makes the terminal: as large as the real one, and with its
// settings.
func openSession(c Command, screen *os.File) (*session, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, err
	}
	s := &session{command: c, screen: screen, master: master, slave: slave}
	s.closers = append(s.closers, master, slave)
	copySize(screen, master)
	if state, err := term.GetState(int(screen.Fd())); err == nil {
		_ = term.Restore(int(slave.Fd()), state)
	}
	s.keyboard = newKeyboard(c.Stdin, master)
	s.signals = catch(unix.SIGTSTP, unix.SIGCONT)
	return s, nil
}

func (s *session) close() {
	s.keyboard.close()
	s.signals.release()
	for _, c := range s.closers {
		_ = c.Close()
	}
}

func (s *session) run(ctx context.Context, path string) (int, error) {
	if err := s.start(ctx, path); err != nil {
		s.heard.abandon()
		return notStarted(s.command.Args[0], err)
	}
	s.heard.begin()
	code, err := s.follow()
	if err != nil {
		_ = s.heard.finish(nil)
		_ = s.leader.Wait()
		return notStarted(s.command.Args[0], err)
	}
	printed := s.heard.finish(s.signals.from)
	_ = send(s.tell, goodbye, 0)
	s.keyboard.release()
	_ = s.leader.Wait()
	return outcome(code, printed)
}

// start starts the leader, which starts the command.
func (s *session) start(ctx context.Context, path string) error {
	leader, err := s.connect()
	if err != nil {
		return err
	}
	commands, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	told, events, err := os.Pipe()
	if err != nil {
		return err
	}
	s.tell, s.closers = tell, append(s.closers, commands, tell, told, events)
	leader.Args = slices.Concat(s.command.Leader, []string{path}, s.command.Args)
	leader.ExtraFiles = []*os.File{commands, events}
	if s.keyboard.tty != nil {
		leader.ExtraFiles = append(leader.ExtraFiles, s.keyboard.tty)
	}
	leader.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 1} // its stdout
	if err := ctx.Err(); err != nil {                                               // from here on signals are the command's
		return err
	}
	if err := leader.Start(); err != nil {
		return err
	}
	s.leader, s.told = leader, receive(told)
	_ = commands.Close()
	_ = events.Close()
	return nil
}

// connect gives the leader the streams that are to be the command's: its
// terminal where the real one is, and otherwise a pipe or the file itself.
func (s *session) connect() (*exec.Cmd, error) {
	c := s.command
	s.heard = newEars()
	s.heard.resize = func() { copySize(s.screen, s.master) }
	s.heard.rescue = s.keyboard.release
	s.heard.hear(s.master, s.slave, c.Mask(c.Stdout))
	leader := &exec.Cmd{
		Path: c.Leader[0], Dir: c.Dir, Env: c.Env, WaitDelay: linger,
		Stdin: c.Stdin, Stdout: s.slave, Stderr: s.slave,
	}
	if terminal(c.Stdin) != nil {
		leader.Stdin = s.slave
	}
	if terminal(c.Stderr) == nil {
		stderr, err := s.heard.addPipe(c.Mask(c.Stderr))
		if err != nil {
			return nil, err
		}
		leader.Stderr = stderr
	}
	return leader, nil
}

// errLeaderGone says that the leader was ended by somebody.
var errLeaderGone = errors.New("the process that leads its terminal has ended")

// follow does what signals, the keyboard and the leader ask for until the
// command has ended, and returns its exit code.
func (s *session) follow() (int, error) {
	for {
		var look <-chan time.Time
		if s.keyboard.wavers() {
			look = time.After(keyboardPeriod)
		}
		select {
		case m, ok := <-s.told:
			switch {
			case !ok:
				return 0, errLeaderGone
			case m.kind == ready:
				s.ready = true
				s.attend()
				_ = send(s.tell, start, 0)
			case m.kind == failed:
				return 0, syscall.Errno(m.value)
			case m.kind == ended:
				return m.value, nil
			case m.kind == stopped:
				s.suspend()
			}
		case got := <-s.signals.from:
			s.heed(got)
		case <-look:
			s.attend()
		}
	}
}

// heed does what a signal asks for. None that comes here reached the command,
// which is in another session.
func (s *session) heed(got os.Signal) {
	switch got {
	case unix.SIGPIPE:
	case unix.SIGWINCH:
		s.heard.resize()
	case unix.SIGCONT:
		s.heard.resize()
		s.keyboard.resumed()
		s.attend()
	case unix.SIGTSTP:
		_ = send(s.tell, toGroup, number(got))
	default:
		to := toCommand
		if s.signals.groupHas(got) { // from the real terminal, as if it were the command's
			to = toGroup
		}
		_ = send(s.tell, to, number(got))
	}
}

// attend reads keys for the command if it is time to.
func (s *session) attend() {
	if s.ready && s.keyboard.adjust() {
		_ = send(s.tell, rawNow, 0)
	}
}

// suspend stops this process and its job, since the command was stopped, and
// lets both go on together. Without job control nobody could let them go on, so
// they do at once.
func (s *session) suspend() {
	s.heard.settle()
	s.keyboard.release()
	if hasJobControl() {
		signal.Ignore(unix.SIGTSTP)
		_ = unix.Kill(0, unix.SIGTSTP) // the rest of the job
		_ = unix.Kill(unix.Getpid(), unix.SIGSTOP)
		s.awaitContinue()
		signal.Notify(s.signals.from, unix.SIGTSTP)
	}
	s.heard.resize()
	s.attend()
	_ = send(s.tell, goOn, 0)
}

// awaitContinue waits until this process goes on. It was not stopped at all if
// that does not come within a moment of its own time.
func (s *session) awaitContinue() {
	moment := time.After(200 * time.Millisecond)
	for {
		select {
		case got := <-s.signals.from:
			if got == unix.SIGCONT {
				return
			}
			s.heed(got)
		case <-moment:
			return
		}
	}
}

// hasJobControl reports whether a shell looks after this process's job: the
// session's leader is there, and is not of the job itself.
func hasJobControl() bool {
	session, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	group, err := unix.Getpgid(session)
	return err == nil && group != ownGroup()
}

// errHungUp is what reading a terminal fails with once nobody has its other
// end.
const errHungUp = unix.EIO

// sideTerminal makes a terminal that is only written to, as large as the real
// one.
func sideTerminal(screen *os.File) (ours, theirs *os.File, err error) {
	ours, theirs, err = pty.Open()
	if err != nil {
		return nil, nil, err
	}
	copySize(screen, ours)
	_, _ = term.MakeRaw(int(theirs.Fd())) // the real one turns line ends into its own
	return ours, theirs, nil
}

// copySize makes one terminal as large as another.
func copySize(from, to *os.File) { _ = pty.InheritSize(from, to) }
