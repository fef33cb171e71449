package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

var (
	errInputEnded = errors.New("the client's input has ended")
	errDeclined   = errors.New("the client answered with an error")
)

// reply is the client's answer to a request of ours.
type reply struct {
	result json.RawMessage
	err    error
}

// questions are our requests to the client that have no answer yet.
type questions struct {
	send func(m any)

	mu     sync.Mutex
	open   map[int64]chan reply
	last   int64 // the id of the last one
	closed bool  // the input has ended: nobody can answer any more
}

// Elicit puts a question to the client and waits for its answer. When ctx ends
// first, the client is told to take the question away.
func (q *questions) Elicit(ctx context.Context, request mcp.ElicitationRequest) (*mcp.ElicitationResult, error) {
	id, waiting, err := q.ask()
	if err != nil {
		return nil, err
	}
	q.send(map[string]any{
		"jsonrpc": mcp.JSONRPC_VERSION, "id": id,
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
		q.takeAway(id)
		return nil, ctx.Err()
	}
}

// ask opens a question. Its channel gets one reply at most.
func (q *questions) ask() (int64, <-chan reply, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0, nil, errInputEnded
	}
	if q.open == nil {
		q.open = map[int64]chan reply{}
	}
	q.last++
	waiting := make(chan reply, 1)
	q.open[q.last] = waiting
	return q.last, waiting, nil
}

// answer hands a reply of the client to the question that waits for it. A reply
// that nobody waits for is late, and is dropped.
func (q *questions) answer(m message) {
	id, err := strconv.ParseInt(string(bytes.TrimSpace(m["id"])), 10, 64)
	if err != nil {
		return
	}
	r := reply{result: m["result"]}
	if r.result == nil {
		r.err = errDeclined
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if waiting, ok := q.open[id]; ok {
		delete(q.open, id)
		waiting <- r
	}
}

// takeAway forgets a question and tells the client.
func (q *questions) takeAway(id int64) {
	q.mu.Lock()
	_, open := q.open[id]
	delete(q.open, id)
	q.mu.Unlock()
	if open {
		q.send(notification(string(mcp.MethodNotificationCancelled), map[string]any{"requestId": id}))
	}
}

// hangUp ends every question, now and later.
func (q *questions) hangUp() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, waiting := range q.open {
		waiting <- reply{err: errInputEnded}
	}
	clear(q.open)
}
