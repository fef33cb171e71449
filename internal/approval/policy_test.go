package approval_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

// ruled is a gate whose policy has rules.
func ruled(rules ...policy.Rule) func(*approval.Options) {
	return func(o *approval.Options) { o.Policy = o.Policy.With(rules...) }
}

// tool is a pattern of commands whose program is that of run.
func tool(t testing.TB, words ...string) policy.Command {
	t.Helper()
	c, err := policy.ParseCommand(words)
	if err != nil {
		t.Fatal(err)
	}
	return c.At("/usr/bin/dash")
}

// byPolicy expects q to be refused by the policy, on record with the rule's
// origin, and without a question.
func (r *rig) byPolicy(q approval.Request, rule, origin string) approval.PolicyError {
	r.t.Helper()
	before := len(r.trail())
	_, question, err := r.gate.Admit(r.ctx, q, approval.Answer{})
	e, ok := errors.AsType[*approval.PolicyError](err)
	if !ok || question != nil || e.Rule != rule || e.Origin != origin || !errors.Is(err, approval.ErrDenied) {
		r.t.Fatalf("got %v and question %v", err, question)
	}
	events := r.trail()
	if len(events) != before+1 || events[before].Kind != "refused" || events[before].Rule != rule+" ("+origin+")" || !strings.Contains(events[before].Reason, origin) {
		r.t.Fatalf("recorded %+v", events[before:])
	}
	return *e
}

func TestRuleDenies(t *testing.T) {
	t.Parallel()
	r := newRig(t, ruled(policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldEffect, Effect: policy.Deny, Environment: "prod"}))
	r.byPolicy(request(t, "A"), policy.RuleDenied, "scrim.toml:3")
	r.byPolicy(run(t, "sh"), policy.RuleDenied, "scrim.toml:3")
}

func TestRuleOfDeliveries(t *testing.T) {
	t.Parallel()
	r := newRig(t, ruled(policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldDeliveries, Deliveries: []policy.Delivery{policy.DeliverRun}}))
	e := r.byPolicy(request(t, "A"), approval.RuleDelivery, "scrim.toml:3")
	if len(e.Deliveries) != 1 || e.Deliveries[0] != policy.DeliverRun || e.Ref.Name() != "A" {
		t.Errorf("instead: %+v", e)
	}
	r.put(run(t, "sh", "-c", "true"))
}

// TestRuleOfStrength: where a rule wants a proof, the client's yes is worth
// nothing, and without anybody enrolled nobody can be asked.
func TestRuleOfStrength(t *testing.T) {
	t.Parallel()
	verified := policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldStrength, Strength: policy.Verified}
	r := newRig(t, ruled(verified))
	r.refused(request(t, "A"), approval.Answer{}, approval.ErrUnavailable)
	r.wantTrail("refused")

	r, p := newDesk(t, ruled(verified))
	p.required = false // by the rule alone
	question := r.ask(r.ctx, request(t, "A"))
	if err := r.gate.Put(question); !question.AtDesk || !errors.Is(err, approval.ErrBadAnswer) {
		t.Fatalf("the client may put it: %v", err)
	}
	if err := r.gate.Prove(r.ctx, question.ID, right()); err != nil {
		t.Fatal(err)
	}
	r.granted(request(t, "A"), approval.Answer{ID: question.ID})
	if last := r.trail()[2]; last.Strength != "verified" || last.Rule != policy.RuleStronger+" (scrim.toml:3)" {
		t.Errorf("recorded %+v", last)
	}
}

func TestRuleOfCommands(t *testing.T) {
	t.Parallel()
	list := func(origin string, patterns ...policy.Command) policy.Rule {
		return policy.Rule{Origin: origin, Field: policy.FieldCommands, Commands: patterns}
	}
	r := newRig(t, ruled(
		list("config.toml:9", tool(t, "dash", "deploy.sh", "*"), tool(t, "dash", "plan.sh")),
		list("scrim.toml:4", tool(t, "dash", "deploy.sh", "...")),
	))
	r.put(run(t, "dash", "deploy.sh", "--to=a; b"))
	for _, other := range [][]string{
		{"dash", "-c", "deploy.sh x"}, {"dash", "deploy.sh x"}, {"dash deploy.sh", "x"}, {"dash", "deploy.sh"}, {"dash", "deploy.sh", "x", "y"}, {"sh", "deploy.sh", "x"},
	} {
		e := r.byPolicy(run(t, other...), approval.RuleOtherCommand, "config.toml:9")
		if len(e.Commands) != 2 || e.Commands[0].String() != "dash deploy.sh *" {
			t.Errorf("instead: %v", e.Commands)
		}
	}
	r.byPolicy(run(t, "dash", "plan.sh"), approval.RuleOtherCommand, "scrim.toml:4")
	elsewhere := run(t, "dash", "deploy.sh", "x")
	elsewhere.Program = "/repo/dash"
	r.byPolicy(elsewhere, approval.RuleOtherCommand, "config.toml:9")
	r.putOrQueue(request(t, "OTHER")) // what runs nothing is none of its business
}

