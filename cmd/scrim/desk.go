package main

import (
	"context"
	"crypto/sha256"
	"log/slog"

	"scrim/internal/approval"
	desks "scrim/internal/approval/desk"
	"scrim/internal/approver"
)

// verifier proves by the PIN that a person enrolled that they are there. What was
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

// Enrolled reports whether there is a PIN.
func (v verifier) Enrolled() bool { return v.enrolled.Enrolled() }

// Required reports whether there is one, or may be: one that is gone from disk, or
// that cannot be read, is no leave to do without.
func (v verifier) Required() bool {
	state, err := v.enrolled.State()
	return err != nil || state != approver.NotEnrolled
}

// Verify checks a PIN, in as long as that takes after wrong ones. A PIN cannot be
// bound to a request: who has it is asked once for each.
func (v verifier) Verify(ctx context.Context, _ [sha256.Size]byte, proof approval.Proof) (string, error) {
	if err := v.enrolled.Verify(ctx, proof.PIN); err != nil {
		return "", err
	}
	return "pin", nil
}
