package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"scrim/redact"
	"scrim/tools"
)

// drainFor bounds how long replies are waited for once the input has ended;
// longer than the store's own limit for a call.
const drainFor = 25 * time.Second

// settleFor bounds how long calls that were cancelled are waited for.
const settleFor = 2 * time.Second

// codeBusy is the JSON-RPC error for a call that could not be taken.
const codeBusy = -32000

// wire carries JSON-RPC messages between a client and the library's handler:
// one message a line, each call on its own goroutine, ids kept to the byte.
//
// The library's own stdio server is not used: it is global to the process,
// reads lines of any length, changes ids beyond 2^53, and drops replies at the
// end of input. Its HandleMessage, which is what it calls, is used here.
type wire struct {
	mcp       *mcpserver.MCPServer
	session   *session
	redactor  *redact.Redactor
	log       *slog.Logger
	calls     calls
	questions questions

	prepare func() // makes ready what the handshake does without
	onReply func() // once, after the first reply is out
	first   sync.Once

	writing sync.Mutex
	out     io.Writer
}

// message is one incoming JSON-RPC message. Keys are matched to the letter,
// which encoding/json does not do for a struct.
type message map[string]json.RawMessage

func (m message) text(key string) string {
	var s string
	_ = json.Unmarshal(m[key], &s) // what is no string is empty
	return s
}

// param returns the member called key of the message's params, or nil.
func (m message) param(key string) json.RawMessage {
	var params message
	_ = json.Unmarshal(m["params"], &params) // what is no object has no members
	return bytes.TrimSpace(params[key])
}

// serve reads messages until the input ends or ctx does, and returns when every
// call that can be replied to has been.
func (w *wire) serve(ctx context.Context, in io.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go w.notify(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.read(ctx, in) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done(): // the reader may be waiting for a line; nothing ends that
	}
	w.end(ctx, stop)
	return err
}

// read receives messages until the input ends.
func (w *wire) read(ctx context.Context, in io.Reader) error {
	for lines := newLineReader(in); ctx.Err() == nil; {
		line, err := lines.next()
		tooLong, isTooLong := errors.AsType[*tooLongError](err)
		switch {
		case isTooLong:
			w.refuse(tooLong.ID, mcp.INVALID_REQUEST, fmt.Sprintf("message too long: the limit is %d MiB", maxMessage>>20))
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the client's messages: %w", err)
		default:
			w.receive(ctx, line)
		}
	}
	return nil
}

// end lets the calls in flight finish: questions can no longer be answered,
// subscriptions never end by themselves, everything else gets its reply. When
// ctx is what ended, every call is cancelled instead, and has a moment to put
// that on record.
func (w *wire) end(ctx context.Context, stop context.CancelFunc) {
	w.session.leave()
	w.questions.hangUp()
	w.calls.close()
	drained := make(chan struct{})
	go func() { w.calls.inFlight.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(drainFor):
		w.log.Warn("gave up waiting for calls in flight")
	case <-ctx.Done():
	}
	stop()
	select {
	case <-drained:
	case <-time.After(settleFor):
	}
}

// receive handles one message of the client.
func (w *wire) receive(ctx context.Context, line []byte) {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		code, text := mcp.PARSE_ERROR, "parse error: one JSON-RPC message a line"
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) && json.Valid(line) {
			code, text = mcp.INVALID_REQUEST, "batches are not part of this protocol: one JSON-RPC message a line"
		}
		w.refuse(nil, code, text)
		return
	}
	id, hasID := m["id"]
	_, hasMethod := m["method"]
	switch {
	case hasMethod && !hasID && m.text("method") == string(mcp.MethodNotificationCancelled):
		w.cancel(m.param("requestId"))
	case hasMethod && !hasID:
		w.respond(ctx, line)
	case hasMethod && !isID(id):
		w.refuse(nil, mcp.INVALID_REQUEST, "id must be a string or a number")
	case hasMethod:
		w.request(ctx, m, bytes.Clone(bytes.TrimSpace(id)))
	case hasID:
		w.questions.answer(m)
	default:
		w.refuse(nil, mcp.INVALID_REQUEST, "a message needs a method, or an id with a result or an error")
	}
}

