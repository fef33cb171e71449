package setup

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// jsonFile is a JSON text with an object of servers in it.
type jsonFile struct {
	section  string // the name of that object
	comments bool   // the client takes comments
	typed    bool   // an entry says that it is of type stdio
}

// blank reports whether a text has nothing but white space after a byte order
// mark.
func blank(data []byte) bool { return len(bytes.Trim(data[bodyStart(data):], " \t\r\n")) == 0 }

func (f jsonFile) register(data []byte, s Server) (Change, error) {
	if blank(data) {
		w := writer{newline: newlineOf(data), unit: "  "}
		return f.checked(data, Change{Edits: []Edit{{Offset: len(data), New: []byte(w.document(f, s))}}})
	}
	root, err := f.root(data)
	if err != nil {
		return Change{}, err
	}
	w := writerFor(data, root)
	section, ok, err := f.servers(data, root)
	if err != nil {
		return Change{}, err
	}
	if !ok {
		return f.checked(data, Change{Edits: w.add(data, root, "", w.member(f.section, w.object(w.unit, f.entry(w, w.unit+w.unit, s)), w.unit))})
	}
	existing, ok, err := section.value.find(data, Name)
	if err != nil {
		return Change{}, err
	}
	if ok {
		return f.update(data, existing, s)
	}
	indent := w.indentOf(data, section.key.start)
	inner := w.inner(data, section.value, indent)
	return f.checked(data, Change{Edits: w.add(data, section.value, indent, f.entry(w, inner, s))})
}

// root returns the object that data holds.
func (f jsonFile) root(data []byte) (node, error) {
	root, err := parseJSON(data, f.comments)
	if err == nil && !root.isObject(data) {
		err = positionError(data, root.start, "the file does not hold an object", "correct the file, then run this again")
	}
	return root, err
}

// servers returns the object of servers in root.
func (f jsonFile) servers(data []byte, root node) (member, bool, error) {
	section, ok, err := root.find(data, f.section)
	if ok && !section.value.isObject(data) {
		err = positionError(data, section.value.start, f.section+" is not an object", "correct the file, then run this again")
	}
	return section, ok && err == nil, err
}

// checked makes sure that the edits leave a text that clients can read, with
// scrim in it.
func (f jsonFile) checked(data []byte, change Change) (Change, error) {
	after := Apply(data, change.Edits)
	root, err := f.root(after)
	if err == nil {
		var section member
		if section, _, err = f.servers(after, root); err == nil {
			if _, ok, _ := section.value.find(after, Name); ok {
				return change, nil
			}
		}
	}
	return Change{}, positionError(data, 0, "this file cannot be edited safely", "add scrim by hand")
}

// update returns what an entry that is there needs.
func (f jsonFile) update(data []byte, m member, s Server) (Change, error) {
	e := f.read(data, m)
	switch e.verdict(s) {
	case kept:
		return Change{Note: e.note()}, nil
	case moved:
		command, _, _ := m.value.find(data, "command")
		old := data[command.value.start:command.value.end]
		return f.checked(data, Change{
			Edits: []Edit{{Offset: command.value.start, Old: bytes.Clone(old), New: []byte(quoted(s.Command))}}, Note: e.note(),
		})
	default:
		return Change{}, positionError(data, m.key.start, foreignProblem, foreignNext)
	}
}

// read returns the entry that m holds.
func (f jsonFile) read(data []byte, m member) entry {
	if !m.value.isObject(data) {
		return entry{}
	}
	var e entry
	for _, name := range []string{"command", "args"} { // both must be there, once
		field, ok, err := m.value.find(data, name)
		if !ok || err != nil {
			return entry{}
		}
		target := any(&e.command)
		if name == "args" {
			target = &e.args
		}
		if json.Unmarshal(data[field.value.start:field.value.end], target) != nil {
			return entry{} // of another type, or with comments in it
		}
	}
	e.whole = true
	if env, ok, _ := m.value.find(data, "env"); ok {
		for _, variable := range env.value.members {
			e.env = append(e.env, variable.name)
		}
	}
	return e
}

// unregister takes out the entry where it runs scrim.
func (f jsonFile) unregister(data []byte) (Change, error) {
	if blank(data) {
		return Change{}, nil
	}
	root, err := f.root(data)
	if err != nil {
		return Change{}, err
	}
	section, ok, err := f.servers(data, root)
	if err != nil || !ok {
		return Change{}, err
	}
	existing, ok, err := section.value.find(data, Name)
	if err != nil || !ok {
		return Change{}, err
	}
	if !f.read(data, existing).serves() {
		return Change{}, positionError(data, existing.key.start, foreignProblem, "remove it by hand if it is not wanted")
	}
	return Change{Edits: without(data, section.value, existing)}, nil
}

// without returns the edits that take m out of object, with its own comma or,
// where it is the last, the one before it.
func without(data []byte, object node, m member) []Edit {
	i := slices.IndexFunc(object.members, func(other member) bool { return other.key.start == m.key.start })
	end := m.value.end
	ownComma := m.comma >= 0 && len(bytes.TrimSpace(data[end:m.comma])) == 0
	if ownComma {
		end = m.comma + 1
	}
	edits := []Edit{cut(data, leadOf(data, m, end), end)}
	switch {
	case ownComma:
		return edits
	case m.comma >= 0: // behind a comment
		return append(edits, cut(data, m.comma, m.comma+1))
	case i == 0:
		return edits
	}
	comma := object.members[i-1].comma
	return append([]Edit{cut(data, comma, comma+1)}, edits...)
}

