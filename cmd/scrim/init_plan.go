package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"scrim/internal/config"
	"scrim/internal/ledger"
	"scrim/internal/setup"
	"scrim/tools"
)

const settingsFile = "scrim.toml"

// settings are what scrim.toml is to say, from flags, from what is stated
// already, and from whoever can be asked.
func (i *InitCmd) settings(c *cli, s site, ask *questions) (setup.Settings, error) {
	flags := config.Flags{Project: i.Project, ProjectID: i.ProjectID, Env: i.Env}
	stated, err := config.ReadStated(config.Input{Getenv: withoutConfigVar(c.getenv), Dir: s.root, Home: s.home, Flags: flags})
	if err != nil {
		return setup.Settings{}, err
	}
	settings := setup.Settings{Project: i.Project, ProjectID: i.ProjectID, Environment: i.Env}
	if stated.RepoFile == filepath.Join(s.root, settingsFile) {
		if stated.Project.InFile {
			return settings, nil // a file that is there gets what flags add
		}
	} else {
		settings.ProjectID = stated.ProjectID.Value
	}
	settings.Project = stated.Project.Value
	if stated.ProjectID.FromInfisical() {
		settings.ProjectID, settings.IDFrom = "", ".infisical.json"
	}
	if !i.Yes && !i.DryRun && ask.possible() {
		return i.asked(s, ask, settings)
	}
	if settings.Project == "" {
		return settings, usageError("nothing says which project this is: add --project NAME")
	}
	return settings, nil
}

// withoutConfigVar hides SCRIM_CONFIG, since init is about the repository.
func withoutConfigVar(getenv func(string) string) func(string) string {
	return func(name string) string {
		if name == "SCRIM_CONFIG" {
			return ""
		}
		return getenv(name)
	}
}

// asked completes settings with what a person answers.
func (i *InitCmd) asked(s site, ask *questions, settings setup.Settings) (setup.Settings, error) {
	var err error
	if i.Project == "" {
		otherwise := settings.Project
		if otherwise == "" {
			otherwise = projectNameOf(s.root)
		}
		settings.Project, err = ask.text("Project", otherwise, func(answer string) error {
			if answer == "" {
				return usageError("it needs a name, such as alpha")
			}
			return config.CheckFlags(config.Flags{Project: answer})
		})
		if err != nil {
			return settings, err
		}
	}
	if settings.ProjectID == "" && settings.IDFrom == "" {
		settings.ProjectID, err = ask.text("Infisical project id, in the project's settings there (Enter for later)", "", func(answer string) error {
			return config.CheckFlags(config.Flags{ProjectID: answer})
		})
		if err != nil {
			return settings, err
		}
	}
	if i.Env == "" {
		settings.Environment, err = ask.text("Environment where nothing else states one (Enter for none)", "", func(answer string) error {
			return config.CheckFlags(config.Flags{Env: answer})
		})
	}
	return settings, err
}

// projectNameOf returns the folder's name as that of a project.
func projectNameOf(folder string) string {
	name := regexp.MustCompile(`[^a-z0-9_-]+`).ReplaceAllString(strings.ToLower(filepath.Base(folder)), "-")
	return strings.Trim(name[:min(len(name), 64)], "-")
}

// initPlan plans what init puts into which file.
func (i *InitCmd) initPlan(c *cli, s site, settings setup.Settings) (plan, error) {
	starts, err := findStarts()
	if err != nil {
		return nil, err
	}
	var p plan
	p = append(p, s.inRoot(settingsFile, func(data []byte) (setup.Change, error) { return setup.Configure(data, settings) }))
	clients := i.clients(c, s)
	p = append(p, s.registrations(c, starts, clients)...)
	if len(clients) == 0 {
		p[0].note = "no MCP client was found: name one with --client, of " + clientNames()
	}
	return append(p, s.teaching()...), nil
}

