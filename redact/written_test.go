package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"scrim/redact"
)

// TestHoweverItIsWritten plays somebody who wants a value out and writes it in
// other ways, one in another, among much else: none of it passes, whole or in
// writes of seven bytes.
func TestHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	each := func(format, text string) string {
		var b strings.Builder
		for _, c := range []byte(text) {
			fmt.Fprintf(&b, format, c)
		}
		return b.String()
	}
	encode := base64.StdEncoding.EncodeToString
	document, err := json.Marshal(map[string]string{"key": each(`\u%04x`, plaintext)})
	if err != nil {
		t.Fatal(err)
	}
	for name, written := range map[string]string{
		"base64 twice":        encode([]byte(encode([]byte(plaintext)))),
		"base64 of JSON":      encode([]byte(`{"key":"xx` + plaintext + `"}`)),
		"base64 for URLs":     base64.URLEncoding.EncodeToString([]byte("?" + plaintext)),
		"percent of base64":   url.QueryEscape(each("%%%02X", encode([]byte(plaintext)))),
		"percent twice":       each("%%%02X", each("%%%02X", plaintext)),
		"hex, mixed":          strings.ToUpper(hex.EncodeToString([]byte(plaintext))[:9]) + hex.EncodeToString([]byte(plaintext))[9:],
		"escapes":             each(`\u%04x`, plaintext),
		"escapes inside JSON": string(document),
		"references":          html.EscapeString(each("&#%d;", plaintext)),
		"colours":             each("\x1b[31m%c", plaintext),
		"UTF-16":              each("%c\x00", plaintext),
		"lines":               plaintext[:9] + "\n    " + plaintext[9:],
	} {
		r := learned(t, map[string]string{"KEY": plaintext})
		for _, before := range []string{"", "x = ", strings.Repeat("lorem ipsum ", 400)} {
			text := []byte(before + written + " end\n")
			masked, _ := r.Bytes(nil, text)
			if !bytes.Contains(masked, []byte("[redacted:KEY]")) {
				t.Errorf("%s behind %d bytes passes: %q", name, len(before), masked[max(0, len(masked)-80):])
			}
			if streamed := inWritesOfSeven(t, r, text); !bytes.Equal(streamed, masked) {
				t.Errorf("%s behind %d bytes: the stream has %q", name, len(before), streamed[max(0, len(streamed)-80):])
			}
		}
	}
}

func inWritesOfSeven(t *testing.T, r *redact.Redactor, text []byte) []byte {
	t.Helper()
	var cuts []int
	for at := 7; at < len(text); at += 7 {
		cuts = append(cuts, at)
	}
	var out bytes.Buffer
	if err := writeCut(r.Stream(&out), text, cuts); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
