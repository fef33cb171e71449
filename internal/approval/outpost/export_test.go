package outpost

import "net"

// Join makes conn the connection to a process of uid, as if it had been dialled and
// believed.
func (c *Client) Join(conn net.Conn, uid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = newLink(conn, uid)
}

// CheckPeer is checkPeer.
func CheckPeer(owner, uid int) error { return checkPeer(owner, uid) }

// Greeted waits for the hello of a process at the other end of conn, and dials nobody.
func Greeted(conn net.Conn) error { return newLink(conn, 0).greeted() }