// registrations plans what makes clients start scrim.
func (s site) registrations(c *cli, starts starts, clients []setup.Client) plan {
	var p plan
	for _, client := range clients {
		file, shown, err := s.file(c, client)
		f := planned{shown: shown, file: file, mode: sharedMode, err: err}
		server := starts.shared()
		if client.Home != "" {
			f.mode, f.own, server = ownMode, true, starts.own()
		}
		f.fill(func(data []byte) (setup.Change, error) { return client.Register(data, server) })
		p = append(p, f)
	}
	return p
}

// inRoot plans for a file of the repository.
func (s site) inRoot(name string, edit func([]byte) (setup.Change, error)) planned {
	file, err := ledger.In(s.root, name)
	f := planned{shown: name, file: file, mode: sharedMode, err: err}
	f.fill(edit)
	return f
}

// instructionFiles are what agents read in a repository.
func instructionFiles() []string { return []string{"AGENTS.md", "CLAUDE.md"} }

// teaching plans the instructions for agents.
func (s site) teaching() plan {
	teach := func(data []byte) (setup.Change, error) { return setup.Teach(data, tools.Guide()) }
	agents := s.inRoot("AGENTS.md", teach)
	claude := s.inRoot("CLAUDE.md", teach)
	switch {
	case claude.err == nil && !claude.exists, claude.file.Path != "" && claude.file.Path == agents.file.Path:
		return plan{agents}
	case claude.err == nil && agents.err == nil && imports(claude.before):
		return plan{agents}
	}
	return plan{agents, claude}
}

// imports reports whether a CLAUDE.md takes in AGENTS.md as a whole.
func imports(data []byte) bool {
	for line := range bytes.Lines(data) {
		if name := strings.TrimSpace(string(line)); name == "@AGENTS.md" || name == "@./AGENTS.md" {
			return true
		}
	}
	return false
}

// clients returns those to register with: the named ones, or those that left
// traces.
func (i *InitCmd) clients(c *cli, s site) []setup.Client {
	return slices.DeleteFunc(setup.Clients(), func(client setup.Client) bool {
		if len(i.Client) > 0 {
			return !slices.Contains(i.Client, client.ID)
		}
		return !s.hasTraces(c, client)
	})
}

func (s site) hasTraces(c *cli, client setup.Client) bool {
	if _, err := exec.LookPath(client.Program); err == nil {
		return true
	}
	if client.HomeVar != "" && c.getenv(client.HomeVar) != "" {
		return true
	}
	return slices.ContainsFunc(client.Traces, func(trace string) bool {
		if own, ok := strings.CutPrefix(trace, "~/"); ok {
			return s.home != "" && there(filepath.Join(s.home, own))
		}
		return there(filepath.Join(s.root, trace))
	})
}

// starts are the ways to start this scrim.
type starts struct {
	path   string // absolute
	onPath bool
}

// findStarts looks for the running program. The path under which PATH finds it
// outlives an upgrade, so it goes before the program's own.
func findStarts() (starts, error) {
	path, err := os.Executable()
	if err != nil {
		return starts{}, fmt.Errorf("find the path of scrim: %w", err)
	}
	found, err := exec.LookPath(setup.Name)
	if err == nil && sameFile(found, path) {
		if path, err = filepath.Abs(found); err != nil {
			return starts{}, fmt.Errorf("find the path of scrim: %w", err)
		}
	}
	if !utf8.ValidString(path) {
		return starts{}, usageError("the path of scrim is not UTF-8, and no client could be told: install it elsewhere")
	}
	return starts{path: path, onPath: err == nil}, nil
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// shared is what a file says that others use too.
func (f starts) shared() setup.Server {
	if f.onPath {
		return setup.Server{Command: setup.Name, Others: []string{f.path}, Gone: gone}
	}
	return f.own()
}

// own is what a file of the user's own says.
func (f starts) own() setup.Server { return setup.Server{Command: f.path, Gone: gone} }

// gone reports whether nothing is at path.
func gone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}
