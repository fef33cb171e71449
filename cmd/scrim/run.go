package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/child"
	"scrim/internal/config"
	"scrim/internal/handover"
	"scrim/internal/identity"
	"scrim/internal/launch"
	"scrim/internal/rundir"
	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
	"scrim/redact"
)

// RunCmd is `scrim run`, the launcher.
type RunCmd struct {
	Project string   `arg:"" optional:"" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	Env     string   `placeholder:"SLUG" help:"Environment (else PROJECT_ENV, prod)."`
	DryRun  bool     `help:"Say what would be started, and with which secrets, and start nothing."`
	Print   string   `enum:"names," default:"" placeholder:"names" help:"Print the names of the secrets, one a line, and start nothing."`
	JSON    bool     `help:"With --dry-run: as JSON."`
	Strict  bool     `help:"Start nothing where a secret cannot be injected, or looks wrong."`
	Command []string `arg:"" optional:"" passthrough:"" help:"What to start, after -- (else agent in your own scrim/config.toml)."`
}

// Help is shown by `scrim run --help`.
func (RunCmd) Help() string {
	return `Starts a program with the project's secrets in its environment. They are in no file and in no argument, and gone when it ends:

  scrim run alpha -- claude
  scrim run                       project and program from the configuration
  scrim run alpha --env dev       staging secrets win over the project's own
  scrim run --dry-run             what it would do
  scrim run alpha --print names   for scripts

The program gets scrim's own environment, the secrets, and PROJECT_ENV; it does not get the vault, nor what scrim logs in with. Its streams, terminal, signals and exit code (128+n after signal n, 127 where it is not found, 126 where it cannot be run) pass through.

The program to start is named by you: here, or once and for all in your own scrim/config.toml; a repository cannot name it.

  agent = ["claude"]

Over SSH, where the macOS keychain is locked, the system asks for its password first for programs that keep their login there ([run] keychain).

Exit code 3: the secrets could not be fetched, so nothing was started. Exit code 1, with --strict: a secret cannot be injected, or its value looks wrong. Exit code 2: a mistake.`
}

// Run launches the program.
func (r *RunCmd) Run(c *cli) error {
	hardenFilter()
	return talking(c, redact.New(redact.Options{}), func(q *query) error {
		q.out = q.deps.Redactor.Stream(c.stdout) // of what starts nothing
		err := r.launch(c, q)
		if held := q.out.Close(); err == nil && held != nil {
			err = fmt.Errorf("print the answer: %w", held)
		}
		return err
	})
}

func (r *RunCmd) launch(c *cli, q *query) error {
	cfg, inside, err := r.configure(c)
	if err != nil {
		return err
	}
	command, err := r.command(c, cfg)
	if err != nil {
		return err
	}
	snapshot, err := r.fetch(c, q, cfg, inside)
	if err != nil {
		return err
	}
	plan := launch.New(launch.Options{Parent: os.Environ(), Scope: cfg.Scope, Snapshot: snapshot, Allow: cfg.Run.Allow})
	if r.Print != "" {
		return r.printNames(q, plan)
	}
	if r.DryRun {
		return r.show(q, command, plan)
	}
	well := sayProblems(q, plan) && len(plan.Refused) == 0
	if sayPlan(q, snapshot, plan); !well && (r.Strict || cfg.Run.Strict) {
		q.say("scrim: nothing was started, since something is wrong and --strict, or [run] strict in your own scrim/config.toml, stops then.")
		return errFound
	}
	return r.start(c, q, command, plan)
}

// configure reads the configuration. Who launches states the environment.
func (r *RunCmd) configure(c *cli) (config.Config, *session.Record, error) {
	project, _ := r.words(c)
	flags := scopeFlags{Project: project, Env: cmp.Or(r.Env, c.getenv("PROJECT_ENV"))}
	inside, err := session.Find()
	if err != nil {
		return config.Config{}, nil, err
	}
	if flags.Env == "" && inside == nil {
		flags.Env = "prod"
	}
	cfg, err := flags.loadInside(c, inside)
	return cfg, inside, err
}

// words returns the project and the command. The command line's library counts
// the first word after -- as the project where none is before it.
func (r *RunCmd) words(c *cli) (project string, command []string) {
	words := withoutDashes(r.Command)
	after := slices.Index(c.args, "--")
	if after < 0 {
		return r.Project, words
	}
	rest := c.args[after+1:]
	if r.Project != "" && len(words) < len(rest) {
		return "", rest
	}
	return r.Project, rest
}

// command returns what to start.
func (r *RunCmd) command(c *cli, cfg config.Config) ([]string, error) {
	_, command := r.words(c)
	if len(command) == 0 {
		command = cfg.Run.Agent
	}
	if len(command) == 0 && !r.DryRun && r.Print == "" {
		return nil, usageError(fmt.Sprintf("nothing says what to start: put it after --, as in `scrim run %s -- claude`, or write agent = [\"claude\"] in %s", cfg.Scope.Project, cmp.Or(cfg.UserFile, "your own scrim/config.toml")))
	}
	return command, nil
}

// fetch reads the places whose secrets are injected, and no other. Nothing is
// started where one of them could not be read.
func (r *RunCmd) fetch(c *cli, q *query, cfg config.Config, inside *session.Record) (store.Snapshot, error) {
	narrow := cfg
	narrow.Scope.VaultPath, narrow.Scope.SharedPath = "", ""
	q.open(c, narrow, inside)
	q.cfg = cfg
	waited := sayIfSlow(c.stderr, "fetching secrets …")
	snapshot := q.deps.Store.Snapshot(c.ctx)
	waited()
	if err := c.ctx.Err(); err != nil {
		return store.Snapshot{}, fmt.Errorf("fetch the secrets: %w", err)
	}
	if err := snapshot.ScopeError(); err != nil {
		return store.Snapshot{}, err
	}
	for _, v := range snapshot.Views {
		if err := usable(v); err != nil {
			return store.Snapshot{}, r.notFetched(q, v, err)
		}
	}
	return snapshot, nil
}

// usable returns why what v holds cannot be injected.
func usable(v store.View) error {
	switch v.State {
	case store.Readable:
		return nil
	case store.NamesOnly:
		return fmt.Errorf("%w: it may see names there, and no values", secret.ErrForbidden)
	case store.Absent:
		if v.Place.Location == secret.Staging {
			return nil // and said
		}
	case store.Unread, store.Denied:
	}
	return v.Err
}

// notFetched says which step failed, for whom and where.
func (r *RunCmd) notFetched(q *query, v store.View, err error) error {
	if _, ok := errors.AsType[*identity.NoneError](err); ok {
		return err
	}
	code, next := consequence(err)
	q.say("scrim: fetch %s from %s as %s: %v%s", v.Place, q.deps.Scope.Site, q.deps.IdentityKind(), err, next)
	q.say("scrim: nothing was started.")
	return cmp.Or(code, errStore)
}

// sayProblems says what looks wrong with a value that is about to be injected,
// and reports whether nothing does. What will be wrong one day stops nothing.
func sayProblems(q *query, plan launch.Plan) bool {
	well := true
	for _, e := range plan.Injected {
		problems, err := q.deps.Store.Problems(e)
		if err != nil {
			q.say("scrim: %v", err)
			return false
		}
		for _, p := range problems {
			well = well && p.Severity != secret.SeverityError
			q.say("scrim: %s: %s", e.Ref.Name(), p.Detail)
		}
	}
	return well
}

// sayPlan says what is injected, in one line where all is well.
func sayPlan(q *query, s store.Snapshot, plan launch.Plan) {
	for _, v := range s.Views {
		if v.State == store.Absent {
			q.say("scrim: there is no %s, so the secrets of %s are used alone", v.Place, q.cfg.Scope.Path)
		}
		for _, gap := range v.Closed {
			q.say("scrim: %s imports from %s: %s", v.Place, gap.Place, reasonFor(gap))
		}
	}
	var refused []closedPlace
	for _, r := range plan.Refused {
		refused = append(refused, closedPlace{r.Ref.Name(), r.Reason})
	}
	for _, line := range byReason(refused) {
		q.say("scrim: not injected: %s", line)
	}
	if len(plan.Replaced) > 0 {
		q.say("scrim: the store's value replaces the environment's own: %s", strings.Join(plan.Replaced, ", "))
	}
	q.say("scrim: %s", summary(s, plan, q.cfg.Scope))
}

// summary says how many secrets there are, from where, and which environment.
func summary(s store.Snapshot, plan launch.Plan, scope secret.Scope) string {
	var from []string
	for _, v := range s.Views {
		count := 0
		for _, e := range plan.Injected {
			if e.Location == v.Place.Location {
				count++
			}
		}
		if count > 0 || v.Place.Location == secret.Injected {
			from = append(from, fmt.Sprintf("%d from %s", count, v.Place.Path))
		}
	}
	slices.Reverse(from)
	return fmt.Sprintf("project %s, environment %s: injected %s", scope.Project, scope.Environment, strings.Join(from, ", "))
}

func (r *RunCmd) printNames(q *query, plan launch.Plan) error {
	for _, e := range plan.Injected {
		if _, err := fmt.Fprintln(q.out, e.Ref.Name()); err != nil {
			return fmt.Errorf("print the names: %w", err)
		}
	}
	return nil
}

// dryRun is what would be started.
type dryRun struct {
	Project     string        `json:"project"`
	Environment string        `json:"environment"`
	Path        string        `json:"path"`
	Command     []string      `json:"command"`
	Secrets     []dryInjected `json:"secrets"`
	Refused     []dryRefused  `json:"refused"`
}

type dryInjected struct {
	Name        string `json:"name"`
	Location    string `json:"location"`
	Environment string `json:"environment"`
	Path        string `json:"path"`
	Replaces    bool   `json:"replaces"` // a variable of this environment that has another value
}

type dryRefused struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// show says what would be started, on stdout.
func (r *RunCmd) show(q *query, command []string, plan launch.Plan) error {
	scope := q.cfg.Scope
	dry := dryRun{Project: scope.Project, Environment: scope.Environment, Path: scope.Path, Command: slices.Concat([]string{}, command), Secrets: []dryInjected{}, Refused: []dryRefused{}}
	for _, e := range plan.Injected {
		dry.Secrets = append(dry.Secrets, dryInjected{e.Ref.Name(), e.Location.String(), e.Ref.Environment(), e.Ref.Path(), slices.Contains(plan.Replaced, e.Ref.Name())})
	}
	for _, refused := range plan.Refused {
		dry.Refused = append(dry.Refused, dryRefused{refused.Ref.Name(), refused.Reason})
	}
	if r.JSON {
		return q.json(dry)
	}
	return dry.write(q)
}

func (d dryRun) write(q *query) error {
	w := tabwriter.NewWriter(q.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tFROM\tNOTE")
	for _, s := range d.Secrets {
		note := ""
		if s.Replaces {
			note = "replaces a variable"
		}
		fmt.Fprintf(w, "%s\t%s:%s\t%s\n", s.Name, s.Environment, s.Path, note)
	}
	for _, refused := range d.Refused {
		fmt.Fprintf(w, "%s\tnot injected\t%s\n", refused.Name, refused.Reason)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the plan: %w", err)
	}
	q.say("would start: %s", cmp.Or(strings.Join(d.Command, " "), "nothing: no command was given"))
	return nil
}

// start runs the program. The session's record is there for as long as it runs.
func (r *RunCmd) start(c *cli, q *query, command []string, plan launch.Plan) error {
	handover.Sweep(rundir.All())
	ctx, done := openKeychain(c, q, command[0])
	defer done()
	end, err := r.open(c, q, plan)
	if err != nil {
		q.say("scrim: %v: a server that the program starts cannot tell what was injected", err)
	}
	defer end()
	code, err := child.Run(ctx, child.Command{Args: command, Env: plan.Env, Stdin: c.stdin, Stdout: c.stdout, Stderr: c.stderr})
	switch {
	case err == nil:
		return exitError(code)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return errInterrupted
	default:
		report(q.talk, err)
		return exitError(cmp.Or(code, int(errUsage)))
	}
}

// open keeps the session's record, and answers its servers where they could not
// log in by themselves. It returns what ends the session.
func (r *RunCmd) open(c *cli, q *query, plan launch.Plan) (end func(), err error) {
	end = func() {}
	record, err := session.New(q.cfg.Scope, q.deps.IdentityKind(), time.Now())
	if err != nil {
		return end, err
	}
	for _, e := range plan.Injected {
		record.Add(e.Ref, e.Location, e.Value())
	}
	for _, refused := range plan.Refused {
		record.NotAllowed = append(record.NotAllowed, refused.Ref.Name())
	}
	record.Lends = !q.cfg.Credentials.InFile
	remove, err := record.Keep()
	if err != nil {
		return end, err
	}
	if !record.Lends {
		return remove, nil
	}
	hangUp, err := record.Lend(context.WithoutCancel(c.ctx), launch.Lender(q.source.Lend))
	if err != nil {
		return remove, err
	}
	return func() { hangUp(); remove() }, nil
}
