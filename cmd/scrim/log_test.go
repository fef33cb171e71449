package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/audit"
)

// records makes a trail of events and reads it.
func records(t *testing.T, events ...audit.Event) []audit.Record {
	t.Helper()
	state := t.TempDir()
	log := audit.New(filepath.Join(state, "scrim", "audit.jsonl"))
	for _, e := range events {
		if err := log.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	var out, talk bytes.Buffer
	c := &cli{stdout: &out, stderr: &talk, getenv: func(name string) string {
		return map[string]string{"XDG_STATE_HOME": state}[name]
	}}
	if err := (&LogCmd{JSON: true}).Run(c); err != nil || talk.Len() > 0 {
		t.Fatalf("%v, %s", err, &talk)
	}
	all, broken, err := lastRecords(&out, 0)
	if broken != nil || err != nil {
		t.Fatal(broken, err)
	}
	return all
}

func TestLogFitsATerminal(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 3, 9, 30, 0, 0, time.Local)
	all := records(t,
		audit.Event{Time: when, Kind: audit.Granted, Names: []string{"prod:/alpha/vault/KEY"}, Environment: "prod", Agent: "c 1", Strength: "client", RequestID: "k3v9qd2mpa"},
		audit.Event{
			Time: when, Kind: audit.Unavailable, Environment: "an-environment-with-a-long-slug", Agent: strings.Repeat("agent", 20), Strength: "verified",
			Names: []string{"prod:/alpha/vault/" + strings.Repeat("NAME", 50), "prod:/alpha/vault/OTHER"}, RequestID: "abcdefghij", Reason: strings.Repeat("日本 ", 100),
		},
	)
	for _, width := range []int{80, 100, 400} {
		var b bytes.Buffer
		if err := (logTable{width: width}).write(&b, all); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := cells(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d cells in %d: %q", n, width, line)
			}
		}
		if !strings.Contains(b.String(), "11-03 09:30  granted      KEY") || !strings.Contains(b.String(), "k3v9qd2mpa") {
			t.Errorf("at %d:\n%s", width, &b)
		}
	}
}

func TestLogEscapesWhatATerminalObeys(t *testing.T) {
	t.Parallel()
	// Somebody wrote the file by other means than scrim: nothing is escaped in it.
	hostile := "a\x1b[2J\u202eb\u009bc\rd\n\u200be\U000e0041"
	r := audit.Record{Event: audit.Event{
		Kind: audit.Kind(hostile), RequestID: hostile, Environment: hostile, Names: []string{"prod:/" + hostile},
		Agent: hostile, Strength: hostile, Reason: hostile,
	}}
	var b bytes.Buffer
	if err := (logTable{}).write(&b, []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 3 {
		t.Errorf("%d lines: %q", n, &b)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e\u009b\r\u200b\U000e0041") {
		t.Errorf("got %q", &b)
	}
	want := `a\u001b[2J\u202eb\u009bc\u000dd\u000a\u200be\udb40\udc41`
	if diff := cmp.Diff(want, visible(hostile)); diff != "" {
		t.Error(diff)
	}
}

func TestLogColour(t *testing.T) {
	t.Parallel()
	all := records(t, audit.Event{Kind: audit.Denied}, audit.Event{Kind: audit.Approved}, audit.Event{Kind: audit.Asked})
	for colour, want := range map[bool]int{true: 4, false: 0} {
		var b bytes.Buffer
		if err := (logTable{width: 80, colour: colour}).write(&b, all); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(b.String(), "\x1b["); got != want {
			t.Errorf("colour %v: %d escapes in %q", colour, got, &b)
		}
	}
}

func TestLogLast(t *testing.T) {
	t.Parallel()
	events := make([]audit.Event, 7)
	for i := range events {
		events[i] = audit.Event{Kind: audit.Asked, RequestID: string(rune('a' + i))}
	}
	all := records(t, events...)
	var file bytes.Buffer
	if err := writeJSONLines(&file, all, false); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{0: "abcdefg", 1: "g", 3: "efg", 6: "bcdefg", 7: "abcdefg", 100: "abcdefg"} {
		got, _, err := lastRecords(bytes.NewReader(file.Bytes()), n)
		if err != nil {
			t.Fatal(err)
		}
		var ids string
		for _, r := range got {
			ids += r.RequestID
		}
		if ids != want {
			t.Errorf("the last %d are %q, not %q", n, ids, want)
		}
	}
}

func FuzzPad(f *testing.F) {
	f.Add("a日本…", 3)
	f.Fuzz(func(t *testing.T, s string, width int) {
		width = 1 + (width&0x7f)%90
		s = visible(s)
		if got := pad(s, width); cells(got) != width || !utf8.ValidString(got) {
			t.Errorf("%q is %d cells in %d", got, cells(got), width)
		}
	})
}

func TestLogShowsFindings(t *testing.T) {
	t.Parallel()
	all := records(t,
		audit.Event{
			Kind: audit.Found, Environment: "prod", Agent: "c 1", Names: []string{"prod:/alpha/vault/KEY"},
			Findings: []audit.Finding{{Name: "KEY", Kind: "known", Encoding: "base64", Count: 2}, {Kind: "known", Encoding: "plain", Count: 1}},
		},
		audit.Event{Kind: audit.Found, Findings: []audit.Finding{{Name: "gitleaks:private-key", Kind: "pattern", Encoding: "plain", Count: 1}}},
	)
	var b bytes.Buffer
	if err := (logTable{}).write(&b, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		" found  KEY                   prod  c 1\n", "    KEY (known, base64) 2 times, a value without a name (known, plain) 1 time\n",
		" found  gitleaks:private-key", "    gitleaks:private-key (pattern, plain) 1 time\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}
