package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// demoAgent is the demo's MCP client: one call at a time, and a person behind
// it who can be asked.
type demoAgent struct {
	in    io.WriteCloser
	out   *bufio.Reader
	asked func(question string) (yes bool, err error)
	last  int
}

// frame is a JSON-RPC message as far as the demo cares.
type frame struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Message string `json:"message"`
	} `json:"params"`
	Result struct {
		IsError           bool            `json:"isError"`
		StructuredContent json.RawMessage `json:"structuredContent"`
	} `json:"result"`
	Error *struct{ Message string } `json:"error"`
}

func (a *demoAgent) initialize() error {
	_, err := a.request("initialize", map[string]any{
		"protocolVersion": "2025-11-25", "capabilities": map[string]any{"elicitation": map[string]any{}},
		"clientInfo": map[string]any{"name": "scrim demo", "version": version()},
	})
	if err != nil {
		return err
	}
	return a.send(map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"})
}

// call calls a tool and decodes its structured content into answer.
func (a *demoAgent) call(tool string, arguments map[string]any, answer any) error {
	reply, err := a.request("tools/call", map[string]any{"name": tool, "arguments": arguments})
	if err != nil {
		return err
	}
	if reply.Result.IsError {
		return fmt.Errorf("%s: %s", tool, reply.Result.StructuredContent)
	}
	if err := json.Unmarshal(reply.Result.StructuredContent, answer); err != nil {
		return fmt.Errorf("%s: parse the answer: %w", tool, err)
	}
	return nil
}

// request sends a request and answers the server's questions until the reply
// has come.
func (a *demoAgent) request(method string, params any) (frame, error) {
	a.last++
	if err := a.send(map[string]any{"jsonrpc": "2.0", "id": a.last, "method": method, "params": params}); err != nil {
		return frame{}, err
	}
	for {
		line, err := a.out.ReadBytes('\n')
		if err != nil {
			return frame{}, fmt.Errorf("%s: read the server's answer: %w", method, err)
		}
		var f frame
		if err := json.Unmarshal(line, &f); err != nil {
			return frame{}, fmt.Errorf("%s: parse the server's answer: %w", method, err)
		}
		switch {
		case f.Method == "elicitation/create":
			if err := a.answer(f); err != nil {
				return frame{}, err
			}
		case f.Method == "" && string(f.ID) == fmt.Sprint(a.last) && f.Error != nil:
			return frame{}, fmt.Errorf("%s: %s", method, f.Error.Message)
		case f.Method == "" && string(f.ID) == fmt.Sprint(a.last):
			return f, nil
		}
	}
}

// answer puts a question of the server to the person.
func (a *demoAgent) answer(f frame) error {
	decision := "deny"
	if a.asked != nil {
		yes, err := a.asked(f.Params.Message)
		if err != nil {
			return err
		}
		if yes {
			decision = "approve"
		}
	}
	return a.send(map[string]any{"jsonrpc": "2.0", "id": f.ID, "result": map[string]any{
		"action": "accept", "content": map[string]any{"decision": decision},
	}})
}

func (a *demoAgent) send(m any) error {
	if err := json.NewEncoder(a.in).Encode(m); err != nil {
		return fmt.Errorf("write to the server: %w", err)
	}
	return nil
}

// ink marks text up where stdout is a terminal that wants it.
type ink bool

func inkFor(c *cli) ink {
	f, ok := c.stdout.(*os.File)
	return ink(ok && colour(f, c.getenv))
}

func (i ink) bold(s string) string { return i.escape("1", s) }
func (i ink) dim(s string) string  { return i.escape("2", s) }

func (i ink) escape(code, s string) string {
	if !i {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// frame sets a question off from the story.
func (i ink) frame(text string) string {
	return "  │ " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  │ ")
}
