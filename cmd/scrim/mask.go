package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"scrim/internal/child"
	"scrim/internal/config"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
	"scrim/tools"
)

// MaskCmd is `scrim mask`. Its --env is about variables; the environment of the
// scope comes from PROJECT_ENV or the configuration, which the command that it
// runs sees too.
type MaskCmd struct {
	Project       string   `placeholder:"NAME" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	Env           []string `placeholder:"NAME,…" help:"Mask the values of these environment variables too."`
	JSON          bool     `help:"Take stdin for JSON documents or lines, and keep each valid."`
	AllowUnmasked bool     `help:"Go on where values could not be loaded, and mask what is known."`
	Command       []string `arg:"" optional:"" passthrough:"partial" help:"A command to run with its output masked."`
}

// Help is shown by `scrim mask --help`.
func (MaskCmd) Help() string {
	return `Every value of the scope, in all its places, leaves as [redacted:NAME]. Without a command stdin goes to stdout:

  scrim mask -- npm test
  scrim mask --env GITHUB_TOKEN,NPM_TOKEN -- ./deploy.sh
  kubectl logs -f web | scrim mask
  scrim mask --json <report.json
  PROJECT_ENV=dev scrim mask -- make     the values of another environment

The command runs as it would without scrim: its environment, stdin, exit code (128+n after signal n, 127 where it is not found, 126 where it cannot be run) and signals pass through; stdout and stderr stay apart. Where stdout is a terminal it gets one of its own, so that colours and full-screen programs work, and Ctrl-C and Ctrl-Z too. What it leaves running in the background is masked for one more second.

Exit code 3: values could not be loaded, so nothing was run or read; stderr says why. What this identity may not read, such as a vault that it may only describe, cannot be masked and is only said. Exit code 2: a name in --env is not set, or another mistake. Exit code 1, with --json: the input is no JSON; from there on it was masked as text.`
}

// Run masks what the command prints, or what comes on stdin.
func (m *MaskCmd) Run(c *cli) error {
	hardenFilter()
	command := withoutDashes(m.Command)
	if m.JSON && len(command) > 0 {
		return usageError("--json is about stdin, and there is a command: use `CMD | scrim mask --json`")
	}
	redactor := redact.New(redact.Options{})
	if err := talking(c, redactor, func(q *query) error { return m.learn(c, q) }); err != nil {
		return err
	}
	return talking(c, redactor, func(q *query) error {
		if len(command) > 0 {
			return m.run(c, q, command)
		}
		return m.filter(c, q)
	})
}

// withoutDashes returns a command without the -- that may introduce it.
func withoutDashes(command []string) []string {
	if len(command) > 0 && command[0] == "--" {
		return command[1:]
	}
	return command
}

// usageError is a mistake on the command line, in one sentence.
type usageError string

// Error returns the sentence.
func (e usageError) Error() string { return string(e) }

// talking calls do with a masked stderr, says there what went wrong, and has
// said all of it when it returns. What it returns only carries an exit code.
func talking(c *cli, redactor *redact.Redactor, do func(*query) error) error {
	q := &query{deps: tools.Deps{Redactor: redactor}, talk: redactor.Stream(c.stderr)}
	err := do(q)
	if _, status := errors.AsType[exitError](err); !status && c.ctx.Err() != nil {
		err = errInterrupted
	}
	code := report(q.talk, err)
	_ = q.talk.Close()
	if code == 0 {
		return nil
	}
	return exitError(code)
}

// learn teaches the redactor what is to be masked, and says what will not be.
// It is an error that values are unknown which could have been known.
func (m *MaskCmd) learn(c *cli, q *query) error {
	if err := m.learnVariables(q.deps.Redactor); err != nil {
		return err
	}
	err := m.learnScope(c, q)
	m.sayVariables(q)
	if err == nil || c.ctx.Err() != nil {
		return err
	}
	code := errStore
	if _, mistaken := errors.AsType[*config.Error](err); mistaken {
		code = errUsage
	}
	report(q.talk, err)
	if m.AllowUnmasked {
		q.say("scrim: going on, as --allow-unmasked says: values of the scope that are not known are NOT masked.")
		return nil
	}
	q.say("scrim: nothing was started, since it could print values that are not known. Once they can be read, try again; --allow-unmasked goes on without them.")
	return code
}

// ownEnvironment stands for scrim's own environment where values have the name
// of a variable.
const ownEnvironment = "own-environment"

// learnVariables teaches the redactor the values of --env. A name that is not
// set is mistyped, or what sets it is missing.
func (m *MaskCmd) learnVariables(redactor *redact.Redactor) error {
	for _, name := range m.Env {
		ref, err := secret.ParseRef(ownEnvironment, "/", name)
		if err != nil {
			return usageError("--env has names of variables, such as --env NPM_TOKEN,GITHUB_TOKEN")
		}
		value, set := os.LookupEnv(name)
		if !set {
			return usageError("--env names the variable " + redactor.String(name) + ", which is not set: correct the name or set it. (For the environment of the scope, set PROJECT_ENV.)")
		}
		redactor.Learn(ref, secret.NewValue(value))
	}
	return nil
}

// sayVariables says which values of --env nothing masks.
func (m *MaskCmd) sayVariables(q *query) {
	var weak, public []string
	for _, ref := range q.deps.Redactor.Unredactable() {
		if ref.Environment() == ownEnvironment {
			weak = append(weak, ref.Name())
		}
	}
	for _, name := range m.Env {
		if slices.Contains(q.cfg.Redact.Public, name) {
			public = append(public, name)
		}
	}
	if len(weak) > 0 {
		q.say("%s (%s): %s", cannotMask, weakness, strings.Join(weak, ", "))
	}
	if len(public) > 0 {
		q.say("not masked, since %s calls them public: %s", q.userFile(), strings.Join(public, ", "))
	}
}

// learnScope reads every place of the scope. The store teaches the redactor.
func (m *MaskCmd) learnScope(c *cli, q *query) error {
	snapshot, err := q.read(c, scopeFlags{Project: m.Project})
	if err != nil {
		return err
	}
	q.sayNeverMasked(snapshot)
	gaps := notLoaded(snapshot)
	if len(gaps) == 0 {
		return nil
	}
	q.sayGaps("not read: ", gaps)
	q.sayCause(gaps[0].Reason)
	return errStore
}

// notLoaded lists the places whose values are unknown and need not be: those
// that could not be read now, and the project's own where this identity may not
// see into it. That it may not see into a vault, a shared source or an import
// is how an identity is kept small.
func notLoaded(s store.Snapshot) []store.Gap {
	return gaps(s, func(gap store.Gap) bool { return !closedForGood(gap) })
}

func closedForGood(gap store.Gap) bool {
	own := gap.Place.Location == secret.Injected || gap.Place.Location == secret.Staging
	return errors.Is(gap.Reason, secret.ErrForbidden) && !own
}

// gaps lists what could not be looked into, as far as include accepts it.
func gaps(s store.Snapshot, include func(store.Gap) bool) []store.Gap {
	var found []store.Gap
	for _, v := range s.Views {
		all := v.Closed
		if v.State == store.Unread || v.State == store.Denied {
			all = append(slices.Clip(all), store.Gap{Place: v.Place, Reason: v.Err})
		}
		for _, gap := range all {
			if include(gap) {
				found = append(found, gap)
			}
		}
	}
	return found
}

// sayGaps says which places were not looked into, and why.
func (q *query) sayGaps(what string, gaps []store.Gap) {
	var places []closedPlace
	for _, gap := range gaps {
		places = append(places, closedPlace{placeText(gap.Place), reasonFor(gap)})
	}
	for _, line := range byReason(places) {
		q.say("%s%s", what, line)
	}
}

// sayNeverMasked says which values of the scope nothing masks, whoever tries
// again.
func (q *query) sayNeverMasked(s store.Snapshot) {
	found := q.judge().of(s, func(store.Entry) bool { return true })
	if len(found.names) > 0 {
		q.say("%s (%s): %s", cannotMask, weakness, strings.Join(found.names, ", "))
	}
	if len(found.places) > 0 {
		q.say("%s: %s", unread(q.cfg.Vault), strings.Join(found.places, ", "))
	}
	q.sayGaps("not masked: ", gaps(s, func(gap store.Gap) bool {
		outOfScope := gap.Place.Location == secret.Shared && !gap.Place.Stated
		return closedForGood(gap) && !outOfScope
	}))
	for _, v := range s.Views {
		if v.Unexpanded {
			q.say("not masked: what values in %s refer to: this identity may not read all of it", v.Place)
		}
	}
}

// run runs the command. Its exit code is the command's own.
func (m *MaskCmd) run(c *cli, q *query, command []string) error {
	code, err := child.Run(c.ctx, child.Command{
		Args: command, Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr,
		Mask: q.deps.Redactor.Stream, Leader: leader(),
	})
	switch {
	case err == nil:
		return exitError(code)
	case c.ctx.Err() != nil && errors.Is(err, c.ctx.Err()):
		return errInterrupted
	}
	if _, notStarted := errors.AsType[*child.StartError](err); !notStarted && code == 0 {
		return err // a disk is full, or the like
	}
	report(q.talk, err)
	return exitError(code)
}

// leader is how this program is started as the leader of a terminal's session.
func leader() []string {
	self, err := os.Executable()
	if err != nil {
		return nil // without one there are pipes
	}
	return []string{self, "lead", "--"}
}

// LeadCmd is the hidden `scrim lead`, a part of `scrim mask` on a terminal.
type LeadCmd struct {
	Args []string `arg:"" optional:"" passthrough:"partial" help:"A path, a name and arguments."`
}

// Run leads the session until the command has ended.
func (l *LeadCmd) Run(*cli) error { return exitError(child.Lead(withoutDashes(l.Args))) }

// filter masks stdin. An interrupt ends it, and what it had read is written.
func (m *MaskCmd) filter(c *cli, q *query) error {
	out := q.deps.Redactor.Stream(c.stdout)
	if m.JSON {
		out = q.deps.Redactor.Documents(c.stdout)
	}
	if f, ok := c.stdin.(*os.File); ok && isTerminal(f) {
		q.say("scrim: masking what is typed here, to the end of it (Ctrl-D). `scrim mask -- CMD` runs a command.")
	}
	copied := make(chan error, 1)
	go func() { copied <- pass(out, c.stdin) }()
	select {
	case err := <-copied:
		return q.filtered(errors.Join(err, out.Close()))
	case <-c.ctx.Done():
		_ = out.Close()
		return errInterrupted
	}
}

// filtered says how a filter ended, from its errors.
func (q *query) filtered(err error) error {
	switch {
	case errors.Is(err, syscall.EPIPE):
		return errNoReader
	case errors.Is(err, redact.ErrNotJSON):
		q.say("scrim: %v: from where it is none on it was masked as text", err)
		return errFound
	default:
		return err
	}
}

// pass copies from in to out, each piece as it comes.
func pass(out io.Writer, in io.Reader) error {
	buffer := make([]byte, 256<<10)
	for {
		n, err := in.Read(buffer)
		if _, failed := out.Write(buffer[:n]); failed != nil {
			return fmt.Errorf("write what is masked: %w", failed)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what to mask: %w", err)
		}
	}
}
