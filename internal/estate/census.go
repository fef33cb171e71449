package estate

import (
	"context"
	"errors"
	"slices"
	"sync"

	"scrim/internal/secret"
)

// Names is a Source that lists names without values.
type Names interface {
	Source
	Names(ctx context.Context, environment, path string) (secret.Listing, error)
}

// Sight is what is known of how many secrets a place has. The zero Sight is
// Unseen.
type Sight int

// The sights.
const (
	Unseen   Sight = iota // it could not be read
	NoFolder              // there is none
	Hidden                // this identity may not see into it
	Counted
)

// String returns the public word for s.
func (s Sight) String() string {
	switch s {
	case NoFolder:
		return "absent"
	case Hidden:
		return "hidden"
	case Counted:
		return "counted"
	default:
		return "unknown"
	}
}

// MarshalText makes a Sight its public word in JSON.
func (s Sight) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Count is how many secrets a place has, where that is known.
type Count struct {
	Sight Sight
	N     int      // imports included
	Names []string // that many
	Err   error
}

// Tally is how many secrets one project has, by location.
type Tally struct {
	Project                  Project
	Injected, Staging, Vault Count
}

// Census counts the secrets of all projects.
type Census struct {
	Store  Names
	Layout Layout
	Pace   Pace
	// Wanted, where set, says which projects.
	Wanted func(project string) bool
	// Progress, where set, is told how many of all projects are done. One call ends
	// before the next begins.
	Progress func(done, all int)
}

// Take counts in one environment. Its error means that not even the projects are
// known; what could not be read of one is in its Tally.
func (c Census) Take(ctx context.Context, environment string) ([]Tally, error) {
	var projects []Project
	err := c.Pace.Patiently(ctx, func() (err error) {
		projects, err = c.Layout.Projects(ctx, c.Store, environment)
		return err
	})
	if err != nil {
		return nil, err
	}
	projects = slices.DeleteFunc(projects, func(p Project) bool { return c.Wanted != nil && !c.Wanted(p.Name) })
	tallies := make([]Tally, len(projects))
	var mu sync.Mutex
	done := 0
	c.Pace.Each(ctx, len(projects), func(i int) {
		tallies[i] = c.tally(ctx, environment, projects[i])
		mu.Lock()
		defer mu.Unlock()
		if done++; c.Progress != nil {
			c.Progress(done, len(projects))
		}
	})
	return tallies, ctx.Err()
}

// tally counts one project.
func (c Census) tally(ctx context.Context, environment string, p Project) Tally {
	return Tally{
		Project:  p,
		Injected: c.count(ctx, environment, p.Path),
		Staging:  c.count(ctx, environment, c.Layout.In(p.Path, c.Layout.Staging)),
		Vault:    c.count(ctx, environment, c.Layout.In(p.Path, c.Layout.Vault)),
	}
}

// count counts one folder. An empty list may be a denied one: only an answer about
// a name that nobody has tells them apart.
func (c Census) count(ctx context.Context, environment, at string) Count {
	var listing secret.Listing
	err := c.Pace.Patiently(ctx, func() (err error) {
		listing, err = c.Store.Names(ctx, environment, at)
		return err
	})
	if n := len(listing.Secrets); err == nil && n > 0 {
		counted := Count{Sight: Counted, N: n}
		for _, listed := range listing.Secrets {
			counted.Names = append(counted.Names, listed.Entry.Ref.Name())
		}
		return counted
	}
	if err == nil {
		err = c.Pace.seesInto(ctx, c.Store, environment, at)
	}
	switch {
	case err == nil:
		return Count{Sight: Counted}
	case errors.Is(err, secret.ErrPathNotFound):
		return Count{Sight: NoFolder}
	case errors.Is(err, secret.ErrForbidden):
		return Count{Sight: Hidden}
	default:
		return Count{Err: err}
	}
}
