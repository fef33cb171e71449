package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"scrim/internal/audit"
	"scrim/internal/ledger"
	"scrim/internal/setup"
)

// InitCmd is `scrim init`.
type InitCmd struct {
	Project   string   `placeholder:"NAME" help:"Project (else SCRIM_PROJECT, or it asks)."`
	ProjectID string   `placeholder:"ID" help:"Infisical project id (else SCRIM_PROJECT_ID, .infisical.json, or it asks)."`
	Env       string   `placeholder:"SLUG" help:"Environment where nothing else states one."`
	Client    []string `placeholder:"NAME" help:"Register with these clients only: ${clients}."`
	Yes       bool     `help:"Do it without a question." xor:"how" short:"y"`
	DryRun    bool     `help:"Show what would change, and change nothing." xor:"how"`
	Undo      bool     `help:"Take back what init put in."`
}

// Help is shown by `scrim init --help`.
func (InitCmd) Help() string {
	return `Examples:

  scrim init                            ask, show the changes, ask again
  scrim init --project alpha --yes      no questions
  scrim init --client codex             register with one client
  scrim init --dry-run
  scrim init --undo                     the files as they were before

At the root of the repository (the nearest folder at or above this one with a scrim.toml or a .git, else this one) it writes scrim.toml, registers scrim serve in .mcp.json (Claude Code), .cursor/mcp.json, .vscode/mcp.json and .gemini/settings.json, for those of them that it finds traces of, and puts instructions for agents into AGENTS.md and, where there is one, CLAUDE.md, between marks. Codex has one file for all projects, ~/.codex/config.toml. All else in these files stays as it is, to the byte, and no secret goes into any.

A second run changes nothing. A file that cannot be edited safely is left alone and named, the others are done, and the exit code is 2. What was put in is on record beside the audit trail, for --undo; where a file was edited since, --undo takes out what is scrim's and leaves the rest. Exit code 4: the answer was no.`
}

// Validate refuses clients that scrim does not know.
func (i *InitCmd) Validate() error {
	for _, id := range i.Client {
		if _, ok := clientNamed(id); !ok {
			return fmt.Errorf("--client knows %s", clientNames())
		}
	}
	return nil
}

// Run plans, shows the plan, asks, and does it.
func (i *InitCmd) Run(c *cli) error {
	ask := newQuestions(c)
	s, err := newSite(c)
	if err != nil {
		return err
	}
	plan, err := i.plan(c, s, ask)
	if err != nil {
		return err
	}
	for _, f := range plan {
		if _, err := fmt.Fprint(c.stdout, f.difference()); err != nil {
			return fmt.Errorf("show what would change: %w", err)
		}
	}
	problems := plan.talk(c)
	if !plan.changes() {
		fmt.Fprintln(c.stderr, map[bool]string{false: "Nothing to change.", true: "Nothing to take back."}[i.Undo])
		if i.DryRun {
			return problems
		}
		if err := plan.note(s, i.Undo); err != nil {
			return err
		}
		return problems
	}
	switch {
	case i.DryRun:
		fmt.Fprintln(c.stderr, "Nothing was changed (--dry-run).")
		return problems
	case i.Yes:
	case !ask.possible():
		fmt.Fprintln(c.stderr, "scrim: nothing was changed, since there is no terminal to ask on: add --yes")
		return errUsage
	default:
		yes, err := ask.yes("Make these changes?")
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintln(c.stderr, "Nothing was changed.")
			return errNotApproved
		}
	}
	if err := i.do(c, s, plan); err != nil {
		return err
	}
	return problems
}

// plan decides what to do to which file.
func (i *InitCmd) plan(c *cli, s site, ask *questions) (plan, error) {
	if i.Undo {
		return i.undoPlan(c, s), nil
	}
	settings, err := i.settings(c, s, ask)
	if err != nil {
		return nil, err
	}
	return i.initPlan(c, s, settings)
}

// do changes the files. One that cannot be changed does not keep it from the
// others.
func (i *InitCmd) do(c *cli, s site, files plan) error {
	var failed error
	var done []string
	for _, f := range files {
		if len(f.edits) == 0 && !f.remove {
			continue
		}
		if err := f.change(s, i.Undo); err != nil {
			sayProblem(c, f.shown, err)
			failed = errUsage
			continue
		}
		done = append(done, f.shown)
	}
	if len(done) > 0 {
		fmt.Fprint(c.stderr, wrapped("Changed "+strings.Join(done, ", ")+"."))
	}
	if err := files.note(s, i.Undo); err != nil {
		return err
	}
	if len(done) > 0 && !i.Undo {
		fmt.Fprintln(c.stderr, "Try: scrim list. Restart the client, so that it starts scrim.\nTo take it back: scrim init --undo")
	}
	return failed
}

// site is where init works.
type site struct {
	dir    string // the working directory
	root   string // of the repository, without links
	home   string
	ledger *ledger.Ledger
}

func newSite(c *cli) (site, error) {
	dir, err := os.Getwd()
	if err != nil {
		return site{}, fmt.Errorf("find the working directory: %w", err)
	}
	s := site{dir: dir}
	s.home, _ = os.UserHomeDir() // empty is a case of its own
	if s.root, err = filepath.EvalSymlinks(s.findRoot()); err != nil {
		return site{}, fmt.Errorf("find the repository: %w", err)
	}
	trail := audit.DefaultPath(c.getenv, s.home)
	if trail == "" {
		return site{}, usageError("nothing says where a record of the changes can lie: set HOME or XDG_STATE_HOME")
	}
	s.ledger, err = ledger.Open(filepath.Join(filepath.Dir(trail), "init.json"))
	return s, err
}

// findRoot returns the nearest folder at or above the working directory that
// has a scrim.toml or a .git, and is not the home directory; else the working
// directory.
func (s site) findRoot() string {
	for dir := s.dir; dir != s.home && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		for _, name := range []string{settingsFile, ".git"} {
			if there(filepath.Join(dir, name)) {
				return dir
			}
		}
	}
	return s.dir
}

func there(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// file returns a client's file.
func (s site) file(c *cli, client setup.Client) (file ledger.File, shown string, err error) {
	if client.Home == "" {
		file, err = ledger.In(s.root, client.File)
		return file, client.File, err
	}
	folder, shown := filepath.Join(s.home, client.Home), "~/"+client.Home
	if named := c.getenv(client.HomeVar); filepath.IsAbs(named) {
		folder, shown = named, named
	}
	shown += "/" + client.File
	if folder == client.Home {
		return ledger.File{}, shown, usageError("nothing says where it lies: set HOME")
	}
	file, err = ledger.Own(filepath.Join(folder, client.File))
	return file, shown, err
}

// modes of files that are new.
const (
	sharedMode fs.FileMode = 0o644
	ownMode    fs.FileMode = 0o600
)

func clientNamed(id string) (setup.Client, bool) {
	for _, client := range setup.Clients() {
		if client.ID == id {
			return client, true
		}
	}
	return setup.Client{}, false
}

func clientNames() string {
	var names []string
	for _, client := range setup.Clients() {
		names = append(names, client.ID)
	}
	return strings.Join(names, ", ")
}
