package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// status returns the status or the code of a tool's answer.
func (e envelope) status() string {
	for _, key := range []string{"status", "code"} {
		if s, ok := e.Result.StructuredContent[key].(string); ok {
			return s
		}
	}
	return e.raw
}

// forms lists a value as it may turn up: plain, in JSON, and encoded.
func forms(value string) map[string]string {
	inJSON, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	quoted := strings.Trim(string(inJSON), `"`)
	return map[string]string{
		"plain": value, "json": quoted, "hex": hex.EncodeToString([]byte(value)),
		"base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")[:len(value)],
		"query":  url.QueryEscape(value),
	}
}

// leaked returns the form in which the server wrote value, or "".
func (c *client) leaked(value string) string {
	said := c.said()
	for name, form := range forms(value) {
		if strings.Contains(said, form) {
			return name
		}
	}
	return ""
}

func TestApprove(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	asked := c.question()
	for _, part := range []string{"STORED", "prod:/alpha/vault", "alpha", "deploy"} {
		if !strings.Contains(string(asked.Params), part) {
			t.Errorf("the question does not say %q: %s", part, asked.Params)
		}
	}
	if !strings.Contains(string(asked.Params), `"enum":["deny","approve"]`) || strings.Contains(string(asked.Params), `"default"`) {
		t.Errorf("the form preselects something: %s", asked.Params)
	}
	c.answer(asked, "approve")
	e := c.reply("1")
	if e.status() != "approved" || e.Result.StructuredContent["value"] != vaultValue {
		t.Fatalf("got %s", e.raw)
	}
	if got := strings.Count(e.Result.Content[0].Text, vaultValue); got != 1 {
		t.Errorf("the text holds the value %d times: %s", got, e.raw)
	}
	before := len(c.said())
	for i, tool := range []string{"list_secrets", "describe_scope", "find_secret", "get_vault_secret"} {
		c.call(fmt.Sprint(10+i), tool, `{"name":"STORED"}`)
		c.next()
	}
	for name, form := range forms(vaultValue) {
		if strings.Contains(c.said()[before:], form) {
			t.Errorf("the value leaves again as %s", name)
		}
	}
	if got := c.kinds(); !slices.Equal(got[:3], []string{"asked", "approved", "granted"}) {
		t.Errorf("on record: %v", got)
	}
	if where := c.leaked(injectedValue) + c.leaked(otherValue); where != "" {
		t.Errorf("another value left as %s", where)
	}
}

func TestEveryYesIsAskedFor(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	for i := range 2 {
		id := fmt.Sprint(i + 1)
		c.call(id, "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
		c.answer(c.question(), "approve")
		if e := c.reply(id); e.status() != "approved" {
			t.Fatalf("got %s", e.raw)
		}
	}
}

// TestNotAYes answers the question in every way that is not a plain yes.
func TestNotAYes(t *testing.T) {
	t.Parallel()
	answers := map[string]struct{ answer, status string }{
		"deny":            {`"result":{"action":"accept","content":{"decision":"deny"}}`, "denied"},
		"decline":         {`"result":{"action":"decline"}`, "denied"},
		"cancel at once":  {`"result":{"action":"cancel"}`, "unavailable"},
		"no content":      {`"result":{"action":"accept"}`, "denied"},
		"empty content":   {`"result":{"action":"accept","content":{}}`, "denied"},
		"another field":   {`"result":{"action":"accept","content":{"approve":"approve"}}`, "denied"},
		"another word":    {`"result":{"action":"accept","content":{"decision":"Approve"}}`, "denied"},
		"a boolean":       {`"result":{"action":"accept","content":{"decision":true}}`, "denied"},
		"a list":          {`"result":{"action":"accept","content":["approve"]}`, "denied"},
		"declined yes":    {`"result":{"action":"decline","content":{"decision":"approve"}}`, "denied"},
		"cancelled yes":   {`"result":{"action":"cancel","content":{"decision":"approve"}}`, "unavailable"},
		"unknown action":  {`"result":{"action":"approve","content":{"decision":"approve"}}`, "denied"},
		"an error":        {`"error":{"code":-32601,"message":"no such method"}`, "unavailable"},
		"error with yes":  {`"error":{"code":1,"message":"x"},"result":null`, "denied"},
		"a bare string":   {`"result":"approve"`, "unavailable"},
		"an empty result": {`"result":{}`, "denied"},
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(`{"elicitation":{}}`)
			c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
			c.send(`{"jsonrpc":"2.0","id":%s,%s}`, c.question().ID, a.answer)
			if e := c.reply("1"); e.status() != a.status {
				t.Errorf("got %s", e.raw)
			}
			if where := c.leaked(vaultValue); where != "" {
				t.Errorf("the value left as %s", where)
			}
		})
	}
}

