package estate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"scrim/internal/secret"
)

// Founder makes folders that are missing.
type Founder struct {
	Store interface {
		Source
		CreateFolder(ctx context.Context, environment, path string) error
	}
	Pace Pace
}

// Missing returns which of the folders at paths, and of those on the way to them,
// are not there, in the order in which they can be made.
func (f Founder) Missing(ctx context.Context, environment string, paths ...string) ([]string, error) {
	var missing []string
	for _, at := range paths {
		var above []string
		for ; at != "/" && !slices.Contains(missing, at); at = path.Dir(at) {
			there, err := f.exists(ctx, environment, at)
			if err != nil {
				return nil, fmt.Errorf("look for the folder %s:%s: %w", environment, at, err)
			}
			if there {
				break
			}
			above = append([]string{at}, above...)
		}
		missing = append(missing, above...)
	}
	return missing, nil
}

func (f Founder) exists(ctx context.Context, environment, at string) (there bool, err error) {
	err = f.Pace.Patiently(ctx, func() (err error) {
		there, err = exists(ctx, f.Store, environment, at)
		return err
	})
	return there, err
}

// Make makes one folder. One that is there by then is no error, and neither is a
// failure after which it is there.
func (f Founder) Make(ctx context.Context, environment, at string) error {
	err := f.Pace.politely(ctx, func() error { return f.Store.CreateFolder(ctx, environment, at) })
	if err == nil || errors.Is(err, secret.ErrExists) {
		return nil
	}
	if there, looked := f.exists(ctx, environment, at); looked == nil && there {
		return nil
	}
	return err
}
