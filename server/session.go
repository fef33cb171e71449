package server

import (
	"context"
	"sync"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"
)

// session is the one client of a wire, as the library sees it. The library's
// in-process session keeps client information and queues notifications; this
// adds what a client of 2026-07-28 subscribed to.
type session struct {
	*mcpserver.InProcessSession

	mu     sync.Mutex
	filter mcp.SubscriptionFilter
	acked  bool // the subscription was acknowledged, which comes before anything of it

	leaving sync.Once
	gone    chan struct{}
}

func newSession(questions mcpserver.ElicitationHandler) *session {
	return &session{
		InProcessSession: mcpserver.NewInProcessSessionWithHandlers("stdio", nil, questions, nil),
		gone:             make(chan struct{}),
	}
}

// SetSubscriptionFilter records what the client subscribed to.
func (s *session) SetSubscriptionFilter(filter mcp.SubscriptionFilter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.filter, s.acked = filter, false
}

// SubscriptionFilter returns what the client subscribed to, if anything.
func (s *session) SubscriptionFilter() (mcp.SubscriptionFilter, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.filter, !s.filter.IsEmpty()
}

// acknowledge says that the client is told of its subscription now.
func (s *session) acknowledge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acked = true
}

// wants reports whether the client may be sent a notification of this method
// unasked: an older client once it is initialised, a client of 2026-07-28,
// which never shakes hands, only what it subscribed to.
func (s *session) wants(method string) bool {
	s.mu.Lock()
	filter, subscribed := s.filter, s.acked
	s.mu.Unlock()
	shookHands := s.ProtocolVersion() != "" && s.Initialized()
	switch method {
	case mcp.MethodNotificationResourcesListChanged:
		return shookHands || subscribed && filter.ResourcesListChanged
	case mcp.MethodNotificationToolsListChanged:
		return shookHands || subscribed && filter.ToolsListChanged
	case mcp.MethodNotificationPromptsListChanged:
		return shookHands || subscribed && filter.PromptsListChanged
	default:
		return true // an answer to something that the client asked for
	}
}

// Gone is closed when the client can no longer answer a question.
func (s *session) Gone() <-chan struct{} { return s.gone }

func (s *session) leave() { s.leaving.Do(func() { close(s.gone) }) }

// notify sends what the library queues for the client, until ctx ends.
func (w *wire) notify(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-w.session.ClientNotifications():
			if n.Method == mcp.MethodNotificationSubscriptionsAcknowledged {
				w.session.acknowledge()
			}
			if w.session.wants(n.Method) {
				w.send(w.tagged(n))
			}
		}
	}
}

// tagged gives what belongs to a subscription that subscription's id, as the
// client wrote it. Progress and the like belong to none.
func (w *wire) tagged(n mcp.JSONRPCNotification) mcp.JSONRPCNotification {
	_, acknowledges := n.Params.Meta[mcp.MetaKeySubscriptionID]
	filter, _ := w.session.SubscriptionFilter()
	if !acknowledges && (filter.IsEmpty() || n.Method == "notifications/progress") {
		return n
	}
	if id := w.calls.subscription(); id != nil {
		n.Params.Meta = map[string]any{mcp.MetaKeySubscriptionID: id}
	}
	return n
}

func notification(method string, params map[string]any) mcp.JSONRPCNotification {
	return mcp.JSONRPCNotification{
		JSONRPC:      mcp.JSONRPC_VERSION,
		Notification: mcp.Notification{Method: method, Params: mcp.NotificationParams{AdditionalFields: params}},
	}
}
