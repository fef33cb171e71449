package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"scrim/internal/audit"
)

func trailPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state", "scrim", "audit.jsonl")
}

func event(n int) audit.Event {
	return audit.Event{
		Time: time.Date(2026, 11, 3, 9, 30, n%60, 7, time.UTC), Kind: audit.Granted, RequestID: fmt.Sprintf("request%d", n),
		Project: "alpha", Environment: "prod", Names: []string{"prod:/alpha/vault/BACKUP_KEY", "prod:/alpha/vault/OTHER"},
		Delivery: "value", Command: []string{"restore", "--all"}, Dir: "/srv/alpha", Purpose: "restore <last> & \"night\"",
		Agent: "client 1.0", Strength: "client", Factor: "pin", Rule: "a rule", Reason: "a reason",
		Findings: []audit.Finding{{Name: "BACKUP_KEY", Kind: "known", Encoding: "base64", Count: 2}}, Digest: strings.Repeat("ab", 32), PID: 4711,
	}
}

// write makes a trail of n records and returns its path.
func write(t testing.TB, n int) string {
	t.Helper()
	path := trailPath(t)
	log := audit.New(path)
	for i := range n {
		if err := log.Append(event(i)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func replace(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAppendAndRead(t *testing.T) {
	t.Parallel()
	path := write(t, 3)
	var got []audit.Event
	for r, err := range audit.Read(bytes.NewReader(read(t, path))) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Seq != uint64(len(got)+1) || !json.Valid(r.Line()) {
			t.Errorf("record %d is %+v", len(got)+1, r)
		}
		got = append(got, r.Event)
	}
	if diff := cmp.Diff([]audit.Event{event(0), event(1), event(2)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sum, err := audit.Verify(path)
	if diff := cmp.Diff(audit.Summary{Records: 3}, sum); diff != "" || err != nil {
		t.Errorf("verify: %v\n%s", err, diff)
	}
}

func TestAppendFillsIn(t *testing.T) {
	t.Parallel()
	path := trailPath(t)
	before := time.Now()
	if err := audit.New(path).Append(audit.Event{Kind: audit.Asked}); err != nil {
		t.Fatal(err)
	}
	for r, err := range audit.Read(bytes.NewReader(read(t, path))) {
		if err != nil || r.PID != os.Getpid() || r.Time.Before(before.Add(-time.Second)) || r.Time.After(time.Now()) || r.Time.Location() != time.UTC {
			t.Errorf("got %+v", r)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	path := write(t, 1)
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, not %o", name, got, want)
		}
	}
}

// TestEventHasNoRoomForAValue holds Event to the fields that the design names:
// whoever adds one states here that it cannot hold a secret's value.
func TestEventHasNoRoomForAValue(t *testing.T) {
	t.Parallel()
	var got []string
	for field := range reflect.TypeFor[audit.Event]().Fields() {
		got = append(got, field.Name)
	}
	want := []string{
		"Time", "Kind", "RequestID", "Project", "Environment", "Names", "Delivery", "Command", "Dir",
		"Program", "ProgramHash", "ExitCode", "TimedOut", "Purpose", "Agent", "Strength", "Factor", "Rule", "Reason", "Findings", "Digest", "PID",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = nil
	for field := range reflect.TypeFor[audit.Finding]().Fields() {
		got = append(got, field.Name)
	}
	if diff := cmp.Diff([]string{"Name", "Kind", "Encoding", "Count"}, got); diff != "" {
		t.Errorf("of a finding (-want +got):\n%s", diff)
	}
}

func TestLinesAreSafeToPrint(t *testing.T) {
	t.Parallel()
	path := trailPath(t)
	e := audit.Event{Kind: audit.Asked, Purpose: "a\x1b[31m\n\u202e\u009b\u200b\u2028\x7f\U000e0041 né 日本 \xff"}
	if err := audit.New(path).Append(e); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	for _, r := range strings.TrimSuffix(string(text), "\n") {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 || slices.Contains([]rune("\u202e\u200b\u2028\U000e0041"), r) {
			t.Errorf("%U stands in the file as it is: %q", r, text)
		}
	}
	for r, err := range audit.Read(bytes.NewReader(text)) {
		if want := strings.ToValidUTF8(e.Purpose, "\ufffd"); err != nil || r.Purpose != want {
			t.Errorf("came back as %q: %v", r.Purpose, err)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	var none *audit.Log
	for name, log := range map[string]*audit.Log{"nil": none, "zero": {}, "no path": audit.New(""), "relative": audit.New("audit.jsonl")} {
		if err := log.Append(event(1)); err == nil || log.Check() == nil {
			t.Errorf("%s: appended", name)
		}
	}
	log := audit.New(trailPath(t))
	for name, change := range map[string]func(*audit.Event){
		"no kind":    func(e *audit.Event) { e.Kind = "" },
		"torn kind":  func(e *audit.Event) { e.Kind = audit.Torn },
		"huge":       func(e *audit.Event) { e.Reason = strings.Repeat("x", 70<<10) },
		"no year":    func(e *audit.Event) { e.Time = time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC) },
		"long names": func(e *audit.Event) { e.Names = make([]string, 40<<10) },
	} {
		e := event(1)
		change(&e)
		if err := log.Append(e); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	if text, err := os.ReadFile(log.Path()); err == nil && len(text) > 0 {
		t.Errorf("a refused event left %q", text)
	}
}

func TestDefaultPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ state, home, want string }{
		{"/state", "/ann", "/state/scrim/audit.jsonl"},
		{"", "/ann", "/ann/.local/state/scrim/audit.jsonl"},
		{"relative", "/ann", "/ann/.local/state/scrim/audit.jsonl"},
		{"", "", ""},
		{"", "home", ""},
	} {
		getenv := func(name string) string {
			if name == "XDG_STATE_HOME" {
				return c.state
			}
			return "unexpected"
		}
		if got := audit.DefaultPath(getenv, c.home); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// TestFollow gives each record of a whole trail, and those before a broken line.
func TestFollow(t *testing.T) {
	t.Parallel()
	path := write(t, 3)
	var seen []uint64
	visit := func(r audit.Record) { seen = append(seen, r.Seq) }
	if sum, err := audit.Follow(path, visit); err != nil || sum.Records != 3 || !slices.Equal(seen, []uint64{1, 2, 3}) {
		t.Errorf("%+v, %v: %v", sum, err, seen)
	}
	seen = nil
	replace(t, path, bytes.Replace(read(t, path), []byte(`"seq":3`), []byte(`"seq":4`), 1))
	_, err := audit.Follow(path, visit)
	if _, ok := errors.AsType[*audit.BrokenError](err); !ok || !slices.Equal(seen, []uint64{1, 2}) {
		t.Errorf("%v: %v", err, seen)
	}
}

func TestVerifyMissing(t *testing.T) {
	t.Parallel()
	if _, err := audit.Verify(trailPath(t)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestMovedFileBeginsANewChain(t *testing.T) {
	t.Parallel()
	path := write(t, 2)
	log := audit.New(path)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := log.Append(event(9)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{path: 1, path + ".old": 2} {
		sum, err := audit.Verify(name)
		if diff := cmp.Diff(audit.Summary{Records: want}, sum, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}
