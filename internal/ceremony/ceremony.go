// Package ceremony asks the browser of the person at this machine for what nothing
// else can give: a new passkey, or what one signs.
//
// It serves one page, for as long as it takes. Whoever knows its address can look, and
// have a passkey sign, which proves itself. For a new passkey that is not enough, since
// programs of the same user can read the address off the one that opens it: the page
// asks for a number besides, which is shown where the person is and nowhere else.
package ceremony

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math/big"
	"net/http"
	"slices"
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

// ErrWrongNumber says that somebody is at the page who does not see the number.
var ErrWrongNumber = errors.New("the number was wrong three times on the page, so that somebody else may be there")

// The number: how many there are, how often a wrong one is taken, and where it is.
const (
	numbers      = 1_000_000
	maxWrong     = 3
	numberHeader = "Scrim-Number"
)

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
// with its address and, where one of them makes a passkey, the number of six digits
// that the page asks for. It returns nil once all of them are answered, and otherwise
// what kept one from it.
func Ask(ctx context.Context, show func(address, number string), steps ...Step) error {
	return ask(ctx, patience, show, steps)
}

func ask(ctx context.Context, patience time.Duration, show func(address, number string), steps []Step) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrNobody)
	defer cancel()
	p := &page{path: "/" + strings.ToLower(rand.Text()) + "/", steps: steps, ended: make(chan error, 1)}
	if slices.ContainsFunc(steps, func(s Step) bool { return s.Make }) {
		p.number = newNumber()
	}
	server, err := loopback.Listen(ctx, p)
	if err != nil {
		return fmt.Errorf("serve a page for the browser: %w", err)
	}
	defer server.Close()
	p.begin(server.Origin())
	show(server.Origin()+p.path, p.number)
	select {
	case err := <-p.ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newNumber() string {
	n, _ := rand.Int(rand.Reader, big.NewInt(numbers)) // which never fails
	return fmt.Sprintf("%06d", n)
}

// page is what is served.
type page struct {
	path   string // that nobody guesses
	number string // that nobody is told here; "" where no passkey is made
	steps  []Step
	ended  chan error

	mu     sync.Mutex
	origin string
	now    int // the step that is asked for
	wrong  int // numbers
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
	case (what == "options" || what == "answer") && post && !p.mayAnswer(r):
		p.notTheNumber(w)
	case what == "options" && post:
		p.options(w)
	case what == "answer" && post:
		p.answer(w, r)
	default:
		http.NotFound(w, r)
	}
}

// mayAnswer reports whether r brings the number, where that is asked for.
func (p *page) mayAnswer(r *http.Request) bool {
	given := r.Header.Get(numberHeader)
	return !p.steps[p.now].Make || subtle.ConstantTimeCompare([]byte(given), []byte(p.number)) == 1
}

// notTheNumber says so, or ends what nobody should guess at.
func (p *page) notTheNumber(w http.ResponseWriter) {
	if p.wrong++; p.wrong >= maxWrong {
		p.end(w, ErrWrongNumber)
		return
	}
	say(w, http.StatusConflict, said{Error: "This is not the number that your terminal shows. Try again."})
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
