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
	"unicode"
	"unicode/utf8"

	"scrim/internal/config"
	"scrim/internal/ledger"
	"scrim/internal/setup"
	"scrim/tools"
)

const settingsFile = "scrim.toml"

// planned is what is to be done to one file.
type planned struct {
	shown  string // its name for people
	file   ledger.File
	before []byte
	exists bool
	edits  []setup.Edit
	remove bool // rather than edit
	mode   fs.FileMode
	note   string // what a person should know
	own    bool   // it is the user's, for all repositories
	err    error  // why it is left alone
}

// plan is all that is to be done, in order.
type plan []planned

func (p plan) changes() bool {
	return slices.ContainsFunc(p, func(f planned) bool { return len(f.edits) > 0 || f.remove })
}

// talk says what a person should know, and returns errUsage where a file is
// left alone.
func (p plan) talk(c *cli) error {
	var problems error
	for _, f := range p {
		if f.note != "" {
			fmt.Fprint(c.stderr, wrapped(f.shown+": "+f.note))
		}
		if f.err != nil {
			sayProblem(c, f.shown, f.err)
			problems = errUsage
		}
	}
	return problems
}

// sayProblem says why a file is left alone.
func sayProblem(c *cli, shown string, err error) {
	text := "scrim: " + shown + ": " + cause(err).Error()
	if _, ok := errors.AsType[*setup.PositionError](err); ok {
		text = "scrim: " + shown + ":" + err.Error() // which begins with the line
	} else if errors.Is(err, fs.ErrPermission) {
		text += ": check its permissions, and those of its folder"
	}
	fmt.Fprint(c.stderr, wrapped(text))
}

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

