package loopback_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// TestOwnConnections: this user's are known as such in either family, also the IPv4
// ones of a socket of IPv6, as some programs have them. (Those of others: internal/e2e.)
func TestOwnConnections(t *testing.T) {
	t.Parallel()
	s := start(t)
	port, err := strconv.Atoi(portOf(s))
	if err != nil {
		t.Fatal(err)
	}
	get := "GET / HTTP/1.1\r\nHost: " + hostOf(s) + "\r\n\r\n"
	all := addresses(t, s)
	for _, address := range all {
		if response, _ := send(t, address, get); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", address, response.StatusCode)
		}
	}
	if len(all) < 2 {
		return // no IPv6 here, and so no such sockets
	}
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(fd), "mapped")
	defer func() { _ = socket.Close() }()
	if err := syscall.Connect(fd, &syscall.SockaddrInet6{Port: port, Addr: [16]byte(net.ParseIP("127.0.0.1").To16())}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(socket, get); err != nil {
		t.Fatal(err)
	}
	if response, err := http.ReadResponse(bufio.NewReader(socket), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("mapped: %+v, %v", response, err)
	}
}
