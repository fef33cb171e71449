package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// ProjectCmd is `scrim project`.
type ProjectCmd struct {
	Add  ProjectAddCmd  `cmd:"" help:"Make a project's folders, with its vault and its copies of shared secrets."`
	List ProjectListCmd `cmd:"" help:"List every project of the store, and how many secrets it has where."`
}

// Help is shown by `scrim project --help`.
func (ProjectCmd) Help() string {
	return `Examples:

  scrim project list                   every project
  scrim project add web --env dev,prod a new one, in two environments`
}

// ProjectListCmd is `scrim project list`.
type ProjectListCmd struct {
	Env  []string `placeholder:"SLUG" help:"Environments (else PROJECT_ENV, scrim.toml, prod)."`
	JSON bool     `help:"Print the list as JSON."`
}

// Help is shown by `scrim project list --help`.
func (ProjectListCmd) Help() string {
	return `Counts the names at each project's own path, imports included, in its staging folder and in its vault. "hidden" is a place into which this identity may not see, which is not 0; "-" is a folder that is not there; "?" could not be read. Every folder at the root is a project, but for the shared source.

Examples:

  scrim project list
  scrim project list --env dev,prod --json

Exit code 0: all that this identity may see is counted. 2: there is no such environment. 3: something could not be read.`
}

// Run lists the projects.
func (p *ProjectListCmd) Run(c *cli) error {
	q := newQuery(c)
	return q.end(c, p.list(c, q))
}

// placeCount is how many secrets one place has, for scripts.
type placeCount struct {
	State estate.Sight `json:"state"`
	Count *int         `json:"count,omitempty"`
}

// projectNote is one project in one environment, for scripts.
type projectNote struct {
	Project     string     `json:"project"`
	Environment string     `json:"environment"`
	Path        string     `json:"path"`
	Injected    placeCount `json:"injected"`
	Staging     placeCount `json:"staging"`
	Vault       placeCount `json:"vault"`
}

func (p *ProjectListCmd) list(c *cli, q *query) error {
	environments, e, err := estateIn(c, q, p.Env)
	if err != nil {
		return err
	}
	census := estate.Census{Store: q.source, Layout: layoutOf(e)}
	notes := []projectNote{}
	var unread []closedPlace
	for _, environment := range environments {
		line := newProgress(c, "counting "+environment)
		census.Progress, census.Pace.Waits = line.show, line.waits
		tallies, err := census.Take(c.ctx, environment)
		line.end()
		if errors.Is(err, secret.ErrPathNotFound) {
			err = &store.NoEnvironmentError{Environment: environment}
		}
		if err != nil {
			return err
		}
		for _, t := range tallies {
			notes = append(notes, projectNote{t.Project.Name, environment, t.Project.Path, countOf(t.Injected), countOf(t.Staging), countOf(t.Vault)})
			for _, n := range []estate.Count{t.Injected, t.Staging, t.Vault} {
				if n.Err != nil {
					unread = append(unread, closedPlace{environment + ":" + t.Project.Path, reasonOf(n.Err)})
				}
			}
		}
	}
	if p.JSON {
		err = q.json(map[string]any{"projects": notes, "complete": len(unread) == 0})
	} else {
		err = projectTable(q, notes)
	}
	if err != nil {
		return err
	}
	for _, line := range byReason(unread) {
		q.say("not read: %s", line)
	}
	if len(unread) > 0 {
		return errStore
	}
	return nil
}

func countOf(n estate.Count) placeCount {
	if n.Sight != estate.Counted {
		return placeCount{State: n.Sight}
	}
	return placeCount{n.Sight, &n.N}
}

// text is a count for people.
func (n placeCount) text() string {
	switch n.State {
	case estate.Counted:
		return strconv.Itoa(*n.Count)
	case estate.NoFolder:
		return "-"
	case estate.Hidden:
		return "hidden"
	default:
		return "?"
	}
}

func projectTable(q *query, notes []projectNote) error {
	if len(notes) == 0 {
		q.say("There is no project. scrim project add NAME makes one.")
		return nil
	}
	rows := [][]string{{"PROJECT", "ENV", "PATH", "INJECTED", "STAGING", "VAULT"}}
	for _, n := range notes {
		rows = append(rows, []string{visible(n.Project), n.Environment, visible(n.Path), n.Injected.text(), n.Staging.text(), n.Vault.text()})
	}
	if _, err := io.WriteString(q.out, strings.Join(aligned(rows), "\n")+"\n"); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	return nil
}
