package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// checker holds a tool's arguments against its input schema. The schema is
// compiled at the first call, since start-up need not pay for it.
type checker struct {
	tool     string
	compiled func() (*jsonschema.Schema, error)
}

func newChecker(tool string, schema json.RawMessage) checker {
	return checker{tool, sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(tool, schema) })}
}

func compile(tool string, raw json.RawMessage) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("parse the schema of %s: %w", tool, err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(tool, document); err != nil {
		return nil, fmt.Errorf("add the schema of %s: %w", tool, err)
	}
	return compiler.Compile(tool)
}

// decode checks the arguments of request and decodes them into target. Its
// errors are Failures that never hold any of what was passed, name or value.
func (c checker) decode(request mcp.CallToolRequest, target any) error {
	schema, err := c.compiled()
	if err != nil {
		return err
	}
	raw := request.Params.RawArguments
	if len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		raw = json.RawMessage("{}")
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return c.refuse(schema, "the arguments are not JSON")
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](schema.Validate(instance)); ok {
		return c.refuse(schema, sentence(leaf(invalid)))
	}
	if err := json.Unmarshal(raw, target); err != nil {
		return c.refuse(schema, "the arguments do not fit the schema")
	}
	return nil
}

func (c checker) refuse(schema *jsonschema.Schema, message string) CallError {
	names := slices.Sorted(maps.Keys(schema.Properties))
	next := "Call " + c.tool + " again without arguments."
	if len(names) > 0 {
		next = fmt.Sprintf("Call %s again; it takes %s.", c.tool, strings.Join(names, ", "))
	}
	return CallError{"invalid_argument", message, next}
}

// leaf returns the first error that has no cause of its own.
func leaf(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	return e
}

// sentence says what is wrong with an argument. An argument that the schema
// does not know is not named: an agent may have put a value there.
func sentence(e *jsonschema.ValidationError) string {
	place := "the arguments"
	if len(e.InstanceLocation) > 0 {
		place = strings.Join(e.InstanceLocation, ".")
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return fmt.Sprintf("%s lack %s", place, strings.Join(k.Missing, ", "))
	case *kind.AdditionalProperties:
		return fmt.Sprintf("%s hold one that this tool does not take", place)
	case *kind.Type:
		return fmt.Sprintf("%s must be %s, not %s", place, strings.Join(k.Want, " or "), k.Got)
	case *kind.Enum:
		return fmt.Sprintf("%s must be one of %s", place, words(k.Want))
	case *kind.MinLength:
		return fmt.Sprintf("%s must not be empty", place)
	case *kind.MaxLength:
		return fmt.Sprintf("%s must have %d characters at most", place, k.Want)
	default:
		return fmt.Sprintf("%s: not what the schema asks for", place)
	}
}

func words(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}
