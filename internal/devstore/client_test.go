package devstore_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
)

// client talks to a store as one identity.
type client struct {
	t     *testing.T
	store *devstore.Store
	id    string
	pair  [2]string
	token string
}

func connect(t *testing.T, store *devstore.Store, rules ...[]devstore.Rule) *client {
	t.Helper()
	id, key := store.AddIdentity(devstore.Identity{Name: "test", Rules: slices.Concat(rules...)})
	pair := [2]string{id, key}
	return &client{t: t, store: store, id: id, pair: pair, token: login(t, store, pair)}
}

// answer is what came back, decoded.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) message() string { return text(a.body["message"]) }
func (a answer) kind() string    { return text(a.body["error"]) }

// values returns name=value of the secrets in the answer.
func (a answer) values() []string { return secretsOf(a.body) }

// imports returns name=value of the imported secrets in the answer.
func (a answer) imports() []string {
	var out []string
	list, _ := a.body["imports"].([]any)
	for _, one := range list {
		out = append(out, secretsOf(one)...)
	}
	return out
}

func secretsOf(v any) []string {
	m, _ := v.(map[string]any)
	list, _ := m["secrets"].([]any)
	var out []string
	for _, one := range list {
		s, _ := one.(map[string]any)
		out = append(out, text(s["secretKey"])+"="+text(s["secretValue"]))
	}
	return out
}

func (c *client) do(method, target string, body any, headers ...string) answer {
	c.t.Helper()
	var in io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = strings.NewReader(string(encoded))
	}
	r := httptest.NewRequestWithContext(c.t.Context(), method, target, in)
	r.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	c.store.ServeHTTP(rec, r)
	out := answer{status: rec.Code, header: rec.Header()}
	if rec.Body.Len() > 0 {
		if err := json.Unmarshal(rec.Body.Bytes(), &out.body); err != nil {
			c.t.Fatalf("%s %s: %v", method, target, err)
		}
	}
	return out
}

// at makes a target of a route and the parameters every call needs.
func (c *client) at(route, env, path string, more ...string) string {
	q := url.Values{"workspaceId": {c.store.ProjectID()}, "environment": {env}, "secretPath": {path}, "path": {path}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return route + "?" + q.Encode()
}

func (c *client) list(path string, more ...string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, c.at("/api/v3/secrets/raw", "prod", path, more...), nil)
}

func (c *client) get(path, name string, more ...string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, c.at("/api/v3/secrets/raw/"+name, "prod", path, more...), nil)
}

func (c *client) write(method, route string, fields map[string]any) answer {
	c.t.Helper()
	body := map[string]any{"workspaceId": c.store.ProjectID(), "environment": "prod", "secretPath": "/alpha"}
	maps.Copy(body, fields)
	return c.do(method, route, body)
}

func (a answer) wantStatus(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d (%s: %s), want %d", a.status, a.kind(), a.message(), status)
	}
	return a
}

func wantEqual[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 27, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// login logs in with a client id and secret and returns the token.
func login(t *testing.T, store http.Handler, pair [2]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"clientId": pair[0], "clientSecret": pair[1]})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	store.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/v1/auth/universal-auth/login", bytes.NewReader(body)))
	var out struct{ AccessToken string }
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || out.AccessToken == "" {
		t.Fatalf("login: status %d", rec.Code)
	}
	return out.AccessToken
}
