package e2e

import (
	"encoding/json"
	"errors"
	"testing"
)

// frame is one JSON-RPC message as it was on the wire.
type frame struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`

	raw []byte
}

// parseFrame reads one line that must be one JSON-RPC message.
func parseFrame(line []byte) (frame, error) {
	var f struct {
		frame

		Version string `json:"jsonrpc"`
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return f.frame, err
	}
	if f.Version != "2.0" {
		return f.frame, errors.New("no jsonrpc 2.0")
	}
	reply := f.Result != nil || f.Error != nil
	if reply == (f.Method != "") {
		return f.frame, errors.New("neither a request nor a reply")
	}
	f.raw = line
	return f.frame, nil
}

// answers reports whether f is the reply to the request with this id, as the
// id is written.
func (f frame) answers(id string) bool { return f.Method == "" && string(f.ID) == id }

// toolResult is what tools/call returns.
type toolResult struct {
	IsError       bool                       `json:"isError"`
	ResultType    string                     `json:"resultType"`
	InputRequests map[string]json.RawMessage `json:"inputRequests"`
	RequestState  string                     `json:"requestState"`
	Facts         facts                      `json:"structuredContent"`
	Content       []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
}

// facts are the fields of structuredContent that tests look at, whichever tool
// they are from.
type facts struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	NextStep string `json:"next_step"`

	Name        string   `json:"name"`
	Status      string   `json:"status"`
	Location    string   `json:"location"`
	Value       string   `json:"value"`
	File        string   `json:"file"`
	ExpiresAt   string   `json:"expires_at"`
	RequestID   string   `json:"request_id"`
	DidYouMean  []string `json:"did_you_mean"`
	NotSearched []struct {
		Place  string `json:"place"`
		Reason string `json:"reason"`
	} `json:"not_searched"`

	Complete   bool         `json:"complete"`
	Unreadable []unreadable `json:"unreadable"`
	Secrets    []listed     `json:"secrets"`
}

type unreadable struct {
	Location string `json:"location"`
	Reason   string `json:"reason"`
}

type listed struct {
	Name        string `json:"name"`
	Location    string `json:"location"`
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Loaded      string `json:"loaded"`
}

// tool returns the tool result in f.
func (f frame) tool(t *testing.T) toolResult {
	t.Helper()
	if f.Error != nil {
		t.Fatalf("a protocol error in place of a tool result: %s", f.raw)
	}
	var r toolResult
	if err := json.Unmarshal(f.Result, &r); err != nil {
		t.Fatalf("%v in %s", err, f.raw)
	}
	return r
}

// remarshal turns what a client returned into the form that tests look at.
func remarshal[T any](t *testing.T, v any) T {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var to T
	if err := json.Unmarshal(b, &to); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return to
}
