package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"scrim/internal/drift"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/internal/validate"
)

// DiffCmd is `scrim diff`.
type DiffCmd struct {
	Project string   `arg:"" optional:"" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	Env     []string `required:"" placeholder:"SLUG" help:"The environments to compare, such as dev,prod."`
	JSON    bool     `help:"Print the names as JSON."`
}

// Help is shown by `scrim diff --help`.
func (DiffCmd) Help() string {
	return `Says which names a project has in each environment and where, and which credentials are the same in production and elsewhere. Values are never shown; they are compared by a digest whose key is made for this one run.

  scrim diff --env dev,prod
  scrim diff --env dev,staging,prod alpha --json

A name is off that programs get in one environment and that another has nowhere (missing), or only in its vault (elsewhere); and a credential that is the same in production and elsewhere. What is only stored may be in one environment alone. "-" is absent, which the store said of this very name; "?" is not known, and never counted as absent.

Which environments are production is read from their names.

Exit code 0: nothing is off. 1: something is. 3: not everything could be read.`
}

// Run compares the environments.
func (d *DiffCmd) Run(c *cli) error {
	q := newQuery(c)
	return q.end(c, d.run(c, q))
}

func (d *DiffCmd) run(c *cli, q *query) error {
	environments := slices.Compact(slices.Clone(d.Env))
	if len(environments) < 2 || len(slices.Compact(slices.Sorted(slices.Values(environments)))) != len(environments) {
		return usageError("--env names two environments or more, each once: write --env dev,prod")
	}
	read, err := readSides(c, q, d.Project, environments)
	if err != nil {
		return err
	}
	waited := sayIfSlow(c.stderr, "comparing …")
	rows, err := drift.Comparer{}.Compare(c.ctx, sidesOf(read))
	waited()
	if err != nil {
		return fmt.Errorf("compare the environments: %w", err)
	}
	a := newDiffAnswer(read, rows)
	if d.JSON {
		err = q.json(a)
	} else {
		f, isFile := c.stdout.(*os.File)
		err = a.show(q, rows, isFile && colour(f, c.getenv))
	}
	if err != nil {
		return err
	}
	q.sayCause(read.err())
	switch {
	case !a.Complete:
		return errStore
	case a.Off > 0:
		return errFound
	default:
		return nil
	}
}

// readSides reads a project in each environment: what it has of its own there, and
// what it imports. An environment that is not in the store is an error; one without
// the project is not, unless none has it.
func readSides(c *cli, q *query, project string, environments []string) (readings, error) {
	read := readings{location: "all"}
	var absent error
	for i, environment := range environments {
		cfg, inside, err := scopeFlags{Project: project, Env: environment}.load(c)
		if err != nil {
			return readings{}, err
		}
		if i == 0 {
			q.open(c, cfg, inside)
		}
		scope := cfg.Scope
		scope.SharedPath, scope.VaultEnvironments = "", nil
		waited := sayIfSlow(c.stderr, "reading the store …")
		r := q.readScope(c.ctx, cfg, scope, read.location)
		waited()
		if _, ok := errors.AsType[*store.NoPathError](r.failed); ok {
			absent, r.failed = r.failed, nil
		}
		if err := errors.Join(c.ctx.Err(), r.failed); err != nil {
			return readings{}, err
		}
		read.all = append(read.all, r)
	}
	if !slices.ContainsFunc(read.all, func(r reading) bool { return r.snapshot.ScopeError() == nil }) {
		return readings{}, absent
	}
	return read, nil
}

func sidesOf(read readings) []drift.Side {
	var sides []drift.Side
	for _, r := range read.all {
		sides = append(sides, drift.Side{
			Environment: r.deps.Scope.Environment, Production: validate.Production(r.deps.Scope.Environment),
			Store: r.deps.Store, Snapshot: r.snapshot, Credential: r.checker.Credential,
		})
	}
	return sides
}

// diffAnswer is all that a comparison has to say.
type diffAnswer struct {
	Project      string        `json:"project"`
	Environments []string      `json:"environments"`
	Names        []diffName    `json:"names"`
	Off          int           `json:"off"`         // names that something is off with
	Uncompared   []string      `json:"uncompared"`  // names whose values could not be compared
	Unaddressed  int           `json:"unaddressed"` // secrets under names that scrim cannot say
	Unreadable   []unreadPlace `json:"unreadable"`
	Complete     bool          `json:"complete"`

	oneKind bool // no environment is production, or each is
}

// diffName is one name in each environment.
type diffName struct {
	Name         string              `json:"name"`
	Environments map[string]diffCell `json:"environments"`
	Off          []drift.Fault       `json:"off"`
}

type diffCell struct {
	Presence  drift.Presence    `json:"presence"`
	Locations []secret.Location `json:"locations"`
	Complete  bool              `json:"complete"` // it is in no other location
}

func newDiffAnswer(read readings, rows []drift.Row) diffAnswer {
	a := diffAnswer{Project: read.all[0].deps.Scope.Project, Names: []diffName{}, Uncompared: []string{}, Unreadable: []unreadPlace{}, Complete: true}
	production := 0
	for _, side := range sidesOf(read) {
		a.Environments = append(a.Environments, side.Environment)
		if side.Production {
			production++
		}
		for _, v := range side.Snapshot.Views {
			a.Unaddressed += v.Refused
			a.addUnread(v)
		}
	}
	a.oneKind = production == 0 || production == len(a.Environments)
	for _, row := range rows {
		name := diffName{Name: row.Name, Environments: map[string]diffCell{}, Off: slices.Concat([]drift.Fault{}, row.Faults)}
		for i, cell := range row.Cells {
			name.Environments[a.Environments[i]] = diffCell{cell.Presence, slices.Concat([]secret.Location{}, cell.Locations), cell.Sure}
			a.Complete = a.Complete && cell.Presence >= drift.Absent
		}
		if len(row.Faults) > 0 {
			a.Off++
		}
		if row.Uncompared {
			a.Uncompared = append(a.Uncompared, row.Name)
		}
		a.Names = append(a.Names, name)
	}
	return a
}

// addUnread notes a place that may have names which nobody listed.
func (a *diffAnswer) addUnread(v store.View) {
	add := func(reason error) {
		a.Complete = false
		a.Unreadable = append(a.Unreadable, unreadPlace{a.Project, v.Place.Environment, v.Place.Location.String(), reasonFor(store.Gap{Place: v.Place, Reason: reason})})
	}
	if v.State == store.Unread || v.State == store.Denied {
		add(v.Err)
	}
	for _, closed := range v.Closed {
		add(closed.Reason)
	}
}

// show prints the names for people, and under each what is off with it.
func (a diffAnswer) show(q *query, rows []drift.Row, coloured bool) error {
	table := [][]string{append([]string{"NAME"}, a.Environments...)}
	for _, row := range rows {
		line := []string{row.Name}
		for _, cell := range row.Cells {
			line = append(line, cellText(cell))
		}
		table = append(table, line)
	}
	var b strings.Builder
	for i, line := range aligned(table) {
		if len(rows) == 0 {
			break
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		if i > 0 {
			for _, fault := range rows[i-1].Faults {
				b.WriteString(inked(hung("    ", a.explain(fault, rows[i-1]), "      "), coloured))
			}
		}
	}
	if _, err := q.out.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("print the comparison: %w", err)
	}
	a.remark(q)
	return nil
}

// cellText says where a name is in one environment.
func cellText(c drift.Cell) string {
	var words []string
	for _, l := range c.Locations {
		words = append(words, l.String())
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, "+")
	case c.Presence == drift.Absent:
		return "-"
	default:
		return "?"
	}
}

func inked(text string, coloured bool) string {
	if !coloured {
		return text
	}
	return "\x1b[31m" + strings.TrimSuffix(text, "\n") + "\x1b[0m\n"
}

// explain says what is off with a name, and where.
func (a diffAnswer) explain(fault drift.Fault, row drift.Row) string {
	where := func(of func(drift.Cell) bool) string {
		var all []string
		for i, cell := range row.Cells {
			if of(cell) {
				all = append(all, a.Environments[i])
			}
		}
		return strings.Join(all, ", ")
	}
	switch fault {
	case drift.Missing:
		return "missing in " + where(func(c drift.Cell) bool { return c.Presence == drift.Absent })
	case drift.Elsewhere:
		return "only stored in " + where(func(c drift.Cell) bool { return slices.Equal(c.Locations, []secret.Location{secret.Vault}) }) + ", and given to programs in another"
	default:
		rule := validate.Named(validate.SameInProd)
		return rule.Detail + ". " + rule.Fix
	}
}

// remark says what the table does not.
func (a diffAnswer) remark(q *query) {
	q.sayUnreadPlaces(a.Unreadable)
	if !a.Complete {
		q.say("A place could not be looked into, so that more names may be there. \"?\" is not known, and not absent.")
	}
	if len(a.Uncompared) > 0 {
		q.say("not compared, since values could not be read: %s", some(a.Uncompared))
	}
	if a.Unaddressed > 0 {
		q.say("%s under names that scrim cannot say: not compared. Rename them in the store.", count(a.Unaddressed, "secret"))
	}
	if a.oneKind {
		q.say("By their names not one is production and another is not, so no values were compared.")
	}
	switch {
	case len(a.Names) == 0:
		q.say("There are no names in project %s, environments %s.", a.Project, strings.Join(a.Environments, ", "))
	case a.Off > 0:
		q.say("project %s: something is off with %d of %s.", a.Project, a.Off, count(len(a.Names), "name"))
	case a.Complete:
		q.say("project %s: nothing is off with its %s.", a.Project, count(len(a.Names), "name"))
	}
}
