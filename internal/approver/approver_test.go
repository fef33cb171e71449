package approver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approver"
	"scrim/internal/audit"
)

const rightPIN = "blue heron 7"

// desk is where somebody enrols.
type desk struct {
	testing.TB
	path  string
	trail *audit.Log
}

func newDesk(t testing.TB) desk {
	t.Helper()
	dir := t.TempDir()
	return desk{t, filepath.Join(dir, "config", "scrim", approver.FileName), audit.New(filepath.Join(dir, "state", "scrim", "audit.jsonl"))}
}

// load returns what a new process has.
func (d desk) load() *approver.Approver {
	d.Helper()
	a, err := approver.LoadCheap(d.path, d.trail)
	if err != nil {
		d.Fatal(err)
	}
	return a
}

// set enrols pin where present is the one before, or "".
func (d desk) set(present, pin string) {
	d.Helper()
	change, err := d.load().Change(d.Context(), []byte(present))
	if err == nil {
		err = change.SetPIN([]byte(pin))
	}
	if err != nil {
		d.Fatal(err)
	}
}

// leave is leave to change, of whoever has the present PIN.
func (d desk) leave(present string) approver.Change {
	d.Helper()
	change, err := d.load().Change(d.Context(), []byte(present))
	if err != nil {
		d.Fatal(err)
	}
	return change
}

func enrolled(t testing.TB) desk {
	t.Helper()
	d := newDesk(t)
	d.set("", rightPIN)
	return d
}

func (d desk) text() []byte {
	d.Helper()
	text, err := os.ReadFile(d.path)
	if err != nil {
		d.Fatal(err)
	}
	return text
}

func (d desk) put(text []byte) {
	d.Helper()
	if err := os.WriteFile(d.path, text, 0o600); err != nil {
		d.Fatal(err)
	}
}

func (d desk) lose() {
	d.Helper()
	if err := os.Remove(d.path); err != nil {
		d.Fatal(err)
	}
}

// kinds are the trail's records, as "kind factor".
func (d desk) kinds() string {
	d.Helper()
	var kinds []string
	_, err := audit.Follow(d.trail.Path(), func(r audit.Record) { kinds = append(kinds, string(r.Kind)+" "+r.Factor) })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.Fatal(err)
	}
	return strings.Join(kinds, ", ")
}

func (d desk) records(e audit.Event) {
	d.Helper()
	if err := d.trail.Append(e); err != nil {
		d.Fatal(err)
	}
}

func (d desk) verify(a *approver.Approver, pin string) error {
	return a.Verify(d.Context(), []byte(pin))
}

func (d desk) wants(want approver.State) error {
	d.Helper()
	got, err := d.load().State()
	if got != want || (err == nil) != (want == approver.Enrolled || want == approver.NotEnrolled) {
		d.Errorf("state %v, %v; want %v", got, err, want)
	}
	return err
}

func TestZeroRefuses(t *testing.T) {
	t.Parallel()
	for _, a := range []*approver.Approver{nil, {}} {
		if state, err := a.State(); state != approver.Unknown || err == nil {
			t.Errorf("state %v, %v", state, err)
		}
		if err := a.Verify(t.Context(), []byte(rightPIN)); err == nil || a.Enrolled() || len(a.Factors()) != 0 {
			t.Errorf("verified: %v", err)
		}
		if change, err := a.Change(t.Context(), nil); err == nil || change.SetPIN([]byte(rightPIN)) == nil || change.RemovePIN() == nil {
			t.Errorf("changed: %v", err)
		}
		if change, err := a.Replace(); err == nil || change.SetPIN([]byte(rightPIN)) == nil {
			t.Errorf("replaced: %v", err)
		}
	}
	for _, path := range []string{"", "approver.json"} {
		if a, err := approver.Load(path, audit.New("")); a != nil || err == nil {
			t.Errorf("Load(%q) = %v, %v", path, a, err)
		}
	}
}

