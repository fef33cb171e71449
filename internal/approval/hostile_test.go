package approval_test

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/secret"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func TestForgedStates(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	raw, err := base64.RawURLEncoding.DecodeString(question.State)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := newRig(t).put(q) // another process's, with another key
	forged := map[string]string{
		"empty":            "",
		"text":             "approve",
		"zeros":            base64.RawURLEncoding.EncodeToString(make([]byte, len(raw))),
		"without its mac":  base64.RawURLEncoding.EncodeToString(raw[:len(raw)-32]),
		"one byte short":   base64.RawURLEncoding.EncodeToString(raw[:len(raw)-1]),
		"one byte long":    base64.RawURLEncoding.EncodeToString(append(slices.Clip(raw), 0)),
		"padded":           base64.URLEncoding.EncodeToString(raw) + "=",
		"other alphabet":   base64.StdEncoding.EncodeToString(raw) + "+",
		"newline inside":   question.State[:10] + "\n" + question.State[10:],
		"space behind":     question.State + " ",
		"another process'": elsewhere.State,
		"huge":             strings.Repeat("A", 1<<20),
	}
	for name, state := range forged {
		for _, choice := range []approval.Choice{approval.Approve, approval.Deny, approval.Cancel} {
			for _, id := range []string{"", question.ID} {
				before := len(r.trail())
				r.refused(q, approval.Answer{ID: id, State: state, Choice: choice}, approval.ErrBadAnswer)
				events := r.trail()
				if len(events) != before+1 || events[before].Kind != "refused" || events[before].Reason == "" {
					t.Errorf("%s: not on the trail: %+v", name, events[before:])
				}
			}
		}
	}
	r.granted(q, answer(question, approval.Approve)) // and the question still stands
}

func TestEveryFlippedByteOfAState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	raw, err := base64.RawURLEncoding.DecodeString(question.State)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		flipped := []byte(string(raw))
		flipped[i] ^= 1 << (i % 8)
		state := base64.RawURLEncoding.EncodeToString(flipped)
		r.refused(q, approval.Answer{State: state, Choice: approval.Approve}, approval.ErrBadAnswer)
	}
	for i := 0; i < len(question.State); i += 7 {
		flipped := []byte(question.State)
		flipped[i] ^= 1
		r.refused(q, approval.Answer{State: string(flipped), Choice: approval.Approve}, approval.ErrBadAnswer)
	}
	if got := len(r.trail()); got != 1+len(raw)+(len(question.State)+6)/7 {
		t.Errorf("%d records", got)
	}
	r.granted(q, answer(question, approval.Approve))
}

func TestReplay(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	yes := answer(question, approval.Approve)
	r.granted(q, yes)
	r.refused(q, yes, approval.ErrBadAnswer)
	r.refused(q, approval.Answer{State: question.State, Choice: approval.Approve}, approval.ErrBadAnswer)
	r.refused(q, approval.Answer{State: question.State}, approval.ErrBadAnswer)
	r.refused(q, approval.Answer{ID: question.ID}, approval.ErrBadAnswer)
	if err := r.gate.Resolve(q, yes); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("resolved again: %v", err)
	}
	r.wantTrail("asked approved granted refused refused refused refused refused")
}

func TestNoIsFinalForItsState(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	r.refused(q, answer(question, approval.Deny), approval.ErrDenied)
	r.refused(q, answer(question, approval.Approve), approval.ErrBadAnswer)
	r.wantTrail("asked denied refused")
}

func TestSameStateOtherArguments(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	for name, change := range map[string]func(*approval.Request){
		"other secret":  func(o *approval.Request) { o.Refs = []secret.Ref{ref(t, "/alpha/vault", "OTHER")} },
		"one more":      func(o *approval.Request) { o.Refs = append(o.Refs[:1:1], ref(t, "/alpha/vault", "OTHER")) },
		"twice":         func(o *approval.Request) { o.Refs = append(o.Refs[:1:1], o.Refs[0]) },
		"other purpose": func(o *approval.Request) { o.Purpose += "." },
		"other agent":   func(o *approval.Request) { o.Agent = "another" },
		"a command":     func(o *approval.Request) { o.Command = []string{"env"} },
		"a directory":   func(o *approval.Request) { o.Dir = "/" },
	} {
		t.Run(name, func(t *testing.T) {
			other := request(t, "BACKUP_KEY")
			change(&other)
			r.refused(other, answer(question, approval.Approve), approval.ErrBadAnswer)
			r.refused(other, approval.Answer{State: question.State, Choice: approval.Approve}, approval.ErrBadAnswer)
		})
	}
	r.granted(q, answer(question, approval.Approve))
}

func TestAnswerForAnotherRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q, other := request(t, "A"), request(t, "B")
	question := r.put(q)
	waits := r.ask(r.ctx, other)
	r.refused(other, approval.Answer{ID: waits.ID, State: question.State, Choice: approval.Approve}, approval.ErrBadAnswer)
	r.refused(q, approval.Answer{ID: waits.ID, State: question.State, Choice: approval.Approve}, approval.ErrBadAnswer)
	r.refused(other, approval.Answer{ID: question.ID, Choice: approval.Failed}, approval.ErrBadAnswer)
	r.refused(other, approval.Answer{ID: question.ID}, approval.ErrBadAnswer)
	if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
		t.Fatal(err)
	}
	r.refused(other, approval.Answer{ID: question.ID}, approval.ErrBadAnswer)
	r.granted(q, approval.Answer{ID: question.ID})
	r.wantTrail("asked asked refused refused refused refused approved refused granted")
}

func TestChoiceWithoutProof(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.put(q)
	for _, choice := range []approval.Choice{approval.Approve, approval.Deny, approval.Cancel, 99, -1} {
		r.refused(q, approval.Answer{Choice: choice}, approval.ErrBadAnswer)
		r.refused(q, approval.Answer{ID: question.ID, Choice: choice}, approval.ErrBadAnswer)
	}
	if err := r.gate.Resolve(q, approval.Answer{ID: question.ID, State: question.State}); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("resolved without a choice: %v", err)
	}
	r.refused(q, answer(question, 99), approval.ErrDenied) // an answer that is none is a no
}

func TestRewordedPurpose(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.put(q)
	if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
		t.Fatal(err)
	}
	reworded := q
	reworded.Purpose = "restore the dump of last night"
	if fresh := r.ask(r.ctx, reworded); fresh.ID == question.ID {
		t.Error("other words without the id must be another request")
	}
	other := reworded
	other.Agent = "another"
	r.refused(other, approval.Answer{ID: question.ID}, approval.ErrBadAnswer)
	r.granted(reworded, approval.Answer{ID: question.ID})
	if got := r.trail(); got[len(got)-1].Purpose != q.Purpose {
		t.Errorf("the record has %q, not what the person saw", got[len(got)-1].Purpose)
	}
}

func TestRepeatedRequestsAreOneQuestion(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.ask(r.ctx, q)
	for range 5 {
		again := r.ask(r.ctx, q)
		if again.ID != question.ID || again.Fresh || again.State != "" {
			t.Fatalf("got %+v", again)
		}
		if err := r.gate.Put(again); !errors.Is(err, approval.ErrBadAnswer) {
			t.Fatalf("it was put twice: %v", err)
		}
	}
	reworded := q
	reworded.Purpose = "other words"
	_, again, err := r.gate.Admit(r.ctx, reworded, approval.Answer{ID: question.ID})
	if err != nil || again.ID != question.ID || again.Fresh {
		t.Fatalf("got %+v, %v", again, err)
	}
	r.wantTrail("asked")
}

