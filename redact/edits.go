package redact

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// kindOfEdit is a way of writing text in which some bytes stand for others,
// and the rest for themselves.
type kindOfEdit int

const (
	escapes  kindOfEdit = iota // \n \" \x41 \u0041 \101, of JSON, shells and languages
	percents                   // %41
	entities                   // &amp; &#65; &#x41;
	styles                     // control characters and sequences, of terminals and of UTF-16
	lines                      // the ends of lines
	kindsOfEdit
)

// edit is one place where bytes stand for others: the length bytes from raw on
// mean the size bytes of the view from view on.
type edit struct{ view, raw, size, length int }

// kindFor returns the kind that the trigger byte c belongs to.
func kindFor(c byte) kindOfEdit {
	switch c {
	case '\\':
		return escapes
	case '%':
		return percents
	case '&':
		return entities
	default:
		return styles
	}
}

// encoding is what a value is reported to be written in.
func (k kindOfEdit) encoding() Encoding {
	switch k {
	case escapes:
		return JSON
	case percents:
		return Percent
	case entities:
		return XML
	default:
		return Split
	}
}

// keepsTokens reports whether words are told apart in what is meant as they are
// in what is written.
func (k kindOfEdit) keepsTokens() bool { return k != lines }

// inside returns the depth of what is looked at next, after depth. What is cut
// into lines is not undone any further: it is looked at too often.
func (k kindOfEdit) inside(depth int) int {
	if k >= lines {
		return maxDepth
	}
	return depth + 1
}

// decode appends to view what text means, and to edits where that differs. It
// stops at rest, where text ends within something that it cannot tell yet.
func (k kindOfEdit) decode(view []byte, edits []edit, text []byte) (_ []byte, _ []edit, rest int) {
	for i := 0; i < len(text); {
		at := k.next(text[i:])
		view = append(view, text[i:i+at]...)
		i += at
		if i == len(text) {
			break
		}
		before := len(view)
		back := k.back(view, text, i)
		meant, length := k.unit(view[:before-back], text[i:])
		switch length {
		case incomplete:
			return view, edits, i
		case 0:
			view = append(view[:before], text[i])
			i++
		default:
			view = meant
			edits = addEdit(edits, edit{view: before - back, raw: i - back, size: len(view) - before + back, length: back + length})
			i += length
		}
	}
	return view, edits, len(text)
}

// addEdit appends e. One that follows another without meaning takes it in.
func addEdit(edits []edit, e edit) []edit {
	if n := len(edits) - 1; n >= 0 && edits[n].size == 0 && edits[n].view == e.view && edits[n].raw+edits[n].length >= e.raw && e.size == 0 {
		edits[n].length = e.raw + e.length - edits[n].raw
		return edits
	}
	return append(edits, e)
}

// next returns where the next unit may start in text, or its length.
func (k kindOfEdit) next(text []byte) int {
	var at int
	switch k {
	case escapes:
		at = bytes.IndexByte(text, '\\')
	case percents:
		at = bytes.IndexByte(text, '%')
	case entities:
		at = bytes.IndexByte(text, '&')
	case lines:
		at = bytes.IndexByte(text, '\n')
	default:
		at = slices.IndexFunc(text, isControl)
	}
	if at < 0 {
		return len(text)
	}
	return at
}

// isIn reports whether there may be units in text.
func (k kindOfEdit) isIn(text []byte) bool { return k.next(text) < len(text) }

func isControl(c byte) bool { return c < ' ' && kindsOf(c)&controls != 0 }

// isSign reports whether c is a visible character that a unit may start with.
func isSign(c byte) bool { return c > ' ' && isTrigger(c) }

// back returns how many bytes before the unit at text[i] belong to it. They
// stand for themselves at the end of view.
func (k kindOfEdit) back(view, text []byte, i int) int {
	switch n := len(view); {
	case k == lines:
		before, _ := breakAt(text, i)
		return min(i-before, n)
	case k == styles && text[i] == '\b' && isStruckOver(view, text, i):
		return 1
	default:
		return 0
	}
}

