package approval

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

// Question is what a person is to be asked, as one caller sees it.
type Question struct {
	ID      string    // the request's id, by which its answer can be picked up
	State   string    // set by Put: goes with the question, and comes back with the answer
	Text    string    // authored here; the agent's words are fenced in it
	Expires time.Time // set by Put: when no answer counts as no

	// Fresh says that this caller is to put the question, or to tell of it where it
	// waits at the desk. Where it is false, another call has done so or is about to.
	Fresh bool
	// AtDesk says that the question waits at the desk, where a person proves that
	// they are there, and is none of the client's.
	AtDesk bool
	// Turn is closed when the question is first in line. Put says whether it
	// still is to be asked by then.
	Turn <-chan struct{}
	// Moved is closed when the question is at the desk.
	Moved <-chan struct{}
	// Done is closed when the question is answered, or closed without an
	// answer. Admit with the ID tells the outcome.
	Done <-chan struct{}

	pending *pending
}

// pending is a question on the gate's side. The gate's mutex guards it.
type pending struct {
	about   subject
	id      string
	needed  needed
	reached policy.Strength // by the yes
	factor  string          // that proved it, where one did
	atDesk  bool
	turn    chan struct{}
	moved   chan struct{}
	done    chan struct{}

	nonce   [nonceSize]byte
	put     time.Time // when it was last put before a person; zero before that
	expires time.Time // of the question, then of its outcome; zero while it waits in line
	timer   *time.Timer
	unwatch func() bool // stops watching the call that asked

	ended   bool
	outcome error // once ended; nil is a yes
}

// view returns p for one caller.
func (g *Gate) view(p *pending, fresh bool) *Question {
	return &Question{
		ID: p.id, Text: g.text(p), Expires: p.expires, Fresh: fresh, AtDesk: p.atDesk,
		Turn: p.turn, Moved: p.moved, Done: p.done, pending: p,
	}
}

// ask puts a new question in line, or on the desk where a client's yes would be
// too weak.
func (g *Gate) ask(ctx context.Context, s subject, n needed) (*Question, error) {
	if err := g.mayAsk(s, n); err != nil {
		return nil, g.refuse(s, "", err)
	}
	p := &pending{
		about: s, needed: n,
		id:   strings.ToLower(rand.Text()[:idSize]),
		turn: make(chan struct{}), moved: make(chan struct{}), done: make(chan struct{}),
	}
	if err := g.record(p, audit.Asked, nil); err != nil {
		return nil, err
	}
	p.unwatch = context.AfterFunc(ctx, func() { g.abandon(p) })
	if n.strength > policy.Client {
		g.toDesk(p)
	} else {
		g.line = append(g.line, p)
		g.advance()
	}
	return g.view(p, true), nil
}

func (g *Gate) mayAsk(s subject, n needed) error {
	if err := g.canProve(n); err != nil {
		return err
	}
	now := time.Now()
	for _, ref := range s.request.Refs {
		if until, ok := g.cooling[ref]; ok && !past(now, until) {
			return &CooldownError{Until: until}
		}
	}
	open := len(g.open())
	if open >= g.options.MaxOpen {
		return fmt.Errorf("%w: %d questions wait for an answer", ErrTooMany, open)
	}
	if given := g.Approvals(); given+open >= g.options.MaxPerSession {
		return fmt.Errorf("%w: a session has %d approvals, and %d are given", ErrTooMany, g.options.MaxPerSession, given)
	}
	return g.withinLimits(n)
}

// advance gives the first in line its turn. From then on its time runs, so
// that a caller who never puts it does not hold up the others.
func (g *Gate) advance() {
	if len(g.line) == 0 {
		return
	}
	p := g.line[0]
	if p.timer != nil {
		return
	}
	p.expires = time.Now().Add(g.options.QuestionTTL)
	p.timer = time.AfterFunc(g.options.QuestionTTL, func() { g.expire(p) })
	close(p.turn)
}

