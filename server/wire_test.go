package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/devstore"
	"scrim/internal/handover"
	"scrim/internal/infisical"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/policy"
	"scrim/redact"
	"scrim/server"
	"scrim/tools"
)

// The values of the store in these tests, made up.
const (
	injectedValue = "made-up-injected-4711-value"
	vaultValue    = "made-up-vault-0815-value\nwith \"quotes\" and <angles>"
	otherValue    = "made-up-other-vault-2342-value"
)

// client plays an MCP client on a server in this process.
type client struct {
	t        testing.TB
	in       *io.PipeWriter
	lines    chan string
	done     chan error
	held     *devstore.Store
	clientID string
	trail    string
	gate     *approval.Gate
	dir      string // the server's working directory
	files    *handover.Files
	clock    atomic.Int64 // nanoseconds that the store's clock is ahead

	mu  sync.Mutex
	all bytes.Buffer
}

// start serves a scope whose environment was stated.
func start(t testing.TB) *client { return startScope(t, true, 0) }

// startScope is start with a choice of whether the environment was stated, of
// how long a call waits for a person, and of what the identity may not read.
func startScope(t testing.TB, stated bool, patience time.Duration, limits ...devstore.Rule) *client {
	t.Helper()
	return startRig(t, rig{unstated: !stated, patience: patience, limits: limits})
}

// rig is what a server of these tests has besides its scope.
type rig struct {
	unstated bool // nobody stated the environment
	patience time.Duration
	limits   []devstore.Rule   // on what its identity may
	verifier approval.Verifier // nil: nobody can prove to be there
	pages    tools.Pages
}

func startRig(t testing.TB, r rig) *client {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": {
		"/alpha":       {"INJECTED": injectedValue},
		"/alpha/vault": {"STORED": vaultValue, "OTHER": otherValue},
		"/shared":      {},
	}}}})
	served := httptest.NewServer(held)
	t.Cleanup(served.Close)
	id, key := held.AddIdentity(devstore.Identity{Name: "test", Rules: append(devstore.MayRead(), r.limits...)})
	source, err := infisical.New(infisical.Options{
		Site: served.URL, ProjectID: held.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		t.Fatal(err)
	}
	scope := secret.Scope{
		Environment: "prod", Stated: !r.unstated, Project: "alpha", Path: "/alpha",
		VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
	c := &client{t: t, lines: make(chan string, 10_000), done: make(chan error, 1), held: held, clientID: id}
	c.files = &handover.Files{Keeper: []string{os.Args[0], keep}, Places: []string{filepath.Join(t.TempDir(), "files")}}
	t.Cleanup(c.files.Close)
	c.trail, c.dir = filepath.Join(t.TempDir(), "state", "audit.jsonl"), t.TempDir()
	environ := append(os.Environ(), "INFISICAL_TOKEN=made-up", "SCRIM_PROJECT=alpha", "PROJECT_ENV=prod", "AWS_SECRET_ACCESS_KEY=made-up", "TERM=xterm", "TZ=UTC", "LC_TIME=C", "LD_LIBRARY_PATH=/nowhere")
	redactor := redact.New(redact.Options{Vocabulary: server.Vocabulary})
	c.gate = approval.NewGate(approval.Options{
		Policy: policy.ForScope(scope), Audit: audit.New(c.trail), Mask: redactor.String, Verifier: r.verifier,
	})
	var app *server.Server
	app = server.New(tools.Deps{
		Scope: scope, IdentityKind: func() string { return "universal-auth" }, Redactor: redactor, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Store: store.New(store.Options{
			Scope: scope, Source: source, Learner: redactor, Changed: func() { app.NamesChanged() },
			Now: func() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) },
		}),
		Patience: r.patience, Pages: r.pages,
		Errands: launch.Errands{
			Supervisor: []string{os.Args[0], supervise}, Environ: environ, Dir: c.dir, Redactor: redactor,
		},
		Files: c.files,
		Trail: audit.New(c.trail),
		Gate:  c.gate,
	}, "test")
	c.run(app)
	return c
}

func (c *client) run(app *server.Server) {
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	c.in = toServer
	ctx, cancel := context.WithCancel(c.t.Context())
	go func() {
		c.done <- app.Serve(ctx, in, out)
		close(c.done)
		_ = out.Close()
	}()
	go func() {
		defer close(c.lines)
		reader := bufio.NewReader(fromServer)
		for {
			line, err := reader.ReadString('\n')
			if err != nil {
				return
			}
			c.mu.Lock()
			c.all.WriteString(line)
			c.mu.Unlock()
			c.lines <- line
		}
	}()
	c.t.Cleanup(func() {
		cancel()
		if err := <-c.done; err != nil {
			c.t.Error(err)
		}
		_ = in.Close()
	})
}