// isStruckOver reports whether the character before the backspace at text[i]
// is printed over, by itself or as a line under the next: manual pages have it.
func isStruckOver(view, text []byte, i int) bool {
	n := len(view)
	return n > 0 && i > 0 && i+1 < len(text) && text[i-1] == view[n-1] && (text[i+1] == text[i-1] || text[i-1] == '_')
}

// incomplete is the length of a unit that the text ends in.
const incomplete = -1

// unit reads the unit that text starts with: it appends what that means to dst
// and returns its length, which is 0 if there is none.
func (k kindOfEdit) unit(dst, text []byte) ([]byte, int) {
	switch k {
	case escapes:
		return escapeUnit(dst, text)
	case percents:
		return percentUnit(dst, text)
	case entities:
		return entityUnit(dst, text)
	case lines:
		_, after := breakAt(text, 0)
		return dst, after
	default:
		return dst, styleLength(text)
	}
}

// breakAt returns the extent of the line's end whose line feed is at i: what
// editors and mail put around it included.
func breakAt(text []byte, i int) (before, after int) {
	before, after = i, i+1
	if before > 0 && text[before-1] == '\r' {
		before--
	}
	if before > 0 && text[before-1] == '=' {
		before--
	}
	return before, indented(text, after)
}

// indented returns where text goes on after the white space at i.
func indented(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}

// escapeUnit reads an escape with a backslash: the shared ground of JSON, C,
// Go, Python, JavaScript and shells.
func escapeUnit(dst, text []byte) ([]byte, int) {
	const letters, meanings = "abefnrtv", "\a\b\x1b\f\n\r\t\v"
	if len(text) < 2 {
		return dst, incomplete
	}
	c := text[1]
	if i := strings.IndexByte(letters, c); i >= 0 {
		return append(dst, meanings[i]), 2
	}
	switch {
	case c == 'x':
		return numberedEscape(dst, text, 2)
	case c == 'u' && len(text) > 2 && text[2] == '{':
		return bracedEscape(dst, text)
	case c == 'u':
		return numberedEscape(dst, text, 4)
	case c == 'U':
		return numberedEscape(dst, text, 8)
	case '0' <= c && c <= '7':
		return octalEscape(dst, text)
	case c == '\n': // a line that goes on
		return dst, 2
	case c < utf8.RuneSelf && !isWord(c):
		return append(dst, c), 2
	default:
		return dst, 0
	}
}

// numberedEscape reads \xHH, \uHHHH and \UHHHHHHHH, which have so many digits.
func numberedEscape(dst, text []byte, digits int) ([]byte, int) {
	r, n := hexNumber(text[2:], digits)
	switch {
	case n < digits && n+2 == len(text):
		return dst, incomplete
	case n < digits:
		return dst, 0
	case digits == 2:
		return append(dst, byte(r)), 4 //nolint:gosec // G115: two digits
	case digits == 4 && utf16.IsSurrogate(r):
		return surrogateEscape(dst, text, r)
	}
	return utf8.AppendRune(dst, r), 2 + digits
}

// bracedEscape reads \u{H…}.
func bracedEscape(dst, text []byte) ([]byte, int) {
	r, n := hexNumber(text[3:], 6)
	switch {
	case 3+n == len(text):
		return dst, incomplete
	case n == 0 || text[3+n] != '}':
		return dst, 0
	}
	return utf8.AppendRune(dst, r), 3 + n + 1
}

// surrogateEscape reads the second half of a pair, if there is one.
func surrogateEscape(dst, text []byte, first rune) ([]byte, int) {
	const whole = 6
	second := text[whole:min(len(text), 2*whole)]
	if head := second[:min(2, len(second))]; string(head) == `\u`[:len(head)] {
		r, n := hexNumber(second[len(head):], 4)
		if len(second) < whole && len(head)+n == len(second) {
			return dst, incomplete
		}
		if pair := utf16.DecodeRune(first, r); n == 4 && pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 2 * whole
		}
	}
	return utf8.AppendRune(dst, utf8.RuneError), whole
}

