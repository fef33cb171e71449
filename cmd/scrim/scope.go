package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"scrim/internal/config"
	"scrim/internal/identity"
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
	in, err := f.input(c)
	if err != nil {
		return config.Config{}, err
	}
	if inside != nil {
		in.Session = &inside.Scope
	}
	cfg, err := config.Load(in)
	if c.verbose {
		cfg.Log.Level = slog.LevelDebug
	}
	return cfg, err
}

// input is what the configuration is read from.
func (f scopeFlags) input(c *cli) (config.Input, error) {
	dir, err := os.Getwd()
	if err != nil {
		return config.Input{}, fmt.Errorf("find the working directory: %w", err)
	}
	home, _ := os.UserHomeDir() // empty is a case of its own
	return config.Input{
		Getenv: c.getenv, Dir: dir, Home: home, LookPath: exec.LookPath,
		Flags: config.Flags{Project: f.Project, Env: f.Env},
	}, nil
}

// identityOptions returns what makes the store of cfg. Without an identity it answers
// nothing, so that a server starts all the same and says why. Inside a session whose
// launcher lends tokens it is the store as the launcher sees it.
func identityOptions(c *cli, cfg config.Config, inside *session.Record, redactor *redact.Redactor, log *slog.Logger) identity.Options {
	home, _ := os.UserHomeDir()
	options := identity.Options{
		Site: cfg.Scope.Site, ProjectID: cfg.Scope.ProjectID, Identities: cfg.Identities,
		Again: func() (config.Identities, error) {
			in, err := scopeFlags{}.input(c)
			if err != nil {
				return config.Identities{}, err
			}
			return config.LoadIdentities(in, cfg.Scope.Site)
		},
		Program: identity.Program{Environ: os.Environ(), Home: home},
		Getenv:  c.getenv,
		Learn:   func(v secret.Value) { redactor.Learn(secret.Ref{}, v) },
		Log:     log,
	}
	if inside != nil && inside.Lends {
		options.Borrow, options.Lender = inside.Borrow, inside.Identity
	}
	if inside != nil && cfg.Credentials.Kind == config.NoCredentials {
		// Nothing that the user has says that the record's site is theirs, so that
		// credentials that come later must not go there.
		options.Again = nil
	}
	return options
}

// storeOptions returns what makes the store of cfg's scope. From here on the
// redactor learns what the store shows, and knows which names the user calls
// public.
func storeOptions(c *cli, cfg config.Config, inside *session.Record, redactor *redact.Redactor, log *slog.Logger) (store.Options, *identity.Source) {
	redactor.Exempt(cfg.Redact.Public)
	identities := identityOptions(c, cfg, inside, redactor, log)
	from := identity.New(identities)
	options := store.Options{
		Scope: cfg.Scope, Source: from, Learner: redactor, Judge: checkerOf(cfg),
		Log: log, Now: time.Now,
	}
	if cfg.Vault.Stated() {
		log.Debug("identity: after a yes the vault is read as " + cfg.Vault.String())
		options.Vault, options.VaultIdentity = identity.ForVault(identities, cfg.Vault), cfg.Vault.String()
	}
	return options, from
}

// checkerOf returns what judges the values of cfg's scope for people.
func checkerOf(cfg config.Config) validate.Checker {
	return validate.Checker{Types: cfg.Types, Vault: cfg.Scope.VaultPath, VaultTypes: cfg.VaultTypes()}
}

// vaultKind is the word for the kind of the vault's own identity, or "".
func vaultKind(cfg config.Config) string {
	if !cfg.Vault.Stated() {
		return ""
	}
	return cfg.Vault.Kind.String()
}

// loadEstate reads the configuration for all projects. Inside the session of a
// launched agent it is refused.
func (f scopeFlags) loadEstate(c *cli) (config.Estate, error) {
	inside, err := session.Find()
	if err != nil {
		return config.Estate{}, err
	}
	in, err := f.input(c)
	if err != nil {
		return config.Estate{}, err
	}
	if inside != nil {
		in.Session = &inside.Scope
	}
	all, err := config.LoadEstate(in)
	if c.verbose {
		all.Log.Level = slog.LevelDebug
	}
	return all, err
}
