// Package tools is what an agent can call: one file a tool, and what teaches
// the agent to use them. No handler here ever holds a plaintext.
package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/invopop/jsonschema"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
	"golang.org/x/time/rate"

	"scrim/internal/approval"
	"scrim/internal/handover"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
	"scrim/redact"
)

// Deps are what the tools work on.
type Deps struct {
	Scope        secret.Scope
	IdentityKind func() string // such as "universal-auth"; never a credential
	VaultKind    string        // the kind of the vault's own identity, or "" where it has none
	Store        *store.Store
	Gate         *approval.Gate
	Trail        Trail           // nil: check_text tells nothing
	Session      *session.Record // of the launched agent that this is a part of, or nil
	Elsewhere    bool            // the questions at the desk are another user's of this machine to answer
	Redactor     *redact.Redactor
	Errands      launch.Errands
	Files        *handover.Files // nil: no value is handed over in a file
	Pages        Pages           // nil: questions at the desk are answered on a terminal alone
	// Browser opens an address before the person at this machine, for clients that
	// cannot. Nil: nobody sits there, or they do not want it.
	Browser func(ctx context.Context, address string) error
	Log     *slog.Logger
	Now     func() time.Time

	// Patience bounds how long one call waits for a person: several clients end
	// a call after 60 seconds, whatever progress they are told of. Zero is 50 s.
	Patience time.Duration

	// Strangers bounds how many names that are not in scope may be asked for:
	// see NewStrangers. Nil is no bound, for people.
	Strangers *rate.Limiter
}

// All returns every tool.
func All(d Deps) []server.ServerTool {
	return []server.ServerTool{
		listSecrets(d),
		findSecret(d),
		runWithVaultSecrets(d),
		getVaultSecret(d),
		checkText(d),
		checkSecrets(d),
		describeScope(d),
	}
}

// answer is a tool's result: its exported fields are the structured content,
// Text says the same to clients that read only text.
type answer interface{ Text() string }

// spec is what a tool says of itself.
type spec struct {
	name, title, description string
	readOnly, idempotent     bool
	destructive, openWorld   bool // what an approved command may be
	needsPerson              bool // Claude Code then asks its user on every call
}

// define makes a tool whose arguments are A and whose answers are R, with the
// schemas that their struct tags describe.
func define[A any, R answer](d Deps, s spec, handle func(context.Context, mcp.CallToolRequest, A) (R, error)) server.ServerTool {
	input, output := mustMarshal(schemaOf[A]()), mustMarshal(outputSchemaOf[R]())
	tool := mcp.NewToolWithRawSchema(s.name, s.description, input)
	tool.Title = s.title
	tool.RawOutputSchema = output
	tool.Annotations = mcp.ToolAnnotation{
		Title: s.title, ReadOnlyHint: &s.readOnly, IdempotentHint: &s.idempotent,
		DestructiveHint: &s.destructive, OpenWorldHint: &s.openWorld,
	}
	if s.needsPerson {
		tool.Meta = &mcp.Meta{AdditionalFields: map[string]any{"anthropic/requiresUserInteraction": true}}
	}
	checker := newChecker(s.name, input)
	return server.ServerTool{Tool: tool, Handler: func(ctx context.Context, request mcp.CallToolRequest) (result *mcp.CallToolResult, err error) {
		defer func() {
			if caught := recover(); caught != nil {
				d.Log.Error("a tool panicked", "tool", s.name, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				result, err = failure(errPanicked), nil
			}
		}()
		var arguments A
		if err := checker.decode(request, &arguments); err != nil {
			return failure(err), nil
		}
		answered, err := handle(ctx, request, arguments)
		if asked, ok := err.(inputRequiredError); ok { //nolint:errorlint // made by this package and never wrapped
			return asked.result, nil
		}
		if err != nil {
			d.Log.Info("a tool call failed", "tool", s.name, "error", err)
			return failure(err), nil
		}
		return mcp.NewToolResultStructured(answered, answered.Text()), nil
	}}
}

// schemaOf returns the JSON Schema of T.
func schemaOf[T any]() *jsonschema.Schema {
	reflector := jsonschema.Reflector{DoNotReference: true, Anonymous: true, ExpandedStruct: true}
	schema := reflector.Reflect(new(T))
	schema.Version = "" // the protocol's default dialect is this one
	return schema
}

// outputSchemaOf returns the JSON Schema of an answer or a CallError, whose
// fields stand beside each other: clients hold results with isError to the
// schema as well.
func outputSchemaOf[R answer]() *jsonschema.Schema {
	schema, failed := schemaOf[R](), schemaOf[CallError]()
	for name, property := range failed.Properties.FromOldest() {
		schema.Properties.Set(name, property)
	}
	schema.AnyOf = []*jsonschema.Schema{{Required: schema.Required}, {Required: failed.Required}}
	schema.Required = nil
	return schema
}

// mustMarshal encodes a schema of types in this package.
func mustMarshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // a bug that every test meets
	}
	return raw
}
