package approver

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"scrim/internal/audit"
)

// entry is a factor, as the trail calls it.
type entry struct {
	kind  string
	print string // a passkey's; "" for the PIN
}

// record is what the trail says to be enrolled, and since when.
type record map[entry]time.Time

// recorded reads the trail. One that was changed is an error. What came on it
// after something was loaded is another process's, and no matter of this one.
func (a *Approver) recorded() (record, error) {
	if err := a.trail.Check(); err != nil {
		return nil, err
	}
	enrolled := record{}
	_, err := audit.Follow(a.trail.Path(), func(r audit.Record) {
		if a.loaded != nil && r.Time.After(a.since) {
			return
		}
		switch r.Kind {
		case audit.Enrolled:
			enrolled[entry{r.Factor, r.Digest}] = r.Time
		case audit.Unenrolled:
			delete(enrolled, entry{r.Factor, r.Digest})
		default:
		}
	})
	if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
		return nil, fmt.Errorf("the audit trail %s is broken at %w: see scrim log --verify", a.trail.Path(), broken)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return enrolled, nil
}

// without returns the oldest of what is on record and not in d, if anything is.
func (r record) without(d document) (GoneError, bool) {
	rest := maps.Clone(r)
	if d.PIN != nil {
		delete(rest, entry{kind: PIN})
	}
	for _, p := range d.Passkeys {
		delete(rest, entry{Passkey, p.print()})
	}
	if len(rest) == 0 {
		return GoneError{}, false
	}
	byAge := func(a, b entry) int { return rest[a].Compare(rest[b]) }
	oldest := slices.MinFunc(slices.Collect(maps.Keys(rest)), byAge)
	return GoneError{Factor: oldest.kind, Since: rest[oldest], Part: !d.empty()}, true
}

// GoneError says that something is enrolled by the audit trail, and that this
// process did not find it in the file.
type GoneError struct {
	File   string
	Factor string // its kind
	Since  time.Time
	Part   bool // there is a file, and something else in it
	Back   bool // the file is another one now
}

// Error says so, and what to do.
func (e *GoneError) Error() string {
	since := e.Since.Local().Format(time.DateOnly)
	factor, lost := "a PIN", "and this file is gone"
	if e.Factor != PIN {
		factor = "a passkey"
	}
	if e.Part {
		lost = "and is not in this file"
	}
	if e.Back {
		return fmt.Sprintf("%s: %s is enrolled since %s, and this process has not read it: start it again", e.File, factor, since)
	}
	return fmt.Sprintf("%s: by the audit trail %s is enrolled since %s, %s: put it back from a copy, or set a new PIN with scrim enroll --lost", e.File, factor, since, lost)
}
