// Package identity finds out as whom scrim speaks to the store: the first of
// the configured identities that serves. It looks when the store is first
// asked, so that no process waits for it to start, and again after the store
// refused, so that nobody has to start a process anew to correct a secret.
package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"scrim/internal/config"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// How long the credentials are taken to be what they were, once the store has
// refused them. To ask a program takes longer than to read a file.
const (
	pause        = 2 * time.Second
	programPause = time.Minute
)

// Options make a Source.
type Options struct {
	Site       string
	ProjectID  string
	Identities config.Identities
	// Again looks for identities of the same site anew. It may be nil.
	Again func() (config.Identities, error)
	// Borrow asks the launcher of this session for a token, and for how long it is
	// good; Lender is the kind of its identity. Where it is set, no other identity
	// is used: the session's is the launcher's.
	Borrow  func(context.Context) (secret.Value, time.Duration, error)
	Lender  string
	Program Program
	Getenv  func(string) string // for a login whose token is in a variable
	Learn   func(secret.Value)
	Log     *slog.Logger
}

// Source is the store as the identity sees it. It is safe for concurrent use.
type Source struct {
	options Options

	mu       sync.Mutex
	found    config.Identities
	client   *infisical.Client  // nil: nothing serves, or nobody asked yet
	using    config.Credentials // the client's
	doubtful bool               // the store refused them
	next     time.Time          // when to look again at the earliest
	refused  []secret.Value     // tokens of the program that the store refused
}

// ForVault returns the Source of the identity that reads the vault after a yes.
// What it has to show is looked for when it is first asked, and not before. It
// borrows nothing.
func ForVault(o Options, vault config.VaultIdentity) *Source {
	o.Identities, o.Borrow, o.Log = config.Identities{}, nil, o.Log.With("identity", "of the vault")
	o.Again = func() (config.Identities, error) {
		c, err := vault.Credentials(o.Site)
		if err != nil {
			return config.Identities{}, err
		}
		return config.Identities{
			Candidates: []config.Credentials{c},
			Attempts:   []config.Attempt{{Kind: c.Kind, Source: c.Source, Outcome: "serves"}},
		}, nil
	}
	return New(o)
}

// New returns a Source that has looked nowhere yet.
func New(o Options) *Source { return &Source{options: o, found: o.Identities} }

// NoneError is secret.ErrUnauthenticated where there is nothing to authenticate
// with.
type NoneError struct{ Reason string }

// Error says what was looked for, and the next step.
func (e *NoneError) Error() string { return e.Reason }

// Unwrap returns secret.ErrUnauthenticated.
func (e *NoneError) Unwrap() error { return secret.ErrUnauthenticated }

// Kind returns the public word for the identity in use, or for the one that is
// tried first.
func (s *Source) Kind() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.options.Borrow != nil:
		return s.options.Lender
	case s.client != nil:
		return s.using.Kind.String()
	case len(s.found.Candidates) > 0:
		return s.found.Candidates[0].Kind.String()
	default:
		return config.NoCredentials.String()
	}
}

// Attempts returns what was looked at so far, in order. It holds no credential.
func (s *Source) Attempts() []config.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.found.Attempts)
}

// List reads a folder; see infisical.Client.
func (s *Source) List(ctx context.Context, environment, path, etag string) (l secret.Listing, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		l, err = c.List(ctx, environment, path, etag)
		return err
	})
	return l, err
}

// Names lists a folder without values; see infisical.Client.
func (s *Source) Names(ctx context.Context, environment, path string) (l secret.Listing, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		l, err = c.Names(ctx, environment, path)
		return err
	})
	return l, err
}

// Get reads one secret; see infisical.Client.
func (s *Source) Get(ctx context.Context, ref secret.Ref) (l secret.Listed, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		l, err = c.Get(ctx, ref)
		return err
	})
	return l, err
}

// Probe asks for one name without its value; see infisical.Client.
func (s *Source) Probe(ctx context.Context, ref secret.Ref) error {
	return s.ask(ctx, func(c *infisical.Client) error { return c.Probe(ctx, ref) })
}

// Folders lists the folders in path; see infisical.Client.
func (s *Source) Folders(ctx context.Context, environment, path string) (names []string, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		names, err = c.Folders(ctx, environment, path)
		return err
	})
	return names, err
}

// ask calls do with the store. Where the store refuses the identity and there
// is another one by now, it calls do once more with that.
func (s *Source) ask(ctx context.Context, do func(*infisical.Client) error) error {
	first, err := s.open(ctx)
	if err != nil {
		return err
	}
	err = do(first)
	if !errors.Is(err, secret.ErrUnauthenticated) {
		return err
	}
	if second := s.instead(ctx, first); second != nil {
		return do(second)
	}
	return err
}

// open returns the client of the identity that serves.
func (s *Source) open(ctx context.Context) (*infisical.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil && !s.doubtful {
		return s.client, nil
	}
	if err := s.look(ctx); err != nil && s.client == nil {
		return nil, err
	}
	return s.client, nil
}

// instead returns the client of another identity than the one that the store
// refused, or nil where there is none.
func (s *Source) instead(ctx context.Context, refused *infisical.Client) *infisical.Client {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == refused {
		s.doubtful = true
		if s.using.Kind == config.CommandLine {
			s.refused = []secret.Value{s.using.Token}
		}
		_ = s.look(ctx) // the refusal says more
	}
	if s.client == refused {
		return nil
	}
	return s.client
}

