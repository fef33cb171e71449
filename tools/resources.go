package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/secret"
)

// The addresses of the resources.
const (
	scopeURI         = "scrim://scope"
	secretsURIPrefix = "scrim://secrets/" //nolint:gosec // G101: an address
)

// Resources returns the resources with a fixed address.
func Resources(d Deps) []server.ServerResource {
	return []server.ServerResource{{
		Resource: mcp.NewResource(scopeURI, "scope",
			mcp.WithResourceDescription("What describe_scope says: project, environment, locations, conventions."),
			mcp.WithMIMEType("application/json")),
		Handler: func(ctx context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			return contents(request.Params.URI, d.Describe(ctx))
		},
	}}
}

// ResourceTemplates returns the resources of which there is one a location.
func ResourceTemplates(d Deps) []server.ServerResourceTemplate {
	return []server.ServerResourceTemplate{{
		Template: mcp.NewResourceTemplate(secretsURIPrefix+"{location}", "secrets",
			mcp.WithTemplateDescription("The secrets of one location by name, as list_secrets has them: injected, staging, vault, shared or all. Never values."),
			mcp.WithTemplateMIMEType("application/json")),
		Handler: func(ctx context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			location := strings.TrimPrefix(request.Params.URI, secretsURIPrefix)
			if !slices.Contains(locationWords(), location) {
				return nil, errLocation
			}
			answer, err := d.List(ctx, ListArguments{Location: location})
			if err != nil {
				return nil, err
			}
			return contents(request.Params.URI, answer)
		},
	}}
}

func contents(uri string, v any) ([]mcp.ResourceContents, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode a resource: %w", err)
	}
	return []mcp.ResourceContents{mcp.TextResourceContents{URI: uri, MIMEType: "application/json", Text: string(text)}}, nil
}

// locationWords lists what {location} can be.
func locationWords() []string {
	words := []string{"all"}
	for _, l := range secret.Locations() {
		words = append(words, l.String())
	}
	return words
}
