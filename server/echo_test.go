package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"scrim/internal/devstore"
	"scrim/tools"
)

// TestNoOracle sends a known value, and something that is none, wherever a
// client can put text in bulk. If the replies differed, thousands of guesses
// could be checked with one message.
func TestNoOracle(t *testing.T) {
	t.Parallel()
	requests := map[string]string{
		"tool":       `"method":"tools/call","params":{"name":%q,"arguments":{}}`,
		"prompt":     `"method":"prompts/get","params":{"name":%q}`,
		"argument":   `"method":"prompts/get","params":{"name":"find-a-secret","arguments":{"name":%q}}`,
		"resource":   `"method":"resources/read","params":{"uri":%q}`,
		"location":   `"method":"resources/read","params":{"uri":"scrim://secrets/x%s"}`,
		"query":      `"method":"resources/read","params":{"uri":"scrim://scope?x=%s"}`,
		"method":     `"method":%q`,
		"version":    `"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":%q,"io.modelcontextprotocol/clientCapabilities":{}}}`,
		"modern":     `"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01 %s","io.modelcontextprotocol/clientCapabilities":{}}}`,
		"completion": `"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":%q},"argument":{"name":"name","value":"x"}}`,
		"match":      `"method":"tools/call","params":{"name":"list_secrets","arguments":{"match":%q}}`,
		"cursor":     `"method":"tools/call","params":{"name":"list_secrets","arguments":{"cursor":%q}}`,
		"unknown":    `"method":"tools/call","params":{"name":"find_secret","arguments":{%q:1}}`,
		"log level":  `"method":"logging/setLevel","params":{"level":%q}`,
		"handshake":  `"method":"initialize","params":{"protocolVersion":%q,"capabilities":{},"clientInfo":{"name":"x","version":"1"}}`,
	}
	c := start(t).handshake(`{}`)
	c.call("1", "list_secrets", `{}`) // the redactor knows the values now
	c.reply("1")
	guess := strings.Repeat("not-a-known-value ", 50)
	for name, request := range requests {
		var replies [2]string
		for i, text := range []string{guess + injectedValue, guess + strings.Repeat("x", len(injectedValue))} {
			c.send(`{"jsonrpc":"2.0","id":"x",%s}`, fmt.Sprintf(request, text))
			replies[i] = c.reply(`"x"`).raw
		}
		if replies[0] != replies[1] || strings.Contains(replies[0], "not-a-known-value") {
			t.Errorf("%s: a right guess answers\n%sa wrong one\n%s", name, replies[0], replies[1])
		}
	}
}

// TestNamesThatAreNotInScopeAreBounded lets an agent ask for many names, and
// then for those in scope only.
func TestNamesThatAreNotInScopeAreBounded(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	limited := 0
	for i := range 150 {
		c.call(fmt.Sprint(i), "find_secret", fmt.Sprintf(`{"name":"STRANGER_%d"}`, i))
		if c.reply(fmt.Sprint(i)).status() == "too_many_requests" {
			limited++
		}
	}
	if limited < 20 || limited > 60 {
		t.Errorf("%d of 150 were refused", limited)
	}
	c.call("200", "find_secret", `{"name":"STORED"}`)
	if e := c.reply("200"); e.status() != "stored_in_vault" {
		t.Errorf("got %s", e.raw)
	}
}

// TestApprovalUnderAnOddID gives an approved value under ids that an encoder
// would rewrite, and under one that was cancelled before.
func TestApprovalUnderAnOddID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{`"call<1>&"`, `"\u0041"`, "9007199254740993", `"cancelled"`} {
		c := start(t).handshake(`{"elicitation":{}}`)
		if id == `"cancelled"` {
			c.call(id, "get_vault_secret", wanted)
			c.question()
			c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%s}}`, id)
			c.next() // the question is taken away
		}
		c.call(id, "get_vault_secret", wanted)
		c.answer(c.question(), "approve")
		if e := c.reply(id); e.Result.StructuredContent["value"] != vaultValue {
			t.Errorf("%s: got %s", id, e.raw)
		}
	}
}

func TestSecretThatGoesWhileThePersonDecides(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", wanted)
	asked := c.question()
	c.held.Delete("prod", "/alpha/vault", "STORED")
	c.answer(asked, "approve")
	if e := c.reply("1"); e.status() != "missing" {
		t.Errorf("got %s", e.raw)
	}
	c.call("2", "find_secret", `{"name":"STORED"}`)
	if e := c.reply("2"); e.status() != "missing" {
		t.Errorf("got %s", e.raw)
	}
}

// TestSayingsAreOurs says what is wrong with an argument, in words of our own.
func TestSayingsAreOurs(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"find-a-secret","arguments":{"name":"../x"}}}`)
	e := c.reply("1")
	if e.Error == nil || e.Error.Code != -32602 || !strings.Contains(strings.Join(tools.Sayings(), "\n"), e.Error.Message) {
		t.Errorf("got %s", e.raw)
	}
	if !json.Valid([]byte(e.raw)) {
		t.Error("not JSON")
	}
}

// TestClosedImportMakesTheListIncomplete takes away a folder that the project
// imports: what is not listed may exist, and the answer says so.
func TestClosedImportMakesTheListIncomplete(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.held.Set("prod", "/elsewhere", "IMPORTED", "made-up-imported-value")
	c.held.Import("prod", "/alpha", "prod", "/elsewhere")
	c.held.Permit(c.clientID, append(devstore.MayRead(), devstore.MayNotSee("/elsewhere")...))
	c.handshake(`{"elicitation":{}}`)
	c.call("1", "list_secrets", `{}`)
	if e := c.reply("1"); e.Result.StructuredContent["complete"] != false {
		t.Errorf("got %s", e.raw)
	}
	for id, tool := range map[string]string{"2": "find_secret", "3": "get_vault_secret"} {
		arguments := `{"name":"IMPORTED"}`
		if tool == "get_vault_secret" {
			arguments = `{"name":"IMPORTED","purpose":"x"}`
		}
		c.call(id, tool, arguments)
		if e := c.reply(id); e.status() != "hidden" {
			t.Errorf("%s: got %s", tool, e.raw)
		}
	}
}
