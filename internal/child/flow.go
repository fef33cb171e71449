package child

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

const (
	chunk = 32 << 10 // bytes read at once

	// linger is how long a stream is heard on that somebody holds after the
	// command has ended.
	linger = time.Second
	// dry is for how long a read has to wait to tell that all that was written
	// before it has been read.
	dry = 20 * time.Millisecond
	// heldBack is for how long a mask may hold back what it has got.
	heldBack = 75 * time.Millisecond
	// backlog is more than the system ever holds of a stream that nobody read.
	backlog = 1 << 20
)

// flow passes on one stream of the command, each piece at once.
type flow struct {
	from *os.File
	to   io.WriteCloser
	done chan struct{}

	mu      sync.Mutex
	err     error
	since   time.Time // when the read began that is going on; zero while there is none
	ended   bool      // the command has
	after   int       // bytes read since then
	wasDry  bool      // a read had to wait since then
	dropped bool      // what comes is not passed on any more
}

// begin starts to pass on what comes, until it ends. An error to write ends it
// too, and where it comes from is closed, so that the command hears of it. A
// panic of the mask calls rescue before it ends the process.
func (f *flow) begin(rescue func()) {
	f.done = make(chan struct{})
	go func() {
		defer close(f.done)
		passed := false
		defer func() {
			if !passed {
				rescue()
			}
		}()
		f.pass()
		passed = true
	}()
}

func (f *flow) pass() {
	buffer := make([]byte, chunk)
	for {
		n, err := f.read(buffer)
		if n > 0 && !f.write(buffer[:n]) {
			return
		}
		if err != nil {
			f.stop(err)
			return
		}
	}
}

func (f *flow) read(buffer []byte) (int, error) {
	f.mu.Lock()
	f.since = time.Now()
	f.mu.Unlock()
	n, err := f.from.Read(buffer)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		f.after += n
		f.wasDry = f.wasDry || time.Since(f.since) > dry
	}
	f.since = time.Time{}
	return n, err
}

// write passes data on and reports whether there is to be more.
func (f *flow) write(data []byte) bool {
	f.mu.Lock()
	dropped := f.dropped
	f.mu.Unlock()
	if dropped {
		return false
	}
	if _, err := f.to.Write(data); err != nil {
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
		_ = f.from.Close()
		return false
	}
	return true
}

// stop keeps why there is no more to read, where that is worth a word.
func (f *flow) stop(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dropped || f.err != nil || isEnd(err) {
		return
	}
	f.err = err
}

// isEnd reports whether a read failed because nobody has the other end, which
// of a terminal is an error of its own.
func isEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) || errors.Is(err, errHungUp)
}

// settle waits until nothing has come for as long as a mask may hold back what
// does, but not for ever.
func (f *flow) settle() {
	began := time.Now()
	for quiet := began; time.Since(quiet) < heldBack && time.Since(began) < 4*heldBack; time.Sleep(dry / 4) {
		f.mu.Lock()
		if f.since.IsZero() {
			quiet = time.Now()
		} else if f.since.After(quiet) {
			quiet = f.since
		}
		f.mu.Unlock()
	}
}

// finish passes on what the command, which has ended, left to be read, and
// whatever else comes within the linger time. It returns the first error.
func (f *flow) finish() error {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	select {
	case <-f.done:
	case <-time.After(linger):
		f.drain()
	}
	_ = f.from.Close()
	closed := f.to.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	return closed
}

// drain waits until what was written before the command ended has been passed
// on, and drops the rest.
func (f *flow) drain() {
	poll := time.NewTicker(dry / 4)
	defer poll.Stop()
	for {
		select {
		case <-f.done:
			return
		case <-poll.C:
			if f.drop() {
				return
			}
		}
	}
}

func (f *flow) drop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	reading := !f.since.IsZero()
	waits := reading && time.Since(f.since) > dry
	f.dropped = reading && (f.wasDry || waits || f.after > backlog)
	return f.dropped
}
