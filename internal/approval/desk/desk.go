// Package desk carries the desk's questions from the process that asks to the
// terminal of a person, and the answers back, over a socket in the folder of
// what runs. Who is at the other end is the same user, and no more is believed of
// them: a yes counts by its proof alone, which the asking process checks.
package desk

import (
	"bufio"
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
	"sync"
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

// ask is what goes over the socket, on one line, once a connection. Whoever asked
// stays until the answer is there: who leaves takes back what was asked.
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
	line, err := bufio.NewReaderSize(c, maxQuestion).ReadSlice('\n')
	defer clear(line)
	if err != nil {
		return
	}
	var a ask
	if json.Unmarshal(line, &a) != nil {
		return
	}
	defer clear(a.PIN)
	_ = c.SetDeadline(time.Now().Add(proofTime))
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	go func() {
		_, _ = c.Read(make([]byte, 1)) // until whoever asked leaves, or the time is over
		leave(errLeft)
	}()
	_ = json.NewEncoder(c).Encode(respond(ctx, g, a)) // who asked hears of it by getting nothing
}

var errLeft = errors.New("who gave it left before it was looked at")

func respond(ctx context.Context, g Gate, a ask) told {
	var err error
	switch a.Do {
	case doList:
		return told{Waiting: g.Waiting()}
	case doProve:
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

// all returns the desks of the processes that run now, and of some that have ended.
func all() []Desk {
	var found []Desk
	for _, dir := range rundir.All() {
		if rundir.Check(dir) != nil {
			continue
		}
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), socketStart) && strings.HasSuffix(e.Name(), socketEnd) {
				found = append(found, Desk{filepath.Join(dir, e.Name())})
			}
		}
	}
	return found
}

// Question is an open question, and the desk at which it waits.
type Question struct {
	approval.Waiting
	At Desk
}

// Open returns the open questions of every desk. All are asked at once, so that one
// that hangs takes no longer than itself; one that does not answer has ended.
func Open(ctx context.Context) []Question {
	var mu sync.Mutex
	var open []Question
	var asked sync.WaitGroup
	for _, d := range all() {
		asked.Go(func() {
			t, err := d.exchange(ctx, listTime, ask{Do: doList})
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, w := range t.Waiting {
				open = append(open, Question{w, d})
			}
		})
	}
	asked.Wait()
	return open
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
	line = append(line, '\n')
	defer clear(line)
	if _, err := c.Write(line); err != nil {
		return told{}, fmt.Errorf("ask the process: %w", err)
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

// Find returns the open question with that id, or the only one whose id begins so.
// Ids are random: who asks under another's is no scrim.
func Find(ctx context.Context, id string) (Question, error) {
	id = strings.ToLower(id)
	found := slices.DeleteFunc(Open(ctx), func(q Question) bool { return !strings.HasPrefix(q.ID, id) })
	isOther := func(q Question) bool { return q.ID != id }
	if exact := slices.DeleteFunc(slices.Clone(found), isOther); len(exact) > 0 {
		found = exact
	}
	switch {
	case id == "", len(found) == 0:
		return Question{}, ErrNone
	case len(found) > 1 && !slices.ContainsFunc(found, isOther):
		return Question{}, fmt.Errorf("%d processes ask under %s, so at least one of them only plays scrim: type no PIN, and see what runs", len(found), found[0].ID)
	case len(found) > 1:
		return Question{}, fmt.Errorf("%d questions begin with %s: give more of the id", len(found), id)
	default:
		return found[0], nil
	}
}

// ErrNone says that no question waits under an id.
var ErrNone = errors.New("no question waits under that id")
