//go:build !unix

package rundir

import (
	"context"
	"errors"
	"net"
	"os"
)

// All is empty on this system.
func All() []string { return nil }

// Make is of no use on this system.
func Make() (string, error) { return "", errors.ErrUnsupported }

// Use is of no use on this system.
func Use(string) error { return errors.ErrUnsupported }

// Check is of no use on this system.
func Check(string) error { return errors.ErrUnsupported }

// IsOurs cannot tell on this system.
func IsOurs(os.FileInfo) bool { return false }

// Listen is of no use on this system.
func Listen(context.Context, string) (net.Listener, error) { return nil, errors.ErrUnsupported }

// Peer cannot be told on this system, so that nobody is answered.
func Peer(net.Conn) (pid int, err error) { return 0, errors.ErrUnsupported }

// Who cannot be told on this system.
func Who(net.Conn) (uid, pid int, err error) { return 0, 0, errors.ErrUnsupported }