// TestEnrolment goes from nothing to a PIN, another one, and nothing again.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_ = d.wants(approver.NotEnrolled)
	if err := d.verify(d.load(), rightPIN); !errors.Is(err, approver.ErrNotEnrolled) {
		t.Errorf("error = %v", err)
	}
	d.set("", rightPIN)
	_ = d.wants(approver.Enrolled)
	first := d.load()
	if err := d.verify(first, rightPIN); err != nil {
		t.Error(err)
	}
	if _, err := d.load().Change(t.Context(), []byte("another one")); err == nil {
		t.Error("changed without the present PIN")
	}
	if change, err := d.load().Change(t.Context(), nil); err == nil || change.RemovePIN() == nil {
		t.Error("removed without the present PIN")
	}
	d.set(rightPIN, "grey heron 8")
	if err := d.verify(d.load(), "grey heron 8"); err != nil {
		t.Error(err)
	}
	if err := d.verify(d.load(), rightPIN); err == nil {
		t.Error("the PIN before is verified")
	}
	if err := d.verify(first, rightPIN); err != nil {
		t.Errorf("a running process does not keep what it loaded: %v", err)
	}
	change, err := d.load().Change(t.Context(), []byte("grey heron 8"))
	if err == nil {
		err = change.RemovePIN()
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = d.wants(approver.NotEnrolled)
	if got := d.kinds(); got != "enrolled pin, enrolled pin, unenrolled pin" {
		t.Errorf("the trail has %q", got)
	}
}

// TestPINIsKeptNowhere looks for it on disk, in memory that was lent, and in
// whatever can be printed.
func TestPINIsKeptNowhere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	typed := []byte(rightPIN)
	change, err := d.load().Change(t.Context(), nil)
	if err == nil {
		err = change.SetPIN(typed)
	}
	if err != nil {
		t.Fatal(err)
	}
	again := []byte(rightPIN)
	if err := d.load().Verify(t.Context(), again); err != nil {
		t.Error(err)
	}
	wrong := []byte("grey heron 8")
	failed := d.load().Verify(t.Context(), wrong)
	for _, lent := range [][]byte{typed, again, wrong} {
		if !bytes.Equal(lent, make([]byte, len(lent))) {
			t.Errorf("%q is left", lent)
		}
	}
	trail, err := os.ReadFile(d.trail.Path())
	if err != nil {
		t.Fatal(err)
	}
	a := d.load()
	shown := fmt.Sprintf("%v %+v %#v %v %s %s", a, a, a, failed, trail, d.text())
	for _, pin := range []string{rightPIN, "heron"} {
		if strings.Contains(shown, pin) {
			t.Errorf("%q is in %s", pin, shown)
		}
	}
	if n := strings.Count(string(d.text()), "\n"); n > 20 {
		t.Errorf("the file has %d lines", n)
	}
	var fields map[string]any
	if err := json.Unmarshal(d.text(), &fields); err != nil || len(fields) != 2 {
		t.Errorf("%v, %v", fields, err)
	}
}

// TestEveryFlippedBitRefuses plants each file that is one bit off.
func TestEveryFlippedBitRefuses(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	whole := d.text()
	verifiable := 0
	for i := range whole {
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1 << bit
			d.put(flipped)
			a, err := approver.LoadCheap(d.path, d.trail)
			if err != nil {
				continue
			}
			verifiable++
			if d.verify(a, rightPIN) == nil {
				t.Errorf("bit %d of byte %d flipped, and it verifies: %s", bit, i, flipped)
			}
		}
	}
	if verifiable == 0 {
		t.Error("no flipped file was one that could be verified with, so the hash was never tried")
	}
}

// TestEveryTruncationRefuses cuts the file, and adds to it.
func TestEveryTruncationRefuses(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	whole := d.text()
	for i := range whole {
		d.put(whole[:i])
		if a, err := approver.LoadCheap(d.path, d.trail); err == nil || a != nil {
			t.Errorf("the first %d bytes are loaded", i)
		}
	}
	for _, more := range []string{"\n", " ", "{}", "\x00"} {
		d.put(append(bytes.Clone(whole), more...))
		if _, err := approver.LoadCheap(d.path, d.trail); err == nil {
			t.Errorf("loaded with %q behind it", more)
		}
	}
}

