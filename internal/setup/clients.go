package setup

import (
	"path/filepath"
	"slices"
	"strings"
)

// Name is the name under which scrim is registered.
const Name = "scrim"

// Server is how clients start scrim.
type Server struct {
	Command string                 // what a new entry says
	Others  []string               // commands that are as good where an entry has one
	Gone    func(path string) bool // reports that nothing is at an absolute path any more
}

// args are the arguments of the command.
func args() []string { return []string{"serve"} }

// Client is a program that starts MCP servers, and the file that it reads of
// them.
type Client struct {
	ID      string   // as a person types it
	Title   string   // as its maker writes it
	File    string   // slash-separated; below the repository, or below Home
	Home    string   // where File is the user's own: its folder below the home directory
	HomeVar string   // a variable that names another folder than Home
	Program string   // its command
	Traces  []string // what is in a repository, or in a home directory after ~/, that uses it
	format  format
}

// format is how a client's file is written.
type format interface {
	register(data []byte, s Server) (Change, error)
	unregister(data []byte) (Change, error)
	bare(data []byte) bool
}

// Clients lists the clients that scrim knows.
func Clients() []Client {
	return []Client{
		{
			ID: "claude-code", Title: "Claude Code", File: ".mcp.json", Program: "claude",
			Traces: []string{".mcp.json", ".claude", "CLAUDE.md", "~/.claude", "~/.claude.json"},
			format: jsonFile{section: "mcpServers"},
		},
		{
			ID: "codex", Title: "Codex", File: "config.toml", Home: ".codex", HomeVar: "CODEX_HOME", Program: "codex",
			Traces: []string{"~/.codex"}, format: tomlFile{},
		},
		{
			ID: "cursor", Title: "Cursor", File: ".cursor/mcp.json", Program: "cursor",
			Traces: []string{".cursor", "~/.cursor"}, format: jsonFile{section: "mcpServers", comments: true},
		},
		{
			ID: "vscode", Title: "VS Code", File: ".vscode/mcp.json", Program: "code",
			Traces: []string{".vscode"}, format: jsonFile{section: "servers", comments: true, typed: true},
		},
		{
			ID: "gemini", Title: "Gemini CLI", File: ".gemini/settings.json", Program: "gemini",
			Traces: []string{".gemini", "~/.gemini"}, format: jsonFile{section: "mcpServers", comments: true},
		},
	}
}

// Register returns what makes the client's file, nil where there is none, start
// scrim. It is nothing where the file does so already. What it refuses is a
// *PositionError.
func (c Client) Register(data []byte, s Server) (Change, error) { return c.format.register(data, s) }

// Unregister returns what takes scrim out of the client's file.
func (c Client) Unregister(data []byte) (Change, error) { return c.format.unregister(data) }

// Bare reports whether data says nothing any more.
func (c Client) Bare(data []byte) bool { return c.format.bare(data) }

// entry is what a file says under Name.
type entry struct {
	command string
	args    []string
	env     []string // names
	whole   bool     // false where it is not written as clients want it
}

// serves reports whether the entry runs scrim, wherever it is.
func (e entry) serves() bool {
	return e.whole && slices.Equal(e.args, args()) && isScrim(e.command)
}

// isScrim reports whether a command is called scrim, without a path or with an
// absolute one. A path that is relative runs what a repository holds.
func isScrim(command string) bool {
	base := strings.TrimSuffix(command[strings.LastIndexAny(command, `/\`)+1:], ".exe")
	return base == Name && (base == strings.TrimSuffix(command, ".exe") || isAbsolute(command))
}

// isAbsolute is filepath.IsAbs for paths of any system, since a file can come
// from another one.
func isAbsolute(path string) bool {
	drive := len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
	return filepath.IsAbs(path) || strings.HasPrefix(path, "/") || drive
}

// verdict is what becomes of an entry that is there.
type verdict int

const (
	foreign verdict = iota // it runs something else
	kept                   // it runs this scrim
	moved                  // it runs a scrim that is no longer there
)

func (e entry) verdict(s Server) verdict {
	switch {
	case !e.serves():
		return foreign
	case e.command == s.Command, e.command == Name, slices.Contains(s.Others, e.command):
		return kept
	case isAbsolute(e.command) && s.Gone != nil && s.Gone(e.command):
		return moved
	default:
		return foreign
	}
}

// note says what else an entry sets, by name, as a person should look at it: a
// variable there can point scrim at another site.
func (e entry) note() string {
	if len(e.env) == 0 {
		return ""
	}
	return "its entry for scrim also sets variables: check that you want them"
}

const (
	foreignProblem = "a server called scrim stands here that runs something else than this scrim"
	foreignNext    = "remove or rename it, then run this again"
)
