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
	"scrim/internal/store"
	"scrim/redact"
)

// scopeFlags choose what a command looks at. Left out, the environment and the
// configuration files decide.
type scopeFlags struct {
	Project string `placeholder:"NAME" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	Env     string `placeholder:"SLUG" help:"Environment (else PROJECT_ENV, scrim.toml, prod)."`
}

func (f scopeFlags) load(c *cli) (config.Config, error) {
	in, err := f.input(c)
	if err != nil {
		return config.Config{}, err
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

// source returns the store of cfg. Without an identity it answers nothing, so
// that a server starts all the same and says why.
func source(c *cli, cfg config.Config, redactor *redact.Redactor, log *slog.Logger) *identity.Source {
	home, _ := os.UserHomeDir()
	return identity.New(identity.Options{
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
	})
}

// storeOptions returns what makes the store of cfg's scope. From here on the
// redactor learns what the store shows, and knows which names the user calls
// public.
func storeOptions(c *cli, cfg config.Config, redactor *redact.Redactor, log *slog.Logger) (store.Options, *identity.Source) {
	redactor.Exempt(cfg.Redact.Public)
	from := source(c, cfg, redactor, log)
	return store.Options{Scope: cfg.Scope, Source: from, Learner: redactor, Log: log, Now: time.Now}, from
}
