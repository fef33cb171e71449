package server

import (
	"bytes"
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

// calls are the requests of the client that have no reply yet. Two of them may
// have the same id, against the protocol: each gets its reply.
type calls struct {
	inFlight sync.WaitGroup

	mu     sync.Mutex
	open   map[int64]*call // by number
	begun  int64
	closed bool // no more calls are taken
}

// admit takes c among the calls in flight and reports whether it could.
func (cs *calls) admit(c *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.open) >= maxInFlight {
		return false
	}
	if cs.open == nil {
		cs.open = map[int64]*call{}
	}
	cs.begun++
	c.number = cs.begun
	cs.open[c.number] = c
	cs.inFlight.Add(1)
	return true
}

// settle takes c from the calls in flight and reports whether the client wants
// no reply any more.
func (cs *calls) settle(c *call) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c.number)
	return c.cancelled
}

// cancel marks the calls with this id as ones that get no reply, and returns
// them. The handshake cannot be cancelled.
func (cs *calls) cancel(id json.RawMessage) []*call {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	var found []*call
	for _, c := range cs.open {
		if bytes.Equal(c.id, id) && c.method != string(mcp.MethodInitialize) {
			c.cancelled = true
			found = append(found, c)
		}
	}
	return found
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
