package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/tools"
)

// CheckCmd is `scrim check`.
type CheckCmd struct {
	scopeFlags `embed:""`

	Location string `enum:"injected,staging,vault,shared,all" default:"all" help:"injected, staging, vault, shared or all."`
	JSON     bool   `help:"Print the findings as JSON."`
}

// Help is shown by `scrim check --help`.
func (CheckCmd) Help() string {
	return `Says which values look wrong, and which nothing masks in output. Values and their lengths are never shown.

A value looks wrong that is empty, a placeholder, a sentence about the value, has white space around it, is not the URL, PEM, JWT, JSON, ... that its name or its type promises, or is marked as one for tests in production, or as a live one elsewhere. Agents are told this too (check_secrets).

Nothing masks a value that is too short or too common, or that this identity may not read. Agents are not told which those are.

Examples:

  scrim check                     every secret in scope
  scrim check --location vault    what is stored and not injected
  scrim check --json              for scripts

What a name does not say, scrim.toml can: text url email port integer boolean uuid hex base64 json jwt pem. A text may be anything but empty.

  [types]
  SALT = "hex"
  MOTD = "text"

A value that is no secret, such as a region, can be made public in your own scrim/config.toml, for every project:

  [redact]
  public = ["AWS_REGION"]

Exit code 0: nothing was found. 1: something was. 3: not everything could be read.`
}

// Run checks the secrets of the scope.
func (k *CheckCmd) Run(c *cli) error {
	return look(c, k.scopeFlags, func(q *query) error {
		a, err := k.check(c.ctx, q)
		if err != nil {
			return err
		}
		if k.JSON {
			err = q.json(a)
		} else {
			err = k.show(q, a)
		}
		if err != nil {
			return err
		}
		q.sayCause(q.deps.Store.Peek().Err())
		return a.outcome()
	})
}

// finding is one thing that is wrong with one secret.
type finding struct {
	Name        string  `json:"name"`
	Location    string  `json:"location"`
	Environment string  `json:"environment"`
	Path        string  `json:"path"`
	Verdict     verdict `json:"verdict"`
	Rule        string  `json:"rule,omitempty"` // of internal/validate; nothing masks a value by no rule of it
	Detail      string  `json:"detail"`
}

// checkAnswer is all that a check has to say.
type checkAnswer struct {
	Scope        tools.ScopeNote        `json:"scope"`
	Checks       []finding              `json:"checks"`
	Passed       int                    `json:"passed"`        // secrets with nothing wrong
	Unexpanded   []string               `json:"unexpanded"`    // places whose references to others this identity may not follow
	Unaddressed  int                    `json:"unaddressed"`   // secrets under names that scrim cannot say
	Public       []string               `json:"public"`        // of the user's public names, those that are in scope
	PublicAbsent []string               `json:"public_absent"` // and those that nothing has
	TypesAbsent  []string               `json:"types_absent"`  // names with a declared type that nothing has
	Unreadable   []tools.UnreadableNote `json:"unreadable"`
	Complete     bool                   `json:"complete"`
	AsOf         string                 `json:"as_of"`
}

// outcome is the exit code: what was not read may hold anything.
func (a checkAnswer) outcome() error {
	switch {
	case !a.Complete:
		return errStore
	case len(a.Checks) > 0 || len(a.Unexpanded) > 0:
		return errFound
	default:
		return nil
	}
}

