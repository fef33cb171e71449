package redact_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/secret"
	"scrim/redact"
)

// plaintext is the value that most tests hide.
const plaintext = "Jx7/qP2+tR9zW4kL0m.5"

// learned returns a Redactor that knows the values under their names.
func learned(t testing.TB, values map[string]string) *redact.Redactor {
	t.Helper()
	r := redact.New(redact.Options{})
	for name, value := range values {
		r.Learn(ref(t, name), secret.NewValue(value))
	}
	return r
}

func TestEveryEncodingIsMasked(t *testing.T) {
	t.Parallel()
	value := "Zq<8>&\"it's\" a/b+c=é\t5 50%"
	r := learned(t, map[string]string{"KEY": value})
	marshalled := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var noHTML bytes.Buffer
	encoder := json.NewEncoder(&noHTML)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	var xmlText bytes.Buffer
	if err := xml.EscapeText(&xmlText, []byte(strings.ReplaceAll(value, "\t", ""))); err != nil {
		t.Fatal(err)
	}
	written := map[string]string{
		"plain":            value,
		"json":             marshalled(value),
		"json, no html":    noHTML.String(),
		"json in json":     marshalled(marshalled(value)),
		"base64 0":         base64.StdEncoding.EncodeToString([]byte(value)),
		"base64 1":         base64.StdEncoding.EncodeToString([]byte("u" + value)),
		"base64 2":         base64.URLEncoding.EncodeToString([]byte("us" + value + "tail")),
		"hex":              hex.EncodeToString([]byte(value)),
		"HEX":              strings.ToUpper(hex.EncodeToString([]byte(value))),
		"query":            url.QueryEscape(value),
		"query lower":      lowerPercent(url.QueryEscape(value)),
		"path":             url.PathEscape(value),
		"go quoted":        fmt.Sprintf("%q", value),
		"go quoted ascii":  fmt.Sprintf("%+q", value),
		"shell":            "'" + strings.ReplaceAll(value, "'", `'\''`) + "'",
		"surrounding text": "x" + value + "y",
	}
	for name, text := range written {
		out := r.String("<" + text + ">")
		if !strings.Contains(out, "[redacted:KEY]") {
			t.Errorf("%s: %q became %q", name, text, out)
		}
		if rest := strings.ReplaceAll(out, "[redacted:KEY]", ""); len(rest) > 14 {
			t.Errorf("%s: too much is left: %q", name, rest)
		}
	}
}

