package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"

	"scrim/internal/approval"
	desks "scrim/internal/approval/desk"
	"scrim/internal/approval/page"
	"scrim/internal/approver"
	"scrim/tools"
)

// verifier proves by what a person enrolled that they are there. What was
// enrolled when it was made counts for as long as it lives.
type verifier struct {
	enrolled *approver.Approver // nil: what is enrolled cannot be read
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
