package redact

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// Encoding says how a value was written where it was found.
type Encoding string

// The encodings that are looked for.
const (
	Plain   Encoding = "plain"
	JSON    Encoding = "json"
	Base64  Encoding = "base64"
	Hex     Encoding = "hex"
	Percent Encoding = "percent"
	XML     Encoding = "xml"
	Quoted  Encoding = "quoted" // for a shell
	Split   Encoding = "split"  // by ends of lines or by control characters
	Mixed   Encoding = "mixed"  // several in one interval
)

// form is one text under which a value may show.
type form struct {
	text     string
	encoding Encoding
	token    bool
	of       string // the piece of the value that it is a form of
}

// maxEncodedParts bounds the parts of a value that get every encoding. More
// lines than these are looked for as they are.
const maxEncodedParts = 64

// former makes the forms of one value after another. What it returns is good
// until it makes the next; the texts stay.
type former struct {
	forms  []form
	texts  arena
	source []byte // what is encoded
	buffer []byte // what it becomes

	piece string
	class class
}

// of returns the texts that value is looked for under. Escapes, and other ways to
// write a few characters of a text differently, are not among them: looking
// undoes those.
func (f *former) of(value string) []form {
	f.forms = f.forms[:0]
	for i, piece := range piecesOf(value) {
		f.piece, f.class = piece, classify(piece)
		switch {
		case f.class == never:
		case f.class == token:
			f.encodeToken(piece)
		case i > maxEncodedParts:
			for chunk := range chunks(piece) {
				f.add(Plain, chunk)
			}
		default:
			for chunk := range chunks(piece) {
				f.encode(chunk)
			}
		}
	}
	return f.forms
}

func (f *former) add(e Encoding, text string) {
	f.forms = append(f.forms, form{text: text, encoding: e, token: f.class == token, of: f.piece})
}

// keep is add for what is in a buffer.
func (f *former) keep(e Encoding, text []byte) { f.add(e, f.texts.keep(text)) }

// encode adds every form of s.
func (f *former) encode(s string) {
	f.add(Plain, s)
	for _, other := range otherCharacters(s) {
		f.add(Plain, other)
	}
	f.addBase64(s)
	f.addHex(s)
	if strings.Contains(s, "'") {
		f.add(Quoted, strings.ReplaceAll(s, "'", `'\''`))
		f.add(Quoted, strings.ReplaceAll(s, "'", `'"'"'`))
	}
	if strings.Contains(s, " ") {
		f.add(Percent, strings.ReplaceAll(s, " ", "+"))
	}
}

// encodeToken adds the forms of a short value, which are few: as a token it is
// told from a longer word by its neighbours, and inside base64 it has none.
func (f *former) encodeToken(s string) {
	f.add(Plain, s)
	f.add(Base64, base64.RawStdEncoding.EncodeToString([]byte(s)))
	f.add(Base64, base64.RawURLEncoding.EncodeToString([]byte(s)))
	f.addHex(s)
}

// addHex adds s in hexadecimal, bare and with colons, in both cases.
func (f *former) addHex(s string) {
	for _, digits := range []string{"0123456789abcdef", "0123456789ABCDEF"} {
		f.buffer = f.buffer[:0]
		for i := range len(s) {
			f.buffer = append(f.buffer, digits[s[i]>>4], digits[s[i]&15])
		}
		f.keep(Hex, f.buffer)
		f.buffer = f.buffer[:0]
		for i := range len(s) {
			f.buffer = append(f.buffer, digits[s[i]>>4], digits[s[i]&15], ':')
		}
		f.keep(Hex, f.buffer[:max(0, len(f.buffer)-1)])
	}
}

// addBase64 adds the characters that s determines in the base64 of any text that
// holds it: one form for each of the three alignments, and both alphabets. For a
// short s it adds those of its base64 as well, since a run of digits as short as
// that is not looked into.
func (f *former) addBase64(s string) {
	f.source = append(append(f.source[:0], make([]byte, 2)...), s...)
	f.addBase64Cores(base64.RawStdEncoding, base64.RawURLEncoding)
	if len(s) < shortForRuns {
		f.source = base64.StdEncoding.AppendEncode(append(f.source[:0], make([]byte, 2)...), []byte(s))
		f.addBase64Cores(base64.RawStdEncoding)
	}
}

// addBase64Cores adds, for each alignment, the characters of the base64 of up to
// two unknown bytes and what follows them in f.source that depend on that alone.
func (f *former) addBase64Cores(alphabets ...*base64.Encoding) {
	for skip := range 3 {
		from := len(f.forms)
		for _, e := range alphabets {
			text := f.source[2-skip:]
			f.buffer = e.AppendEncode(f.buffer[:0], text)
			core := f.buffer[(8*skip+5)/6 : 8*len(text)/6]
			if len(f.forms) == from || f.forms[from].text != string(core) {
				f.keep(Base64, core)
			}
		}
	}
}

// shortForRuns is the length from which the base64 of a value's base64 has
// minRun digits at every alignment.
const shortForRuns = 20

// arena keeps many small texts in a few large pieces of memory.
type arena struct{ last *strings.Builder }

// The sizes of those pieces: the first, and the largest.
const (
	smallArena = 1 << 10
	largeArena = 64 << 10
)

func (a *arena) keep(text []byte) string {
	if a.last == nil || a.last.Cap()-a.last.Len() < len(text) {
		size := smallArena
		if a.last != nil {
			size = min(2*a.last.Cap(), largeArena)
		}
		a.last = new(strings.Builder)
		a.last.Grow(max(size, len(text)))
	}
	from := a.last.Len()
	a.last.Write(text)
	return a.last.String()[from:]
}

// otherCharacters returns s in other sequences of characters that read the
// same, and in other encodings of them than UTF-8.
func otherCharacters(s string) []string {
	if isASCII(s) || !utf8.ValidString(s) {
		return nil
	}
	forms := []string{norm.NFC.String(s), norm.NFD.String(s), inUTF16(s, binary.LittleEndian), inUTF16(s, binary.BigEndian)}
	if latin, err := charmap.ISO8859_1.NewEncoder().String(s); err == nil {
		forms = append(forms, latin)
	}
	return forms
}

// inUTF16 returns s in UTF-16, but for the NULs: those of ASCII characters are
// undone where they show.
func inUTF16(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return strings.ReplaceAll(string(b), "\x00", "")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isPrintable reports whether s is printable ASCII.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool { return c != '_' && c < utf8.RuneSelf && isWord(c) }