// look looks for the identity that serves. The first time it goes by what the
// process started with, if that is anything.
func (s *Source) look(ctx context.Context) error {
	now := time.Now()
	if now.Before(s.next) {
		return s.none()
	}
	if again := s.options.Again; again != nil && (s.doubtful || !s.next.IsZero() || len(s.found.Attempts) == 0) {
		found, err := again()
		if err != nil {
			return fmt.Errorf("%w: %w", secret.ErrUnauthenticated, err)
		}
		s.found = found
	}
	err := s.choose(ctx)
	if ctx.Err() == nil && (err != nil || s.doubtful) {
		s.next = now.Add(s.pause())
	}
	return err
}

func (s *Source) pause() time.Duration {
	if slices.ContainsFunc(s.found.Candidates, func(c config.Credentials) bool { return c.Kind == config.CommandLine }) {
		return programPause
	}
	return pause
}

// choose takes the first candidate that serves. One that is the same as before
// keeps its client, which knows what the store refused.
func (s *Source) choose(ctx context.Context) error {
	if s.options.Borrow != nil {
		return s.borrow()
	}
	for _, c := range s.found.Candidates {
		if c.Kind == config.CommandLine {
			var err error
			c.Token, err = s.program(ctx, c)
			if ctx.Err() != nil {
				return ctx.Err() // whoever asked has left: that says nothing of the program
			}
			if err != nil {
				continue
			}
		}
		if s.client != nil && c.Equal(s.using) {
			return nil
		}
		client, err := s.newClient(c)
		if err != nil {
			return err
		}
		s.client, s.using, s.doubtful, s.next = client, c, false, time.Time{}
		s.report()
		return nil
	}
	s.report()
	return s.none()
}

// borrow takes the launcher's identity.
func (s *Source) borrow() error {
	if s.client != nil {
		return nil
	}
	client, err := infisical.New(infisical.Options{
		Site: s.options.Site, ProjectID: s.options.ProjectID,
		Identity: infisical.Borrowed(s.options.Borrow), Learn: s.options.Learn, Log: s.options.Log,
	})
	if err != nil {
		return err
	}
	s.client, s.doubtful, s.next = client, false, time.Time{}
	return nil
}

// Lend returns the access token that the store is asked with, and for how long it
// is good; zero is not known.
func (s *Source) Lend(ctx context.Context) (token secret.Value, good time.Duration, err error) {
	err = s.ask(ctx, func(c *infisical.Client) (err error) {
		token, good, err = c.Lend(ctx)
		return err
	})
	return token, good, err
}

// program asks the Infisical CLI for its token, and notes what came of it.
func (s *Source) program(ctx context.Context, c config.Credentials) (secret.Value, error) {
	token, err := s.options.Program.Token(ctx, c.Program, c.Site)
	outcome := "serves"
	switch {
	case ctx.Err() != nil:
		return secret.Value{}, ctx.Err()
	case err != nil:
		outcome = "does not serve: " + err.Error()
	case slices.ContainsFunc(s.refused, token.Equal):
		err = secret.ErrUnauthenticated
		outcome = "does not serve: the store refused its token"
	}
	for i, a := range s.found.Attempts {
		if a.Kind == config.CommandLine {
			s.found.Attempts = slices.Clone(s.found.Attempts)
			s.found.Attempts[i].Outcome = outcome
		}
	}
	return token, err
}

// report logs every attempt: never a credential.
func (s *Source) report() {
	for _, a := range s.found.Attempts {
		s.options.Log.Debug("identity: "+a.String(), "kind", a.Kind.String())
	}
}

func (s *Source) none() error { return &NoneError{config.NoIdentity(s.found.Attempts)} }

func (s *Source) newClient(c config.Credentials) (*infisical.Client, error) {
	return infisical.New(infisical.Options{
		Site: cmp.Or(c.Site, s.options.Site), ProjectID: s.options.ProjectID,
		Identity: For(c, s.options.Getenv), Learn: s.options.Learn, Log: s.options.Log,
	})
}

// For returns what the adapter to the store makes of credentials.
func For(c config.Credentials, getenv func(string) string) infisical.Identity {
	token := infisical.TokenLogin{
		IdentityID: c.Login.IdentityID,
		Token:      func() (secret.Value, error) { return c.Login.Proof(getenv) },
	}
	switch c.Kind {
	case config.AccessToken:
		return infisical.AccessToken(c.Token)
	case config.CommandLine:
		return infisical.ProgramToken(c.Token)
	case config.UniversalAuth:
		return infisical.UniversalAuth(c.ClientID, c.ClientSecret)
	case config.OIDC:
		return infisical.OIDC(token)
	case config.Kubernetes:
		return infisical.Kubernetes(token)
	case config.AWS:
		return infisical.AWS(c.Login.IdentityID)
	case config.Azure:
		return infisical.Azure(c.Login.IdentityID, c.Login.Resource, c.Login.ClientID)
	case config.GCP:
		return infisical.GCP(c.Login.IdentityID)
	default:
		return infisical.Identity{}
	}
}