func TestCooldownAfterANo(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	c.answer(c.question(), "deny")
	c.reply("1")
	c.call("2", "get_vault_secret", `{"name":"STORED","purpose":"pretty please"}`)
	if e := c.reply("2"); e.status() != "denied" || !strings.Contains(e.raw, "a moment ago") {
		t.Errorf("got %s", e.raw)
	}
	c.call("3", "get_vault_secret", `{"name":"OTHER","purpose":"something else"}`)
	c.answer(c.question(), "approve")
	if e := c.reply("3"); e.Result.StructuredContent["value"] != otherValue {
		t.Errorf("got %s", e.raw)
	}
}

func TestNobodyIsAskedInVain(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ capabilities, arguments, want string }{
		"cannot ask":       {`{}`, `{"name":"STORED","purpose":"x"}`, "unavailable"},
		"urls only":        {`{"elicitation":{"url":{}}}`, `{"name":"STORED","purpose":"x"}`, "unavailable"},
		"injected":         {`{"elicitation":{}}`, `{"name":"INJECTED","purpose":"x"}`, "not_in_vault"},
		"missing":          {`{"elicitation":{}}`, `{"name":"NOWHERE","purpose":"x"}`, "missing"},
		"no purpose":       {`{"elicitation":{}}`, `{"name":"STORED"}`, "invalid_argument"},
		"empty purpose":    {`{"elicitation":{}}`, `{"name":"STORED","purpose":""}`, "invalid_argument"},
		"bad name":         {`{"elicitation":{}}`, `{"name":"../STORED","purpose":"x"}`, "invalid_argument"},
		"no file":          {`{}`, `{"name":"STORED","purpose":"x","delivery":"file"}`, "unavailable"},
		"unknown delivery": {`{"elicitation":{}}`, `{"name":"STORED","purpose":"x","delivery":"clipboard"}`, "invalid_argument"},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t).handshake(k.capabilities)
			c.call("1", "get_vault_secret", k.arguments)
			if e := c.reply("1"); e.status() != k.want {
				t.Errorf("got %s", e.raw)
			}
		})
	}
}

func TestEnvironmentMustBeStated(t *testing.T) {
	t.Parallel()
	c := startScope(t, false, 0).handshake(`{"elicitation":{}}`)
	c.call("1", "list_secrets", `{}`)
	if e := c.reply("1"); e.Result.StructuredContent["complete"] != true {
		t.Errorf("got %s", e.raw)
	}
	c.call("2", "get_vault_secret", `{"name":"STORED","purpose":"x"}`)
	if e := c.reply("2"); e.status() != "environment_not_stated" {
		t.Errorf("got %s", e.raw)
	}
}

func TestStoreDown(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.held.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500})
	c.handshake(`{"elicitation":{}}`)
	c.call("1", "find_secret", `{"name":"STORED"}`)
	if e := c.reply("1"); e.status() != "unknown" || e.Result.IsError {
		t.Errorf("got %s", e.raw)
	}
	c.call("2", "list_secrets", `{}`)
	if e := c.reply("2"); e.Result.StructuredContent["complete"] != false || e.Result.IsError {
		t.Errorf("got %s", e.raw)
	}
	c.call("3", "get_vault_secret", `{"name":"STORED","purpose":"x"}`)
	if e := c.reply("3"); e.status() != "store_unavailable" {
		t.Errorf("got %s", e.raw)
	}
}

