// Package approver holds what proves that a person is there: a PIN, passkeys, or
// both.
//
// One file says what is enrolled. It holds no PIN and no key that signs. Of a PIN
// it has a hash that is costly to guess at, since an agent of the same user may
// read it. The audit trail says what is enrolled too, so that a file that is gone,
// or a part of it, does not pass for nothing enrolled, nor another file for this one.
package approver

import (
	"bytes"
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
	Gone              // what is on disk is not what is enrolled on the trail
)

// Factor is one thing that is enrolled.
type Factor struct {
	Kind  string    `json:"kind"`           // PIN or Passkey
	Name  string    `json:"name,omitempty"` // of a passkey
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

	loaded []byte    // the file's text; nil where there was none
	held   document  // empty where there was none
	since  time.Time // when it was loaded

	turn  chan struct{} // full while one attempt is looked at; nil where nothing was loaded
	wrong int           // attempts since the last right one
	until time.Time     // before then nothing is looked at

	asked challenges

	counting sync.Mutex
	counts   map[string]uint32 // by a passkey's id: the most signatures that it said to have made

	reading sync.Mutex
	known   State // NotEnrolled or Enrolled, once the trail was read
}

// What an Approver says that cannot verify.
var (
	ErrNotEnrolled = errors.New("no PIN is enrolled: use a passkey if there is one, or run scrim enroll in a terminal of your own")
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
		trail: trail, allowed: allowed, fresh: fresh, turn: make(chan struct{}, 1), since: time.Now(),
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
	a.loaded, a.held = data, d
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

// Enrolled reports whether Verify or VerifyPasskey can succeed. False may mean
// Gone: whether proof can be done without is State's to say.
func (a *Approver) Enrolled() bool { return a.HasPIN() || a.HasPasskey() }

// Factors lists what is enrolled, the PIN first.
func (a *Approver) Factors() []Factor {
	all := []Factor{}
	if a.HasPIN() {
		all = append(all, Factor{Kind: PIN, SetAt: a.held.PIN.SetAt})
	}
	if a.HasPasskey() {
		for _, p := range a.held.Passkeys {
			all = append(all, Factor{Kind: Passkey, Name: p.Name, SetAt: p.SetAt})
		}
	}
	return all
}

// State returns what the file and the trail say together. It reads the trail, to
// its end, once. The error is nil for NotEnrolled and Enrolled; it is a *GoneError
// for Gone, which is whatever one of the two has and the other has not.
func (a *Approver) State() (State, error) {
	if a == nil || a.turn == nil {
		return Unknown, errNotLoaded
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	if a.known != Unknown {
		return a.known, nil
	}
	recorded, err := a.recorded()
	if err != nil {
		return Unknown, fmt.Errorf("see what is enrolled: %w", err)
	}
	if gone, is := recorded.differs(a.held); is {
		now, missing := a.file.Read()
		gone.Trail, gone.File, gone.Back = a.trail.Path(), a.file.Path, missing == nil && !bytes.Equal(now, a.loaded)
		return Gone, &gone
	}
	a.known = NotEnrolled
	if a.Enrolled() {
		a.known = Enrolled
	}
	return a.known, nil
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
	if _, err := a.State(); err != nil {
		return err
	}
	if !a.HasPIN() {
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
	form, ok := normalised(typed)
	defer wipe(form)
	if ok && a.held.PIN.proves(form) {
		a.wrong = 0
		return nil
	}
	a.until = time.Now().Add(wait)
	return &WrongError{Left: maxWrong - a.wrong, Wait: wait}
}
