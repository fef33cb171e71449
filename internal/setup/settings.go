package setup

import (
	"bytes"
	"slices"
)

// Settings is what scrim.toml says. An empty one is not stated.
type Settings struct {
	Project     string
	ProjectID   string
	Environment string
	IDFrom      string // where else the project id comes from, for people
}

// settingsHead says what the file is, in a file that is new.
const settingsHead = "# Which secrets scrim shows here. This file holds none, and can be committed.\n"

// Configure returns what makes scrim.toml say settings. A file that is there
// gets what it lacks; where it says something else, that stands.
func Configure(data []byte, settings Settings) (Change, error) {
	document, err := parseTOML(data)
	if err != nil {
		return Change{}, err
	}
	if blank(data) {
		return Change{Edits: []Edit{{Offset: len(data), New: []byte(settings.text())}}}, nil
	}
	newline := newlineOf(data)
	var top, bottom string
	for _, s := range []struct{ name, value string }{{"project", settings.Project}, {"project_id", settings.ProjectID}} {
		needed, err := document.lacks(data, s.value, s.name)
		if err != nil {
			return Change{}, err
		}
		if needed {
			top += s.name + " = " + quoted(s.value) + newline
		}
	}
	needed, err := document.lacks(data, settings.Environment, "env", "default")
	if err != nil {
		return Change{}, err
	}
	if needed {
		bottom = "[env]\ndefault = " + quoted(settings.Environment) + "\n"
	}
	var edits []Edit
	if top != "" {
		edits = append(edits, Edit{Offset: document.top(data), New: []byte(top)})
	}
	if bottom != "" {
		edits = append(edits, appended(data, bottom))
	}
	if _, err := parseTOML(Apply(data, edits)); err != nil {
		return Change{}, positionError(data, 0, "this file cannot be edited safely", "write project, project_id and [env] default by hand")
	}
	return Change{Edits: edits}, nil
}

// lacks reports whether value is stated and the document has nothing at key.
func (d tomlDocument) lacks(data []byte, value string, key ...string) (bool, error) {
	if value == "" {
		return false, nil
	}
	there := any(d.values)
	for _, part := range key {
		table, ok := there.(map[string]any)
		if !ok {
			return true, nil // and the edit will not parse
		}
		if there, ok = table[part]; !ok {
			return true, nil
		}
	}
	if there == any(value) {
		return false, nil
	}
	for _, e := range d.expressions {
		if slices.Equal(e.key, key) {
			return false, positionError(data, e.start, "the file says something else than was asked for", "change it there, or leave the flag out")
		}
	}
	return false, positionError(data, 0, "the file says something else than was asked for", "change it there, or leave the flag out")
}

// top returns where keys of the root can be put: before its first one, or else
// before everything.
func (d tomlDocument) top(data []byte) int {
	if len(d.expressions) > 0 && !d.expressions[0].header {
		return max(lineStart(data, d.expressions[0].start), bodyStart(data))
	}
	return bodyStart(data)
}

// text returns a new scrim.toml.
func (s Settings) text() string {
	var b bytes.Buffer
	b.WriteString(settingsHead)
	b.WriteString("project = " + quoted(s.Project) + "\n")
	switch {
	case s.ProjectID != "":
		b.WriteString("project_id = " + quoted(s.ProjectID) + "\n")
	case s.IDFrom != "":
		b.WriteString("# project_id comes from " + s.IDFrom + "\n")
	default:
		b.WriteString("# project_id = \"the id that Infisical shows in the project's settings\"\n")
	}
	if s.Environment != "" {
		b.WriteString("\n[env]\ndefault = " + quoted(s.Environment) + "\n")
	}
	return b.String()
}

// Withdraw returns what takes the text of edits out of data again, where data
// was edited since: what was added, wherever it stands now in one piece.
func Withdraw(data []byte, edits []Edit) (Change, bool) {
	var cuts []Edit
	for _, e := range edits {
		at := bytes.Index(data, e.New)
		if len(e.Old) > 0 || at < 0 || bytes.Count(data, e.New) > 1 {
			return Change{}, false
		}
		cuts = append(cuts, cut(data, at, at+len(e.New)))
	}
	slices.SortFunc(cuts, func(a, b Edit) int { return a.Offset - b.Offset })
	for i := range cuts[:max(len(cuts)-1, 0)] {
		if cuts[i].Offset+len(cuts[i].Old) > cuts[i+1].Offset {
			return Change{}, false
		}
	}
	return Change{Edits: cuts}, true
}
