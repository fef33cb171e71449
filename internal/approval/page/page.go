// Package page shows questions that wait at the desk in a person's browser: one
// question a page, at an address that nobody guesses and that is good until the
// question ends.
//
// Who has the address can look, and say no. A yes needs a proof, which the gate
// checks and this package only carries.
package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"errors"
	"html/template"
	"slices"
	"sync"

	"scrim/internal/approval"
	"scrim/internal/loopback"
)

// Gate is what answers: an approval.Gate.
type Gate interface {
	Waiting() []approval.Waiting
	Shown(id string) error
	Reject(id, why string) error
	Prove(ctx context.Context, id string, proof approval.Proof) error
	Dismiss(id string) error
}

// Approver says what a person can prove with: an approver.Approver.
type Approver interface {
	HasPIN() bool
	HasPasskey() bool
	Challenge(digest [sha256.Size]byte, origin string) (options []byte, err error)
}

//go:embed page.html page.css page.js icon.svg
var files embed.FS

// maxEntries bounds how many questions have a page, over ones included. Far fewer
// can be open at once.
const maxEntries = 256

// Pages are the pages of one process. Nothing listens before the first address
// is asked for.
type Pages struct {
	ctx       context.Context // of the process
	gate      Gate
	approver  Approver
	templates *template.Template

	mu      sync.Mutex
	server  *loopback.Server // nil until it is needed
	entries []*entry         // oldest first
}

// entry is one question's page. Pages.mu guards notice and shown.
type entry struct {
	id     string
	path   string
	token  string // what a form of this page brings back
	notice string // what came of the last try
	shown  bool
}

// New returns the pages of gate's questions, until ctx ends.
func New(ctx context.Context, gate Gate, approver Approver) *Pages {
	templates := template.New("").Funcs(template.FuncMap{"seen": seen})
	return &Pages{
		ctx: ctx, gate: gate, approver: approver,
		templates: template.Must(templates.ParseFS(files, "page.html")), // embedded, and tested
	}
}

var errOver = errors.New("the question is over")

// Address returns where the open question with that id is answered. It is the
// same one each time, until the question ends.
func (p *Pages) Address(id string) (string, error) {
	if _, open := p.waiting(id); !open {
		return "", errOver
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		server, err := loopback.Listen(p.ctx, p.routes())
		if err != nil {
			return "", err
		}
		p.server = server
	}
	return p.server.Origin() + p.entry(id).path, nil
}

// entry returns the page of the question with that id, a new one where there is
// none.
func (p *Pages) entry(id string) *entry {
	if i := slices.IndexFunc(p.entries, func(e *entry) bool { return e.id == id }); i >= 0 {
		return p.entries[i]
	}
	if len(p.entries) >= maxEntries {
		p.entries = slices.Delete(p.entries, 0, 1)
	}
	e := &entry{id: id, path: questionPath + rand.Text(), token: rand.Text()}
	p.entries = append(p.entries, e)
	return e
}

// at returns the page with that path.
func (p *Pages) at(path string) (found *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		if same(e.path, path) {
			found = e
		}
	}
	return found
}

// same compares without telling how much of it is right.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// waiting returns the open question with that id.
func (p *Pages) waiting(id string) (approval.Waiting, bool) {
	all := p.gate.Waiting()
	i := slices.IndexFunc(all, func(w approval.Waiting) bool { return w.ID == id })
	if i < 0 {
		return approval.Waiting{}, false
	}
	return all[i], true
}

// tell leaves a notice for whoever looks at e next.
func (p *Pages) tell(e *entry, notice string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.notice = notice
}

// look returns e's notice, and whether this is the first look at it.
func (p *Pages) look(e *entry) (notice string, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	notice, first = e.notice, !e.shown
	e.shown = true
	return notice, first
}

// origin returns the running server's.
func (p *Pages) origin() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server.Origin()
}
