package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// maxMessage bounds one incoming message. A library that reads lines without a
// bound took a gigabyte for a line of 64 MiB.
const maxMessage = 8 << 20

// tooLongError says that a message was longer than maxMessage. ID is the
// JSON-RPC id of that message, as it was written, where it could be read.
type tooLongError struct{ ID json.RawMessage }

func (*tooLongError) Error() string { return "message too long" }

// lineReader reads messages, one a line, with a bound on their length.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) *lineReader { return &lineReader{bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line that is not blank, without its newline, in a
// buffer of its own. A last line needs no newline. After a *tooLongError the
// reader stands at the next line.
func (l *lineReader) next() ([]byte, error) {
	for {
		line, err := l.line()
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// line returns one line, blank or not; at the end of input what is left of it.
func (l *lineReader) line() ([]byte, error) {
	var line []byte
	for {
		chunk, err := l.r.ReadSlice('\n')
		if len(line)+len(chunk) > maxMessage {
			return nil, l.skip(append(line, chunk...), err)
		}
		line = append(line, chunk...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(line, []byte("\n")), err
		}
	}
}

// skip reads to the end of a line that is too long and looks for its id on the
// way, so that the client's call can be answered.
func (l *lineReader) skip(begun []byte, err error) error {
	var id idScanner
	id.scan(begun)
	for errors.Is(err, bufio.ErrBufferFull) {
		var chunk []byte
		chunk, err = l.r.ReadSlice('\n')
		id.scan(chunk)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return &tooLongError{ID: id.found()}
}

// idScanner finds the value of "id" at the top level of a JSON object that
// arrives in pieces, and keeps nothing else of it. It trusts the input to be
// JSON; if it is not, what it finds still is one scalar or nothing.
type idScanner struct {
	depth    int
	inString bool
	escaped  bool
	token    []byte // the scalar being read at depth 1, capped
	key      string // the key that the scalar at depth 1 belongs to
	isValue  bool   // after a colon at depth 1
	id       []byte
}

// maxID bounds the id of a message that is not read whole.
const maxID = 256

func (s *idScanner) scan(chunk []byte) {
	for _, c := range chunk {
		s.step(c)
	}
}

func (s *idScanner) step(c byte) {
	if s.inString {
		s.keep(c)
		switch {
		case s.escaped:
			s.escaped = false
		case c == '\\':
			s.escaped = true
		case c == '"':
			s.inString = false
		}
		return
	}
	switch c {
	case '"':
		s.inString = true
		s.keep(c)
	case '{', '[':
		s.depth++
	case '}', ']':
		s.endOfMember()
		s.depth--
	case ':':
		if s.depth == 1 {
			s.key, s.isValue, s.token = string(s.token), true, nil
		}
	case ',':
		s.endOfMember()
	case ' ', '\t', '\r', '\n':
	default:
		s.keep(c)
	}
}

func (s *idScanner) keep(c byte) {
	if s.depth == 1 && len(s.token) <= maxID {
		s.token = append(s.token, c)
	}
}

func (s *idScanner) endOfMember() {
	if s.depth != 1 {
		return
	}
	if s.isValue && s.key == `"id"` && s.id == nil {
		s.id = s.token
	}
	s.key, s.isValue, s.token = "", false, nil
}

// found returns the id, or nil where there is none that can be sent back.
func (s *idScanner) found() json.RawMessage {
	if len(s.id) == 0 || len(s.id) > maxID || !isID(s.id) {
		return nil
	}
	return s.id
}

// isID reports whether raw is a JSON string or number, which is what an id of
// MCP can be.
func isID(raw json.RawMessage) bool {
	raw = bytes.TrimSpace(raw)
	return json.Valid(raw) && utf8.Valid(raw) && len(raw) > 0 && (raw[0] == '"' || raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9')
}
