package devstore

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody bounds the body of a request.
const maxBody = 4 << 20

// call is one request while it is served.
type call struct {
	store  *Store
	r      *http.Request
	record *Request
	vars   map[string]string // what the route's {names} stand for, unescaped
	query  url.Values
	body   map[string]any // nil without a JSON object
	rules  []Rule         // of the identity; nil: an outsider
	v4     bool           // the route belongs to version 4 of the secrets API
}

// handler serves a call with the store's lock held. It returns the body of a
// 200 or a *wireError.
type handler func(*call) (any, error)

// route is one thing that the server can be asked.
type route struct {
	method  string
	pattern string // segments; {name} stands for any one
	open    bool   // needs no token
	handle  handler
}

// routes is the whole surface.
func routes() []route {
	return []route{
		{"GET", "/api/status", true, (*call).status},
		{"POST", "/api/v1/auth/universal-auth/login", true, (*call).login},
		{"POST", "/api/v1/auth/token/renew", true, (*call).renew},
		{"POST", "/api/v1/auth/token/revoke", true, (*call).revoke},

		{"GET", "/api/v3/secrets/raw", false, (*call).list},
		{"POST", "/api/v3/secrets/batch/raw", false, (*call).createMany},
		{"PATCH", "/api/v3/secrets/batch/raw", false, (*call).updateMany},
		{"DELETE", "/api/v3/secrets/batch/raw", false, (*call).removeMany},
		{"GET", "/api/v3/secrets/raw/{name}", false, (*call).get},
		{"POST", "/api/v3/secrets/raw/{name}", false, (*call).create},
		{"PATCH", "/api/v3/secrets/raw/{name}", false, (*call).update},
		{"DELETE", "/api/v3/secrets/raw/{name}", false, (*call).remove},

		{"GET", "/api/v4/secrets", false, (*call).list},
		{"POST", "/api/v4/secrets/batch", false, (*call).createMany},
		{"PATCH", "/api/v4/secrets/batch", false, (*call).updateMany},
		{"DELETE", "/api/v4/secrets/batch", false, (*call).removeMany},
		{"GET", "/api/v4/secrets/{name}", false, (*call).get},
		{"POST", "/api/v4/secrets/{name}", false, (*call).create},
		{"PATCH", "/api/v4/secrets/{name}", false, (*call).update},
		{"DELETE", "/api/v4/secrets/{name}", false, (*call).remove},

		{"GET", "/api/v1/folders", false, (*call).listFolders},
		{"POST", "/api/v1/folders", false, (*call).createFolder},
		{"DELETE", "/api/v1/folders/{folder}", false, (*call).removeFolder},
		{"GET", "/api/v2/folders", false, (*call).listFolders},
		{"POST", "/api/v2/folders", false, (*call).createFolder},
		{"DELETE", "/api/v2/folders/{folder}", false, (*call).removeFolder},

		{"GET", "/api/v1/projects", false, (*call).listProjects},
		{"GET", "/api/v1/projects/{id}", false, (*call).getProject},
		{"GET", "/api/v1/projects/slug/{slug}", false, (*call).getProjectBySlug},
		{"GET", "/api/v1/workspace", false, (*call).listWorkspaces},
		{"GET", "/api/v1/workspace/{id}", false, (*call).getWorkspace},
		{"GET", "/api/v2/workspace/{slug}", false, (*call).getWorkspaceBySlug},
	}
}

// match returns the route for a request, and what its names stand for. Unlike
// http.ServeMux it redirects nothing: a path is taken as it was sent, dots and
// all, as the server does.
func match(r *http.Request) (route, map[string]string, bool) {
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	for _, candidate := range routes() {
		if candidate.method != r.Method {
			continue
		}
		if vars, ok := candidate.vars(path); ok {
			return candidate, vars, true
		}
	}
	return route{}, nil, false
}

