package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"scrim/internal/secret"
)

// State is what is known of a place. The zero State knows nothing.
type State int

// The states of a place.
const (
	Unread    State = iota // it could not be read (yet); see View.Err
	Readable               // names and values were read
	NamesOnly              // names were read; this identity may not see values
	Denied                 // this identity may not see into it
	Absent                 // it does not exist, proved by the list of its parent's folders
)

// View is one place of a scope as it was last read.
type View struct {
	Place      secret.Place
	State      State
	Entries    []Entry // sorted by name; those of the last good reading where State is Unread
	Refused    int     // secrets under names that scrim cannot address
	Unexpanded bool    // values hold ${references} that this identity may not follow
	ReadAt     time.Time
	Err        error // why it is Unread, Denied or Absent
	Closed     []Gap // what it imports from, and this identity may not look into

	etag   string
	silent []secret.Place // what it imports from without getting anything
	due    time.Time      // when it is to be read again; zero is at once
	probed time.Time      // when an empty folder was last told from a denied one
}

// Entry is one secret of a place. Like secret.Entry it has no value to show.
type Entry struct {
	secret.Entry
	Imported string // "env:/path" that it was imported from, or empty
	Shared   bool   // an injected copy of a secret of the shared source

	value secret.Value // to tell a copy from another secret of the same name
}

// Hidden reports whether this identity may see the name and not the value.
func (e *Entry) Hidden() bool { return e.value.IsZero() }

// Value returns the value as it was last read, or the zero Value where this
// identity may not see it. Few may reveal it.
func (e *Entry) Value() secret.Value { return e.value }

// ErrNoJudge says that a store was made without a judge of values.
var ErrNoJudge = errors.New("judge a value: this store has no judge")

// Problems says what is wrong with the value of e. Of a value that this
// identity may not read nobody knows anything.
func (s *Store) Problems(e Entry) ([]secret.Problem, error) {
	switch {
	case s.Judge == nil:
		return nil, ErrNoJudge
	case e.Hidden():
		return nil, nil
	default:
		return s.Judge.Judge(e.Ref, e.value), nil
	}
}

// find returns the entry called name, or nil.
func (v *View) find(name string) *Entry {
	i, ok := slices.BinarySearchFunc(v.Entries, name, func(e Entry, name string) int {
		return cmp.Compare(e.Ref.Name(), name)
	})
	if !ok {
		return nil
	}
	return &v.Entries[i]
}

func (v *View) isDue(now time.Time) bool { return !now.Before(v.due) }

// servesFor returns how long the place is left alone.
func (v *View) servesFor() time.Duration {
	if v.State != Unread {
		return freshFor
	}
	if limited, ok := errors.AsType[*secret.RateLimitedError](v.Err); ok {
		return max(retryAfter, limited.After)
	}
	return retryAfter
}

// NoEnvironmentError says that the store has no environment of that slug in
// the project, so that nothing in it can be called absent.
type NoEnvironmentError struct{ Environment string }

// Error names the environment.
func (e *NoEnvironmentError) Error() string {
	return fmt.Sprintf("the store's project has no environment %q", e.Environment)
}

// NoPathError says that a project's own path is not in the store.
type NoPathError struct{ Place secret.Place }

// Error names the path and the environment.
func (e *NoPathError) Error() string {
	return fmt.Sprintf("the store has no folder %s in environment %q", e.Place.Path, e.Place.Environment)
}

// read reads the place of before again. A place that cannot be read keeps the
// entries of its last good reading.
func (s *Store) read(ctx context.Context, before View) View {
	after := s.look(ctx, before)
	after.due = s.Now().Add(after.servesFor())
	return after
}

func (s *Store) look(ctx context.Context, before View) View {
	place := before.Place
	listing, err := s.Source.List(ctx, place.Environment, place.Path, before.etag)
	if errors.Is(err, secret.ErrPathNotFound) {
		err = s.explainAbsence(ctx, place)
	}
	if err != nil {
		s.Log.Debug("place not read", "place", place.String(), "error", err)
		return failed(before, err, s.Now())
	}
	after := before
	after.Err, after.ReadAt = nil, s.Now()
	if !listing.NotModified {
		after = s.adopt(place, listing)
		after.probed = before.probed
	}
	if len(after.Entries) == 0 && after.Refused == 0 {
		after = s.tellEmptyFromDenied(ctx, after)
	}
	return s.lookThrough(ctx, after)
}

// lookThrough asks each place that v imports from and that gave nothing: it may
// be empty, closed to this identity, or open for names alone.
func (s *Store) lookThrough(ctx context.Context, v View) View {
	v.Closed = nil
	if v.State != Readable && v.State != NamesOnly {
		return v
	}
	for _, source := range v.silent {
		err := s.probeNobody(ctx, source)
		if !errors.Is(err, secret.ErrNotFound) {
			v.Closed = append(v.Closed, Gap{source, cmp.Or(err, secret.ErrBadResponse)})
		}
	}
	if len(v.silent) > len(v.Closed) {
		v = s.addNames(ctx, v)
	}
	return v
}

