package approval_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approval"
)

func TestOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		a, b, c := request(t, "A"), request(t, "B"), request(t, "C")
		first, second, third := r.put(a), r.ask(r.ctx, b), r.ask(r.ctx, c)
		if closed(second.Turn) || closed(third.Turn) {
			t.Fatal("more than one has its turn")
		}
		if err := r.gate.Put(second); !errors.Is(err, approval.ErrBadAnswer) {
			t.Errorf("put out of turn: %v", err)
		}
		pass(119 * time.Second)
		r.granted(a, answer(first, approval.Approve))
		if !closed(second.Turn) || closed(third.Turn) {
			t.Fatal("the second, and only it, has its turn now")
		}
		pass(100 * time.Second) // it is put late: the time on screen is what counts
		if err := r.gate.Put(second); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(second.Expires); left != 2*time.Minute {
			t.Errorf("%s left", left)
		}
		pass(119 * time.Second)
		r.granted(b, answer(second, approval.Approve))
		if !closed(third.Turn) {
			t.Error("the third has no turn")
		}
	})
}

func TestQuestionExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		q, next := request(t, "A"), request(t, "B")
		question, waits := r.put(q), r.ask(r.ctx, next)
		pass(2 * time.Minute)
		synctest.Wait()
		if !closed(question.Done) || !closed(waits.Turn) {
			t.Fatal("it holds its place")
		}
		r.wantTrail("asked asked expired")
		r.refused(q, answer(question, approval.Approve), approval.ErrExpired)
		r.refused(q, approval.Answer{ID: question.ID}, approval.ErrExpired) // the outcome, told once
		if err := r.gate.Put(question); !errors.Is(err, approval.ErrExpired) {
			t.Errorf("put again: %v", err)
		}
		if again := r.ask(r.ctx, q); again.ID == question.ID || !again.Fresh {
			t.Error("asking again must be a new question")
		}
	})
}

func TestQuestionNeverPutExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.ask(r.ctx, request(t, "A"))
		waits := r.ask(r.ctx, request(t, "B"))
		pass(2 * time.Minute)
		synctest.Wait()
		if !closed(waits.Turn) {
			t.Error("a caller who never asks holds up the next one")
		}
	})
}

func TestPuttingAgainGivesNoMoreTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		q := request(t, "A")
		question := r.put(q)
		old := answer(question, approval.Approve)
		pass(time.Minute)
		// A client that lost the form comes back with its state and no answer.
		_, again, err := r.gate.Admit(r.ctx, q, approval.Answer{State: question.State})
		if err != nil || !again.Fresh || again.ID != question.ID {
			t.Fatalf("%+v, %v", again, err)
		}
		if err := r.gate.Put(again); err != nil || !again.Expires.Equal(question.Expires) || again.State == old.State {
			t.Fatalf("%+v, %v", again, err)
		}
		r.refused(q, old, approval.ErrBadAnswer)
		r.granted(q, answer(again, approval.Approve))
	})
}

func TestYesWaitsTenMinutes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wait time.Duration
		ok   bool
	}{{10*time.Minute - 1, true}, {10 * time.Minute, false}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			q := request(t, "A")
			question := r.put(q)
			if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
				t.Fatal(err)
			}
			pass(c.wait)
			synctest.Wait()
			if c.ok {
				r.granted(q, approval.Answer{})
				r.wantTrail("asked approved granted")
				return
			}
			r.wantTrail("asked approved expired")
			if r.ask(r.ctx, q).ID == question.ID {
				t.Error("a lapsed yes is still known")
			}
		})
	}
}

func TestGrantLastsThirtySeconds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		wait time.Duration
		ok   bool
	}{{30*time.Second - 1, true}, {30 * time.Second, false}, {time.Hour, false}} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			q := request(t, "A")
			question := r.put(q)
			grant, _, err := r.gate.Admit(r.ctx, q, answer(question, approval.Approve))
			if err != nil {
				t.Fatal(err)
			}
			pass(c.wait)
			refs, err := grant.Redeem()
			if ok := err == nil && refs != nil; ok != c.ok {
				t.Fatalf("after %s: %v, %v", c.wait, refs, err)
			}
			if c.ok {
				return
			}
			if !errors.Is(err, approval.ErrNotGranted) || refs != nil {
				t.Errorf("got %v, %v", refs, err)
			}
			r.wantTrail("asked approved granted refused")
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		want  error
		trail string
	}{
		"at once":     {0, approval.ErrUnavailable, "asked unavailable"},
		"by reflex":   {1499 * time.Millisecond, approval.ErrUnavailable, "asked unavailable"},
		"by somebody": {1500 * time.Millisecond, approval.ErrDenied, "asked cancelled"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			q := request(t, "A")
			question := r.ask(r.ctx, q)
			pass(time.Minute) // in line, which is not on screen
			if err := r.gate.Put(question); err != nil {
				t.Fatal(err)
			}
			pass(c.after)
			r.refused(q, answer(question, approval.Cancel), c.want)
			r.wantTrail(c.trail)
			if _, _, err := r.gate.Admit(r.ctx, q, approval.Answer{}); errors.Is(err, approval.ErrCooldown) != errors.Is(c.want, approval.ErrDenied) {
				t.Errorf("%s: the next request: %v", name, err)
			}
		})
	}
}

