package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/secret"
	"scrim/redact"
)

// call returns a context for serving the call with that id.
func call(t testing.TB, id string) context.Context {
	return redact.WithCall(t.Context(), json.RawMessage(id))
}

// answer is what get_vault_secret would answer with a claim.
func answer(id, claim, text string) string {
	quoted, _ := json.Marshal(text)
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":%s}],"structuredContent":{"status":"approved","value":"%s"}}}`, id, quoted, claim)
}

// read parses an answer.
func read(t testing.TB, line string) (value, text string) {
	t.Helper()
	var m struct {
		Result struct {
			Content           []struct{ Text string }
			StructuredContent struct{ Value string }
		}
	}
	if err := json.Unmarshal([]byte(line), &m); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if len(m.Result.Content) > 0 {
		text = m.Result.Content[0].Text
	}
	return m.Result.StructuredContent.Value, text
}

func TestClaimIsSwappedOnce(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		plaintext, "abc", "", `quote " and \ back`, "two\nlines\tand <html> & é \u2028", `{"json":"inside"}`, "another-secret-77 within",
	} {
		for _, id := range []string{"1", `"one"`, "9007199254740993"} {
			r := learned(t, map[string]string{"KEY": value, "OTHER": "another-secret-77"})
			claim := r.Disclose(call(t, id), secret.NewValue(value))
			var out bytes.Buffer
			w := r.Frames(&out)
			line := answer(id, claim, "KEY = "+claim+" not another-secret-77")
			for range 2 {
				if _, err := io.WriteString(w, line+"\n"); err != nil {
					t.Fatal(err)
				}
			}
			lines := strings.Split(out.String(), "\n")
			gotValue, gotText := read(t, lines[0])
			if gotValue != value || gotText != "KEY = "+value+" not [redacted:OTHER]" {
				t.Errorf("%q for %s: got %q and %q", value, id, gotValue, gotText)
			}
			gotValue, gotText = read(t, lines[1])
			if gotValue != "[redacted]" || gotText != "KEY = [redacted] not [redacted:OTHER]" {
				t.Errorf("%q a second time: got %q and %q", value, gotValue, gotText)
			}
		}
	}
}

func TestClaimInMirroredJSON(t *testing.T) {
	t.Parallel()
	value := "quote \" and \\ back\nslash <é>"
	r := learned(t, map[string]string{"KEY": value})
	for _, text := range []string{`{"status":"approved","value":"%s"}`, "answer:\n{\n  \"value\": \"%s\"\n}", `{"text":"KEY = %s"}`} {
		claim := r.Disclose(call(t, "1"), secret.NewValue(value))
		gotValue, gotText := read(t, framed(t, r, answer("1", claim, fmt.Sprintf(text, claim))))
		escaped, _ := json.Marshal(value)
		if want := fmt.Sprintf(text, escaped[1:len(escaped)-1]); gotValue != value || gotText != want {
			t.Errorf("got %q and %q, want %q", gotValue, gotText, want)
		}
	}
}

func TestClaimAtOnePlaceOnly(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	if value, text := read(t, framed(t, r, answer("1", claim, "no text"))); value != plaintext || text != "no text" {
		t.Errorf("got %q and %q", value, text)
	}
	claim = r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	if value, text := read(t, framed(t, r, answer("1", "none", "KEY is "+claim))); value != "none" || text != "KEY is "+plaintext {
		t.Errorf("got %q and %q", value, text)
	}
}

func TestClaimOfBytesThatAreNotText(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": "raw \xff\xfe bytes"})
	claim := r.Disclose(call(t, "1"), secret.NewValue("raw \xff\xfe bytes"))
	if value, text := read(t, framed(t, r, answer("1", claim, claim))); value != "raw \ufffd\ufffd bytes" || text != value {
		t.Errorf("got %q and %q", value, text)
	}
}

