package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"scrim/internal/config"
	"scrim/internal/store"
	"scrim/internal/validate"
)

// CheckCmd is `scrim check`.
type CheckCmd struct {
	Project     string   `placeholder:"NAME" help:"Project (else SCRIM_PROJECT, scrim.toml)."`
	AllProjects bool     `help:"Every project of the store, each against the others."`
	Env         []string `placeholder:"SLUG" help:"Environments (else PROJECT_ENV, scrim.toml, prod)."`
	Location    string   `enum:"injected,staging,vault,shared,all" default:"all" help:"injected, staging, vault, shared or all."`
	Strict      bool     `help:"Exit with 1 for warnings too."`
	JSON        bool     `help:"Print the findings as JSON."`
}

// Help is shown by `scrim check --help`.
func (CheckCmd) Help() string {
	return `Says which values look wrong, and which nothing masks in output. Values and their lengths are never shown.

An error is a value that is empty, a placeholder, a sentence about the value, has white space around it, is not the URL, PEM, JWT, JSON, ... that its name or its type promises, has expired, is marked as one for tests in production, or as a live one elsewhere; one that nothing masks; and one that lies in a file that git tracks. A warning is one that expires within a month, and one that several names or several projects have. A note is a name that no file that git tracks has. docs/rules.md has every rule.

Agents are told what is wrong with a value by itself (check_secrets), and not the rest.

Examples:

  scrim check                     every secret in scope
  scrim check --location vault    what is stored and not injected
  scrim check --env dev,prod      in both environments
  scrim check --all-projects      every project that this identity sees
  scrim check --strict --json     for a CI job

What a name does not say, scrim.toml can: text url email port integer boolean uuid hex base64 json jwt pem, and more closely hex:32 (bytes) base64:32 url:postgres pem:private-key pem:certificate prefix:TEXT regex:PATTERN. A text may be anything but empty.

  [types]
  SALT = "hex:16"
  MOTD = "text"

A value that is no secret, such as a region, can be made public in your own scrim/config.toml, for every project:

  [redact]
  public = ["AWS_REGION"]

Exit code 0: no error was found. 1: one was. 3: not everything could be read.`
}

// Run checks the secrets of the scope.
func (k *CheckCmd) Run(c *cli) error {
	q := newQuery(c)
	return q.end(c, k.run(c, q))
}

func (k *CheckCmd) run(c *cli, q *query) error {
	read, err := k.read(c, q)
	if err != nil {
		return err
	}
	a, err := k.check(c, q, read)
	if err != nil {
		return err
	}
	if k.JSON {
		err = q.json(a)
	} else {
		err = k.show(c, q, a)
	}
	if err != nil {
		return err
	}
	q.sayCause(read.err())
	return k.outcome(a)
}

// read reads what is to be checked.
func (k *CheckCmd) read(c *cli, q *query) (readings, error) {
	if k.AllProjects {
		if k.Project != "" {
			return readings{}, usageError("--project and --all-projects exclude each other: leave one out")
		}
		return readEstate(c, q, k.Env, k.Location)
	}
	return readProject(c, q, k.Project, k.Env, k.Location)
}

// outcome is the exit code: what was not read may hold anything.
func (k *CheckCmd) outcome(a checkAnswer) error {
	switch {
	case !a.Complete:
		return errStore
	case a.Errors > 0 || len(a.Unexpanded) > 0 || k.Strict && a.Warnings > 0:
		return errFound
	default:
		return nil
	}
}

// check judges every secret that was read, then all together, then against the
// files of the working tree.
func (k *CheckCmd) check(c *cli, q *query, read readings) (checkAnswer, error) {
	a := newCheckAnswer(read)
	judge := q.judge()
	for _, r := range read.all {
		for _, view := range r.snapshot.Views {
			if !read.wanted(view) {
				continue
			}
			if err := a.add(r, view, judge); err != nil {
				return checkAnswer{}, err
			}
		}
	}
	a.compare(read, judge)
	if err := a.lookThrough(c, q, read, judge); err != nil {
		return checkAnswer{}, err
	}
	a.settle()
	a.namesAbsent(q.cfg, read)
	return a, nil
}

