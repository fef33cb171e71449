package redact_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"unicode/utf8"

	"scrim/internal/secret"
	"scrim/redact"
)

// fuzzed returns a Redactor that knows two values, for fuzz targets.
func fuzzed(t testing.TB, a, b string) (*redact.Redactor, []string) {
	t.Helper()
	if len(a)+len(b) > 1000 {
		t.Skip("long values are for TestLongValue")
	}
	r := redact.New(redact.Options{})
	r.Learn(ref(t, "A"), secret.NewValue(a))
	r.Learn(ref(t, "B"), secret.NewValue(b))
	forms, _ := redact.FormsOf(a)
	more, _ := redact.FormsOf(b)
	return r, append(forms, more...)
}

// fuzzMarkers are what stands for the values, the longer ones first.
var fuzzMarkers = [][]byte{[]byte("[redacted:A]"), []byte("[redacted:B]"), []byte("[redacted]")}

// shows returns a form that shows in text between its markers. Forms that
// share bytes with markers are not looked for.
func shows(text []byte, forms []string) (string, bool) {
	for _, marker := range fuzzMarkers {
		if before, after, ok := bytes.Cut(text, marker); ok {
			if form, ok := shows(before, forms); ok {
				return form, true
			}
			return shows(after, forms)
		}
	}
	for _, form := range forms {
		if bytes.Contains(text, []byte(form)) && !isPlaceName(form) {
			return form, true
		}
	}
	return "", false
}

// isPlaceName reports whether a form is a word that discovery has to say.
func isPlaceName(form string) bool {
	return form == "/alpha/vault"
}

func FuzzBytes(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, a, b string, text []byte) {
		r, forms := fuzzed(t, a, b)
		out, hits := r.Bytes(nil, text)
		if form, ok := shows(out, forms); ok {
			t.Fatalf("%q shows in %q", form, out)
		}
		if len(hits) == 0 && !bytes.Equal(out, text) {
			t.Fatalf("no hits, and %q became %q", text, out)
		}
		if utf8.ValidString(a) && utf8.ValidString(b) && utf8.Valid(text) && !utf8.Valid(out) {
			t.Fatalf("%q became %q", text, out)
		}
	})
}

func FuzzStream(f *testing.F) {
	addSeeds(f)
	f.Fuzz(func(t *testing.T, a, b string, text []byte) {
		if len(text) > 1000 {
			t.Skip("long texts are for TestLongRuns")
		}
		r, _ := fuzzed(t, a, b)
		want, _ := r.Bytes(nil, text)
		step := []int{1, 3, 7 + len(a)}[(len(b)+len(text))%3]
		var got bytes.Buffer
		w := r.Stream(&got)
		for from := 0; from < len(text); from += step {
			if _, err := w.Write(text[from:min(len(text), from+step)]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("step %d: %v, %q, want %q", step, err, got.Bytes(), want)
		}
	})
}

func FuzzFrames(f *testing.F) {
	addSeeds(f)
	f.Add(plaintext, "", []byte(`{"id":1,"result":{"`+plaintext+`":["`+plaintext+`"],"content":[{"text":"{\"a\":\"`+plaintext+`\"}"}]}}`))
	f.Fuzz(func(t *testing.T, a, b string, text []byte) {
		r, forms := fuzzed(t, a, b)
		line := bytes.ReplaceAll(text, []byte("\n"), []byte(" "))
		var out bytes.Buffer
		if _, err := r.Frames(&out).Write(append(line, '\n')); err != nil {
			t.Fatal(err)
		}
		if !json.Valid(line) || bytes.IndexByte([]byte("{["), bytes.TrimSpace(line)[0]) < 0 {
			if out.Len() > 0 {
				t.Fatalf("%q passed as %q", line, out.Bytes())
			}
			return
		}
		if !json.Valid(out.Bytes()) || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
			t.Fatalf("%q became %q", line, out.Bytes())
		}
		eachString(t, out.Bytes(), func(s string) {
			// Public words pass, and so do the strings in the protocol's places. What
			// is no UTF-8 is read as replacement characters, which are not there.
			if form, ok := shows([]byte(s), forms); ok && utf8.Valid(line) && !passes(line, s) {
				t.Fatalf("%q shows in %q of %q", form, s, out.Bytes())
			}
		})
	})
}

// passes reports whether a Redactor that knows what s is lets it through in
// line: then it stands where nothing is masked.
func passes(line []byte, s string) bool {
	r := redact.New(redact.Options{})
	r.Learn(secret.Ref{}, secret.NewValue(s))
	var out bytes.Buffer
	_, _ = r.Frames(&out).Write(append(bytes.Clone(line), '\n'))
	return bytes.Contains(out.Bytes(), []byte(s))
}

// eachString visits every string and key of a JSON text.
func eachString(t *testing.T, text []byte, visit func(string)) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(string); ok {
			visit(s)
		}
	}
}

func addSeeds(f *testing.F) {
	for _, c := range loadCases(f) {
		values := []string{"", ""}
		for i, s := range c.Secrets {
			values[min(i, 1)] = s.Value
		}
		f.Add(values[0], values[1], c.Input)
	}
}
