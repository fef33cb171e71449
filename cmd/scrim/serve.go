package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/config"
	"scrim/internal/handover"
	"scrim/internal/rundir"
	"scrim/internal/session"
	"scrim/internal/store"
	"scrim/internal/validate"
	"scrim/redact"
	"scrim/server"
	"scrim/tools"
)

// ServeCmd is `scrim serve`.
type ServeCmd struct {
	scopeFlags `embed:""`
}

// Help is shown by `scrim serve --help`.
func (ServeCmd) Help() string {
	return `An MCP client starts this; there is nothing to type. Register it, for example:

  claude mcp add scrim -- scrim serve

The log goes to stderr: SCRIM_LOG=debug|info|warn, SCRIM_LOG_FORMAT=json.`
}

// Run serves MCP until the client closes stdin or a signal asks to end.
func (s *ServeCmd) Run(c *cli) error {
	redactor := redact.New(redact.Options{Vocabulary: server.Vocabulary})
	outlet, err := takeOver(redactor)
	if err != nil {
		return err
	}
	defer outlet.close()
	if err := s.serve(c, redactor, outlet); err != nil {
		return exitError(report(outlet.talk, err)) // masked, which main's stderr is not
	}
	return nil
}

// loadServer reads the configuration. Inside a session what the client says of
// the project and the environment does not count: a client may pass what was
// true for another of its servers, or nothing at all.
func (s *ServeCmd) loadServer(c *cli) (config.Config, *session.Record, error) {
	inside, err := session.Find()
	if err != nil {
		return config.Config{}, nil, err
	}
	client := *c
	if inside != nil {
		client.getenv = func(name string) string {
			if name == "SCRIM_PROJECT" || name == "PROJECT_ENV" {
				return ""
			}
			return c.getenv(name)
		}
	}
	cfg, err := s.loadInside(&client, inside)
	return cfg, inside, err
}

func (s *ServeCmd) serve(c *cli, redactor *redact.Redactor, outlet *outlet) error {
	cfg, inside, err := s.loadServer(c)
	if err != nil {
		return err
	}
	log := newLog(outlet.talk, cfg.Log, c.getenv)
	if cfg.Credentials.Kind == config.NoCredentials && (inside == nil || !inside.Lends) {
		log.Warn(cfg.Credentials.Reason)
		if inside != nil {
			log.Warn("inside a session credentials that come later are not used: once there are some, start this server again")
		}
	}
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGHUP, syscall.SIGQUIT)
	defer stop()
	handover.Sweep(rundir.All())
	handed := files()
	defer handed.Close()
	defer context.AfterFunc(ctx, handed.Close)() // at once, and not when the calls have ended
	app, gate := assemble(c, cfg, inside, redactor, handed, log)
	defer openDesk(c, gate, log)()
	log.Debug("serving", "scope", cfg.Scope.Path, "environment", cfg.Scope.Environment, "stated", cfg.Scope.Stated)
	return app.Serve(ctx, c.stdin, outlet.protocol)
}

// assemble wires a server for the scope of cfg, and returns the gate that it asks.
func assemble(c *cli, cfg config.Config, inside *session.Record, redactor *redact.Redactor, handed *handover.Files, log *slog.Logger) (*server.Server, *approval.Gate) {
	var app atomic.Pointer[server.Server] // the store knows of it before it exists
	options, from := storeOptions(c, cfg, inside, redactor, log)
	// What an agent can write must not choose what is asked about a value.
	options.Judge = validate.Checker{Types: config.BareTypes(cfg.OwnTypes), Quiet: cfg.Types}
	options.Changed = func() {
		if s := app.Load(); s != nil {
			s.NamesChanged()
		}
	}
	options.Refreshed = (&maskWarning{public: cfg.Redact.Public, vault: cfg.Vault, redactor: redactor, log: log}).heed
	secrets := store.New(options)
	home, _ := os.UserHomeDir()
	trail := audit.New(audit.DefaultPath(c.getenv, home))
	runs := errands(redactor)
	onDisk, _ := handed.Ready() // where there is no place at all, nobody is asked
	gate, pages := newGate(c, cfg, approval.Options{
		Policy: scopePolicy(cfg, runs), Audit: trail, Mask: redactor.String,
		FileTTL: handover.Lifetime, FileOnDisk: onDisk,
	}, log)
	app.Store(server.New(tools.Deps{
		Scope: cfg.Scope, IdentityKind: from.Kind, VaultKind: vaultKind(cfg), Store: secrets, Session: inside,
		Pages: pages, Browser: opener(c, cfg), Elsewhere: cfg.Verifier != "",
		Gate: gate, Trail: trail, Errands: runs, Files: handed, Redactor: redactor, Log: log, Now: time.Now,
	}, version()))
	return app.Load(), gate
}

// outlet is where a serving process may write once descriptors 1 and 2 have
// been taken over.
type outlet struct {
	protocol io.Writer      // the client; only redact.Frames writes to it
	talk     io.WriteCloser // stderr, masked
	restore  func()         // gives the descriptors back and waits for stray prints
}

func (o *outlet) close() {
	o.restore()
	_ = o.talk.Close()
}

// takeOver makes the redactor the only way to the process's own stdout and
// stderr: a stray print, of this program or of a library, would corrupt the
// protocol on the one and could show a value on the other.
func takeOver(redactor *redact.Redactor) (*outlet, error) {
	hardenProcess()
	streams, err := seizeStandardStreams()
	if err != nil {
		return nil, fmt.Errorf("take over stdout and stderr: %w", err)
	}
	strays := make(chan struct{})
	talk := redactor.Stream(streams.stderr)
	go func() {
		defer close(strays)
		stray := redactor.Stream(streams.stderr)
		_, _ = io.Copy(stray, streams.stray)
		_ = stray.Close()
	}()
	return &outlet{protocol: streams.stdout, talk: talk, restore: func() {
		streams.giveBack()
		select {
		case <-strays:
		case <-time.After(time.Second): // a child may hold the pipe open
		}
	}}, nil
}