// TestRuleOfCommandsAfterTheYes: what came of the yes is judged as well.
func TestRuleOfCommandsAfterTheYes(t *testing.T) {
	t.Parallel()
	r := newRig(t, ruled(policy.Rule{Origin: "scrim.toml:4", Field: policy.FieldCommands, Commands: []policy.Command{tool(t, "dash", "deploy.sh")}}))
	q := run(t, "dash", "deploy.sh")
	question := r.put(q)
	other := run(t, "dash", "-c", "id")
	r.refused(other, answer(question, approval.Approve), approval.ErrDenied)
	r.refused(other, approval.Answer{ID: question.ID}, approval.ErrDenied)
	r.granted(q, answer(question, approval.Approve))
}

// TestRuleOfMaxPerSession: each rule counts what it is about, and open questions
// with it.
func TestRuleOfMaxPerSession(t *testing.T) {
	t.Parallel()
	s := scope()
	s.VaultEnvironments = []string{"dev"}
	r := newRig(t, func(o *approval.Options) { o.Policy = policy.ForScope(s) }, ruled(
		policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldMaxPerSession, Max: 3},
		policy.Rule{Origin: "scrim.toml:5", Field: policy.FieldMaxPerSession, Max: 2, Environment: "prod"},
	))
	of := func(environment, name string) approval.Request {
		q := request(t, name)
		at, err := secret.ParseRef(environment, "/alpha/vault", name)
		if err != nil {
			t.Fatal(err)
		}
		q.Scope, q.Refs = s, []secret.Ref{at}
		return q
	}
	yes := func(q approval.Request) { t.Helper(); r.granted(q, answer(r.putOrQueue(q), approval.Approve)) }
	yes(of("prod", "A"))
	denied := r.putOrQueue(of("prod", "B"))
	r.byPolicy(of("prod", "C"), approval.RuleUsedUp, "scrim.toml:5") // one given, one open
	r.refused(of("prod", "B"), answer(denied, approval.Deny), approval.ErrDenied)
	yes(of("prod", "C"))
	r.byPolicy(of("prod", "D"), approval.RuleUsedUp, "scrim.toml:5")
	yes(of("dev", "A"))
	r.byPolicy(of("dev", "B"), approval.RuleUsedUp, "scrim.toml:3")
	both := of("dev", "B")
	both.Refs = append(both.Refs, of("prod", "D").Refs...)
	r.byPolicy(both, approval.RuleUsedUp, "scrim.toml:3")
}

// putOrQueue puts q before the person, whatever else is open.
func (r *rig) putOrQueue(q approval.Request) *approval.Question {
	r.t.Helper()
	question := r.ask(r.ctx, q)
	if closed(question.Turn) {
		if err := r.gate.Put(question); err != nil {
			r.t.Fatal(err)
		}
	}
	return question
}

// TestRuleOfTTL: a yes that nobody picks up in the rule's time is none, and the
// person is told that time.
func TestRuleOfTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, ruled(
			policy.Rule{Origin: "config.toml:2", Field: policy.FieldTTL, TTL: 90 * time.Second},
			policy.Rule{Origin: "scrim.toml:2", Field: policy.FieldTTL, TTL: 3 * time.Minute},
		))
		for wait, good := range map[time.Duration]bool{89 * time.Second: true, 91 * time.Second: false} {
			q := request(t, "A")
			question := r.put(q)
			if !strings.Contains(question.Text, "good for one read, within 1m30s\n") {
				t.Errorf("the person is told %s", question.Text)
			}
			if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
				t.Fatal(err)
			}
			pass(wait)
			if good {
				r.granted(q, approval.Answer{ID: question.ID})
			} else if _, again, err := r.gate.Admit(r.ctx, q, approval.Answer{ID: question.ID}); err != nil || again == nil || again.ID == question.ID {
				t.Errorf("after %v: %v, %v", wait, again, err)
			} else {
				r.gate.Withdraw(again.ID)
			}
			pass(time.Hour)
		}
	})
}

// TestJudge says what Admit would, and asks nobody.
func TestJudge(t *testing.T) {
	t.Parallel()
	r := newRig(t, ruled(policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldDeliveries, Deliveries: []policy.Delivery{policy.DeliverRun}}))
	if needs, err := r.gate.Judge(run(t, "true")); err != nil || needs != policy.Client {
		t.Errorf("got %v, %v", needs, err)
	}
	some := run(t)
	some.Program, some.ProgramSHA256, some.Dir = "", "", ""
	if needs, err := r.gate.Judge(some); err != nil || needs != policy.Client {
		t.Errorf("a run of something: %v, %v", needs, err)
	}
	r.refused(some, approval.Answer{}, approval.ErrDenied) // where it counts, something is nothing
	if _, err := r.gate.Judge(request(t, "A")); !errors.Is(err, approval.ErrDenied) {
		t.Errorf("got %v", err)
	}
	var none *approval.Gate
	if _, err := none.Judge(request(t, "A")); !errors.Is(err, approval.ErrDenied) {
		t.Errorf("no gate: %v", err)
	}
	if none.Policy() != nil || r.gate.Policy() == nil {
		t.Error("the gate's policy")
	}
	r.wantTrail("refused")
	if len(r.gate.Waiting()) > 0 {
		t.Error("somebody was asked")
	}
}
