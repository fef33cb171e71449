package estate

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"scrim/internal/secret"
)

// Step is one secret that a project is to have from the shared source.
type Step struct {
	Project Project
	Name    string
	State   State // Missing or Differs
	Creates bool  // the project has none of its own: it is Missing, or imported from elsewhere
}

// Plan returns what it takes to put the projects right, by project and name.
func (r Report) Plan() []Step {
	var steps []Step
	for _, row := range r.Rows {
		for i, state := range row.States {
			if state.Off() {
				steps = append(steps, Step{row.Project, r.Names[i], state, state == Missing || row.found[i].imported})
			}
		}
	}
	return steps
}

// The reasons why something is left as it was that is nobody's refusal.
var (
	ErrSourceChanged = errors.New("the shared source has another value than when it was looked at")
	ErrChanged       = errors.New("somebody changed it after it was looked at")
)

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
// fails. What it wrote is seen by looking again. Where the source or a project's
// copy is not as r has it, it is left as it is: nobody agreed to that.
func (f Fixer) Fix(ctx context.Context, r Report) []Outcome {
	works := r.works()
	if len(works) == 0 {
		return nil
	}
	now, err := f.shared(ctx, r.Environment, r.source.key)
	all := make([]Outcome, len(works))
	tally := f.tally(len(all))
	f.Pace.Each(ctx, len(all), func(i int) {
		defer tally()
		if err != nil {
			all[i] = works[i].left(err)
			return
		}
		all[i] = f.fix(ctx, now, works[i])
	})
	for i, w := range works {
		if all[i].Project == (Project{}) { // ctx ended before its turn
			all[i] = w.left(ctx.Err())
		}
	}
	return all
}

// work is what one project is to have.
type work struct {
	project Project
	planned map[string]plan
}

// plan is one secret of it, as it was looked at.
type plan struct {
	source [32]byte // the digest of the value that it is to have
	found  finding
}

// works groups the plan by project.
func (r Report) works() []work {
	var all []work
	for _, row := range r.Rows {
		w := work{row.Project, map[string]plan{}}
		for i, state := range row.States {
			if name := r.Names[i]; state.Off() {
				w.planned[name] = plan{r.source.digest[name], row.found[i]}
			}
		}
		if len(w.planned) > 0 {
			all = append(all, w)
		}
	}
	return all
}

func (w work) names() []string { return slices.Sorted(maps.Keys(w.planned)) }

// left is the outcome of work that was not begun.
func (w work) left(why error) Outcome { return Outcome{Project: w.project, Left: w.names(), Err: why} }

// fix does the work in one project, round by round: it looks, writes what is off,
// and looks again.
func (f Fixer) fix(ctx context.Context, shared source, w work) Outcome {
	shared.names = w.names()
	asked := map[string]bool{}
	var failed error
	for round := 0; ; round++ {
		row := f.row(ctx, shared, w.project)
		o := Outcome{Project: w.project, Err: errors.Join(failed, row.Err)}
		var create, update []secret.Draft
		for i, name := range shared.names {
			planned, state := w.planned[name], row.States[i]
			switch {
			case shared.digest[name] != planned.source:
				o.leave(name, ErrSourceChanged)
			case state == OK || state == Imported:
				o.Written = append(o.Written, name)
			case asked[name]:
				o.Asked = append(o.Asked, name)
			case !state.Off():
				o.leave(name, nil) // row.Err says why
			case row.found[i] != planned.found:
				o.leave(name, ErrChanged)
			case state == Missing || planned.found.imported:
				o.leave(name, nil)
				create = append(create, shared.drafts[name])
			default:
				o.leave(name, nil)
				update = append(update, shared.drafts[name])
			}
		}
		if len(o.Left) == 0 {
			o.Err = nil
			return o
		}
		if round == maxRounds || !passing(failed) || len(create)+len(update) == 0 || pause(ctx, firstPause*time.Duration(round)) != nil {
			return o
		}
		failed = f.write(ctx, shared.at.Environment, w.project, create, update, asked)
	}
}

// leave notes a secret that is as it was.
func (o *Outcome) leave(name string, why error) {
	o.Left, o.Err = append(o.Left, name), errors.Join(o.Err, why)
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
