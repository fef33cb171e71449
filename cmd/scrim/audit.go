package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// AuditCmd is `scrim audit`.
type AuditCmd struct {
	Env      []string `placeholder:"SLUG" help:"Environments (else PROJECT_ENV, scrim.toml, prod)."`
	Projects string   `placeholder:"GLOB" help:"Only projects whose name matches, such as 'web-*'."`
	Fix      bool     `help:"Write what is missing or differs, after a yes."`
	Yes      bool     `help:"With --fix, do not ask."`
	JSON     bool     `help:"Print everything as JSON."`
	HTML     string   `name:"html" placeholder:"FILE" help:"Write a page for a browser, too."`
}

// Help is shown by `scrim audit --help`.
func (AuditCmd) Help() string {
	return `Says how every project stands to the shared source: which of its secrets a project has a copy of, and whether the copy still has the source's value. Values are compared by a keyed digest and never shown.

A shared secret is at a project ok, missing, differs, shadowed (the project has its own on purpose), imported (the project imports the source, so there is nothing to copy), or unknown (this identity cannot see it, or the store did not say).

Examples:

  scrim audit                        every project, in one environment
  scrim audit --env dev,prod         in two
  scrim audit --projects 'web-*'     some projects
  scrim audit --html audit.html      a page for the team, without a value
  scrim audit --fix                  show what would be written, ask, write it
  scrim audit --fix --yes --json     for a nightly job

--fix writes what is missing or differs, and nothing else. It deletes nothing, goes on past a project that fails, and can be stopped and run again.

A copy that is to stay as it is, is named in scrim.toml or in your own scrim/config.toml:

  [shared.except]
  web-shop = ["SMTP_URL"]

Exit code 0: nothing is off. 1: something is. 3: not everything could be read, or written.`
}

// Run audits the store.
func (a *AuditCmd) Run(c *cli) error {
	q := newQuery(c)
	return q.end(c, a.run(c, q))
}

func (a *AuditCmd) run(c *cli, q *query) error {
	if err := a.usage(); err != nil {
		return err
	}
	environments, e, err := estateIn(c, q, a.Env)
	if err != nil {
		return err
	}
	auditor := q.auditor(e)
	reports, err := a.audit(c, auditor, e, environments)
	if err != nil {
		return err
	}
	if a.HTML != "" {
		if err := q.writeAudit(c, a.HTML, e, auditor, reports, a.wants); err != nil {
			return err
		}
	}
	if a.Fix {
		return a.fix(c, q, auditor, e, reports)
	}
	answer := auditAnswer(e, reports)
	if a.JSON {
		err = q.json(answer)
	} else {
		err = showAudit(c, q, reports)
	}
	if err != nil {
		return err
	}
	q.sayFailed(e.Shared, reports)
	return outcomeOf(reports)
}

func (a *AuditCmd) usage() error {
	if a.HTML != "" && a.Fix {
		return usageError("--html shows what an audit finds, and --fix changes that: run one after the other")
	}
	if a.Yes && !a.Fix {
		return usageError("--yes is for --fix: an audit alone writes nothing")
	}
	if _, err := path.Match(a.Projects, ""); err != nil {
		return usageError("--projects is not a glob: use *, ? and [abc], such as 'web-*'")
	}
	return nil
}

// auditor looks at the estate through the store that q has open.
func (q *query) auditor(e config.Estate) estate.Auditor {
	return estate.Auditor{
		Store:  q.source,
		Layout: layoutOf(e),
		Except: e.Except,
		Learn:  q.deps.Redactor.Learn,
	}
}