// addNames adds the names that a list with values leaves out: those of imports
// whose values this identity may not see.
func (s *Store) addNames(ctx context.Context, v View) View {
	listing, err := s.Source.Names(ctx, v.Place.Environment, v.Place.Path)
	if err != nil {
		v.Closed = append(v.Closed, Gap{v.Place, err})
		return v
	}
	entries := slices.Clone(v.Entries)
	for _, listed := range listing.Secrets {
		if v.find(listed.Entry.Ref.Name()) == nil {
			entry := Entry{Entry: listed.Entry, Imported: listed.Imported}
			entry.Location = v.Place.Location
			s.Learner.Learn(entry.Ref, secret.Value{})
			entries = append(entries, entry)
		}
	}
	sortByName(entries)
	v.Entries = entries
	return v
}

// adopt makes a view of a listing and teaches the redactor its values.
func (s *Store) adopt(place secret.Place, listing secret.Listing) View {
	v := View{
		Place: place, State: Readable, ReadAt: s.Now(), etag: listing.ETag,
		Refused: len(listing.Refused), Unexpanded: listing.Unexpanded, silent: listing.Silent,
	}
	if listing.Hidden {
		v.State = NamesOnly
	}
	for _, value := range listing.Refused {
		s.Learner.Learn(secret.Ref{}, value)
	}
	for _, listed := range listing.Secrets {
		s.Learner.Learn(listed.Entry.Ref, listed.Value)
		entry := Entry{Entry: listed.Entry, Imported: listed.Imported, value: listed.Value}
		entry.Location = place.Location
		v.Entries = append(v.Entries, entry)
	}
	sortByName(v.Entries)
	return v
}

func sortByName(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Ref.Name(), b.Ref.Name()) })
}

// tellEmptyFromDenied asks for a name that nobody has: the list of a folder
// that is denied by a path condition is empty like that of an empty folder, but
// a get there is refused (transcripts 166 and 167).
func (s *Store) tellEmptyFromDenied(ctx context.Context, v View) View {
	if !v.probed.IsZero() && s.Now().Sub(v.probed) < absentFor && v.State != Unread {
		return v
	}
	err := s.probeNobody(ctx, v.Place)
	if !errors.Is(err, secret.ErrNotFound) {
		return failed(v, cmp.Or(err, secret.ErrBadResponse), s.Now())
	}
	v.probed = s.Now()
	if v.State == Unread || v.State == Denied {
		v.State = Readable
	}
	return v
}

// probeNobody asks place for a name that nobody has.
func (s *Store) probeNobody(ctx context.Context, place secret.Place) error {
	ref, err := place.Ref("SCRIM_PROBE_" + rand.Text())
	if err != nil {
		return err
	}
	return s.Source.Probe(ctx, ref)
}

// explainAbsence returns why a place is not found: *NoEnvironmentError or
// *NoPathError where its parent's list of folders proves it, another error
// where it does not.
func (s *Store) explainAbsence(ctx context.Context, place secret.Place) error {
	folders, err := s.Source.Folders(ctx, place.Environment, path.Dir(place.Path))
	switch {
	case errors.Is(err, secret.ErrPathNotFound):
		return &NoEnvironmentError{place.Environment}
	case err != nil:
		return err
	case slices.Contains(folders, path.Base(place.Path)):
		return fmt.Errorf("list %s: %w: the folder is there and is not found", place, secret.ErrBadResponse)
	default:
		return &NoPathError{place}
	}
}

// failed is before with the outcome of a reading that gave nothing.
func failed(before View, err error, now time.Time) View {
	v := before
	v.Err, v.State = err, Unread
	_, noPath := errors.AsType[*NoPathError](err)
	switch {
	case noPath:
		return View{Place: v.Place, State: Absent, Err: err, ReadAt: now}
	case errors.Is(err, secret.ErrForbidden):
		return View{Place: v.Place, State: Denied, Err: err, ReadAt: now}
	default:
		v.etag = "" // so that only a good reading can be "not modified"
		return v
	}
}

// markShared marks injected entries that are a copy of, or an import from, the
// shared source.
func (s Snapshot) markShared() {
	for i := range s.Views {
		shared := &s.Views[i]
		if shared.Place.Location != secret.Shared {
			continue
		}
		for j := range s.Views {
			if s.Views[j].Place.Location == secret.Injected {
				markCopies(&s.Views[j], shared)
			}
		}
	}
}

func markCopies(injected, shared *View) {
	entries := slices.Clone(injected.Entries) // an earlier snapshot may hold the old ones
	for i, e := range entries {
		source := shared.find(e.Ref.Name())
		entries[i].Shared = e.Imported == shared.Place.String() ||
			source != nil && !e.value.IsZero() && !source.value.IsZero() && e.value.Equal(source.value)
	}
	injected.Entries = entries
}
