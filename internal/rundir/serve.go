package rundir

import "net"

// Serve hands each connection to handle, in a goroutine of its own, until l is
// closed. It returns at once.
func Serve(l net.Listener, handle func(net.Conn)) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // it was closed
			}
			go handle(c)
		}
	}()
}
