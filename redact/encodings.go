package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
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

// formsOf returns the texts that value is looked for under. Escapes,
// and other ways to write a few characters of a text differently, are not among
// them: looking undoes those.
func formsOf(value string) []form {
	var forms []form
	for i, piece := range piecesOf(value) {
		class := classify(piece)
		if class == never {
			continue
		}
		add := func(e Encoding, texts ...string) {
			for _, text := range texts {
				forms = append(forms, form{text: text, encoding: e, token: class == token, of: piece})
			}
		}
		switch {
		case class == token:
			encodeToken(add, piece)
		case i > maxEncodedParts:
			for chunk := range chunks(piece) {
				add(Plain, chunk)
			}
		default:
			for chunk := range chunks(piece) {
				encode(add, chunk)
			}
		}
	}
	return forms
}

// encode adds every form of s.
func encode(add func(Encoding, ...string), s string) {
	add(Plain, s)
	add(Plain, otherCharacters(s)...)
	add(Base64, base64Forms(s)...)
	add(Hex, hexForms(s)...)
	if strings.Contains(s, "'") {
		add(Quoted, strings.ReplaceAll(s, "'", `'\''`), strings.ReplaceAll(s, "'", `'"'"'`))
	}
	if strings.Contains(s, " ") {
		add(Percent, strings.ReplaceAll(s, " ", "+"))
	}
}

// encodeToken adds the forms of a short value, which are few: as a token it is
// told from a longer word by its neighbours, and inside base64 it has none.
func encodeToken(add func(Encoding, ...string), s string) {
	add(Plain, s)
	add(Base64, base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	add(Hex, hexForms(s)...)
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

// hexForms returns s in hexadecimal, bare and with colons.
func hexForms(s string) []string {
	lower := hex.EncodeToString([]byte(s))
	colons := make([]byte, 0, 3*len(s))
	for i := 0; i < len(lower); i += 2 {
		colons = append(colons, lower[i], lower[i+1], ':')
	}
	spread := string(colons[:max(0, len(colons)-1)])
	return []string{lower, strings.ToUpper(lower), spread, strings.ToUpper(spread)}
}

// base64Forms returns the characters that s determines in the base64 of any
// text that holds it: one form for each of the three alignments. For a short s
// it returns those of its base64 as well, since a run of digits as short as
// that is not looked into.
func base64Forms(s string) []string {
	forms := make([]string, 0, 9)
	for skip := range 3 {
		forms = append(forms, base64Core(base64.RawStdEncoding, s, skip))
		if url := base64Core(base64.RawURLEncoding, s, skip); url != forms[len(forms)-1] {
			forms = append(forms, url)
		}
	}
	if len(s) < shortForRuns {
		twice := base64.StdEncoding.EncodeToString([]byte(s))
		for skip := range 3 {
			forms = append(forms, base64Core(base64.RawStdEncoding, twice, skip))
		}
	}
	return forms
}

// shortForRuns is the length from which the base64 of a value's base64 has
// minRun digits at every alignment.
const shortForRuns = 20

// base64Core returns the characters of the base64 of skip unknown bytes and s
// that depend on s alone.
func base64Core(e *base64.Encoding, s string, skip int) string {
	text := e.EncodeToString(append(make([]byte, skip), s...))
	return text[(8*skip+5)/6 : 8*(skip+len(s))/6]
}

func isAlphanumeric(c byte) bool { return c != '_' && c < utf8.RuneSelf && isWord(c) }
