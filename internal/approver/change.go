package approver

import (
	"bytes"
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
// asked for. Whatever else is in the file goes, and the trail says so.
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
	return c.to(next, enrolled(entry{kind: PIN}))
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
	return c.to(next, unenrolled(entry{kind: PIN}))
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
	return c.to(next, unenrolled(entry{Passkey, gone.print()}))
}

func enrolled(e entry) audit.Event {
	return audit.Event{Kind: audit.Enrolled, Factor: e.kind, Digest: e.print}
}

func unenrolled(e entry) audit.Event {
	return audit.Event{Kind: audit.Unenrolled, Factor: e.kind, Digest: e.print}
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
	for lost := range c.lost {
		if lost == (entry{what.Factor, what.Digest}) {
			what.Reason = becauseLost // of the one in whose place it comes
			continue
		}
		e := unenrolled(lost)
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
	_, lost := c.lost[entry{e.Factor, e.Digest}]
	replaced := e.Kind == audit.Enrolled && e.Factor == PIN && c.a.HasPIN() && c.lost == nil
	kind := audit.Unenrolled
	if e.Kind == audit.Unenrolled || lost || replaced {
		kind = audit.Enrolled
	}
	return audit.Event{Kind: kind, Factor: e.Factor, Digest: e.Digest, Reason: becauseTakenBack}
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
