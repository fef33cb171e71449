package setup

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// tomlFile is Codex's configuration: a table for each server.
type tomlFile struct{}

const serversTable = "mcp_servers"

func (f tomlFile) register(data []byte, s Server) (Change, error) {
	document, err := parseTOML(data)
	if err != nil {
		return Change{}, err
	}
	if existing, ok := document.server(); ok {
		return f.update(data, document, existing, s)
	}
	list := make([]string, 0, len(args()))
	for _, argument := range args() {
		list = append(list, quoted(argument))
	}
	block := "[" + serversTable + "." + Name + "]\ncommand = " + quoted(s.Command) + "\nargs = [" + strings.Join(list, ", ") + "]\n"
	return f.checked(data, Change{Edits: []Edit{appended(data, block)}}, s.Command)
}

// checked makes sure that the edits leave a text that Codex can read, with
// command under Name, or without an entry where command is "".
func (f tomlFile) checked(data []byte, change Change, command string) (Change, error) {
	after, err := parseTOML(Apply(data, change.Edits))
	if err == nil {
		existing, ok := after.server()
		if ok == (command != "") && existing.command == command {
			return change, nil
		}
	}
	return Change{}, positionError(data, 0, "this file cannot be edited safely, since "+serversTable+" is not written as tables", "edit the entry for scrim by hand")
}

func (f tomlFile) update(data []byte, document tomlDocument, existing entry, s Server) (Change, error) {
	verdict := existing.verdict(s)
	if verdict == kept {
		return Change{Note: existing.note()}, nil
	}
	if verdict == moved {
		for _, e := range document.expressions {
			if !e.header && slices.Equal(e.key, []string{serversTable, Name, "command"}) {
				edit := Edit{Offset: e.value[0], Old: bytes.Clone(data[e.value[0]:e.value[1]]), New: []byte(quoted(s.Command))}
				return f.checked(data, Change{Edits: []Edit{edit}, Note: existing.note()}, s.Command)
			}
		}
	}
	return Change{}, positionError(data, document.place(), foreignProblem, foreignNext)
}

// unregister takes out the table, and the tables below it.
func (f tomlFile) unregister(data []byte) (Change, error) {
	document, err := parseTOML(data)
	if err != nil {
		return Change{}, err
	}
	existing, ok := document.server()
	if !ok {
		return Change{}, nil
	}
	if !existing.serves() {
		return Change{}, positionError(data, document.place(), foreignProblem, "remove it by hand if it is not wanted")
	}
	var edits []Edit
	for _, block := range document.blocks(data) {
		edits = append(edits, cut(data, block[0], block[1]))
	}
	return f.checked(data, Change{Edits: edits}, "")
}

func (f tomlFile) bare(data []byte) bool { return blank(data) }

// tomlDocument is a TOML text with what it says of servers.
type tomlDocument struct {
	values      map[string]any
	expressions []expression
}

// expression is a key with a value, or the header of a table.
type expression struct {
	key        []string // whole, with that of its table
	header     bool
	start, end int    // of the key, or of the header; a value's end
	value      [2]int // from start to end
}

// ours reports whether the expression is of the entry for scrim.
func (e expression) ours() bool {
	return len(e.key) >= 2 && e.key[0] == serversTable && e.key[1] == Name
}

// parseTOML reads data, and finds where its expressions are.
func parseTOML(data []byte) (tomlDocument, error) {
	start := bodyStart(data)
	document := tomlDocument{}
	if err := toml.Unmarshal(data[start:], &document.values); err != nil {
		return tomlDocument{}, tomlError(data, err)
	}
	var parser unstable.Parser
	parser.Reset(data[start:])
	var table []string
	for parser.NextExpression() {
		e := expressionOf(parser.Expression(), start, table)
		if e.header {
			table = e.key
		}
		document.expressions = append(document.expressions, e)
	}
	if parser.Error() != nil {
		return tomlDocument{}, tomlError(data, parser.Error())
	}
	return document, nil
}

func expressionOf(n *unstable.Node, start int, table []string) expression {
	e := expression{header: n.Kind != unstable.KeyValue, key: slices.Clone(table)}
	if e.header {
		e.key = nil
	}
	first := true
	for it := n.Key(); it.Next(); {
		part := it.Node()
		if first {
			e.start, first = start+int(part.Raw.Offset), false
		}
		e.end = start + int(part.Raw.Offset+part.Raw.Length)
		e.key = append(e.key, string(part.Data))
	}
	if !e.header {
		value := n.Value().Raw
		e.value = [2]int{start + int(value.Offset), start + int(value.Offset+value.Length)}
		e.end = start + int(n.Raw.Offset+n.Raw.Length)
	}
	return e
}

// tomlError says where data is not TOML, without the library's words, which can
// quote it.
func tomlError(data []byte, err error) error {
	result := positionError(data, 0, "this is not valid TOML", "correct the file, then run this again")
	if decoding, ok := errors.AsType[*toml.DecodeError](err); ok {
		result.Line, result.Column = decoding.Position()
	}
	return result
}

// server returns what the document says of scrim.
func (d tomlDocument) server() (entry, bool) {
	servers, _ := d.values[serversTable].(map[string]any)
	value, ok := servers[Name]
	if !ok {
		return entry{}, false
	}
	table, ok := value.(map[string]any)
	if !ok {
		return entry{}, true
	}
	e := entry{whole: true}
	e.command, e.whole = table["command"].(string)
	list, ok := table["args"].([]any)
	e.whole = e.whole && ok
	for _, argument := range list {
		text, ok := argument.(string)
		e.whole = e.whole && ok
		e.args = append(e.args, text)
	}
	if env, ok := table["env"].(map[string]any); ok {
		for name := range env {
			e.env = append(e.env, name)
		}
	}
	return e, true
}

// place returns where the entry for scrim begins.
func (d tomlDocument) place() int {
	for _, e := range d.expressions {
		if e.ours() {
			return e.start
		}
	}
	return 0
}

// blocks returns the lines that say something of scrim, from a header to the
// last value below it. Comments that follow belong to what is next.
func (d tomlDocument) blocks(data []byte) [][2]int {
	var blocks [][2]int
	open := false
	for _, e := range d.expressions {
		switch {
		case !e.ours():
			open = false
		case open:
			blocks[len(blocks)-1][1] = lineEnd(data, e.end)
		default:
			blocks = append(blocks, [2]int{lineStart(data, e.start), lineEnd(data, e.end)})
			open = true
		}
	}
	return blocks
}
