// Package approver holds what proves that a person is there: for now a PIN.
//
// One file says what is enrolled. It holds no PIN, and only a hash that is
// costly to guess at, since an agent of the same user may read it. The audit
// trail says that it is enrolled too, so that a file that is gone does not pass
// for nothing enrolled.
package approver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"scrim/internal/audit"
	"scrim/internal/ownfile"
)

// State is whether a person can be asked to prove that it is one. The zero
// State is that nobody knows.
type State int

// The states. Whoever asks for proof goes on without it in NotEnrolled alone.
const (
	Unknown     State = iota
	NotEnrolled       // on the trail and on disk
	Enrolled          // Verify decides
	Gone              // enrolled on the trail, and nothing on disk
)

// Factor is one thing that is enrolled.
type Factor struct {
	Kind  string    `json:"kind"`
	SetAt time.Time `json:"set_at"`
}

// Approver is what was enrolled when it was loaded: a change of the file does
// not reach a process that runs. It may be used from several goroutines. The
// zero Approver, and a nil one, refuse.
type Approver struct {
	file    ownfile.Private
	trail   *audit.Log
	allowed bounds
	fresh   cost // of a PIN that is set

	loaded []byte  // the file's text; nil where there was none
	pin    *factor // nil where there is none

	turn  chan struct{} // full while one attempt is looked at; nil where nothing was loaded
	wrong int           // attempts since the last right one
	until time.Time     // before then nothing is looked at

	reading sync.Mutex
	known   State // NotEnrolled once the trail was read
}

// What an Approver says that cannot verify.
var (
	ErrNotEnrolled = errors.New("no PIN is enrolled: run scrim enroll in a terminal of your own")
	errNotLoaded   = errors.New("what is enrolled was not read, so nothing can be verified: run scrim enroll --list to see why")
	errNowhere     = errors.New("nothing says where what you enrol is kept: set HOME or XDG_CONFIG_HOME")
)

// Load reads the file at path, which need not be there. The trail is not read
// before State needs it. Where the error is not nil, the Approver is nil: a
// file that is there and cannot be used is no file that is not there.
func Load(path string, trail *audit.Log) (*Approver, error) {
	return load(path, trail, ownBounds(), ownCost())
}

func load(path string, trail *audit.Log, allowed bounds, fresh cost) (*Approver, error) {
	if !filepath.IsAbs(path) {
		return nil, errNowhere
	}
	a := &Approver{
		file: ownfile.Private{
			Path: path, Name: path, Folder: "its folder",
			Anew: "run scrim enroll --lost", Unowned: "do without a PIN here",
		},
		trail: trail, allowed: allowed, fresh: fresh, turn: make(chan struct{}, 1),
	}
	data, err := a.file.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := parse(data, allowed)
	if err != nil {
		return nil, damaged(path, err)
	}
	a.loaded, a.pin = data, &d.Factors[0]
	return a, nil
}

// damaged is the sentence for a file whose content is refused.
func damaged(path string, why error) error {
	next := "put a copy back that scrim wrote, or remove it and run scrim enroll --lost"
	if errors.Is(why, errNewer) {
		next = "use the scrim that wrote it"
	}
	return &ownfile.Error{Where: path, Problem: why.Error(), Next: next}
}

// Path returns where the file lies, or would.
func (a *Approver) Path() string {
	if a == nil {
		return ""
	}
	return a.file.Path
}

// Enrolled reports whether Verify can succeed. False may mean Gone: whether
// proof can be done without is State's to say.
func (a *Approver) Enrolled() bool { return a != nil && a.turn != nil && a.pin != nil }

// Factors lists what is enrolled.
func (a *Approver) Factors() []Factor {
	if !a.Enrolled() {
		return []Factor{}
	}
	return []Factor{{Kind: a.pin.Kind, SetAt: a.pin.SetAt}}
}

