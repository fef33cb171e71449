package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"scrim/internal/secret"
	"scrim/redact"
)

// drawn is a Redactor and what it was told.
type drawn struct {
	r      *redact.Redactor
	values []string
	forms  []string // of values that are matched anywhere
}

// drawRedactor draws values that are hard to mask: they overlap, share
// prefixes, and need escapes in every encoding.
func drawRedactor(t *rapid.T) drawn {
	d := drawn{r: redact.New(redact.Options{})}
	d.values = rapid.SliceOfN(rapid.OneOf(
		rapid.StringMatching(`[ab]{8,12}`),
		rapid.StringMatching(`[ab1]{6,7}`),
		rapid.StringMatching(`[a-c"\\<&/é🔑\n\t %+']{8,14}`),
		rapid.StringMatching(`postgres://u:[a-c/%@]{6,9}@host/db`),
		rapid.StringMatching(`\{"k":"[a-c0-9]{8,10}"\}`),
		rapid.StringMatching(`[0-9]{6,12}`),
	), 0, 5).Draw(t, "values")
	for i, value := range d.values {
		ref, err := secret.ParseRef("prod", "/alpha", fmt.Sprintf("N%d", i))
		if err != nil {
			t.Fatal(err)
		}
		d.r.Learn(ref, secret.NewValue(value))
		anywhere, _ := redact.FormsOf(value)
		d.forms = append(d.forms, anywhere...)
	}
	return d
}

// text draws text with values in it, whole, cut and encoded.
func (d drawn) text(t *rapid.T) string {
	parts := []*rapid.Generator[string]{rapid.StringMatching(`[ab1 "\\<\n.]{0,6}`), rapid.SampledFrom([]string{"scrim-claim-", "scrim-claim-ABCDEFGHIJKLMNOPQRSTUVWXYZ"})}
	if len(d.forms) > 0 {
		parts = append(parts, rapid.SampledFrom(d.forms))
		parts = append(parts, rapid.Map(rapid.SampledFrom(d.forms), func(s string) string { return s[:len(s)/2] }))
		parts = append(parts, rapid.Map(rapid.SampledFrom(d.forms), func(s string) string { return s[len(s)/2:] }))
	}
	if len(d.values) > 0 {
		parts = append(parts, rapid.SampledFrom(d.values))
	}
	return strings.Join(rapid.SliceOfN(rapid.OneOf(parts...), 0, 8).Draw(t, "text"), "")
}

var marker = regexp.MustCompile(`\[redacted(:N\d+)?\]`)

// leaks returns a form that shows in text outside markers.
func (d drawn) leaks(text string) (string, bool) {
	for _, part := range marker.Split(text, -1) {
		for _, form := range d.forms {
			if strings.Contains(part, form) {
				return form, true
			}
		}
	}
	return "", false
}

func TestBytesProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRedactor(t)
		text := d.text(t)
		out, hits := d.r.Bytes([]byte("before"), []byte(text))
		masked := strings.TrimPrefix(string(out), "before")
		if form, ok := d.leaks(masked); ok {
			t.Fatalf("%q shows in %q of %q", form, masked, text)
		}
		if len(hits) == 0 && masked != text {
			t.Fatalf("no hits, and %q became %q", text, masked)
		}
		if utf8.ValidString(text) && !utf8.ValidString(masked) {
			t.Fatalf("%q became %q", text, masked)
		}
		end := 0
		for _, hit := range hits {
			if hit.Start < end || hit.End <= hit.Start || hit.End > len(text) || hit.Encoding == "" {
				t.Fatalf("hit %+v in %q", hit, text)
			}
			end = hit.End
		}
	})
}

func TestIdentityWhereNothingIsKnown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := redact.New(redact.Options{})
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		if out, hits := r.Bytes(nil, text); !bytes.Equal(out, text) || hits != nil {
			t.Fatalf("%q became %q", text, out)
		}
		var frames bytes.Buffer
		line, err := json.Marshal(map[string]any{"id": 1, "text": string(text)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Frames(&frames).Write(append(line, '\n')); err != nil || frames.String() != string(line)+"\n" {
			t.Fatalf("%s became %s", line, frames.String())
		}
	})
}

