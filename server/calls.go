package server

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
)

// maxInFlight bounds the calls that are worked on at once. Beyond it a call is
// answered with an error, so that the client's answers to questions of ours are
// always read.
const maxInFlight = 256

// call is one request of the client that has no reply yet.
type call struct {
	id        json.RawMessage // as the client wrote it
	number    int64           // what the library knows it by
	method    string
	cancel    context.CancelFunc
	cancelled bool // the client wants no reply
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

// calls are the requests of the client that have no reply yet.
type calls struct {
	inFlight sync.WaitGroup

	mu     sync.Mutex
	open   map[string]*call // by id as it was written
	begun  int64
	closed bool // no more calls are taken
}

// admit takes c among the calls in flight, or says why not, and under which id:
// an error under the id of another call would pass for that call's reply.
func (cs *calls) admit(c *call) (id json.RawMessage, problem string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if _, taken := cs.open[string(c.id)]; taken {
		return nil, "the id of this call belongs to one that has no reply yet"
	}
	if cs.closed || len(cs.open) >= maxInFlight {
		return c.id, "too many calls at once: wait for replies"
	}
	if cs.open == nil {
		cs.open = map[string]*call{}
	}
	cs.begun++
	c.number = cs.begun
	cs.open[string(c.id)] = c
	cs.inFlight.Add(1)
	return c.id, ""
}

// settle takes c from the calls in flight and reports whether the client wants
// no reply any more.
func (cs *calls) settle(c *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, string(c.id))
	return c.cancelled
}

// cancel marks the call with this id as one that gets no reply, and returns it,
// or nil where there is none. The handshake cannot be cancelled.
func (cs *calls) cancel(id json.RawMessage) *call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	c := cs.open[string(id)]
	if c == nil || c.method == string(mcp.MethodInitialize) {
		return nil
	}
	c.cancelled = true
	return c
}

// close takes no more calls and ends those that never end by themselves.
func (cs *calls) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for _, c := range cs.open {
		if c.method == string(mcp.MethodSubscriptionsListen) {
			c.cancelled = true
			c.cancel()
		}
	}
}

// subscription returns the id of the last subscription that is open, or nil. The
// library keeps one filter a session, which is the last one's.
func (cs *calls) subscription() json.RawMessage {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	last := &call{}
	for _, c := range cs.open {
		if c.method == string(mcp.MethodSubscriptionsListen) && c.number > last.number {
			last = c
		}
	}
	return last.id
}
