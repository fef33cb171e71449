package identity

import (
	"context"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// Own lists a folder as it was written; see infisical.Client.
func (s *Source) Own(ctx context.Context, environment, path string) (l secret.Listing, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		l, err = c.Own(ctx, environment, path)
		return err
	})
	return l, err
}

// Create adds secrets to a folder; see infisical.Client.
func (s *Source) Create(ctx context.Context, environment, path string, drafts []secret.Draft) error {
	return s.ask(ctx, func(c *infisical.Client) error { return c.Create(ctx, environment, path, drafts) })
}

// Update changes secrets of a folder; see infisical.Client.
func (s *Source) Update(ctx context.Context, environment, path string, drafts []secret.Draft) error {
	return s.ask(ctx, func(c *infisical.Client) error { return c.Update(ctx, environment, path, drafts) })
}

// Delete removes one secret; see infisical.Client.
func (s *Source) Delete(ctx context.Context, ref secret.Ref) error {
	return s.ask(ctx, func(c *infisical.Client) error { return c.Delete(ctx, ref) })
}

// CreateFolder makes a folder; see infisical.Client.
func (s *Source) CreateFolder(ctx context.Context, environment, path string) error {
	return s.ask(ctx, func(c *infisical.Client) error { return c.CreateFolder(ctx, environment, path) })
}
