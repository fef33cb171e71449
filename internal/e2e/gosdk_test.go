package e2e

import (
	"context"
	"os/exec"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestGoSDK drives scrim with the official Go client in both protocol eras.
func TestGoSDK(t *testing.T) {
	t.Parallel()
	for _, version := range []string{modern, legacy, "2025-06-18"} {
		for _, a := range []answer{approve, deny, cancel, {}} {
			t.Run(version+"/"+a.action+a.decision, func(t *testing.T) {
				t.Parallel()
				rig, rec := devRig(t), record(t)
				told := tellGoSDK(t, rec.command(t, rig.argv, rig.env), version, a)
				told.check(t, a)
				_, approved := ending(a)
				rig.check(t, approved, rec.end(t)...)
			})
		}
	}
}

// goClient is a session of the Go SDK with a person who always answers a.
type goClient struct {
	t       *testing.T
	session *mcp.ClientSession

	mu        sync.Mutex
	questions []string
}

func dialGoSDK(t *testing.T, argv []string, version string, a answer) *goClient {
	t.Helper()
	c := &goClient{t: t}
	options := &mcp.ClientOptions{}
	if a != (answer{}) {
		result := remarshal[mcp.ElicitResult](t, a.fields())
		options.ElicitationHandler = func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.questions = append(c.questions, r.Params.Message)
			return &result, nil
		}
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "go-sdk", Version: "1"}, options)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // the recorder; the session ends it
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd},
		&mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatal(err)
	}
	c.session = session
	return c
}

func tellGoSDK(t *testing.T, argv []string, version string, a answer) story {
	t.Helper()
	c := dialGoSDK(t, argv, version, a)
	if got := c.session.InitializeResult().ProtocolVersion; got != version {
		t.Errorf("the protocol is %s, want %s", got, version)
	}
	var s story
	tools, err := c.session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range tools.Tools {
		s.Tools = append(s.Tools, tool.Name)
	}
	s.List = c.call("list_secrets", map[string]any{})
	s.Injected = c.call("find_secret", map[string]any{"name": "MAILER_PHRASE"})
	s.Stored = c.call("find_secret", map[string]any{"name": "PAYOUT_PHRASE"})
	s.Missing = c.call("find_secret", map[string]any{"name": "PAYOUT_PHRASES"})
	s.NotVault = c.call("get_vault_secret", map[string]any{"name": "MAILER_PHRASE", "purpose": "greet the people"})
	s.Read = c.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"})
	s.Resources = c.resource("scrim://scope") + c.resource("scrim://secrets/vault")
	c.mu.Lock()
	s.Questions = c.questions
	c.mu.Unlock()
	if err := c.session.Close(); err != nil {
		t.Errorf("the server does not end well: %v", err)
	}
	return s
}

func (c *goClient) call(name string, args map[string]any) toolResult {
	c.t.Helper()
	r, err := c.session.CallTool(c.t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return remarshal[toolResult](c.t, r)
}

func (c *goClient) resource(uri string) string {
	c.t.Helper()
	r, err := c.session.ReadResource(c.t.Context(), &mcp.ReadResourceParams{URI: uri})
	if err != nil {
		c.t.Fatalf("%s: %v", uri, err)
	}
	text := ""
	for _, content := range r.Contents {
		text += content.Text
	}
	return text
}

// A prompt, its completion and the resource's are there for a client that has
// them, and hold names only.
func TestGoSDKPromptsAndCompletions(t *testing.T) {
	t.Parallel()
	rig, rec := devRig(t), record(t)
	c := dialGoSDK(t, rec.command(t, rig.argv, rig.env), modern, answer{})
	p, err := c.session.GetPrompt(t.Context(), &mcp.GetPromptParams{
		Name: "find-a-secret", Arguments: map[string]string{"name": "PAYOUT_PHRASE"},
	})
	if err != nil || len(p.Messages) == 0 {
		t.Errorf("prompt: %v, %+v", err, p)
	}
	for _, complete := range []struct {
		ref        mcp.CompleteReference
		key, typed string
		want       string
	}{
		{mcp.CompleteReference{Type: "ref/prompt", Name: "find-a-secret"}, "name", "PAY", "PAYOUT_PHRASE"},
		{mcp.CompleteReference{Type: "ref/resource", URI: "scrim://secrets/{location}"}, "location", "va", "vault"},
	} {
		r, err := c.session.Complete(t.Context(), &mcp.CompleteParams{
			Ref:      &complete.ref,
			Argument: mcp.CompleteParamsArgument{Name: complete.key, Value: complete.typed},
		})
		if err != nil {
			t.Errorf("complete %s: %v", complete.typed, err)
			continue
		}
		if got := r.Completion.Values; len(got) != 1 || got[0] != complete.want {
			t.Errorf("%q completes to %q, want %q", complete.typed, got, complete.want)
		}
	}
	if err := c.session.Close(); err != nil {
		t.Error(err)
	}
	rig.check(t, nothing, rec.end(t)...)
}
