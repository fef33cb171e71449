package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"scrim/internal/devstore"
)

// DevCmd is `scrim dev`: an Infisical in memory, on loopback.
type DevCmd struct {
	Addr    string   `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where to listen; loopback only. Port 0 takes a free one."`
	Seed    string   `placeholder:"FILE" help:"A JSON file with the data to hold instead of the samples."`
	Command []string `arg:"" optional:"" passthrough:"partial" help:"A command to run with that store in its environment."`
}

// Help is shown by `scrim dev --help`.
func (DevCmd) Help() string {
	return `Without a command it prints variables to paste into another shell, and serves until Ctrl-C. With one it runs the command with those variables, and ends with it:

  scrim dev -- scrim list
  claude mcp add scrim-dev -- scrim dev -- scrim serve

The samples are three projects (alpha, beta and gamma) and what they share, in dev and prod. A seed is JSON; only "environments" is required:

  {"environments":  {"prod": {"/alpha":       {"NAME": "value"},
                              "/alpha/vault": {},
                              "/shared":      {}}},
   "imports":       {"prod": {"/alpha": ["/shared"]}},
   "deny":          ["/alpha/vault"],
   "describe_only": ["/shared"]}

Of the paths in "deny", and what is below them, scrim's identity sees nothing; of those in "describe_only" it sees names and no values.`
}

// Run serves the store until the command has ended, or without one until an
// interrupt.
func (d *DevCmd) Run(c *cli) error {
	seed, err := readSeed(d.Seed)
	if err != nil {
		return d.refuse(c, err)
	}
	store := devstore.New(devstore.Options{Seed: seed})
	id, key := store.AddIdentity(devstore.Identity{Name: "scrim-dev", Rules: append(seed.Rules(), devstore.MayWrite()...)})

	// The store outlives an interrupt for as long as the command takes to end.
	server, err := devstore.Serve(context.WithoutCancel(c.ctx), d.Addr, store)
	if err != nil {
		return d.refuse(c, err)
	}
	defer server.Close()

	vars := devVars(c.getenv, server.URL(), id, key, store.ProjectID())
	if command := d.command(); len(command) > 0 {
		return d.runCommand(c, command, vars)
	}
	return d.serve(c, server.URL(), vars)
}

// command returns the command without the -- that may introduce it.
func (d *DevCmd) command() []string {
	if len(d.Command) > 0 && d.Command[0] == "--" {
		return d.Command[1:]
	}
	return d.Command
}

// refuse says why there is no store.
func (d *DevCmd) refuse(c *cli, err error) error {
	_, _ = fmt.Fprintf(c.stderr, "scrim: %v\n", err)
	return errUsage
}

// readSeed reads the seed in a file, or without one makes the samples.
func readSeed(file string) (devstore.Seed, error) {
	if file == "" {
		return devstore.SampleSeed(), nil
	}
	f, err := os.Open(file) //nolint:gosec // G304: the file that the user names
	if err != nil {
		return devstore.Seed{}, fmt.Errorf("the seed %s cannot be read (%w): check the file after --seed", file, cause(err))
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return devstore.Seed{}, fmt.Errorf("the seed %s is a folder: name a JSON file after --seed", file)
	}
	seed, err := devstore.ParseSeed(f)
	if err != nil {
		return devstore.Seed{}, fmt.Errorf("%s: %w", file, cause(err))
	}
	return seed, nil
}

// cause returns what is wrong with a file, without the operation and the name.
func cause(err error) error {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		return where.Err
	}
	return err
}

// devVar is one variable of the environment that points at the store.
type devVar struct{ name, value string }

// devVars lists the variables that point at the store. The last two only say
// what nobody has said yet.
func devVars(getenv func(string) string, url, id, key, project string) []devVar {
	vars := []devVar{
		{"INFISICAL_API_URL", url},
		{"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", id},
		{"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", key},
		{"SCRIM_PROJECT_ID", project},
	}
	for _, v := range []devVar{{"PROJECT_ENV", "prod"}, {"SCRIM_PROJECT", "alpha"}} {
		if getenv(v.name) == "" {
			vars = append(vars, v)
		}
	}
	return vars
}

