package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/internal/vaultkeep"
)

// ProjectAddCmd is `scrim project add`.
type ProjectAddCmd struct {
	Name    string   `arg:"" help:"The project's name."`
	Env     []string `placeholder:"SLUG" help:"Environments (else PROJECT_ENV, scrim.toml, prod)."`
	Staging bool     `help:"Make a folder for staging secrets too."`
	Yes     bool     `help:"Do not ask."`
}

// Help is shown by `scrim project add --help`.
func (ProjectAddCmd) Help() string {
	return `Makes /NAME and /NAME/vault, copies the secrets of the shared source (as scrim audit --fix does for this one project), and proves with a throw-away secret that what is in the vault is not listed with the project (as scrim vault probe does). It shows what it would write, and asks. Nothing is deleted but that throw-away secret.

What is there already stays; it can be stopped and run again.

Examples:

  scrim project add web
  scrim project add web --env dev,staging,prod --staging
  scrim project add web --yes                for scripts

Exit code 0: everything is there. 1: the vault is not one. 2: usage, or there is no such environment. 3: the store or the identity refused some of it. 4: nobody agreed.`
}

// Run adds the project.
func (p *ProjectAddCmd) Run(c *cli) error {
	q := newQuery(c)
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGHUP)
	defer stop()
	heedful := *c
	heedful.ctx = ctx
	return q.end(&heedful, p.add(&heedful, q))
}

// founding is a project in one environment: what there is to write.
type founding struct {
	scope   secret.Scope
	folders []string      // that are to be made
	copies  []estate.Step // of shared secrets
	closed  error         // why the shared source could not be read
}

func (p *ProjectAddCmd) add(c *cli, q *query) error {
	if secret.CheckEnvironment(p.Name) != nil {
		return usageError("a project's name has letters, digits, '_' and '-', 64 at most: choose another")
	}
	environments, e, err := estateIn(c, q, p.Env)
	if err != nil {
		return err
	}
	waited := sayIfSlow(c.stderr, "reading the store …")
	var all []founding
	for _, environment := range environments {
		var f founding
		if f, err = p.look(c, q, e, environment); err != nil {
			break
		}
		all = append(all, f)
	}
	waited()
	if err != nil {
		return err
	}
	if err := p.agree(c, q, all); err != nil {
		return err
	}
	var outcome error
	for _, f := range all {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		outcome = p.found(c, q, e, f, outcome)
	}
	if outcome == nil {
		q.say("Next: scrim init in the project's repository, or scrim run %s -- COMMAND.", p.Name)
	}
	return outcome
}

// look finds out what there is to write in one environment.
func (p *ProjectAddCmd) look(c *cli, q *query, e config.Estate, environment string) (f founding, err error) {
	if f.scope, err = e.Scope(p.Name, environment); err != nil {
		return f, err
	}
	if _, registered := e.Registered[p.Name]; !registered && !layoutOf(e).IsProject(f.scope.Path) {
		return f, usageError(f.scope.Path + " is no place for a project: it is, or leads to, the shared source, staging, a vault or another project. Choose another name")
	}
	paths := []string{f.scope.Path, f.scope.VaultPath}
	if p.Staging {
		paths = append(paths, f.scope.StagingPath)
	}
	f.folders, err = estate.Founder{Store: q.source}.Missing(c.ctx, environment, paths...)
	if errors.Is(err, secret.ErrPathNotFound) {
		err = &store.NoEnvironmentError{Environment: environment}
	}
	if err != nil {
		return f, err
	}
	if slices.Contains(f.folders, f.scope.Path) {
		f.copies, f.closed = p.everyShared(c.ctx, q.auditor(e), environment)
		return f, c.ctx.Err()
	}
	report, err := q.auditor(e).Audit(c.ctx, environment, p.is)
	f.copies, f.closed = report.Plan(), err
	return f, c.ctx.Err()
}

func (p *ProjectAddCmd) is(project string) bool { return project == p.Name }

// everyShared is what a project is to have that has nothing yet.
func (p *ProjectAddCmd) everyShared(ctx context.Context, a estate.Auditor, environment string) (steps []estate.Step, err error) {
	names, err := a.Shared(ctx, environment)
	for _, name := range names {
		if !slices.Contains(a.Except[p.Name], name) {
			steps = append(steps, estate.Step{Project: estate.Project{Name: p.Name}, Name: name, State: estate.Missing})
		}
	}
	return steps, err
}