func TestStreamEqualsBytesForEverySplit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRedactor(t)
		text := []byte(d.text(t) + d.text(t))
		want, _ := d.r.Bytes(nil, text)
		cuts := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 20).Draw(t, "cuts")
		var got bytes.Buffer
		w := d.r.Stream(&got)
		for from, i := 0, 0; from < len(text); i++ {
			to := min(len(text), from+cuts[i%len(cuts)]+i%2)
			if _, err := w.Write(text[from:to]); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(want, got.Bytes()) {
				t.Fatalf("wrote %q of %q", got.Bytes(), want)
			}
			from = to
		}
		if err := w.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("%v, got %q, want %q", err, got.Bytes(), want)
		}
	})
}

// drawJSON draws a JSON value with texts of d in its strings, keys and numbers.
func (d drawn) drawJSON(t *rapid.T, depth int) any {
	switch kind := rapid.IntRange(0, 7).Draw(t, "kind"); {
	case kind == 0 && depth < 3:
		object := make(map[string]any)
		for range rapid.IntRange(0, 4).Draw(t, "size") {
			object[d.text(t)] = d.drawJSON(t, depth+1)
		}
		return object
	case kind == 1 && depth < 3:
		array := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "size") {
			array = append(array, d.drawJSON(t, depth+1))
		}
		return array
	case kind == 2:
		return json.Number(rapid.StringMatching(`-?[1-9][0-9]{0,13}(\.[0-9]{1,8})?`).Draw(t, "number"))
	case kind == 3 && len(d.values) > 0:
		if number := rapid.SampledFrom(d.values).Draw(t, "value"); number[0] != '0' && strings.Trim(number, "0123456789") == "" {
			return json.Number(number)
		}
		return true
	case kind == 4:
		inner, err := json.Marshal(map[string]string{"k": d.text(t)})
		if err != nil {
			t.Fatal(err)
		}
		return string(inner)
	default:
		return d.text(t)
	}
}

func TestFramesProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawRedactor(t)
		id := rapid.SampledFrom([]string{"9007199254740993", `"a"`, "-1", `"\u00e9"`}).Draw(t, "id")
		body := d.drawJSON(t, 0)
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(rapid.Bool().Draw(t, "html"))
		if err := encoder.Encode(body); err != nil {
			t.Fatal(err)
		}
		line := `{"jsonrpc":"2.0","id":` + id + `,"result":{"content":` + strings.TrimSpace(encoded.String()) + `}}`
		var out bytes.Buffer
		if _, err := io.WriteString(d.r.Frames(&out), line+"\n"); err != nil {
			t.Fatal(err)
		}
		var message struct {
			ID     json.RawMessage
			Result struct{ Content json.RawMessage }
		}
		if err := json.Unmarshal(out.Bytes(), &message); err != nil || string(message.ID) != id {
			t.Fatalf("%v: %s became %s", err, line, out.String())
		}
		if strings.Count(out.String(), "\n") != 1 {
			t.Fatalf("not one line: %q", out.String())
		}
		var masked any
		decoder := json.NewDecoder(bytes.NewReader(message.Result.Content))
		decoder.UseNumber()
		if err := decoder.Decode(&masked); err != nil {
			t.Fatal(err)
		}
		d.compare(t, body, masked)
	})
}

// compare checks that after is before with nothing but masks: as many keys, no
// form of a value in any string, key or number.
func (d drawn) compare(t *rapid.T, before, after any) {
	hidden := func(text string) {
		if form, ok := d.leaks(text); ok {
			t.Fatalf("%q shows in %q of %v", form, text, before)
		}
	}
	switch before := before.(type) {
	case map[string]any:
		object, ok := after.(map[string]any)
		if !ok || len(object) != len(before) {
			t.Fatalf("%v became %v", before, after)
		}
		for key := range object {
			hidden(key)
		}
		for key, value := range before {
			if same, ok := object[key]; ok {
				d.compare(t, value, same)
			}
		}
	case []any:
		array, ok := after.([]any)
		if !ok || len(array) != len(before) {
			t.Fatalf("%v became %v", before, after)
		}
		for i := range before {
			d.compare(t, before[i], array[i])
		}
	case json.Number:
		hidden(fmt.Sprint(after))
		if after != before && !marker.MatchString(fmt.Sprint(after)) {
			t.Fatalf("%v became %v", before, after)
		}
	case string:
		text, ok := after.(string)
		if !ok {
			t.Fatalf("%v became %v", before, after)
		}
		hidden(text)
		if !marker.MatchString(text) && text != string([]rune(before)) { // JSON has U+FFFD for bytes that are no text
			t.Fatalf("%q became %q", before, text)
		}
	default:
		if before != after {
			t.Fatalf("%v became %v", before, after)
		}
	}
}
