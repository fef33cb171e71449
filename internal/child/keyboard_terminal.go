//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package child

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// keyboardPeriod is how often a keyboard that is not the command's for good is
// looked at.
const keyboardPeriod = 100 * time.Millisecond

// keyboard is the real terminal, as far as keys come from it. While it is taken
// it is in raw mode and every key goes to the command's terminal, which makes
// of Ctrl-C and Ctrl-Z what they mean there.
//
// It is taken only while this process is in the foreground. Where the command's
// input is not the terminal, as in a pipeline, it is taken only while the
// command reads keys one by one, as a pager does: until then keys are the
// pipeline's, and so is Ctrl-C.
type keyboard struct {
	tty    *os.File // nil: there is none
	always bool     // the command's input is the terminal
	master *os.File
	wake   [2]*os.File // a pipe: tells the pump that something changed

	mu    sync.Mutex
	taken *term.State // what the terminal was like; nil while it is not taken
	raw   *term.State // what it is like while it is taken
	over  bool
}

func newKeyboard(stdin io.Reader, master *os.File) *keyboard {
	k := &keyboard{tty: terminal(stdin), always: true, master: master}
	if k.tty == nil {
		k.always = false
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
		if err != nil {
			return k
		}
		k.tty = tty
	}
	read, write, err := os.Pipe()
	if err != nil {
		k.tty = nil
		return k
	}
	k.wake = [2]*os.File{read, write}
	go k.pump()
	return k
}

// wavers reports whether who gets the keys can change by itself.
func (k *keyboard) wavers() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tty != nil && (k.taken == nil || !k.always)
}

// adjust takes the keyboard, or gives it back, as things are. It reports
// whether it has just taken it.
func (k *keyboard) adjust() bool {
	if k.tty == nil {
		return false
	}
	wanted := k.inForeground() && (k.always || k.commandReadsKeys())
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case wanted && k.taken == nil:
		k.taken, _ = term.MakeRaw(int(k.tty.Fd()))
		k.raw, _ = term.GetState(int(k.tty.Fd()))
		k.nudge()
		return k.taken != nil
	case !wanted && k.taken != nil:
		k.giveBack()
	}
	return false
}

// release gives the keyboard back.
func (k *keyboard) release() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken != nil {
		k.giveBack()
	}
}

// giveBack makes the terminal what it was. The caller holds the lock.
func (k *keyboard) giveBack() {
	if k.inForeground() { // to change it from the background would stop this process
		_ = term.Restore(int(k.tty.Fd()), k.taken)
	}
	k.taken = nil
	k.nudge()
}

// resumed notes that this process was stopped by somebody else, who may have
// given the terminal a mode of his own.
func (k *keyboard) resumed() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken == nil {
		return
	}
	now, err := term.GetState(int(k.tty.Fd()))
	if err != nil || k.raw == nil || *now != *k.raw {
		k.taken = nil
		k.nudge()
	}
}

func (k *keyboard) close() {
	k.release()
	k.mu.Lock()
	k.over = true
	k.nudge()
	k.mu.Unlock()
}

// inForeground reports whether keys are for this process. A terminal that does
// not control it does not say, and then they are.
func (k *keyboard) inForeground() bool {
	group, err := foregroundOf(k.tty)
	return err == unix.ENOTTY || err == nil && group == ownGroup() //nolint:errorlint // a bare errno
}

// commandReadsKeys reports whether the command's terminal gives each key at
// once, and not line by line.
func (k *keyboard) commandReadsKeys() bool {
	mode := &unix.Termios{}
	err := control(k.master, func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, getTermios)
		return err
	})
	return err == nil && mode.Lflag&unix.ICANON == 0
}

// nudge wakes the pump, if there is one. The caller holds the lock.
func (k *keyboard) nudge() {
	if k.wake[1] != nil {
		_, _ = k.wake[1].Write([]byte{0})
	}
}

// unplug lets go of what the pump needs.
func (k *keyboard) unplug() {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = k.wake[0].Close()
	_ = k.wake[1].Close()
	k.wake[1] = nil
	if !k.always && k.over {
		_ = k.tty.Close()
	}
}

// pump passes keys on while the keyboard is taken.
func (k *keyboard) pump() {
	defer k.unplug()
	tty, wake := int(k.tty.Fd()), int(k.wake[0].Fd())
	buffer := make([]byte, 4096)
	for {
		keys, ok := k.await(tty, wake)
		if !ok {
			return
		}
		if !keys {
			continue
		}
		n, err := k.read(tty, buffer)
		if err != nil {
			return // the terminal has gone, which a signal says too
		}
		if _, err := k.master.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// await waits until there are keys, or until something changed.
func (k *keyboard) await(tty, wake int) (keys, ok bool) {
	k.mu.Lock()
	taken, over := k.taken != nil, k.over
	k.mu.Unlock()
	if over {
		return false, false
	}
	var ready unix.FdSet
	ready.Zero()
	ready.Set(wake)
	if taken {
		ready.Set(tty)
	}
	_, err := unix.Select(max(tty, wake)+1, &ready, nil, nil, nil)
	if err == unix.EINTR {
		return false, true
	}
	if err != nil {
		return false, false
	}
	if ready.IsSet(wake) {
		var some [64]byte
		_, _ = unix.Read(wake, some[:])
		return false, true
	}
	return true, true
}

// read reads keys unless the keyboard was given back a moment ago.
func (k *keyboard) read(tty int, buffer []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.taken == nil {
		return 0, nil
	}
	n, err := unix.Read(tty, buffer)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return 0, nil
	case err == nil && n == 0:
		return 0, io.EOF
	default:
		return max(n, 0), err
	}
}
