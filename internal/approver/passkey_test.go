package approver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approver"
)

// request is the digest of what is asked for.
func request(name string) [sha256.Size]byte { return sha256.Sum256([]byte(name)) }

// withPasskey is a desk where a passkey is enrolled, and no PIN.
func withPasskey(t testing.TB) (desk, *key) {
	t.Helper()
	d, k := newDesk(t), newKey(t)
	k.enrol(d, d.leave(""), "laptop")
	return d, k
}

// challenge asks a for one, for the request.
func (d desk) challenge(a *approver.Approver, digest [sha256.Size]byte) []byte {
	d.Helper()
	options, err := a.Challenge(digest, origin)
	if err != nil {
		d.Fatal(err)
	}
	return options
}

// TestPasskey enrols one, and has it say yes again and again, once each.
func TestPasskey(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	_ = d.wants(approver.Enrolled)
	a := d.load()
	if !a.Enrolled() || !a.HasPasskey() || a.HasPIN() {
		t.Errorf("enrolled %v, passkey %v, PIN %v", a.Enrolled(), a.HasPasskey(), a.HasPIN())
	}
	if err := a.Verify(t.Context(), []byte(rightPIN)); !errors.Is(err, approver.ErrNotEnrolled) {
		t.Errorf("a PIN, where there is none: %v", err)
	}
	for range 3 {
		response := k.sign(d.challenge(a, request("one")))
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, response); err != nil {
			t.Error(err)
		}
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, response); !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("replayed: %v", err)
		}
	}
	if f := a.Factors(); len(f) != 1 || f[0].Kind != "passkey" || f[0].Name != "laptop" || f[0].SetAt.IsZero() {
		t.Errorf("factors %+v", f)
	}
	if got := d.kinds(); got != "enrolled passkey" {
		t.Errorf("the trail has %q", got)
	}
}

// TestPasskeyOptions: what a browser is asked for, in its own words.
func TestPasskeyOptions(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	var asked struct {
		Challenge        string `json:"challenge"`
		RPID             string `json:"rpId"`
		UserVerification string `json:"userVerification"`
		Timeout          int    `json:"timeout"`
		Allow            []struct {
			ID, Type   string
			Transports []string
		} `json:"allowCredentials"`
	}
	a := d.load()
	if err := json.Unmarshal(d.challenge(a, request("one")), &asked); err != nil {
		t.Fatal(err)
	}
	if asked.RPID != "localhost" || asked.UserVerification != "required" || asked.Timeout != 300_000 || len(asked.Challenge) != 43 {
		t.Errorf("asked for %+v", asked)
	}
	if len(asked.Allow) != 1 || asked.Allow[0].ID != base64URL(k.id) || asked.Allow[0].Type != "public-key" || strings.Join(asked.Allow[0].Transports, " ") != "internal hybrid" {
		t.Errorf("of %+v", asked.Allow)
	}
	r, err := k.leave(d).Registration(origin, "key ring")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		RP        struct{ ID, Name string }
		User      struct{ ID, Name string }
		Selection struct {
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		Exclude     []struct{ ID string } `json:"excludeCredentials"`
		Attestation string
		Parameters  []struct{ Alg int } `json:"pubKeyCredParams"`
	}
	if err := json.Unmarshal(r.Options, &made); err != nil {
		t.Fatal(err)
	}
	if made.RP.ID != "localhost" || made.Selection.UserVerification != "required" || made.User.Name != "scrim: key ring" || made.Attestation != "none" {
		t.Errorf("to be made: %+v", made)
	}
	if len(made.Exclude) != 1 || made.Exclude[0].ID != base64URL(k.id) || fmt.Sprint(made.Parameters) != "[{-7} {-8} {-257}]" {
		t.Errorf("to be made: %+v", made)
	}
}

