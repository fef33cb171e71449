package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// use is one tool call of a scripted model.
type use struct {
	Tool  string
	Input map[string]any

	Before func() // what happens before the call, or nil
}

// model stands in for the coding agent's model: it makes the scripted tool
// calls one after the other, says goodbye, and keeps what it was sent.
type model struct {
	*httptest.Server
	script []use

	mu      sync.Mutex
	tools   []string // that the agent offered
	bodies  []string // all that it sent
	results []string // of the calls, in their order
}

func newModel(t *testing.T, script ...use) *model {
	t.Helper()
	m := &model{script: script}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

// prompt is the part of a request that the stand-in looks at.
type prompt struct {
	Tools    []struct{ Name string } `json:"tools"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
}

// ServeHTTP answers the routes of the messages API that the agent calls.
func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bodies = append(m.bodies, string(body))

	switch {
	case strings.HasSuffix(r.URL.Path, "/count_tokens"):
		_, _ = io.WriteString(w, `{"input_tokens":10}`)
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/v1/messages"):
		m.answer(w, body)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

// answer makes the next scripted call. How many were made is in the
// conversation, which the agent sends whole each time.
func (m *model) answer(w http.ResponseWriter, body []byte) {
	var p prompt
	if err := json.Unmarshal(body, &p); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := stream{w}
	if len(p.Tools) == 0 { // a side request, for a title and the like
		s.text("a title")
		return
	}
	m.tools = m.tools[:0]
	for _, tool := range p.Tools {
		m.tools = append(m.tools, tool.Name)
	}
	m.results = p.results()
	if n := len(m.results); n < len(m.script) {
		if before := m.script[n].Before; before != nil {
			before()
		}
		s.use(n, m.script[n])
		return
	}
	s.text("goodbye")
}

// results returns what the conversation holds of tool results, as text.
func (p prompt) results() []string {
	var all []string
	for _, message := range p.Messages {
		var blocks []struct {
			Type    string          `json:"type"`
			Content json.RawMessage `json:"content"`
		}
		if json.Unmarshal(message.Content, &blocks) != nil {
			continue // plain text
		}
		for _, b := range blocks {
			if b.Type == "tool_result" {
				all = append(all, plain(b.Content))
			}
		}
	}
	return all
}

// plain returns the text of a tool result, which is a string or blocks.
func plain(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var blocks []struct{ Text string }
	if json.Unmarshal(content, &blocks) != nil {
		return string(content)
	}
	for _, b := range blocks {
		text += b.Text
	}
	return text
}

// stream writes one message as server-sent events.
type stream struct{ w http.ResponseWriter }

func (s stream) text(text string) {
	s.message("end_turn",
		map[string]any{"type": "text", "text": ""},
		map[string]any{"type": "text_delta", "text": text})
}

func (s stream) use(n int, u use) {
	input, err := json.Marshal(u.Input)
	if err != nil {
		panic(err) // the scripts hold plain maps
	}
	s.message("tool_use",
		map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%02d", n), "name": prefix + u.Tool, "input": map[string]any{}},
		map[string]any{"type": "input_json_delta", "partial_json": string(input)})
}

// message sends a message of one block.
func (s stream) message(stop string, block, delta map[string]any) {
	s.w.Header().Set("Content-Type", "text/event-stream")
	usage := map[string]any{"input_tokens": 10, "output_tokens": 10}
	s.event("message_start", map[string]any{"message": map[string]any{
		"id": "msg_1", "type": "message", "role": "assistant", "model": "stand-in",
		"content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage,
	}})
	s.event("content_block_start", map[string]any{"index": 0, "content_block": block})
	s.event("content_block_delta", map[string]any{"index": 0, "delta": delta})
	s.event("content_block_stop", map[string]any{"index": 0})
	s.event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": usage})
	s.event("message_stop", map[string]any{})
}

func (s stream) event(kind string, fields map[string]any) {
	fields["type"] = kind
	b, err := json.Marshal(fields)
	if err != nil {
		panic(err) // plain maps
	}
	_, _ = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", kind, b)
}