// tokenVar would win over the universal-auth pair, and belongs to another store.
const tokenVar = "INFISICAL_TOKEN" //nolint:gosec // G101: the name of a variable

// serve prints how to point at the store and waits for an interrupt.
func (d *DevCmd) serve(c *cli, url string, vars []devVar) error {
	var exports strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&exports, "export %s=%s\n", v.name, shellQuote(v.value))
	}
	if _, err := io.WriteString(c.stdout, exports.String()); err != nil {
		return fmt.Errorf("print the environment of the store: %w", err)
	}
	talk := wrapped(fmt.Sprintf("scrim: an Infisical in memory on %s, with %s.", url, d.holding())) +
		"Paste these lines into another shell and try: scrim list\n" +
		"Ctrl-C stops it, and nothing is kept.\n"
	if c.getenv(tokenVar) != "" {
		talk += tokenVar + " is set and would win: unset it there.\n"
	}
	_, _ = io.WriteString(c.stderr, talk)
	<-c.ctx.Done()
	return nil
}

// holding says what the store holds.
func (d *DevCmd) holding() string {
	if d.Seed != "" {
		return "the data of " + d.Seed
	}
	return "sample data for the projects alpha, beta and gamma, and shared, in dev and prod"
}

// shellQuote returns value as one word of a POSIX shell.
func shellQuote(value string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,"
	if value != "" && strings.Trim(value, plain) == "" {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// runCommand runs the command as if scrim were not there: its streams, the
// signals to it and its exit code pass through.
func (d *DevCmd) runCommand(c *cli, command []string, vars []devVar) error {
	//nolint:gosec // G204: running the user's command is the feature
	cmd := exec.CommandContext(context.WithoutCancel(c.ctx), command[0], command[1:]...) // signals end it, not a kill
	cmd.Env = childEnvironment(os.Environ(), vars)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.stdin, c.stdout, c.stderr

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return d.refuse(c, fmt.Errorf("the command %s cannot be started (%w): check its name, or give its path", command[0], startCause(err)))
	}
	ended := make(chan struct{})
	defer close(ended)
	go forward(signals, cmd.Process, interruptsItself(c.stdin), ended)
	return childStatus(cmd.Wait())
}

// childEnvironment returns environ with vars, and without a token for another
// store.
func childEnvironment(environ []string, vars []devVar) []string {
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return name == tokenVar || slices.ContainsFunc(vars, func(v devVar) bool { return v.name == name })
	})
	for _, v := range vars {
		environ = append(environ, v.name+"="+v.value)
	}
	return environ
}

// interruptsItself reports whether stdin is a terminal, which interrupts every
// process on it by itself.
func interruptsItself(stdin io.Reader) bool {
	f, ok := stdin.(*os.File)
	return ok && isTerminal(f)
}

// forward passes signals on to a process until it has ended. An interrupt that
// it got from its terminal would be once too often; it is taken all the same,
// since it is the command's to heed.
func forward(signals <-chan os.Signal, to *os.Process, interrupted bool, ended <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if s != os.Interrupt || !interrupted {
				_ = to.Signal(s) // it may have ended this moment
			}
		case <-ended:
			return
		}
	}
}

// startCause returns why a command cannot be started, without its name.
func startCause(err error) error {
	if where, ok := errors.AsType[*exec.Error](err); ok {
		return where.Err
	}
	return cause(err)
}

// childStatus turns the end of a child into scrim's own: its exit code, or 128
// and the number of the signal that ended it.
func childStatus(err error) error {
	ended, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return err
	}
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return signalled + exitError(status.Signal())
	}
	return exitError(ended.ExitCode())
}
