// Package server speaks MCP over a pair of streams. Whatever leaves passes the
// redactor first.
package server

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"scrim/tools"
)

// Server is scrim's MCP server, for one client on one pair of streams.
type Server struct {
	deps tools.Deps
	mcp  *mcpserver.MCPServer
	// addTools makes the tools' schemas. The handshake need not wait for it.
	addTools func()
}

// New returns a server with every tool, resource and prompt.
func New(deps tools.Deps, version string) *Server {
	deps.Strangers = tools.NewStrangers()
	completer := tools.Completer{Deps: deps}
	s := mcpserver.NewMCPServer("scrim", version,
		mcpserver.WithTitle("scrim"),
		mcpserver.WithInstructions(tools.Instructions(deps.Scope)),
		mcpserver.WithToolCapabilities(false),
		mcpserver.WithPromptCapabilities(false),
		mcpserver.WithResourceCapabilities(false, true),
		mcpserver.WithCompletions(),
		mcpserver.WithPromptCompletionProvider(completer),
		mcpserver.WithResourceCompletionProvider(completer),
	)
	s.AddResources(tools.Resources(deps)...)
	s.AddResourceTemplates(tools.ResourceTemplates(deps)...)
	s.AddPrompts(tools.Prompts(deps)...)
	return &Server{deps: deps, mcp: s, addTools: sync.OnceFunc(func() { s.AddTools(tools.All(deps)...) })}
}

// Serve answers the client on in and out until the input ends or ctx does. Calls
// in flight when the input ends still get their replies.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	w := &wire{
		mcp: s.mcp, prepare: s.addTools, redactor: s.deps.Redactor, log: s.deps.Log,
		out: s.deps.Redactor.Frames(out),
		// The first snapshot is read behind the first reply, so that the
		// handshake never waits for the store.
		onReply: func() {
			go s.addTools()
			go s.deps.Store.Snapshot(ctx)
		},
	}
	w.questions.send = w.send
	w.session = newSession(&w.questions)
	if err := s.mcp.RegisterSession(ctx, w.session); err != nil {
		return fmt.Errorf("open the session: %w", err)
	}
	defer s.mcp.UnregisterSession(ctx, w.session.SessionID())
	return w.serve(ctx, in)
}

// NamesChanged tells the client that the set of secrets is another one now.
func (s *Server) NamesChanged() {
	s.mcp.SendNotificationToAllClients(mcp.MethodNotificationResourcesListChanged, nil)
}
