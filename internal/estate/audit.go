package estate

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"scrim/internal/secret"
)

// State is how a project stands to one secret of the shared source. The zero State
// is Unknown.
type State int

// The states of a shared secret at a project.
const (
	Unknown  State = iota // this identity cannot see it, or the store did not say
	OK                    // a copy with the same value
	Missing               // not there: the store said so of this very name
	Differs               // there, with another value
	Shadowed              // the project's own value on purpose
	Imported              // the project imports the shared source
)

// States lists the states, in the order of a legend.
func States() []State { return []State{OK, Imported, Shadowed, Missing, Differs, Unknown} }

// String returns the public word for s.
func (s State) String() string {
	switch s {
	case OK:
		return "ok"
	case Missing:
		return "missing"
	case Differs:
		return "differs"
	case Shadowed:
		return "shadowed"
	case Imported:
		return "imported"
	default:
		return "unknown"
	}
}

// MarshalText makes a State its public word in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Off reports whether s is something to be put right.
func (s State) Off() bool { return s == Missing || s == Differs }

// Row is one project's states, in the order of Report.Names.
type Row struct {
	Project Project
	States  []State
	Err     error // why all of them are Unknown, or some

	found []finding
}

// finding is what a project has under one name. Two that are equal say that nobody
// changed it in between.
type finding struct {
	digest   [32]byte // of its value; zero where it has none that is known
	imported bool     // it has the name by an import alone
}

// Report is how the projects of one environment stand to the shared source.
type Report struct {
	Environment string
	Names       []string // of the shared source, sorted
	Rows        []Row    // by project
	Blind       []string // those of Names whose value is not known; they are Unknown everywhere

	source source
}

// Count returns how many cells are in state s.
func (r Report) Count(s State) int {
	n := 0
	for _, row := range r.Rows {
		for _, state := range row.States {
			if state == s {
				n++
			}
		}
	}
	return n
}

// Auditor compares projects with the shared source.
type Auditor struct {
	Store  Source
	Layout Layout
	// Except is, by project, the names that have a value of their own there.
	Except map[string][]string
	Pace   Pace
	// Learn, where set, is told what the shared source holds: the redactor has to
	// know it.
	Learn func(secret.Ref, secret.Value)
	// Progress, where set, is told how many of all projects are done. One call ends
	// before the next begins.
	Progress func(done, all int)
}

// Audit looks at the projects in environment that want names. Its error means that
// nothing could be compared; what could not be read of one project is in its Row.
func (a Auditor) Audit(ctx context.Context, environment string, wanted func(project string) bool) (Report, error) {
	var key [32]byte
	_, _ = rand.Read(key[:])
	shared, err := a.shared(ctx, environment, key)
	if err != nil {
		return Report{}, err
	}
	var projects []Project
	err = a.Pace.Patiently(ctx, func() (err error) {
		projects, err = a.Layout.Projects(ctx, a.Store, environment)
		return err
	})
	if err != nil {
		return Report{}, err
	}
	projects = slices.DeleteFunc(projects, func(p Project) bool { return wanted != nil && !wanted(p.Name) })
	r := Report{Environment: environment, Names: shared.names, Blind: shared.blind(), Rows: make([]Row, len(projects)), source: shared}
	tally := a.tally(len(projects))
	a.Pace.Each(ctx, len(projects), func(i int) {
		r.Rows[i] = a.row(ctx, shared, projects[i])
		tally()
	})
	return r, ctx.Err()
}

// tally returns what counts one more of all as done.
func (a Auditor) tally(all int) func() {
	var mu sync.Mutex
	done := 0
	return func() {
		mu.Lock()
		defer mu.Unlock()
		if done++; a.Progress != nil {
			a.Progress(done, all)
		}
	}
}

// Shared returns the names of the shared source.
func (a Auditor) Shared(ctx context.Context, environment string) ([]string, error) {
	s, err := a.shared(ctx, environment, [32]byte{}) // nothing is compared
	return s.names, err
}

// source is the shared source, as it was read.
type source struct {
	at     secret.Place
	names  []string
	drafts map[string]secret.Draft // what a copy is to be
	key    [32]byte                // of the digests, for one audit alone
	digest map[string][32]byte
}

