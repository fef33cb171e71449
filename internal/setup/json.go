package setup

import (
	"bytes"
	"encoding/json"
)

// maxDepth bounds how deeply a document may nest.
const maxDepth = 200

// node is a value in a JSON text, from start to end.
type node struct {
	start, end int
	members    []member // of an object
}

func (n node) isObject(data []byte) bool { return data[n.start] == '{' }

// member is one name and its value.
type member struct {
	name  string
	lead  int // where what comes before it ends: a bracket, a comma or a comment
	key   node
	value node
	comma int // where the comma after it is, or -1
}

// find returns the member called name. Readers differ on what a name that
// stands twice means, so that is an error.
func (n node) find(data []byte, name string) (found member, ok bool, err error) {
	for _, m := range n.members {
		if m.name != name {
			continue
		}
		if ok {
			return member{}, false, positionError(data, m.key.start, "a name that matters here stands twice", "remove one of the two")
		}
		found, ok = m, true
	}
	return found, ok, nil
}

// scanner reads JSON and knows where everything is.
type scanner struct {
	data     []byte
	comments bool // allow comments and commas before closing brackets
	at       int
	last     int // the end of the last token or comment
}

// parseJSON returns the value that data holds after a byte order mark.
func parseJSON(data []byte, comments bool) (node, error) {
	s := scanner{data: data, comments: comments, at: bodyStart(data)}
	s.last = s.at
	root, err := s.value(0)
	if err != nil {
		return node{}, err
	}
	if err := s.space(); err != nil {
		return node{}, err
	}
	if s.at < len(data) {
		return node{}, s.wrong("something follows the end of the JSON here")
	}
	return root, nil
}

func (s *scanner) wrong(problem string) error {
	if s.at == len(s.data) {
		problem = "the file ends too early"
	}
	return positionError(s.data, s.at, problem, "correct the file, then run this again")
}

// space skips white space and, where they may be, comments.
func (s *scanner) space() error {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '/':
			if !s.comments {
				return s.wrong("comments are not allowed in this file")
			}
			end := commentEnd(s.data, s.at)
			if end < 0 {
				return s.wrong("this comment does not end, or is none")
			}
			s.at, s.last = end, end
		default:
			return nil
		}
	}
	return nil
}

// commentEnd returns where the comment at offset at ends, before its newline,
// or -1 where there is none.
func commentEnd(data []byte, at int) int {
	rest := data[at:]
	switch {
	case bytes.HasPrefix(rest, []byte("//")):
		if i := bytes.IndexAny(rest, "\r\n"); i >= 0 {
			return at + i
		}
		return len(data)
	case bytes.HasPrefix(rest, []byte("/*")):
		if i := bytes.Index(rest[2:], []byte("*/")); i >= 0 {
			return at + i + 4
		}
	}
	return -1
}

// peek skips space and returns the next byte, or 0 at the end.
func (s *scanner) peek() (byte, error) {
	if err := s.space(); err != nil {
		return 0, err
	}
	if s.at == len(s.data) {
		return 0, nil
	}
	return s.data[s.at], nil
}

func (s *scanner) step() {
	s.at++
	s.last = s.at
}

func (s *scanner) value(depth int) (node, error) {
	c, err := s.peek()
	switch {
	case err != nil:
		return node{}, err
	case depth > maxDepth:
		return node{}, s.wrong("this nests too deeply")
	case c == '{':
		return s.object(depth)
	case c == '[':
		return s.array(depth)
	default:
		return s.scalar(c)
	}
}

func (s *scanner) object(depth int) (node, error) {
	n := node{start: s.at}
	s.step()
	for {
		c, err := s.peek()
		if err != nil {
			return node{}, err
		}
		if c == '}' && (len(n.members) == 0 || s.comments) {
			return s.closed(n), nil
		}
		if c != '"' {
			return node{}, s.wrong("a name in double quotes is missing here")
		}
		m, err := s.member(depth)
		if err != nil {
			return node{}, err
		}
		n.members = append(n.members, m)
		if m.comma >= 0 {
			continue
		}
		if s.at == len(s.data) || s.data[s.at] != '}' {
			return node{}, s.wrong("a comma or a closing brace is missing here")
		}
		return s.closed(n), nil
	}
}

// closed takes the closing bracket of n.
func (s *scanner) closed(n node) node {
	s.step()
	n.end = s.at
	return n
}

// member reads a name, a value, and the comma after it.
func (s *scanner) member(depth int) (member, error) {
	m := member{lead: s.last, comma: -1}
	var err error
	if m.key, err = s.scalar('"'); err != nil {
		return member{}, err
	}
	if err := json.Unmarshal(s.data[m.key.start:m.key.end], &m.name); err != nil {
		return member{}, s.wrong("this name is not valid JSON")
	}
	c, err := s.peek()
	if err != nil {
		return member{}, err
	}
	if c != ':' {
		return member{}, s.wrong("a colon is missing here")
	}
	s.step()
	if m.value, err = s.value(depth + 1); err != nil {
		return member{}, err
	}
	m.comma, err = s.comma()
	return m, err
}

// comma takes a comma and returns where it is, or -1 where there is none.
func (s *scanner) comma() (int, error) {
	c, err := s.peek()
	if err != nil || c != ',' {
		return -1, err
	}
	s.step()
	return s.at - 1, nil
}

func (s *scanner) array(depth int) (node, error) {
	n := node{start: s.at}
	s.step()
	for count := 0; ; count++ {
		c, err := s.peek()
		if err != nil {
			return node{}, err
		}
		if c == ']' && (count == 0 || s.comments) {
			return s.closed(n), nil
		}
		if _, err := s.value(depth + 1); err != nil {
			return node{}, err
		}
		comma, err := s.comma()
		if err != nil {
			return node{}, err
		}
		if comma >= 0 {
			continue
		}
		if s.at == len(s.data) || s.data[s.at] != ']' {
			return node{}, s.wrong("a comma or a closing bracket is missing here")
		}
		return s.closed(n), nil
	}
}

// scalar reads a string, a number or a word.
func (s *scanner) scalar(first byte) (node, error) {
	end := s.at
	if first == '"' {
		end = stringEnd(s.data, s.at)
	} else {
		for end < len(s.data) && !bytes.ContainsRune([]byte(" \t\r\n,:]}[{\"/"), rune(s.data[end])) {
			end++
		}
	}
	if !json.Valid(s.data[s.at:end]) {
		return node{}, s.wrong("this is not valid JSON")
	}
	n := node{start: s.at, end: end}
	s.at, s.last = end, end
	return n, nil
}

// stringEnd returns where the string that begins at start ends.
func stringEnd(data []byte, start int) int {
	for i := start + 1; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}
