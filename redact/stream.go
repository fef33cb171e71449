package redact

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"time"
)

// errNotMade is what the writers of a Redactor answer that New did not make.
var errNotMade = errors.New("redact: this redactor knows nothing and lets nothing through")

// errClosed is what a stream answers after Close.
var errClosed = errors.New("redact: write to a closed stream")

// idle is how long a stream is silent before it shows the start of what may
// become a value: someone may be waiting at a prompt.
const idle = 40 * time.Millisecond

// Stream returns a writer to w that masks what passes, however it is cut into
// writes: w gets what Bytes would make of the whole. It holds back the tail
// that could still become a known value, and writes the rest at once. After a
// silence of 40 ms it shows a tail that is no more than a quarter of what it
// may become, and no more than 12 bytes of it, or that is only the scheme of a
// URL; it goes on looking at what it has shown, so that the rest of the value,
// when it comes, is masked. Close writes what is left. It does not close w.
//
// What a value is encoded in may be up to 64 KiB long: more is not held back.
//
// It has a method Flush() error, which writes what is held back without an end:
// whoever calls it says that what was written is whole.
//
// Claims are masked and never swapped.
func (r *Redactor) Stream(w io.Writer) io.WriteCloser {
	s := &stream{r: r, w: w}
	return &streamWriter{writeCloser{writer: writer{write: s.write}, end: s.close}, s.settle}
}

type stream struct {
	r *Redactor
	w io.Writer

	mu     sync.Mutex
	held   []byte // what is not decided yet, after context bytes that are
	past   int    // how many bytes of held are decided: written, or masked by open
	shown  int    // how many bytes of held have been written, decided or not; past or more
	open   span   // an interval that began and may yet grow; its place is in held
	inside bool   // whether there is an open interval
	marked bool   // whether its marker has been written
	out    []byte
	timer  *time.Timer
	failed error // what w answered to a write of the timer's
	closed bool
}

// write masks p and writes what is decided.
func (s *stream) write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, errClosed
	}
	if s.failed != nil {
		return 0, s.failed
	}
	st := s.r.state()
	if st == nil {
		return 0, errNotMade
	}
	s.held = append(s.held, p...)
	k, l := st.snapshot(), st.looker()
	defer st.release(l)
	s.decide(k, l, s.pending(k, l, forEver), forEver)
	s.wait()
	return len(p), s.flush()
}

// pending returns from where on of what is held more input decides.
func (s *stream) pending(k *snapshot, l *looker, wait patience) int {
	return max(s.past, l.pending(k, s.held, wait, 0), len(s.held)-window)
}

// wait sets the timer for what is held back and not shown.
func (s *stream) wait() {
	switch {
	case s.shown == len(s.held) && (!s.inside || s.marked):
		if s.timer != nil {
			s.timer.Stop()
		}
	case s.timer == nil:
		s.timer = time.AfterFunc(idle, s.show)
	default:
		s.timer.Reset(idle)
	}
}

// show writes what may be shown of what is held back. It stays undecided.
func (s *stream) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.r.state()
	if s.closed || st == nil {
		return
	}
	k, l := st.snapshot(), st.looker()
	defer st.release(l)
	s.decide(k, l, s.pending(k, l, forNow), forAWhile)
	if s.inside && !s.marked {
		s.out = append(s.out, s.open.marker...)
		s.marked, s.shown = true, max(s.shown, s.open.end)
	}
	until := s.pending(k, l, forAWhile)
	for _, next := range k.sorted(l, s.held) {
		if next.start >= s.past {
			until = min(until, next.start)
			break
		}
	}
	if until > s.shown {
		s.out = append(s.out, s.held[s.shown:until]...)
		s.shown = until
	}
	s.failed = s.flush()
}

// settle writes what was held back, masked, without waiting for what it may become.
func (s *stream) settle() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	return s.end()
}

// close writes what was held back, masked. It does so once.
func (s *stream) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return s.end()
}

