package approver

import (
	"crypto/sha256"
	"encoding/hex"
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
	print string // a passkey's; "" for the PIN, of which there is one
}

func entryOf(kind, hash string) entry {
	if kind == PIN {
		return entry{kind: PIN}
	}
	return entry{kind, hash}
}

// noted is what the trail says of what is enrolled.
type noted struct {
	since time.Time
	print string // "" where it does not say which PIN it is, as it did not always
}

// record is what the trail says to be enrolled.
type record map[entry]noted

// recorded reads the trail. One that was changed is an error. What came on it
// after something was loaded is another process's, and no matter of this one.
func (a *Approver) recorded() (record, error) {
	if err := a.trail.Check(); err != nil {
		return nil, err
	}
	enrolled, held := record{}, a.held.prints()
	_, err := audit.Follow(a.trail.Path(), func(r audit.Record) {
		e := entryOf(r.Factor, r.Digest)
		others := a.loaded != nil && r.Time.After(a.since)
		hash, has := held[e]
		ours := has && hash == r.Digest // though the clock was set back since
		switch {
		case r.Kind == audit.Enrolled && (!others || ours):
			enrolled[e] = noted{r.Time, r.Digest}
		case r.Kind == audit.Unenrolled && !others:
			delete(enrolled, e)
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

// differs returns the oldest of what is on record and not in d or, where all of
// that is there, what is in d and not on record. It reports whether there is either.
func (r record) differs(d document) (GoneError, bool) {
	rest := maps.Clone(r)
	var stray []string
	for e, hash := range d.prints() {
		switch known, ok := r[e]; {
		case !ok:
			stray = append(stray, e.kind)
		case known.print == "" || known.print == hash:
			delete(rest, e)
		}
	}
	if len(rest) == 0 && len(stray) > 0 {
		return GoneError{Factor: slices.Max(stray), Stray: true}, true
	}
	if len(rest) == 0 {
		return GoneError{}, false
	}
	byAge := func(a, b entry) int { return rest[a].since.Compare(rest[b].since) }
	oldest := slices.MinFunc(slices.Collect(maps.Keys(rest)), byAge)
	return GoneError{Factor: oldest.kind, Since: rest[oldest].since, Part: !d.empty()}, true
}

// prints are what the trail says of d, once all of it is on record.
func (d document) prints() map[entry]string {
	all := map[entry]string{}
	if d.PIN != nil {
		all[entry{kind: PIN}] = d.PIN.print()
	}
	for _, p := range d.Passkeys {
		all[entry{Passkey, p.print()}] = p.print()
	}
	return all
}

// printOf is a hash, in hex, of what makes a factor this one.
func printOf(kind string, parts ...[]byte) string {
	h := sha256.New()
	for _, part := range append([][]byte{[]byte("scrim " + kind)}, parts...) {
		own := sha256.Sum256(part)
		_, _ = h.Write(own[:]) // which never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// print is what the audit trail calls p. It tells nothing of the PIN that the file
// does not.
func (p pin) print() string { return printOf(PIN, p.Salt, p.Hash) }

// print is what the audit trail calls p.
func (p passkey) print() string { return printOf(Passkey, p.ID, p.PublicKey) }

// GoneError says that the file is not what is enrolled by the audit trail, as this
// process found them.
type GoneError struct {
	File   string
	Trail  string
	Factor string // its kind
	Since  time.Time
	Part   bool // there is a file, and something else in it
	Stray  bool // it is in the file, and was never enrolled, or is no more
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
	switch {
	case e.Back && e.Stray:
		return fmt.Sprintf("%s: it was changed since this process read it: start it again", e.File)
	case e.Back:
		return fmt.Sprintf("%s: %s is enrolled since %s, and this process has not read it: start it again", e.File, factor, since)
	case e.Stray:
		return fmt.Sprintf("%s: %s in this file is not enrolled by the audit trail %s, so it proves nothing: put back a copy of what is, or begin anew with scrim enroll --lost", e.File, factor, e.Trail)
	default:
		return fmt.Sprintf("%s: by the audit trail %s is enrolled since %s, %s: put it back from a copy, or set a new PIN with scrim enroll --lost", e.File, factor, since, lost)
	}
}
