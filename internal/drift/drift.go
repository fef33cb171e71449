// Package drift compares the environments of one project: which names each has and
// where, and which credentials are the same in production and elsewhere. It
// compares values by a keyed digest, and says of none more than that.
package drift

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync/atomic"

	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// Side is the project in one environment, as it was read.
type Side struct {
	Environment string
	Production  bool
	Store       *store.Store
	Snapshot    store.Snapshot
	// Credential reports whether a value is one that no two environments should
	// have in common.
	Credential func(secret.Ref, secret.Value) bool
}

// Presence is what is known of a name in an environment. The zero Presence is not
// knowing.
type Presence int

// The presences.
const (
	Unknown Presence = iota // a place could not be read
	Hidden                  // this identity may not see whether it is there
	Absent                  // no place has it: the store said so of this very name
	Present
)

// String returns the public word for p.
func (p Presence) String() string {
	switch p {
	case Present:
		return "present"
	case Absent:
		return "absent"
	case Hidden:
		return "hidden"
	default:
		return "unknown"
	}
}

// MarshalText makes a Presence its public word in JSON.
func (p Presence) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Cell is a name in one environment.
type Cell struct {
	Presence  Presence
	Locations []secret.Location // where it is, in the order of secret.Locations
	// Sure says that it is in no other location.
	Sure bool
	Err  error // why it is Unknown or Hidden, or not Sure
}

// given reports whether what is launched gets it.
func (c Cell) given() bool {
	return slices.Contains(c.Locations, secret.Injected) || slices.Contains(c.Locations, secret.Staging)
}

// Fault is what is off with a name.
type Fault string

// The faults.
const (
	Missing   Fault = "missing"            // programs get it in one environment, and another has it nowhere
	Elsewhere Fault = "elsewhere"          // programs get it in one, and it is only stored in another
	Same      Fault = "same_in_production" // a credential is the same in production and elsewhere
)

// Row is one name.
type Row struct {
	Name   string
	Cells  []Cell // by side
	Faults []Fault
	// Uncompared says that values of production and of elsewhere could not be
	// compared, since one of them may not be read, or refers to what may not be.
	Uncompared bool
}

// Comparer compares environments.
type Comparer struct{ Pace estate.Pace }

// Compare returns a row for each name that some side has, by name. What is absent
// it asks for, since a list leaves out what this identity may not see.
func (c Comparer) Compare(ctx context.Context, sides []Side) ([]Row, error) {
	names := map[string]bool{}
	for _, side := range sides {
		for _, view := range side.Snapshot.Views {
			for _, e := range view.Entries {
				names[e.Ref.Name()] = true
			}
		}
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	rows := make([]Row, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		rows = append(rows, Row{Name: name, Cells: make([]Cell, len(sides))})
	}
	gone := make([]atomic.Bool, len(sides))
	c.Pace.Each(ctx, len(rows), func(i int) {
		r := &rows[i]
		for j, side := range sides {
			r.Cells[j] = c.cell(ctx, side, r.Name, &gone[j])
		}
		r.compare(sides, key)
		r.judge()
	})
	return rows, ctx.Err()
}

// cell looks for a name in every place of a side. What cannot be reached any more
// is gone, and is not asked for the next name.
func (c Comparer) cell(ctx context.Context, side Side, name string, gone *atomic.Bool) Cell {
	cell := Cell{Presence: Absent, Sure: true}
	weaken := func(to Presence, err error) {
		cell.Presence, cell.Sure, cell.Err = min(cell.Presence, to), false, errors.Join(cell.Err, err)
	}
	for _, view := range side.Snapshot.Views {
		if entryOf(view, name) != nil {
			cell.Locations = append(cell.Locations, view.Place.Location)
			continue
		}
		err := secret.ErrUnavailable
		if !gone.Load() {
			err = c.Pace.Patiently(ctx, func() error { return side.Store.Ask(ctx, view, name) })
			gone.CompareAndSwap(false, errors.Is(err, secret.ErrUnavailable))
		}
		switch {
		case errors.Is(err, secret.ErrNotFound):
		case err == nil:
			weaken(Unknown, errAppeared)
		default:
			weaken(presenceOf(err), err)
		}
		for _, closed := range view.Closed { // what it imports from, and may have the name
			weaken(presenceOf(closed.Reason), closed.Reason)
		}
	}
	slices.Sort(cell.Locations)
	if len(cell.Locations) > 0 {
		cell.Presence = Present
	}
	return cell
}

// presenceOf is what is known where a place gave no answer.
func presenceOf(err error) Presence {
	if errors.Is(err, secret.ErrForbidden) {
		return Hidden
	}
	return Unknown
}

var errAppeared = errors.New("it came up while it was being looked for")

func entryOf(view store.View, name string) *store.Entry {
	i := slices.IndexFunc(view.Entries, func(e store.Entry) bool { return e.Ref.Name() == name })
	if i < 0 {
		return nil
	}
	return &view.Entries[i]
}

// compare looks for a value that production and another environment have in common.
func (r *Row) compare(sides []Side, key [32]byte) {
	inside, outside := map[[32]byte]bool{}, map[[32]byte]bool{}
	held := map[bool]bool{}
	unread := false
	for _, side := range sides {
		for _, view := range side.Snapshot.Views {
			e := entryOf(view, r.Name)
			if e == nil {
				continue
			}
			held[side.Production] = true
			switch {
			case e.Hidden(), view.Unexpanded && e.Value().Refers():
				unread = true
			case !side.Credential(e.Ref, e.Value()):
			case side.Production:
				inside[e.Value().Digest(key)] = true
			default:
				outside[e.Value().Digest(key)] = true
			}
		}
	}
	for digest := range inside {
		if outside[digest] {
			r.Faults = append(r.Faults, Same)
			return
		}
	}
	r.Uncompared = unread && held[true] && held[false]
}

// judge says what is off with where the name is. What is only stored may be in one
// environment alone, and what is not known is no fault.
func (r *Row) judge() {
	if !slices.ContainsFunc(r.Cells, Cell.given) {
		return
	}
	if slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Presence == Absent }) {
		r.Faults = append(r.Faults, Missing)
	}
	if slices.ContainsFunc(r.Cells, func(c Cell) bool { return c.Presence == Present && c.Sure && !c.given() }) {
		r.Faults = append(r.Faults, Elsewhere)
	}
}
