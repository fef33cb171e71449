package tools_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"scrim/tools"
)

var update = flag.Bool("update", false, "write the golden schemas anew")

// TestGoldenSchemas holds each tool to what clients were told of it: names,
// arguments and fields are public interface.
func TestGoldenSchemas(t *testing.T) {
	t.Parallel()
	golden, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.All(tools.Deps{}) {
		var got bytes.Buffer
		raw, err := json.Marshal(tool.Tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&got, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteByte('\n')
		path := filepath.Join("testdata", tool.Tool.Name+".json")
		golden = slices.DeleteFunc(golden, func(p string) bool { return p == path })
		if *update {
			if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v: run go test ./tools -update", err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s changed (-golden +now):\n%s", tool.Tool.Name, diff)
		}
	}
	if len(golden) > 0 && !*update {
		t.Errorf("golden files without a tool: %v", golden)
	}
}

// TestEveryTool holds all tools to what an agent may rely on.
func TestEveryTool(t *testing.T) {
	t.Parallel()
	releasing := []string{"get_vault_secret", "run_with_vault_secrets"}
	for _, tool := range tools.All(tools.Deps{}) {
		name := tool.Tool.Name
		if !regexp.MustCompile(`^[a-z_]+$`).MatchString(name) || tool.Tool.Title == "" || len(tool.Tool.Description) < 40 {
			t.Errorf("%s: name, title or description", name)
		}
		for _, hint := range []*bool{tool.Tool.Annotations.ReadOnlyHint, tool.Tool.Annotations.DestructiveHint, tool.Tool.Annotations.IdempotentHint, tool.Tool.Annotations.OpenWorldHint} {
			if hint == nil {
				t.Errorf("%s: an annotation is left to the client's guess", name)
			}
		}
		asks := tool.Tool.Meta != nil && tool.Tool.Meta.AdditionalFields["anthropic/requiresUserInteraction"] == true
		if asks != slices.Contains(releasing, name) {
			t.Errorf("%s: requiresUserInteraction is %t", name, asks)
		}
		if *tool.Tool.Annotations.ReadOnlyHint == slices.Contains(releasing, name) {
			t.Errorf("%s: readOnlyHint", name)
		}
		for kind, raw := range map[string]json.RawMessage{"input": tool.Tool.RawInputSchema, "output": tool.Tool.RawOutputSchema} {
			checkSchema(t, name+" "+kind, raw)
		}
	}
}

func checkSchema(t *testing.T, name string, raw json.RawMessage) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if _, err := compiler.Compile(name); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	top, ok := document.(map[string]any)
	if !ok || top["type"] != "object" || top["additionalProperties"] != false {
		t.Errorf("%s: not a closed object", name)
	}
}

// TestNoFieldIsAValue keeps a field that could carry a value out of everything
// but the one tool that releases one.
func TestNoFieldIsAValue(t *testing.T) {
	t.Parallel()
	for _, tool := range tools.All(tools.Deps{}) {
		if tool.Tool.Name == "get_vault_secret" {
			continue
		}
		for _, field := range []string{"value", "prefix", "length", "size", "hash", "digest", "file"} {
			if strings.Contains(string(tool.Tool.RawOutputSchema), fmt.Sprintf("%q:", field)) {
				t.Errorf("%s has a field %s", tool.Tool.Name, field)
			}
		}
	}
}

func TestFailureIsAnError(t *testing.T) {
	t.Parallel()
	f := tools.CallError{Code: "missing", Message: "m", NextStep: "n"}
	if got, ok := errors.AsType[tools.CallError](fmt.Errorf("wrapped: %w", f)); !ok || got != f {
		t.Errorf("got %v", got)
	}
	if !slices.Contains(tools.Codes(), f.Code) {
		t.Error("not a code")
	}
}
