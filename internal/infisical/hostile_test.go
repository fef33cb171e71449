package infisical_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// everyCall asks for everything that a Client can be asked for.
var everyCall = map[string]call{
	"list": list("/alpha"), "names": namesOf("/alpha"), "get": get("/alpha", "NAME"),
	"probe": probe("/alpha", "NAME"), "folders": foldersOf("/alpha"),
}

// marker is a value that hostile answers carry, to look for in errors and logs.
const marker = "made-up-marker-5f21"

func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	page := func(status int, kind, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	const html = "<html>" + marker + "</html>"
	for name, c := range map[string]struct {
		answer http.Handler
		want   error
	}{
		"login page":                  {page(200, "text/html; charset=utf-8", html), secret.ErrBadResponse},
		"no content type":             {page(200, "", `{"secrets":[]}`), secret.ErrBadResponse},
		"text that is JSON":           {page(200, "text/plain", emptyList), secret.ErrBadResponse},
		"XML":                         {page(200, "application/xml", "<secrets/>"), secret.ErrBadResponse},
		"HTML called JSON":            {page(200, "application/json", html), secret.ErrBadResponse},
		"empty":                       {page(200, "application/json", ""), secret.ErrBadResponse},
		"null":                        {page(200, "application/json", "null"), secret.ErrBadResponse},
		"array":                       {page(200, "application/json", "[]"), secret.ErrBadResponse},
		"other object":                {page(200, "application/json", `{"ok":true}`), secret.ErrBadResponse},
		"null lists":                  {page(200, "application/json", `{"secrets":null,"secret":null,"folders":null}`), secret.ErrBadResponse},
		"wrong types":                 {page(200, "application/json", `{"secrets":{},"secret":[],"folders":3}`), secret.ErrBadResponse},
		"JSON cut short":              {page(200, "application/json", `{"secrets":[{"secretKey":"`+marker), secret.ErrBadResponse},
		"two bodies":                  {page(200, "application/json", emptyList+emptyList), secret.ErrBadResponse},
		"not UTF-8":                   {page(200, "application/json", "{\"secrets\":[],\"x\":\"\xff\"}"), secret.ErrBadResponse},
		"repeated lists":              {page(200, "application/json", `{"secrets":[],"secrets":[],"secret":{},"secret":{},"folders":[],"folders":[]}`), secret.ErrBadResponse},
		"repeated in another case":    {page(200, "application/json", `{"secrets":[],"Secrets":[],"secret":{},"SECRET":{},"folders":[],"Folders":[]}`), secret.ErrBadResponse},
		"created":                     {page(201, "application/json", emptyList), secret.ErrBadResponse},
		"no content":                  {page(204, "application/json", ""), secret.ErrBadResponse},
		"part":                        {page(206, "application/json", emptyList), secret.ErrBadResponse},
		"not modified, unasked":       {page(304, "", ""), secret.ErrBadResponse},
		"multiple choices":            {page(300, "application/json", emptyList), secret.ErrBadResponse},
		"400 of a proxy":              {page(400, "text/html", html), secret.ErrBadResponse},
		"401 of a proxy":              {page(401, "text/html", html), secret.ErrBadResponse},
		"403 of a firewall":           {page(403, "text/html", html), secret.ErrBadResponse},
		"403 without a request id":    {page(403, "application/json", `{"error":"PermissionDenied"}`), secret.ErrBadResponse},
		"404 of a proxy":              {page(404, "text/html", html), secret.ErrBadResponse},
		"404 without a request id":    {page(404, "application/json", `{"error":"NotFound","message":"Secret with name 'NAME' not found"}`), secret.ErrBadResponse},
		"404 in the store's words":    {page(404, "text/plain", `{"reqId":"r","error":"NotFound","message":"Secret with name 'NAME' not found"}`), secret.ErrBadResponse},
		"404 of a new kind":           {complain(404, "SomethingNew", marker), secret.ErrBadResponse},
		"404 of something else":       {complain(404, "NotFound", "Identity with ID "+marker+" not found"), secret.ErrBadResponse},
		"404 with a list for message": {page(404, "application/json", `{"reqId":"req-1","error":"NotFound","message":["x"]}`), secret.ErrBadResponse},
		"405":                         {complain(405, "X", marker), secret.ErrBadResponse},
		"418":                         {page(418, "text/html", html), secret.ErrBadResponse},
		"422":                         {complain(422, "ValidationFailure", marker), secret.ErrBadResponse},
		"500":                         {complain(500, "InternalServerError", marker), secret.ErrUnavailable},
		"500 of a proxy":              {page(500, "text/html", html), secret.ErrUnavailable},
		"501":                         {page(501, "text/html", html), secret.ErrUnavailable},
		"599":                         {page(599, "text/html", html), secret.ErrUnavailable},
		"odd request id": {
			page(403, "application/json", `{"reqId":"`+marker+`\nhttp://x?y","error":"ProjectMembershipNotFound","message":"x"}`), secret.ErrForbidden,
		},
	} {
		for kind, do := range everyCall {
			t.Run(name+"/"+kind, func(t *testing.T) {
				t.Parallel()
				s := serve(t, always(c.answer))
				mustFail(t, s, do(t.Context(), newClient(t, s).Client), c.want)
			})
		}
	}
}