// handshake shakes hands as a client of 2025-11-25 with these capabilities.
func (c *client) handshake(capabilities string) *client {
	c.t.Helper()
	c.send(`{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":%s,"clientInfo":{"name":"test","version":"1"}}}`, capabilities)
	c.reply("0")
	c.send(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
	return c
}

func (c *client) send(format string, arguments ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", arguments...); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) call(id, tool, arguments string) {
	c.t.Helper()
	c.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":%q,"arguments":%s}}`, id, tool, arguments)
}

// envelope is a message of the server.
type envelope struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result struct {
		IsError           bool `json:"isError"`
		Content           []struct{ Text string }
		StructuredContent map[string]any `json:"structuredContent"`
		ResultType        string         `json:"resultType"`
		RequestState      string         `json:"requestState"`
	} `json:"result"`
	Error *struct {
		Code    int
		Message string
	} `json:"error"`
	raw string
}

// next returns the next message that is not a notification about resources.
func (c *client) next() envelope {
	c.t.Helper()
	for {
		select {
		case line, ok := <-c.lines:
			if !ok {
				c.t.Fatal("the server has ended")
			}
			e := envelope{raw: line}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				c.t.Fatalf("not JSON: %v: %s", err, line)
			}
			if e.Method != "notifications/resources/list_changed" {
				return e
			}
		case <-time.After(20 * time.Second):
			c.t.Fatal("no message from the server")
		}
	}
}

// reply returns the next message, which must answer the call with this id.
func (c *client) reply(id string) envelope {
	c.t.Helper()
	e := c.next()
	if e.Method != "" || string(e.ID) != id {
		c.t.Fatalf("expected the reply to %s, got %s", id, e.raw)
	}
	return e
}

// question returns the next message, which must be a question to the person.
func (c *client) question() envelope {
	c.t.Helper()
	e := c.next()
	if e.Method != "elicitation/create" {
		c.t.Fatalf("expected a question, got %s", e.raw)
	}
	return e
}

func (c *client) answer(question envelope, decision string) {
	c.t.Helper()
	c.send(`{"jsonrpc":"2.0","id":%s,"result":{"action":"accept","content":{"decision":%q}}}`, question.ID, decision)
}

// said returns everything that the server wrote.
func (c *client) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all.String()
}

// lastRecord is what the audit trail ends with.
func (c *client) lastRecord() audit.Record {
	c.t.Helper()
	text, err := os.ReadFile(c.trail)
	if err != nil {
		c.t.Fatal(err)
	}
	var last audit.Record
	for record, err := range audit.Read(bytes.NewReader(text)) {
		if err != nil {
			c.t.Fatal(err)
		}
		last = record
	}
	return last
}

// kinds returns the kinds of events on the audit trail, whose chain must hold.
func (c *client) kinds() []string {
	c.t.Helper()
	if _, err := audit.Verify(c.trail); err != nil {
		c.t.Fatal(err)
	}
	file, err := os.Open(c.trail)
	if err != nil {
		c.t.Fatal(err)
	}
	var kinds []string
	for record, err := range audit.Read(file) {
		if err != nil {
			c.t.Fatal(err)
		}
		kinds = append(kinds, string(record.Kind))
	}
	return kinds
}

func TestIDsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	for _, id := range []string{"9007199254740993", "-1", "1e3", "1.50", `"a"`, `""`, `"\u0061\"\\"`, `"` + injectedValue + `"`, "123456789012345678901234567890"} {
		c.send(`{"jsonrpc":"2.0","id": %s ,"method":"ping"}`, id)
		c.reply(id)
	}
}

func TestMessagesThatAreNoCalls(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	for sent, code := range map[string]int{
		`{"jsonrpc":"2.0",`: -32700,
		`nonsense`:          -32700,
		`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`:     -32600,
		`{"jsonrpc":"2.0","id":null,"method":"ping"}`:    -32600,
		`{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}`: -32600,
		`{"jsonrpc":"2.0","id":[1],"method":"ping"}`:     -32600,
		`{"jsonrpc":"2.0","id":true,"method":"ping"}`:    -32600,
		`{}`:   -32600,
		`42`:   -32700,
		`null`: -32600,
	} {
		c.send("%s", sent)
		if e := c.reply("null"); e.Error == nil || e.Error.Code != code {
			t.Errorf("%s: got %s", sent, e.raw)
		}
	}
	c.send(`{"jsonrpc":"1.0","id":1,"method":"ping"}`)
	if e := c.reply("1"); e.Error == nil {
		t.Errorf("got %s", e.raw)
	}
	c.send(`{"jsonrpc":"2.0","id":2,"method":"no/such"}`)
	if e := c.reply("2"); e.Error == nil || e.Error.Code != -32601 {
		t.Errorf("got %s", e.raw)
	}
	c.send(`{"jsonrpc":"2.0","id":3,"method":7}`)
	if e := c.reply("3"); e.Error == nil {
		t.Errorf("got %s", e.raw)
	}
	c.send(`{"jsonrpc":"2.0","id":77,"result":{}}`) // an answer that nobody waits for
	c.send(`{"jsonrpc":"2.0","id":4,"method":"ping"}`)
	c.reply("4")
}