// audit looks at the environments, one after the other.
func (a *AuditCmd) audit(c *cli, auditor estate.Auditor, e config.Estate, environments []string) ([]estate.Report, error) {
	var reports []estate.Report
	for _, environment := range environments {
		line := newProgress(c, "comparing "+environment)
		auditor.Progress, auditor.Pace.Waits = line.show, line.waits
		r, err := auditor.Audit(c.ctx, environment, a.wants)
		line.end()
		if errors.Is(err, secret.ErrPathNotFound) {
			err = noSource(c.ctx, auditor, environment, e.Shared)
		}
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// noSource says whether the environment or the shared source is not there.
func noSource(ctx context.Context, auditor estate.Auditor, environment, shared string) error {
	if _, err := auditor.Store.Folders(ctx, environment, "/"); errors.Is(err, secret.ErrPathNotFound) {
		return &store.NoEnvironmentError{Environment: environment}
	}
	return fmt.Errorf("%s:%s, the shared source, is not in the store: create it there, or say in your own scrim/config.toml under [paths] where it is", environment, shared)
}

func (a *AuditCmd) wants(project string) bool {
	ok, _ := path.Match(a.Projects, project) // usage has looked at it
	return a.Projects == "" || ok
}

// outcomeOf is the exit code of an audit: what was not read may be off too.
func outcomeOf(reports []estate.Report) error {
	off := false
	for _, r := range reports {
		if r.Count(estate.Unknown) > 0 || slices.ContainsFunc(r.Rows, func(row estate.Row) bool { return row.Err != nil }) {
			return errStore
		}
		off = off || len(r.Plan()) > 0
	}
	if off {
		return errFound
	}
	return nil
}

// sayFailed says what was not read, each reason once.
func (q *query) sayFailed(shared string, reports []estate.Report) {
	var closed []closedPlace
	for _, r := range reports {
		closed = append(closed, unreadIn(shared, r)...)
	}
	for _, line := range byReason(closed) {
		q.say("not known: %s", line)
	}
}

// unreadIn returns what was not read for a report.
func unreadIn(shared string, r estate.Report) []closedPlace {
	var closed []closedPlace
	for _, name := range r.Blind {
		closed = append(closed, closedPlace{r.Environment + ":" + path.Join(shared, name), "its value refers to what this identity may not read"})
	}
	for _, row := range r.Rows {
		if row.Err != nil {
			closed = append(closed, closedPlace{r.Environment + ":" + row.Project.Path, reasonOf(row.Err)})
		}
	}
	return closed
}

// reasonOf returns why something was not read, without the place.
func reasonOf(err error) string {
	for _, is := range []error{
		secret.ErrForbidden, secret.ErrPathNotFound, secret.ErrRateLimited, secret.ErrUnavailable, secret.ErrUnauthenticated, secret.ErrAwaitsApproval,
	} {
		if errors.Is(err, is) {
			return is.Error()
		}
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// auditedProject is one row, for scripts.
type auditedProject struct {
	Project string                  `json:"project"`
	Path    string                  `json:"path"`
	States  map[string]estate.State `json:"states"`
	Error   string                  `json:"error,omitempty"`
}

// auditedEnvironment is one report, for scripts.
type auditedEnvironment struct {
	Environment string           `json:"environment"`
	Names       []string         `json:"names"`
	Blind       []string         `json:"source_unread,omitempty"` // those of names whose value is not known
	Projects    []auditedProject `json:"projects"`
	Totals      map[string]int   `json:"totals"`
}

// audited is what `scrim audit --json` prints.
type audited struct {
	Shared       string               `json:"shared"` // the path of the shared source
	Environments []auditedEnvironment `json:"environments"`
	Complete     bool                 `json:"complete"`        // nothing is unknown
	Fixed        []fixedNote          `json:"fixed,omitempty"` // of --fix
}

func auditAnswer(e config.Estate, reports []estate.Report) audited {
	answer := audited{Shared: e.Shared, Environments: []auditedEnvironment{}, Complete: !errors.Is(outcomeOf(reports), errStore)}
	for _, r := range reports {
		one := auditedEnvironment{Environment: r.Environment, Names: nonNil(r.Names), Blind: r.Blind, Projects: []auditedProject{}, Totals: map[string]int{}}
		for _, s := range estate.States() {
			one.Totals[s.String()] = r.Count(s)
		}
		for _, row := range r.Rows {
			p := auditedProject{Project: row.Project.Name, Path: row.Project.Path, States: map[string]estate.State{}}
			for i, state := range row.States {
				p.States[r.Names[i]] = state
			}
			if row.Err != nil {
				p.Error = reasonOf(row.Err)
			}
			one.Projects = append(one.Projects, p)
		}
		answer.Environments = append(answer.Environments, one)
	}
	return answer
}

// showAudit prints reports for people: a matrix on a terminal, and elsewhere a line
// for each thing that is off.
func showAudit(c *cli, q *query, reports []estate.Report) error {
	var b strings.Builder
	f, onTerminal := terminal(c.stdout)
	for _, r := range reports {
		if m := matrixOf(r, onTerminal && colour(f, c.getenv)); onTerminal && m.fits(newLogTable(c).width) {
			b.WriteString(m.text() + "\n")
			continue
		}
		b.WriteString(offTable(r))
	}
	if _, err := io.WriteString(q.out, b.String()); err != nil {
		return fmt.Errorf("print the audit: %w", err)
	}
	off := false
	for _, r := range reports {
		q.say("%s", standing(r))
		off = off || len(r.Plan()) > 0
	}
	if off {
		q.say("scrim audit --fix shows what it would write, and asks.")
	}
	return nil
}

// standing counts what was found.
func standing(r estate.Report) string {
	var parts []string
	for _, s := range estate.States() {
		if n := r.Count(s); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	text := fmt.Sprintf("%s: %s against %s", r.Environment, count(len(r.Rows), "project"), count(len(r.Names), "shared secret"))
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text + "."
}

// offTable has a line for each cell that is off or unknown.
func offTable(r estate.Report) string {
	rows := [][]string{{"ENV", "PROJECT", "NAME", "STATE"}}
	for _, row := range r.Rows {
		for i, state := range row.States {
			if state.Off() || state == estate.Unknown {
				rows = append(rows, []string{r.Environment, row.Project.Name, r.Names[i], state.String()})
			}
		}
	}
	if len(rows) == 1 {
		return ""
	}
	return strings.Join(aligned(rows), "\n") + "\n"
}
