package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/secret"
)

// findPrompt is the name of the one prompt.
const findPrompt = "find-a-secret"

// maxCompletions is the protocol's bound on one answer.
const maxCompletions = 100

// Prompts returns the prompts.
func Prompts(d Deps) []server.ServerPrompt {
	return []server.ServerPrompt{{
		Prompt: mcp.NewPrompt(findPrompt,
			mcp.WithPromptDescription("Find out where a secret is, and what to do about it."),
			mcp.WithArgument("name", mcp.ArgumentDescription("The secret's name, such as DATABASE_URL."), mcp.RequiredArgument())),
		Handler: func(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			name := request.Params.Arguments["name"]
			if err := secret.CheckName(name); err != nil {
				return nil, errPromptName
			}
			if err := d.admitName(name); err != nil {
				return nil, errTooManyNames
			}
			text := fmt.Sprintf("Find the secret %s in project %s (%s). Call find_secret with its name, say where it is, and follow the answer's next step. "+
				"%s Do not say that it is missing unless the status is `missing`, and never print its value.",
				name, d.Scope.Project, d.Scope.Environment, strings.Join(conventions(d.Scope), " "))
			return mcp.NewGetPromptResult("Find "+name, []mcp.PromptMessage{
				mcp.NewPromptMessage(mcp.RoleUser, mcp.NewTextContent(text)),
			}), nil
		},
	}}
}

// Completer completes the prompt's argument with names in scope, and the
// resource template's with locations. The protocol has none for tools.
type Completer struct{ Deps Deps }

// CompletePromptArgument completes a secret's name.
func (c Completer) CompletePromptArgument(ctx context.Context, prompt string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	if prompt != findPrompt || argument.Name != "name" {
		return complete(nil, ""), nil
	}
	var names []string
	for _, view := range c.Deps.Store.Snapshot(ctx).Views {
		for _, entry := range view.Entries {
			names = append(names, entry.Ref.Name())
		}
	}
	return complete(names, argument.Value), nil
}

// CompleteResourceArgument completes a location.
func (c Completer) CompleteResourceArgument(_ context.Context, uri string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	if uri != secretsURIPrefix+"{location}" || argument.Name != "location" {
		return complete(nil, ""), nil
	}
	return complete(locationWords(), argument.Value), nil
}

// complete returns the words that begin with prefix, whatever the case.
func complete(words []string, prefix string) *mcp.Completion {
	values := []string{}
	for _, word := range words {
		if len(word) >= len(prefix) && strings.EqualFold(word[:len(prefix)], prefix) {
			values = append(values, word)
		}
	}
	slices.Sort(values)
	values = slices.Compact(values)
	total := len(values)
	values = values[:min(total, maxCompletions)]
	return &mcp.Completion{Values: values, Total: total, HasMore: total > len(values)}
}
