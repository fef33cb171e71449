package tools_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrim/tools"
)

// TestDesignListsEveryField holds the table of the design to what the tools take
// and answer, field by field.
func TestDesignListsEveryField(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "design.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, " | "); len(cells) == 3 {
			rows[strings.Trim(cells[0], "|` ")] = line
		}
	}
	for _, tool := range tools.All(tools.Deps{}) {
		for _, raw := range []json.RawMessage{tool.Tool.RawInputSchema, tool.Tool.RawOutputSchema} {
			for _, name := range properties(t, raw) {
				if name != "code" && name != "message" && name != "next_step" && !listed(rows[tool.Tool.Name], name) {
					t.Errorf("docs/design.md: the row of %s has no %s", tool.Tool.Name, name)
				}
			}
		}
	}
}

// properties returns the names of a schema's properties, those of inner ones too.
func properties(t *testing.T, raw json.RawMessage) []string {
	t.Helper()
	var schema struct {
		Properties map[string]json.RawMessage
		Items      json.RawMessage
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, inner := range schema.Properties {
		names = append(append(names, name), properties(t, inner)...)
	}
	if len(schema.Items) > 0 {
		names = append(names, properties(t, schema.Items)...)
	}
	return names
}

func listed(row, name string) bool {
	for word := range strings.FieldsFuncSeq(row, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) {
		if word == name {
			return true
		}
	}
	return false
}