// namesAbsent gathers what the configuration says of names that nothing has.
func (a *checkAnswer) namesAbsent(cfg config.Config, read readings) {
	for _, name := range cfg.Redact.Public {
		if read.has(name) {
			a.Public = append(a.Public, name)
		} else {
			a.PublicAbsent = append(a.PublicAbsent, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Types)) {
		if !read.has(name) {
			a.TypesAbsent = append(a.TypesAbsent, name)
		}
	}
}

// show prints the findings for people, and what follows from them.
func (k *CheckCmd) show(c *cli, q *query, a checkAnswer) error {
	f, isFile := c.stdout.(*os.File)
	if err := a.write(q, isFile && colour(f, c.getenv)); err != nil {
		return err
	}
	q.sayUnreadPlaces(a.Unreadable)
	if slices.ContainsFunc(a.Checks, func(f finding) bool { return f.Rule == validate.Unmaskable }) {
		q.say("%s", "Of a value that is no secret, add the name to public under [redact] in "+q.userFile()+".")
	}
	for _, place := range a.Unexpanded {
		q.say("values in %s refer to others that this identity may not read: what they stand for cannot be masked. Let it read them.", place)
	}
	if a.Unaddressed > 0 {
		q.say("%s under names that scrim cannot say: not checked. Rename them in the store.", count(a.Unaddressed, "secret"))
	}
	if len(a.FilesSkipped) > 0 {
		q.say("not looked through, so no name is called unused: %s", visible(some(a.FilesSkipped)))
	}
	if len(a.LooserInVault) > 0 {
		q.say("what scrim.toml has behind a colon is not asked in a vault (an agent can write that file): %s. Declare it in %s.", strings.Join(a.LooserInVault, ", "), q.userFile())
	}
	showPublic(q, a)
	if len(a.TypesAbsent) > 0 {
		q.say("declared under [types], and nothing has that name in %s: %s (%s)", a.searched, strings.Join(a.TypesAbsent, ", "), q.cfg.Origin("types."+a.TypesAbsent[0]))
	}
	q.say("%s", a.summary(k.outcome(a) == nil))
	return nil
}

// showPublic says which names the user's file makes public, and which of those
// may be mistyped.
func showPublic(q *query, a checkAnswer) {
	if len(a.Public) > 0 {
		q.say("public, so not masked unless another name has the same value: %s", strings.Join(a.Public, ", "))
	}
	if len(a.PublicAbsent) > 0 {
		q.say("public, and nothing has that name in %s: %s (%s)", a.searched, strings.Join(a.PublicAbsent, ", "), q.cfg.Origin("redact.public"))
	}
}

// summary counts what was found, or says that nothing was, and in how many values.
func (a checkAnswer) summary(well bool) string {
	switch {
	case len(a.Checks) > 0:
		return fmt.Sprintf("%s, %s, %s; %s with nothing wrong.", count(a.Errors, "error"), count(a.Warnings, "warning"), count(a.Notes, "note"), count(a.Passed, "value"))
	case !well:
		return fmt.Sprintf("%s with nothing wrong, of those that could be read.", count(a.Passed, "value"))
	case a.Passed == 0:
		return "There is no value to check in " + a.searched + "."
	case a.Passed == 1:
		return "The one value looks right and can be masked."
	default:
		return fmt.Sprintf("All %d values look right and can be masked.", a.Passed)
	}
}

// searchedText names what was read, which may be less than the scope.
func searchedText(read readings) string {
	var environments []string
	for _, r := range read.all {
		if !slices.Contains(environments, r.deps.Scope.Environment) {
			environments = append(environments, r.deps.Scope.Environment)
		}
	}
	where := "environment " + strings.Join(environments, ", ")
	if read.estate {
		where = "all projects, " + where
	} else if len(read.all) > 0 {
		where = "project " + read.all[0].deps.Scope.Project + ", " + where
	}
	if slices.ContainsFunc(read.all, reading.short) {
		return "what could be read of " + where
	}
	return where
}

// short reports whether something of the scope was not read.
func (r reading) short() bool {
	return r.failed != nil || slices.ContainsFunc(r.snapshot.Views, func(v store.View) bool {
		return v.State == store.Unread || v.State == store.Denied || len(v.Closed) > 0
	})
}