// request starts a call. The handshake is done before the next message is
// looked at, since what follows depends on it.
func (w *wire) request(ctx context.Context, m message, id json.RawMessage) {
	c := &call{id: id, method: m.text("method")}
	ctx, c.cancel = context.WithCancel(w.withProgress(redact.WithCall(ctx, id), m))
	if !w.calls.admit(c) {
		c.cancel()
		w.refuse(id, codeBusy, "too many calls at once: wait for replies")
		return
	}
	w.redactor.Reuse(id)
	if c.method == string(mcp.MethodInitialize) {
		w.handle(ctx, c, m)
		return
	}
	go w.handle(ctx, c, m)
}

// withProgress lets a call say that it is alive, if its client gave a token for
// that. The token goes back as it was written.
func (w *wire) withProgress(ctx context.Context, m message) context.Context {
	var meta message
	_ = json.Unmarshal(m.param("_meta"), &meta) // what is no object has no members
	token := bytes.Clone(bytes.TrimSpace(meta["progressToken"]))
	if !isID(token) {
		return ctx
	}
	return tools.WithProgress(ctx, func(step int, text string) {
		w.send(notification("notifications/progress", map[string]any{"progressToken": json.RawMessage(token), "progress": step, "message": text}))
	})
}

// handle has the library answer a call and sends the reply, unless the call was
// cancelled.
func (w *wire) handle(ctx context.Context, c *call, m message) {
	defer w.calls.inFlight.Done()
	defer c.cancel()
	if c.method != string(mcp.MethodInitialize) && c.method != string(mcp.MethodServerDiscover) {
		w.prepare()
	}
	response := w.respond(ctx, c.forLibrary(m))
	if cancelled := w.calls.settle(c); cancelled {
		return
	}
	switch r := response.(type) {
	case mcp.JSONRPCResponse:
		if listened, ok := r.Result.(mcp.SubscriptionsListenResult); ok {
			listened.EnsureResultMeta().SetSubscriptionID(c.id)
			r.Result = listened
		}
		w.reply(c.id, "result", r.Result)
	case mcp.JSONRPCError:
		w.reply(c.id, "error", plainError(r.Error))
	default:
		w.refuse(c.id, mcp.INTERNAL_ERROR, "internal error")
	}
}

// respond is HandleMessage without its panics: their text could hold anything
// and goes to the log, which is masked.
func (w *wire) respond(ctx context.Context, line []byte) (response mcp.JSONRPCMessage) {
	defer func() {
		if caught := recover(); caught != nil {
			w.log.Error("a call panicked", "panic", fmt.Sprint(caught))
			response = nil
		}
	}()
	return w.mcp.HandleMessage(w.mcp.WithContext(ctx, w.session), line)
}

// cancel ends a call without a reply: its claims die and its context ends.
func (w *wire) cancel(id json.RawMessage) {
	for _, c := range w.calls.cancel(id) {
		w.redactor.Void(c.id)
		c.cancel()
	}
}

// refuse answers a message with an error; id is nil where none could be read.
func (w *wire) refuse(id json.RawMessage, code int, text string) {
	w.reply(id, "error", mcp.NewJSONRPCErrorDetails(code, text, nil))
}

// reply sends a reply under the id as the client wrote it; an encoder would
// rewrite some ids, and a claim is bound to the bytes.
func (w *wire) reply(id json.RawMessage, member string, content any) {
	encoded, err := json.Marshal(content)
	if err != nil {
		w.log.Error("a reply could not be encoded", "error", err)
		member, encoded = "error", []byte(`{"code":-32603,"message":"internal error"}`)
	}
	if id == nil {
		id = json.RawMessage("null")
	}
	w.write(slices.Concat([]byte(`{"jsonrpc":"2.0","id":`), id, []byte(`,"`+member+`":`), encoded, []byte("}\n")))
}

// send sends a message of our own.
func (w *wire) send(m any) {
	line, err := json.Marshal(m)
	if err != nil {
		w.log.Error("a message could not be encoded", "error", err)
		return
	}
	w.write(append(line, '\n'))
}

// write writes one message in one write.
func (w *wire) write(line []byte) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if _, err := w.out.Write(line); err != nil {
		w.log.Debug("the client does not read any more", "error", err)
	}
	if w.onReply != nil {
		w.first.Do(w.onReply)
	}
}
