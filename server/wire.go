package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"scrim/redact"
)

// maxInFlight bounds the calls that are worked on at once. Beyond it a call is
// answered with an error, so that the client's answers to questions of ours are
// always read.
const maxInFlight = 256

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
	mcp      *mcpserver.MCPServer
	session  *session
	redactor *redact.Redactor
	log      *slog.Logger
	prepare  func() // makes ready what the handshake does without
	onReply  func() // after the first reply is out

	writing sync.Mutex
	out     io.Writer

	mu        sync.Mutex
	calls     map[string]*call // by id as it was written
	questions map[int64]chan reply
	asked     int64 // how many questions there were, and the id of the last
	begun     int64 // the same for calls
	closed    bool  // input has ended: nobody can answer a question any more
	inFlight  sync.WaitGroup
	first     sync.Once
}

// call is one request of the client that has no reply yet.
type call struct {
	id        json.RawMessage // as the client wrote it
	number    int64           // what the library knows it by
	method    string
	cancel    context.CancelFunc
	cancelled bool // the client wants no reply
}

// reply is the client's answer to a request of ours.
type reply struct {
	result json.RawMessage
	err    error
}

var (
	errInputEnded = errors.New("the client's input has ended")
	errDeclined   = errors.New("the client answered with an error")
)

// message is one incoming JSON-RPC message. Keys are matched to the letter,
// which encoding/json does not do for a struct.
type message map[string]json.RawMessage

func (m message) text(key string) string {
	var s string
	_ = json.Unmarshal(m[key], &s) // what is no string is empty
	return s
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
	w.hangUp()
	drained := make(chan struct{})
	go func() { w.inFlight.Wait(); close(drained) }()
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

// hangUp ends what only the client could end.
func (w *wire) hangUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.session.leave()
	for _, waiting := range w.questions {
		waiting <- reply{err: errInputEnded}
	}
	clear(w.questions)
	for _, c := range w.calls {
		if c.method == string(mcp.MethodSubscriptionsListen) {
			c.cancelled = true
			c.cancel()
		}
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
		w.cancelCall(m)
	case hasMethod && !hasID:
		w.respond(ctx, line)
	case hasMethod && !isID(id):
		w.refuse(nil, mcp.INVALID_REQUEST, "id must be a string or a number")
	case hasMethod:
		w.request(ctx, m, bytes.Clone(bytes.TrimSpace(id)))
	case hasID:
		w.answer(m)
	default:
		w.refuse(nil, mcp.INVALID_REQUEST, "a message needs a method, or an id with a result or an error")
	}
}

// request starts a call. The handshake is done before the next message is
// looked at, since what follows depends on it.
func (w *wire) request(ctx context.Context, m message, id json.RawMessage) {
	c := &call{id: id, method: m.text("method")}
	ctx, c.cancel = context.WithCancel(redact.WithCall(ctx, id))
	if problem := w.admit(c); problem != "" {
		c.cancel()
		w.refuse(id, codeBusy, problem)
		return
	}
	if c.method == string(mcp.MethodInitialize) {
		w.handle(ctx, c, m)
		return
	}
	go w.handle(ctx, c, m)
}

// admit takes c among the calls in flight, or says why not.
func (w *wire) admit(c *call) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, taken := w.calls[string(c.id)]; taken {
		return "this id belongs to a call that has no reply yet"
	}
	if len(w.calls) >= maxInFlight {
		return "too many calls at once: wait for replies"
	}
	w.begun++
	c.number = w.begun
	w.calls[string(c.id)] = c
	w.inFlight.Add(1)
	return ""
}

// handle has the library answer a call and sends the reply, unless the call was
// cancelled.
func (w *wire) handle(ctx context.Context, c *call, m message) {
	defer w.inFlight.Done()
	defer c.cancel()
	if c.method != string(mcp.MethodInitialize) && c.method != string(mcp.MethodServerDiscover) {
		w.prepare()
	}
	response := w.respond(ctx, c.forLibrary(m))
	if cancelled := w.settle(c); cancelled {
		return
	}
	switch r := response.(type) {
	case mcp.JSONRPCResponse:
		r.ID = mcp.NewRequestId(c.id)
		if listened, ok := r.Result.(mcp.SubscriptionsListenResult); ok {
			listened.EnsureResultMeta().SetSubscriptionID(c.id)
			r.Result = listened
		}
		w.send(r)
	case mcp.JSONRPCError:
		r.ID = mcp.NewRequestId(c.id)
		w.send(r)
	default:
		w.refuse(c.id, mcp.INTERNAL_ERROR, "internal error")
	}
}

