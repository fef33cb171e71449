package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"scrim/tools"
)

// ListCmd is `scrim list`.
type ListCmd struct {
	scopeFlags `embed:""`

	Match    string `arg:"" optional:"" placeholder:"GLOB" help:"Only names that match, such as 'STRIPE_*'."`
	Location string `enum:"injected,staging,vault,shared,all" default:"all" help:"injected, staging, vault, shared or all."`
	JSON     bool   `help:"Print what agents get, as JSON."`
}

// Help is shown by `scrim list --help`.
func (ListCmd) Help() string {
	return `Examples:

  scrim list                      every name in scope, and where it is
  scrim list 'STRIPE_*' --json    for scripts
  scrim list --location vault     what is stored and not injected

Values are never shown. Exit code 3 says that the list is incomplete.`
}

// Run lists the names.
func (l *ListCmd) Run(c *cli) error {
	return look(c, l.scopeFlags, func(q *query) error {
		answer, err := l.everyPage(c, q)
		if err != nil {
			return err
		}
		if l.JSON {
			err = q.json(answer)
		} else {
			err = l.table(q, answer)
		}
		if err != nil {
			return err
		}
		q.sayCause(q.deps.Store.Peek().Err())
		if !answer.Complete {
			return errStore
		}
		return nil
	})
}

// everyPage gathers what agents get in pages.
func (l *ListCmd) everyPage(c *cli, q *query) (tools.ListAnswer, error) {
	arguments := tools.ListArguments{Location: l.Location, Match: l.Match}
	all, err := q.deps.List(c.ctx, arguments)
	for err == nil && all.NextCursor != "" {
		arguments.Cursor = all.NextCursor
		var next tools.ListAnswer
		next, err = q.deps.List(c.ctx, arguments)
		all.Secrets = append(all.Secrets, next.Secrets...)
		all.NextCursor = next.NextCursor
	}
	return all, err
}

// table prints the names for people, and says what is to know about them.
func (l *ListCmd) table(q *query, a tools.ListAnswer) error {
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	if len(a.Secrets) > 0 {
		fmt.Fprintln(rows, "NAME\tLOCATION\tENV\tPATH\tUPDATED")
	}
	for _, s := range a.Secrets {
		place := s.Location
		if s.Shared {
			place += " (shared)"
		}
		updated, _, _ := strings.Cut(s.UpdatedAt, "T")
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\n", s.Name, place, s.Environment, s.Path, updated)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	l.remark(q, a)
	return nil
}

// remark says what the table does not: that it is empty, what was not read, and
// which of the names have a value that nothing masks.
func (l *ListCmd) remark(q *query, a tools.ListAnswer) {
	if len(a.Secrets) == 0 {
		q.say("%s", l.emptiness(q, a))
	}
	q.sayUnread(a.Unreadable)
	if !a.Complete && len(a.Secrets) > 0 {
		q.say("The list is incomplete: a name that is not here may exist. Try `scrim find NAME`.")
	}
	q.sayUnmasked(a.Secrets)
}

// emptiness says why there are no names. Only a complete list has none for
// certain.
func (l *ListCmd) emptiness(q *query, a tools.ListAnswer) string {
	verb := "are"
	if l.Match != "" {
		verb = "match"
	}
	scope := fmt.Sprintf("project %s, environment %s.", a.Scope.Project, a.Scope.Environment)
	switch {
	case a.Complete:
		return "No names " + verb + " in " + scope
	case len(a.Unreadable) >= l.places(q):
		return "Nothing could be read in " + scope
	default:
		return "No names " + verb + " in what could be read of " + scope
	}
}

// places counts the places that the list is about.
func (l *ListCmd) places(q *query) int {
	n := 0
	for _, place := range q.deps.Scope.Places() {
		if l.Location == "all" || l.Location == place.Location.String() {
			n++
		}
	}
	return n
}
