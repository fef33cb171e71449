package approver_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approver"
)

// TestPasskeysBesideThePIN enrols both, by each other, and removes them one by one.
func TestPasskeysBesideThePIN(t *testing.T) {
	t.Parallel()
	d, laptop, ring := enrolled(t), newKey(t), newKey(t)
	laptop.enrol(d, d.leave(rightPIN), "laptop")
	ring.enrol(d, laptop.leave(d), "key ring")
	if err := ring.leave(d).SetPIN([]byte("grey heron 8")); err != nil {
		t.Error(err)
	}
	running := d.load()
	if err := d.verify(running, "grey heron 8"); err != nil {
		t.Error(err)
	}
	for _, k := range []*key{laptop, ring} {
		if err := running.VerifyPasskey(t.Context(), request("one"), origin, k.sign(d.challenge(running, request("one")))); err != nil {
			t.Error(err)
		}
	}
	if err := d.leave("grey heron 8").RemovePasskey("laptop"); err != nil {
		t.Error(err)
	}
	if err := running.VerifyPasskey(t.Context(), request("one"), origin, laptop.sign(d.challenge(running, request("one")))); err != nil {
		t.Errorf("a running process does not keep what it loaded: %v", err)
	}
	a := d.load()
	if err := a.VerifyPasskey(t.Context(), request("one"), origin, laptop.sign(d.challenge(a, request("one")))); !errors.Is(err, approver.ErrUnknownPasskey) {
		t.Errorf("a removed passkey: %v", err)
	}
	if err := ring.leave(d).RemovePasskey("laptop"); err == nil {
		t.Error("removed twice")
	}
	if err := ring.leave(d).RemovePIN(); err != nil {
		t.Error(err)
	}
	if err := ring.leave(d).RemovePasskey("key ring"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.path); !os.IsNotExist(err) {
		t.Errorf("a file is left: %v", err)
	}
	_ = d.wants(approver.NotEnrolled)
	want := "enrolled pin, enrolled passkey, enrolled passkey, enrolled pin, unenrolled passkey, unenrolled pin, unenrolled passkey"
	if got := d.kinds(); got != want {
		t.Errorf("the trail has %q", got)
	}
}

// TestPasskeyIsNotMade: what no passkey of this page and name can be is enrolled
// nowhere, and nothing of it is on record.
func TestPasskeyIsNotMade(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	before := d.text()
	for name, c := range map[string]struct {
		want   error
		answer func(ring *key, r *approver.Registration) []byte
	}{
		"the one that is there": {approver.ErrNotMade, func(_ *key, r *approver.Registration) []byte { return k.make(r.Options) }},
		"nobody was looked at": {approver.ErrNotVerified, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.flags &^= userVerified })
		}},
		"nobody was there": {approver.ErrNotMade, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.flags &^= userPresent })
		}},
		"another page": {approver.ErrOtherOrigin, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.origin = "http://localhost:4712" })
		}},
		"another party": {approver.ErrNotMade, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.party = "elsewhere.example" })
		}},
		"another challenge": {approver.ErrNotMade, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.challenge = base64URL(make([]byte, 32)) })
		}},
		"a passkey that signs": {approver.ErrNotMade, func(ring *key, r *approver.Registration) []byte {
			return ring.make(r.Options, func(s *said) { s.kind = "webauthn.get" })
		}},
		"nothing": {approver.ErrNotMade, func(*key, *approver.Registration) []byte { return nil }},
		"too much": {approver.ErrNotMade, func(ring *key, r *approver.Registration) []byte {
			return append(ring.make(r.Options), bytes.Repeat([]byte(" "), 64<<10)...)
		}},
	} {
		ring := newKey(t)
		r, err := k.leave(d).Registration(origin, "key ring")
		if err != nil {
			t.Fatal(err)
		}
		if err := r.AddPasskey(c.answer(ring, r)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.AddPasskey(ring.make(r.Options)); !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("%s: good twice: %v", name, err)
		}
	}
	for name, want := range map[string]error{
		"laptop": approver.ErrNameTaken, "": approver.ErrBadName, " key": approver.ErrBadName, "a\nb": approver.ErrBadName, "a\x1b[2J": approver.ErrBadName,
		"a\u202eb": approver.ErrBadName, "\xff": approver.ErrBadName, strings.Repeat("a", 41): approver.ErrBadName,
	} {
		if _, err := k.leave(d).Registration(origin, name); !errors.Is(err, want) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if !bytes.Equal(before, d.text()) || d.kinds() != "enrolled passkey" {
		t.Errorf("changed: %s, %s", d.text(), d.kinds())
	}
	synctest.Test(t, func(t *testing.T) {
		d, k, ring := d, k, newKey(t)
		d.TB, k.TB = t, t
		r, err := k.leave(d).Registration(origin, "key ring")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if err := r.AddPasskey(ring.make(r.Options)); !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("after five minutes: %v", err)
		}
	})
}

