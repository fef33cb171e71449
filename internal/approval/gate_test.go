package approval_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

func scope() secret.Scope {
	return secret.Scope{
		Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "prod", Stated: true,
		Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
}

func ref(t testing.TB, path, name string) secret.Ref {
	t.Helper()
	r, err := secret.ParseRef("prod", path, name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// request asks for one vault secret.
func request(t testing.TB, name string) approval.Request {
	t.Helper()
	return approval.Request{
		Scope: scope(), Refs: []secret.Ref{ref(t, "/alpha/vault", name)}, Delivery: policy.DeliverValue,
		Purpose: "restore last night's dump", Agent: "client 1.0",
	}
}

// rig is a gate on a real trail.
type rig struct {
	t    testing.TB
	gate *approval.Gate
	log  *audit.Log
	ctx  context.Context // does not end with the test: whoever withdraws then would write behind its back
}

func newRig(t testing.TB, change ...func(*approval.Options)) *rig {
	t.Helper()
	log := audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl"))
	o := approval.Options{Policy: policy.ForScope(scope()), Audit: log, Mask: func(s string) string { return s }}
	for _, c := range change {
		c(&o)
	}
	return &rig{t, approval.NewGate(o), log, context.WithoutCancel(t.Context())}
}

// breakTrail makes every Append fail from now on.
func (r *rig) breakTrail() {
	r.t.Helper()
	if err := os.Chmod(filepath.Dir(r.log.Path()), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) mendTrail() {
	r.t.Helper()
	if err := os.Chmod(filepath.Dir(r.log.Path()), 0o700); err != nil {
		r.t.Fatal(err)
	}
}

// trail returns the records so far, verified.
func (r *rig) trail() []audit.Event {
	r.t.Helper()
	text, err := os.ReadFile(r.log.Path())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Fatal(err)
	}
	var events []audit.Event
	for record, err := range audit.Read(bytes.NewReader(text)) {
		if err != nil {
			r.t.Fatal(err)
		}
		events = append(events, record.Event)
	}
	if len(events) > 0 {
		if _, err := audit.Verify(r.log.Path()); err != nil {
			r.t.Fatal(err)
		}
	}
	return events
}

// wantTrail compares the kinds of the records so far.
func (r *rig) wantTrail(want string) {
	r.t.Helper()
	var kinds []string
	for _, e := range r.trail() {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != want {
		r.t.Errorf("the trail is %q, not %q", got, want)
	}
}

// ask admits q without an answer and expects a question.
func (r *rig) ask(ctx context.Context, q approval.Request) *approval.Question {
	r.t.Helper()
	grant, question, err := r.gate.Admit(ctx, q, approval.Answer{})
	if err != nil || question == nil {
		r.t.Fatalf("no question: %v", err)
	}
	if _, err := grant.Redeem(); err == nil {
		r.t.Fatal("a grant beside a question")
	}
	return question
}

// put asks and puts the question before the person.
func (r *rig) put(q approval.Request) *approval.Question {
	r.t.Helper()
	question := r.ask(r.ctx, q)
	if err := r.gate.Put(question); err != nil {
		r.t.Fatal(err)
	}
	return question
}

func answer(q *approval.Question, choice approval.Choice) approval.Answer {
	return approval.Answer{ID: q.ID, State: q.State, Choice: choice}
}

// refused expects an error that is want, and neither grant nor question.
func (r *rig) refused(q approval.Request, a approval.Answer, want error) {
	r.t.Helper()
	grant, question, err := r.gate.Admit(r.ctx, q, a)
	if !errors.Is(err, want) || question != nil {
		r.t.Fatalf("got %v and question %v, not %v", err, question, want)
	}
	if refs, err := grant.Redeem(); !errors.Is(err, approval.ErrNotGranted) || refs != nil {
		r.t.Fatalf("a refusal gives %v, %v", refs, err)
	}
}

// granted expects a grant that redeems to q's secrets.
func (r *rig) granted(q approval.Request, a approval.Answer) approval.Grant {
	r.t.Helper()
	grant, question, err := r.gate.Admit(r.ctx, q, a)
	if err != nil || question != nil {
		r.t.Fatalf("got %v and question %v", err, question)
	}
	refs, err := grant.Redeem()
	if err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(q.Refs, refs, cmp.AllowUnexported(secret.Ref{})); diff != "" {
		r.t.Fatalf("(-want +got):\n%s", diff)
	}
	return grant
}

// pass lets time go by on the clock of the test's bubble: nothing really waits.
func pass(d time.Duration) { time.Sleep(d) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestYes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.ask(r.ctx, q)
	if !question.Fresh || !closed(question.Turn) || closed(question.Done) || question.State != "" {
		t.Fatalf("got %+v", question)
	}
	if err := r.gate.Put(question); err != nil {
		t.Fatal(err)
	}
	grant := r.granted(q, answer(question, approval.Approve))
	if grant.ID() != question.ID || !closed(question.Done) || r.gate.Approvals() != 1 {
		t.Errorf("id %q, question %q, %d approvals", grant.ID(), question.ID, r.gate.Approvals())
	}
	r.wantTrail("asked approved granted")
	digest := q.Digest()
	want := audit.Event{
		Kind: audit.Granted, RequestID: question.ID, Project: "alpha", Environment: "prod",
		Names: []string{"prod:/alpha/vault/BACKUP_KEY"}, Delivery: "value", Purpose: q.Purpose, Agent: q.Agent,
		Strength: "client", Rule: policy.RuleVault, Digest: hexOf(digest[:]), PID: os.Getpid(),
	}
	got := r.trail()[2]
	got.Time = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRecordStandsBeforeTheGrant(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "BACKUP_KEY")
	question := r.put(q)
	grant, _, err := r.gate.Admit(r.ctx, q, answer(question, approval.Approve))
	if err != nil {
		t.Fatal(err)
	}
	r.wantTrail("asked approved granted") // and nothing was redeemed yet
	if _, err := grant.Redeem(); err != nil {
		t.Fatal(err)
	}
}

func TestPolicyIsAskedFirst(t *testing.T) {
	t.Parallel()
	vault := ref(t, "/alpha/vault", "BACKUP_KEY")
	unstated := scope()
	unstated.Stated = false
	for name, c := range map[string]struct {
		change func(*approval.Request, *approval.Options)
		rule   string
	}{
		"injected":         {func(q *approval.Request, _ *approval.Options) { q.Refs = []secret.Ref{ref(t, "/alpha", "A")} }, policy.RuleInjected},
		"one of several":   {func(q *approval.Request, _ *approval.Options) { q.Refs = []secret.Ref{vault, ref(t, "/shared", "A")} }, policy.RuleShared},
		"out of scope":     {func(q *approval.Request, _ *approval.Options) { q.Refs = []secret.Ref{ref(t, "/beta/vault", "A")} }, policy.RuleOutOfScope},
		"zero ref":         {func(q *approval.Request, _ *approval.Options) { q.Refs = []secret.Ref{{}} }, policy.RuleOutOfScope},
		"nothing":          {func(q *approval.Request, _ *approval.Options) { q.Refs = nil }, approval.RuleNothing},
		"another scope":    {func(q *approval.Request, _ *approval.Options) { q.Scope.Project = "beta" }, approval.RuleScope},
		"no delivery":      {func(q *approval.Request, _ *approval.Options) { q.Delivery = "" }, approval.RuleDelivery},
		"another delivery": {func(q *approval.Request, _ *approval.Options) { q.Delivery = "pigeon" }, approval.RuleDelivery},
		"a run of nothing": {func(q *approval.Request, _ *approval.Options) { q.Delivery = policy.DeliverRun }, approval.RuleCommand},
		"a run without a hash": {func(q *approval.Request, _ *approval.Options) {
			*q = run(t, "true")
			q.ProgramSHA256 = ""
		}, approval.RuleCommand},
		"a run of more than is read": {func(q *approval.Request, _ *approval.Options) {
			*q = run(t, "true", strings.Repeat("x", 3000))
		}, approval.RuleTooLong},
		"a run that hides a value": {func(q *approval.Request, o *approval.Options) {
			*q = run(t, "echo", "made\u200b-up-value")
			o.Mask = func(s string) string { return strings.ReplaceAll(s, "made-up-value", "[redacted:OTHER]") }
		}, approval.RuleHidden},
		"a run that nothing masks": {func(q *approval.Request, o *approval.Options) {
			*q = run(t, "true")
			o.Mask = nil
		}, approval.RuleHidden},
		"a run with one of several": {func(q *approval.Request, _ *approval.Options) {
			*q = run(t, "true")
			q.Refs = append(q.Refs, ref(t, "/alpha", "A"))
		}, policy.RuleInjected},
		"no policy":   {func(_ *approval.Request, o *approval.Options) { o.Policy = nil }, approval.RuleScope},
		"zero policy": {func(_ *approval.Request, o *approval.Options) { o.Policy = &policy.Policy{} }, approval.RuleScope},
		"not stated": {func(q *approval.Request, o *approval.Options) {
			q.Scope, o.Policy = unstated, policy.ForScope(unstated)
		}, policy.RuleNotStated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := request(t, "BACKUP_KEY")
			r := newRig(t, func(o *approval.Options) { c.change(&q, o) })
			_, _, err := r.gate.Admit(r.ctx, q, approval.Answer{})
			denied, ok := errors.AsType[*approval.PolicyError](err)
			if !ok || denied.Rule != c.rule || !errors.Is(err, approval.ErrDenied) {
				t.Fatalf("got %v", err)
			}
			r.wantTrail("refused")
			if e := r.trail()[0]; e.Rule != c.rule || e.Reason == "" {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

func TestZeroesRefuse(t *testing.T) {
	t.Parallel()
	var none *audit.Log
	for name, g := range map[string]*approval.Gate{
		"nil": nil, "zero": {}, "no audit": approval.NewGate(approval.Options{Policy: policy.ForScope(scope())}),
		"nil log": approval.NewGate(approval.Options{Policy: policy.ForScope(scope()), Audit: none}),
	} {
		for _, a := range []approval.Answer{{}, {Choice: approval.Approve}, {State: "x", Choice: approval.Approve}} {
			grant, question, err := g.Admit(t.Context(), request(t, "A"), a)
			if !errors.Is(err, approval.ErrUnrecorded) || question != nil || grant != (approval.Grant{}) {
				t.Errorf("%s gate: %v, %v", name, question, err)
			}
			if err := g.Resolve(request(t, "A"), a); !errors.Is(err, approval.ErrUnrecorded) {
				t.Errorf("%s gate: %v", name, err)
			}
		}
		if err := g.Put(&approval.Question{}); err == nil {
			t.Errorf("%s gate puts a question that nobody made", name)
		}
		g.Withdraw("x")
		if g.Approvals() != 0 {
			t.Errorf("%s gate has approvals", name)
		}
	}
	if refs, err := (approval.Grant{}).Redeem(); refs != nil || !errors.Is(err, approval.ErrNotGranted) {
		t.Errorf("the zero Grant gives %v, %v", refs, err)
	}
	if (approval.Grant{}).ID() != "" {
		t.Error("the zero Grant has an id")
	}
}

func TestUnrecordedIsDenied(t *testing.T) {
	t.Parallel()
	q := request(t, "BACKUP_KEY")
	t.Run("asking", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.ask(r.ctx, request(t, "OTHER")) // makes the directory
		r.breakTrail()
		r.refused(q, approval.Answer{}, approval.ErrUnrecorded)
		r.mendTrail()
		r.wantTrail("asked")
	})
	t.Run("the yes", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		question := r.put(q)
		r.breakTrail()
		r.refused(q, answer(question, approval.Approve), approval.ErrUnrecorded)
		r.mendTrail()
		r.refused(q, answer(question, approval.Approve), approval.ErrBadAnswer)
		r.wantTrail("asked refused")
		if r.gate.Approvals() != 0 {
			t.Error("it counts as an approval")
		}
	})
	t.Run("the grant", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		question := r.put(q)
		if err := r.gate.Resolve(q, answer(question, approval.Approve)); err != nil {
			t.Fatal(err)
		}
		r.breakTrail()
		r.refused(q, approval.Answer{ID: question.ID}, approval.ErrUnrecorded)
		r.mendTrail()
		r.refused(q, approval.Answer{ID: question.ID}, approval.ErrBadAnswer) // spent all the same
		r.wantTrail("asked approved refused")
	})
	t.Run("a refusal", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		question := r.put(q)
		r.breakTrail()
		r.refused(q, answer(question, approval.Deny), approval.ErrDenied)
		r.refused(q, approval.Answer{}, approval.ErrUnrecorded)
	})
}

func TestNoKeepsTheAgentFromAskingOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		q := request(t, "BACKUP_KEY")
		question := r.put(q)
		other := request(t, "OTHER")
		waits := r.ask(r.ctx, other)
		again := request(t, "BACKUP_KEY")
		again.Purpose = "please, it is urgent"
		nagging := r.ask(r.ctx, again)

		r.refused(q, answer(question, approval.Deny), approval.ErrDenied)
		if !closed(waits.Turn) || closed(waits.Done) {
			t.Error("another secret's question must have its turn")
		}
		if err := r.gate.Put(nagging); !errors.Is(err, approval.ErrCooldown) || !closed(nagging.Done) {
			t.Errorf("the same secret's question in line: %v", err)
		}
		r.refused(again, approval.Answer{ID: nagging.ID}, approval.ErrCooldown)

		pass(59 * time.Second)
		_, _, err := r.gate.Admit(r.ctx, q, approval.Answer{})
		cooling, ok := errors.AsType[*approval.CooldownError](err)
		if !ok || !cooling.Until.Equal(time.Now().Add(time.Second)) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("got %v", err)
		}
		pass(time.Second)
		r.ask(r.ctx, q)
		r.wantTrail("asked asked asked denied refused refused asked")
	})
}

func TestCaps(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *approval.Options) { o.MaxPerSession, o.MaxOpen = 2, 1 })
	for _, name := range []string{"A", "B"} {
		q := request(t, name)
		question := r.put(q)
		r.refused(request(t, "C"), approval.Answer{}, approval.ErrTooMany) // one is open
		r.granted(q, answer(question, approval.Approve))
	}
	r.refused(request(t, "C"), approval.Answer{}, approval.ErrTooMany) // two are given
	r.wantTrail("asked refused approved granted asked refused approved granted refused")
}

func TestDefaultCaps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 16 {
		r.ask(r.ctx, request(t, "A"+strings.Repeat("A", i)))
	}
	r.refused(request(t, "B"), approval.Answer{}, approval.ErrTooMany)
}