// hexNumber reads at most limit digits.
func hexNumber(text []byte, limit int) (r rune, n int) {
	for n < min(limit, len(text)) {
		d, ok := hexDigit(text[n])
		if !ok {
			break
		}
		r = r<<4 | d
		n++
	}
	return r, n
}

// octalEscape reads \O, \OO and \OOO.
func octalEscape(dst, text []byte) ([]byte, int) {
	var c byte
	n := 1
	for n < min(4, len(text)) && '0' <= text[n] && text[n] <= '7' {
		c = c<<3 | (text[n] - '0')
		n++
	}
	if n == len(text) && n < 4 {
		return dst, incomplete
	}
	return append(dst, c), n
}

// percentUnit reads %HH.
func percentUnit(dst, text []byte) ([]byte, int) {
	r, n := hexNumber(text[1:], 2)
	switch {
	case n == 2:
		return append(dst, byte(r)), 3 //nolint:gosec // G115: two digits
	case n+1 == len(text):
		return dst, incomplete
	default:
		return dst, 0
	}
}

// maxEntity bounds the length of an entity that is looked for, in bytes.
const maxEntity = 12

// entityEnd returns where the name ends of what may be an entity that text starts
// with.
func entityEnd(text []byte) int {
	end := 1
	for end < min(len(text), maxEntity) && (isAlphanumeric(text[end]) || text[end] == '#') {
		end++
	}
	return end
}

// entityUnit reads a character reference of HTML, which XML's are among.
func entityUnit(dst, text []byte) ([]byte, int) {
	end := entityEnd(text)
	switch {
	case end == len(text) && end < maxEntity:
		return dst, incomplete
	case end == 1 || end == maxEntity || text[end] != ';':
		return dst, 0
	}
	entity := string(text[:end+1])
	meant := html.UnescapeString(entity)
	if meant == entity {
		return dst, 0
	}
	return append(dst, meant...), end + 1
}

// styleLength returns the length of what text starts with and a reader does
// not see: a terminal's control sequence or another control character, such as
// one half of each ASCII character in UTF-16.
func styleLength(text []byte) int {
	switch {
	case text[0] == '\x1b':
		return sequenceLength(text)
	case text[0] == '\b' && len(text) == 1:
		return incomplete
	default:
		return 1
	}
}

// maxSequence bounds the length of a control sequence, in bytes.
const maxSequence = 256

// sequenceLength returns the length of the control sequence (ECMA-48) that
// text starts with.
func sequenceLength(text []byte) int {
	if len(text) == 1 {
		return incomplete
	}
	i := 1
	switch text[1] {
	case '[':
		i++
		for i < len(text) && i < maxSequence && 0x20 <= text[i] && text[i] <= 0x3f {
			i++
		}
	case ']', 'P', 'X', '^', '_':
		return stringLength(text)
	default:
		for i < len(text) && i < maxSequence && 0x20 <= text[i] && text[i] <= 0x2f {
			i++
		}
	}
	switch {
	case i == len(text):
		return incomplete
	case i < maxSequence && 0x30 <= text[i] && text[i] <= 0x7e:
		return i + 1
	default:
		return 1 // no sequence: the escape character alone
	}
}

// stringLength returns the length of a control string: it ends in a bell or in
// a string terminator.
func stringLength(text []byte) int {
	for i := 2; i < min(len(text), maxSequence); i++ {
		switch {
		case text[i] == '\a':
			return i + 1
		case text[i] == '\x1b' && i+1 < len(text) && text[i+1] == '\\':
			return i + 2
		case text[i] < ' ' && text[i] != '\x1b' || text[i] == '\x1b' && i+1 < len(text):
			return 1
		}
	}
	if len(text) < maxSequence {
		return incomplete
	}
	return 1
}