func TestLongLine(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	padding := strings.Repeat("x", 9<<20)
	c.send(`{"jsonrpc":"2.0","id":"long","method":"ping","params":{"padding":%q}}`, padding)
	if e := c.reply(`"long"`); e.Error == nil || !strings.Contains(e.Error.Message, "8 MiB") {
		t.Errorf("got %.200s", e.raw)
	}
	c.send(`{"params":{"id":1,"padding":"\"id\":2,%s"},"method":"ping","id": 9007199254740993,"jsonrpc":"2.0"}`, padding)
	c.reply("9007199254740993")
	c.send("%s", padding)
	c.reply("null")
	c.send(`{"jsonrpc":"2.0","id":2,"method":"ping"}`)
	c.reply("2")
}

func TestEndOfInputDrains(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	for i := range 20 {
		c.call(fmt.Sprint(100+i), "list_secrets", `{}`)
	}
	c.call("200", "get_vault_secret", `{"name":"STORED","purpose":"drain"}`) // nobody will answer
	c.send(`{"jsonrpc":"2.0","id":"listening","method":"subscriptions/listen","params":{"notifications":{"resourcesListChanged":true},"_meta":%s}}`, modern("{}"))
	_, _ = io.WriteString(c.in, `{"jsonrpc":"2.0","id":300,"method":"ping"}`) // without a newline
	_ = c.in.Close()
	got := map[string]bool{}
	for line := range c.lines {
		var e envelope
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Method == "" {
			got[string(e.ID)] = true
		}
	}
	for i := range 20 {
		if !got[fmt.Sprint(100+i)] {
			t.Errorf("no reply to %d", 100+i)
		}
	}
	if !got["200"] || !got["300"] {
		t.Errorf("no reply to the question's call or to the last line: %v", got)
	}
	if err := <-c.done; err != nil {
		t.Error(err)
	}
}

func TestCancelledCallGetsNoReply(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("7", "get_vault_secret", `{"name":"STORED","purpose":"to be cancelled"}`)
	asked := c.question()
	c.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	if e := c.next(); e.Method != "notifications/cancelled" || !bytes.Contains(e.Params, asked.ID) {
		t.Errorf("the question was not taken away: %s", e.raw)
	}
	c.answer(asked, "approve") // too late
	c.send(`{"jsonrpc":"2.0","id":8,"method":"ping"}`)
	c.reply("8")
	if kinds := c.kinds(); !slices.Equal(kinds, []string{"asked", "withdrawn"}) {
		t.Errorf("on record: %v", kinds)
	}
	if strings.Contains(c.said(), "made-up-vault") {
		t.Error("the value left")
	}
}

func TestCallsWithOneID(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	c.call("7", "get_vault_secret", `{"name":"STORED","purpose":"first"}`)
	asked := c.question()
	c.call("7", "list_secrets", `{}`)
	if e := c.reply("7"); e.Result.StructuredContent["complete"] != true {
		t.Errorf("got %s", e.raw)
	}
	c.answer(asked, "approve")
	if e := c.reply("7"); e.Result.StructuredContent["value"] != vaultValue {
		t.Errorf("got %s", e.raw)
	}
}

func TestOpenQuestionsDoNotBlock(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{"elicitation":{}}`)
	for i := range 5 {
		c.call(fmt.Sprint(i+1), "get_vault_secret", fmt.Sprintf(`{"name":"STORED","purpose":"question %d"}`, i))
	}
	first := c.question()
	c.call("10", "list_secrets", `{}`)
	c.reply("10") // and no second question before it
	c.answer(first, "approve")
	if e := c.next(); e.Method == "" && e.Result.StructuredContent["status"] != "approved" {
		t.Errorf("got %s", e.raw)
	}
}

// modern is the _meta of a request of 2026-07-28.
func modern(capabilities string) string {
	return `{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":` + capabilities +
		`,"io.modelcontextprotocol/clientInfo":{"name":"modern","version":"2"}}`
}

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.send(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_secrets","arguments":{},"_meta":%s}}`, modern("{}"))
	if e := envelopeOf(t, <-c.lines); string(e.ID) != "1" {
		t.Errorf("a client that subscribed to nothing got %s", e.raw)
	}
	c.send(`{"jsonrpc":"2.0","id":9007199254740993,"method":"subscriptions/listen","params":{"notifications":{"resourcesListChanged":true},"_meta":%s}}`, modern("{}"))
	if e := envelopeOf(t, <-c.lines); !strings.Contains(e.Method, "acknowledged") || !strings.Contains(string(e.Params), `"io.modelcontextprotocol/subscriptionId":9007199254740993`) {
		t.Errorf("got %s", e.raw)
	}
}

func envelopeOf(t *testing.T, line string) envelope {
	t.Helper()
	e := envelope{raw: line}
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	return e
}