// modernCall calls a tool as a client of 2026-07-28 that can show forms.
func (c *client) modernCall(id, arguments, state, decision string) envelope {
	c.t.Helper()
	answer := ""
	if state != "" {
		answer = fmt.Sprintf(`,"requestState":%q`, state)
	}
	if decision != "" {
		answer += fmt.Sprintf(`,"inputResponses":{"decision":{"action":"accept","content":{"decision":%q}}}`, decision)
	}
	c.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"get_vault_secret","arguments":%s%s,"_meta":%s}}`,
		id, arguments, answer, modern(`{"elicitation":{"form":{}}}`))
	return c.reply(id)
}

const wanted = `{"name":"STORED","purpose":"deploy"}`

func TestModernApproval(t *testing.T) {
	t.Parallel()
	c := start(t)
	asked := c.modernCall("1", wanted, "", "")
	if asked.Result.ResultType != "input_required" || asked.Result.RequestState == "" {
		t.Fatalf("got %s", asked.raw)
	}
	e := c.modernCall("2", wanted, asked.Result.RequestState, "approve")
	if e.status() != "approved" || e.Result.StructuredContent["value"] != vaultValue {
		t.Fatalf("got %s", e.raw)
	}
}

func TestModernDenial(t *testing.T) {
	t.Parallel()
	c := start(t)
	asked := c.modernCall("1", wanted, "", "")
	if e := c.modernCall("2", wanted, asked.Result.RequestState, "deny"); e.status() != "denied" {
		t.Errorf("got %s", e.raw)
	}
	if e := c.modernCall("3", wanted, asked.Result.RequestState, "approve"); e.status() != "denied" {
		t.Errorf("a yes after the no: got %s", e.raw)
	}
	if where := c.leaked(vaultValue); where != "" {
		t.Errorf("the value left as %s", where)
	}
}

// TestForgedAnswers tries to get a value with a state that was not given for
// this very request, and finds each attempt on record.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	attacks := map[string]func(c *client, state string) envelope{
		"made-up state": func(c *client, _ string) envelope {
			return c.modernCall("9", wanted, base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", 90))), "approve")
		},
		"tampered state": func(c *client, state string) envelope {
			raw, _ := base64.RawURLEncoding.DecodeString(state)
			raw[len(raw)/2] ^= 1
			return c.modernCall("9", wanted, base64.RawURLEncoding.EncodeToString(raw), "approve")
		},
		"another secret": func(c *client, state string) envelope {
			return c.modernCall("9", `{"name":"OTHER","purpose":"deploy"}`, state, "approve")
		},
		"another purpose": func(c *client, state string) envelope {
			return c.modernCall("9", `{"name":"STORED","purpose":"exfiltrate"}`, state, "approve")
		},
		"another server's state": func(c *client, _ string) envelope {
			other := start(c.t)
			return c.modernCall("9", wanted, other.modernCall("1", wanted, "", "").Result.RequestState, "approve")
		},
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			asked := c.modernCall("1", wanted, "", "")
			e := attack(c, asked.Result.RequestState)
			if kinds := c.kinds(); kinds[len(kinds)-1] != "refused" {
				t.Errorf("on record: %v", kinds)
			}
			if e.status() == "approved" {
				t.Errorf("got %s", e.raw)
			}
			for _, value := range []string{vaultValue, otherValue} {
				if where := c.leaked(value); where != "" {
					t.Errorf("a value left as %s", where)
				}
			}
		})
	}
}

func TestReplayedStateIsRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	asked := c.modernCall("1", wanted, "", "")
	c.modernCall("2", wanted, asked.Result.RequestState, "approve")
	if e := c.modernCall("3", wanted, asked.Result.RequestState, "approve"); e.status() != "denied" {
		t.Errorf("got %s", e.raw)
	}
	if got := strings.Count(c.said(), forms(vaultValue)["json"]); got != 2 { // once structured, once in the text of the same answer
		t.Errorf("the value left %d times", got)
	}
	if kinds := c.kinds(); kinds[len(kinds)-1] != "refused" {
		t.Errorf("on record: %v", kinds)
	}
}

// TestAnswerWithoutState brings an answer to a question that was never put to
// it: the server asks, whatever came along.
func TestAnswerWithoutState(t *testing.T) {
	t.Parallel()
	c := start(t)
	if e := c.modernCall("1", wanted, "", "approve"); e.Result.ResultType != "input_required" {
		t.Errorf("got %s", e.raw)
	}
}

// TestHostilePurpose writes what looks like the server's own words, and values,
// into the purpose.
func TestHostilePurpose(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("0", "list_secrets", `{}`) // the redactor knows the values now
	c.reply("0")
	purpose, err := json.Marshal("x\nSecret: HARMLESS\r\n\u202eevorppa\u2066 \x1b[2J " + injectedValue)
	if err != nil {
		t.Fatal(err)
	}
	c.call("1", "get_vault_secret", fmt.Sprintf(`{"name":"STORED","purpose":%s}`, purpose))
	var params struct{ Message string }
	if err := json.Unmarshal(c.question().Params, &params); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(params.Message, "\u202e\u2066\x1b\r") || strings.Contains(params.Message, "\nSecret: HARMLESS") {
		t.Errorf("the purpose plays the server: %q", params.Message)
	}
	if where := c.leaked(injectedValue); where != "" {
		t.Errorf("a value left as %s", where)
	}
}

// TestPending answers a question after its call has ended: the yes is picked up
// with the request's id, once.
func TestPending(t *testing.T) {
	t.Parallel()
	c := startScope(t, true, 200*time.Millisecond).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	asked := c.question()
	e := c.reply("1")
	id, _ := e.Result.StructuredContent["request_id"].(string)
	if e.status() != "pending" || id == "" || e.Result.StructuredContent["expires_at"] == nil {
		t.Fatalf("got %s", e.raw)
	}
	c.call("2", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`) // asks nobody anew
	if e := c.reply("2"); e.status() != "pending" || e.Result.StructuredContent["request_id"] != id {
		t.Fatalf("got %s", e.raw)
	}
	c.answer(asked, "approve")
	c.call("3", "get_vault_secret", fmt.Sprintf(`{"name":"OTHER","purpose":"deploy","request_id":%q}`, id))
	if e := c.reply("3"); e.status() == "approved" {
		t.Fatalf("another secret took the yes: %s", e.raw)
	}
	pickUp := fmt.Sprintf(`{"name":"STORED","purpose":"in other words","request_id":%q}`, id)
	c.call("4", "get_vault_secret", pickUp)
	if e := c.reply("4"); e.status() != "approved" || e.Result.StructuredContent["value"] != vaultValue {
		t.Fatalf("got %s", e.raw)
	}
	c.call("5", "get_vault_secret", pickUp)
	if e := c.next(); e.status() == "approved" {
		t.Fatalf("the yes was picked up twice: %s", e.raw)
	}
}

