package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"scrim/internal/secret"
)

// Status is what a search for a name found. The zero Status is Unknown.
type Status int

// The statuses, a closed set.
const (
	Unknown             Status = iota // a place could not be read now
	Injected                          // at the project's own path
	StagingOverride                   // staging wins over the project's path in this environment
	StoredInVault                     // stored, and not injected
	SharedNotPropagated               // in the shared source, not at this project
	Hidden                            // a place exists that this identity may not see into
	Missing                           // every place in scope was asked for the name and has it not
)

// String returns the public word for st.
func (st Status) String() string {
	switch st {
	case Injected:
		return "injected"
	case StagingOverride:
		return "staging_override"
	case StoredInVault:
		return "stored_in_vault"
	case SharedNotPropagated:
		return "shared_not_propagated"
	case Hidden:
		return "hidden"
	case Missing:
		return "missing"
	default:
		return "unknown"
	}
}

// Finding is the answer to a search for a name.
type Finding struct {
	Name        string
	Status      Status
	Place       *secret.Place // where it is, or where the view is blocked
	Entry       *Entry        // nil where nothing is known but its place
	DidYouMean  []string      // names in scope that resemble a name that is not there
	NotSearched []Gap
	AsOf        time.Time
	Err         error // why Unknown
}

// Gap is a place that a search did not cover, and why.
type Gap struct {
	Place  secret.Place
	Reason error
}

// Find says where name is. It answers Missing only where every place of the
// scope was read and the store itself said of each that it has no secret of
// that very name. A *NoEnvironmentError, a *NoPathError or secret.ErrNoProject
// says that the scope itself is not in the store, so that no absence could be
// believed.
func (s *Store) Find(ctx context.Context, name string) (Finding, error) {
	if err := secret.CheckName(name); err != nil {
		return Finding{}, err
	}
	snapshot := s.Snapshot(ctx)
	if err := snapshot.ScopeError(); err != nil {
		return Finding{}, err
	}
	f := Finding{Name: name, AsOf: snapshot.AsOf(), NotSearched: snapshot.gaps()}
	if view, entry := snapshot.lookup(name); entry != nil && view.Place.Location != secret.Shared {
		return f.at(view.Place, entry), nil
	}
	if s.absentLately(name) && snapshot.open() {
		f.Status = Missing
		f.DidYouMean = suggest(name, snapshot)
		return f, nil
	}
	return s.confirm(ctx, f, snapshot)
}

// at returns f with the status that a find at place has.
func (f Finding) at(place secret.Place, entry *Entry) Finding {
	f.Place, f.Entry = &place, entry
	switch place.Location {
	case secret.Staging:
		f.Status = StagingOverride
	case secret.Injected:
		f.Status = Injected
	case secret.Vault:
		f.Status = StoredInVault
	case secret.Shared:
		f.Status = SharedNotPropagated
	}
	return f
}

// confirm asks every place for the exact name, in parallel, and draws the
// conclusion: a list alone can be silently short.
func (s *Store) confirm(ctx context.Context, f Finding, snapshot Snapshot) (Finding, error) {
	answers := make([]error, len(snapshot.Views))
	var asking sync.WaitGroup
	for i, view := range snapshot.Views {
		asking.Go(func() { answers[i] = s.Ask(ctx, view, f.Name) })
	}
	asking.Wait()

	var shared, hidden *View
	for i := range snapshot.Views {
		view := &snapshot.Views[i]
		switch s.weigh(view.Place, answers[i]) {
		case isThere:
			return f.at(view.Place, view.find(f.Name)), nil
		case isShared:
			shared = view
		case isHidden:
			hidden = view
		case noScope:
			return Finding{}, answers[i]
		case isUnknown:
			f.Err = answers[i]
		case isAbsent:
		}
		for _, closed := range view.Closed {
			if errors.Is(closed.Reason, secret.ErrForbidden) {
				hidden = &View{Place: closed.Place}
			} else {
				f.Err = closed.Reason
			}
		}
	}
	f.DidYouMean = suggest(f.Name, snapshot)
	if f.Err == nil {
		f = s.conclude(f, shared, hidden)
	}
	return f, nil
}

