//go:build linux

package e2e

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"scrim/internal/loopback"
)

// A page of this machine is for its user: another one, who saw its address in the list
// of processes, is told nothing, and cannot answer.
func TestPageIsNotForOtherUsers(t *testing.T) {
	t.Parallel()
	needUsers(t)
	reached := make(chan string, 100)
	s, err := loopback.Listen(t.Context(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached <- r.Method }))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	host := strings.TrimPrefix(s.Origin(), "http://")
	port, err := strconv.Atoi(strings.TrimPrefix(host, "localhost:"))
	if err != nil {
		t.Fatal(err)
	}
	four, six := &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}, &syscall.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	const stranger = 4757
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + s.Origin() + "\r\nContent-Length: 3\r\n\r\na=b",
	} {
		for name, to := range map[string]syscall.Sockaddr{"127.0.0.1": four, "[::1]": six} {
			c := connectAs(t, stranger, to)
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || response.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %+v, %v", name, response, err)
			}
			// One who does not wait for the answer is nobody any more.
			c = connectAs(t, stranger, to)
			_, _ = io.WriteString(c, text)
			_ = c.Close()
		}
	}
	response, err := http.Get(s.Origin()) //nolint:noctx // of the test's own server
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("its user: %+v, %v", response, err)
	}
	_ = response.Body.Close()
	if first := <-reached; first != http.MethodGet || len(reached) > 0 {
		t.Errorf("%s and %d more reached the page", first, len(reached))
	}
}

// connectAs returns a socket of that user's which is connected to.
func connectAs(t *testing.T, uid int, to syscall.Sockaddr) *os.File {
	t.Helper()
	family := syscall.AF_INET
	if _, ok := to.(*syscall.SockaddrInet6); ok {
		family = syscall.AF_INET6
	}
	made := make(chan *os.File)
	go func() {
		defer close(made)
		runtime.LockOSThread() // and never unlocked: the thread ends with this
		if err := syscall.Setfsuid(uid); err != nil {
			t.Error(err)
			return
		}
		fd, err := syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		made <- os.NewFile(uintptr(fd), "a stranger's")
	}()
	c := <-made
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := syscall.Connect(int(c.Fd()), to); err != nil {
		t.Fatal(err)
	}
	return c
}
