package devstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a Store that listens on loopback.
type Server struct {
	http http.Server
	addr string
	done sync.WaitGroup
	stop context.CancelFunc
}

// Serve listens on addr, such as "127.0.0.1:0", and serves the store there
// until Close or the end of ctx. It refuses any address but loopback: what a
// Store holds goes over the wire in the clear.
func Serve(ctx context.Context, addr string, store *Store) (*Server, error) {
	if err := checkLoopback(addr); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		if where, ok := errors.AsType[*net.OpError](err); ok {
			err = where.Err
		}
		return nil, fmt.Errorf("listen on %s: %w: use 127.0.0.1:0 for a port that is free", addr, err)
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{addr: listener.Addr().String(), stop: stop}
	s.http = http.Server{
		Handler:           store,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(io.Discard, "", 0), // it would hold pieces of requests
	}
	s.done.Go(func() { _ = s.http.Serve(listener) }) // always an error: that it was closed
	context.AfterFunc(ctx, func() { _ = s.http.Close() })
	return s, nil
}

// Addr returns the address that s listens on, to serve there again later.
func (s *Server) Addr() string { return s.addr }

// URL returns the base URL for clients.
func (s *Server) URL() string { return "http://" + s.addr }

// Close ends every connection and frees the address.
func (s *Server) Close() {
	s.stop()
	_ = s.http.Close() // nothing to do about a connection that will not close
	s.done.Wait()
}

var errNotLoopback = errors.New("the development store listens on loopback only")

// checkLoopback returns nil if addr is a host and port that other machines
// cannot reach.
func checkLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%w, and the address has no host and port: use 127.0.0.1:0", errNotLoopback)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w: use 127.0.0.1:0", errNotLoopback)
}
