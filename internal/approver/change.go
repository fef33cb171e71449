package approver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"scrim/internal/audit"
)

// Change is leave to change once what is enrolled. Only an Approver gives it; the
// zero Change refuses.
type Change struct {
	a    *Approver
	lost record // what could not be asked for, and goes; nil where nothing is lost
}

// What keeps a change from being made.
var (
	errNoLeave = errors.New("what is enrolled is changed by whoever has the present PIN or passkey: run scrim enroll")
	errNotLost = errors.New("no enrolment is lost: run scrim enroll without --lost")
	errChanged = errors.New("what is enrolled was changed by another process meanwhile: run this again")
	errNoSuch  = errors.New("no passkey has that name: scrim enroll --list has the names")
)

// The reasons on the trail.
const (
	becauseLost      = "it was gone from the file, so that it was not asked for"
	becauseTakenBack = "the change could not be made, and is taken back"
)

// Change gives leave to whoever has the present PIN, and to everybody where
// nothing is enrolled. It overwrites present. What keeps it from giving leave
// is what State and Verify say.
func (a *Approver) Change(ctx context.Context, present []byte) (Change, error) {
	defer clear(present)
	state, err := a.State()
	if err != nil {
		return Change{}, err
	}
	if state == Enrolled {
		err = a.Verify(ctx, present)
	}
	if err != nil {
		return Change{}, err
	}
	return Change{a: a}, nil
}

// changeDigest is what a passkey says yes to that gives leave to a change. No
// request has it.
func changeDigest() [sha256.Size]byte { return sha256.Sum256([]byte("scrim enroll")) }

// ChangeChallenge is Challenge for ChangeByPasskey.
func (a *Approver) ChangeChallenge(origin string) (options []byte, err error) {
	return a.Challenge(changeDigest(), origin)
}

// ChangeByPasskey gives leave to whoever has a present passkey. What keeps it from
// giving leave is what VerifyPasskey says.
func (a *Approver) ChangeByPasskey(ctx context.Context, origin string, response []byte) (Change, error) {
	if err := a.VerifyPasskey(ctx, changeDigest(), origin, response); err != nil {
		return Change{}, err
	}
	return Change{a: a}, nil
}

// Replace gives leave to enrol in the state Gone, where what is enrolled cannot be
// asked for, or is not what is in the file. Whatever else is in the file goes, and the trail says so.
func (a *Approver) Replace() (Change, error) {
	_, err := a.State()
	gone, ok := errors.AsType[*GoneError](err)
	switch {
	case ok && gone.Back, err != nil && !ok:
		return Change{}, err
	case !ok:
		return Change{}, errNotLost
	}
	lost, err := a.recorded()
	if err != nil {
		return Change{}, err
	}
	return Change{a: a, lost: lost}, nil
}

// SetPIN enrols pin, as it was typed, in the place of the one before, on the
// audit trail first. It overwrites pin. What was loaded stays as it was.
func (c Change) SetPIN(pin []byte) error {
	defer clear(pin)
	if c.a == nil {
		return errNoLeave
	}
	if err := CheckPIN(pin); err != nil {
		return err
	}
	form, _ := normalised(pin)
	defer wipe(form)
	next := c.before()
	next.PIN = newPIN(form, c.a.fresh, time.Now())
	return c.to(next, enrolled(PIN, next.PIN.print()))
}

// RemovePIN removes the PIN, on the audit trail first.
func (c Change) RemovePIN() error {
	switch {
	case c.a == nil:
		return errNoLeave
	case !c.a.HasPIN():
		return ErrNotEnrolled
	}
	next := c.before()
	next.PIN = nil
	return c.to(next, unenrolled(PIN, c.a.held.PIN.print()))
}

// RemovePasskey removes the passkey with that name, on the audit trail first.
func (c Change) RemovePasskey(name string) error {
	if c.a == nil {
		return errNoLeave
	}
	next := c.before()
	i := next.named(name)
	if i < 0 {
		return errNoSuch
	}
	gone := next.Passkeys[i]
	next.Passkeys = slices.Delete(next.Passkeys, i, i+1)
	return c.to(next, unenrolled(Passkey, gone.print()))
}

func enrolled(kind, hash string) audit.Event {
	return audit.Event{Kind: audit.Enrolled, Factor: kind, Digest: hash}
}

func unenrolled(kind, hash string) audit.Event {
	return audit.Event{Kind: audit.Unenrolled, Factor: kind, Digest: hash}
}

// before returns a copy of what a change begins with.
func (c Change) before() document {
	if c.lost != nil {
		return document{}
	}
	return document{PIN: c.a.held.PIN, Passkeys: slices.Clone(c.a.held.Passkeys)}
}

// to makes next what is enrolled, on the audit trail first. One that fails there or
// on disk is taken back on the trail.
func (c Change) to(next document, what audit.Event) error {
	if err := c.ready(); err != nil {
		return err
	}
	var done []audit.Event
	err := c.record(what, &done)
	if err == nil {
		err = c.write(next)
	}
	if err == nil {
		return nil
	}
	for _, e := range slices.Backward(done) {
		if untold := c.a.trail.Append(c.undone(e)); untold != nil {
			return fmt.Errorf("%w (and the audit trail says otherwise: %w)", err, untold)
		}
	}
	return err
}

// record puts on the trail what is lost and then what is new, and adds each to
// done.
func (c Change) record(what audit.Event, done *[]audit.Event) error {
	var all []audit.Event
	for lost, known := range c.lost {
		if lost == entryOf(what.Factor, what.Digest) {
			what.Reason = becauseLost // of the one in whose place it comes
			continue
		}
		e := unenrolled(lost.kind, known.print)
		e.Reason = becauseLost
		all = append(all, e)
	}
	for _, e := range append(all, what) {
		if err := c.a.trail.Append(e); err != nil {
			return err
		}
		*done = append(*done, e)
	}
	return nil
}

// undone is the record of what was so before e.
func (c Change) undone(e audit.Event) audit.Event {
	before, ok := c.lost[entryOf(e.Factor, e.Digest)]
	if c.lost == nil && e.Factor == PIN && c.a.HasPIN() {
		before, ok = noted{print: c.a.held.PIN.print()}, true
	}
	undone := unenrolled(e.Factor, e.Digest)
	if e.Kind == audit.Unenrolled || ok {
		undone = enrolled(e.Factor, cmp.Or(before.print, e.Digest))
	}
	undone.Reason = becauseTakenBack
	return undone
}

// ready returns why the file cannot be changed, before anything is on record.
func (c Change) ready() error {
	if err := os.MkdirAll(filepath.Dir(c.a.file.Path), 0o700); err != nil {
		return fmt.Errorf("make a folder for what is enrolled: %w", err)
	}
	if err := c.a.file.Check(); err != nil {
		return err
	}
	now, err := c.a.file.Read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, c.a.loaded) || (now == nil) != (c.a.loaded == nil) {
		return errChanged
	}
	return nil
}

// write puts next into the file, or removes that where nothing is left.
func (c Change) write(next document) error {
	if next.empty() {
		return c.a.file.Remove()
	}
	next.Version = version
	return c.a.file.Write(encode(next))
}
