package store

import (
	"context"
	"errors"
	"fmt"

	"scrim/internal/approval"
	"scrim/internal/secret"
)

// VaultError is an error of the vault's own identity.
type VaultError struct {
	Identity string // for people
	Err      error
}

// Error says who could not, and what.
func (e *VaultError) Error() string { return e.Identity + ": " + e.Err.Error() }

// Unwrap returns the error.
func (e *VaultError) Unwrap() error { return e.Err }

// CanRead reports whether a value that the snapshot does not hold may be read all
// the same with a grant: the vault has an identity of its own.
func (s *Store) CanRead(e *Entry) bool { return e == nil || !e.Hidden() || s.Vault != nil }

// Read redeems grant and fetches its secrets fresh from the store, in the order
// of the grant's refs, as the vault's own identity where there is one. An error of
// that is a *VaultError. The redactor knows each value before Read returns it.
func (s *Store) Read(ctx context.Context, grant approval.Grant) ([]secret.Value, error) {
	refs, err := grant.Redeem()
	if err != nil {
		return nil, fmt.Errorf("read with a grant: %w", err)
	}
	values := make([]secret.Value, len(refs))
	for i, ref := range refs {
		listed, err := s.get(ctx, ref)
		if errors.Is(err, secret.ErrNotFound) || errors.Is(err, secret.ErrPathNotFound) {
			s.expire(ref)
		}
		if err != nil {
			return nil, err
		}
		s.Learner.Learn(ref, listed.Value)
		values[i] = listed.Value
	}
	return values, nil
}

func (s *Store) get(ctx context.Context, ref secret.Ref) (secret.Listed, error) {
	if s.Vault == nil {
		return s.Source.Get(ctx, ref)
	}
	listed, err := s.Vault.Get(ctx, ref)
	if err != nil {
		return secret.Listed{}, &VaultError{s.VaultIdentity, err}
	}
	return listed, nil
}
