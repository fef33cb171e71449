package outpost

import "net"

// Join makes conn the connection to a process of uid, as if it had been dialled and
// believed.
func (c *Client) Join(conn net.Conn, uid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.link = &link{conn: conn, uid: uid}
}

// CheckPeer is checkPeer.
func CheckPeer(path string, owner, uid int) error { return checkPeer(path, owner, uid) }
