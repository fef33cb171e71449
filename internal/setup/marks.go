package setup

import (
	"bytes"
	"slices"
	"strings"
)

// The lines around what scrim says in a file that is otherwise somebody else's.
const (
	beginMark = "<!-- scrim:begin, kept by `scrim init`: edits in here are replaced -->"
	endMark   = "<!-- scrim:end -->"
	beginWord = "<!-- scrim:begin"
)

// Teach returns what puts text, whose lines end in "\n", into data between
// marks, at the end or where it stands already.
func Teach(data []byte, text string) (Change, error) {
	block := beginMark + "\n" + text + endMark + "\n"
	old, ok, err := marked(data)
	if err != nil {
		return Change{}, err
	}
	if !ok {
		return Change{Edits: []Edit{appended(data, block)}}, nil
	}
	standing := data[old[0]:old[1]]
	if !bytes.HasSuffix(standing, []byte("\n")) {
		block = strings.TrimSuffix(block, "\n")
	}
	if strings.ReplaceAll(string(standing), "\r\n", "\n") == block { // however its lines end
		return Change{}, nil
	}
	newBlock := strings.ReplaceAll(block, "\n", newlineOf(data))
	return Change{Edits: []Edit{{Offset: old[0], Old: bytes.Clone(standing), New: []byte(newBlock)}}}, nil
}

// Unteach returns what takes the marks out, and what is between them.
func Unteach(data []byte) (Change, error) {
	old, ok, err := marked(data)
	if err != nil || !ok {
		return Change{}, err
	}
	start, end := old[0], old[1]
	before := data[:start]
	newline := newlineOf(data)
	if end == len(data) && (bytes.HasSuffix(before, []byte(newline+newline)) || string(before[bodyStart(data):]) == newline) {
		start -= len(newline) // the empty line that came with the block
	}
	return Change{Edits: []Edit{cut(data, start, end)}}, nil
}

// marked returns the lines from one mark to the other.
func marked(data []byte) (block [2]int, ok bool, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return block, false, positionError(data, i, "this is not a text", "replace the file, or remove it")
	}
	var begins, ends []int
	at := 0
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(strings.TrimPrefix(string(line), byteOrderMark))
		switch {
		case strings.HasPrefix(text, beginWord) && strings.HasSuffix(text, "-->"):
			begins = append(begins, at)
		case text == endMark:
			ends = append(ends, at)
		}
		at += len(line)
	}
	switch {
	case len(begins) == 0 && len(ends) == 0:
		return block, false, nil
	case len(begins) == 1 && len(ends) == 1 && begins[0] < ends[0]:
		start := begins[0]
		if start == 0 {
			start = bodyStart(data)
		}
		return [2]int{start, lineEnd(data, ends[0])}, true, nil
	}
	all := append(begins, ends...)
	slices.Sort(all)
	return block, false, positionError(data, all[0], "the marks of scrim do not come as one pair", "remove the lines that begin with <!-- scrim:, then run this again")
}