// TestSoManyPasskeys enrols as many as there can be, and no more.
func TestSoManyPasskeys(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	for i := range 8 {
		newKey(t).enrol(d, d.leave(rightPIN), fmt.Sprintf("passkey %d", i))
	}
	if _, err := d.leave(rightPIN).Registration(origin, "one more"); !errors.Is(err, approver.ErrTooManyPasskeys) {
		t.Errorf("a ninth: %v", err)
	}
	if n := len(d.load().Factors()); n != 9 {
		t.Errorf("%d factors", n)
	}
}

// TestPasskeyIsOnRecordFirst: one that cannot be recorded is not enrolled.
func TestPasskeyIsOnRecordFirst(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	before := d.text()
	r, err := k.leave(d).Registration(origin, "key ring")
	if err != nil {
		t.Fatal(err)
	}
	leave := k.leave(d)
	if err := os.Chmod(d.trail.Path(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.AddPasskey(newKey(t).make(r.Options)); err == nil {
		t.Error("enrolled")
	}
	if err := leave.RemovePasskey("laptop"); err == nil {
		t.Error("removed")
	}
	if !bytes.Equal(before, d.text()) {
		t.Errorf("changed: %s", d.text())
	}
}

// TestGoneByFactor takes each factor out of the file, or puts another one in its
// place. What is left proves nothing any more, since it may be whoever did that.
func TestGoneByFactor(t *testing.T) {
	t.Parallel()
	pinOnly, both := enrolled(t), enrolled(t)
	laptop, stranger := newKey(t), newKey(t)
	onlyPIN := both.text()
	laptop.enrol(both, both.leave(rightPIN), "laptop")
	whole := both.text()
	other := newDesk(t)
	stranger.enrol(other, other.leave(""), "laptop")
	_ = pinOnly
	onlyLaptop := newDesk(t)
	onlyLaptop.set("", rightPIN)
	for name, c := range map[string]struct {
		text []byte
		says string
	}{
		"no passkey":      {onlyPIN, "a passkey is enrolled since"},
		"no PIN":          {other.text(), "is enrolled since"},
		"another passkey": {bytes.Replace(whole, idOf(t, whole), idOf(t, other.text()), 1), "a passkey is enrolled since"},
	} {
		both.put(c.text)
		a := both.load()
		state, err := a.State()
		gone, ok := errors.AsType[*approver.GoneError](err)
		if state != approver.Gone || !ok || gone.Back || !gone.Part || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "not in this file") {
			t.Errorf("%s: %v, %v", name, state, err)
		}
		if err := both.verify(a, rightPIN); err == nil {
			t.Errorf("%s: the PIN proves it", name)
		}
		if _, err := a.Challenge(request("one"), origin); err == nil {
			t.Errorf("%s: a passkey is asked", name)
		}
		if _, err := a.Change(t.Context(), []byte(rightPIN)); err == nil {
			t.Errorf("%s: it is changed by the PIN that is left", name)
		}
	}
	// The way back: what is lost goes, and a new PIN comes, all of it on record.
	both.put(onlyPIN)
	change, err := both.load().Replace()
	if err == nil {
		err = change.SetPIN([]byte("grey heron 8"))
	}
	if err != nil {
		t.Fatal(err)
	}
	_ = both.wants(approver.Enrolled)
	if err := both.verify(both.load(), "grey heron 8"); err != nil {
		t.Error(err)
	}
	if got := both.kinds(); got != "enrolled pin, enrolled passkey, unenrolled passkey, enrolled pin" {
		t.Errorf("the trail has %q", got)
	}
}

// idOf is the id of the passkey in a file, as it stands there.
func idOf(t *testing.T, file []byte) []byte {
	t.Helper()
	_, rest, ok := bytes.Cut(file, []byte(`"id": "`))
	id, _, ended := bytes.Cut(rest, []byte(`"`))
	if !ok || !ended {
		t.Fatalf("no id in %s", file)
	}
	return id
}

// TestPasskeyFileForms plants what scrim would not write.
func TestPasskeyFileForms(t *testing.T) {
	t.Parallel()
	d, _ := withPasskey(t)
	whole := string(d.text())
	_, entry, _ := strings.Cut(whole, "[\n")
	entry, _, _ = strings.Cut(entry, "\n  ]")
	set := func(old, now string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("no %s in %s", old, whole)
		}
		return strings.Replace(whole, old, now, 1)
	}
	for name, text := range map[string]string{
		"without a name":    set(`"laptop"`, `""`),
		"a name that hides": set(`"laptop"`, `"\u001b[2J"`),
		"twice":             set(entry, entry+",\n"+entry),
		"no id":             set(`"id": "`+string(idOf(t, d.text()))+`"`, `"id": ""`),
		"no key":            set(`"public_key": "`, `"public_key": "AAAA`),
		"no handle":         set(`"handle": "`, `"handle": "AAAA`),
		"another way":       set(`"internal"`, `"<script>"`),
		"the first version": set(`"version": 2`, `"version": 1`),
		"another time":      set(`Z",`, `+00:00",`),
	} {
		d.put([]byte(text))
		if a, err := approver.LoadCheap(d.path, d.trail); a != nil || err == nil || !strings.Contains(err.Error(), "not what scrim wrote") {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.put([]byte(whole))
	_ = d.wants(approver.Enrolled)
}
