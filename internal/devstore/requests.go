package devstore

import (
	"net/http"
	"sync"
)

// maxRequests bounds how many requests a Store remembers.
const maxRequests = 10_000

// Request is one request as the store saw it, for tests. It holds no value and
// no token.
type Request struct {
	Method      string
	Path        string // of the URL
	Environment string
	SecretPath  string // or the folder's path
	Name        string // of a secret, where the route names one
	Conditional bool   // sent with If-None-Match
	NamesOnly   bool   // asked for no values
	Identity    string // the name of the one that asked or logged in; empty where the store let nobody in
	Status      int    // zero while it is being served, and if it never got an answer
}

// requestLog remembers the last requests, in the order of their arrival.
type requestLog struct {
	mu   sync.Mutex
	list []*Request
}

func (l *requestLog) open(r Request) *Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) == maxRequests {
		l.list = append([]*Request(nil), l.list[maxRequests/2:]...)
	}
	l.list = append(l.list, &r)
	return &r
}

func (l *requestLog) close(r *Request, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Status = status
}

// name notes who made a request.
func (l *requestLog) name(r *Request, identity string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Identity = identity
}

// Requests returns the requests so far, oldest first, up to the last 10,000.
func (s *Store) Requests() []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	out := make([]Request, 0, len(s.requests.list))
	for _, r := range s.requests.list {
		out = append(out, *r)
	}
	return out
}

// ForgetRequests empties the list that Requests returns.
func (s *Store) ForgetRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.list = nil
}

// statusWriter notes the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and passes it on.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
