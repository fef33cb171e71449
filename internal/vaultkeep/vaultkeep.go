// Package vaultkeep keeps a project's vault: it proves that what is in it is not
// listed with the project, and moves secrets into it and out of it so that none is
// ever lost.
package vaultkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scrim/internal/estate"
	"scrim/internal/secret"
)

// Viewer is the store as one identity sees it. Its errors wrap the sentinels of
// package secret. internal/infisical has the real one.
type Viewer interface {
	List(ctx context.Context, environment, path, etag string) (secret.Listing, error)
	Names(ctx context.Context, environment, path string) (secret.Listing, error)
	Get(ctx context.Context, ref secret.Ref) (secret.Listed, error)
	Probe(ctx context.Context, ref secret.Ref) error
}

// Store is a Viewer that may write. A write that fails may have been done.
type Store interface {
	Viewer
	Own(ctx context.Context, environment, path string) (secret.Listing, error)
	Create(ctx context.Context, environment, path string, drafts []secret.Draft) error
	Delete(ctx context.Context, ref secret.Ref) error
}

// writeLimit bounds one write. It goes on when whoever asked for it has left: what
// became of it has to be known.
const writeLimit = 15 * time.Second

// writing returns the context of a write.
func writing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
}

// patiently reads something, however long the store makes one wait.
func patiently[T any](ctx context.Context, pace estate.Pace, read func() (T, error)) (got T, err error) {
	err = pace.Patiently(ctx, func() (err error) {
		got, err = read()
		return err
	})
	return got, err
}

// find returns the secret of that name, or nil.
func find(l secret.Listing, name string) *secret.Listed {
	for i, s := range l.Secrets {
		if s.Entry.Ref.Name() == name {
			return &l.Secrets[i]
		}
	}
	return nil
}

// NoFolderError is secret.ErrPathNotFound for a folder that has to be there.
type NoFolderError struct{ Place secret.Place }

// Error names the folder.
func (e *NoFolderError) Error() string { return fmt.Sprintf("there is no folder %s", e.Place) }

// Unwrap returns secret.ErrPathNotFound.
func (e *NoFolderError) Unwrap() error { return secret.ErrPathNotFound }

// absent makes err a NoFolderError where place is not there.
func absent(place secret.Place, err error) error {
	if errors.Is(err, secret.ErrPathNotFound) {
		return &NoFolderError{place}
	}
	return err
}