// TestCosts plants files that are cheap to guess at, or costly to try.
func TestCosts(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	if _, err := approver.Load(d.path, d.trail); err == nil || !strings.Contains(err.Error(), "cheaper to guess") {
		t.Errorf("a cheap file is loaded: %v", err)
	}
	for _, c := range []struct {
		time, memory, threads uint64
		says                  string
	}{
		{4, 256 << 10, 2, ""},
		{4, 256 << 10, 1, ""},
		{16, 1 << 20, 8, ""},
		{3, 256 << 10, 2, "cheaper to guess"},
		{4, 256<<10 - 1, 2, "cheaper to guess"},
		{0, 0, 0, "cheaper to guess"},
		{4, 256 << 10, 0, "cheaper to guess"},
		{4, 100 << 20, 2, "more memory or time"},
		{1<<32 - 1, 256 << 10, 2, "more memory or time"},
		{4, 1<<32 - 1, 2, "more memory or time"},
		{4, 256 << 10, 255, "more memory or time"},
		{1 << 32, 256 << 10, 2, "not what scrim wrote"},
		{4, 1 << 40, 2, "not what scrim wrote"},
		{4, 256 << 10, 256, "not what scrim wrote"},
	} {
		text := strings.NewReplacer(
			`"time": 1`, fmt.Sprintf(`"time": %d`, c.time),
			`"memory_kib": 64`, fmt.Sprintf(`"memory_kib": %d`, c.memory),
			`"threads": 1`, fmt.Sprintf(`"threads": %d`, c.threads)).Replace(string(d.text()))
		_, err := approver.Parse([]byte(text))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestForms plants what says the same, or more, in other words.
func TestForms(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	whole := string(d.text())
	for name, c := range map[string]struct{ text, says string }{
		"newer":           {strings.Replace(whole, `"version": 2`, `"version": 3`, 1), "a newer scrim wrote this: use the scrim that wrote it"},
		"no version":      {strings.Replace(whole, `"version": 2`, `"version": 0`, 1), "not what scrim wrote"},
		"the first":       {strings.Replace(whole, `"version": 2`, `"version": 1`, 1), "not what scrim wrote"},
		"another kind":    {strings.Replace(whole, `"pin"`, `"pim"`, 1), "not what scrim wrote"},
		"no factors":      {"{\n  \"version\": 1,\n  \"factors\": []\n}\n", "not what scrim wrote"},
		"nothing":         {"{\n  \"version\": 2\n}\n", "not what scrim wrote"},
		"null":            {"null\n", "not what scrim wrote"},
		"unknown field":   {strings.Replace(whole, `"version": 2,`, `"version": 2, "x": 1,`, 1), "not what scrim wrote"},
		"twice":           {strings.Replace(whole, `"version": 2,`, `"version": 2, "version": 2,`, 1), "not what scrim wrote"},
		"other case":      {strings.Replace(whole, `"version"`, `"Version"`, 1), "not what scrim wrote"},
		"compact":         {strings.Join(strings.Fields(whole), ""), "not what scrim wrote"},
		"a short salt":    {strings.Replace(whole, `"salt": "`, `"salt": "AAAA`, 1), "not what scrim wrote"},
		"too large":       {strings.Repeat(" ", 70<<10), "larger than 64 KiB"},
		"half a megabyte": {`{"factors":[` + strings.Repeat(`{},`, 20_000) + `{}]}`, "not what scrim wrote"},
	} {
		d.put([]byte(c.text))
		a, err := approver.LoadCheap(d.path, d.trail)
		if a != nil || err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), d.path+": ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGone removes the file, and everything then refuses.
func TestGone(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	running := d.load()
	d.lose()
	a := d.load()
	err := d.wants(approver.Gone)
	if _, ok := errors.AsType[*approver.GoneError](err); !ok || !strings.Contains(err.Error(), "scrim enroll --lost") {
		t.Errorf("error = %v", err)
	}
	if err := d.verify(a, rightPIN); err == nil || errors.Is(err, approver.ErrNotEnrolled) {
		t.Errorf("error = %v", err)
	}
	if _, err := a.Change(t.Context(), []byte(rightPIN)); err == nil {
		t.Error("changed without a file")
	}
	if err := d.verify(running, rightPIN); err != nil {
		t.Errorf("a running process does not keep what it loaded: %v", err)
	}
	change, err := a.Replace()
	if err == nil {
		err = change.SetPIN([]byte("grey heron 8"))
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = d.wants(approver.Enrolled)
	if state, err := a.State(); state != approver.Gone || err == nil || !strings.Contains(err.Error(), "start it again") {
		t.Errorf("with the file there again: %v, %v", state, err)
	}
	if _, err := d.load().Replace(); err == nil {
		t.Error("replaced what is not lost")
	}
	trail, err := os.ReadFile(d.trail.Path())
	if err != nil || !strings.Contains(string(trail), "it was gone from the file, so that it was not asked for") {
		t.Errorf("the trail does not say it: %s, %v", trail, err)
	}
}

// TestAnotherFile puts files in its place that were not enrolled, or are no more: what
// is in them proves nothing, and is replaced on record alone.
func TestAnotherFile(t *testing.T) {
	t.Parallel()
	before, removed, planted := enrolled(t), newDesk(t), enrolled(t)
	oldPIN := before.text()
	before.set(rightPIN, "grey heron 8")

	laptop := newKey(t)
	removed.set("", rightPIN)
	laptop.enrol(removed, removed.leave(rightPIN), "laptop")
	oldKey := removed.text()
	if err := removed.leave(rightPIN).RemovePasskey("laptop"); err != nil {
		t.Fatal(err)
	}

	nothing := enrolled(t)
	oldFile := nothing.text()
	if err := nothing.leave(rightPIN).RemovePIN(); err != nil {
		t.Fatal(err)
	}

	untold := newDesk(t)
	if err := os.MkdirAll(filepath.Dir(untold.path), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		desk
		text []byte
		says string
	}{
		"a PIN of before":           {before, oldPIN, "a PIN is enrolled since"},
		"a passkey that is removed": {removed, oldKey, "a passkey in this file is not enrolled by the audit trail " + removed.trail.Path()},
		"a PIN that is removed":     {nothing, oldFile, "a PIN in this file is not enrolled"},
		"a PIN of somebody else":    {planted, oldPIN, "a PIN is enrolled since"},
		"a PIN that is on no trail": {untold, oldPIN, "a PIN in this file is not enrolled"},
	} {
		t.Run(name, func(t *testing.T) {
			c.put(c.text)
			a := c.load()
			if err := c.wants(approver.Gone); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, not %q", err, c.says)
			}
			if err := c.verify(a, rightPIN); err == nil {
				t.Error("its PIN proves it")
			}
			if _, err := a.Challenge(request("one"), origin); err == nil {
				t.Error("its passkey is asked")
			}
			if _, err := a.Change(t.Context(), []byte(rightPIN)); err == nil {
				t.Error("its PIN changes it")
			}
			change, err := a.Replace()
			if err == nil {
				err = change.SetPIN([]byte("white heron 9"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := c.verify(c.load(), "white heron 9"); err != nil {
				t.Error(err)
			}
			if _, err := a.State(); err == nil || !strings.Contains(err.Error(), "start it again") {
				t.Errorf("who loaded the other: %v", err)
			}
		})
	}
}

// TestClockSetBack: a record from a time that has yet to come counts for what it is of.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	d, later := enrolled(t), newDesk(t)
	if err := os.MkdirAll(filepath.Dir(later.path), 0o700); err != nil {
		t.Fatal(err)
	}
	later.put(d.text())
	if _, err := audit.Follow(d.trail.Path(), func(r audit.Record) {
		later.records(audit.Event{Kind: r.Kind, Factor: r.Factor, Digest: r.Digest, Time: r.Time.Add(time.Hour)})
	}); err != nil {
		t.Fatal(err)
	}
	if err := later.verify(later.load(), rightPIN); err != nil {
		t.Error(err)
	}
}

// TestNothingIsLost replaces nothing where nothing was enrolled.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	if _, err := newDesk(t).load().Replace(); err == nil || !strings.Contains(err.Error(), "without --lost") {
		t.Errorf("error = %v", err)
	}
}

// TestTrailMustBeWhole hides the enrolment on the trail, and the file.
func TestTrailMustBeWhole(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(text []byte) []byte{
		"changed":   func(text []byte) []byte { return bytes.Replace(text, []byte(`"enrolled"`), []byte(`"expired1"`), 1) },
		"torn":      func(text []byte) []byte { return text[:len(text)-20] },
		"first cut": func(text []byte) []byte { return text[bytes.IndexByte(text, '\n')+1:] },
	} {
		d := enrolled(t)
		if err := d.trail.Append(audit.Event{Kind: audit.Asked}); err != nil {
			t.Fatal(err)
		}
		d.lose()
		text, err := os.ReadFile(d.trail.Path())
		if err == nil {
			err = os.WriteFile(d.trail.Path(), spoil(text), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := d.wants(approver.Unknown); err == nil || !strings.Contains(err.Error(), "scrim log --verify") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.load().Change(t.Context(), nil); err == nil {
			t.Errorf("%s: enrolled anew", name)
		}
	}
	nowhere, err := approver.LoadCheap(newDesk(t).path, audit.New(""))
	if err != nil {
		t.Fatal(err)
	}
	if state, err := nowhere.State(); state != approver.Unknown || err == nil {
		t.Errorf("without a trail: %v, %v", state, err)
	}
}

// TestUnrecordedChangeIsNone leaves the file alone where the trail cannot be
// written.
func TestUnrecordedChangeIsNone(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	before := d.text()
	for _, change := range []func(approver.Change) error{
		func(c approver.Change) error { return c.SetPIN([]byte("grey heron 8")) },
		approver.Change.RemovePIN,
	} {
		leave, err := d.load().Change(t.Context(), []byte(rightPIN))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d.trail.Path(), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := change(leave); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("error = %v", err)
		}
		if err := os.Chmod(d.trail.Path(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, d.text()) || d.kinds() != "enrolled pin" {
		t.Errorf("changed: %s, %s", d.text(), d.kinds())
	}
}

// TestChangedMeanwhile has two processes with leave; the second is refused.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	late, err := d.load().Change(t.Context(), []byte(rightPIN))
	if err != nil {
		t.Fatal(err)
	}
	d.set(rightPIN, "grey heron 8")
	if err := late.SetPIN([]byte("white heron 9")); err == nil || !strings.Contains(err.Error(), "run this again") {
		t.Errorf("error = %v", err)
	}
	if err := late.RemovePIN(); err == nil {
		t.Error("removed")
	}
	if err := d.verify(d.load(), "grey heron 8"); err != nil {
		t.Error(err)
	}
	if got := d.kinds(); got != "enrolled pin, enrolled pin" {
		t.Errorf("the trail has %q", got)
	}
}

// TestGuessing measures the wait before each attempt, and the end.
func TestGuessing(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	synctest.Test(t, func(t *testing.T) {
		d.TB = t
		a := d.load()
		verify := func(pin string) (time.Duration, error) {
			start := time.Now()
			err := a.Verify(t.Context(), []byte(pin))
			return time.Since(start), err
		}
		waited, err := verify(rightPIN)
		if waited != 0 || err != nil {
			t.Errorf("the first: %v, %v", waited, err)
		}
		want := time.Duration(0)
		for n := 1; n <= 10; n++ {
			waited, err := verify("a wrong one")
			wrong, ok := errors.AsType[*approver.WrongError](err)
			if !ok || waited != want || wrong.Left != 10-n {
				t.Errorf("attempt %d waited %v, not %v: %v", n, waited, want, err)
			}
			want = time.Second << (n - 1)
		}
		for _, pin := range []string{rightPIN, "a wrong one"} {
			if waited, err := verify(pin); !errors.Is(err, approver.ErrLocked) || waited != 0 {
				t.Errorf("the eleventh: %v, %v", waited, err)
			}
		}
		if err := d.verify(d.load(), rightPIN); err != nil {
			t.Errorf("another process: %v", err)
		}
	})
}

// TestRightOneForgives starts the count anew.
func TestRightOneForgives(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	synctest.Test(t, func(t *testing.T) {
		d.TB = t
		a := d.load()
		for range 3 {
			for range 9 {
				if err := d.verify(a, "a wrong one"); err == nil {
					t.Fatal("verified")
				}
			}
			start := time.Now()
			if err := d.verify(a, rightPIN); err != nil || time.Since(start) != 256*time.Second {
				t.Fatalf("%v after %v", err, time.Since(start))
			}
		}
	})
}

// TestParallelGuesses sends a hundred at once: they are looked at one by one,
// and ten of them at all.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	synctest.Test(t, func(t *testing.T) {
		d.TB = t
		a := d.load()
		start := time.Now()
		var mu sync.Mutex
		var looked []time.Duration
		locked := 0
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				err := a.Verify(t.Context(), []byte("a wrong one"))
				mu.Lock()
				defer mu.Unlock()
				if _, ok := errors.AsType[*approver.WrongError](err); ok {
					looked = append(looked, time.Since(start))
				} else if errors.Is(err, approver.ErrLocked) {
					locked++
				}
			})
		}
		all.Wait()
		if len(looked) != 10 || locked != 90 || looked[9] != 511*time.Second {
			t.Errorf("looked at %d, after %v; %d locked", len(looked), looked, locked)
		}
	})
}