func (s *stream) end() error {
	if s.timer != nil {
		s.timer.Stop()
	}
	st := s.r.state()
	if st == nil {
		return nil
	}
	l := st.looker()
	defer st.release(l)
	s.decide(st.snapshot(), l, len(s.held), forAWhile)
	return errors.Join(s.failed, s.flush())
}

// decide puts out what starts before limit: no occurrence that starts there is
// incomplete. What starts later is looked at again when there is more.
func (s *stream) decide(k *snapshot, l *looker, limit int, wait patience) {
	at := s.past // up to here held is decided, or inside the open interval
	spans := k.sorted(l, s.held)
	if wait == forEver {
		limit = max(s.past, s.unsettled(spans, limit))
	}
	for _, next := range spans {
		if next.start < s.past || next.start >= limit {
			continue
		}
		if s.inside && next.start < s.open.end {
			s.open.absorb(next)
			continue
		}
		at = s.putOpen(at)
		s.put(at, next.start)
		s.open, s.inside, s.marked = next, true, false
	}
	if s.inside && s.open.end <= limit {
		at = s.putOpen(at)
	}
	if !s.inside {
		s.put(at, limit)
	}
	s.forget(limit)
}

// unsettled returns where the first occurrence starts that ends with what there
// is, but for what shows nothing or may be the start of a unit, if that is before
// limit: what comes may belong to it, such as its last character struck over.
func (s *stream) unsettled(spans []span, limit int) int {
	open := openUnit(s.held)
	for _, next := range spans {
		if next.end >= open || showsNothing(s.held[next.end:]) {
			return min(limit, next.start)
		}
	}
	return limit
}

// showsNothing reports whether text, as far as it goes, is nothing but control
// characters, however they are written.
func showsNothing(text []byte) bool {
	var buffer [16]byte
	if len(text) > maxSequence {
		return false
	}
	for len(text) > 0 {
		if text[0] == '_' && (len(text) == 1 || text[1] == '\b') { // a line under the next character
			text = text[1:]
			continue
		}
		if !isTrigger(text[0]) {
			return false
		}
		meant, length := kindFor(text[0]).unit(buffer[:0], text)
		switch {
		case length == incomplete:
			return true
		case length == 0:
			return false
		case slices.ContainsFunc(meant, isSign): // the start of another unit
			return len(text) < length+maxEscape
		case slices.ContainsFunc(meant, func(c byte) bool { return !isControl(c) }):
			return false
		}
		text = text[length:]
	}
	return true
}

// put puts out held[from:to], but for what has been shown.
func (s *stream) put(from, to int) {
	if from = max(from, s.shown); from < to {
		s.out = append(s.out, s.held[from:to]...)
	}
}

// putOpen puts out the open interval's marker and returns where the text goes
// on, which is at if there is none.
func (s *stream) putOpen(at int) int {
	if !s.inside {
		return at
	}
	if !s.marked {
		s.out = append(s.out, s.open.marker...)
	}
	s.inside = false
	return s.open.end
}

// forget drops what is before limit, but for what says how to read on: whether
// a short value is a token depends on the byte before it, what a backslash means
// on those before it, and what is at limit may be within something encoded, or
// within a control sequence.
func (s *stream) forget(limit int) {
	drop := max(0, limit-unitReach)
	for drop > 0 && limit-drop < window && s.held[drop] == '\\' {
		drop--
	}
	drop = min(drop, sequenceAround(s.held, limit))
	s.held = append(recycle(s.held), s.held[drop:]...)
	s.past = limit - drop
	s.shown = max(s.shown-drop, s.past)
	s.open.start -= drop
	s.open.end -= drop
}

// sequenceAround returns where the control sequence starts that goes on at i, or i.
func sequenceAround(text []byte, i int) int {
	from := max(0, i-maxSequence)
	at := bytes.LastIndexByte(text[from:i], '\x1b')
	if at < 0 {
		return i
	}
	if length := sequenceLength(text[from+at:]); length != incomplete && from+at+length <= i {
		return i
	}
	return from + at
}

func (s *stream) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.w.Write(s.out)
	s.out = recycle(s.out)
	return err
}
