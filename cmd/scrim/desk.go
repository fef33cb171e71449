package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"scrim/internal/approval"
	desks "scrim/internal/approval/desk"
	"scrim/internal/approval/outpost"
	"scrim/internal/approval/page"
	"scrim/internal/approver"
	"scrim/internal/browser"
	"scrim/internal/config"
	"scrim/policy"
	"scrim/tools"
)

// verifier proves by what a person enrolled that they are there. What was
// enrolled when it was made counts for as long as it lives.
type verifier struct {
	enrolled *approver.Approver // nil: what is enrolled cannot be read
}

// newGate returns the gate of a server, and the pages on which this user answers
// its questions. Where another user answers they go there, for as long as the server
// runs, and what this user enrolled counts for nothing.
func newGate(c *cli, cfg config.Config, o approval.Options, log *slog.Logger) (*approval.Gate, tools.Pages) {
	if cfg.Verifier != "" {
		return awayGate(c, outpost.New(cfg.Verifier, log), o, log), nil
	}
	enrolled, err := loadApprover(c)
	if err != nil {
		log.Warn("production's vault stays closed: what is enrolled cannot be read", "error", err)
	}
	o.Verifier = verifier{enrolled}
	gate := approval.NewGate(o)
	return gate, pages(c.ctx, gate, enrolled)
}

// awayGate is the gate of a server whose questions another user answers.
func awayGate(c *cli, away *outpost.Client, o approval.Options, log *slog.Logger) *approval.Gate {
	o.Verifier, o.Moved = away, away.Nudge
	gate := approval.NewGate(o)
	go away.Attend(c.ctx, gate)
	if err := away.Away(); err != nil {
		log.Warn("production's vault stays closed for now: the user who decides is not there", "error", err)
	}
	return gate
}

// proof is what proves a yes to a server that would start now.
type proof struct {
	approval.Verifier
	factors []string // what may prove it, by kind
	lack    string   // why nothing does; empty: something does
}

// proofOf asks nobody for a yes. Where another user decides, it looks whether that
// user is there.
func proofOf(c *cli, cfg config.Config) proof {
	if cfg.Verifier != "" {
		away := outpost.New(cfg.Verifier, slog.New(slog.DiscardHandler))
		if err := away.Away(); err != nil {
			return proof{away, nil, "another user is to decide: " + err.Error()}
		}
		return proof{away, []string{"what another user has"}, ""}
	}
	enrolled, err := loadApprover(c)
	p := proof{Verifier: verifier{enrolled}}
	for _, factor := range enrolled.Factors() {
		p.factors = append(p.factors, factor.Kind)
	}
	switch {
	case err != nil:
		p.lack = "what is enrolled cannot be read: " + err.Error()
	case !enrolled.Enrolled():
		p.lack = "nobody is enrolled for that: run scrim enroll"
	}
	return p
}

// in returns what a server would make of rules.
func (p proof) in(rules *policy.Policy) *policy.Policy {
	if p.Required() {
		return rules.WithProof()
	}
	return rules
}

// openDesk lets people at terminals answer gate's questions, until the returned
// function is called. A server without a desk serves all the same.
func openDesk(c *cli, gate *approval.Gate, log *slog.Logger) (end func()) {
	end, err := desks.Serve(c.ctx, gate)
	if err != nil {
		log.Info("scrim approvals and scrim approve do not reach this server", "error", err)
		return func() {}
	}
	return end
}

// pages lets people answer gate's questions in a browser on this machine, where
// they have something to prove with. Nil where they have not.
func pages(ctx context.Context, gate *approval.Gate, enrolled *approver.Approver) tools.Pages {
	if !enrolled.Enrolled() {
		return nil
	}
	return page.New(ctx, gate, enrolled)
}

// maxOpened bounds how many pages a server opens by itself: no more than it may be
// given approvals. Who withdraws one question after the other opens no more.
const maxOpened = 20

var errOpenedEnough = fmt.Errorf("this server has opened %d pages, and opens no more", maxOpened)

// opener opens pages before the person at this machine. Nil where nobody sits there,
// or where they do not want it.
func opener(c *cli, cfg config.Config) func(context.Context, string) error {
	if !cfg.Browser || browser.Here(c.getenv) != nil {
		return nil
	}
	var opened atomic.Int32
	return func(ctx context.Context, address string) error {
		if opened.Add(1) > maxOpened {
			return errOpenedEnough
		}
		return browser.Open(ctx, address)
	}
}

// Enrolled reports whether there is a PIN or a passkey.
func (v verifier) Enrolled() bool { return v.enrolled.Enrolled() }

// Required reports whether there is one, or may be: one that is gone from disk, or
// that cannot be read, is no leave to do without.
func (v verifier) Required() bool {
	state, err := v.enrolled.State()
	return err != nil || state != approver.NotEnrolled
}

// Verify checks a PIN, in as long as that takes after wrong ones, or what a
// passkey signed. A PIN cannot be bound to a request: who has it is asked once for
// each. A passkey signs for this one request.
func (v verifier) Verify(ctx context.Context, digest [sha256.Size]byte, proof approval.Proof) (string, error) {
	if len(proof.Assertion) > 0 {
		if len(proof.PIN) > 0 {
			return "", errTwoProofs
		}
		return proved(approver.Passkey, v.enrolled.VerifyPasskey(ctx, digest, proof.Origin, proof.Assertion))
	}
	return proved(approver.PIN, v.enrolled.Verify(ctx, proof.PIN))
}

var errTwoProofs = errors.New("a yes is proved with a PIN or with a passkey, and this came with both")

func proved(factor string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return factor, nil
}