// TestGivingUp ends calls that wait, in both queues, and costs no attempt.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	synctest.Test(t, func(t *testing.T) {
		d.TB = t
		a := d.load()
		for range 5 {
			_ = d.verify(a, "a wrong one")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if err := a.Verify(ctx, []byte(rightPIN)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error = %v", err)
				}
			})
		}
		all.Wait()
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("gave up after %v", waited)
		}
		if err := d.verify(a, rightPIN); err != nil || time.Since(start) != 16*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := a.Verify(ended, []byte(rightPIN)); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	})
}

func TestPINs(t *testing.T) {
	t.Parallel()
	for pin, says := range map[string]string{
		rightPIN:                       "",
		"  blue heron  ":               "",
		"häßlich7":                     "",
		"日本語の秘密の鍵":                     "",
		"12345679":                     "",
		strings.Repeat("ab", 64):       "",
		strings.Repeat("ab", 64) + "c": "longer than 128 bytes",
		strings.Repeat("a b", 9999):    "longer than 128 bytes",
		"":                             "empty",
		"        ":                     "empty",
		"1234567":                      "fewer than 8 characters",
		"e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301": "fewer than 8 characters",
		"éééééé7":          "fewer than 8 characters",
		"aaaaaaaa":         "again and again",
		"aAaAaAaAa":        "again and again",
		"éééééééé":         "again and again",
		"12345678":         "a run",
		"1234567890":       "a run",
		"0987654321":       "a run",
		"78901234":         "a run",
		"abcdefgh":         "a run",
		"AbCdEfGh":         "a run",
		"hgfedcba":         "a run",
		"αβγδεζηθ":         "a run",
		"password":         "most usual",
		"PassWord123":      "most usual",
		" qwertyuiop ":     "most usual",
		"blue\x00heron7":   "cannot be seen",
		"blue\x1b[2Jheron": "cannot be seen",
		"blue\u200bheron7": "cannot be seen",
		"blue\xffheron7":   "no text",
	} {
		err := approver.CheckPIN([]byte(pin))
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || !errors.Is(err, approver.ErrBadPIN)) {
			t.Errorf("%.40q: %v", pin, err)
		}
	}
}