// TestClaimElsewhereIsMaskedAndDead puts a live claim where it does not
// belong, and then where it does: it must show nowhere.
func TestClaimElsewhereIsMaskedAndDead(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"other id":              answer("2", "CLAIM", "CLAIM"),
		"id as a string":        answer(`"1"`, "CLAIM", "CLAIM"),
		"id written otherwise":  answer("1.0", "CLAIM", "CLAIM"),
		"null id":               answer("null", "CLAIM", "CLAIM"),
		"no id":                 `{"jsonrpc":"2.0","result":{"structuredContent":{"value":"CLAIM"}}}`,
		"two ids":               `{"id":1,"id":1,"result":{"structuredContent":{"value":"CLAIM"}}}`,
		"two results":           `{"id":1,"result":{},"result":{"structuredContent":{"value":"CLAIM"}}}`,
		"a request":             `{"id":1,"method":"sampling/createMessage","result":{"structuredContent":{"value":"CLAIM"}}}`,
		"error message":         `{"id":1,"error":{"code":1,"message":"CLAIM"}}`,
		"error with a result":   `{"id":1,"error":{},"result":{"structuredContent":{"value":"CLAIM"}}}`,
		"log notification":      `{"method":"notifications/message","params":{"data":"CLAIM"}}`,
		"params":                `{"id":1,"params":{"structuredContent":{"value":"CLAIM"}}}`,
		"progress token":        `{"method":"notifications/progress","params":{"progressToken":"x","message":"CLAIM"}}`,
		"batch":                 `[` + answer("1", "CLAIM", "CLAIM") + `]`,
		"key":                   `{"id":1,"result":{"structuredContent":{"CLAIM":"x"}}}`,
		"key value":             `{"id":1,"result":{"structuredContent":{"value":{"CLAIM":"x"}}}}`,
		"larger string":         `{"id":1,"result":{"structuredContent":{"value":"x CLAIM"}}}`,
		"twice as a value":      `{"id":1,"result":{"structuredContent":{"value":"CLAIM","value":"CLAIM"}}}`,
		"list":                  `{"id":1,"result":{"structuredContent":{"value":["CLAIM"]}}}`,
		"other field":           `{"id":1,"result":{"structuredContent":{"next_step":"CLAIM"}}}`,
		"deeper":                `{"id":1,"result":{"structuredContent":{"x":{"value":"CLAIM"}}}}`,
		"right and wrong place": `{"id":1,"result":{"structuredContent":{"value":"CLAIM","next_step":"CLAIM"}}}`,
		"escaped key":           `{"id":1,"result":{"structuredContent":{"v\u0061lue":"CLAIM"}}}`,
		"text twice":            `{"id":1,"result":{"content":[{"type":"text","text":"CLAIM CLAIM"}]}}`,
		"two texts":             `{"id":1,"result":{"content":[{"text":"CLAIM"},{"text":"CLAIM"}]}}`,
		"text of a resource":    `{"id":1,"result":{"content":[{"type":"resource","resource":{"text":"CLAIM"}}]}}`,
		"text elsewhere":        `{"id":1,"result":{"contents":[{"text":"CLAIM"}]}}`,
		"prompt":                `{"id":1,"result":{"messages":[{"role":"user","content":{"type":"text","text":"CLAIM"}}]}}`,
		"meta":                  `{"id":1,"result":{"_meta":{"value":"CLAIM"}}}`,
		"another live claim":    `{"id":1,"result":{"structuredContent":{"value":"CLAIM"},"content":[{"text":"SECOND"}]}}`,
	}
	for name, line := range wrong {
		for _, escape := range []bool{false, true} {
			r := learned(t, map[string]string{"KEY": plaintext})
			claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
			second := r.Disclose(call(t, "1"), secret.NewValue("second-"+plaintext))
			form := claim
			if escape {
				form = `\u0073` + claim[1:]
			}
			got := framed(t, r, strings.NewReplacer("CLAIM", form, "SECOND", second).Replace(line))
			if strings.Contains(got, plaintext) || strings.Contains(got, claim[len("scrim-claim-"):]) || !strings.Contains(got, "[redacted") {
				t.Errorf("%s: %s", name, got)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s: not JSON: %s", name, got)
			}
			if got := framed(t, r, answer("1", claim, claim)); strings.Contains(got, plaintext) {
				t.Errorf("%s: still alive afterwards: %s", name, got)
			}
		}
	}
}

// TestClaimWithEscapesIsDead: nothing writes a claim with escapes, so one that
// is written so is no stand-in but somebody's copy.
func TestClaimWithEscapesIsDead(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	for _, form := range []string{`\u0073` + claim[1:], claim} {
		if got := framed(t, r, strings.ReplaceAll(answer("1", "CLAIM", "none"), "CLAIM", form)); strings.Contains(got, plaintext) || strings.Contains(got, "claim") {
			t.Errorf("got %s", got)
		}
	}
}

func TestClaimAsTheIDIsDead(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	line := `{"id":"` + claim + `","result":{"content":[]}}`
	if got := framed(t, r, line); got != line {
		t.Errorf("an id must come back as it was: %s", got)
	}
	if got := framed(t, r, answer("1", claim, claim)); strings.Contains(got, plaintext) {
		t.Errorf("still alive: %s", got)
	}
}

func TestForgedClaimsDoNoHarm(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	forged := claim[:len(claim)-3] + "AAA"
	if got := framed(t, r, answer("1", forged, forged+" scrim-claim- scrim-claim-short")); strings.Contains(got, plaintext) {
		t.Errorf("swapped a forged claim: %s", got)
	}
	// An agent's own text cannot spoil the answer it is quoted in.
	value, text := read(t, framed(t, r, answer("1", claim, "because "+forged+": "+claim)))
	if value != plaintext || text != "because [redacted]: "+plaintext {
		t.Errorf("got %q and %q", value, text)
	}
}

