package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"scrim/internal/config"
	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
	"scrim/internal/validate"
	"scrim/redact"
)

// scopeFlags choose what a command looks at. Left out, the environment and the
// configuration files decide.
type scopeFlags struct {
	Project string `placeholder:"NAME" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	Env     string `placeholder:"SLUG" help:"Environment (else PROJECT_ENV, scrim.toml, prod)."`
}

// load reads the configuration. Inside the session of a launched agent it is of
// that session's scope.
func (f scopeFlags) load(c *cli) (config.Config, *session.Record, error) {
	inside, err := session.Find()
	if err != nil {
		return config.Config{}, nil, err
	}
	cfg, err := f.loadInside(c, inside)
	return cfg, inside, err
}

func (f scopeFlags) loadInside(c *cli, inside *session.Record) (config.Config, error) {
	dir, err := os.Getwd()
	if err != nil {
		return config.Config{}, fmt.Errorf("find the working directory: %w", err)
	}
	home, _ := os.UserHomeDir() // empty is a case of its own
	input := config.Input{Getenv: c.getenv, Dir: dir, Home: home, Flags: config.Flags{Project: f.Project, Env: f.Env}}
	if inside != nil {
		input.Session = &inside.Scope
	}
	return config.Load(input)
}

// identityKind names the identity that the store is read as.
func identityKind(cfg config.Config, inside *session.Record) string {
	if cfg.Credentials.Kind == config.NoCredentials && inside != nil && inside.Lends {
		return inside.Identity
	}
	return cfg.Credentials.Kind.String()
}

// source returns the store of cfg. Without credentials it is one that answers
// nothing, so that a server starts all the same and says why.
func source(cfg config.Config, inside *session.Record, redactor *redact.Redactor, log *slog.Logger) (store.Source, error) {
	identity := infisical.Identity{}
	switch cfg.Credentials.Kind {
	case config.NoCredentials:
		if inside == nil || !inside.Lends {
			return closed{cfg.Credentials.Reason}, nil
		}
		identity = infisical.Borrowed(inside.Borrow)
	case config.AccessToken:
		identity = infisical.AccessToken(cfg.Credentials.Token)
	case config.UniversalAuth:
		identity = infisical.UniversalAuth(cfg.Credentials.ClientID, cfg.Credentials.ClientSecret)
	}
	return infisical.New(infisical.Options{
		Site: cfg.Scope.Site, ProjectID: cfg.Scope.ProjectID, Identity: identity, Log: log,
		Learn: func(v secret.Value) { redactor.Learn(secret.Ref{}, v) },
	})
}

// storeOptions opens the store for cfg's scope. From here on the redactor learns
// what the store shows, and knows which names the user calls public.
func storeOptions(cfg config.Config, inside *session.Record, redactor *redact.Redactor, log *slog.Logger) (store.Options, error) {
	redactor.Exempt(cfg.Redact.Public)
	from, err := source(cfg, inside, redactor, log)
	if err != nil {
		return store.Options{}, err
	}
	return store.Options{
		Scope: cfg.Scope, Source: from, Learner: redactor, Judge: validate.Checker{Types: cfg.Types},
		Log: log, Now: time.Now,
	}, nil
}

// closed is a store that nobody has credentials for.
type closed struct{ reason string }

func (c closed) err() error { return &noCredentialsError{c.reason} }

// noCredentialsError is secret.ErrUnauthenticated where there is nothing to
// authenticate with.
type noCredentialsError struct{ reason string }

// Error says what was looked for, and the next step.
func (e *noCredentialsError) Error() string { return e.reason }

func (e *noCredentialsError) Unwrap() error { return secret.ErrUnauthenticated }

func (c closed) List(context.Context, string, string, string) (secret.Listing, error) {
	return secret.Listing{}, c.err()
}

func (c closed) Names(context.Context, string, string) (secret.Listing, error) {
	return secret.Listing{}, c.err()
}

func (c closed) Get(context.Context, secret.Ref) (secret.Listed, error) {
	return secret.Listed{}, c.err()
}
func (c closed) Probe(context.Context, secret.Ref) error { return c.err() }
func (c closed) Folders(context.Context, string, string) ([]string, error) {
	return nil, c.err()
}
