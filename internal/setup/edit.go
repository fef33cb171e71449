// Package setup edits the text of the files that tell an agent of scrim: those
// in which MCP clients register servers, the instructions in AGENTS.md, and
// scrim.toml. It works from old bytes to new ones, as edits that can be taken
// back, and what it does not own keeps every byte.
package setup

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Edit is one replacement in a text.
type Edit struct {
	Offset int    `json:"offset"`        // in the text as it was before all edits
	Old    []byte `json:"old,omitempty"` // what stood there
	New    []byte `json:"new,omitempty"` // what stands there now
}

// Apply returns data with edits made. They are in order and do not overlap.
func Apply(data []byte, edits []Edit) []byte {
	out := make([]byte, 0, len(data))
	at := 0
	for _, e := range edits {
		out = append(append(out, data[at:e.Offset]...), e.New...)
		at = e.Offset + len(e.Old)
	}
	return append(out, data[at:]...)
}

// Revert returns what data was before edits, and false where data is not what
// they left.
func Revert(data []byte, edits []Edit) ([]byte, bool) {
	var out []byte
	at, shift := 0, 0
	for _, e := range edits {
		start := e.Offset + shift
		if start < at || start > len(data) || !bytes.HasPrefix(data[start:], e.New) {
			return nil, false
		}
		out = append(append(out, data[at:start]...), e.Old...)
		at = start + len(e.New)
		shift += len(e.New) - len(e.Old)
	}
	return append(out, data[at:]...), true
}

// Inverse returns the edits that take edits back.
func Inverse(edits []Edit) []Edit {
	inverse := make([]Edit, 0, len(edits))
	shift := 0
	for _, e := range edits {
		inverse = append(inverse, Edit{Offset: e.Offset + shift, Old: e.New, New: e.Old})
		shift += len(e.New) - len(e.Old)
	}
	return inverse
}

// Difference returns the one edit that makes after of before.
func Difference(before, after []byte) []Edit {
	short := min(len(before), len(after))
	start := 0
	for start < short && before[start] == after[start] {
		start++
	}
	end := 0
	for end < short-start && before[len(before)-1-end] == after[len(after)-1-end] {
		end++
	}
	return []Edit{{Offset: start, Old: bytes.Clone(before[start : len(before)-end]), New: bytes.Clone(after[start : len(after)-end])}}
}

// Change is what has to be done to a text, if anything.
type Change struct {
	Edits []Edit
	Note  string // what a person should know all the same, or ""
}

// PositionError is why a text is left alone, and where in it. It quotes nothing
// of the text.
type PositionError struct {
	Line, Column int // from 1; columns are characters
	Problem      string
	Next         string
}

// Error returns position, problem and next step in one sentence.
func (e *PositionError) Error() string {
	return fmt.Sprintf("%d:%d: %s: %s", e.Line, e.Column, e.Problem, e.Next)
}

func positionError(data []byte, offset int, problem, next string) *PositionError {
	before := data[:min(offset, len(data))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &PositionError{
		Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[lineStart:]) + 1, Problem: problem, Next: next,
	}
}

// byteOrderMark may stand before any of the texts, and stays there.
const byteOrderMark = "\xef\xbb\xbf"

// bodyStart returns where the text begins after a byte order mark.
func bodyStart(data []byte) int {
	if bytes.HasPrefix(data, []byte(byteOrderMark)) {
		return len(byteOrderMark)
	}
	return 0
}

// newlineOf returns how the lines of data end.
func newlineOf(data []byte) string {
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineEnd returns where the line that offset is in ends, after its newline.
func lineEnd(data []byte, offset int) int {
	if i := bytes.IndexByte(data[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(data)
}

// lineStart returns where the line that offset is in begins.
func lineStart(data []byte, offset int) int { return bytes.LastIndexByte(data[:offset], '\n') + 1 }

// appended returns the edit that adds block, whose lines end in "\n", to the
// end of data, after an empty line where there is a text.
func appended(data []byte, block string) Edit {
	newline := newlineOf(data)
	text := ""
	if len(data) > bodyStart(data) {
		if data[len(data)-1] != '\n' {
			text = newline
		}
		text += newline
	}
	return Edit{Offset: len(data), New: []byte(text + string(bytes.ReplaceAll([]byte(block), []byte("\n"), []byte(newline))))}
}

// cut returns the edit that takes data[start:end] away.
func cut(data []byte, start, end int) Edit {
	return Edit{Offset: start, Old: bytes.Clone(data[start:end])}
}