// TestPasskeySaysNothingElse plays whoever has what a passkey signed, and wants it
// to be good for something else. Each is refused for its own reason, and whatever
// came of it, the challenge is used up.
func TestPasskeySaysNothingElse(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	stranger := newKey(t)
	stranger.handle = k.handle
	one, two := request("one"), request("two")
	for name, c := range map[string]struct {
		want   error
		answer func(a *approver.Approver, options []byte) (digest [sha256.Size]byte, at string, response []byte)
	}{
		"another request": {approver.ErrOtherRequest, func(a *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			d.challenge(a, two)
			return two, origin, k.sign(options)
		}},
		"a request that nobody asked": {approver.ErrNoChallenge, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return two, origin, k.sign(options)
		}},
		"a page that was loaded anew": {approver.ErrOtherRequest, func(a *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			d.challenge(a, one)
			return one, origin, k.sign(options)
		}},
		"another process": {approver.ErrOtherRequest, func(_ *approver.Approver, _ []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(d.challenge(d.load(), one))
		}},
		"a challenge of one's own": {approver.ErrOtherRequest, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.challenge = base64URL(one[:]) })
		}},
		"a passkey that is made": {approver.ErrOtherRequest, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.kind = "webauthn.create" })
		}},
		"asked on another page": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, "http://localhost:4712", k.sign(options)
		}},
		"signed on another page": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.origin = "http://localhost:4712" })
		}},
		"signed on a page by its number": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.origin = "http://127.0.0.1:4711" })
		}},
		"signed on another site": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.origin = "https://localhost:4711" })
		}},
		"the origin in other letters": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.origin = "HTTP://LOCALHOST:4711" })
		}},
		"in a frame": {approver.ErrOtherOrigin, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.crossOrigin = true })
		}},
		"nobody was looked at": {approver.ErrNotVerified, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.flags &^= userVerified })
		}},
		"nobody was there": {approver.ErrNotVerified, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.flags &^= userPresent })
		}},
		"another passkey": {approver.ErrUnknownPasskey, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, stranger.sign(options)
		}},
		"another passkey under its id": {approver.ErrBadSignature, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, stranger.sign(options, func(s *said) { s.id = k.id })
		}},
		"another party": {approver.ErrBadSignature, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.party = "elsewhere.example" })
		}},
		"another user": {approver.ErrBadSignature, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.handle = base64URL(make([]byte, 16)) })
		}},
		"a passkey that cannot be copied any more": {approver.ErrBadSignature, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, k.sign(options, func(s *said) { s.flags &^= eligible | backedUp })
		}},
		"nothing": {approver.ErrBadResponse, func(_ *approver.Approver, _ []byte) ([sha256.Size]byte, string, []byte) { return one, origin, nil }},
		"null": {approver.ErrBadResponse, func(_ *approver.Approver, _ []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, []byte("null")
		}},
		"the options": {approver.ErrBadResponse, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, options
		}},
		"too much": {approver.ErrBadResponse, func(_ *approver.Approver, options []byte) ([sha256.Size]byte, string, []byte) {
			return one, origin, append(k.sign(options), bytes.Repeat([]byte(" "), 64<<10)...)
		}},
	} {
		a := d.load()
		options := d.challenge(a, one)
		digest, at, response := c.answer(a, options)
		if err := a.VerifyPasskey(t.Context(), digest, at, response); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := a.VerifyPasskey(t.Context(), digest, origin, k.sign(options)); err == nil || digest == one && !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("%s: the challenge was not used up: %v", name, err)
		}
	}
}

// TestPasskeyThatIsCopied: a counter that does not grow is refused, whether this
// process saw the greater one or the file has it. Passkeys that do not count say
// zero.
func TestPasskeyThatIsCopied(t *testing.T) {
	t.Parallel()
	d, k := newDesk(t), newKey(t)
	k.count = 5
	k.enrol(d, d.leave(""), "laptop")
	a := d.load()
	says := func(a *approver.Approver, count uint32) error {
		options := d.challenge(a, request("one"))
		return a.VerifyPasskey(t.Context(), request("one"), origin, k.sign(options, func(s *said) { s.count = count }))
	}
	for _, c := range []struct {
		count uint32
		good  bool
	}{{5, false}, {4, false}, {0, false}, {6, true}, {6, false}, {9, true}, {8, false}, {0, false}, {10, true}} {
		if err := says(a, c.count); (err == nil) != c.good || err != nil && !errors.Is(err, approver.ErrOldCounter) {
			t.Errorf("%d: %v", c.count, err)
		}
	}
	if err := says(d.load(), 6); err != nil {
		t.Errorf("a process that has seen none: %v", err)
	}
	d, k = withPasskey(t) // made with a counter of zero
	a = d.load()
	for _, c := range []struct {
		count uint32
		good  bool
	}{{0, true}, {0, true}, {1, true}, {0, false}} {
		if err := says(a, c.count); (err == nil) != c.good {
			t.Errorf("%d: %v", c.count, err)
		}
	}
}

// TestEveryChangedByteOfAResponse: one byte off it is refused, or it is the same
// response in other words.
func TestEveryChangedByteOfAResponse(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	a := d.load()
	length := len(k.sign(d.challenge(a, request("one"))))
	same, refused := 0, 0
	for i := range length {
		whole := k.sign(d.challenge(a, request("one")))
		if i >= len(whole) {
			continue // signatures differ in length
		}
		changed := bytes.Clone(whole)
		changed[i] ^= 1 << (i % 7)
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, changed); err != nil {
			refused++
			continue
		}
		if signed(t, changed) != signed(t, whole) {
			t.Errorf("byte %d: %s is taken for %s", i, changed, whole)
		}
		same++
	}
	if refused < length/2 || same == 0 {
		t.Errorf("%d refused, %d the same in other words", refused, same)
	}
}