// leadOf returns where to cut m, which ends at end, such that no empty line
// stays, and what follows does not end up in a comment that comes before.
func leadOf(data []byte, m member, end int) int {
	rest := bytes.TrimLeft(data[end:], " \t")
	alone := len(rest) > 0 && (rest[0] == '\n' || rest[0] == '\r')
	if alone || !bytes.ContainsAny(data[m.lead:m.key.start], "\r\n") {
		return m.lead
	}
	return m.key.start
}

func (f jsonFile) bare(data []byte) bool {
	if blank(data) {
		return true
	}
	root, err := f.root(data)
	if err != nil || len(root.members) > 1 || bytes.Contains(data, []byte("//")) || bytes.Contains(data, []byte("/*")) {
		return false
	}
	return len(root.members) == 0 || root.members[0].name == f.section && len(root.members[0].value.members) == 0 &&
		root.members[0].value.isObject(data)
}

// writer writes new members as the text around them is written.
type writer struct {
	newline string
	unit    string // one step of indentation
	line    bool   // everything is on one line
}

func writerFor(data []byte, root node) writer {
	w := writer{newline: newlineOf(data), unit: "  "}
	w.line = len(root.members) > 0 && !bytes.Contains(data[root.start:root.end], []byte("\n"))
	for _, m := range root.members {
		if indent := w.indentOf(data, m.key.start); indent != "" {
			w.unit = indent
			break
		}
	}
	return w
}

// indentOf returns the white space that the line of offset begins with.
func (w writer) indentOf(data []byte, offset int) string {
	start := lineStart(data, offset)
	if start == 0 {
		start = bodyStart(data)
	}
	line := data[start:offset]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// inner returns the indentation of the members of object, whose own is indent.
func (w writer) inner(data []byte, object node, indent string) string {
	for _, m := range slices.Backward(object.members) {
		if bytes.Contains(data[m.lead:m.key.start], []byte("\n")) {
			return w.indentOf(data, m.key.start)
		}
	}
	return indent + w.unit
}

func (w writer) document(f jsonFile, s Server) string {
	return w.object("", w.member(f.section, w.object(w.unit, f.entry(w, w.unit+w.unit, s)), w.unit)) + w.newline
}

// newMember is a member to write, and the indentation of its line.
type newMember struct{ text, indent string }

func (w writer) member(name, value, indent string) newMember {
	return newMember{quoted(name) + ": " + value, indent}
}

// object returns an object at an indentation, with these members.
func (w writer) object(indent string, members ...newMember) string {
	texts := make([]string, 0, len(members))
	for _, m := range members {
		texts = append(texts, m.text)
	}
	if w.line {
		return "{ " + strings.Join(texts, ", ") + " }"
	}
	inner := w.newline + members[0].indent
	return "{" + inner + strings.Join(texts, ","+inner) + w.newline + indent + "}"
}

// entry returns the member that registers scrim.
func (f jsonFile) entry(w writer, indent string, s Server) newMember {
	inner := indent + w.unit
	var fields []newMember
	if f.typed {
		fields = append(fields, w.member("type", quoted("stdio"), inner))
	}
	list := make([]string, 0, len(args()))
	for _, argument := range args() {
		list = append(list, quoted(argument))
	}
	fields = append(fields, w.member("command", quoted(s.Command), inner), w.member("args", "["+strings.Join(list, ", ")+"]", inner))
	return w.member(Name, w.object(indent, fields...), indent)
}

// add returns the edits that put m at the end of object, which is closed at an
// indentation. A comment behind the last member stays behind it.
func (w writer) add(data []byte, object node, indent string, m newMember) []Edit {
	if len(object.members) == 0 {
		return []Edit{w.only(data, object, indent, m)}
	}
	last := object.members[len(object.members)-1]
	end, trailing := last.value.end, last.comma >= 0
	if trailing {
		end = last.comma + 1
	}
	at := commentsEnd(data, end)
	text := w.newline + m.indent + m.text
	if at == end && !bytes.Contains(data[last.lead:last.key.start], []byte("\n")) {
		text = " " + m.text
	}
	switch {
	case trailing:
		return []Edit{{Offset: at, New: []byte(text + ",")}}
	case at == end:
		return []Edit{{Offset: at, New: []byte("," + text)}}
	default:
		return []Edit{{Offset: end, New: []byte(",")}, {Offset: at, New: []byte(text)}}
	}
}

// commentsEnd returns where the comments end that follow offset on its line, or
// offset.
func commentsEnd(data []byte, offset int) int {
	for end := offset; ; {
		next := end + len(data[end:]) - len(bytes.TrimLeft(data[end:], " \t"))
		if end = commentEnd(data, next); end < 0 {
			return offset
		}
		offset = end
	}
}

// only returns the edit that puts m into an object that has no members, behind
// whatever comments it has.
func (w writer) only(data []byte, object node, indent string, m newMember) Edit {
	inside := data[object.start+1 : object.end-1]
	at := object.start + 1 + len(bytes.TrimRight(inside, " \t\r\n"))
	if w.line {
		return Edit{Offset: at, New: []byte(" " + m.text + " ")}
	}
	text := w.newline + m.indent + m.text
	if !bytes.Contains(data[at:object.end-1], []byte("\n")) {
		text += w.newline + indent
	}
	return Edit{Offset: at, New: []byte(text)}
}

// quoted returns s as a JSON string, which is a TOML string too.
func quoted(s string) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(s) != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
