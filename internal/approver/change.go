package approver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"scrim/internal/audit"
)

// Change is leave to change what is enrolled. Only an Approver gives it; the
// zero Change refuses.
type Change struct {
	a    *Approver
	lost bool // the present PIN could not be asked
}

// What keeps a change from being made.
var (
	errNoLeave = errors.New("what is enrolled is changed by whoever has the present PIN: run scrim enroll")
	errNotLost = errors.New("no enrolment is lost: run scrim enroll without --lost")
	errChanged = errors.New("what is enrolled was changed by another process meanwhile: run this again")
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

// Replace gives leave to set a PIN in the state Gone, where nothing is left to
// verify the present one with. The trail then says so.
func (a *Approver) Replace() (Change, error) {
	_, err := a.State()
	gone, ok := errors.AsType[*GoneError](err)
	switch {
	case ok && gone.Back, err != nil && !ok:
		return Change{}, err
	case !ok:
		return Change{}, errNotLost
	}
	return Change{a: a, lost: true}, nil
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
	text := encode(document{version, []factor{newPIN(form, c.a.fresh, time.Now())}})
	e := audit.Event{Kind: audit.Enrolled, Factor: PIN}
	if c.lost {
		e.Reason = "the file of the PIN before was gone, so that it was not asked for"
	}
	return c.record(e, func() error { return c.a.file.Write(text) })
}

// Remove removes what is enrolled, on the audit trail first.
func (c Change) Remove() error {
	switch {
	case c.a == nil:
		return errNoLeave
	case !c.a.Enrolled():
		return ErrNotEnrolled
	}
	return c.record(audit.Event{Kind: audit.Unenrolled, Factor: PIN}, c.a.file.Remove)
}

// record puts e on the trail and then makes the change. One that fails is taken
// back there.
func (c Change) record(e audit.Event, change func() error) error {
	if err := c.ready(); err != nil {
		return err
	}
	if err := c.a.trail.Append(e); err != nil {
		return err
	}
	err := change()
	if err == nil {
		return nil
	}
	if untold := c.a.trail.Append(c.before()); untold != nil {
		return fmt.Errorf("%w (and the audit trail says otherwise: %w)", err, untold)
	}
	return err
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

// before is the record of what was so before the change.
func (c Change) before() audit.Event {
	e := audit.Event{Kind: audit.Unenrolled, Factor: PIN, Reason: "the change could not be made, and is taken back"}
	if c.lost || c.a.Enrolled() {
		e.Kind = audit.Enrolled
	}
	return e
}