// agree shows what is to be written and has a person agree to it.
func (p *ProjectAddCmd) agree(c *cli, q *query, all []founding) error {
	rows := [][]string{{"ENV", "WHAT", "WHERE", "IS TO BE"}}
	for _, f := range all {
		for _, folder := range f.folders {
			rows = append(rows, []string{f.scope.Environment, "folder", folder, "made"})
		}
		for _, step := range f.copies {
			verb := map[estate.State]string{estate.Missing: "copied", estate.Differs: "overwritten"}[step.State]
			rows = append(rows, []string{f.scope.Environment, step.Name, f.scope.Path, verb})
		}
		rows = append(rows, []string{f.scope.Environment, "a throw-away secret", f.scope.VaultPath, "made, and removed"})
		switch {
		case errors.Is(f.closed, secret.ErrPathNotFound):
			q.say("There is no shared source in %s: nothing to copy.", f.scope.Environment)
		case f.closed != nil:
			q.say("The shared source in %s could not be read: %s. Its secrets are not copied.", f.scope.Environment, reasonOf(f.closed))
		}
	}
	q.tell(strings.Join(aligned(rows), "\n") + "\n")
	if len(rows) == len(all)+1 {
		q.say("All else is there already.")
	}
	return agreed(c, q, p.Yes, "Write that?")
}

// found makes the project in one environment, and returns the worst of outcome and
// what came of it.
func (p *ProjectAddCmd) found(c *cli, q *query, e config.Estate, f founding, outcome error) error {
	founder := estate.Founder{Store: q.source}
	for _, folder := range f.folders {
		if err := founder.Make(c.ctx, f.scope.Environment, folder); err != nil {
			q.say("%s:%s was not made: %v. Run the same command again when that is mended.", f.scope.Environment, folder, err)
			return worst(outcome, err)
		}
		if err := done(q, "made the folder %s:%s", f.scope.Environment, folder); err != nil {
			return err
		}
	}
	if err := p.copy(c, q, e, f); err != nil {
		outcome = worst(outcome, err)
	}
	if err := p.prove(c, q, f); err != nil {
		outcome = worst(outcome, err)
	}
	return outcome
}

// done prints one thing that was done.
func done(q *query, format string, arguments ...any) error {
	if _, err := io.WriteString(q.out, fmt.Sprintf(format, arguments...)+"\n"); err != nil {
		return fmt.Errorf("print what was done: %w", err)
	}
	return nil
}

// copy writes the copies of shared secrets.
func (p *ProjectAddCmd) copy(c *cli, q *query, e config.Estate, f founding) error {
	if len(f.copies) == 0 {
		if errors.Is(f.closed, secret.ErrPathNotFound) {
			return nil
		}
		return f.closed
	}
	fixer := estate.Fixer{Auditor: q.auditor(e), Store: q.source}
	report, err := fixer.Audit(c.ctx, f.scope.Environment, p.is)
	if err != nil {
		q.say("Shared secrets were not copied to %s:%s: %v.", f.scope.Environment, f.scope.Path, err)
		return err
	}
	var failed error
	for _, o := range fixer.Fix(c.ctx, report) {
		for _, name := range o.Written {
			if err := done(q, "copied %s to %s:%s", name, f.scope.Environment, f.scope.Path); err != nil {
				return err
			}
		}
		if len(o.Asked) > 0 {
			q.say("%s at %s:%s: %v.", strings.Join(o.Asked, ", "), f.scope.Environment, f.scope.Path, secret.ErrAwaitsApproval)
			failed = secret.ErrAwaitsApproval
		}
		if len(o.Left) > 0 {
			q.say("Not copied to %s:%s: %s. Run the same command again when that is mended.", f.scope.Environment, f.scope.Path, strings.Join(o.Left, ", "))
			failed = errors.Join(failed, o.Err, errStore)
		}
	}
	for _, row := range report.Rows {
		failed = errors.Join(failed, row.Err)
	}
	return failed
}

// prove probes the vault.
func (p *ProjectAddCmd) prove(c *cli, q *query, f founding) error {
	q.deps.Scope = f.scope
	k := &keeping{q, keptStore{q.source, q.deps.Redactor.Learn}}
	vault := secret.Place{Location: secret.Vault, Environment: f.scope.Environment, Path: f.scope.VaultPath}
	prober := k.prober(c, vault)
	prober.Say = func(found vaultkeep.Finding) {
		if found.Status != vaultkeep.Proved {
			q.tell(probeText(found, false))
		}
	}
	waited := sayIfSlow(c.stderr, "probing the vault …")
	passed, err := prober.Probe(c.ctx)
	waited()
	switch {
	case err != nil:
		q.say("Whether %s is a vault could not be proved: %v. scrim vault probe --project %s tries again.", vault, err, p.Name)
		return err
	case !passed:
		q.say("%s is NOT a vault: see above.", vault)
		return errFound
	default:
		return done(q, "proved that %s is a vault: what is in it is not injected", vault)
	}
}