// signed is everything in a response that counts: what was signed, by what, and for
// whom.
func signed(t testing.TB, response []byte) string {
	t.Helper()
	var r struct {
		RawID    string `json:"rawId"`
		Response struct {
			Client        string `json:"clientDataJSON"`
			Authenticator string `json:"authenticatorData"`
			Signature     string `json:"signature"`
		} `json:"response"`
	}
	if err := json.Unmarshal(response, &r); err != nil {
		t.Errorf("taken, and no JSON: %v", err)
	}
	var all []string
	for _, text := range []string{r.RawID, r.Response.Client, r.Response.Authenticator, r.Response.Signature} {
		plain, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			t.Errorf("taken, and no base64: %v", err)
		}
		all = append(all, string(plain))
	}
	return strings.Join(all, "\x00")
}

// FuzzVerifyPasskey looks for a response that is taken and was not signed.
func FuzzVerifyPasskey(f *testing.F) {
	d, k := withPasskey(f)
	a := d.load()
	whole := k.sign(d.challenge(a, request("one")))
	f.Add(whole)
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"","signature":""}}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		if _, err := a.Challenge(request("one"), origin); err != nil {
			t.Fatal(err)
		}
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, response); err == nil {
			t.Errorf("%q is taken", response)
		}
	})
}

// FuzzAddPasskey looks for a response that is enrolled and answers no challenge.
func FuzzAddPasskey(f *testing.F) {
	d, k := newDesk(f), newKey(f)
	leave := d.leave("")
	r, err := leave.Registration(origin, "laptop")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.make(r.Options))
	f.Fuzz(func(t *testing.T, response []byte) {
		r, err := leave.Registration(origin, "laptop")
		if err == nil {
			err = r.AddPasskey(response)
		}
		if err == nil {
			t.Errorf("%q is enrolled", response)
		}
	})
}

// TestPasskeyChallengeEnds: it is good for five minutes, and too many push the
// oldest out.
func TestPasskeyChallengeEnds(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	synctest.Test(t, func(t *testing.T) {
		d.TB, k.TB = t, t
		a := d.load()
		early := d.challenge(a, request("one"))
		time.Sleep(5*time.Minute - time.Second)
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, k.sign(early)); err != nil {
			t.Errorf("after less than five minutes: %v", err)
		}
		late := d.challenge(a, request("one"))
		time.Sleep(5 * time.Minute)
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, k.sign(late)); !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("after five minutes: %v", err)
		}
		first := d.challenge(a, request("first"))
		var last []byte
		for i := range 64 {
			time.Sleep(time.Second)
			last = d.challenge(a, request(fmt.Sprint(i)))
		}
		if err := a.VerifyPasskey(t.Context(), request("first"), origin, k.sign(first)); !errors.Is(err, approver.ErrNoChallenge) {
			t.Errorf("the oldest of too many: %v", err)
		}
		if err := a.VerifyPasskey(t.Context(), request("63"), origin, k.sign(last)); err != nil {
			t.Errorf("the newest of too many: %v", err)
		}
	})
}

// TestPasskeyOnce sends one response many times at once: one of them is good.
func TestPasskeyOnce(t *testing.T) {
	t.Parallel()
	d, k := withPasskey(t)
	a := d.load()
	response := k.sign(d.challenge(a, request("one")))
	var good atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if a.VerifyPasskey(t.Context(), request("one"), origin, response) == nil {
				good.Add(1)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 {
		t.Errorf("good %d times", good.Load())
	}
}

// TestPasskeyOfNobody: without one, without leave, or after the end of the call
// nothing is asked and nothing is verified.
func TestPasskeyOfNobody(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]*approver.Approver{"nil": nil, "zero": {}, "a PIN alone": enrolled(t).load(), "nobody": newDesk(t).load()} {
		if options, err := a.Challenge(request("one"), origin); err == nil || options != nil || a.HasPasskey() {
			t.Errorf("%s: asked %s", name, options)
		}
		if err := a.VerifyPasskey(t.Context(), request("one"), origin, []byte("{}")); err == nil {
			t.Errorf("%s: verified", name)
		}
		if change, err := a.ChangeByPasskey(t.Context(), origin, []byte("{}")); err == nil || change.RemovePIN() == nil || change.RemovePasskey("laptop") == nil {
			t.Errorf("%s: leave to change", name)
		}
	}
	if _, err := (approver.Change{}).Registration(origin, "laptop"); err == nil {
		t.Error("made without leave")
	}
	d, k := withPasskey(t)
	a := d.load()
	for _, elsewhere := range []string{
		"", "http://localhost", "http://localhost:0", "http://localhost:04711", "http://localhost:65536", "http://localhost:4711/", "https://localhost:4711",
		"http://127.0.0.1:4711", "http://localhost.example:4711", "http://localhost:4711@example", "HTTP://localhost:4711", "null",
	} {
		if _, err := a.Challenge(request("one"), elsewhere); err == nil {
			t.Errorf("asked at %q", elsewhere)
		}
		if _, err := k.leave(d).Registration(elsewhere, "key ring"); err == nil {
			t.Errorf("made at %q", elsewhere)
		}
	}
	ended, end := context.WithCancel(t.Context())
	response := k.sign(d.challenge(a, request("one")))
	end()
	if err := a.VerifyPasskey(ended, request("one"), origin, response); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}