func TestHostileLists(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nameless":           `{"secrets":[{"secretValue":"x"}],"imports":[]}`,
		"nameless import":    `{"secrets":[],"imports":[{"environment":"prod","secretPath":"/a","secrets":[{}]}]}`,
		"value is a number":  `{"secrets":[{"secretKey":"A","secretValue":1}],"imports":[]}`,
		"version is text":    `{"secrets":[{"secretKey":"A","secretValue":"x","version":"1"}],"imports":[]}`,
		"version too large":  `{"secrets":[{"secretKey":"A","secretValue":"x","version":1e99}],"imports":[]}`,
		"imports is null":    `{"secrets":[],"imports":null}`,
		"imports are secret": `{"secrets":[],"imports":"x"}`,
		"deep":               `{"secrets":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
	} {
		s := serve(t, always(jsonAnswer(http.StatusOK, body)))
		_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		mustFail(t, s, err, secret.ErrBadResponse)
	}
}

func TestRepeatedKeysOfOneSecretDoNotMix(t *testing.T) {
	t.Parallel()
	body := `{"secrets":[{"secretKey":"A","secretValue":"a"},{"secretKey":"X","secretKey":"B","secretValue":"x","secretValue":"b"},
		{"secretKey":"C"}],"imports":[]}`
	s := serve(t, always(jsonAnswer(http.StatusOK, body)))
	got, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprint(show(got)); text != "[{A a  true 0 0001-01-01 00:00:00 +0000 UTC} {B b  true 0 0001-01-01 00:00:00 +0000 UTC} {C   false 0 0001-01-01 00:00:00 +0000 UTC}]" {
		t.Error(text)
	}
}

func TestHostileLogins(t *testing.T) {
	t.Parallel()
	html := answer{Status: 200, Body: []byte("<html>" + marker), Headers: map[string]string{"Content-Type": "text/html"}}
	for name, c := range map[string]struct {
		login answer
		want  error
	}{
		"empty token":         {issued("", 60, 60), secret.ErrBadResponse},
		"no token":            {jsonAnswer(200, `{}`), secret.ErrBadResponse},
		"null":                {jsonAnswer(200, `null`), secret.ErrBadResponse},
		"token of two lines":  {issued("a\r\nX-Evil: "+marker, 60, 60), secret.ErrBadResponse},
		"token with a space":  {issued("a b", 60, 60), secret.ErrBadResponse},
		"token is a number":   {jsonAnswer(200, `{"accessToken":1}`), secret.ErrBadResponse},
		"page":                {html, secret.ErrBadResponse},
		"unknown route":       {jsonAnswer(404, `{"message":"Route not found","error":"Not Found","statusCode":404}`), secret.ErrBadResponse},
		"refused by the type": {complain(400, "BadRequest", marker), secret.ErrUnauthenticated},
		"refused by address":  {complain(403, "ForbiddenError", marker), secret.ErrUnauthenticated},
		"rate":                {complain(429, "RateLimitExceeded", marker), secret.ErrRateLimited},
		"gateway":             {complain(503, "X", marker), secret.ErrUnavailable},
	} {
		s := serve(t, func(asked, int) http.Handler { return c.login })
		client := newClient(t, s)
		_, err := client.List(t.Context(), "prod", "/alpha", "")
		mustFail(t, s, err, c.want)
		if s.count("") != 1 {
			t.Errorf("%s: a login was sent %d times", name, s.count(""))
		}
	}
}

// TestRedirectsAreRefused gives the client every kind of redirect, to another
// host and to the same, on every request that carries a credential.
func TestRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for where, target := range map[string]string{
			"another host": other.URL + "/" + marker, "the same host": "/" + marker, "nowhere": "",
		} {
			redirect := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", target)
				w.WriteHeader(status)
			})
			for kind, do := range everyCall {
				s := serve(t, always(redirect))
				err := do(t.Context(), newClient(t, s).Client)
				mustFail(t, s, err, secret.ErrBadResponse)
				if !strings.Contains(err.Error(), "refused to follow a redirect") || s.count("/"+marker) > 0 {
					t.Errorf("%d %s to %s: %v", status, kind, where, err)
				}
			}
			s := serve(t, func(asked, int) http.Handler { return redirect })
			_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrBadResponse)
			if s.count("") != 1 {
				t.Errorf("a login was sent %d times", s.count(""))
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the other host was reached %d times", n)
	}
}

func TestHugeAnswers(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"", "chunked"} {
		s := serve(t, always(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if encoding == "" {
				w.Header().Set("Content-Length", fmt.Sprint(33<<20))
			}
			for chunk := bytes.Repeat([]byte(" "), 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})))
		_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
		mustFail(t, s, err, secret.ErrBadResponse)
		if s.count("/api/v3/secrets/raw") != 1 {
			t.Error("asked again for a huge answer")
		}
	}
}

// TestBrokenConnections has a server that drops the connection before and
// within its answer.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]string{
		"before the answer": "",
		"within the head":   "HTTP/1.1 200 OK\r\nContent-Ty",
		"within the body":   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"secrets\":[],\"" + marker,
		"not HTTP":          marker + "\r\n\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hijack(w, drop) })
			s := serveInMemory(t, always(broken))
			_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
			mustFail(t, s, err, secret.ErrUnavailable)
			if n := s.count("/api/v3/secrets/raw"); n < 2 || n > 8 {
				t.Errorf("%s: asked %d times", name, n)
			}
			login := serveInMemory(t, func(asked, int) http.Handler { return broken })
			_, err = newClient(t, login).List(t.Context(), "prod", "/alpha", "")
			mustFail(t, login, err, secret.ErrUnavailable)
			if n := login.count(""); n != 1 {
				t.Errorf("%s: a login was sent %d times", name, n)
			}
		})
	}
}

// hijack writes text in place of an answer and drops the connection.
func hijack(w http.ResponseWriter, text string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, text)
	_ = conn.Close()
}

// TestSilence has a server that says nothing, or drips, and a caller with and
// without patience.
func TestSilence(t *testing.T) {
	t.Parallel()
	silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	dripping := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
			}
		}
	})
	for name, h := range map[string]http.Handler{"silent": silent, "dripping": dripping} {
		for _, atLogin := range []bool{true, false} {
			answers := always(h)
			if atLogin {
				answers = func(asked, int) http.Handler { return h }
			}
			t.Run(fmt.Sprintf("%s at login %t", name, atLogin), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { checkSilence(t, answers) })
			})
		}
	}
}

func checkSilence(t *testing.T, answers func(asked, int) http.Handler) {
	t.Helper()
	s := serveInMemory(t, answers)
	c := newClient(t, s)
	start := time.Now()
	_, err := c.List(t.Context(), "prod", "/alpha", "")
	mustFail(t, s, err, secret.ErrUnavailable)
	if took := time.Since(start); took != 10*time.Second {
		t.Errorf("gave up after %s", took)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err = c.List(ctx, "prod", "/alpha", "")
	mustFail(t, s, err, context.DeadlineExceeded)
	if took := time.Since(start); took != 12*time.Second {
		t.Errorf("gave up after %s", took)
	}

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(time.Second, cancel)
	_, err = c.List(ctx, "prod", "/alpha", "")
	mustFail(t, s, err, context.Canceled)
}

func TestDeadServer(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	s := &server{url: "http://" + l.Addr().String()}
	for kind, do := range everyCall {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			err := do(t.Context(), newClient(t, s).Client)
			mustFail(t, s, err, secret.ErrUnavailable)
			if !strings.Contains(err.Error(), "connection refused") {
				t.Error(err)
			}
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	h := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	h.StartTLS()
	t.Cleanup(h.Close)
	s := &server{url: h.URL}
	_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
	mustFail(t, s, err, secret.ErrUnavailable)
	if reached.Load() != 0 || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("reached %d times: %v", reached.Load(), err)
	}
}

// TestNothingIsPrinted runs what makes the SDK and its HTTP library complain,
// with the process's own outputs in hand. It is not parallel.
func TestNothingIsPrinted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	restore := func() { os.Stdout, os.Stderr = stdout, stderr }
	defer restore()
	for _, h := range []answer{
		jsonAnswer(200, "{"), jsonAnswer(500, "{"), complain(403, "TokenError", "x"), complain(503, "x", "x"),
		{Status: 200, Headers: map[string]string{"Content-Type": "application/xml"}, Body: []byte("<")},
	} {
		s := serve(t, always(h))
		c, err := infisical.New(infisical.Options{
			Site: s.url, ProjectID: projectID, Timeout: 400 * time.Millisecond,
			Identity: infisical.UniversalAuth(secret.NewValue(clientID), secret.NewValue(clientSecret)),
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, do := range everyCall {
			_ = do(t.Context(), c)
		}
		c.Hang()
	}
	restore()
	_ = w.Close()
	if printed, _ := io.ReadAll(r); len(printed) > 0 {
		t.Errorf("printed %q", printed)
	}
}