func TestClaimsThatNeverLive(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]func(r *redact.Redactor) string{
		"no call": func(r *redact.Redactor) string { return r.Disclose(t.Context(), secret.NewValue(plaintext)) },
		"no id":   func(r *redact.Redactor) string { return r.Disclose(call(t, ""), secret.NewValue(plaintext)) },
		"null id": func(r *redact.Redactor) string { return r.Disclose(call(t, " null "), secret.NewValue(plaintext)) },
		"cancelled context": func(r *redact.Redactor) string {
			return r.Disclose(redact.WithCall(cancelled, json.RawMessage("1")), secret.NewValue(plaintext))
		},
		"voided": func(r *redact.Redactor) string {
			claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
			r.Void(json.RawMessage(" 1\n"))
			return claim
		},
		"voided before": func(r *redact.Redactor) string {
			r.Void(json.RawMessage("1"))
			return r.Disclose(call(t, "1"), secret.NewValue(plaintext))
		},
		"expired": func(r *redact.Redactor) string {
			claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
			now = now.Add(time.Minute)
			return claim
		},
	}
	for name, disclose := range tests {
		r := redact.New(redact.Options{Now: func() time.Time { return now }})
		claim := disclose(r)
		got := framed(t, r, answer("1", claim, claim))
		if value, text := read(t, got); value != "[redacted]" || text != "[redacted]" {
			t.Errorf("%s: %s", name, got)
		}
	}
	r := redact.New(redact.Options{})
	claim := r.Disclose(call(t, "null"), secret.NewValue(plaintext))
	if got := framed(t, r, answer("null", claim, claim)); strings.Contains(got, plaintext) {
		t.Errorf("null is no id: %s", got)
	}
	r = redact.New(redact.Options{Now: func() time.Time { return now }})
	r.Void(json.RawMessage("1"))
	other := r.Disclose(call(t, "2"), secret.NewValue(plaintext))
	if value, _ := read(t, framed(t, r, answer("2", other, other))); value != plaintext {
		t.Error("another call suffered")
	}
	now = now.Add(time.Minute)
	again := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	if value, _ := read(t, framed(t, r, answer("1", again, again))); value != plaintext {
		t.Error("a call is void for a minute only")
	}
}

func TestDiscloseTeachesTheValue(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	_ = r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	if got := r.String(plaintext); got != "[redacted]" {
		t.Errorf("got %q", got)
	}
	r.Learn(ref(t, "KEY"), secret.NewValue(plaintext))
	_ = r.Disclose(call(t, "2"), secret.NewValue(plaintext))
	if got := r.String(plaintext); got != "[redacted:KEY]" {
		t.Errorf("got %q", got)
	}
}

func TestClaimsAreMaskedInBytesAndStreams(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
	text := answer("1", claim, claim) + "scrim-claim-" + claim
	want := answer("1", "[redacted]", "[redacted]") + "scrim-claim-[redacted]"
	if got := r.String(text); got != want {
		t.Errorf("got %s", got)
	}
	for step := 1; step < len(text); step++ {
		var out bytes.Buffer
		w := r.Stream(&out)
		for from := 0; from < len(text); from += step {
			if _, err := io.WriteString(w, text[from:min(from+step, len(text))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || out.String() != want {
			t.Fatalf("step %d: %v, %s", step, err, out.String())
		}
	}
}

func TestConcurrentClaims(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	var out writes
	w := r.Frames(&out)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			id := fmt.Sprint(i / 2) // two calls share each id, as a careless client's would
			value := fmt.Sprintf("value-for-call-%d", i)
			claim := r.Disclose(call(t, id), secret.NewValue(value))
			for range 3 {
				if _, err := io.WriteString(w, answer(id, claim, "= "+claim)+"\n"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	whole := strings.Join(out.all, "")
	for i := range 64 {
		if n := strings.Count(whole, fmt.Sprintf(`"value-for-call-%d"`, i)); n != 1 {
			t.Errorf("value %d shows %d times", i, n)
		}
	}
	for _, line := range out.all {
		var m struct{ ID int }
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if value, text := read(t, line); value != "[redacted]" &&
			(value != fmt.Sprintf("value-for-call-%d", 2*m.ID) && value != fmt.Sprintf("value-for-call-%d", 2*m.ID+1) || text != "= "+value) {
			t.Errorf("%s", line)
		}
	}
}

// TestOneClaimTwoWriters gives one claim to two writers at the same time.
func TestOneClaimTwoWriters(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	for range 50 {
		claim := r.Disclose(call(t, "1"), secret.NewValue(plaintext))
		var out writes
		var all sync.WaitGroup
		for range 4 {
			w := r.Frames(&out)
			all.Go(func() { _, _ = io.WriteString(w, answer("1", claim, "none")+"\n") })
		}
		all.Wait()
		if n := strings.Count(strings.Join(out.all, ""), plaintext); n != 1 {
			t.Fatalf("shows %d times", n)
		}
	}
}