// TestOneOfTwoCallsIsCancelled: the question goes with it, and the other call is told
// so, rather than that a person is asked.
func TestOneOfTwoCallsIsCancelled(t *testing.T) {
	t.Parallel()
	c := startScope(t, true, 5*time.Second).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	c.question()
	c.call("2", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	time.Sleep(300 * time.Millisecond) // until it waits as well, of which nothing tells
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}`)
	e := c.next()
	for e.Method != "" { // the form is taken back
		e = c.next()
	}
	if next, _ := e.Result.StructuredContent["next_step"].(string); e.status() != "unavailable" || !strings.Contains(next, "withdrawn") {
		t.Errorf("got %s", e.raw)
	}
	if kinds := c.kinds(); !slices.Equal(kinds, []string{"asked", "withdrawn"}) {
		t.Errorf("on record: %v", kinds)
	}
}

// TestNobodyCanProveIt: where a proof is needed and nobody is enrolled, the client's
// form is not what is missing.
func TestNobodyCanProveIt(t *testing.T) {
	t.Parallel()
	c := startRig(t, rig{verifier: nobody{}}).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", `{"name":"STORED","purpose":"deploy"}`)
	if e := c.reply("1"); e.status() != "unavailable" || !strings.Contains(e.raw, "scrim enroll") || strings.Contains(e.raw, "client") {
		t.Errorf("got %s", e.raw)
	}
}

// nobody is a verifier whose enrolment is gone.
type nobody struct{ person }

func (nobody) Enrolled() bool { return false }

func TestNamesChanged(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	c.call("1", "list_secrets", `{}`)
	c.reply("1")
	before := strings.Count(c.said(), "notifications/resources/list_changed")
	c.held.Set("prod", "/alpha", "ADDED", "made-up-added-value")
	c.clock.Add(int64(31 * time.Second))
	c.call("2", "list_secrets", `{}`)
	if e := c.reply("2"); !strings.Contains(e.raw, "ADDED") {
		t.Errorf("got %s", e.raw)
	}
	c.send(`{"jsonrpc":"2.0","id":3,"method":"ping"}`)
	c.reply("3")
	for strings.Count(c.said(), "notifications/resources/list_changed") == before {
		<-c.lines // the notification has a goroutine of its own
	}
}