// vars reports whether path fits the pattern, and returns what its names stand
// for.
func (rt route) vars(path string) (map[string]string, bool) {
	want, got := strings.Split(rt.pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return nil, false
	}
	vars := map[string]string{}
	for i, segment := range want {
		if !strings.HasPrefix(segment, "{") {
			if segment != got[i] {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(got[i])
		if err != nil || value == "" {
			return nil, false
		}
		vars[strings.Trim(segment, "{}")] = value
	}
	return vars, true
}

// ServeHTTP answers one request, after whatever fault is switched on for it.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil { // too long, or the client went away
		writeJSON(w, r, http.StatusRequestEntityTooLarge, plainError{
			Message: "Request body is too large", Kind: "Payload Too Large", StatusCode: http.StatusRequestEntityTooLarge,
		})
		return
	}
	rt, vars, found := match(r)
	c := &call{store: s, r: r, vars: vars, query: r.URL.Query(), v4: strings.HasPrefix(rt.pattern, "/api/v4/")}
	badBody := c.parse(text)
	c.record = s.requests.open(c.describe())
	rec := &statusWriter{ResponseWriter: w}
	defer s.finish(c, rt, rec)

	if s.faults.strike(rec, r, c.record) {
		return
	}
	if !found {
		writeJSON(rec, r, http.StatusNotFound, plainError{
			Message: "Route " + r.Method + ":" + r.RequestURI + " not found", Kind: "Not Found", StatusCode: http.StatusNotFound,
		})
		return
	}
	body, err := s.serve(c, rt, badBody)
	answer(rec, r, body, err)
}

// finish notes how a call ended.
func (s *Store) finish(c *call, rt route, w *statusWriter) {
	s.requests.close(c.record, w.status)
	s.log.Debug("request", "method", c.r.Method, "route", rt.pattern, "status", w.status)
}

// serve checks the token where the route needs one, then runs the handler.
func (s *Store) serve(c *call, rt route, badBody error) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !rt.open {
		id, err := s.auth.bearer(c.r.Header.Get("Authorization"), s.now())
		if err != nil {
			return nil, err
		}
		c.rules = id.Rules
		s.requests.name(c.record, id.Name)
	}
	if badBody != nil {
		return nil, badBody
	}
	return rt.handle(c)
}

// parse reads a JSON object from the body of a request, if there is a body.
func (c *call) parse(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &c.body); err != nil {
		return broken()
	}
	return nil
}

// describe returns what tests may want to know of the call.
func (c *call) describe() Request {
	path := c.param("secretPath", "path")
	return Request{
		Method:      c.r.Method,
		Path:        c.r.URL.Path,
		Environment: c.param("environment"),
		SecretPath:  path,
		Name:        c.vars["name"],
		Conditional: c.r.Header.Get("If-None-Match") != "",
		NamesOnly:   c.query.Get("viewSecretValue") == "false",
	}
}

// param returns the first of the parameters that is there, from the query of a
// GET and from the body of anything else.
func (c *call) param(names ...string) string {
	for _, name := range names {
		if c.r.Method == http.MethodGet {
			if c.query.Has(name) {
				return c.query.Get(name)
			}
			continue
		}
		if text, ok := c.body[name].(string); ok {
			return text
		}
	}
	return ""
}

// flags reads switches that must be "true" or "false" where they are there.
func (c *call) flags(defaults map[string]bool, names ...string) (map[string]bool, error) {
	out := map[string]bool{}
	var issues []issue
	for _, name := range names {
		got := c.query.Get(name)
		switch {
		case !c.query.Has(name):
			out[name] = defaults[name]
		case slices.Contains([]string{"true", "false"}, got):
			out[name] = got == "true"
		default:
			issues = append(issues, issue{
				Received: got, Code: "invalid_enum_value", Options: []string{"true", "false"}, Path: []any{name},
				Message: "Invalid enum value. Expected 'true' | 'false', received '" + got + "'",
			})
		}
	}
	if issues != nil {
		return nil, invalid(issues...)
	}
	return out, nil
}

// need returns the issues of string fields that the body must have and has not.
func need(body map[string]any, at []any, names ...string) []issue {
	var issues []issue
	for _, name := range names {
		value, there := body[name]
		if _, ok := value.(string); ok {
			continue
		}
		i := issue{Code: "invalid_type", Expected: "string", Received: "undefined", Path: append(slices.Clone(at), name), Message: "Required"}
		if there {
			i.Received = jsonType(value)
			i.Message = "Expected string, received " + i.Received
		}
		issues = append(issues, i)
	}
	return issues
}

// jsonType names the type of a decoded JSON value.
func jsonType(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	default:
		return "object"
	}
}
