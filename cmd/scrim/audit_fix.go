package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
)

// fixedNote is what became of one project's copies.
type fixedNote struct {
	Environment string   `json:"environment"`
	Project     string   `json:"project"`
	Written     []string `json:"written"`
	Asked       []string `json:"awaiting_approval"`
	Left        []string `json:"left"`
	Error       string   `json:"error,omitempty"`
}

// fix shows the plan, asks, writes, and says what came of it.
func (a *AuditCmd) fix(c *cli, q *query, auditor estate.Auditor, e config.Estate, reports []estate.Report) error {
	steps := 0
	for _, r := range reports {
		steps += len(r.Plan())
	}
	if steps > 0 {
		if err := a.agree(c, q, reports, steps); err != nil {
			return err
		}
	}
	fixer := estate.Fixer{Auditor: auditor, Store: q.source}
	var notes []fixedNote
	var failed error
	for _, r := range reports {
		line := newProgress(c, "writing "+r.Environment)
		fixer.Progress, fixer.Pace.Waits = line.show, line.waits
		outcomes := fixer.Fix(c.ctx, r)
		line.end()
		for _, o := range outcomes {
			notes = append(notes, noteOf(r.Environment, o))
			failed = worse(failed, o)
		}
	}
	var err error
	if a.JSON {
		answer := auditAnswer(e, reports)
		answer.Fixed = notes
		err = q.json(answer)
	} else {
		err = q.showFixed(notes)
	}
	if err != nil {
		return err
	}
	q.sayFailed(e.Shared, reports)
	if unread := outcomeOf(reports); errors.Is(unread, errStore) {
		return unread
	}
	return failed
}

// worse is the exit code of what was found so far and of one more outcome.
func worse(so error, o estate.Outcome) error {
	switch {
	case len(o.Left) > 0:
		return errStore
	case len(o.Asked) > 0 && so == nil:
		return errFound
	default:
		return so
	}
}

// agree shows the plan and has a person agree to it.
func (a *AuditCmd) agree(c *cli, q *query, reports []estate.Report, steps int) error {
	rows := [][]string{{"ENV", "PROJECT", "NAME", "IS TO BE"}}
	for _, r := range reports {
		for _, step := range r.Plan() {
			rows = append(rows, []string{r.Environment, step.Project.Name, step.Name, verbOf(step)})
		}
	}
	q.tell(strings.Join(aligned(rows), "\n") + "\n")
	if a.Yes {
		return nil
	}
	ask := newQuestions(c)
	if !ask.possible() {
		return usageError("nobody is at a terminal to agree to it, and nothing was written: with --yes nobody is asked")
	}
	q.say("Nothing else is touched, and nothing is deleted.")
	yes, err := ask.yes(fmt.Sprintf("Write %s?", count(steps, "secret")))
	if err == nil && !yes {
		q.say("Nothing was written.")
		err = errNotApproved
	}
	return err
}

// verbOf says what is to be done to a copy.
func verbOf(step estate.Step) string {
	switch {
	case !step.Creates:
		return "overwritten"
	case step.State == estate.Differs:
		return "created, over an import"
	default:
		return "created"
	}
}

func noteOf(environment string, o estate.Outcome) fixedNote {
	n := fixedNote{environment, o.Project.Name, nonNil(o.Written), nonNil(o.Asked), nonNil(o.Left), ""}
	if o.Err != nil {
		n.Error = reasonOf(o.Err)
	}
	return n
}

func nonNil(list []string) []string { return append([]string{}, list...) }

// showFixed prints what became of each copy, and counts.
func (q *query) showFixed(notes []fixedNote) error {
	rows := [][]string{{"ENV", "PROJECT", "NAME", "NOW"}}
	totals := map[string]int{}
	for _, n := range notes {
		for now, names := range map[string][]string{"written": n.Written, "awaits approval": n.Asked, "as it was": n.Left} {
			totals[now] += len(names)
			for _, name := range names {
				rows = append(rows, []string{n.Environment, n.Project, name, now})
			}
		}
	}
	if len(rows) == 1 {
		q.say("Nothing is missing and nothing differs: nothing was written.")
		return nil
	}
	slices.SortFunc(rows[1:], slices.Compare[[]string])
	if _, err := io.WriteString(q.out, strings.Join(aligned(rows), "\n")+"\n"); err != nil {
		return fmt.Errorf("print what was written: %w", err)
	}
	var parts []string
	for _, now := range slices.Sorted(maps.Keys(totals)) {
		if totals[now] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", totals[now], now))
		}
	}
	q.say("%s.", strings.Join(parts, ", "))
	if totals["awaits approval"] > 0 {
		q.say("awaits approval: %v. Somebody does that in Infisical.", secret.ErrAwaitsApproval)
	}
	var left []closedPlace
	for _, n := range notes {
		if n.Error != "" {
			left = append(left, closedPlace{n.Environment + ":" + n.Project, n.Error})
		}
	}
	for _, line := range byReason(left) {
		q.say("as it was: %s. Run it again when that is mended.", line)
	}
	return nil
}