// forLibrary is the message m under an id that the library cannot change, as it
// would a large number. Its members are JSON already, and keys that differ from
// the protocol's in case only are left behind.
func (c *call) forLibrary(m message) []byte {
	line := strconv.AppendInt([]byte(`{"id":`), c.number, 10)
	for _, key := range []string{"jsonrpc", "method", "params"} {
		if raw, ok := m[key]; ok {
			line = append(append(append(append(line, `,"`...), key...), `":`...), raw...)
		}
	}
	return append(line, '}')
}

// settle takes c from the calls in flight and reports whether the client wants
// no reply any more.
func (w *wire) settle(c *call) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.calls, string(c.id))
	return c.cancelled
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

// cancelCall ends a call without a reply: its context ends and its claims die.
func (w *wire) cancelCall(m message) {
	var params message
	if err := json.Unmarshal(m["params"], &params); err != nil {
		return
	}
	id := bytes.TrimSpace(params["requestId"])
	w.mu.Lock()
	c := w.calls[string(id)]
	if c != nil && c.method != string(mcp.MethodInitialize) {
		c.cancelled = true
	}
	w.mu.Unlock()
	if c == nil || !c.cancelled {
		return
	}
	w.redactor.Void(c.id)
	c.cancel()
}

// answer hands a reply of the client to the question that waits for it. A reply
// that nobody waits for is late, and is dropped.
func (w *wire) answer(m message) {
	number, err := strconv.ParseInt(string(bytes.TrimSpace(m["id"])), 10, 64)
	if err != nil {
		return
	}
	r := reply{result: m["result"]}
	if r.result == nil {
		r.err = errDeclined
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if waiting, ok := w.questions[number]; ok {
		delete(w.questions, number)
		waiting <- r
	}
}

// Elicit puts a question to the client and waits for its answer. When ctx ends
// first, the client is told to take the question away.
func (w *wire) Elicit(ctx context.Context, request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	number, waiting, err := w.ask()
	if err != nil {
		return nil, err
	}
	w.send(map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "id": number,
		"method": mcp.MethodElicitationCreate, "params": request.Params,
	})
	select {
	case r := <-waiting:
		if r.err != nil {
			return nil, r.err
		}
		var result mcp.ElicitationResult
		if err := json.Unmarshal(r.result, &result); err != nil {
			return nil, fmt.Errorf("parse the client's answer: %w", err)
		}
		return &result, nil
	case <-ctx.Done():
		w.forget(number)
		return nil, ctx.Err()
	}
}

// ask opens a question of ours. Its channel gets one reply at most.
func (w *wire) ask() (int64, <-chan reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, nil, errInputEnded
	}
	w.asked++
	waiting := make(chan reply, 1)
	w.questions[w.asked] = waiting
	return w.asked, waiting, nil
}

func (w *wire) forget(number int64) {
	w.mu.Lock()
	_, open := w.questions[number]
	delete(w.questions, number)
	w.mu.Unlock()
	if open {
		w.send(notification(string(mcp.MethodNotificationCancelled), map[string]any{"requestId": number}))
	}
}

// refuse answers a message with an error; id is nil where none could be read.
func (w *wire) refuse(id json.RawMessage, code int, text string) {
	w.send(mcp.JSONRPCError{
		JSONRPC: mcp.JSONRPC_VERSION, ID: mcp.NewRequestId(id),
		Error: mcp.NewJSONRPCErrorDetails(code, text, nil),
	})
}

// send writes one message in one write.
func (w *wire) send(m any) {
	line, err := json.Marshal(m)
	if err != nil {
		w.log.Error("a message could not be encoded", "error", err)
		return
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	if _, err := w.out.Write(append(line, '\n')); err != nil {
		w.log.Debug("the client does not read any more", "error", err)
	}
	if w.onReply != nil {
		w.first.Do(w.onReply)
	}
}
