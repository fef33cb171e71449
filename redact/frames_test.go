package redact_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/secret"
	"scrim/redact"
)

// framed returns what Frames makes of one line.
func framed(t testing.TB, r *redact.Redactor, line string) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := io.WriteString(r.Frames(&out), line+"\n"); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func TestFrames(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{
		"KEY": plaintext, "HTML": `a<b>&c-987654`, "NUMBER": "482915637204", "QUOTE": `quo"te\55667788`, "TOKEN": "hunt3r",
		"ACUTE": "pässwörd-é-9", "N": "n12345678", "HALF": "\xa9-half-a-letter",
	})
	tests := []struct{ name, line, want string }{
		{"nothing known is copied", `{ "id" : 1,"a":[1.50,-0,1E+2,null,true,"\u00e9\/"] }`, `{ "id" : 1,"a":[1.50,-0,1E+2,null,true,"\u00e9\/"] }`},
		{"a value", `{"id":1,"a":"x ` + plaintext + ` y"}`, `{"id":1,"a":"x [redacted:KEY] y"}`},
		{"escaped for HTML", `{"a":"\u003ca\u003cb\u003e\u0026c-987654\u003e"}`, `{"a":"\u003c[redacted:HTML]\u003e"}`},
		{"escapes nobody writes", `{"a":"\u004Ax7\/q\u00502+tR9zW4kL0m.5"}`, `{"a":"[redacted:KEY]"}`},
		{"mixed escapes", `{"k":"p\u00E4sswörd-\u00E9-9"}`, `{"k":"[redacted:ACUTE]"}`},
		{"json in json", `{"text":"{\"a\":\"quo\\\"te\\\\55667788\"}"}`, `{"text":"{\"a\":\"[redacted:QUOTE]\"}"}`},
		{"key", `{"` + plaintext + `":1}`, `{"[redacted:KEY]":1}`},
		{"keys stay apart", `{"` + plaintext + `":1,"[redacted:KEY]":2,"\u004a` + plaintext[1:] + `":3,"x":{"` + plaintext + `":4}}`, `{"[redacted:KEY]~2":1,"[redacted:KEY]":2,"[redacted:KEY]~3":3,"x":{"[redacted:KEY]":4}}`},
		{"number", `[482915637204,-482915637204,1.482915637204e1,48291563720]`, `["[redacted:NUMBER]","[redacted:NUMBER]","[redacted:NUMBER]",48291563720]`},
		{"token", `["hunt3r","hunt3rs","a hunt3r.","\nhunt3r\t"]`, `["[redacted:TOKEN]","hunt3rs","a [redacted:TOKEN].","\n[redacted:TOKEN]\t"]`},
		{"error", `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"` + plaintext + `","data":{"x":["` + plaintext + `"]}}}`, `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"[redacted:KEY]","data":{"x":["[redacted:KEY]"]}}}`},
		{"notification", `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"` + plaintext + `"}}`, `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"[redacted:KEY]"}}`},
		{"batch", `[{"id":"` + plaintext + `","result":"` + plaintext + `"}]`, `[{"id":"` + plaintext + `","result":"[redacted:KEY]"}]`},
		{"begins inside an escape", `{"a":"x\n12345678y"}`, `{"a":"x[redacted:N]y"}`},
		{"begins inside a letter", `{"a":"xé-half-a-letter"}`, `{"a":"x[redacted:HALF]"}`},
		{"half an escape", `{"a":"\\n` + plaintext + `\ud83d"}`, `{"a":"\\n[redacted:KEY]\ud83d"}`},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, framed(t, r, tt.line)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestFramesPassProtocolTokens(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext, "NUMBER": "9007199254740993", "CODE": "-32603"})
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":9007199254740993,"result":{}}`,
		`{"jsonrpc":"2.0","id":"` + plaintext + `","result":{}}`,
		`{"jsonrpc":"2.0","id":"\u004a` + plaintext[1:] + `","result":{}}`,
		`{"method":"notifications/progress","params":{"progressToken":9007199254740993}}`,
		`{"method":"notifications/cancelled","params":{"requestId":"` + plaintext + `"}}`,
		`{"method":"sampling/createMessage","params":{"_meta":{"progressToken":"` + plaintext + `"}}}`,
		`{"method":"x","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"` + plaintext + `"}}}`,
		`{"id":1,"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":9007199254740993}}}`,
		`{"id":1,"result":{"nextCursor":"` + plaintext + `","requestState":"` + plaintext + `"}}`,
		`{"id":1,"error":{"code":-32603,"message":"x"}}`,
	} {
		if got := framed(t, r, line); got != line {
			t.Errorf("got  %s\nwant %s", got, line)
		}
	}
	for _, line := range []string{
		`{"id":["` + plaintext + `"]}`,
		`{"id":{"id":"` + plaintext + `"}}`,
		`{"id":{"` + plaintext + `":1}}`,
		`{"result":{"id":"` + plaintext + `"}}`,
		`{"params":{"id":"` + plaintext + `"}}`,
		`{"result":{"progressToken":"` + plaintext + `"}}`,
		`{"result":{"_meta":{"progressToken":"` + plaintext + `"}}}`,
		`{"result":{"structuredContent":{"nextCursor":"` + plaintext + `","requestState":9007199254740993}}}`,
		`{"result":{"content":[{"id":"` + plaintext + `"}]}}`,
		`[[{"id":"` + plaintext + `"}]]`,
		`{"error":{"code":{"code":"` + plaintext + `"}}}`,
	} {
		got := framed(t, r, line)
		if strings.Contains(got, plaintext) || strings.Contains(got, "9007199254740993") {
			t.Errorf("passed: %s", got)
		}
	}
}