// lowerPercent lowers the digits of percent escapes.
func lowerPercent(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func TestPartsOfValues(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN MADE UP KEY-----\nq83vEjRWeJCrze8SNFZ4kKvN7xI0Vnia\nze8SNFZ4kKvN7xI0VniQq83vEjRWeJ==\n-----END MADE UP KEY-----"
	tests := []struct{ name, value, text, want string }{
		{"url password", "postgres://app:correct-horse%21@db.example.test/main", "password: correct-horse!", "password: [redacted:S]"},
		{"url password as written", "postgres://app:correct-horse%21@db.example.test/main", "correct-horse%21", "[redacted:S]"},
		{"url password with a slash", "amqp://app:up/down#77@mq.example.test", "up/down#77", "[redacted:S]"},
		{"url without password", "https://example.test/health@home", "example.test is up", "example.test is up"},
		{"json leaf", `{"user":"bob","key":"LEAF-0123456789"}`, "LEAF-0123456789", "[redacted:S]"},
		{"json word", `{"type":"service_account","key":"LEAF-0123456789"}`, "service_account", "service_account"},
		{"json address", `{"auth":"https://accounts.example.test/auth","key":"LEAF-0123456789"}`, "https://accounts.example.test/auth", "https://accounts.example.test/auth"},
		{"key in json", `{"private_key":` + fmt.Sprintf("%q", key) + `}`, "q83vEjRWeJCrze8SNFZ4kKvN7xI0Vnia", "[redacted:S]"},
		{"key in one line", strings.ReplaceAll(key, "\n", `\n`), "ze8SNFZ4kKvN7xI0VniQq83vEjRWeJ==", "[redacted:S]"},
		{"boilerplate", key, "-----BEGIN MADE UP KEY-----", "-----BEGIN MADE UP KEY-----"},
		{"quoted", `'tok-55667788'`, "v=tok-55667788;", "v=[redacted:S];"},
		{"line", "first-line-1234\nab\nother-line-5678", "ab other-line-5678", "ab [redacted:S]"},
		{"windows lines", "first-line-1234\r\nab", "first-line-1234\nab!", "[redacted:S]!"},
		{"not utf-8 in json", "caf\xe9-secret-99", `caf\ufffd-secret-99`, "[redacted:S]"},
		{"token", "hunt3r", `pw=hunt3r "hunt3r" hunt3rs xhunt3r hunt3r`, `pw=[redacted:S] "[redacted:S]" hunt3rs xhunt3r [redacted:S]`},
		{"token in base64", "hunt3r", "aHVudDNy", "[redacted:S]"},
		{"short", "hunter", "hunter", "hunter"},
		{"common", "Production", "Production", "Production"},
		{"one byte", "----------", "----------", "----------"},
	}
	for _, tt := range tests {
		if got := learned(t, map[string]string{"S": tt.value}).String(tt.text); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestLongValue(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&b, "é%d-", i*7919)
	}
	value := b.String() + "end"
	r := learned(t, map[string]string{"BIG": value})
	for _, text := range []string{value, url.QueryEscape(value), hex.EncodeToString([]byte(value))} {
		if got := r.String("<" + text + ">"); got != "<[redacted:BIG]>" {
			t.Errorf("got %.200q", got)
		}
	}
	for skip := range 3 {
		text := base64.StdEncoding.EncodeToString([]byte("usr"[:skip] + value))
		if got := r.String(text); len(got) > len("[redacted:BIG]")+8 {
			t.Errorf("base64 at %d: got %.200q", skip, got)
		}
	}
	var out bytes.Buffer
	w := r.Stream(&out)
	for chunk := range strings.SplitSeq(value+" tail", "-") {
		if _, err := io.WriteString(w, chunk+"-"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil || out.String() != "[redacted:BIG] tail-" {
		t.Errorf("stream: %v, %.200q", err, out.String())
	}
}

func TestMarkers(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	other, err := secret.ParseRef("dev", "/alpha/staging", "SAME")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"A": "abcdefgh1234", "B": "1234wxyzWXYZ", "INNER": "wxyzWXYZ", "TWIN_1": "twin-value-77", "TWIN_2": "twin-value-77",
		"SAME": "same-value-88", "KEY_oops-55667788": "innocent-value-1", "LEAKED": "oops-55667788",
	} {
		r.Learn(ref(t, name), secret.NewValue(value))
	}
	r.Learn(other, secret.NewValue("same-value-88"))
	r.Learn(secret.Ref{}, secret.NewValue("nameless-value-9"))
	r.Learn(secret.Ref{}, secret.NewValue("abcdefgh1234"))
	tests := map[string]string{
		"abcdefgh1234!":                "[redacted:A]!", // a name beats none
		"abcdefgh1234abcdefgh1234":     "[redacted:A][redacted:A]",
		"<abcdefgh1234wxyzWXYZ>":       "<[redacted]>",
		"1234wxyzWXYZ wxyzWXYZ":        "[redacted:B] [redacted:INNER]",
		"twin-value-77":                "[redacted]",
		"same-value-88":                "[redacted:SAME]",
		"nameless-value-9":             "[redacted]",
		"innocent-value-1":             "[redacted]", // its name holds another's value
		"about KEY_oops-55667788 here": "about KEY_[redacted:LEAKED] here",
	}
	for text, want := range tests {
		if got := r.String(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	_, hits := r.Bytes(nil, []byte("abcdefgh1234wxyzWXYZ 736d6f 73616d652d76616c75652d3838"))
	want := []redact.Hit{
		{Refs: []secret.Ref{ref(t, "A"), ref(t, "B")}, Start: 0, End: 20, Encoding: redact.Plain},
		{Refs: []secret.Ref{other, ref(t, "SAME")}, Start: 28, End: 54, Encoding: redact.Hex},
	}
	if diff := cmp.Diff(want, hits, cmp.Comparer(func(a, b secret.Ref) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestFormOfAShortValueIsAValueOfItsOwn(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	r.Learn(ref(t, "SHORT"), secret.NewValue("hunt3r"))
	if got := r.String("xaHVudDNyx"); got != "xaHVudDNyx" {
		t.Errorf("got %q", got)
	}
	r.Learn(ref(t, "LONG"), secret.NewValue("aHVudDNy")) // the same in base64
	if got := r.String("xaHVudDNyx"); got != "x[redacted:LONG]x" {
		t.Errorf("got %q", got)
	}
}

func TestRotatedValueStaysKnown(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": "old-value-1234"})
	if got := r.String("old-value-1234 new-value-5678"); got != "[redacted:KEY] new-value-5678" {
		t.Errorf("before: %q", got)
	}
	r.Learn(ref(t, "KEY"), secret.NewValue("new-value-5678"))
	if got := r.String("old-value-1234 new-value-5678"); got != "[redacted:KEY] [redacted:KEY]" {
		t.Errorf("after: %q", got)
	}
}

func TestUnredactable(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{
		"SHORT": "abc", "WORD": " Password\n", "FINE": plaintext, "EMPTY": "", "BLANK": " \n", "POINTER": "OTHER_NAME",
		"OTHER_NAME": "other-value-12345", "PROJECT": "alpha", "TOKEN": "hunt3r", "NO_DIGIT": "hunter", "MARK": "redacted",
		"ROTATED": "x",
	})
	r.Learn(ref(t, "ROTATED"), secret.NewValue("long-enough-by-now-1"))
	r.Learn(secret.Ref{}, secret.NewValue("abc"))
	var names []string
	for _, ref := range r.Unredactable() {
		names = append(names, ref.Name())
	}
	if diff := cmp.Diff([]string{"MARK", "NO_DIGIT", "POINTER", "PROJECT", "SHORT", "WORD"}, names); diff != "" {
		t.Error(diff)
	}
	if got := r.String("see OTHER_NAME in /alpha/vault"); got != "see OTHER_NAME in /alpha/vault" {
		t.Errorf("discovery is broken: %q", got)
	}
	r.Learn(ref(t, "SHORT"), secret.NewValue("abc"))
	if len(r.Unredactable()) != 6 {
		t.Error("learning again changed it")
	}
}

func TestZeroRedactorLetsNothingThrough(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*redact.Redactor{"nil": nil, "zero": {}} {
		r.Learn(ref(t, "A"), secret.NewValue(plaintext))
		r.Void(json.RawMessage("1"))
		if out, hits := r.Bytes([]byte("x"), []byte("text")); string(out) != "x[redacted]" || hits != nil {
			t.Errorf("%s: Bytes gave %q", name, out)
		}
		if got := r.String("text"); got != "[redacted]" {
			t.Errorf("%s: String gave %q", name, got)
		}
		if claim := r.Disclose(t.Context(), secret.NewValue(plaintext)); claim != "[redacted]" {
			t.Errorf("%s: Disclose gave %q", name, claim)
		}
		var out bytes.Buffer
		stream := r.Stream(&out)
		for _, w := range []io.Writer{r.Frames(&out), stream} {
			if _, err := io.WriteString(w, "{\"id\":1}\n"); err == nil {
				t.Errorf("%s: %T took it", name, w)
			}
		}
		if err := stream.Close(); err != nil || out.Len() > 0 {
			t.Errorf("%s: %v, let %q through", name, err, out.String())
		}
		if r.Unredactable() != nil {
			t.Errorf("%s: knows something", name)
		}
	}
}

func TestNothingPrintsPlaintext(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	frames, stream := r.Frames(io.Discard), r.Stream(io.Discard)
	for _, w := range []io.Writer{frames, stream} {
		if _, err := io.WriteString(w, plaintext[:12]); err != nil {
			t.Fatal(err)
		}
	}
	ctx := redact.WithCall(t.Context(), json.RawMessage("1"))
	_ = r.Disclose(ctx, secret.NewValue(plaintext))
	_, hits := r.Bytes(nil, []byte(plaintext))
	type holder struct {
		r *redact.Redactor
		v redact.Redactor
		w []io.Writer
		h []redact.Hit
	}
	shapes := map[string]any{
		"redactor": r, "by value": *r, "frames": frames, "stream": stream, "hit": hits[0], "hits": hits, "context": ctx,
		"holder": holder{r, *r, []io.Writer{frames, stream}, hits}, "pointer": &holder{r: r, v: *r},
	}
	var out bytes.Buffer
	for _, shape := range shapes {
		for _, flag := range []string{"", "+", "#", "40", "x"} {
			for _, verb := range "vTdsqxXp" {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", shape)
			}
		}
		text, err := json.Marshal(shape)
		fmt.Fprintln(&out, string(text), err)
		_ = gob.NewEncoder(&out).Encode(shape)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "shape", shape)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "shape", shape)
	}
	anywhere, _ := redact.FormsOf(plaintext)
	for _, form := range append(anywhere, fmt.Sprintf("%d", []byte(plaintext))) {
		for i := 0; i+8 <= len(form); i++ {
			if at := strings.Index(out.String(), form[i:i+8]); at >= 0 {
				t.Fatalf("%q is printed: %.300q", form[i:i+8], out.String()[max(0, at-200):])
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r := redact.New(redact.Options{})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 50 {
				value := fmt.Sprintf("value-of-%d-%d", g, i)
				r.Learn(ref(t, fmt.Sprintf("N_%d_%d", g, i)), secret.NewValue(value))
				if got, want := r.String(value), fmt.Sprintf("[redacted:N_%d_%d]", g, i); got != want {
					t.Errorf("just learned, and %q, want %q", got, want)
				}
			}
		})
	}
	all.Wait()
}