// shared reads the shared source. Nothing can be compared with one whose values
// this identity may not read.
func (a Auditor) shared(ctx context.Context, environment string, key [32]byte) (source, error) {
	s := source{
		at:     secret.Place{Environment: environment, Path: a.Layout.Shared},
		drafts: map[string]secret.Draft{}, key: key, digest: map[string][32]byte{},
	}
	listing, err := a.list(ctx, environment, a.Layout.Shared)
	if err != nil {
		return source{}, fmt.Errorf("read the shared source: %w", err)
	}
	if len(listing.Secrets) == 0 {
		if err := a.Pace.seesInto(ctx, a.Store, environment, a.Layout.Shared); err != nil {
			return source{}, fmt.Errorf("read the shared source %s: %w", s.at, err)
		}
	}
	if listing.Hidden {
		return source{}, fmt.Errorf("read the values of the shared source %s: %w", s.at, secret.ErrForbidden)
	}
	for _, listed := range listing.Secrets {
		name := listed.Entry.Ref.Name()
		s.names = append(s.names, name)
		if a.Learn != nil {
			a.Learn(listed.Entry.Ref, listed.Value)
		}
		if !known(listing, listed) {
			continue // its cells are Unknown
		}
		s.drafts[name] = secret.Draft{Name: name, Value: listed.Value, Comment: listed.Entry.Comment}
		s.digest[name] = listed.Value.Digest(s.key)
	}
	slices.Sort(s.names)
	return s, nil
}

// known reports whether a value is what a program would get.
func known(l secret.Listing, s secret.Listed) bool {
	return !s.Value.IsZero() && (!l.Unexpanded || !s.Value.Refers())
}

// blind returns the names whose value is not known.
func (s source) blind() []string {
	return slices.DeleteFunc(slices.Clone(s.names), func(name string) bool {
		_, known := s.digest[name]
		return known
	})
}

// list reads a folder, however long the store makes one wait.
func (a Auditor) list(ctx context.Context, environment, at string) (listing secret.Listing, err error) {
	err = a.Pace.Patiently(ctx, func() (err error) {
		listing, err = a.Store.List(ctx, environment, at, "")
		return err
	})
	return listing, err
}

// row compares one project.
func (a Auditor) row(ctx context.Context, shared source, p Project) Row {
	row := Row{Project: p, States: make([]State, len(shared.names)), found: make([]finding, len(shared.names))}
	listing, err := a.list(ctx, shared.at.Environment, p.Path)
	if err != nil {
		row.Err = err
		return row
	}
	held := map[string]secret.Listed{}
	for _, listed := range listing.Secrets {
		held[listed.Entry.Ref.Name()] = listed
	}
	for i, name := range shared.names {
		listed, there := held[name]
		_, compared := shared.digest[name]
		switch {
		case slices.Contains(a.Except[p.Name], name):
			row.States[i] = Shadowed
		case listed.Imported == shared.at.String():
			row.States[i] = Imported
		case !compared:
		case there && !known(listing, listed):
			row.Err = errors.Join(row.Err, unread(listed))
		case there:
			row.found[i] = finding{listed.Value.Digest(shared.key), listed.Imported != ""}
			row.States[i] = shared.compare(name, row.found[i])
		default:
			row.States[i], err = a.absent(ctx, shared.at.Environment, p, name, listing.Silent)
			row.Err = errors.Join(row.Err, err)
		}
	}
	return row
}

// compare says how a project's copy stands to the source's value.
func (s source) compare(name string, f finding) State {
	if f.digest == s.digest[name] {
		return OK
	}
	return Differs
}

// errRefers is why a value is not known that this identity may read.
var errRefers = errors.New("a value refers to what this identity may not read")

// unread is why a listed value is not known.
func unread(s secret.Listed) error {
	why := errRefers
	if s.Value.IsZero() {
		why = secret.ErrForbidden
	}
	return fmt.Errorf("read %s: %w", s.Entry.Ref, why)
}

// absent says whether a name that is not listed is missing. A list leaves out what
// this identity may not see, so only the store's word on this very name proves it:
// in the project, and in each place that it imports from without getting anything.
func (a Auditor) absent(ctx context.Context, environment string, p Project, name string, silent []secret.Place) (State, error) {
	for _, at := range append([]secret.Place{{Environment: environment, Path: p.Path}}, silent...) {
		ref, err := secret.ParseRef(at.Environment, at.Path, name)
		if err != nil {
			return Unknown, fmt.Errorf("look for a secret: %w", err)
		}
		switch err = a.Pace.Patiently(ctx, func() error { return a.Store.Probe(ctx, ref) }); {
		case errors.Is(err, secret.ErrNotFound):
		case err == nil:
			return Unknown, fmt.Errorf("%s is there, and no list shows it", ref)
		default:
			return Unknown, err
		}
	}
	return Missing, nil
}
