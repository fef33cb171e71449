package server

import (
	"slices"

	"github.com/mark3labs/mcp-go/mcp"

	"scrim/tools"
)

// plainError is an error of the library without its text, which holds what the
// client sent: a masked echo would tell a guess that is right from one that is
// wrong, thousands in a message. What the tools package says of itself stays,
// and so do the protocol versions that are supported.
func plainError(e mcp.JSONRPCErrorDetails) mcp.JSONRPCErrorDetails {
	if slices.Contains(tools.Sayings(), e.Message) {
		return mcp.NewJSONRPCErrorDetails(mcp.INVALID_PARAMS, e.Message, nil)
	}
	plain := mcp.NewJSONRPCErrorDetails(e.Code, sayingFor(e.Code), nil)
	if data, ok := e.Data.(map[string]any); ok && data["supported"] != nil {
		plain.Data = map[string]any{"supported": data["supported"]}
	}
	return plain
}

// sayingFor returns what scrim says of an error code of the protocol.
func sayingFor(code int) string {
	switch code {
	case mcp.PARSE_ERROR:
		return "parse error: one JSON-RPC message a line"
	case mcp.INVALID_REQUEST:
		return "invalid request: jsonrpc must be 2.0, and the method must be one of the protocol's"
	case mcp.METHOD_NOT_FOUND:
		return "no such method"
	case mcp.INVALID_PARAMS:
		return "invalid params: call tools/list, prompts/list or resources/list for what there is"
	case mcp.RESOURCE_NOT_FOUND:
		return "no such resource: call resources/list and resources/templates/list"
	case mcp.INTERNAL_ERROR:
		return "internal error"
	default:
		return "the request cannot be served"
	}
}
