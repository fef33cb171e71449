package redact

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// tokens records what a walk tells.
type tokens struct{ all []jsonToken }

func (v *tokens) visit(t jsonToken) { v.all = append(v.all, t) }

func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `{}`, `[]`, `0`, `-0.5e+7`, `01`, `-`, `1.`, `1e`, `"a"`, `"\u00e9\ud83d\udd11\/\n"`, `"\ud83d"`, `"\u12"`, `"` + "\x01" + `"`,
		`{"a":[1,{"b":null}],"c":true}`, `{"a":1,}`, `{"a" 1}`, `{1:2}`, `[1 2]`, `[1,]`, `tru`, `nullx`, "\"\xff\"", `"\x"`, "\"\\\x00\"", `{"a":1}{`,
		`{"jsonrpc":"2.0","id":1,"result":{"structuredContent":{"value":"x"},"content":[{"text":"y"}]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var seen tokens
		head, ok := walk(text, placeTop, &seen)
		if quick, same := isJSON(text, placeTop, &masks{}); same != ok || ok && !reflect.DeepEqual(quick, head) {
			t.Fatalf("isJSON says %v, %v of %q", quick, same, text)
		}
		if ok != json.Valid(text) {
			t.Fatalf("walk says %v of %q", ok, text)
		}
		if !ok {
			return
		}
		end := 0
		for _, token := range seen.all {
			if token.start < end || token.end <= token.start || token.end > len(text) {
				t.Fatalf("token %d:%d after %d", token.start, token.end, end)
			}
			end = token.end
			checkToken(t, text, token)
		}
	})
}

func TestWalkIsAsDeepAsJSON(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{1, 9999, 10000, 10001, 100000} {
		text := []byte(strings.Repeat(`{"a":[`, depth/2) + strings.Repeat("[", depth%2) + strings.Repeat("]", depth%2) + strings.Repeat("]}", depth/2))
		if _, ok := walk(text, placeTop, &tokens{}); ok != json.Valid(text) {
			t.Errorf("depth %d: walk says %v", depth, ok)
		}
	}
}

// checkToken checks a token against encoding/json.
func checkToken(t *testing.T, text []byte, token jsonToken) {
	t.Helper()
	written := text[token.start:token.end]
	if token.kind == numberToken {
		var n json.Number
		if err := json.Unmarshal(written, &n); err != nil {
			t.Fatalf("number %q: %v", written, err)
		}
		return
	}
	content := token.content(text)
	if token.escaped != bytes.Contains(content, []byte(`\`)) {
		t.Fatalf("escaped is %v for %q", token.escaped, written)
	}
	var want string
	if err := json.Unmarshal(written, &want); err != nil {
		t.Fatalf("string %q: %v", written, err)
	}
	if got := string(unescape(content)); utf8.Valid(written) && got != want {
		t.Fatalf("%q means %q, got %q", written, want, got)
	}
}

func TestSnap(t *testing.T) {
	t.Parallel()
	tests := []struct {
		content    string
		start, end int
		want       string
	}{
		{`abcdef`, 1, 3, `bc`},
		{`a\u0062c`, 3, 4, `\u0062`},
		{`x\ud83d\udd11y`, 8, 9, `\ud83d\udd11`},
		{`x\ud83dy`, 1, 4, `\ud83d`},
		{`a\\b`, 2, 3, `\\`},
		{`xéy`, 2, 4, `éy`},
		{"x\xffy", 1, 2, "\xff"},
	}
	for _, tt := range tests {
		spans := []span{{start: tt.start, end: tt.end}}
		snap([]byte(tt.content), spans)
		if got := tt.content[spans[0].start:spans[0].end]; got != tt.want {
			t.Errorf("%s %d:%d: got %q, want %q", tt.content, tt.start, tt.end, got, tt.want)
		}
	}
	spans := []span{{start: 0, end: 1}, {start: 1, end: 2}, {start: 4, end: 5}, {start: 7, end: 8}}
	snap([]byte(`\u00e9\u00e9`), spans)
	if len(union(spans)) != 2 || spans[0].end != 6 {
		t.Errorf("several spans in one escape: %v", spans)
	}
}

// TestWithhold calls what no input is known to lead to: a masked message that
// is no JSON any more.
func TestWithhold(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"jsonrpc":"2.0","id":9007199254740993,"result":{}}`: `{"jsonrpc":"2.0","id":9007199254740993,"error":{"code":-32603,"message":"internal error: the result could not be masked and was withheld"}}` + "\n",
		`{"jsonrpc":"2.0","method":"ping","id":1}`:            "",
		`{"id":{"a":1},"result":{}}`:                          "",
		`[{"id":1,"result":{}}]`:                              "",
	} {
		var out bytes.Buffer
		head, ok := walk([]byte(line), placeTop, &tokens{})
		f := frames{s: New(Options{}).state(), w: &out}
		if err := f.withhold(head); err != nil || !ok || out.String() != want {
			t.Errorf("%s: %v, %s", line, err, out.String())
		}
	}
}
