// Package ceremony asks the browser of the person at this machine for what nothing
// else can give: a new passkey, or what one signs.
//
// It serves one page, for as long as it takes. Knowing its address is enough to
// answer it: what is asked for there is no secret, and what comes back is looked at
// by whoever asked.
package ceremony

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"scrim/internal/loopback"
)

// patience is for how long the page is there.
const patience = 10 * time.Minute

// ErrNobody says that the person did not come, or did not go through with it.
var ErrNobody = errors.New("nobody answered on the page")

// Step is one thing that the browser is asked for.
type Step struct {
	Title string // what it is for, in a few words
	Text  string // what the person is about to do
	Make  bool   // a new passkey; otherwise one that is there signs

	// Options returns the browser's own options for it, in JSON, for a page at
	// origin. Each attempt asks anew.
	Options func(origin string) ([]byte, error)
	// Answer takes the JSON of what the browser gave. An error ends the ceremony.
	Answer func(ctx context.Context, origin string, response []byte) error
}

// Ask serves a page that goes through steps, one after the other, and calls show
// with its address. It returns nil once all of them are answered, and otherwise
// what kept one from it.
func Ask(ctx context.Context, show func(address string), steps ...Step) error {
	return ask(ctx, patience, show, steps)
}

func ask(ctx context.Context, patience time.Duration, show func(address string), steps []Step) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrNobody)
	defer cancel()
	p := &page{path: "/" + strings.ToLower(rand.Text()) + "/", steps: steps, ended: make(chan error, 1)}
	server, err := loopback.Listen(ctx, p)
	if err != nil {
		return fmt.Errorf("serve a page for the browser: %w", err)
	}
	defer server.Close()
	p.begin(server.Origin())
	show(server.Origin() + p.path)
	select {
	case err := <-p.ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// page is what is served.
type page struct {
	path  string // that nobody guesses
	steps []Step
	ended chan error

	mu     sync.Mutex
	origin string
	now    int // the step that is asked for
	over   bool
}

func (p *page) begin(origin string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.origin = origin
}

//go:embed page.html page.js page.css icon.svg
var files embed.FS

// ServeHTTP answers under the path, and nowhere else.
func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what, ok := strings.CutPrefix(r.URL.Path, p.path)
	if !ok || p.over {
		http.NotFound(w, r)
		return
	}
	post := r.Method == http.MethodPost
	switch {
	case what == "" && !post:
		p.show(w)
	case what == "page.js" && !post:
		http.ServeFileFS(w, r, files, "page.js")
	case what == "page.css" && !post:
		http.ServeFileFS(w, r, files, "page.css")
	case what == "icon.svg" && !post:
		http.ServeFileFS(w, r, files, "icon.svg")
	case what == "options" && post:
		p.options(w)
	case what == "answer" && post:
		p.answer(w, r)
	default:
		http.NotFound(w, r)
	}
}

// show writes the page of the step that is asked for.
func (p *page) show(w http.ResponseWriter) {
	var text bytes.Buffer
	layout, err := template.ParseFS(files, "page.html")
	if err == nil {
		err = layout.Execute(&text, map[string]any{"Step": p.steps[p.now], "Now": p.now + 1, "All": len(p.steps)})
	}
	if err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(text.Bytes())
}

// said is what the page's script is told.
type said struct {
	Make    bool            `json:"make"`
	Options json.RawMessage `json:"options,omitempty"`
	Done    bool            `json:"done"`
	Error   string          `json:"error,omitempty"`
}

func (p *page) options(w http.ResponseWriter) {
	step := p.steps[p.now]
	options, err := step.Options(p.origin)
	if err != nil {
		p.end(w, err)
		return
	}
	say(w, http.StatusOK, said{Make: step.Make, Options: options})
}

func (p *page) answer(w http.ResponseWriter, r *http.Request) {
	response, err := io.ReadAll(r.Body) // which the server read before, up to a bound
	if err == nil {
		err = p.steps[p.now].Answer(r.Context(), p.origin, response)
	}
	if err == nil && p.now+1 < len(p.steps) {
		p.now++
		say(w, http.StatusOK, said{})
		return
	}
	p.end(w, err)
}

// end tells the browser how it went, and then whoever asked.
func (p *page) end(w http.ResponseWriter, err error) {
	p.over = true
	if err == nil {
		say(w, http.StatusOK, said{Done: true})
	} else {
		say(w, http.StatusForbidden, said{Error: err.Error()})
	}
	p.ended <- err
}

// say sends the whole answer before it returns, since the server may end then.
func say(w http.ResponseWriter, status int, what said) {
	text, _ := json.Marshal(what)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
	_ = http.NewResponseController(w).Flush()
}
