package loopback

import (
	"errors"
	"net"
	"net/http"
	"testing"
)

// TestOtherAddressTaken: where somebody else has the other address of a port, that
// port is not used; and where they have it of each, there is no server.
func TestOtherAddressTaken(t *testing.T) {
	t.Parallel()
	if !hasIPv6(t.Context()) {
		t.Log("this system has no [::1], so nobody can take it")
		return
	}
	var config net.ListenConfig
	squatter, err := config.Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = squatter.Close() }()
	_, port, _ := net.SplitHostPort(squatter.Addr().String())
	if _, err := listenBoth(t.Context(), port); !errors.Is(err, errTaken) {
		t.Errorf("beside a stranger on [::1]:%s: %v", port, err)
	}
	// The first address was given back.
	l, err := config.Listen(t.Context(), "tcp4", net.JoinHostPort(loopback4, port))
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	for range 50 {
		s, err := Listen(t.Context(), http.NotFoundHandler())
		if err != nil {
			t.Fatal(err)
		}
		if s.Origin() == "http://localhost:"+port {
			t.Error("it shares a port with a stranger")
		}
		s.Close()
	}
}
