package loopback_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"scrim/internal/loopback"
)

// start serves what says that it was reached, with a body that can be read.
func start(t *testing.T) *loopback.Server {
	t.Helper()
	s, err := loopback.Listen(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && len(body) <= 64<<10 {
			_, _ = io.WriteString(w, "reached")
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func hostOf(s *loopback.Server) string { return strings.TrimPrefix(s.Origin(), "http://") }

func portOf(s *loopback.Server) string { return strings.TrimPrefix(hostOf(s), "localhost:") }

// addresses are the server's, as far as this system has them.
func addresses(t *testing.T, s *loopback.Server) []string {
	t.Helper()
	all := []string{net.JoinHostPort("127.0.0.1", portOf(s))}
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		t.Logf("this system has no [::1]: %v", err)
		return all
	}
	_ = l.Close()
	return append(all, net.JoinHostPort("::1", portOf(s)))
}

// send writes raw bytes to address and returns the answer.
func send(t *testing.T, address, text string) (*http.Response, string) {
	t.Helper()
	c := dial(t, address)
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }() // the server may answer before it has read all of it
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestBothAddresses: the same page is at either address of localhost, so nobody
// else sits on the other one.
func TestBothAddresses(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, address := range addresses(t, s) {
		response, body := send(t, address, "GET / HTTP/1.1\r\nHost: "+hostOf(s)+"\r\n\r\n")
		if response.StatusCode != http.StatusOK || body != "reached" {
			t.Errorf("%s: %d %q", address, response.StatusCode, body)
		}
		var config net.ListenConfig
		if l, err := config.Listen(t.Context(), "tcp", address); err == nil {
			_ = l.Close()
			t.Errorf("somebody else can have %s", address)
		}
	}
}

// TestHeaders: they are on whatever is answered, refusals included.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, host := range []string{hostOf(s), "rebound.example"} {
		response, _ := send(t, addresses(t, s)[0], "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", host, name, got)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %s", host, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: it is open to others: %q", host, policy)
		}
	}
}

// TestRefusals plays pages of other sites, names that were made to lead here, and
// programs, at every address that is bound.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	own, origin := hostOf(s), s.Origin()
	get := "GET / HTTP/1.1\r\nHost: " + own + "\r\n"
	post := "POST / HTTP/1.1\r\nHost: " + own + "\r\nContent-Length: 3\r\n"
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"a visit":             {get + "Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n", 200},
		"a link elsewhere":    {get + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n", 200},
		"its own script":      {get + "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n\r\n", 200},
		"its own form":        {post + "Origin: " + origin + "\r\nSec-Fetch-Site: same-origin\r\n\r\na=b", 200},
		"an old browser":      {post + "Origin: " + origin + "\r\n\r\na=b", 200},
		"rebinding":           {"GET / HTTP/1.1\r\nHost: rebound.example:" + portOf(s) + "\r\n\r\n", 421},
		"by its number":       {"GET / HTTP/1.1\r\nHost: 127.0.0.1:" + portOf(s) + "\r\n\r\n", 421},
		"by the other":        {"GET / HTTP/1.1\r\nHost: [::1]:" + portOf(s) + "\r\n\r\n", 421},
		"another port":        {"GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 421},
		"no port":             {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		"a dot at the end":    {"GET / HTTP/1.1\r\nHost: localhost.:" + portOf(s) + "\r\n\r\n", 421},
		"below localhost":     {"GET / HTTP/1.1\r\nHost: a.localhost:" + portOf(s) + "\r\n\r\n", 421},
		"no host":             {"GET / HTTP/1.0\r\n\r\n", 421},
		"an empty host":       {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 421},
		"a proxy's line":      {"GET http://" + own + "/ HTTP/1.1\r\nHost: " + own + "\r\n\r\n", 421},
		"a rebound POST":      {"POST / HTTP/1.1\r\nHost: rebound.example:" + portOf(s) + "\r\nOrigin: " + origin + "\r\nContent-Length: 0\r\n\r\n", 421},
		"no origin":           {post + "\r\na=b", 403},
		"no origin, its site": {post + "Sec-Fetch-Site: same-origin\r\n\r\na=b", 403},
		"origin null":         {post + "Origin: null\r\n\r\na=b", 403},
		"a foreign origin":    {post + "Origin: https://other.example\r\n\r\na=b", 403},
		"two origins":         {post + "Origin: " + origin + "\r\nOrigin: https://other.example\r\n\r\na=b", 403},
		"another port's page": {post + "Origin: http://localhost:1\r\n\r\na=b", 403},
		"its number's page":   {post + "Origin: http://127.0.0.1:" + portOf(s) + "\r\n\r\na=b", 403},
		"encrypted":           {post + "Origin: https://" + own + "\r\n\r\na=b", 403},
		"same site":           {post + "Origin: " + origin + "\r\nSec-Fetch-Site: same-site\r\n\r\na=b", 403},
		"cross site":          {post + "Origin: " + origin + "\r\nSec-Fetch-Site: cross-site\r\n\r\na=b", 403},
		"a typed POST":        {post + "Origin: " + origin + "\r\nSec-Fetch-Site: none\r\n\r\na=b", 403},
		"a foreign fetch":     {get + "Origin: https://other.example\r\n\r\n", 403},
		"a foreign image":     {get + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n", 403},
		"a foreign frame":     {get + "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n", 403},
		"another method":      {"PUT / HTTP/1.1\r\nHost: " + own + "\r\nOrigin: " + origin + "\r\nContent-Length: 0\r\n\r\n", 405},
		"asking for leave":    {"OPTIONS / HTTP/1.1\r\nHost: " + own + "\r\nOrigin: https://other.example\r\n\r\n", 405},
		"asking about it all": {"OPTIONS * HTTP/1.1\r\nHost: " + own + "\r\n\r\n", 405},
		"about it, rebound":   {"OPTIONS * HTTP/1.1\r\nHost: rebound.example\r\n\r\n", 421},
		"a huge body":         {"POST / HTTP/1.1\r\nHost: " + own + "\r\nOrigin: " + origin + "\r\nContent-Length: 99999999999\r\n\r\n", 413},
		"a body in pieces": {
			"POST / HTTP/1.1\r\nHost: " + own + "\r\nOrigin: " + origin + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
				strings.Repeat("8000\r\n"+strings.Repeat("x", 0x8000)+"\r\n", 3) + "0\r\n\r\n", 413,
		},
		"a huge header": {get + "X-Long: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", 431},
		"no HTTP":       {"\x16\x03\x01 hello\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, address := range addresses(t, s) {
				response, body := send(t, address, c.text)
				if response.StatusCode != c.want || (body == "reached") != (c.want == http.StatusOK) {
					t.Errorf("%s: %d %q, not %d", address, response.StatusCode, body, c.want)
				}
				if strings.Contains(body, "example") {
					t.Errorf("it repeats what it was sent: %q", body)
				}
			}
		})
	}
}

