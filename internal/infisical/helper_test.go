package infisical_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

const (
	projectID    = "65cec746-4acf-4473-a01a-4e935d28b61a"
	clientID     = "made-up-client-id-7f3a"
	clientSecret = "made-up-client-secret-91bd"
	loginPath    = "/api/v1/auth/universal-auth/login"
	renewPath    = "/api/v1/auth/token/renew"
)

// answer is what a test's server says.
type answer struct {
	Name    string            `json:"name"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Query   map[string]string `json:"query"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"responseHeaders"`
	Body    json.RawMessage   `json:"responseBody"`
}

func (a answer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for key, value := range a.Headers {
		w.Header().Set(key, value)
	}
	w.WriteHeader(a.Status)
	if string(a.Body) != `""` {
		_, _ = w.Write(a.Body)
	}
}

// recordings are the answers of a real server, by name.
func recordings(tb testing.TB) map[string]answer {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "recorded.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string]answer{}
	for line := range bytes.Lines(data) {
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			tb.Fatal(err)
		}
		all[a.Name] = a
	}
	return all
}

// jsonAnswer is an answer with a JSON body.
func jsonAnswer(status int, body string) answer {
	return answer{
		Status: status, Body: json.RawMessage(body),
		Headers: map[string]string{"Content-Type": "application/json; charset=utf-8"},
	}
}

// complain is one of the store's errors.
func complain(status int, kind, message string) answer {
	body, _ := json.Marshal(map[string]any{
		"reqId": "req-abc123", "statusCode": status, "error": kind, "message": message,
	})
	return jsonAnswer(status, string(body))
}

// issued is the answer to a login.
func issued(token string, ttl, maxTTL int) answer {
	body, _ := json.Marshal(map[string]any{
		"accessToken": token, "expiresIn": ttl, "accessTokenMaxTTL": maxTTL, "tokenType": "Bearer",
	})
	return jsonAnswer(http.StatusOK, string(body))
}

const emptyList = `{"secrets":[],"imports":[]}`

// asked is one request as a server saw it.
type asked struct {
	method, path, auth, ifNoneMatch, body string
	query                                 map[string]string
}

// server is a real HTTP server whose answers a test decides, and which
// remembers what it was asked.
type server struct {
	url  string
	dial func(context.Context, string, string) (net.Conn, error)

	mu   sync.Mutex
	seen []asked
}

// handler wraps answer, which gets the request and its number among those with
// the same path, from 1.
func (s *server) handler(answer func(asked, int) http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		query := map[string]string{}
		for key := range r.URL.Query() {
			query[key] = r.URL.Query().Get(key)
		}
		a := asked{
			method: r.Method, path: r.URL.Path, auth: r.Header.Get("Authorization"),
			ifNoneMatch: r.Header.Get("If-None-Match"), body: string(body), query: query,
		}
		s.mu.Lock()
		s.seen = append(s.seen, a)
		s.mu.Unlock()
		answer(a, s.count(a.path)).ServeHTTP(w, r)
	})
}

func (s *server) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// count returns how often path was asked for, with "" every path.
func (s *server) count(path string) int {
	n := 0
	for _, a := range s.requests() {
		if a.path == path || path == "" {
			n++
		}
	}
	return n
}

// serve starts a server on loopback.
func serve(tb testing.TB, answer func(asked, int) http.Handler) *server {
	tb.Helper()
	s := &server{}
	h := httptest.NewServer(s.handler(answer))
	tb.Cleanup(h.Close)
	s.url = h.URL
	return s
}

// serveInMemory starts a server that is reached through pipes, so that it can
// live in a synctest bubble.
func serveInMemory(tb testing.TB, answer func(asked, int) http.Handler) *server {
	tb.Helper()
	s := &server{url: "http://127.0.0.1:1"}
	l := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	s.dial = l.dial
	h := &http.Server{Handler: s.handler(answer), ReadHeaderTimeout: time.Hour}
	var serving sync.WaitGroup
	serving.Go(func() { _ = h.Serve(l) })
	tb.Cleanup(func() {
		_ = h.Close()
		serving.Wait()
	})
	return s
}

// pipes is a listener in memory.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.accept <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// afterLogin answers logins with token, and everything else with answer.
func afterLogin(token string, answer func(asked, int) http.Handler) func(asked, int) http.Handler {
	return func(a asked, n int) http.Handler {
		if a.path == loginPath {
			return issued(token, 2592000, 2592000)
		}
		return answer(a, n)
	}
}

// always answers everything but a login with h.
func always(h http.Handler) func(asked, int) http.Handler {
	return afterLogin("made-up-token-1", func(asked, int) http.Handler { return h })
}

// testClient is a Client whose log and errors are searched for what must not
// be in them.
type testClient struct {
	*infisical.Client
	log     *bytes.Buffer
	learned *[]string
}

// newClient returns a client of s. options change what it is made with.
func newClient(tb testing.TB, s *server, options ...func(*infisical.Options)) testClient {
	tb.Helper()
	var (
		mu      sync.Mutex
		log     bytes.Buffer
		learned []string
	)
	o := infisical.Options{
		Site:      s.url,
		ProjectID: projectID,
		Identity:  infisical.UniversalAuth(secret.NewValue(clientID), secret.NewValue(clientSecret)),
		Log:       slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Learn: func(v secret.Value) {
			mu.Lock()
			defer mu.Unlock()
			learned = append(learned, v.Reveal())
		},
	}
	if s.dial == nil {
		o.Timeout = time.Minute // on the wall clock, of a machine that may be busy
	}
	for _, option := range options {
		option(&o)
	}
	c, err := infisical.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	if s.dial != nil {
		c.DialTo(s.dial)
	}
	tb.Cleanup(func() {
		c.Hang()
		mustBeClean(tb, log.String(), s)
	})
	return testClient{c, &log, &learned}
}

func withToken(token string) func(*infisical.Options) {
	return func(o *infisical.Options) { o.Identity = infisical.AccessToken(secret.NewValue(token)) }
}

func withTimeout(d time.Duration) func(*infisical.Options) {
	return func(o *infisical.Options) { o.Timeout = d }
}

// mustBeClean fails where text holds a URL, a credential, or a piece of a body.
func mustBeClean(tb testing.TB, text string, s *server) {
	tb.Helper()
	forbidden := []string{
		"http://", "https://", "/api", "/v3", "/v1", "?", projectID, clientID, clientSecret, "made-up", "example-",
		"Bearer", "statusCode", "message", "secretValue", "You are not", "subject", "marker", "<html", "invalid character",
		strings.TrimPrefix(s.url, "http://"),
	}
	for _, f := range forbidden {
		if f != "" && strings.Contains(text, f) {
			tb.Errorf("%q is in %q", f, text)
		}
	}
}

// mustFail checks err's class and that it tells no secrets.
func mustFail(tb testing.TB, s *server, err, want error) {
	tb.Helper()
	if err == nil {
		tb.Fatalf("no error, want %v", want)
	}
	if !isOnly(err, want) {
		tb.Errorf("got  %v\nwant %v", err, want)
	}
	mustBeClean(tb, err.Error(), s)
}

// isOnly reports whether err is want and nothing else of the closed set.
func isOnly(err, want error) bool {
	is := 0
	for _, sentinel := range []error{
		secret.ErrUnauthenticated, secret.ErrForbidden, secret.ErrPathNotFound, secret.ErrNoProject, secret.ErrNotFound,
		secret.ErrExists, secret.ErrAwaitsApproval, secret.ErrRateLimited, secret.ErrUnavailable, secret.ErrBadResponse, context.Canceled, context.DeadlineExceeded,
	} {
		if errors.Is(err, sentinel) {
			is++
		}
	}
	return is == 1 && errors.Is(err, want)
}

func mustRef(tb testing.TB, path, name string) secret.Ref {
	tb.Helper()
	ref, err := secret.ParseRef("prod", path, name)
	if err != nil {
		tb.Fatal(err)
	}
	return ref
}
