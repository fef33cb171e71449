// Package estate looks over all projects of a store at once: which there are, and
// how each stands to the shared source, whose secrets several of them have copies
// of. It compares values by a keyed digest, writes what is missing or differs, and
// says of no value more than that.
package estate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"scrim/internal/secret"
)

// Source is the store as this package reads it. Its errors wrap the sentinels of
// package secret. internal/infisical has the real one.
type Source interface {
	List(ctx context.Context, environment, path, etag string) (secret.Listing, error)
	Probe(ctx context.Context, ref secret.Ref) error
	Folders(ctx context.Context, environment, path string) ([]string, error)
}

// Target is a Source that can be written to. A write that fails may have been
// done.
type Target interface {
	Source
	Create(ctx context.Context, environment, path string, drafts []secret.Draft) error
	Update(ctx context.Context, environment, path string, drafts []secret.Draft) error
}

// Layout says where things lie.
type Layout struct {
	Shared     string            // the path of the shared source
	Vault      string            // a project's vault: a path below the project's, or an absolute one
	Staging    string            // its staging secrets, likewise
	Registered map[string]string // projects whose path is not "/NAME", by name
}

// Project is one project of the store.
type Project struct{ Name, Path string }

// Projects returns the projects in environment, by name: every folder at the root
// that is none of Layout's other places, and the registered ones that are there. A
// missing environment is secret.ErrPathNotFound.
func (l Layout) Projects(ctx context.Context, source Source, environment string) ([]Project, error) {
	found := map[string]string{}
	top, err := source.Folders(ctx, environment, "/")
	if err != nil {
		return nil, fmt.Errorf("find the projects: %w", err)
	}
	for _, name := range top {
		if l.IsProject("/" + name) {
			found[name] = "/" + name
		}
	}
	for name, at := range l.Registered {
		there, err := exists(ctx, source, environment, at)
		if err != nil {
			return nil, fmt.Errorf("find project %s: %w", name, err)
		}
		if there {
			found[name] = at
		}
	}
	var all []Project
	for _, name := range slices.Sorted(maps.Keys(found)) {
		all = append(all, Project{name, found[name]})
	}
	return all, nil
}

// IsProject reports whether a folder at the root is a project of that name: not
// the way to the shared source, to a vault that all projects have in common or to
// a registered project, nor the vault of a project at the root.
func (l Layout) IsProject(at string) bool {
	if secret.CheckPath(at) != nil || secret.Under(l.Shared, at) || l.isPart(l.Vault, at) || l.isPart(l.Staging, at) {
		return false
	}
	for _, registered := range l.Registered {
		if secret.Under(registered, at) {
			return false
		}
	}
	return true
}

// isPart reports whether a folder at the root is part of a project at the root, or
// the way to a part that all projects have in common.
func (l Layout) isPart(part, at string) bool {
	return at == l.In("/", part) || strings.HasPrefix(part, "/") && secret.Under(part, at)
}

// In returns the path that is part of the project at root.
func (Layout) In(root, part string) string {
	if strings.HasPrefix(part, "/") {
		return part
	}
	return path.Join(root, part)
}

// exists reports whether a folder is there, which the store says only of what lies
// in its parent.
func exists(ctx context.Context, source Source, environment, at string) (bool, error) {
	if at == "/" {
		return true, nil
	}
	siblings, err := source.Folders(ctx, environment, path.Dir(at))
	return slices.Contains(siblings, path.Base(at)), err
}

// seesInto returns nil where this identity may see what is in a folder. The list of
// one that it may not see into is empty: only an answer about a name that nobody has
// tells that from an empty folder.
func (p Pace) seesInto(ctx context.Context, source Source, environment, at string) error {
	ref, err := secret.ParseRef(environment, at, "SCRIM_PROBE_"+rand.Text())
	if err != nil {
		return err
	}
	err = p.Patiently(ctx, func() error { return source.Probe(ctx, ref) })
	if errors.Is(err, secret.ErrNotFound) {
		return nil
	}
	return err
}

// Pace bounds how much is asked of a store at once, and keeps away from one that
// asks to be left alone. The zero Pace asks for eight things at a time.
type Pace struct {
	Parallel int
	Waits    func(time.Duration) // is told of a wait that the store asked for; may be nil
}

const (
	defaultParallel = 8
	maxFailures     = 4
	firstPause      = 200 * time.Millisecond
)

// Each calls do for the numbers below n, some at a time. It ends early only with
// ctx.
func (p Pace) Each(ctx context.Context, n int, do func(int)) {
	var group errgroup.Group
	group.SetLimit(max(p.Parallel, 0))
	if p.Parallel <= 0 {
		group.SetLimit(defaultParallel)
	}
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { do(i); return nil })
	}
	_ = group.Wait()
}

// Patiently calls do until it succeeds or fails for good: a limited rate is waited
// out however often, what cannot be reached is tried four times.
func (p Pace) Patiently(ctx context.Context, do func() error) error {
	for failures := 1; ; failures++ {
		err := p.politely(ctx, do)
		if !errors.Is(err, secret.ErrUnavailable) || failures == maxFailures || pause(ctx, firstPause<<failures) != nil {
			return err
		}
	}
}

// politely calls do until the store does not put it off.
func (p Pace) politely(ctx context.Context, do func() error) error {
	for {
		err := do()
		limited, ok := errors.AsType[*secret.RateLimitedError](err)
		if !ok {
			return err
		}
		wait := max(limited.After, firstPause)
		if p.Waits != nil {
			p.Waits(wait)
		}
		if pause(ctx, wait) != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
