// Command echosdk is the echo server with the SDK that scrim links as well: a
// fair yardstick for start-up and memory.
package main

import (
	"context"
	"os"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	_ "scrim/internal/infisical" // links the SDK
)

func main() {
	s := server.NewMCPServer("echo", "1", server.WithToolCapabilities(false))
	s.AddTool(mcp.NewTool("echo", mcp.WithString("text")), echo)
	if err := server.ServeStdio(s); err != nil {
		os.Exit(1)
	}
}

func echo(_ context.Context, request mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	return mcp.NewToolResultText(request.GetString("text", "")), nil
}