// State returns what the file and the trail say together. It reads the trail,
// to its end, where there was no file, and once where nothing is enrolled there
// either. The error is nil for NotEnrolled and Enrolled; it is a *GoneError for
// Gone.
func (a *Approver) State() (State, error) {
	switch {
	case a == nil || a.turn == nil:
		return Unknown, errNotLoaded
	case a.Enrolled():
		return Enrolled, nil
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	if a.known == NotEnrolled {
		return NotEnrolled, nil
	}
	since, err := enrolledOn(a.trail)
	if err != nil {
		return Unknown, fmt.Errorf("see whether a PIN is enrolled: %w", err)
	}
	if !since.IsZero() {
		_, missing := a.file.Read()
		return Gone, &GoneError{File: a.file.Path, Since: since, Back: !errors.Is(missing, fs.ErrNotExist)}
	}
	a.known = NotEnrolled
	return NotEnrolled, nil
}

// enrolledOn returns since when something is enrolled by the trail, or the zero
// time. A trail that was changed is an error.
func enrolledOn(trail *audit.Log) (since time.Time, err error) {
	if err := trail.Check(); err != nil {
		return time.Time{}, err
	}
	enrolled := map[string]time.Time{}
	_, err = audit.Follow(trail.Path(), func(r audit.Record) {
		switch r.Kind {
		case audit.Enrolled:
			enrolled[r.Factor] = r.Time
		case audit.Unenrolled:
			delete(enrolled, r.Factor)
		default:
		}
	})
	if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
		return time.Time{}, fmt.Errorf("the audit trail %s is broken at %w: see scrim log --verify", trail.Path(), broken)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	for _, since = range enrolled {
		break // any of them is a reason to refuse
	}
	return since, nil
}

// GoneError says that something is enrolled by the audit trail, and that this
// process found no file.
type GoneError struct {
	File  string
	Since time.Time
	Back  bool // the file is there now
}

// Error says so, and what to do.
func (e *GoneError) Error() string {
	since := e.Since.Local().Format(time.DateOnly)
	if e.Back {
		return fmt.Sprintf("%s: a PIN is enrolled since %s, and this process has not read it: start it again", e.File, since)
	}
	return fmt.Sprintf("%s: by the audit trail a PIN is enrolled since %s, and this file is gone: put it back from a copy, or set a new PIN with scrim enroll --lost", e.File, since)
}

// The bounds on guessing.
const (
	maxWrong = 10
	maxDelay = 5 * time.Minute
)

// WrongError says that a PIN was not the right one.
type WrongError struct {
	Left int           // how many more this process looks at
	Wait time.Duration // before the next is looked at
}

// Error says so, and what to do.
func (e *WrongError) Error() string {
	if e.Left == 0 {
		return ErrLocked.Error()
	}
	return fmt.Sprintf("this is not the PIN: try again, in %v at the earliest (%d more in this process)", e.Wait, e.Left)
}

// Unwrap returns ErrLocked for the last one.
func (e *WrongError) Unwrap() error {
	if e.Left == 0 {
		return ErrLocked
	}
	return nil
}

// ErrLocked is what every attempt gives after too many wrong ones.
var ErrLocked = fmt.Errorf("%d wrong PINs, and this process verifies none any more: start it again (for scrim serve, the client), and set another PIN with scrim enroll if they were not yours", maxWrong)

// Verify returns nil where pin, as it was typed, is the one that was loaded. It
// overwrites pin. Attempts are looked at one at a time, each only when the delay
// after the wrong ones before it is over; the end of ctx ends the waiting.
func (a *Approver) Verify(ctx context.Context, pin []byte) error {
	defer clear(pin)
	if !a.Enrolled() {
		if _, err := a.State(); err != nil {
			return err
		}
		return ErrNotEnrolled
	}
	if err := a.await(ctx); err != nil {
		return err
	}
	defer func() { <-a.turn }()
	return a.attempt(pin)
}

// await returns nil once it is the caller's turn, which the caller gives back.
func (a *Approver) await(ctx context.Context) error {
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait to verify a PIN: %w", context.Cause(ctx))
	}
	err := a.sleep(ctx)
	if err != nil {
		<-a.turn
	}
	return err
}

// sleep waits until an attempt may be looked at.
func (a *Approver) sleep(ctx context.Context) error {
	if a.wrong >= maxWrong {
		return ErrLocked
	}
	timer := time.NewTimer(time.Until(a.until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return fmt.Errorf("wait to verify a PIN: %w", context.Cause(ctx))
	}
	return nil
}

// attempt looks at one PIN. It counts as wrong until it is right.
func (a *Approver) attempt(typed []byte) error {
	a.wrong++
	wait := min(time.Second<<(a.wrong-1), maxDelay)
	pin, ok := normalised(typed)
	defer wipe(pin)
	if ok && a.pin.proves(pin) {
		a.wrong = 0
		return nil
	}
	a.until = time.Now().Add(wait)
	return &WrongError{Left: maxWrong - a.wrong, Wait: wait}
}