// TestPINsHaveOneForm types the same characters in two ways.
func TestPINsHaveOneForm(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.set("", "h\u00e4\u00dflich\u00e97")
	for pin, right := range map[string]bool{
		"ha\u0308\u00dfliche\u03017":  true,
		" h\u00e4\u00dflich\u00e97\r": true,
		"H\u00e4\u00dflich\u00e97":    false,
		"hasslich\u00e97":             false,
	} {
		if err := d.verify(d.load(), pin); (err == nil) != right {
			t.Errorf("%q: %v", pin, err)
		}
	}
}

// TestBadPINIsNotSet changes nothing, and leaves nothing on the trail.
func TestBadPINIsNotSet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	change, err := d.load().Change(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := change.SetPIN([]byte("12345678")); !errors.Is(err, approver.ErrBadPIN) {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(d.path); err == nil || d.kinds() != "" {
		t.Errorf("%v, %q", err, d.kinds())
	}
}

// TestOwnCost sets and verifies with what a PIN really costs.
func TestOwnCost(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	load := func() *approver.Approver {
		a, err := approver.Load(d.path, d.trail)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	change, err := load().Change(t.Context(), nil)
	if err == nil {
		err = change.SetPIN([]byte(rightPIN))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := d.verify(load(), rightPIN); err != nil {
		t.Error(err)
	}
	if err := d.verify(load(), "a wrong one"); err == nil {
		t.Error("verified")
	}
	if again, err := approver.Parse(d.text()); err != nil || !bytes.Equal(again, d.text()) {
		t.Errorf("%v: %s", err, again)
	}
}

// firstFile is one of the first version, as scrim wrote it before there were
// passkeys. Its PIN is rightPIN, with a hash that costs what LoadCheap takes.
const firstFile = `{
  "version": 1,
  "factors": [
    {
      "kind": "pin",
      "set_at": "2026-11-25T16:00:00Z",
      "argon2id": {
        "time": 1,
        "memory_kib": 64,
        "threads": 1
      },
      "salt": "KLil8ltJaRudBnTW+y/KQA==",
      "hash": "hHL8ukoisUCZK2kB8oPV1EnUxUkcTNch8og3FRCpMn0="
    }
  ]
}
`

// TestFirstVersion loads a file from before there were passkeys, and writes one of
// now in its place.
func TestFirstVersion(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		t.Fatal(err)
	}
	d.records(audit.Event{Kind: audit.Enrolled, Factor: approver.PIN}) // which PIN was not said then
	d.put([]byte(firstFile))
	if err := d.verify(d.load(), rightPIN); err != nil {
		t.Error(err)
	}
	if err := d.verify(d.load(), "a wrong one"); err == nil {
		t.Error("verified")
	}
	key := newKey(t)
	key.enrol(d, d.leave(rightPIN), "laptop")
	if !strings.Contains(string(d.text()), `"version": 2`) {
		t.Errorf("written: %s", d.text())
	}
	if err := d.verify(d.load(), rightPIN); err != nil {
		t.Errorf("its PIN is no longer good: %v", err)
	}
}

// FuzzParse looks for a file that is taken and that scrim would not write.
func FuzzParse(f *testing.F) {
	const first = "{\n  \"version\": 1,\n  \"factors\": [\n    {\n      \"kind\": \"pin\",\n      \"set_at\": \"2026-11-25T16:00:00Z\",\n      \"argon2id\": {\n        \"time\": 4,\n        \"memory_kib\": 262144,\n        \"threads\": 2\n      },\n      \"salt\": \"AAAAAAAAAAAAAAAAAAAAAA==\",\n      \"hash\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n    }\n  ]\n}\n"
	d := newDesk(f)
	laptop := newKey(f)
	laptop.enrol(d, d.leave(""), "laptop")
	newKey(f).enrol(d, laptop.leave(d), "key ring")
	for _, own := range []string{first, string(d.text())} {
		if again, err := approver.Parse([]byte(own)); err != nil || string(again) != own {
			f.Fatalf("%v: %s", err, again)
		}
		f.Add([]byte(own))
	}
	f.Add([]byte(`{"version":1,"factors":[{}]}`))
	f.Add([]byte(`{"version":2,"passkeys":[{}]}`))
	f.Add([]byte(`{"version":1,"factors":[{"kind":"pin","argon2id":{"time":4,"memory_kib":4294967295,"threads":255}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := approver.Parse(data)
		if err == nil && !bytes.Equal(again, data) {
			t.Errorf("%q is taken, and would be written as %q", data, again)
		}
	})
}

// BenchmarkLoad is what a server pays at its start.
func BenchmarkLoad(b *testing.B) {
	d := enrolled(b)
	for b.Loop() {
		d.load()
	}
}

// BenchmarkState is what a server pays once, where nobody is enrolled, for a
// trail of two thousand records.
func BenchmarkState(b *testing.B) {
	d := newDesk(b)
	for range 2000 {
		e := audit.Event{
			Kind: audit.Asked, RequestID: "k3v9qd2mpa", Project: "alpha", Environment: "prod", Names: []string{"prod:/alpha/vault/BACKUP_KEY"},
			Delivery: "value", Purpose: "restore last night's dump", Agent: "client 1.0", Digest: strings.Repeat("ab", 32),
		}
		if err := d.trail.Append(e); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if state, err := d.load().State(); state != approver.NotEnrolled {
			b.Fatal(err)
		}
	}
}
