package estate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"scrim/internal/secret"
)

// Step is one secret that a project is to have from the shared source.
type Step struct {
	Project Project
	Name    string
	State   State // Missing or Differs
}

// Plan returns what it takes to put the projects right, by project and name.
func (r Report) Plan() []Step {
	var steps []Step
	for _, row := range r.Rows {
		for i, state := range row.States {
			if state.Off() {
				steps = append(steps, Step{row.Project, r.Names[i], state})
			}
		}
	}
	return steps
}

// Outcome is what became of one project's steps.
type Outcome struct {
	Project Project
	Written []string // that have the source's value now, and did not before
	Asked   []string // that wait for somebody's approval in the store
	Left    []string // that are as they were
	Err     error    // why
}

// Fixer writes copies of the shared source. It deletes nothing, and touches only
// what its plan names.
type Fixer struct {
	Auditor
	Store Target
}

// maxRounds is how often a project is looked at and written to. A write that fails
// may have been done, and somebody else may be writing.
const maxRounds = 5

// maxBatch is how many secrets one write holds.
const maxBatch = 100

// Fix carries out the plan of r, project by project. It goes on past one that
// fails. What it wrote is seen by looking again.
func (f Fixer) Fix(ctx context.Context, r Report) []Outcome {
	var all []Outcome
	names := map[Project][]string{}
	for _, step := range r.Plan() {
		if names[step.Project] == nil {
			all = append(all, Outcome{Project: step.Project})
		}
		names[step.Project] = append(names[step.Project], step.Name)
	}
	tally := f.tally(len(all))
	f.Pace.Each(ctx, len(all), func(i int) {
		all[i] = f.fix(ctx, r.source, all[i].Project, names[all[i].Project])
		tally()
	})
	for i, o := range all {
		if len(o.Written)+len(o.Asked)+len(o.Left) == 0 { // ctx ended before its turn
			all[i].Left, all[i].Err = names[o.Project], ctx.Err()
		}
	}
	return all
}

// fix gives one project the named secrets, round by round: it looks, writes what is
// off, and looks again.
func (f Fixer) fix(ctx context.Context, shared source, p Project, names []string) Outcome {
	shared = shared.only(names)
	asked := map[string]bool{}
	var failed error
	for round := 0; ; round++ {
		row := f.row(ctx, shared, p)
		o := Outcome{Project: p}
		var create, update []secret.Draft
		for i, name := range shared.names {
			switch state := row.States[i]; {
			case state == OK || state == Imported:
				o.Written = append(o.Written, name)
			case asked[name]:
				o.Asked = append(o.Asked, name)
			case state == Missing || state == Differs && row.borrowed[name]:
				o.Left = append(o.Left, name)
				create = append(create, shared.drafts[name])
			case state == Differs:
				o.Left = append(o.Left, name)
				update = append(update, shared.drafts[name])
			default:
				o.Left = append(o.Left, name)
			}
		}
		if len(o.Left) == 0 {
			return o
		}
		o.Err = cmp.Or(failed, row.Err)
		if round == maxRounds || !passing(failed) || len(create)+len(update) == 0 || pause(ctx, firstPause*time.Duration(round)) != nil {
			return o
		}
		failed = f.write(ctx, shared.at.Environment, p, create, update, asked)
	}
}

// only is the source with these names alone.
func (s source) only(names []string) source {
	s.names = slices.Sorted(slices.Values(names))
	return s
}

// write sends each batch once. What the store made a request of is asked.
func (f Fixer) write(ctx context.Context, environment string, p Project, create, update []secret.Draft, asked map[string]bool) error {
	var failed error
	send := func(do func(context.Context, string, string, []secret.Draft) error, drafts []secret.Draft) {
		for batch := range slices.Chunk(drafts, maxBatch) {
			err := f.Pace.politely(ctx, func() error { return do(ctx, environment, p.Path, batch) })
			if !errors.Is(err, secret.ErrAwaitsApproval) {
				failed = errors.Join(failed, err)
				continue
			}
			for _, d := range batch {
				asked[d.Name] = true
			}
		}
	}
	send(f.Store.Create, create)
	send(f.Store.Update, update)
	return failed
}

// passing reports whether another round may see it otherwise: it came through, the
// store could not be reached and may have done it or not, or somebody else was
// writing.
func passing(err error) bool {
	return err == nil || errors.Is(err, secret.ErrUnavailable) || errors.Is(err, secret.ErrExists) || errors.Is(err, secret.ErrNotFound)
}
