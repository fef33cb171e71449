package approval

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"scrim/internal/audit"
	"scrim/policy"
)

// The desk is where a person answers outside the client, and proves that they
// are there. Questions wait at it all at once, for longer than a form does, and
// whether or not the call that asked still does.

// Verifier proves that a person is there.
type Verifier interface {
	// Enrolled reports whether anybody could prove it.
	Enrolled() bool
	// Required reports whether a yes to a value of production must be proved. It
	// may be so where nobody is enrolled: an enrolment that is gone is no leave to
	// do without.
	Required() bool
	// Verify returns what proved it, such as "pin". It may take seconds. The digest
	// is that of the request; a proof that can be bound to it is bound.
	Verify(ctx context.Context, digest [sha256.Size]byte, proof Proof) (factor string, err error)
}

// Proof is what a person shows: a PIN, or what their passkey signed. The zero
// Proof proves nothing, and so does one that is both.
type Proof struct {
	PIN       []byte // as it was typed
	Assertion []byte // the JSON of the browser's PublicKeyCredential.toJSON()
	Origin    string // of the page that asked for the assertion, such as http://localhost:4711
	Ticket    string // of a Verifier that hears elsewhere of a person's yes, and made it
}

// ErrNotProved says that a proof was none. The question stays open.
var ErrNotProved = errors.New("that is not the proof of a person who is enrolled")

// Waiting is a question at the desk, or before the client's user.
type Waiting struct {
	ID       string
	Text     string
	Names    []string // "env:/path/NAME"
	Delivery string
	Agent    string // in its own words, masked
	Needs    policy.Strength
	AtDesk   bool      // and not before the client's user
	Expires  time.Time // zero while it waits for its turn before the client's user
	Facts    Facts
	Digest   [sha256.Size]byte `json:"-"` // of the request, which a proof may be bound to
}

// moved tells who wants to know that other questions wait at the desk now.
func (g *Gate) moved() {
	if g.options.Moved != nil {
		g.options.Moved()
	}
}

// tooWeak says why nobody can prove a yes.
func (g *Gate) tooWeak() error {
	if elsewhere, ok := g.options.Verifier.(interface{ Away() error }); ok {
		if why := elsewhere.Away(); why != nil {
			return fmt.Errorf("%w: %w", errAway, why)
		}
	}
	return errTooWeak
}

func (g *Gate) hasDesk() bool { return g.options.Verifier != nil && g.options.Verifier.Enrolled() }

// Policy returns the policy as it is now.
func (g *Gate) Policy() *policy.Policy {
	if g == nil {
		return nil
	}
	return g.policy()
}

func (g *Gate) policy() *policy.Policy {
	if g.options.Verifier != nil && g.options.Verifier.Required() {
		return g.options.Policy.WithProof()
	}
	return g.options.Policy
}

// open returns every open question.
func (g *Gate) open() []*pending { return slices.Concat(g.line, g.desk) }

// Waiting returns every open question: each can be answered at the desk.
func (g *Gate) Waiting() []Waiting {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Waiting
	for _, p := range g.open() {
		e := p.about.event(audit.Asked, p.id)
		all = append(all, Waiting{
			ID: p.id, Text: g.text(p), Names: e.Names, Delivery: e.Delivery, Agent: e.Agent,
			Needs: p.needed.strength, AtDesk: p.atDesk, Expires: p.expires,
			Facts: g.facts(p), Digest: p.about.digest,
		})
	}
	return all
}

// ToDesk moves a question that the client cannot put to the desk. Where there is
// none, nobody can be asked.
func (g *Gate) ToDesk(q *Question) error {
	if g == nil || q == nil || q.pending == nil {
		return ErrBadAnswer
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := q.pending
	if p.ended {
		return p.over()
	}
	if p.atDesk {
		return nil
	}
	err := g.elsewhere(p, errCannotAsk)
	if p.ended {
		g.keep(p)
	}
	q.AtDesk, q.Expires = p.atDesk, p.expires
	return err
}

// elsewhere gives p, which the client cannot put, to the desk, or ends it for the
// reason err.
func (g *Gate) elsewhere(p *pending, err error) error {
	if !g.hasDesk() {
		return g.end(p, audit.Unavailable, err)
	}
	g.remove(p)
	if p.timer != nil {
		p.timer.Stop()
	}
	g.toDesk(p)
	g.advance()
	return nil
}

// toDesk lets p wait for whoever comes. From now on a state of the client's is
// void.
func (g *Gate) toDesk(p *pending) {
	p.atDesk = true
	close(p.moved)
	p.put = time.Time{}
	p.nonce = [nonceSize]byte{}
	p.expires = time.Now().Add(g.options.DeskTTL)
	p.timer = time.AfterFunc(g.options.DeskTTL, func() { g.expire(p) })
	g.desk = append(g.desk, p)
	g.moved()
}

// remove takes p off the line and the desk.
func (g *Gate) remove(p *pending) {
	isP := func(other *pending) bool { return other == p }
	g.line, g.desk = slices.DeleteFunc(g.line, isP), slices.DeleteFunc(g.desk, isP)
}

// Prove takes a person's yes to the question with that id. The proof is checked
// before anything else changes; while that takes its time, the question may end
// otherwise, and the end of ctx says that the person took the yes back. A nil error
// says that the yes is on record and waits to be picked up.
func (g *Gate) Prove(ctx context.Context, id string, proof Proof) error {
	if g == nil || g.options.Audit == nil || g.options.Verifier == nil {
		return errNoTrail
	}
	p, err := g.atDesk(id)
	if err != nil {
		return err
	}
	factor, err := g.options.Verifier.Verify(ctx, p.about.digest, proof)
	if err == nil {
		err = context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err != nil:
		return g.refuse(p.about, p.id, fmt.Errorf("%w: %w", ErrNotProved, err))
	case factor == "":
		return g.refuse(p.about, p.id, ErrNotProved)
	case p.ended:
		return p.over()
	}
	p.reached, p.factor = policy.Verified, factor
	err = g.approve(p)
	g.keep(p)
	return err
}

// Dismiss takes a no to the question with that id. It needs no proof: all it
// does is to refuse.
func (g *Gate) Dismiss(id string) error {
	if g == nil || g.options.Audit == nil {
		return errNoTrail
	}
	p, err := g.atDesk(id)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.ended {
		return p.over()
	}
	outcome := g.deny(p, audit.Denied, errNo)
	g.keep(p)
	if errors.Is(outcome, ErrUnrecorded) {
		return outcome
	}
	return nil
}

// atDesk returns the open question with that id.
func (g *Gate) atDesk(id string) (*pending, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := find(g.open(), id); p != nil {
		return p, nil
	}
	if p := find(g.kept, id); p != nil {
		return nil, p.over()
	}
	return nil, fmt.Errorf("%w: no question is open under that id", ErrBadAnswer)
}
