package redact

import (
	"bytes"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// kind is what a JSON token is. The literals true, false and null are none:
// nothing in them is ever masked.
type kind int

const (
	keyToken kind = iota
	stringToken
	numberToken
)

// jsonToken is one key, string or number of a JSON text.
type jsonToken struct {
	kind       kind
	start, end int    // in the text, quotes included
	escaped    bool   // a string with at least one backslash
	place      place  // where in a message the value stands; for a key, what it is a key of
	field      []byte // the key that the value stands under, also through arrays, as written
	object     int    // for a key: where its object starts
}

// content is what is between a string's quotes, as written.
func (t jsonToken) content(text []byte) []byte { return text[t.start+1 : t.end-1] }

// visitor sees the tokens of a JSON text in order.
type visitor interface{ visit(t jsonToken) }

// maxNesting is as deep as encoding/json reads.
const maxNesting = 10000

// header is what of a message decides whether claims may be swapped in it.
type header struct {
	id   []byte // as written
	keys [4]int // how often the message has id, method, result, error; never in a batch
}

// isResult reports whether the message is one result, and no other thing.
func (h header) isResult() bool { return h.keys == [4]int{1, 0, 1, 0} }

// walker reads a JSON text strictly, as json.Valid does, without allocating.
type walker struct {
	text   []byte
	pos    int
	depth  int
	v      visitor // or nil
	header header
	stops  *masks // whose inert bytes are those that end what is plain in a string
	from   int    // what of the text stops is about
	to     int
}

// walk tells v every token of text, which stands at a place, and reports whether
// text is one JSON value. Where it is not, v has seen the tokens before the fault.
func walk(text []byte, at place, v visitor) (header, bool) {
	w := walker{text: text, v: v, stops: new(masks)}
	return w.walk(at)
}

// isJSON is walk for nobody. It uses stops, and is quicker.
func isJSON(text []byte, at place, stops *masks) (header, bool) {
	w := walker{text: text, stops: stops}
	return w.walk(at)
}

func (w *walker) walk(at place) (header, bool) {
	w.space()
	if !w.value(at, nil) {
		return header{}, false
	}
	w.space()
	return w.header, w.pos == len(w.text)
}

func (w *walker) value(at place, field []byte) bool {
	switch c := w.peek(); {
	case c == '"':
		start := w.pos
		escaped, ok := w.string()
		if ok && w.v != nil {
			w.v.visit(jsonToken{kind: stringToken, start: start, end: w.pos, escaped: escaped, place: at, field: field})
		}
		return ok
	case c == '{' || c == '[':
		return w.nested(at, field)
	case c == '-' || '0' <= c && c <= '9':
		return w.number(at, field)
	default:
		return w.literal("true") || w.literal("false") || w.literal("null")
	}
}

func (w *walker) nested(at place, field []byte) bool {
	if w.depth == maxNesting {
		return false
	}
	w.depth++
	var ok bool
	if w.peek() == '[' {
		ok = w.array(at, field)
	} else {
		ok = w.object(at)
	}
	w.depth--
	return ok
}

func (w *walker) object(at place) bool {
	start := w.pos
	w.pos++
	w.space()
	if w.skip('}') {
		return true
	}
	for {
		w.space()
		key, ok := w.key(at, start)
		if !ok {
			return false
		}
		w.space()
		if !w.skip(':') {
			return false
		}
		w.space()
		valueStart := w.pos
		if !w.value(at.under(key), key) {
			return false
		}
		if at == placeTop {
			w.note(key, w.text[valueStart:w.pos])
		}
		w.space()
		if w.skip('}') {
			return true
		}
		if !w.skip(',') {
			return false
		}
	}
}

// note keeps what the header says of the message.
func (w *walker) note(key, value []byte) {
	switch string(key) {
	case "id":
		w.header.keys[0]++
		w.header.id = value
	case "method":
		w.header.keys[1]++
	case "result":
		w.header.keys[2]++
	case "error":
		w.header.keys[3]++
	}
}

func (w *walker) array(at place, field []byte) bool {
	w.pos++
	w.space()
	if w.skip(']') {
		return true
	}
	for {
		w.space()
		if !w.value(at.element(), field) {
			return false
		}
		w.space()
		if w.skip(']') {
			return true
		}
		if !w.skip(',') {
			return false
		}
	}
}

// key reads a key, of the object that starts at object, and returns what is
// between its quotes.
func (w *walker) key(at place, object int) ([]byte, bool) {
	if w.peek() != '"' {
		return nil, false
	}
	start := w.pos
	escaped, ok := w.string()
	if !ok {
		return nil, false
	}
	if w.v != nil {
		w.v.visit(jsonToken{kind: keyToken, start: start, end: w.pos, escaped: escaped, place: at, object: object})
	}
	return w.text[start+1 : w.pos-1], true
}

// string reads a string at the quote and reports whether it has a backslash.
func (w *walker) string() (escaped, ok bool) {
	for i := w.pos + 1; i < len(w.text); {
		if i >= w.to {
			w.from, w.to = i, min(len(w.text), i+chunk)
			w.stops.classify(w.text[w.from:w.to], endsPlainTables)
		}
		at := uint(i - w.from)
		stops := w.stops.inert[at/block] >> (at % block)
		if stops == 0 {
			i += block - int(at%block)
			continue
		}
		i += bits.TrailingZeros64(stops)
		switch {
		case w.text[i] == '"':
			w.pos = i + 1
			return escaped, true
		case w.text[i] != '\\':
			return escaped, false
		}
		escaped = true
		if w.pos = i; !w.escape() {
			return escaped, false
		}
		i = w.pos
	}
	return escaped, false
}

// endsPlain are the bytes that do not stand for themselves in a string.
var (
	endsPlain       = bytesOf(func(c byte) bool { return c == '"' || c == '\\' || c < ' ' })
	endsPlainTables = tablesOf(&endsPlain)
)

// escape reads an escape at the backslash.
func (w *walker) escape() bool {
	w.pos++
	c := w.peek()
	w.pos++
	if endsEscape[c] {
		return true
	}
	return c == 'u' && w.fourDigits()
}

// endsEscape are the bytes that are an escape with the backslash before them.
var endsEscape = bytesOf(func(c byte) bool { return bytes.IndexByte([]byte(`"\/bfnrt`), c) >= 0 })

func (w *walker) fourDigits() bool {
	for range 4 {
		if _, ok := hexDigit(w.peek()); !ok {
			return false
		}
		w.pos++
	}
	return true
}

func (w *walker) number(at place, field []byte) bool {
	t := jsonToken{kind: numberToken, start: w.pos, place: at, field: field}
	w.skip('-')
	if !w.skip('0') && !w.digits() {
		return false
	}
	if w.skip('.') && !w.digits() {
		return false
	}
	if w.skip('e') || w.skip('E') {
		if !w.skip('+') {
			w.skip('-')
		}
		if !w.digits() {
			return false
		}
	}
	if w.v != nil {
		t.end = w.pos
		w.v.visit(t)
	}
	return true
}

func (w *walker) digits() bool {
	start := w.pos
	for c := w.peek(); '0' <= c && c <= '9'; c = w.peek() {
		w.pos++
	}
	return w.pos > start
}

func (w *walker) literal(word string) bool {
	if !bytes.HasPrefix(w.text[w.pos:], []byte(word)) {
		return false
	}
	w.pos += len(word)
	return true
}

func (w *walker) space() {
	for w.pos < len(w.text) && w.text[w.pos] <= ' ' && isSpace(w.text[w.pos]) {
		w.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// peek returns the next byte, or 0 at the end, which no rule accepts.
func (w *walker) peek() byte {
	if w.pos < len(w.text) {
		return w.text[w.pos]
	}
	return 0
}

func (w *walker) skip(c byte) bool {
	if w.pos == len(w.text) || w.text[w.pos] != c {
		return false
	}
	w.pos++
	return true
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0'), true
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10, true
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10, true
	default:
		return 0, false
	}
}

// unit reads one character of a string's content, which walk has found valid:
// an escape, a pair of surrogate escapes, or the bytes of one rune. It returns
// how many bytes that is as written and the bytes that it means.
func unit(content []byte) (length int, meaning [utf8.UTFMax]byte, size int) {
	if content[0] != '\\' {
		_, n := utf8.DecodeRune(content)
		copy(meaning[:], content[:n])
		return n, meaning, n
	}
	r, length := escapedRune(content)
	return length, meaning, utf8.EncodeRune(meaning[:], r)
}

func escapedRune(content []byte) (rune, int) {
	switch c := content[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(c), 2
	}
	first := hexRune(content[2:6])
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if len(content) >= 12 && content[6] == '\\' && content[7] == 'u' {
		if r := utf16.DecodeRune(first, hexRune(content[8:12])); r != utf8.RuneError {
			return r, 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(digits []byte) rune {
	var r rune
	for _, c := range digits {
		d, _ := hexDigit(c)
		r = r<<4 | d
	}
	return r
}

// unescape returns what a string's content means. Bytes that are not UTF-8 stay
// as they are.
func unescape(content []byte) []byte {
	dst := make([]byte, 0, len(content))
	for len(content) > 0 {
		plain := bytes.IndexByte(content, '\\')
		if plain < 0 {
			return append(dst, content...)
		}
		dst = append(dst, content[:plain]...)
		length, meaning, size := unit(content[plain:])
		dst = append(dst, meaning[:size]...)
		content = content[plain+length:]
	}
	return dst
}

// snap widens intervals of content to whole characters. They are in order and
// apart; those that touch the same character overlap afterwards.
func snap(content []byte, spans []span) {
	next, begun := 0, false
	for at := 0; at < len(content) && next < len(spans); {
		length, _, _ := unit(content[at:])
		for next < len(spans) {
			s := &spans[next]
			if !begun && s.start < at+length {
				s.start, begun = at, true
			}
			if !begun || s.end > at+length {
				break
			}
			s.end, begun = at+length, false
			next++
		}
		at += length
	}
}
