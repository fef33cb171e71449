package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// What OnStray is told instead of the message itself.
const (
	tooLong    = "a message over the bound was dropped"
	unmaskable = "a message that could not be masked was withheld"
)

// maxKept bounds the buffers that a writer keeps between writes, in elements.
const maxKept = 1 << 18

// Frames returns a writer for the stdout of an MCP server. It takes JSON-RPC
// messages, one a line, however they are cut into writes and by however many
// goroutines, and writes each masked in one Write to w. It masks every string
// and key, and every number that holds a value, except the protocol's tokens
// (see placeVerbatim) and the words of Vocabulary. What it does not mask goes
// out byte by byte as it came.
//
// It is the only place where claims are swapped: see Disclose.
//
// A line that is no JSON object or array goes nowhere; Options.OnStray is told.
func (r *Redactor) Frames(w io.Writer) io.Writer {
	f := &frames{s: r.state(), w: w}
	return &writer{write: f.write}
}

type frames struct {
	s *state
	w io.Writer

	mu      sync.Mutex
	line    []byte // the start of a line whose end is to come
	overrun bool   // the line is over the bound; its rest is to be dropped
	looker  looker
	out     []byte
}

// write masks the lines that p ends and writes them. It keeps the rest for
// the next Write.
func (f *frames) write(p []byte) (int, error) {
	if f.s == nil {
		return 0, errNotMade
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var failed error
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			f.keep(rest)
			break
		}
		if err := f.finish(rest[:end]); err != nil {
			failed = errors.Join(failed, err)
		}
		rest = rest[end:]
	}
	return len(p), failed
}

// keep adds to the line whose end is to come.
func (f *frames) keep(part []byte) {
	if f.overrun || len(f.line)+len(part) > f.s.maxLine {
		f.overrun, f.line = true, nil
		return
	}
	f.line = append(f.line, part...)
}

// finish takes the end of a line, with its newline, and puts the message out.
func (f *frames) finish(end []byte) error {
	if f.overrun || len(f.line)+len(end)-1 > f.s.maxLine {
		f.overrun, f.line = false, nil
		f.report([]byte(tooLong))
		return nil
	}
	if len(f.line) == 0 {
		return f.message(end)
	}
	f.line = append(f.line, end...)
	err := f.message(f.line)
	f.line = recycle(f.line)
	return err
}

// message masks one line and writes it. Most messages hold nothing to mask and
// pass without being copied.
func (f *frames) message(line []byte) error {
	text := bytes.Trim(line, " \t\r\n") // JSON knows no other white space
	if len(text) == 0 {
		return nil
	}
	k := f.s.snapshot()
	head, ok := isJSON(text, placeTop, f.looker.stops())
	if !ok || text[0] != '{' && text[0] != '[' {
		f.stray(k, text)
		return nil
	}
	spans := k.sorted(&f.looker, text)
	if len(spans) == 0 {
		_, err := f.w.Write(line)
		return err
	}
	return f.masked(text, head, union(spans))
}

// masked writes text with its values masked and its claim swapped.
func (f *frames) masked(text []byte, head header, spans []span) error {
	e := editor{words: f.s.words(), text: text, out: f.out[:0], spans: spans, swap: f.s.settle(text, head)}
	walk(text, placeTop, &e)
	f.out = append(e.finish(), '\n')
	defer func() {
		clear(f.out) // it may hold a disclosed value
		f.out = recycle(f.out)
		f.looker.trim()
	}()
	if json.Valid(f.out) {
		_, err := f.w.Write(f.out)
		return err
	}
	f.report([]byte(unmaskable))
	return f.withhold(head)
}

// withhold answers the call that head is the result of with an error, so that
// its client does not wait. Nothing else is answered.
func (f *frames) withhold(head header) error {
	if !head.isResult() || head.id[0] == '{' || head.id[0] == '[' {
		return nil
	}
	answer := append([]byte(`{"jsonrpc":"2.0","id":`), head.id...)
	answer = append(answer, `,"error":{"code":-32603,"message":"internal error: the result could not be masked and was withheld"}}`+"\n"...)
	_, err := f.w.Write(answer)
	return err
}

func (f *frames) stray(k *snapshot, text []byte) {
	if f.s.onStray != nil {
		f.report(maskAll(nil, text, union(k.sorted(&f.looker, text))))
	}
}

func (f *frames) report(masked []byte) {
	if f.s.onStray != nil {
		f.s.onStray(masked)
	}
}

// recycle returns the buffer b, empty, or none if it has grown large.
func recycle[E any](b []E) []E {
	if cap(b) > maxKept {
		return nil
	}
	return b[:0]
}

// maskAll appends text to dst with its spans replaced by their markers.
func maskAll(dst, text []byte, spans []span) []byte {
	done := 0
	for _, s := range spans {
		dst = append(dst, text[done:s.start]...)
		dst = append(dst, s.marker...)
		done = s.end
	}
	return append(dst, text[done:]...)
}
