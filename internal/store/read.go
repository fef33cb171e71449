package store

import (
	"context"
	"errors"
	"fmt"

	"scrim/internal/approval"
	"scrim/internal/secret"
)

// Read redeems grant and fetches its secrets fresh from the store, in the order
// of the grant's refs. The redactor knows each value before Read returns it.
func (s *Store) Read(ctx context.Context, grant approval.Grant) ([]secret.Value, error) {
	refs, err := grant.Redeem()
	if err != nil {
		return nil, fmt.Errorf("read with a grant: %w", err)
	}
	values := make([]secret.Value, len(refs))
	for i, ref := range refs {
		listed, err := s.Source.Get(ctx, ref)
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
