package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLineReader(t *testing.T) {
	t.Parallel()
	fits, long := strings.Repeat("y", maxMessage-1), strings.Repeat("y", maxMessage)
	reader := newLineReader(strings.NewReader("one\n\n  \ntwo\r\n" + long + "\n" + fits + "\nlast"))
	for _, want := range []string{"one", "two\r", "too long", fits, "last"} {
		line, err := reader.next()
		if _, tooLong := errors.AsType[*tooLongError](err); tooLong {
			line = []byte("too long")
		}
		if string(line) != want {
			t.Fatalf("got %.40q, %v; want %.40q", line, err, want)
		}
	}
	if _, err := reader.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v at the end", err)
	}
}

func TestIDScanner(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`{"jsonrpc":"2.0","id":7,"method":"x"}`:                         "7",
		`{"params":{"id":1,"a":[{"id":2}]},"id":"a\"b,}","method":"x"}`: `"a\"b,}"`,
		`{ "id" : -1.5e3 }`:                "-1.5e3",
		`{"idx":1,"Id":2}`:                 "",
		`{"id":null}`:                      "",
		`{"id":{"id":1}}`:                  "",
		`{"id":[1]}`:                       "",
		`{"x":"\"id\":5,","y":"{\"id\":"}`: "",
		`nonsense`:                         "",
		`{"id":1,"id":2}`:                  "1",
		`{"id":` + strings.Repeat("9", maxID+2) + `}`: "",
	}
	for text, want := range cases {
		var whole, bytewise idScanner
		whole.scan([]byte(text))
		for i := range len(text) {
			bytewise.scan([]byte(text[i : i+1]))
		}
		if got := string(whole.found()); got != want {
			t.Errorf("%s: got %s", text, got)
		}
		if got := string(bytewise.found()); got != want {
			t.Errorf("%s, bytewise: got %s", text, got)
		}
	}
}

func FuzzIDScanner(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":7,"params":{"id":"x"}}`))
	f.Add([]byte(`{"a":[1,{"id":2}],"id":"\u0031"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s idScanner
		s.scan(text)
		found := s.found()
		if found != nil && !isID(found) {
			t.Fatalf("found %q", found)
		}
		var m map[string]json.RawMessage
		if json.Unmarshal(text, &m) != nil || bytes.Count(text, []byte(`"id"`)) != 1 || bytes.Contains(text, []byte(`\`)) {
			return
		}
		if id, ok := m["id"]; ok && isID(id) && len(id) <= maxID && !bytes.Equal(bytes.TrimSpace(id), found) {
			t.Fatalf("%s: found %q, the id is %q", text, found, id)
		}
	})
}