// Put says that q goes before a person now, and gives q its State and Expires.
// An error says that it must not: it is over, it is not its turn, or it is
// another call's to put. Putting it again makes a new State, voids the one
// before, and gives no more time.
func (g *Gate) Put(q *Question) error {
	if g == nil || q == nil || q.pending == nil {
		return ErrBadAnswer
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := q.pending
	if p.ended {
		return p.over()
	}
	if !q.Fresh || len(g.line) == 0 || g.line[0] != p {
		return fmt.Errorf("%w: it is not this call's turn to ask", ErrBadAnswer)
	}
	now := time.Now()
	if p.put.IsZero() {
		p.unwatch()
		p.expires = now.Add(g.options.QuestionTTL)
		p.timer.Reset(g.options.QuestionTTL)
	}
	p.put = now
	_, _ = rand.Read(p.nonce[:]) // never fails
	q.Expires = p.expires
	q.State = g.seal(state{p.id, p.about.digest, p.expires, p.nonce})
	return nil
}

// over says why an ended question is not to be put.
func (p *pending) over() error {
	if p.outcome == nil {
		return fmt.Errorf("%w: it has been answered", ErrBadAnswer)
	}
	return p.outcome
}

// Withdraw ends the request with that id, if there is one: the call that
// wanted it was cancelled. A yes that waits to be picked up is void.
func (g *Gate) Withdraw(id string) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := find(g.open(), id); p != nil {
		_ = g.end(p, audit.Withdrawn, ErrWithdrawn)
	}
	if p := find(g.kept, id); p != nil {
		g.forget(p)
		if p.outcome == nil {
			_ = g.record(p, audit.Withdrawn, ErrWithdrawn) // nothing leaves either way
		}
	}
}

// abandon withdraws a question whose call ended before it was put.
func (g *Gate) abandon(p *pending) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !p.ended && p.put.IsZero() && !p.atDesk {
		_ = g.end(p, audit.Withdrawn, ErrWithdrawn)
	}
}

// expire closes a question that nobody answered.
func (g *Gate) expire(p *pending) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.ended || !past(time.Now(), p.expires) {
		return
	}
	_ = g.end(p, audit.Expired, ErrExpired)
	g.keep(p)
}

// end takes p out of the line, puts that on record, and gives the next one its
// turn. It returns p's outcome, which is the one given unless that is a yes
// and could not be recorded.
func (g *Gate) end(p *pending, kind audit.Kind, outcome error) error {
	p.ended = true
	p.unwatch()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.outcome = outcome
	if err := g.record(p, kind, outcome); err != nil {
		p.outcome = err
	}
	g.remove(p)
	g.moved()
	close(p.done)
	g.advance()
	return p.outcome
}

// keep holds p's outcome until it is picked up: a yes for as long as the policy
// lets one wait.
func (g *Gate) keep(p *pending) {
	ttl := g.options.AnswerTTL
	if p.outcome == nil {
		ttl = p.needed.ttl
	}
	g.kept = append(g.kept, p)
	p.expires = time.Now().Add(ttl)
	p.timer = time.AfterFunc(ttl, func() { g.lapse(p) })
}

// lapse drops an outcome that nobody picked up.
func (g *Gate) lapse(p *pending) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.kept, p) {
		return
	}
	g.forget(p)
	if p.outcome == nil {
		_ = g.record(p, audit.Expired, errLapsed) // nothing leaves either way
	}
}

func (g *Gate) forget(p *pending) {
	p.timer.Stop()
	g.kept = slices.DeleteFunc(g.kept, func(other *pending) bool { return other == p })
}

// cool closes the questions that share a secret with p, and keeps new ones
// from being asked for a while.
func (g *Gate) cool(p *pending) {
	now := time.Now()
	until := now.Add(g.options.Cooldown)
	for ref, end := range g.cooling {
		if past(now, end) {
			delete(g.cooling, ref)
		}
	}
	for _, ref := range p.about.request.Refs {
		g.cooling[ref] = until
	}
	for _, other := range g.open() {
		if overlap(other.about.request.Refs, p.about.request.Refs) {
			_ = g.end(other, audit.Refused, &CooldownError{Until: until})
			g.keep(other)
		}
	}
}

func overlap(a, b []secret.Ref) bool {
	return slices.ContainsFunc(a, func(ref secret.Ref) bool { return slices.Contains(b, ref) })
}

func find(list []*pending, id string) *pending {
	i := slices.IndexFunc(list, func(p *pending) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return list[i]
}
