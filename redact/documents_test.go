package redact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"unicode/utf8"

	"scrim/redact"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext, "PIN": "12345678"})
	for in, want := range map[string]string{
		`{"id":"` + plaintext + `","method":12345678}`:               `{"id":"[redacted:KEY]","method":"[redacted:PIN]"}`,
		"[1]\n{\"a\":\"" + plaintext + "\"}\n\n \"x\" null 12345678": "[1]\n{\"a\":\"[redacted:KEY]\"}\n\n \"x\" null \"[redacted:PIN]\"",
		`[-12345678,1.50,"\"` + plaintext + `\\"]{}"a""b"1 2`:        `["[redacted:PIN]",1.50,"\"[redacted:KEY]\\"]{}"a""b"1 2`,
		`{"` + plaintext + `":1,"[redacted:KEY]":2}`:                 `{"[redacted:KEY]~2":1,"[redacted:KEY]":2}`,
		"": "", " \n": " \n",
	} {
		for _, step := range []int{1, 2, 3, 1000} {
			if got, err := documented(r, in, step); got != want || err != nil {
				t.Errorf("%s in steps of %d: %v, %s, want %s", in, step, err, got, want)
			}
		}
	}
}

// TestDocumentsThatAreNone are masked as text from there on.
func TestDocumentsThatAreNone(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	for in, want := range map[string]string{
		"{} plain " + plaintext + " {":      "{} plain [redacted:KEY] {",
		`{"a":"` + plaintext + `"`:          `{"a":"[redacted:KEY]"`,
		`["` + plaintext:                    `["[redacted:KEY]`,
		`]` + plaintext:                     `][redacted:KEY]`,
		`{"a":1}}{"b":"` + plaintext + `"}`: `{"a":1}}{"b":"[redacted:KEY]"}`,
	} {
		for _, step := range []int{1, 2, 3, 1000} {
			if got, err := documented(r, in, step); got != want || !errors.Is(err, redact.ErrNotJSON) {
				t.Errorf("%s in steps of %d: %v, %s, want %s", in, step, err, got, want)
			}
		}
	}
}

func documented(r *redact.Redactor, in string, step int) (string, error) {
	var out bytes.Buffer
	w := r.Documents(&out)
	for from := 0; from < len(in); from += step {
		if _, err := io.WriteString(w, in[from:min(len(in), from+step)]); err != nil {
			return out.String(), err
		}
	}
	err := w.Close()
	return out.String(), err
}

// FuzzDocuments: what is JSON stays JSON, no value shows, and how the input is
// cut makes no difference.
func FuzzDocuments(f *testing.F) {
	addSeeds(f)
	f.Add(plaintext, "12345678", []byte(`[-12345678,"`+plaintext+`"] {"`+plaintext+`":{}} 12345678 "a"`))
	f.Fuzz(func(t *testing.T, a, b string, text []byte) {
		if len(text) > 1000 {
			t.Skip("long texts are for TestLongRuns")
		}
		r, forms := fuzzed(t, a, b)
		whole, err := documented(r, string(text), len(text)+1)
		cut, cutErr := documented(r, string(text), 3)
		if whole != cut || errors.Is(err, redact.ErrNotJSON) != errors.Is(cutErr, redact.ErrNotJSON) {
			t.Fatalf("whole %v, %q; cut %v, %q", err, whole, cutErr, cut)
		}
		if !json.Valid(text) {
			return
		}
		if err != nil || !json.Valid([]byte(whole)) {
			t.Fatalf("%v: %q became %q", err, text, whole)
		}
		eachString(t, []byte(whole), func(s string) {
			if form, ok := shows([]byte(s), forms); ok && utf8.ValidString(whole) {
				t.Fatalf("%q shows in %q", form, whole)
			}
		})
	})
}
