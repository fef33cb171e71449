package outpost

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

// FuzzAsk reads lines as another user's process may send them. What is shown of one
// is scrim's own lines, and the rest behind a bar; what comes back of it is the same
// question.
func FuzzAsk(f *testing.F) {
	const line = `{"ask":{"nonce":"n","id":"abcdefghij","digest":"DIGEST","agent":"AGENT","expires":"2999-01-01T00:00:00Z","facts":{"Project":"alpha","Environment":"prod",` +
		`"Secrets":[{"Name":"TOKEN","Environment":"prod","Path":"/alpha/vault"}],"Way":"run","Command":["sh","WORD"],"Dir":"/srv","Program":"/bin/sh","ProgramSHA256":"DIGEST",` +
		`"FileTTL":1,"YesTTL":1,"Patience":1,"Purpose":"WHY"}}}`
	for _, words := range [][]string{{"client", "a", "deploy"}, {`\u001b[2J`, `a\\x20b`, `\n| why: x`}, {"日", `\u202e`, `\u0301`}} {
		f.Add([]byte(strings.NewReplacer("DIGEST", strings.Repeat("0", 64), "AGENT", words[0], "WORD", words[1], "WHY", words[2]).Replace(line)))
	}
	f.Add([]byte(`{"hello":true}`))
	f.Add([]byte(`{"answer":{"nonce":"n","digest":"","yes":true,"factor":"pin"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := decode(line)
		if err != nil || m.Ask == nil {
			return
		}
		now := time.Now()
		q, err := newQuestion(&visitor{uid: 1, pid: 2}, *m.Ask, now)
		if err != nil {
			return
		}
		if !q.shown.Expires.After(now) || q.shown.Expires.After(now.Add(maxLife)) || len(q.shown.Names) == 0 || q.size == 0 {
			t.Fatalf("%+v", q.shown)
		}
		before, after, _ := strings.Cut(q.shown.Text, "\n| ")
		_, after, _ = strings.Cut(after, "\n\n")
		for row := range strings.Lines(before) {
			if strings.HasPrefix(row, "| ") {
				t.Fatalf("%q is behind the bar, before the words of others", row)
			}
		}
		if strings.Contains(after, "\n| ") || strings.Count(after, "\n") != 1 {
			t.Fatalf("after the words of others stands %q", after)
		}
		for _, r := range q.shown.Text {
			if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
				t.Fatalf("%U in %q", r, q.shown.Text)
			}
		}
		again := *m.Ask
		again.Facts, again.Expires = q.shown.Facts, q.shown.Expires
		again.Agent = q.shown.Agent[:strings.LastIndex(q.shown.Agent, ", asked by user ")]
		if same, err := newQuestion(&visitor{uid: 1, pid: 2}, again, now); err != nil || same.shown.Text != q.shown.Text {
			t.Fatalf("asked again it is %v, %+v", err, same)
		}
	})
}