// serverWords is a vocabulary such as the server makes from its tools.
func serverWords() redact.Options {
	return redact.Options{Vocabulary: func() redact.Vocabulary {
		return redact.Vocabulary{
			Keys:   []string{"location", "stored_in_vault_field", "purpose"},
			Values: map[string][]string{"status": {"stored_in_vault", "injected"}, "name": {"list_secrets"}},
		}
	}}
}

func TestVocabularyDoesNotBreakTheServer(t *testing.T) {
	t.Parallel()
	r := redact.New(serverWords())
	words := []string{
		"structuredContent", "inputSchema", "stored_in_vault", "2025-11-25", "list_secrets", "tools/list",
		"notifications/message", "properties", "description", "location", "application/json",
		"https://json-schema.org/draft/2020-12/schema", "elicitation/create", "input_required",
	}
	for i, word := range words {
		r.Learn(ref(t, fmt.Sprintf("WORD_%d", i)), secret.NewValue(word))
	}
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25"],"resultType":"input_required"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"q":{"method":"elicitation/create","params":{"requestedSchema":{"properties":{}}}}}}}`,
		`{"id":1,"result":{"tools":[{"name":"list_secrets","description":"x","inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"location":{"type":"string","enum":["stored_in_vault"],"description":"y"}},"required":["location"]}}]}}`,
		`{"id":1,"result":{"structuredContent":{"status":"stored_in_vault"},"contents":[{"mimeType":"application/json"}]}}`,
		`{"method":"notifications/message","params":{}}`,
		`{"method":"tools/list"}`,
	} {
		if got := framed(t, r, line); got != line {
			t.Errorf("broken:\ngot  %s\nwant %s", got, line)
		}
	}
	for i, word := range words {
		marker := fmt.Sprintf("[redacted:WORD_%d]", i)
		for _, line := range []string{
			`{"result":{"content":[{"type":"text","text":"it is %s."}]}}`,
			`{"result":{"content":[{"type":"text","text":"%s"}]}}`,
			`{"result":{"structuredContent":{"note":"%s","x %s":1}}}`,
			`{"method":"notifications/message","params":{"data":"%s"}}`,
			`{"error":{"message":"%s"}}`,
			`{"result":{"structuredContent":{"status":"x %s"}}}`,
		} {
			want := strings.ReplaceAll(line, "%s", marker)
			if got := framed(t, r, strings.ReplaceAll(line, "%s", word)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
	}
}

func TestStrayLinesGoNowhere(t *testing.T) {
	t.Parallel()
	var reports []string
	r := redact.New(redact.Options{MaxLine: 100, OnStray: func(masked []byte) { reports = append(reports, string(masked)) }})
	r.Learn(ref(t, "KEY"), secret.NewValue(plaintext))
	var out bytes.Buffer
	w := r.Frames(&out)
	long := `{"a":"` + strings.Repeat("x", 100) + `"}` + "\n"
	for _, part := range []string{
		"panic: " + plaintext + "\n", "\n", " \r\n", "{\"a\":\"" + plaintext + "\"\n", "42\n", "\"text\"\n", "{\"id\":1}{\"id\":2}\n",
		long, long[:60], long[60:], "{\"id\":1}\n", strings.Repeat("x", 300), "\n", "{\"id\":2,\"a\":\"" + plaintext + "\"}\n",
	} {
		if n, err := io.WriteString(w, part); err != nil || n != len(part) {
			t.Fatalf("%q: %d, %v", part, n, err)
		}
	}
	if want := "{\"id\":1}\n{\"id\":2,\"a\":\"[redacted:KEY]\"}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	over := "a message over the bound was dropped"
	want := []string{"panic: [redacted:KEY]", `{"a":"[redacted:KEY]"`, "42", `"text"`, `{"id":1}{"id":2}`, over, over, over}
	if diff := cmp.Diff(want, reports); diff != "" {
		t.Error(diff)
	}
}

// writes records each Write.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

func TestOneWriteAMessage(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	lines := "{\"id\":1}\n{\"id\":2,\"a\":\"" + plaintext + "\"}\n{\"id\":3}\n"
	want := []string{"{\"id\":1}\n", "{\"id\":2,\"a\":\"[redacted:KEY]\"}\n", "{\"id\":3}\n"}
	for step := 1; step <= len(lines); step++ {
		var got writes
		w := r.Frames(&got)
		for from := 0; from < len(lines); from += step {
			if _, err := io.WriteString(w, lines[from:min(from+step, len(lines))]); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got.all); diff != "" {
			t.Fatalf("step %d: %s", step, diff)
		}
	}
}

func TestFramesFromManyGoroutines(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	var got writes
	w := r.Frames(&got)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 50 {
				if _, err := fmt.Fprintf(w, "{\"id\":%d,\"a\":\"%s\"}\n", g*50+i, plaintext[:len(plaintext)-i%2]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	seen := make(map[int]bool)
	for _, line := range got.all {
		var m struct{ ID int }
		if err := json.Unmarshal([]byte(line), &m); err != nil || seen[m.ID] || strings.Contains(line, plaintext) {
			t.Fatalf("%q: %v", line, err)
		}
		seen[m.ID] = true
	}
	if len(seen) != 400 {
		t.Errorf("%d of 400 messages", len(seen))
	}
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestWriteErrorsAreReturned(t *testing.T) {
	t.Parallel()
	r := learned(t, map[string]string{"KEY": plaintext})
	for _, w := range []io.Writer{r.Frames(brokenPipe{}), r.Stream(brokenPipe{})} {
		for _, line := range []string{"{}\n", "{\"a\":\"" + plaintext + "\"}\n"} {
			if _, err := io.WriteString(w, line); !errors.Is(err, errPipe) {
				t.Errorf("%T: %v", w, err)
			}
		}
	}
}

func TestNoAllocationWithoutHits(t *testing.T) {
	r := knowing(t, 100)
	w, line := r.Frames(io.Discard), frame(t)
	text, out := []byte(strings.Repeat("nothing to see ", 100)), make([]byte, 0, 4096)
	stream := r.Stream(io.Discard)
	allocations := testing.AllocsPerRun(100, func() {
		_, _ = w.Write(line)
		_, _ = stream.Write(text)
		out, _ = r.Bytes(out[:0], text)
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}
