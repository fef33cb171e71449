// Package desk carries the desk's questions from the process that asks to the
// terminal of a person, and the answers back, over a socket in the folder of
// what runs. Who is at the other end is the same user, and no more is believed of
// them: a yes counts by its proof alone, which the asking process checks.
package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scrim/internal/approval"
	"scrim/internal/rundir"
)

// The bounds of one exchange. A proof takes the time that its check is made to
// take, and the delay after wrong ones.
const (
	listTime    = 3 * time.Second
	proofTime   = 6 * time.Minute
	maxQuestion = 4 << 10
	maxAnswer   = 8 << 20
)

// Gate is what answers: an approval.Gate.
type Gate interface {
	Waiting() []approval.Waiting
	Prove(ctx context.Context, id string, proof approval.Proof) error
	Dismiss(id string) error
}

// What is asked of a desk.
const (
	doList    = "list"
	doProve   = "prove"
	doDismiss = "dismiss"
)

// ask is what goes over the socket, once a connection.
type ask struct {
	Do  string `json:"do"`
	ID  string `json:"id,omitempty"`
	PIN []byte `json:"pin,omitempty"`
}

// told is what comes back.
type told struct {
	Waiting   []approval.Waiting `json:"waiting,omitempty"`
	NotProved bool               `json:"not_proved,omitempty"`
	Error     string             `json:"error,omitempty"`
}

const (
	socketStart = "desk-"
	socketEnd   = ".sock"
)

// Serve lets people at terminals of this user see and answer what waits at g,
// until the returned function is called.
func Serve(ctx context.Context, g Gate) (end func(), err error) {
	dir, err := rundir.Make()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, socketStart+strconv.Itoa(os.Getpid())+socketEnd)
	l, err := rundir.Listen(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("listen for people at terminals: %w", err)
	}
	rundir.Serve(l, func(c net.Conn) { answer(ctx, c, g) })
	return func() { _ = l.Close() }, nil
}

// answer takes one question from c, if that is a process of this user.
func answer(ctx context.Context, c net.Conn, g Gate) {
	defer func() { _ = c.Close() }()
	if _, err := rundir.Peer(c); err != nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(listTime))
	line, err := io.ReadAll(io.LimitReader(c, maxQuestion+1))
	if err != nil || len(line) > maxQuestion {
		return
	}
	defer clear(line)
	var a ask
	if json.Unmarshal(line, &a) != nil {
		return
	}
	defer clear(a.PIN)
	_ = c.SetDeadline(time.Now().Add(proofTime))
	_ = json.NewEncoder(c).Encode(respond(ctx, g, a)) // who asked hears of it by getting nothing
}

func respond(ctx context.Context, g Gate, a ask) told {
	var err error
	switch a.Do {
	case doList:
		return told{Waiting: g.Waiting()}
	case doProve:
		ctx, cancel := context.WithTimeout(ctx, proofTime)
		defer cancel()
		err = g.Prove(ctx, a.ID, approval.Proof{PIN: a.PIN})
	case doDismiss:
		err = g.Dismiss(a.ID)
	default:
		err = errors.New("a desk is not asked for that")
	}
	if err != nil {
		return told{Error: err.Error(), NotProved: errors.Is(err, approval.ErrNotProved)}
	}
	return told{}
}

// Desk is the desk of one process, as another one reaches it.
type Desk struct{ path string }

// All returns the desks of the processes that run now, and of some that have ended.
func All() []Desk {
	var all []Desk
	for _, dir := range rundir.All() {
		if rundir.Check(dir) != nil {
			continue
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), socketStart) && strings.HasSuffix(e.Name(), socketEnd) {
				all = append(all, Desk{filepath.Join(dir, e.Name())})
			}
		}
	}
	return all
}

// Waiting returns the desk's open questions.
func (d Desk) Waiting(ctx context.Context) ([]approval.Waiting, error) {
	t, err := d.exchange(ctx, listTime, ask{Do: doList})
	return t.Waiting, err
}

// Prove answers a question with a yes, and a PIN as its proof. A wrong one is
// approval.ErrNotProved.
func (d Desk) Prove(ctx context.Context, id string, pin []byte) error {
	_, err := d.exchange(ctx, proofTime, ask{Do: doProve, ID: id, PIN: pin})
	return err
}

// Dismiss answers a question with a no.
func (d Desk) Dismiss(ctx context.Context, id string) error {
	_, err := d.exchange(ctx, listTime, ask{Do: doDismiss, ID: id})
	return err
}

// refusedError is what a desk said instead of doing it.
type refusedError struct {
	text      string
	notProved bool
}

func (e *refusedError) Error() string { return e.text }

func (e *refusedError) Is(target error) bool {
	return e.notProved && target == approval.ErrNotProved
}

func (d Desk) exchange(ctx context.Context, limit time.Duration, a ask) (told, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", d.path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(d.path) // its process was killed
	}
	if err != nil {
		return told{}, fmt.Errorf("reach the process that asks: %w", err)
	}
	defer func() { _ = c.Close() }()
	if _, err := rundir.Peer(c); err != nil {
		return told{}, fmt.Errorf("reach the process that asks: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	line, err := json.Marshal(a)
	if err != nil {
		return told{}, err
	}
	defer clear(line)
	if _, err := c.Write(line); err != nil {
		return told{}, fmt.Errorf("ask the process: %w", err)
	}
	if half, ok := c.(*net.UnixConn); ok {
		_ = half.CloseWrite()
	}
	var t told
	reply, err := io.ReadAll(io.LimitReader(c, maxAnswer))
	if err == nil {
		err = json.NewDecoder(bytes.NewReader(reply)).Decode(&t)
	}
	switch {
	case ctx.Err() != nil:
		return told{}, fmt.Errorf("wait for the process that asks: %w", ctx.Err())
	case err != nil:
		return told{}, errors.New("the process that asks gave no answer: it may have ended")
	case t.Error != "":
		return told{}, &refusedError{t.Error, t.NotProved}
	}
	return t, nil
}

// Find returns the desk at which a question waits. Of an id that is not whole,
// there must be one question that it begins.
func Find(ctx context.Context, id string) (Desk, approval.Waiting, error) {
	type found struct {
		desk     Desk
		question approval.Waiting
	}
	var all []found
	for _, d := range All() {
		waiting, err := d.Waiting(ctx)
		if err != nil {
			continue // it has ended
		}
		for _, w := range waiting {
			if strings.HasPrefix(w.ID, strings.ToLower(id)) {
				all = append(all, found{d, w})
			}
		}
	}
	if i := slices.IndexFunc(all, func(f found) bool { return f.question.ID == id }); i >= 0 {
		all = all[i : i+1]
	}
	switch {
	case len(all) == 1 && id != "":
		return all[0].desk, all[0].question, nil
	case len(all) > 1 && id != "":
		return Desk{}, approval.Waiting{}, fmt.Errorf("%d questions begin with %s: give more of the id", len(all), id)
	default:
		return Desk{}, approval.Waiting{}, ErrNone
	}
}

// ErrNone says that no question waits under an id.
var ErrNone = errors.New("no question waits under that id")
