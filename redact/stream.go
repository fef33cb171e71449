package redact

import (
	"errors"
	"io"
	"sync"
)

// errNotMade is what the writers of a Redactor answer that New did not make.
var errNotMade = errors.New("redact: this redactor knows nothing and lets nothing through")

// errClosed is what a stream answers after Close.
var errClosed = errors.New("redact: write to a closed stream")

// Stream returns a writer to w that masks what passes, however it is cut into
// writes: w gets what Bytes would make of the whole. It holds back the tail
// that could still become a known value, until more input decides, and Close
// writes what is left. It writes the rest at once; the end of a line is not
// held back unless a value of several lines might go on. Close does not close w.
//
// Claims are masked and never swapped.
func (r *Redactor) Stream(w io.Writer) io.WriteCloser {
	s := &stream{r: r, w: w}
	return &writeCloser{writer: writer{write: s.write}, end: s.close}
}

type stream struct {
	r *Redactor
	w io.Writer

	mu     sync.Mutex
	held   []byte // what is not decided yet, after context bytes that are
	past   int    // how many bytes of held are context: written, or masked by open
	open   span   // an interval that began and may yet grow; its place is in held
	inside bool   // whether there is an open interval
	out    []byte
	closed bool
}

// write masks p and writes what is decided.
func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	k := s.r.snapshot()
	if k == nil {
		return 0, errNotMade
	}
	s.held = append(s.held, p...)
	s.decide(k, max(s.past, k.pending(s.held)))
	return len(p), s.flush()
}

// close writes what was held back, masked. It does so once.
func (s *stream) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	k := s.r.snapshot()
	if k == nil {
		return nil
	}
	s.decide(k, len(s.held))
	return s.flush()
}

// decide puts out what starts before limit: no occurrence that starts there is
// incomplete. What starts later is looked at again when there is more.
func (s *stream) decide(k *snapshot, limit int) {
	at := s.past // up to here held is put out, or inside the open interval
	for _, next := range k.sorted(s.held) {
		if next.start < s.past || next.start >= limit {
			continue
		}
		if s.inside && next.start < s.open.end {
			s.open.absorb(next)
			continue
		}
		at = s.putOpen(at)
		s.out = append(s.out, s.held[at:next.start]...)
		s.open, s.inside = next, true
	}
	if s.inside && s.open.end <= limit {
		at = s.putOpen(at)
	}
	if !s.inside {
		s.out = append(s.out, s.held[at:limit]...)
	}
	s.forget(limit)
}

// putOpen puts out the open interval's marker and returns where the text goes
// on, which is at if there is none.
func (s *stream) putOpen(at int) int {
	if !s.inside {
		return at
	}
	s.inside = false
	s.out = append(s.out, s.open.marker...)
	return s.open.end
}

// forget drops what is before limit, but for one byte: whether a short value
// is a token depends on its neighbour.
func (s *stream) forget(limit int) {
	drop := max(0, limit-1)
	s.held = append(recycle(s.held), s.held[drop:]...)
	s.past = limit - drop
	s.open.start -= drop
	s.open.end -= drop
}

func (s *stream) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.w.Write(s.out)
	s.out = recycle(s.out)
	return err
}
