//go:build unix

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"scrim/internal/rundir"
	"scrim/internal/secret"
)

// The bounds of one loan: how long it may take, and how long its answer may be.
const (
	lendTimeout = 10 * time.Second
	maxLoan     = 64 << 10
)

// loan is what goes over the socket: an access token, and for how long it is good.
type loan struct {
	Token   string `json:"token"`
	Seconds int64  `json:"seconds"`
}

// Lend listens where the agent's descendants ask for a token, and answers each
// that is one with what lend writes. It returns what ends it.
//
// Nobody else is answered: the folder and the socket are the user's own, and the
// system says who asks.
func (r *Record) Lend(ctx context.Context, lend func(context.Context, io.Writer) error) (end func(), err error) {
	l, err := rundir.Listen(ctx, r.Socket())
	if err != nil {
		return nil, fmt.Errorf("listen for the session's servers: %w", err)
	}
	rundir.Serve(l, func(c net.Conn) { r.serve(ctx, c, lend) })
	return func() { _ = l.Close() }, nil
}

func (r *Record) serve(ctx context.Context, c net.Conn, lend func(context.Context, io.Writer) error) {
	defer func() { _ = c.Close() }()
	if !r.isDescendant(c) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lendTimeout)
	defer cancel()
	if err := c.SetDeadline(time.Now().Add(lendTimeout)); err != nil {
		return
	}
	_ = lend(ctx, c) // who asked hears of it by getting nothing
}

// isDescendant reports whether the other end of c is a process of this user that
// descends from the launcher, and not the launcher itself.
func (r *Record) isDescendant(c net.Conn) bool {
	pid, err := rundir.Peer(c)
	return err == nil && pid != os.Getpid() && Descends(pid, r.Launcher)
}

// WriteLoan writes what Borrow reads.
func WriteLoan(w io.Writer, token string, good time.Duration) error {
	return json.NewEncoder(w).Encode(loan{token, int64(good / time.Second)})
}

// Borrow asks the launcher for a token, and returns for how long it is good; zero
// is not known.
func (r *Record) Borrow(ctx context.Context) (secret.Value, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, lendTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", r.Socket())
	if err != nil {
		return secret.Value{}, 0, fmt.Errorf("ask the launcher of this session for a token: %w", err)
	}
	defer func() { _ = c.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	var l loan
	if err := json.NewDecoder(io.LimitReader(c, maxLoan)).Decode(&l); err != nil || l.Token == "" {
		return secret.Value{}, 0, errors.New("ask the launcher of this session for a token: it gave none")
	}
	return secret.NewValue(l.Token), time.Duration(max(0, l.Seconds)) * time.Second, nil
}
