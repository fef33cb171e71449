// Package store answers what a scope holds: names, where they lie, and whether
// an absence is a fact. It keeps one snapshot of the scope, read in parallel
// and refreshed only when somebody asks.
package store

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"scrim/internal/secret"
)

// How long an answer serves. The free cloud tier allows 40 secret calls a
// minute, so a scope of four places stays well below it.
const (
	freshFor       = 30 * time.Second // a snapshot
	absentFor      = 60 * time.Second // a confirmed absence, and that an empty folder is not a denied one
	retryAfter     = time.Second      // a place that could not be read
	refreshTimeout = 20 * time.Second // one whole refresh; single calls have shorter limits of their own
)

// Source is the store as this package needs it. Its errors wrap the sentinels
// of package secret. internal/infisical has the real one.
type Source interface {
	List(ctx context.Context, environment, path, etag string) (secret.Listing, error)
	Get(ctx context.Context, ref secret.Ref) (secret.Listed, error)
	// Probe asks for one exact name without its value: nil is present,
	// secret.ErrNotFound is absent, secret.ErrForbidden is hidden.
	Probe(ctx context.Context, ref secret.Ref) error
	// Names lists a folder without values.
	Names(ctx context.Context, environment, path string) (secret.Listing, error)
	// Folders lists the folders in path, the same for every identity. A missing
	// path has none; a missing environment is secret.ErrPathNotFound.
	Folders(ctx context.Context, environment, path string) ([]string, error)
}

// Reader reads one secret, fresh. Its errors are as those of a Source.
type Reader interface {
	Get(ctx context.Context, ref secret.Ref) (secret.Listed, error)
}

// Learner is told every value that the store shows, and of names whose values
// this identity may not read the zero Value: it must know what is a name, or a
// value that equals one would hide it. redact.Redactor is one.
type Learner interface {
	Learn(ref secret.Ref, v secret.Value)
}

// Options make a Store.
type Options struct {
	Scope  secret.Scope
	Source Source
	// Vault reads what a grant is for, and nothing else, where that is an identity
	// of its own; nil: Source does. VaultIdentity names it, for errors.
	Vault         Reader
	VaultIdentity string
	Learner       Learner
	// Judge is shown values, so that who asks Problems what is wrong with one
	// need not be. Nil is an error there.
	Judge secret.Judge
	Log   *slog.Logger
	Now   func() time.Time
	// Changed is called, where set, after a refresh that found another set of
	// names than the one before.
	Changed func()
	// Refreshed is called, where set, after each refresh with what is known
	// then. One call ends before the next begins.
	Refreshed func(Snapshot)
}

// Store holds the snapshot of one scope. It is safe for concurrent use.
type Store struct {
	Options
	flight singleflight.Group

	mu       sync.Mutex
	snapshot Snapshot
	absences map[string]time.Time
}

// New returns a Store that has read nothing yet.
func New(o Options) *Store {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	places := o.Scope.Places()
	views := make([]View, len(places))
	for i, place := range places {
		views[i] = View{Place: place, Err: ErrNotRead}
	}
	return &Store{Options: o, snapshot: Snapshot{Views: views}, absences: map[string]time.Time{}}
}

// ErrNotRead is why a place is unread before it was ever looked at.
var ErrNotRead = errors.New("the place was not read yet")

// Snapshot is one reading of a whole scope, a view for each of its places, in
// the order of secret.Scope.Places. It is not changed once it is returned.
type Snapshot struct{ Views []View }

// AsOf returns the age of the oldest reading, or the zero time where nothing
// was ever read.
func (s Snapshot) AsOf() time.Time {
	var oldest time.Time
	for _, v := range s.Views {
		if !v.ReadAt.IsZero() && (oldest.IsZero() || v.ReadAt.Before(oldest)) {
			oldest = v.ReadAt
		}
	}
	return oldest
}

// Len returns how many entries the snapshot has.
func (s Snapshot) Len() int {
	n := 0
	for _, v := range s.Views {
		n += len(v.Entries)
	}
	return n
}

// Has reports whether some place lists name.
func (s Snapshot) Has(name string) bool {
	return slices.ContainsFunc(s.Views, func(v View) bool { return v.find(name) != nil })
}

// Known reports whether every place was read, or is known to be closed to this
// identity or absent: only then does the redactor know all it ever will.
func (s Snapshot) Known() bool {
	return !slices.ContainsFunc(s.Views, func(v View) bool { return v.State == Unread })
}

// Err returns why a place is unread, or nil where none is.
func (s Snapshot) Err() error {
	for _, v := range s.Views {
		if v.State == Unread {
			return v.Err
		}
	}
	return nil
}

// Peek returns the snapshot as it is, however old, without asking the store.
func (s *Store) Peek() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshot
}

// Snapshot returns a snapshot that is at most 30 seconds old, and tries places
// that could not be read again. It never fails: what could not be read is
// Unread. A caller that goes away leaves the refresh to the others.
func (s *Store) Snapshot(ctx context.Context) Snapshot {
	if current, fresh := s.current(); fresh {
		return current
	}
	done := s.flight.DoChan("snapshot", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
		defer cancel()
		return s.refresh(ctx), nil
	})
	select {
	case <-ctx.Done():
		return s.Peek()
	case result := <-done:
		return result.Val.(Snapshot) //nolint:forcetypeassert // made four lines above
	}
}

// current returns the snapshot and whether it still serves.
func (s *Store) current() (Snapshot, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	due := slices.ContainsFunc(s.snapshot.Views, func(v View) bool { return v.isDue(now) })
	return s.snapshot, !due
}

// refresh reads every place that is due, in parallel, and keeps the result.
func (s *Store) refresh(ctx context.Context) Snapshot {
	before := s.Peek()
	next := Snapshot{Views: slices.Clone(before.Views)}

	var reading sync.WaitGroup
	for i, view := range before.Views {
		if view.isDue(s.Now()) {
			reading.Go(func() { next.Views[i] = s.read(ctx, view) })
		}
	}
	reading.Wait()
	next.markShared()

	s.mu.Lock()
	s.snapshot = next
	s.mu.Unlock()
	if s.Refreshed != nil {
		s.Refreshed(next)
	}
	if s.Changed != nil && !slices.Equal(before.names(), next.names()) {
		s.Changed()
	}
	return next
}

// expire makes the place of ref due, since what is known of it is wrong.
func (s *Store) expire(ref secret.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := slices.Clone(s.snapshot.Views)
	for i, v := range views {
		if v.Place.Environment == ref.Environment() && v.Place.Path == ref.Path() {
			views[i].due = time.Time{}
		}
	}
	s.snapshot.Views = views
}

// names lists every name with its place, for telling whether the set changed.
func (s Snapshot) names() []string {
	var names []string
	for _, v := range s.Views {
		for _, e := range v.Entries {
			names = append(names, e.Ref.String())
		}
	}
	return names
}
