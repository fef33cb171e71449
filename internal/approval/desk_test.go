package approval_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

// rightPIN is what the person of these tests has.
const rightPIN = "made-up-pin-4711"

// person is a Verifier that knows one PIN.
type person struct {
	enrolled bool
	required bool
	takes    time.Duration
	asked    [][sha256.Size]byte
}

func (p *person) Enrolled() bool { return p.enrolled }

func (p *person) Required() bool { return p.required }

func (p *person) Verify(ctx context.Context, digest [sha256.Size]byte, proof approval.Proof) (string, error) {
	p.asked = append(p.asked, digest)
	select {
	case <-time.After(p.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if string(proof.PIN) != rightPIN {
		return "", errors.New("it is another PIN")
	}
	return "pin", nil
}

// newDesk is a gate of production where a person is enrolled.
func newDesk(t testing.TB, change ...func(*approval.Options)) (*rig, *person) {
	t.Helper()
	p := &person{enrolled: true, required: true}
	return newRig(t, append([]func(*approval.Options){func(o *approval.Options) { o.Verifier = p }}, change...)...), p
}

func right() approval.Proof { return approval.Proof{PIN: []byte(rightPIN)} }

// TestProofAtTheDesk: a yes with a proof is a grant, once; the trail has its
// strength.
func TestProofAtTheDesk(t *testing.T) {
	t.Parallel()
	r, p := newDesk(t)
	q := request(t, "TOKEN")
	question := r.ask(r.ctx, q)
	if !question.AtDesk {
		t.Fatalf("%+v is the client's", question)
	}
	if !strings.Contains(question.Text, "in 10 minutes counts as no") {
		t.Errorf("it says of its time: %s", question.Text)
	}
	if err := r.gate.Prove(r.ctx, question.ID, right()); err != nil {
		t.Fatal(err)
	}
	if len(p.asked) != 1 || p.asked[0] != q.Digest() {
		t.Error("the proof was not asked for this very request")
	}
	r.granted(q, approval.Answer{ID: question.ID})
	r.refused(q, approval.Answer{ID: question.ID}, approval.ErrBadAnswer)
	for _, e := range r.trail() {
		if (e.Kind == "approved" || e.Kind == "granted") && (e.Strength != "verified" || e.Factor != "pin") {
			t.Errorf("%s has strength %q by %q", e.Kind, e.Strength, e.Factor)
		}
	}
	if err := r.gate.Prove(r.ctx, question.ID, right()); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("proved again: %v", err)
	}
}

// TestYesTakenBack: who left while their proof was looked at said nothing, even
// where looking did not stop for that.
func TestYesTakenBack(t *testing.T) {
	t.Parallel()
	r, _ := newDesk(t, func(o *approval.Options) { o.Verifier = headless{} })
	q := request(t, "TOKEN")
	question := r.ask(r.ctx, q)
	ctx, leave := context.WithCancelCause(r.ctx)
	leave(errors.New("they left"))
	if err := r.gate.Prove(ctx, question.ID, right()); !errors.Is(err, approval.ErrNotProved) {
		t.Errorf("proved: %v", err)
	}
	if again := r.ask(r.ctx, q); again.ID != question.ID {
		t.Error("it does not wait on")
	}
	if trail := r.trail(); trail[len(trail)-1].Kind != "refused" || !strings.Contains(trail[len(trail)-1].Reason, "they left") {
		t.Errorf("on record as %+v", trail[len(trail)-1])
	}
}

// headless is a Verifier that proves everything, and heeds no context.
type headless struct{}

func (headless) Enrolled() bool { return true }

func (headless) Required() bool { return true }

func (headless) Verify(context.Context, [sha256.Size]byte, approval.Proof) (string, error) {
	return "pin", nil
}

// TestNoProofNoYes: nothing but a proof is a yes to what needs one.
func TestNoProofNoYes(t *testing.T) {
	t.Parallel()
	r, _ := newDesk(t)
	q := request(t, "TOKEN")
	question := r.ask(r.ctx, q)
	if err := r.gate.Put(question); err == nil {
		t.Fatal("the client may put it")
	}
	for _, proof := range []approval.Proof{{}, {PIN: []byte{}}, {PIN: []byte("made-up-pin-4712")}, {PIN: []byte(rightPIN + " ")}} {
		if err := r.gate.Prove(r.ctx, question.ID, proof); !errors.Is(err, approval.ErrNotProved) {
			t.Errorf("%q proves it: %v", proof.PIN, err)
		}
	}
	for _, a := range []approval.Answer{
		{ID: question.ID, Choice: approval.Approve},
		{ID: question.ID, State: question.State, Choice: approval.Approve},
		{Choice: approval.Approve},
	} {
		r.refused(q, a, approval.ErrBadAnswer)
	}
	// It waits on: neither a wrong PIN nor a client that gives up ends it.
	if _, waits, err := r.gate.Admit(r.ctx, q, approval.Answer{ID: question.ID, Choice: approval.Failed}); err != nil || waits == nil {
		t.Errorf("%v, %v", waits, err)
	}
	if err := r.gate.Prove(r.ctx, question.ID, right()); err != nil {
		t.Error(err)
	}
}

// TestNobodyEnrolled: where a proof is needed and nobody can give one, nothing
// falls back to the client.
func TestNobodyEnrolled(t *testing.T) {
	t.Parallel()
	r, p := newDesk(t)
	p.enrolled = false
	r.refused(request(t, "TOKEN"), approval.Answer{}, approval.ErrUnavailable)
	r, _ = newDesk(t, func(o *approval.Options) { o.Verifier, o.Policy = nil, o.Policy.WithProof() })
	r.refused(request(t, "TOKEN"), approval.Answer{}, approval.ErrUnavailable)
	if err := r.gate.Prove(r.ctx, "any", right()); err == nil {
		t.Error("a gate without a verifier takes a proof")
	}
}

// TestClientHandsOver: a question that the client cannot put goes to the desk;
// the state that it had is void.
func TestClientHandsOver(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*rig, approval.Request, *approval.Question){
		"from the start": func(r *rig, _ approval.Request, question *approval.Question) {
			if err := r.gate.ToDesk(question); err != nil || !question.AtDesk {
				t.Errorf("%v, %+v", err, question)
			}
		},
		"it failed": func(r *rig, q approval.Request, question *approval.Question) {
			if err := r.gate.Put(question); err != nil {
				t.Fatal(err)
			}
			if err := r.gate.Resolve(q, approval.Answer{ID: question.ID, Choice: approval.Failed}); err != nil {
				t.Error(err)
			}
		},
		"it closed it at once": func(r *rig, q approval.Request, question *approval.Question) {
			if err := r.gate.Put(question); err != nil {
				t.Fatal(err)
			}
			if err := r.gate.Resolve(q, answer(question, approval.Cancel)); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := newDesk(t)
			p.required = false
			q := request(t, "TOKEN")
			question := r.ask(r.ctx, q)
			away(r, q, question)
			if closed(question.Done) {
				t.Fatal("it has ended")
			}
			r.refused(q, answer(question, approval.Approve), approval.ErrBadAnswer)
			if err := r.gate.Prove(r.ctx, question.ID, right()); err != nil {
				t.Fatal(err)
			}
			r.granted(q, approval.Answer{ID: question.ID})
		})
	}
}

