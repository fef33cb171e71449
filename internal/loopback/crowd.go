package loopback

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
)

// maxQuiet bounds the connections that have not said yet what they want. A browser
// has six at most.
const maxQuiet = 256

// crowd is whoever is connected and has not said what they want, the longest first.
// Every user of this machine can connect. Where too many do, the first is sent away:
// who says what they want at once, as a browser does, is heard all the same.
type crowd struct {
	mu    sync.Mutex
	quiet []net.Conn
}

// changed is the server's ConnState.
func (c *crowd) changed(who net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew, http.StateIdle:
		c.comes(who)
	case http.StateClosed, http.StateHijacked:
		c.leaves(who)
	default: // it has begun to speak
	}
}

func (c *crowd) comes(who net.Conn) {
	c.leaves(who)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = append(c.quiet, who)
	if len(c.quiet) > maxQuiet {
		_ = c.quiet[0].Close()
		c.quiet = slices.Delete(c.quiet, 0, 1)
	}
}

func (c *crowd) leaves(who net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = slices.DeleteFunc(c.quiet, func(other net.Conn) bool { return other == who })
}

// said notes that the request of ctx was heard out.
func (c *crowd) said(ctx context.Context) {
	if who, ok := whose(ctx); ok {
		c.leaves(who)
	}
}

type connKey struct{}

// withConn is the server's ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// whose returns the connection by which a request came.
func whose(ctx context.Context) (net.Conn, bool) {
	c, ok := ctx.Value(connKey{}).(net.Conn)
	return c, ok
}