// check judges every secret of the location.
func (k *CheckCmd) check(ctx context.Context, q *query) (checkAnswer, error) {
	read, err := q.deps.List(ctx, tools.ListArguments{Location: k.Location}) // what could be read, in the words of the list
	if err != nil {
		return checkAnswer{}, err
	}
	snapshot := q.deps.Store.Peek()
	a := checkAnswer{
		Scope: read.Scope, Checks: []finding{}, Unexpanded: []string{}, Public: []string{}, PublicAbsent: []string{}, TypesAbsent: []string{},
		Unreadable: read.Unreadable, Complete: read.Complete, AsOf: read.AsOf,
	}
	judge := q.judge()
	for _, view := range snapshot.Views {
		if k.Location == "all" || k.Location == view.Place.Location.String() {
			if err := a.add(view, judge, q.deps.Problems); err != nil {
				return checkAnswer{}, err
			}
		}
	}
	for _, name := range q.cfg.Redact.Public {
		if snapshot.Has(name) {
			a.Public = append(a.Public, name)
		} else {
			a.PublicAbsent = append(a.PublicAbsent, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.cfg.Types)) {
		if !snapshot.Has(name) {
			a.TypesAbsent = append(a.TypesAbsent, name)
		}
	}
	slices.SortStableFunc(a.Checks, func(x, y finding) int { return cmp.Compare(x.Name, y.Name) })
	return a, nil
}

// add judges the secrets of one place: whether they can be masked, and what
// problems says of their values.
func (a *checkAnswer) add(view store.View, judge maskJudge, problems func(store.View, store.Entry) ([]secret.Problem, error)) error {
	for _, e := range view.Entries {
		wrong, err := problems(view, e)
		if err != nil {
			return err
		}
		v := judge.judge(e)
		if slices.ContainsFunc(wrong, func(p secret.Problem) bool { return p.Verdict == secret.Empty }) {
			v = "" // there is nothing to mask
		}
		if v != "" {
			a.Checks = append(a.Checks, findingOf(e, v, "", detail(v, e)))
		}
		for _, p := range wrong {
			a.Checks = append(a.Checks, findingOf(e, verdict(p.Verdict), p.Rule, p.Detail))
		}
		if v == "" && len(wrong) == 0 && !judge.isPublic(e.Ref.Name()) {
			a.Passed++
		}
	}
	if view.Unexpanded {
		a.Unexpanded = append(a.Unexpanded, view.Place.String())
	}
	a.Unaddressed += view.Refused
	return nil
}

func findingOf(e store.Entry, v verdict, rule, detail string) finding {
	return finding{e.Ref.Name(), e.Location.String(), e.Ref.Environment(), e.Ref.Path(), v, rule, detail}
}

// detail says more about a verdict on e.
func detail(v verdict, e store.Entry) string {
	if v == notReadable && e.Imported != "" {
		return "names only, by import from " + e.Imported
	}
	return v.usual()
}

// show prints the findings for people, and what follows from them.
func (k *CheckCmd) show(q *query, a checkAnswer) error {
	if len(a.Checks) > 0 {
		if _, err := io.WriteString(q.out, findingsTable(a.Checks)); err != nil {
			return fmt.Errorf("print the findings: %w", err)
		}
	}
	q.sayUnread(a.Unreadable)
	for _, v := range []verdict{cannotMask, notReadable} {
		if slices.ContainsFunc(a.Checks, func(f finding) bool { return f.Verdict == v }) {
			q.say("%s: %s", v, remedy(v, q.userFile()))
		}
	}
	if slices.ContainsFunc(a.Checks, func(f finding) bool { return f.Rule != "" }) {
		q.say("%s", correction)
	}
	for _, place := range a.Unexpanded {
		q.say("values in %s refer to others that this identity may not read: what they stand for cannot be masked. Let it read them.", place)
	}
	if a.Unaddressed > 0 {
		q.say("%s under names that scrim cannot say: not checked. Rename them in the store.", count(a.Unaddressed, "secret"))
	}
	k.showPublic(q, a)
	if len(a.TypesAbsent) > 0 {
		q.say("declared under [types], and nothing has that name in %s: %s (%s)",
			searched(a.Scope, q.deps.Store.Peek()), strings.Join(a.TypesAbsent, ", "), q.cfg.Origin("types."+a.TypesAbsent[0]))
	}
	if a.outcome() == nil {
		q.say("%s", allClear(a))
	}
	return nil
}

// correction says what to do about a value that looks wrong, or only looks so.
const correction = "What looks wrong is to be corrected in the store. Where it is right as it is, say under [types] in scrim.toml what it is; \"text\" is anything."

// remedy says what follows from a verdict, and what to do.
func remedy(v verdict, userFile string) string {
	if v == notReadable {
		return unreadValues + ". For a vault that scrim is only to describe that is as it should be; elsewhere, let the identity read values."
	}
	return "such a value is " + weakness + ", so nothing hides it in output. Make it longer, and no everyday word; or, where it is no secret, " +
		"add its name to public under [redact] in " + userFile + "."
}

// showPublic says which names the user's file makes public, and which of those
// may be mistyped.
func (k *CheckCmd) showPublic(q *query, a checkAnswer) {
	if len(a.Public) > 0 {
		q.say("public, so not masked unless another name has the same value: %s", strings.Join(a.Public, ", "))
	}
	if len(a.PublicAbsent) > 0 {
		q.say("public, and nothing has that name in %s: %s (%s)",
			searched(a.Scope, q.deps.Store.Peek()), strings.Join(a.PublicAbsent, ", "), q.cfg.Origin("redact.public"))
	}
}

// searched names what was read, which may be less than the scope.
func searched(scope tools.ScopeNote, s store.Snapshot) string {
	where := fmt.Sprintf("project %s, environment %s", scope.Project, scope.Environment)
	if slices.ContainsFunc(s.Views, func(v store.View) bool {
		return v.State == store.Unread || v.State == store.Denied || len(v.Closed) > 0
	}) {
		return "what could be read of " + where
	}
	return where
}

// allClear says that nothing was found, and in how many values.
func allClear(a checkAnswer) string {
	switch a.Passed {
	case 0:
		return fmt.Sprintf("There is no value to check in project %s, environment %s.", a.Scope.Project, a.Scope.Environment)
	case 1:
		return "The one value looks right and can be masked."
	default:
		return fmt.Sprintf("All %d values look right and can be masked.", a.Passed)
	}
}

// findingsTable lays findings out for people. Where that is too wide for a
// terminal, details that are not a verdict's usual one get lines of their own.
func findingsTable(findings []finding) string {
	rows := [][]string{{"NAME", "LOCATION", "ENV", "PATH", "VERDICT", "DETAIL"}}
	for _, f := range findings {
		rows = append(rows, []string{f.Name, f.Location, f.Environment, f.Path, string(f.Verdict), f.Detail})
	}
	whole := aligned(rows)
	if !slices.ContainsFunc(whole, func(line string) bool { return cells(line) > lineWidth }) {
		return strings.Join(whole, "\n") + "\n"
	}
	for i := range rows {
		rows[i] = rows[i][:len(rows[i])-1]
	}
	var b strings.Builder
	for i, line := range aligned(rows) {
		b.WriteString(line + "\n")
		if i > 0 && findings[i-1].Detail != findings[i-1].Verdict.usual() {
			b.WriteString("    " + findings[i-1].Detail + "\n")
		}
	}
	return b.String()
}

// aligned returns a line for each row, its cells in columns.
func aligned(rows [][]string) []string {
	var b bytes.Buffer
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // a buffer takes everything
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}