// TestDeskHoldsNobodyUp: the client's questions have their turn beside those at
// the desk, and one question is asked for one request.
func TestDeskHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	r, p := newDesk(t)
	p.required = false
	away := r.ask(r.ctx, request(t, "ONE"))
	if err := r.gate.ToDesk(away); err != nil {
		t.Fatal(err)
	}
	r.put(request(t, "TWO"))
	again := r.ask(r.ctx, request(t, "ONE"))
	if again.ID != away.ID || again.Fresh || len(r.gate.Waiting()) != 2 {
		t.Errorf("%+v, and %d wait", again, len(r.gate.Waiting()))
	}
	for _, w := range r.gate.Waiting() {
		if w.AtDesk != (w.ID == away.ID) || w.Text == "" || len(w.Names) != 1 {
			t.Errorf("%+v", w)
		}
	}
}

// TestNoAtTheDesk: a no needs no proof, and keeps the agent from asking on.
func TestNoAtTheDesk(t *testing.T) {
	t.Parallel()
	r, _ := newDesk(t)
	q := request(t, "TOKEN")
	question := r.ask(r.ctx, q)
	if err := r.gate.Dismiss(question.ID); err != nil {
		t.Fatal(err)
	}
	r.refused(q, approval.Answer{ID: question.ID}, approval.ErrDenied)
	r.refused(q, approval.Answer{}, approval.ErrCooldown)
	if err := r.gate.Prove(r.ctx, question.ID, right()); err == nil {
		t.Error("a yes after the no")
	}
	r.wantTrail("asked denied refused")
}

// TestProofTakesItsTime: what becomes of the question meanwhile counts.
func TestProofTakesItsTime(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*rig, string){
		"withdrawn": func(r *rig, id string) { r.gate.Withdraw(id) },
		"dismissed": func(r *rig, id string) { _ = r.gate.Dismiss(id) },
		"expired":   func(*rig, string) { pass(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, p := newDesk(t)
				p.takes = 2 * time.Hour
				question := r.ask(r.ctx, request(t, "TOKEN"))
				done := make(chan error)
				go func() { done <- r.gate.Prove(r.ctx, question.ID, right()) }()
				synctest.Wait()
				meanwhile(r, question.ID)
				if err := <-done; err == nil {
					t.Error("it is a yes all the same")
				}
				if r.gate.Approvals() != 0 {
					t.Error("it counts as one")
				}
			})
		})
	}
}

// TestDeskIsOnRecordFirst: a yes that cannot be recorded is none.
func TestDeskIsOnRecordFirst(t *testing.T) {
	t.Parallel()
	r, _ := newDesk(t)
	q := request(t, "TOKEN")
	question := r.ask(r.ctx, q)
	r.breakTrail()
	if err := r.gate.Prove(r.ctx, question.ID, right()); !errors.Is(err, approval.ErrUnrecorded) {
		t.Errorf("%v", err)
	}
	r.mendTrail()
	r.refused(q, approval.Answer{ID: question.ID}, approval.ErrUnrecorded)
}

// TestMixedRequestsNeedTheStronger: of several secrets the one that asks most
// decides.
func TestMixedRequestsNeedTheStronger(t *testing.T) {
	t.Parallel()
	s := scope()
	s.Environment, s.VaultEnvironments = "dev", []string{"prod"}
	r, _ := newDesk(t, func(o *approval.Options) { o.Policy = policy.ForScope(s) })
	dev, err := secret.ParseRef("dev", "/alpha/vault", "ONE")
	if err != nil {
		t.Fatal(err)
	}
	q := request(t, "TWO")
	q.Scope, q.Refs = s, append([]secret.Ref{dev}, q.Refs...)
	if question := r.ask(r.ctx, q); !question.AtDesk {
		t.Error("the client may answer for production")
	}
	q.Refs = q.Refs[:1]
	if question := r.ask(r.ctx, q); question.AtDesk {
		t.Error("a vault outside production needs a proof")
	}
}
