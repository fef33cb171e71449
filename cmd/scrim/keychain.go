package main

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"scrim/internal/config"
	"scrim/internal/keychain"
)

// openKeychain has the system ask for the keychain's password where the program
// that is about to be started keeps its login there and would find it locked,
// as over SSH. Whatever comes of it, the program is to be started, since it can
// log in by itself: under the context that is returned, until done is called.
//
// A person is asked once per login session because the keychain, once unlocked,
// stays so (unless its own settings lock it earlier): nobody is asked while it
// is, and nothing here has to remember.
func openKeychain(c *cli, q *query, program string) (ctx context.Context, done func()) {
	name := filepath.Base(program)
	if !config.OverSSH(c.getenv) || !slices.Contains(q.cfg.Run.Keychain, name) {
		return c.ctx, func() {}
	}
	k := keychain.New(keychain.Options{LookPath: exec.LookPath, Environ: os.Environ()})
	state, err := k.State(c.ctx)
	q.deps.Log.Debug("keychain: whether it is locked", "program", name, "state", state.String(), "error", err)
	if state != keychain.Locked {
		return c.ctx, func() {}
	}
	tty := c.tty()
	if tty == nil {
		q.say("scrim: the keychain with %s's login is locked, and no terminal is here to ask on: run `security unlock-keychain` in one first.", name)
		return c.ctx, func() {}
	}
	defer func() { _ = tty.Close() }()
	q.say("scrim: the keychain with %s's login is locked: security asks to unlock it.", name)
	return unlock(c, q, k, tty, name)
}

// unlock has security ask on the terminal. Ctrl-C there is an answer to its
// question, which ends c.ctx too; a request to terminate is one to scrim.
func unlock(c *cli, q *query, k keychain.Keychain, tty *os.File, name string) (ctx context.Context, done func()) {
	ctx, done = signal.NotifyContext(context.WithoutCancel(c.ctx), syscall.SIGTERM)
	asking, asked := signal.NotifyContext(ctx, os.Interrupt)
	defer asked()
	if err := k.Unlock(asking, tty); err != nil && ctx.Err() == nil {
		q.deps.Log.Debug("keychain: it was not unlocked", "error", err)
		q.say("scrim: still locked: if %s is logged out, run `security unlock-keychain`.", name)
	}
	return ctx, done
}

// tty returns the process's own terminal, or nil where it has none or
// nobody looks at it: neither stdin nor stderr is one.
func (c *cli) tty() *os.File {
	_, hears := terminal(c.stdin)
	_, talks := terminal(c.stderr)
	if !hears && !talks {
		return nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return tty
}