// TestSlowHeaders: a connection that sends nothing whole is closed, and holds up
// nobody meanwhile.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	s := start(t)
	address := addresses(t, s)[0]
	slow := dial(t, address)
	if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHost: "+hostOf(s)+"\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if response, _ := send(t, address, "GET / HTTP/1.1\r\nHost: "+hostOf(s)+"\r\n\r\n"); response.StatusCode != http.StatusOK {
		t.Errorf("it holds up others: %d", response.StatusCode)
	}
	_ = slow.SetReadDeadline(time.Now().Add(30 * time.Second))
	if answer, err := io.ReadAll(slow); err != nil || strings.Contains(string(answer), "reached") {
		t.Errorf("after the time for headers: %q, %v", answer, err)
	}
}

// TestCloses: with its context the server is gone from every address.
func TestCloses(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := loopback.Listen(ctx, http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	open := dial(t, addresses(t, s)[0])
	cancel()
	_ = open.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.ReadAll(open); errors.Is(err, os.ErrDeadlineExceeded) { // reset, where it was not accepted yet
		t.Errorf("a connection that was open is not ended: %v", err)
	}
	for _, address := range addresses(t, s) {
		var d net.Dialer
		if c, err := d.DialContext(t.Context(), "tcp", address); err == nil {
			_ = c.Close()
			t.Errorf("%s is still there", address)
		}
	}
}

// TestLongAnswer: a handler may take longer than a body may, once it was read.
func TestLongAnswer(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan struct{})
	s, err := loopback.Listen(t.Context(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer close(ended)
		close(begun)
		<-r.Context().Done()
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, s.Origin(), nil)
	c := dial(t, addresses(t, s)[0])
	if err := request.Write(c); err != nil {
		t.Fatal(err)
	}
	<-begun
	_ = c.Close() // who goes away ends it
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the handler waits for a person who has left")
	}
}

// TestCrowd: however many connect and say nothing, or only begin to, whoever speaks is
// heard, what is being answered goes on, and not all of the others are kept.
func TestCrowd(t *testing.T) {
	t.Parallel()
	begun, answer := make(chan struct{}), make(chan struct{})
	s, err := loopback.Listen(t.Context(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(begun)
			<-answer
		}
		_, _ = io.WriteString(w, "reached")
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	address := addresses(t, s)[0]
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: " + hostOf(s) + "\r\n\r\n" }
	person := dial(t, address)
	_ = person.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(person, get("/slow")); err != nil {
		t.Fatal(err)
	}
	<-begun

	const many, kept = 300, 256
	var crowd []net.Conn
	for n := range many {
		c := dial(t, address)
		_, _ = io.WriteString(c, get("/")[:n%3])
		crowd = append(crowd, c)
	}
	if response, body := send(t, address, get("/")); response.StatusCode != http.StatusOK || body != "reached" {
		t.Errorf("who speaks in the crowd is told %d %q", response.StatusCode, body)
	}
	for n, c := range crowd[:many-kept] {
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second)) // before its time for headers is over
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("connection %d of %d is kept", n, many)
		}
	}
	close(answer)
	if response, err := http.ReadResponse(bufio.NewReader(person), nil); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("who was there before: %v", err)
	}
}