// TestWhoWaitsTogether: of two calls for one request each is told what came of it,
// and nobody is asked anew for the second. A yes is one's.
func TestWhoWaitsTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end  func(r *rig, q approval.Request, question *approval.Question) error
		want error
	}{
		"withdrawn": {func(r *rig, _ approval.Request, question *approval.Question) error {
			r.gate.Withdraw(question.ID)
			return nil
		}, approval.ErrWithdrawn},
		"a no": {func(r *rig, q approval.Request, question *approval.Question) error {
			return r.gate.Resolve(q, answer(question, approval.Deny))
		}, approval.ErrDenied},
		"not put": {func(r *rig, q approval.Request, question *approval.Question) error {
			return r.gate.Resolve(q, approval.Answer{ID: question.ID, Choice: approval.Failed})
		}, approval.ErrUnavailable},
		"a yes": {func(r *rig, q approval.Request, question *approval.Question) error {
			return r.gate.Resolve(q, answer(question, approval.Approve))
		}, nil},
		"a yes withdrawn": {func(r *rig, q approval.Request, question *approval.Question) error {
			err := r.gate.Resolve(q, answer(question, approval.Approve))
			r.gate.Withdraw(question.ID)
			return err
		}, approval.ErrWithdrawn},
	} {
		r := newRig(t)
		q := request(t, "TOKEN")
		first := r.put(q)
		second := r.ask(r.ctx, q)
		if _, open, err := r.gate.Collect(r.ctx, second); !open || err != nil {
			t.Errorf("%s: before: %v %v", name, open, err)
		}
		if err := c.end(r, q, first); !errors.Is(err, c.want) && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		grant, open, err := r.gate.Collect(r.ctx, first)
		if open || !errors.Is(err, c.want) || (grant.ID() != "") != (c.want == nil) {
			t.Errorf("%s: the first is told %v, %v", name, open, err)
		}
		want := cmp.Or(c.want, approval.ErrBadAnswer)
		if grant, open, err := r.gate.Collect(r.ctx, second); open || !errors.Is(err, want) || grant.ID() != "" {
			t.Errorf("%s: the second is told %v, %v", name, open, err)
		}
		asked := 0
		for _, e := range r.trail() {
			if e.Kind == audit.Asked {
				asked++
			}
		}
		if asked != 1 {
			t.Errorf("%s: somebody was asked %d times", name, asked)
		}
	}
	r := newRig(t)
	r.put(request(t, "ONE"))
	behind := r.ask(r.ctx, request(t, "TWO"))
	r.gate.Withdraw(behind.ID)
	if _, open, err := r.gate.Collect(r.ctx, behind); open || !errors.Is(err, approval.ErrWithdrawn) {
		t.Errorf("before its turn: %v %v", open, err)
	}
	for _, q := range []*approval.Question{nil, {}} {
		if _, open, err := r.gate.Collect(r.ctx, q); open || err == nil {
			t.Errorf("of nothing: %v %v", open, err)
		}
	}
}

func TestUnknownIDIsANewRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	_, question, err := r.gate.Admit(r.ctx, q, approval.Answer{ID: "made-up"})
	if err != nil || !question.Fresh || question.ID == "made-up" {
		t.Fatalf("got %+v, %v", question, err)
	}
	// The client repeats its arguments, the unknown id with them.
	if err := r.gate.Put(question); err != nil {
		t.Fatal(err)
	}
	r.granted(q, approval.Answer{ID: "made-up", State: question.State, Choice: approval.Approve})
}

func TestRedeemTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.put(q)
	grant := r.granted(q, answer(question, approval.Approve))
	for _, g := range []approval.Grant{grant, grant} {
		if refs, err := g.Redeem(); !errors.Is(err, approval.ErrNotGranted) || refs != nil {
			t.Errorf("got %v, %v", refs, err)
		}
	}
	r.wantTrail("asked approved granted refused refused")
}

// TestRaces lets many callers do at once what may succeed once.
func TestRaces(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.put(q)
	count := func(try func() bool) int {
		var won atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if try() {
					won.Add(1)
				}
			})
		}
		all.Wait()
		return int(won.Load())
	}
	if n := count(func() bool { return r.gate.Resolve(q, answer(question, approval.Approve)) == nil }); n != 1 {
		t.Fatalf("%d answers were taken", n)
	}
	grants := make(chan approval.Grant, 16)
	if n := count(func() bool {
		grant, _, err := r.gate.Admit(r.ctx, q, approval.Answer{ID: question.ID})
		grants <- grant
		return err == nil && grant.ID() != ""
	}); n != 1 {
		t.Fatalf("%d grants were made", n)
	}
	var grant approval.Grant
	for range 16 {
		if g := <-grants; g.ID() != "" {
			grant = g
		}
	}
	if n := count(func() bool { _, err := grant.Redeem(); return err == nil }); n != 1 {
		t.Fatalf("%d uses", n)
	}

	other := request(t, "B")
	question = r.put(other)
	if n := count(func() bool {
		grant, _, err := r.gate.Admit(r.ctx, other, answer(question, approval.Approve))
		return err == nil && grant.ID() != ""
	}); n != 1 {
		t.Fatalf("%d grants were made of one answer", n)
	}
	granted := 0
	for _, e := range r.trail() {
		if e.Kind == "granted" {
			granted++
		}
	}
	if granted != 2 || r.gate.Approvals() != 2 {
		t.Errorf("%d granted, %d approvals", granted, r.gate.Approvals())
	}
}
