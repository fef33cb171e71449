// Package loopback serves pages to the browser of a person at this machine, and
// to nobody else's page in it.
//
// The server is http://localhost:PORT, a name because passkeys need one. A
// browser may try either address of that name, so both are taken on the same
// port, or none: who holds the other one would be taken for this server.
package loopback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// The bounds on whoever connects.
const (
	headerTime = 5 * time.Second
	readTime   = 10 * time.Second
	writeTime  = 15 * time.Second // a handler that takes longer moves its deadline
	idleTime   = 30 * time.Second
	maxHeader  = 16 << 10
	maxBody    = 64 << 10
)

// Both addresses of localhost.
const (
	loopback4 = "127.0.0.1"
	loopback6 = "::1"
)

// tries is how many ports are tried where one of a port's two addresses is
// taken. They are random ones, of which few are.
const tries = 20

// Server is a running server. Close ends it.
type Server struct {
	origin string
	http   *http.Server
}

// Listen serves handler on a random port of localhost until ctx ends, or Close.
//
// What reaches handler is a GET, HEAD or POST to Origin, with a body that was read
// whole and is 64 KiB at most. A POST comes from a page of this very server. Every
// answer forbids to be kept, framed, or to load or send anything elsewhere.
func Listen(ctx context.Context, handler http.Handler) (*Server, error) {
	listeners, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	s := &Server{origin: "http://localhost:" + port}
	present := &crowd{}
	s.http = &http.Server{
		Handler:           guard{host: "localhost:" + port, origin: s.origin, present: present, next: handler},
		ConnContext:       withConn,
		ConnState:         present.changed,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		// The library would answer OPTIONS * by itself, whoever's page asks.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // it would quote what came in
	}
	for _, l := range listeners {
		go func() { _ = s.http.Serve(l) }()
	}
	context.AfterFunc(ctx, s.Close)
	return s, nil
}

// Origin returns the server's origin, "http://localhost:PORT".
func (s *Server) Origin() string { return s.origin }

// Close ends the server, and what it is answering.
func (s *Server) Close() { _ = s.http.Close() }

// listen takes one port on both addresses. Where the system has no second one,
// nobody else can have it either, and the first is enough.
func listen(ctx context.Context) ([]net.Listener, error) {
	if !hasIPv6(ctx) {
		first, err := take(ctx, "tcp4", loopback4, anyPort)
		return []net.Listener{first}, err
	}
	var err error
	for range tries {
		var both []net.Listener
		if both, err = listenBoth(ctx, anyPort); !errors.Is(err, errTaken) {
			return both, err
		}
	}
	return nil, err
}

// anyPort lets the system choose one that is free.
const anyPort = "0"

// errTaken says that somebody else has one of a port's addresses.
var errTaken = errors.New("somebody else has that port on the other address")

// listenBoth takes port on both addresses or on none.
func listenBoth(ctx context.Context, port string) ([]net.Listener, error) {
	first, err := take(ctx, "tcp4", loopback4, port)
	if err != nil {
		return nil, err
	}
	_, port, _ = net.SplitHostPort(first.Addr().String())
	second, err := take(ctx, "tcp6", loopback6, port)
	if err != nil {
		_ = first.Close()
		return nil, err
	}
	return []net.Listener{first, second}, nil
}

func take(ctx context.Context, network, host, port string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, network, net.JoinHostPort(host, port))
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: %w", errTaken, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on localhost: %w", err)
	}
	return l, nil
}

// hasIPv6 reports whether anybody could listen on [::1]. Only an address that the
// system says not to have is out of everybody's reach; whatever else keeps this
// process from it need not keep others.
func hasIPv6(ctx context.Context) bool {
	l, err := take(ctx, "tcp6", loopback6, anyPort)
	if err == nil {
		_ = l.Close()
	}
	return !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EAFNOSUPPORT)
}
