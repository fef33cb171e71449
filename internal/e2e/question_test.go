package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
)

// answer is what a person does with the form.
type answer struct{ action, decision string }

var (
	approve = answer{"accept", "approve"}
	deny    = answer{"accept", "deny"}
	decline = answer{action: "decline"}
	cancel  = answer{action: "cancel"}
)

// fields returns the answer as a client sends it.
func (a answer) fields() map[string]any {
	f := map[string]any{"action": a.action}
	if a.decision != "" {
		f["content"] = map[string]any{"decision": a.decision}
	}
	return f
}

// question is one open question of a tool call, in either era.
type question struct {
	tool  string
	call  string // the id of the call that it belongs to
	id    string // of the question: a request's id (legacy), an input's key (modern)
	state string // modern only
	args  map[string]any
	text  string
}

// form is what a question puts on the screen.
type form struct {
	Mode            string `json:"mode"`
	Message         string `json:"message"`
	RequestedSchema struct {
		Type       string `json:"type"`
		Properties map[string]struct {
			Type    string   `json:"type"`
			Enum    []string `json:"enum"`
			Default any      `json:"default"`
		} `json:"properties"`
		Required []string `json:"required"`
	} `json:"requestedSchema"`
}

// ask calls get_vault_secret and returns the question that it leads to. In the
// legacy era there may be no more than one open at a time.
func (w *wire) ask(name, purpose string) question {
	w.t.Helper()
	return w.askBy("get_vault_secret", map[string]any{"name": name, "purpose": purpose})
}

// askBy is ask with any tool that leads to a question.
func (w *wire) askBy(tool string, args map[string]any) question {
	w.t.Helper()
	call := w.start(tool, args)
	q := question{tool: tool, call: call, args: args}
	if w.version == modern {
		r := w.reply(call).tool(w.t)
		w.opened(&q, r)
		return q
	}
	f := w.await("the question of "+call, func(f frame) bool {
		return f.Method == "elicitation/create" || f.answers(call)
	})
	if f.Method == "" {
		w.fatalf("no question: %s", f.raw)
	}
	q.id = string(f.ID)
	w.read(&q, f.Params)
	return q
}

func (w *wire) opened(q *question, r toolResult) {
	w.t.Helper()
	if r.ResultType != "input_required" || len(r.InputRequests) != 1 {
		w.fatalf("no question: %+v", r)
	}
	q.state = r.RequestState
	for key, request := range r.InputRequests {
		q.id = key
		var p struct{ Params json.RawMessage }
		if err := json.Unmarshal(request, &p); err != nil {
			w.fatalf("%v in %s", err, request)
		}
		w.read(q, p.Params)
	}
}

// read takes the text of the form and checks its shape: one required choice,
// nothing preselected.
func (w *wire) read(q *question, params json.RawMessage) {
	w.t.Helper()
	var f form
	if err := json.Unmarshal(params, &f); err != nil {
		w.fatalf("%v in %s", err, params)
	}
	decision := f.RequestedSchema.Properties["decision"]
	shape := fmt.Sprintf("%s %d %v %v", f.RequestedSchema.Type, len(f.RequestedSchema.Properties), f.RequestedSchema.Required, decision)
	if want := "object 1 [decision] {string [deny approve] <nil>}"; shape != want {
		w.t.Errorf("the form is %q, want %q", shape, want)
	}
	names, _ := q.args["names"].([]string)
	if name, ok := q.args["name"].(string); ok {
		names = append(names, name)
	}
	for _, name := range names {
		if !strings.Contains(f.Message, name) {
			w.t.Errorf("the question does not name %s: %q", name, f.Message)
		}
	}
	q.text = f.Message
}

// answer answers q and returns the result of its call.
func (w *wire) answer(q question, a answer) toolResult {
	w.t.Helper()
	if w.version == modern {
		return w.reply(w.retryBy(q, a)).tool(w.t)
	}
	w.respond(q, a)
	return w.reply(q.call).tool(w.t)
}

// respond answers the question of the legacy era and waits for nothing.
func (w *wire) respond(q question, a answer) {
	w.t.Helper()
	b, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": json.RawMessage(q.id), "result": a.fields()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.line(string(b))
}

// retryBy repeats the call of q in the modern era with an answer, and waits for
// nothing. It returns the request's id.
func (w *wire) retryBy(q question, a answer) string {
	w.t.Helper()
	return w.request("tools/call", map[string]any{
		"name": q.tool, "arguments": q.args, "requestState": q.state, "inputResponses": map[string]any{q.id: a.fields()},
	})
}

// retry repeats a call of the modern era with answers and a state.
func (w *wire) retry(args map[string]any, state string, responses map[string]any) frame {
	w.t.Helper()
	params := map[string]any{"name": "get_vault_secret", "arguments": args}
	if state != "" {
		params["requestState"] = state
	}
	if responses != nil {
		params["inputResponses"] = responses
	}
	return w.reply(w.request("tools/call", params))
}
