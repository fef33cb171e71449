package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
)

// ErrNotJSON is what the writer of Documents answers to Close when what it was
// given is not, or not to its end, JSON.
var ErrNotJSON = errors.New("the input is not JSON")

// Documents returns a writer to w that masks a stream of JSON values, one
// after the other with or without white space between, and keeps each valid. A
// value is written once it is whole, as Frames would, but for words and places
// of the protocol: there are none. From where the input is no JSON on, or has a
// value longer than Options.MaxLine, it is masked as text, and Close returns
// ErrNotJSON. Close does not close w.
//
// Claims are masked and never swapped.
func (r *Redactor) Documents(w io.Writer) io.WriteCloser {
	d := &documents{r: r, s: r.state(), w: w}
	return &writeCloser{writer: writer{write: d.write}, end: d.close}
}

type documents struct {
	r *Redactor
	s *state
	w io.Writer

	mu     sync.Mutex
	value  []byte         // the start of a value whose end is to come
	cut    jsonCut        // where in that it stands
	text   io.WriteCloser // takes the rest, once that is no JSON
	looker looker
	out    []byte
	closed bool
}

// write masks the values that p ends and keeps the rest for the next Write.
func (d *documents) write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.s == nil:
		return 0, errNotMade
	case d.closed:
		return 0, errClosed
	}
	d.out = d.out[:0]
	rest := p
	for len(rest) > 0 && d.text == nil {
		rest = d.next(rest)
	}
	if err := d.flush(); err != nil {
		return 0, err
	}
	if d.text != nil {
		if _, err := d.text.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// next takes what p has of one value, or of the space before it, and returns
// the rest.
func (d *documents) next(p []byte) []byte {
	if len(d.value) == 0 {
		space := len(p) - len(bytes.TrimLeft(p, " \t\r\n"))
		d.out = append(d.out, p[:space]...)
		if p = p[space:]; len(p) == 0 {
			return nil
		}
	}
	end, whole := d.cut.end(p)
	d.value = append(d.value, p[:end]...)
	if whole {
		d.finish()
	} else if len(d.value) > d.s.maxLine {
		d.giveUp()
	}
	return p[end:]
}

// finish masks the value, which is whole if it is one.
func (d *documents) finish() {
	d.cut = jsonCut{}
	if _, ok := isJSON(d.value, placeOther, d.looker.stops()); !ok {
		d.giveUp()
		return
	}
	spans := d.s.snapshot().sorted(&d.looker, d.value)
	if len(spans) == 0 {
		d.out = append(d.out, d.value...)
	} else {
		d.out = append(d.out, d.masked(union(spans))...)
	}
	d.value = recycle(d.value)
	d.looker.trim()
}

func (d *documents) masked(spans []span) []byte {
	e := editor{words: &vocabulary{}, text: d.value, spans: spans}
	walk(d.value, placeOther, &e)
	if masked := e.finish(); json.Valid(masked) {
		return masked
	}
	return []byte(`"` + unnamed + `"`)
}

// giveUp masks the value, and all that comes, as text.
func (d *documents) giveUp() {
	if d.flush() == nil {
		d.text = d.r.Stream(d.w)
		_, _ = d.text.Write(d.value)
	}
	d.value = nil
}

func (d *documents) flush() error {
	out := d.out
	d.out = recycle(d.out)
	if len(out) == 0 {
		return nil
	}
	_, err := d.w.Write(out)
	return err
}

// close writes what is left. A number ends only there.
func (d *documents) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.s == nil {
		return nil
	}
	d.closed = true
	if len(d.value) > 0 && d.text == nil {
		d.finish()
	}
	if d.text == nil {
		return d.flush()
	}
	return errors.Join(ErrNotJSON, d.text.Close())
}

// jsonCut finds where a JSON value ends, as far as that shows without reading
// it: whether it is one is to be seen afterwards.
type jsonCut struct {
	begun   bool
	depth   int
	quoted  bool
	escaped bool // the last byte was a backslash in a string
}

// end returns how much of p belongs to the value, and whether that is its end.
func (c *jsonCut) end(p []byte) (int, bool) {
	for i, b := range p {
		switch {
		case c.escaped:
			c.escaped = false
		case c.quoted:
			c.escaped = b == '\\'
			if b == '"' {
				c.quoted = false
				if c.depth == 0 {
					return i + 1, true
				}
			}
		case c.begun && c.depth == 0 && bytes.IndexByte([]byte(" \t\r\n\"[{}],:"), b) >= 0: // behind a number or a word
			return i, true
		case b == '"':
			c.quoted = true
		case b == '{' || b == '[':
			c.depth++
		case b == '}' || b == ']':
			if c.depth--; c.depth <= 0 {
				return i + 1, true
			}
		}
		c.begun = true
	}
	return len(p), false
}
