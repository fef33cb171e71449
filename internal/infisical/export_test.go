package infisical

import (
	"context"
	"net"
	"net/http"
)

// DialTo makes c reach every host by dial, for servers that live in memory.
func (c *Client) DialTo(dial func(context.Context, string, string) (net.Conn, error)) {
	c.transport().DialContext = dial
}

// Hang closes the connections that c keeps open between calls.
func (c *Client) Hang() { c.transport().CloseIdleConnections() }

func (c *Client) transport() *http.Transport {
	return c.wire.base.(*http.Transport)
}
