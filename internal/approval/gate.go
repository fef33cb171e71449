// Package approval turns a person's yes to one request into a grant that is
// good once. The Gate is the only maker of grants.
//
// A request passes the policy, then a person, then the audit trail. Whatever
// is missing or fails on the way denies it, and the denial is on record.
package approval

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

// The times that nobody configures.
const (
	grantTTL = 30 * time.Second
	// reflex is the time within which no person reads a question and closes it.
	reflex = 1500 * time.Millisecond
)

// Why the gate refuses by itself, as PolicyError.Rule.
const (
	RuleNothing  = "the request names no secret"
	RuleScope    = "the request is for another scope than the policy"
	RuleDelivery = "the policy does not let the value go out in that way"
	RuleStrength = "the policy does not say how strong a yes must be"
	RuleCommand  = "the request does not say which program it is to run, with which bytes, and where"
	RuleHidden   = "the command cannot be shown to a person as it is"
	RuleTooLong  = "the command is too long for a person to read"
	RuleTTL      = "the policy does not say for how long a yes is good"
	RuleUsedUp   = "as many approvals as a rule gives to one session are given, or wait for a person"

	RuleOtherCommand = "the command is none of those that a rule allows"
)

var (
	errNo        = fmt.Errorf("%w: a person said no", ErrDenied)
	errClosed    = fmt.Errorf("%w: the question was closed without an answer", ErrDenied)
	errAtOnce    = fmt.Errorf("%w: the client closed the question at once", ErrUnavailable)
	errCannotAsk = fmt.Errorf("%w: the client could not put the question", ErrUnavailable)
	errTooWeak   = fmt.Errorf("%w: %w", ErrUnavailable, ErrUnproved)
	errAway      = fmt.Errorf("%w: %w", ErrUnavailable, ErrAway)
	errSpent     = fmt.Errorf("%w: its yes was picked up before", ErrBadAnswer)
	errLapsed    = errors.New("the yes was not picked up in time")
	errNoTrail   = fmt.Errorf("%w: there is none", ErrUnrecorded)
)

// Audit is where decisions go on record. An event is recorded when Append has
// returned nil, and not before.
type Audit interface {
	Append(e audit.Event) error
}

// Options says what a Gate works with. Without a Policy it denies everything,
// without an Audit it refuses everything, and without a Mask it shows nothing
// that an agent wrote. The zero value of the others stands for their default.
type Options struct {
	Policy *policy.Policy
	Audit  Audit
	Mask   func(string) string // hides known values in text; called by several goroutines
	// Verifier proves that a person is there. Without one there is no desk, and no
	// yes is stronger than the client's.
	Verifier Verifier

	FileTTL    time.Duration // for which a file with a value is there, as people are told: 5 minutes
	FileOnDisk bool          // it is not in memory, as people are told

	// Moved is called, where set, when other questions wait at the desk than before.
	// It must not block, nor call the Gate.
	Moved func()

	MaxPerSession int           // approvals in this process's life: 20
	MaxOpen       int           // questions that wait for an answer: 16
	QuestionTTL   time.Duration // for which a question is before a person: 2 minutes
	DeskTTL       time.Duration // for which one waits at the desk: 10 minutes
	AnswerTTL     time.Duration // for which an answer waits to be picked up: 10 minutes
	Cooldown      time.Duration // for which nobody is asked again after a no: 1 minute
}

// Choice is what came of a question.
type Choice int

// The choices.
const (
	NoAnswer Choice = iota
	Approve
	Deny
	Cancel // the person or the client closed the question without deciding
	Failed // the client could not put the question
)

// Answer is what a call brings with it. The zero Answer brings nothing: the
// request is new, or the same as one that waits.
type Answer struct {
	ID     string // of the request whose answer is to be picked up
	State  string // as Put gave it; every choice but Failed needs it
	Choice Choice
}

// Gate decides on requests, one process long. The zero Gate refuses.
type Gate struct {
	options   Options
	key       [32]byte
	approvals atomic.Int64

	mu      sync.Mutex
	line    []*pending // open questions for the client; only the first is before a person
	desk    []*pending // open questions for whoever comes to the desk, all at once
	kept    []*pending // ended ones whose outcome was not picked up
	cooling map[secret.Ref]time.Time
	given   map[policy.Limit]int // approvals, by the rule that they count towards
}

// NewGate returns a Gate with a key of its own.
func NewGate(o Options) *Gate {
	orInt := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	orTime := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	orInt(&o.MaxPerSession, policy.MaxPerSession)
	orInt(&o.MaxOpen, 16)
	orTime(&o.FileTTL, 5*time.Minute)
	orTime(&o.QuestionTTL, 2*time.Minute)
	orTime(&o.DeskTTL, 10*time.Minute)
	orTime(&o.AnswerTTL, policy.MaxTTL)
	orTime(&o.Cooldown, time.Minute)
	g := &Gate{options: o, cooling: map[secret.Ref]time.Time{}, given: map[policy.Limit]int{}}
	_, _ = rand.Read(g.key[:]) // never fails
	return g
}