// fill reads the file and plans the edits.
func (f *planned) fill(edit func([]byte) (setup.Change, error)) {
	if f.err == nil {
		f.before, f.exists, f.err = f.file.Read()
	}
	if f.err != nil {
		return
	}
	change, err := edit(f.before)
	f.edits, f.note, f.err = change.Edits, change.Note, err
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

// undoPlan plans how everything goes back.
func (i *InitCmd) undoPlan(c *cli, s site) plan {
	p := plan{s.back(settingsFile, nil, settingsBare)}
	for _, client := range setup.Clients() {
		named := slices.Contains(i.Client, client.ID)
		if len(i.Client) > 0 && !named {
			continue
		}
		file, shown, err := s.file(c, client)
		if client.Home != "" && !named && (err != nil || !s.ledger.Knows(file)) {
			continue // it is for all projects, and none of init's making
		}
		f := planned{shown: shown, file: file, own: client.Home != "", err: err}
		if f.own && !named && s.othersUse(file) {
			f.note = "other repositories rely on it, so it stays: --client " + client.ID + " takes it out"
			p = append(p, f)
			continue
		}
		f.undo(s, client.Unregister, client.Bare)
		p = append(p, f)
	}
	seen := map[string]bool{}
	for _, name := range instructionFiles() {
		f := s.back(name, setup.Unteach, settingsBare)
		if f.err != nil || !seen[f.file.Path] {
			p = append(p, f)
		}
		seen[f.file.Path] = true
	}
	return p
}

// othersUse reports whether another repository that is still set up relies on a
// file.
func (s site) othersUse(file ledger.File) bool {
	return slices.ContainsFunc(s.ledger.Others(file, s.root), func(root string) bool { return there(filepath.Join(root, settingsFile)) })
}

// note puts on record which files for all repositories this one relies on, or
// relies on no more.
func (p plan) note(s site, undo bool) error {
	for _, f := range p {
		if !f.own || f.err != nil {
			continue
		}
		put := s.ledger.Join
		if undo {
			put = s.ledger.Leave
		}
		if err := put(f.file, s.root); err != nil {
			return err
		}
	}
	return nil
}

// settingsBare reports whether a text says nothing.
func settingsBare(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// back plans how a file of the repository goes back.
func (s site) back(name string, takeOut func([]byte) (setup.Change, error), bare func([]byte) bool) planned {
	file, err := ledger.In(s.root, name)
	f := planned{shown: name, file: file, err: err}
	f.undo(s, takeOut, bare)
	return f
}

// undo plans how f goes back to what it was, or where somebody edited it since,
// loses what is scrim's. What init has no record of is only taken out by
// takeOut, which may be nil.
func (f *planned) undo(s site, takeOut func([]byte) (setup.Change, error), bare func([]byte) bool) {
	if f.err == nil {
		f.before, f.exists, f.err = f.file.Read()
	}
	if f.err != nil || !f.exists {
		return
	}
	back := s.ledger.Before(f.file, f.before)
	if back.Exact {
		f.edits, f.remove = back.Edits, back.Removed
		return
	}
	known := s.ledger.Knows(f.file)
	var change setup.Change
	kept := false
	switch {
	case takeOut != nil:
		change, f.err = takeOut(back.Data)
	case known:
		var ok bool
		change, ok = setup.Withdraw(back.Data, back.Rest)
		kept = !ok
	default:
		kept = true
	}
	if f.err != nil {
		return
	}
	after := setup.Apply(back.Data, change.Edits)
	f.edits = change.Edits
	if len(back.Edits) > 0 { // as far as the record leads, and then further
		f.edits = setup.Difference(f.before, after)
	}
	switch {
	case kept && known:
		f.note = "edited since init: what that changed stays"
	case kept:
		f.note = "not of init's making here, and kept"
	case len(f.edits) == 0:
	case known:
		f.note = "edited since init: what is scrim's goes, the rest stays"
	default:
		f.note = "init has no record of it here: what is scrim's goes, the rest stays"
	}
	f.remove = len(f.edits) > 0 && s.ledger.Created(f.file) && bare(after)
}

// change does what is planned.
func (f planned) change(s site, undo bool) error {
	if undo {
		return s.ledger.Undo(f.file, f.before, setup.Apply(f.before, f.edits), f.remove)
	}
	return s.ledger.Change(f.file, f.before, f.exists, f.edits, f.mode)
}

// difference shows what goes into the file and out of it, and nothing of what
// stands around that, since a client's file can hold other servers' secrets.
func (f planned) difference() string {
	if len(f.edits) == 0 && !f.remove {
		return ""
	}
	var b strings.Builder
	b.WriteString(f.shown)
	switch {
	case f.remove:
		b.WriteString(" (goes)")
	case !f.exists:
		b.WriteString(" (new)")
	}
	b.WriteByte('\n')
	for _, e := range f.edits {
		if f.exists {
			fmt.Fprintf(&b, "@@ line %d @@\n", bytes.Count(f.before[:e.Offset], []byte("\n"))+1)
		}
		f.lines(&b, "-", e, e.Old)
		f.lines(&b, "+", e, e.New)
	}
	return b.String()
}

// lines shows a part of a text. What stands before and behind it on its lines is
// an ellipsis.
func (f planned) lines(b *strings.Builder, sign string, e setup.Edit, part []byte) {
	if len(part) == 0 {
		return
	}
	text := strings.Map(shownRune, strings.ReplaceAll(string(part), "\r\n", "\n"))
	if e.Offset > 0 && f.before[e.Offset-1] != '\n' {
		if rest, ok := strings.CutPrefix(text, "\n"); ok {
			text = rest
		} else {
			text = "…" + text
		}
	}
	rest := f.before[e.Offset+len(e.Old):]
	if !strings.HasSuffix(text, "\n") {
		if len(rest) > 0 && rest[0] != '\n' && rest[0] != '\r' {
			text += "…"
		}
		text += "\n"
	}
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(sign+" "+line, " \n") + "\n")
	}
}

// shownRune returns what a terminal may be given of a text that somebody else
// may have edited: no controls, and nothing that changes how the rest is seen.
func shownRune(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
