// Package infisical is the adapter to the store: it speaks to an Infisical
// server and answers in the vocabulary of package secret.
//
// Requests are made by the functions of the SDK's packages/api, with an HTTP
// client of our own for each call (see exchange). The SDK's high-level client
// is not used: it follows redirects with the credentials in hand, takes no
// context, has no time limit, and drops fields that scrim shows.
//
// Every error is one of the sentinels in package secret, wrapped with what was
// being done, on which secret or folder, and the server's id for the request;
// or it is the caller's own context error. It never holds a URL, a body, a
// value or a token.
package infisical

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"scrim/internal/secret"
)

// defaultTimeout bounds one call of a Client, its login, its retries and its
// second tries in a lesser mode included.
const defaultTimeout = 10 * time.Second

// Options says which project of which server a Client speaks to, and as whom.
type Options struct {
	// Site is the server's base URL, with or without the "/api" that the
	// Infisical CLI wants: https, or http on loopback.
	Site      string
	ProjectID string // the store's id for the project
	Identity  Identity
	Timeout   time.Duration // of one call in whole; 10 s where it is zero

	// Learn is told the client id, the client secret, every other token that
	// proves the identity, and every access token before it is used. It may be
	// nil.
	Learn func(secret.Value)
	Log   *slog.Logger // nil: no log
}

// Client reads one project of one Infisical server. It is safe for concurrent
// use and starts no goroutine of its own.
type Client struct {
	wire    *wire
	session *session
	project string
	timeout time.Duration
	modes   modes
}

// New returns a Client. It checks o and learns the credentials, and makes no
// request.
func New(o Options) (*Client, error) {
	if o.ProjectID == "" {
		return nil, errors.New("project of the store: its id is empty")
	}
	return newClient(o)
}

// LogIn returns a Client whose identity the store has just let in. Without a
// project it is good for nothing more.
func LogIn(ctx context.Context, o Options) (*Client, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if _, err := c.session.token(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func newClient(o Options) (*Client, error) {
	at, err := parseSite(o.Site)
	if err != nil {
		return nil, fmt.Errorf("site of the store: %w", err)
	}
	if err := o.Identity.check(); err != nil {
		return nil, fmt.Errorf("identity for the store: %w", err)
	}
	if o.Timeout < 0 {
		return nil, errors.New("time limit for the store: it is negative")
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Learn == nil {
		o.Learn = func(secret.Value) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, v := range o.Identity.credentials() {
		o.Learn(v)
	}
	w := &wire{site: at, base: newTransport(), log: o.Log}
	return &Client{
		wire:    w,
		session: &session{wire: w, identity: o.Identity, learn: o.Learn},
		project: o.ProjectID,
		timeout: o.Timeout,
	}, nil
}

// IdentityKind returns the public word for the kind of identity, such as
// "universal-auth".
func (c *Client) IdentityKind() string { return c.session.identity.Kind() }

// bound gives a call its time limit.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.timeout, &timeLimitError{c.timeout})
}

// ask runs one request with the identity's token, and once more with a new
// token where the server refuses the first. An answer that refuses something
// else is a reply, not an error.
func (c *Client) ask(ctx context.Context, what string, run request) (reply, error) {
	for first := true; ; first = false {
		l, err := c.session.token(ctx)
		if err != nil {
			return reply{}, err
		}
		r, err := c.wire.exchange(ctx, what, l.token, run)
		if err != nil || !r.refusesToken() || !first || !c.session.drop(l) {
			return r, err
		}
	}
}

// place is a folder of the project.
type place struct{ env, path string }

// newPlace returns the folder path in env. Its error does not echo them.
func newPlace(env, path string) (place, error) {
	return place{env, path}, errors.Join(secret.CheckEnvironment(env), secret.CheckPath(path))
}

func (p place) String() string { return p.env + ":" + p.path }

// newTransport returns the transport under every exchange. It does not follow
// redirects: no RoundTripper does.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment, // never for loopback
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