func TestClientCannotAsk(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "A")
	question := r.ask(r.ctx, q)
	r.refused(q, approval.Answer{ID: question.ID, Choice: approval.Failed}, approval.ErrUnavailable)
	question = r.put(q)
	if err := r.gate.Resolve(q, answer(question, approval.Failed)); !errors.Is(err, approval.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	r.refused(q, approval.Answer{ID: question.ID}, approval.ErrUnavailable)
	r.wantTrail("asked unavailable asked unavailable")
}

// TestFormClosesWithItsQuestion: callers end the client's form when a question
// is over, and report that they could not ask on. It changes nothing.
func TestFormClosesWithItsQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		q := request(t, "A")
		failed := func(id string) error {
			return r.gate.Resolve(q, approval.Answer{ID: id, Choice: approval.Failed})
		}
		question := r.put(q)
		pass(2 * time.Minute) // with the expiry, in whichever order
		if err := failed(question.ID); !errors.Is(err, approval.ErrExpired) {
			t.Errorf("expired: %v", err)
		}
		r.refused(q, approval.Answer{ID: question.ID}, approval.ErrExpired)
		question = r.put(q)
		r.gate.Withdraw(question.ID)
		if err := failed(question.ID); !errors.Is(err, approval.ErrBadAnswer) {
			t.Errorf("withdrawn: %v", err)
		}
		question = r.put(q)
		if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
			t.Fatal(err)
		}
		if err := failed(question.ID); !errors.Is(err, approval.ErrBadAnswer) {
			t.Errorf("answered: %v", err)
		}
		r.granted(q, approval.Answer{ID: question.ID}) // the yes stands
		r.wantTrail("asked expired asked withdrawn asked approved granted")
	})
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		q, next := request(t, "A"), request(t, "B")
		question, waits := r.put(q), r.ask(r.ctx, next)
		r.gate.Withdraw("nobody")
		r.gate.Withdraw(question.ID)
		if !closed(question.Done) || !closed(waits.Turn) {
			t.Fatal("it holds its place")
		}
		r.refused(q, answer(question, approval.Approve), approval.ErrBadAnswer)
		if err := r.gate.Put(question); !errors.Is(err, approval.ErrWithdrawn) {
			t.Errorf("put again: %v", err)
		}
		r.wantTrail("asked asked withdrawn refused")

		if err := r.gate.Put(waits); err != nil {
			t.Fatal(err)
		}
		if err := r.gate.Resolve(next, answer(waits, approval.Approve)); err != nil {
			t.Fatal(err)
		}
		r.gate.Withdraw(waits.ID) // the yes came just before the call was cancelled
		if r.ask(r.ctx, next).ID == waits.ID {
			t.Error("a withdrawn yes is still known")
		}
		r.wantTrail("asked asked withdrawn refused approved withdrawn asked")
	})
}

func TestDeadCallsHoldNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, cancel := context.WithCancel(r.ctx)
		dead := r.ask(ctx, request(t, "A"))
		inLine := r.ask(ctx, request(t, "B"))
		alive := r.ask(r.ctx, request(t, "C"))
		cancel()
		synctest.Wait()
		if !closed(dead.Done) || !closed(inLine.Done) || !closed(alive.Turn) {
			t.Fatal("a dead call holds its place")
		}
		r.wantTrail("asked asked asked withdrawn withdrawn")
		if _, _, err := r.gate.Admit(ctx, request(t, "A"), approval.Answer{}); !errors.Is(err, context.Canceled) {
			t.Errorf("admitted for a dead call: %v", err)
		}
	})
}

// TestPutQuestionsOutliveTheirCall: a client of 2026-07-28 ends the call that
// asks, and answers with another one.
func TestPutQuestionsOutliveTheirCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, cancel := context.WithCancel(r.ctx)
		q := request(t, "A")
		question := r.ask(ctx, q)
		if err := r.gate.Put(question); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		r.granted(q, approval.Answer{State: question.State, Choice: approval.Approve})
	})
}
