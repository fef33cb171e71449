package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
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
	Quoted  Encoding = "quoted" // for a shell, Go, Python or C
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

// formsOf returns every text under which value may show, each once.
func formsOf(value string) []form {
	var forms []form
	seen := make(map[string]bool)
	for i, piece := range piecesOf(value) {
		class := classify(piece)
		if class == never {
			continue
		}
		add := func(e Encoding, texts ...string) {
			for _, text := range texts {
				if !seen[text] {
					seen[text] = true
					forms = append(forms, form{text: text, encoding: e, token: class == token, of: piece})
				}
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
	add(JSON, jsonForms(s)...)
	add(Base64, base64Forms(s)...)
	add(Hex, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
	add(Percent, percentForms(s)...)
	add(XML, xmlForms(s)...)
	add(Quoted, quotedForms(s)...)
}

// encodeToken adds the forms of a short value, which are few: as a token it is
// told from a longer word by its neighbours, and inside base64 it has none.
func encodeToken(add func(Encoding, ...string), s string) {
	add(Plain, s)
	add(JSON, jsonForms(s)...)
	add(Base64, base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	add(Hex, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))))
	add(Percent, percentForms(s)...)
}

// jsonForms returns s as the inside of a JSON string, as the usual encoders
// write it, and once more inside JSON.
func jsonForms(s string) []string {
	bare, html := escapeJSON(s, false), escapeJSON(s, true)
	ascii := escapeASCII(bare)
	forms := []string{
		bare, html, ascii, escapeASCII(html), escapeSlash(bare), escapeSlash(ascii),
		escapeJSON(bare, false), escapeJSON(bare, true), escapeJSON(html, false), escapeJSON(ascii, false),
	}
	return forms
}

// escapeJSON returns s as encoding/json writes it, without the quotes.
func escapeJSON(s string, html bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(s); err != nil {
		return s // a string always encodes
	}
	return b.String()[1 : b.Len()-len("\"\n")]
}

// escapeASCII escapes what is not ASCII, as Python and PHP do.
func escapeASCII(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

func escapeSlash(s string) string { return strings.ReplaceAll(s, "/", `\/`) }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// base64Forms returns the characters that s determines in the base64 of any
// text that holds it: one form for each of the three alignments.
func base64Forms(s string) []string {
	var forms []string
	for skip := range 3 {
		std := base64Core(base64.RawStdEncoding, s, skip)
		forms = append(forms, std, escapeSlash(std), base64Core(base64.RawURLEncoding, s, skip))
	}
	return forms
}

// base64Core returns the characters of the base64 of skip unknown bytes and s
// that depend on s alone.
func base64Core(e *base64.Encoding, s string, skip int) string {
	text := e.EncodeToString(append(make([]byte, skip), s...))
	return text[(8*skip+5)/6 : 8*(skip+len(s))/6]
}

// percentForms returns s in percent encodings: each of the usual sets of
// characters that need none, a plus for a space, everything, and twice.
func percentForms(s string) []string {
	kept := []string{
		"-_.~",                // RFC 3986, Go's url.QueryEscape
		"-_.~/",               // Python's quote
		"-_.!~*'()",           // encodeURIComponent
		"-_.!~*'();/?:@&=+$,", // encodeURI
		"-_.~$&+=:@",          // Go's url.PathEscape
		"-_.*",                // HTML forms
	}
	forms := []string{percent(s, "", everything, upperHex), percent(s, "", everything, lowerHex)}
	for _, keep := range kept {
		for _, digits := range []string{upperHex, lowerHex} {
			once := percent(s, keep, onlySpecial, digits)
			forms = append(forms, once, strings.ReplaceAll(once, "%20", "+"), percent(once, keep, onlySpecial, digits))
		}
	}
	return forms
}

// The two readings of what percent escapes, and its digits.
const (
	everything  = true
	onlySpecial = false
	upperHex    = "0123456789ABCDEF"
	lowerHex    = "0123456789abcdef"
)

func percent(s, keep string, all bool, digits string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if !all && (isAlphanumeric(c) || strings.IndexByte(keep, c) >= 0) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

func isAlphanumeric(c byte) bool { return c != '_' && c < utf8.RuneSelf && isWord(c) }

// xmlForms returns s as HTML and XML encoders write it.
func xmlForms(s string) []string {
	if !strings.ContainsAny(s, `&<>"'`) {
		return nil
	}
	var forms []string
	for _, quotes := range [][]string{
		{`"`, `"`, `'`, `'`},
		{`"`, "&#34;", `'`, "&#39;"},
		{`"`, "&quot;", `'`, "&#39;"},
		{`"`, "&quot;", `'`, "&#x27;"},
		{`"`, "&quot;", `'`, "&apos;"},
		{`"`, "&quot;", `'`, `'`},
	} {
		forms = append(forms, strings.NewReplacer(append(quotes, "&", "&amp;", "<", "&lt;", ">", "&gt;")...).Replace(s))
	}
	return forms
}

// quotedForms returns s between the quotes of shells and languages.
func quotedForms(s string) []string {
	c := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	goQuoted, goASCII := strconv.Quote(s), strconv.QuoteToASCII(s)
	return []string{
		strings.ReplaceAll(s, "'", `'\''`),
		strings.ReplaceAll(s, "'", `'"'"'`),
		strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(s),
		c.Replace(s),
		strings.ReplaceAll(c.Replace(s), "'", `\'`),
		goQuoted[1 : len(goQuoted)-1],
		goASCII[1 : len(goASCII)-1],
	}
}
