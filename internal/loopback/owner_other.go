//go:build !linux

package loopback

import "net"

// isOurs cannot tell on this system whose a connection is.
func isOurs(net.Conn) bool { return true }