// Approvals returns how many times a person has said yes so far.
func (g *Gate) Approvals() int {
	if g == nil {
		return 0
	}
	return int(g.approvals.Load())
}

// Admit decides on r, and never waits for a person. It returns a Grant, or the
// Question that stands between, or an error that says why there is neither.
//
// With a State it takes a as the answer to r's question: the state must be
// this gate's, for exactly r, in time, and not used before. Without one it
// picks up the answer that came to r meanwhile: the one with a's ID, for which
// everything but the purpose must be as it was asked, or a yes to exactly r.
// An outcome is picked up once.
//
// Until the question is put, it is withdrawn when ctx ends.
func (g *Gate) Admit(ctx context.Context, r Request, a Answer) (Grant, *Question, error) {
	if g == nil || g.options.Audit == nil {
		return Grant{}, nil, errNoTrail
	}
	if err := ctx.Err(); err != nil {
		return Grant{}, nil, fmt.Errorf("admit a request: %w", err)
	}
	s := g.subject(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	needed, err := g.judge(r)
	if err != nil {
		return Grant{}, nil, g.refuse(s, a.ID, err)
	}
	if a.State != "" || a.Choice != NoAnswer {
		return g.admitAnswer(s, a)
	}
	p, err := g.lookUp(s, a.ID)
	if err != nil {
		return Grant{}, nil, g.refuse(s, a.ID, err)
	}
	if p == nil {
		q, err := g.ask(ctx, s, needed)
		return Grant{}, q, err
	}
	if !p.ended {
		return Grant{}, g.view(p, false), nil
	}
	grant, err := g.pickUp(p)
	return grant, nil, err
}

// Collect hands out what came of q to one who waited for it, as Admit does by its
// id, and asks nobody anew: of several who waited each is told why there is no yes.
// It reports whether q is open still; then there is nothing yet.
func (g *Gate) Collect(ctx context.Context, q *Question) (grant Grant, open bool, err error) {
	if g == nil || g.options.Audit == nil || q == nil || q.pending == nil {
		return Grant{}, false, errNoTrail
	}
	if err := ctx.Err(); err != nil {
		return Grant{}, false, fmt.Errorf("collect an answer: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := q.pending
	switch {
	case !p.ended:
		return Grant{}, true, nil
	case slices.Contains(g.kept, p):
		grant, err = g.pickUp(p)
		return grant, false, err
	default: // it was withdrawn, or another was told
		return Grant{}, false, cmp.Or(p.outcome, ErrWithdrawn)
	}
}

// Resolve takes an answer to r that came after the call that asked had ended.
// A nil error says that it is a yes, on record, and waits to be picked up; any
// other says what came of the request instead.
func (g *Gate) Resolve(r Request, a Answer) error {
	if g == nil || g.options.Audit == nil {
		return errNoTrail
	}
	s := g.subject(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.Choice == NoAnswer {
		return g.refuse(s, a.ID, fmt.Errorf("%w: it brings no choice", ErrBadAnswer))
	}
	p, err := g.answer(s, a)
	if p != nil {
		g.keep(p)
	}
	return err
}

func (g *Gate) admitAnswer(s subject, a Answer) (Grant, *Question, error) {
	p, err := g.answer(s, a)
	if err != nil {
		return Grant{}, nil, err
	}
	if !p.ended {
		return Grant{}, g.view(p, true), nil
	}
	grant, err := g.grant(p)
	g.keep(p)
	return grant, nil, err
}

// answer applies a to the question that it proves to answer. Without a choice
// it leaves the question open, for its holder to put again. It returns nil for
// the question where a proves nothing.
func (g *Gate) answer(s subject, a Answer) (*pending, error) {
	if a.Choice == Failed && a.State == "" {
		return g.giveUp(s, a.ID)
	}
	p, err := g.match(s, a)
	if err != nil {
		return nil, g.refuse(s, a.ID, err)
	}
	switch a.Choice {
	case NoAnswer:
		return p, nil
	case Approve:
		return p, g.approve(p)
	case Failed:
		return p, g.elsewhere(p, errCannotAsk)
	case Cancel:
		if time.Since(p.put) < reflex {
			return p, g.elsewhere(p, errAtOnce)
		}
		return p, g.deny(p, audit.Cancelled, errClosed)
	default:
		return p, g.deny(p, audit.Denied, errNo)
	}
}

// giveUp ends the question with that id, which the client could not put or
// could not put for long enough. It needs no proof, since all it does is to
// refuse; for a question that is over it changes nothing.
func (g *Gate) giveUp(s subject, id string) (*pending, error) {
	if p := find(g.kept, id); p != nil {
		return nil, p.over()
	}
	p := find(g.open(), id)
	switch {
	case p == nil:
		return nil, fmt.Errorf("%w: no question is open under its id", ErrBadAnswer)
	case p.about.digest != s.digest:
		return nil, g.refuse(s, id, fmt.Errorf("%w: its request id is another request's", ErrBadAnswer))
	case !p.put.IsZero() && past(time.Now(), p.expires):
		return p, g.end(p, audit.Expired, ErrExpired)
	case p.atDesk:
		return p, nil
	default:
		return p, g.elsewhere(p, errCannotAsk)
	}
}

// match returns the open question that a answers on behalf of s.
func (g *Gate) match(s subject, a Answer) (*pending, error) {
	st, ok := g.unseal(a.State)
	if !ok {
		return nil, fmt.Errorf("%w: its state was not made here, or was altered", ErrBadAnswer)
	}
	if a.ID != st.id && find(slices.Concat(g.open(), g.kept), a.ID) != nil {
		return nil, fmt.Errorf("%w: its state and its request id are of two requests", ErrBadAnswer)
	}
	if st.digest != s.digest {
		return nil, fmt.Errorf("%w: its state was made for other arguments", ErrBadAnswer)
	}
	if past(time.Now(), st.expires) {
		return nil, ErrExpired
	}
	p := find(g.line, st.id)
	if p == nil {
		return nil, fmt.Errorf("%w: its state was used before, or the question is closed", ErrBadAnswer)
	}
	if p.nonce != st.nonce {
		return nil, fmt.Errorf("%w: the question was put again since, with another state", ErrBadAnswer)
	}
	return p, nil
}

func (g *Gate) approve(p *pending) error {
	p.reached = max(p.reached, policy.Client)
	if p.reached < p.needed.strength {
		return g.refuse(p.about, p.id, errTooWeak)
	}
	if err := g.end(p, audit.Approved, nil); err != nil {
		return err
	}
	g.count(p.needed)
	return nil
}

func (g *Gate) deny(p *pending, kind audit.Kind, outcome error) error {
	err := g.end(p, kind, outcome)
	g.cool(p)
	return err
}

// lookUp returns what is known of s's request: open or ended, under id or for
// the same digest. Nil says that it is new.
func (g *Gate) lookUp(s subject, id string) (*pending, error) {
	known := slices.Concat(g.kept, g.open())
	if p := find(known, id); p != nil {
		if p.about.core != s.core {
			return nil, fmt.Errorf("%w: its request id is another request's", ErrBadAnswer)
		}
		return p, nil
	}
	for _, p := range known {
		if p.about.digest == s.digest && p.outcome == nil {
			return p, nil
		}
	}
	return nil, nil //nolint:nilnil // neither known nor wrong
}

// pickUp hands out the outcome of p. A refusal is forgotten with that; a yes
// leaves a mark, so that its id is not taken for a new request's.
func (g *Gate) pickUp(p *pending) (Grant, error) {
	if errors.Is(p.outcome, errSpent) {
		return Grant{}, g.refuse(p.about, p.id, errSpent)
	}
	if p.outcome != nil {
		g.forget(p)
		return Grant{}, p.outcome
	}
	if past(time.Now(), p.expires) {
		g.forget(p)
		return Grant{}, g.refuse(p.about, p.id, fmt.Errorf("%w: %w", ErrExpired, errLapsed))
	}
	return g.grant(p)
}

// grant turns p's yes into a Grant, once that is on record. The yes is spent
// either way, since a record whose write failed may stand all the same.
func (g *Gate) grant(p *pending) (Grant, error) {
	p.outcome = errSpent
	if err := g.record(p, audit.Granted, nil); err != nil {
		return Grant{}, err
	}
	return Grant{&grant{gate: g, about: p.about, id: p.id, until: time.Now().Add(grantTTL)}}, nil
}

// record puts kind of event about p on the audit trail. Its error is
// ErrUnrecorded, and outcome as well where there is one.
func (g *Gate) record(p *pending, kind audit.Kind, outcome error) error {
	e := p.about.event(kind, p.id)
	e.Rule = p.needed.rule
	if kind == audit.Approved || kind == audit.Granted {
		e.Strength, e.Factor = p.reached.String(), p.factor
	}
	return g.append(e, outcome)
}

// refuse records that s was refused for the reason err, and returns err.
func (g *Gate) refuse(s subject, id string, err error) error {
	e := s.event(audit.Refused, g.say(id, maxID))
	if denied, ok := errors.AsType[*PolicyError](err); ok {
		e.Rule = written(denied.Rule, denied.Origin)
	}
	if failed := g.append(e, err); failed != nil {
		return failed
	}
	return err
}

func (g *Gate) append(e audit.Event, outcome error) error {
	if outcome != nil {
		e.Reason = outcome.Error()
	}
	err := g.options.Audit.Append(e)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w: %w", ErrUnrecorded, err)
	if outcome != nil {
		return fmt.Errorf("%w; and %w", outcome, err)
	}
	return err
}