// conclude gives f the status that follows when no place is unknown.
func (s *Store) conclude(f Finding, shared, hidden *View) Finding {
	switch {
	case shared != nil:
		return f.at(shared.Place, shared.find(f.Name))
	case hidden != nil:
		f.Status, f.Place = Hidden, &hidden.Place
	default:
		f.Status = Missing
		s.rememberAbsence(f.Name)
	}
	return f
}

// weight is what one place's answer says of a name. The zero weight is not
// knowing.
type weight int

const (
	isUnknown weight = iota
	isAbsent
	isHidden
	isThere
	isShared // it is there, in the shared source
	noScope  // the place's environment does not exist
)

// weigh reads the answer of place. A shared source that nobody configured and
// this identity may not see is out of scope, and hides nothing.
func (s *Store) weigh(place secret.Place, answer error) weight {
	_, noEnvironment := errors.AsType[*NoEnvironmentError](answer)
	switch {
	case noEnvironment:
		return noScope
	case answer == nil && place.Location == secret.Shared:
		return isShared
	case answer == nil:
		return isThere
	case errors.Is(answer, secret.ErrNotFound):
		return isAbsent
	case errors.Is(answer, secret.ErrForbidden) && place.Location == secret.Shared && !place.Stated:
		return isAbsent
	case errors.Is(answer, secret.ErrForbidden):
		return isHidden
	default:
		return isUnknown
	}
}

// Ask asks the place of view for name: nil is present, secret.ErrNotFound is
// absent for certain, secret.ErrForbidden is hidden; anything else is not
// knowing. A place that was not read just now is not asked again.
func (s *Store) Ask(ctx context.Context, view View, name string) error {
	switch view.State {
	case Absent:
		return secret.ErrNotFound
	case Unread:
		return view.Err
	case Readable, NamesOnly, Denied:
	}
	ref, err := view.Place.Ref(name)
	if err != nil {
		return err
	}
	err = s.Source.Probe(ctx, ref)
	if errors.Is(err, secret.ErrPathNotFound) {
		err = s.explainAbsence(ctx, view.Place)
		if _, gone := errors.AsType[*NoPathError](err); gone && view.Place.Location != secret.Injected {
			err = secret.ErrNotFound
		}
	}
	return err
}

// ScopeError returns why the scope itself is not in the store, or nil. Without
// its project path and environments no absence means anything.
func (s Snapshot) ScopeError() error {
	for _, v := range s.Views {
		if _, ok := errors.AsType[*NoEnvironmentError](v.Err); ok || errors.Is(v.Err, secret.ErrNoProject) {
			return v.Err
		}
		if v.State == Absent && v.Place.Stated {
			return v.Err
		}
	}
	return nil
}

// lookup returns the first view, in order of precedence, that lists name.
func (s Snapshot) lookup(name string) (*View, *Entry) {
	for i := range s.Views {
		if entry := s.Views[i].find(name); entry != nil && s.Views[i].State != Unread {
			return &s.Views[i], entry
		}
	}
	return nil, nil
}

// gaps lists the places that were not read, and those of a convention that this
// project does not follow.
func (s Snapshot) gaps() []Gap {
	var gaps []Gap
	for _, v := range s.Views {
		if v.State == Unread || v.State == Denied || v.State == Absent && v.Place.Location == secret.Vault {
			gaps = append(gaps, Gap{v.Place, v.Err})
		}
		gaps = append(gaps, v.Closed...)
	}
	return gaps
}

// open reports whether every place that counts could be looked into.
func (s Snapshot) open() bool {
	return !slices.ContainsFunc(s.Views, func(v View) bool {
		optional := v.Place.Location == secret.Shared && !v.Place.Stated
		return v.State == Unread || v.State == Denied && !optional || len(v.Closed) > 0
	})
}

func (s *Store) absentLately(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.absences[name]
	return ok && s.Now().Sub(at) < absentFor
}

func (s *Store) rememberAbsence(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, at := range s.absences {
		if s.Now().Sub(at) >= absentFor {
			delete(s.absences, old)
		}
	}
	s.absences[name] = s.Now()
}
