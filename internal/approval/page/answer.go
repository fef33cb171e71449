package page

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"scrim/internal/approval"
	"scrim/internal/approver"
)

// The addresses.
const (
	questionPath  = "/question/"
	challengePath = "/challenge"
	approvedPath  = "/approved"
	deniedPath    = "/denied"
)

// The fields of the forms.
const (
	fieldToken     = "token"
	fieldDo        = "do" // doApprove or doDeny
	fieldPIN       = "pin"
	fieldAssertion = "assertion" // the JSON of PublicKeyCredential.toJSON()

	doApprove = "approve"
	doDeny    = "deny"
)

// proofTime bounds how long a proof is looked at: after wrong PINs the next one
// has to wait.
const proofTime = 6 * time.Minute

func (p *Pages) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page.css", static("text/css; charset=utf-8", "page.css"))
	mux.HandleFunc("GET /icon.svg", static("image/svg+xml", "icon.svg"))
	mux.HandleFunc("GET /page.js", static("text/javascript; charset=utf-8", "page.js"))
	mux.HandleFunc("GET "+approvedPath, p.told(http.StatusOK, approvedMessage()))
	mux.HandleFunc("GET "+deniedPath, p.told(http.StatusOK, deniedMessage()))
	mux.HandleFunc("GET "+questionPath+"{secret}", p.of(p.show))
	mux.HandleFunc("POST "+questionPath+"{secret}", p.of(p.answer))
	mux.HandleFunc("POST "+questionPath+"{secret}"+challengePath, p.of(p.challenge))
	mux.HandleFunc("/", p.told(http.StatusNotFound, nowhereMessage()))
	return mux
}

func static(kind, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, _ := files.ReadFile(name) // embedded
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // who does not read it has left
	}
}

// of hands an open question to handle. One that is over says so, to a second tab
// as well.
func (p *Pages) of(handle func(http.ResponseWriter, *http.Request, *entry, approval.Waiting)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e := p.at(questionPath + r.PathValue("secret"))
		if e == nil {
			p.say(w, http.StatusNotFound, nowhereMessage())
			return
		}
		question, open := p.waiting(e.id)
		if !open {
			p.say(w, http.StatusGone, overMessage())
			return
		}
		handle(w, r, e, question)
	}
}

// show answers with the question. That somebody looks is on record, once.
func (p *Pages) show(w http.ResponseWriter, _ *http.Request, e *entry, question approval.Waiting) {
	notice, first := p.look(e)
	if first {
		_ = p.gate.Shown(e.id) // nothing leaves either way
	}
	p.render(w, http.StatusOK, "question", p.view(e, question, notice))
}

// answer takes a yes or a no, and sends the browser on, so that nothing is sent
// twice.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, e *entry, question approval.Waiting) {
	if !p.ours(w, r, e) {
		return
	}
	var err error
	to := approvedPath
	switch r.PostForm.Get(fieldDo) {
	case doDeny:
		to, err = deniedPath, p.gate.Dismiss(question.ID)
	case doApprove:
		err = p.prove(w, r, e)
	default:
		err = p.gate.Reject(e.id, "a form of its page has neither a yes nor a no")
	}
	switch _, open := p.waiting(e.id); {
	case err == nil:
	case r.Context().Err() != nil:
		return // they left, and whoever comes next did nothing
	case errors.Is(err, approval.ErrUnrecorded):
		p.say(w, http.StatusInternalServerError, unrecordedMessage())
		return
	case !open:
		p.say(w, http.StatusGone, overMessage())
		return
	default:
		p.tell(e, because(err))
		to = e.path
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// ours reports whether r brings what only a form of e's page has. The question
// stays open where it does not.
func (p *Pages) ours(w http.ResponseWriter, r *http.Request, e *entry) bool {
	if r.ParseForm() == nil && same(r.PostForm.Get(fieldToken), e.token) {
		return true
	}
	_ = p.gate.Reject(e.id, "what was sent is from no form of its page") // nothing leaves either way
	p.say(w, http.StatusForbidden, foreignMessage())
	return false
}

// prove takes a yes with the proof that r brings.
func (p *Pages) prove(w http.ResponseWriter, r *http.Request, e *entry) error {
	proof := approval.Proof{
		PIN: []byte(r.PostForm.Get(fieldPIN)), Assertion: []byte(r.PostForm.Get(fieldAssertion)), Origin: p.origin(),
	}
	defer clear(proof.PIN)
	if len(proof.PIN) == 0 && len(proof.Assertion) == 0 {
		_ = p.gate.Reject(e.id, "a yes on its page came without a proof") // nothing leaves either way
		return errNoProof
	}
	ctx, cancel := context.WithTimeout(r.Context(), proofTime)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(proofTime + time.Minute))
	return p.gate.Prove(ctx, e.id, proof)
}

var errNoProof = errors.New("nothing was typed: type your PIN, or use your passkey")

// challenge answers with what a passkey is to sign for this question.
func (p *Pages) challenge(w http.ResponseWriter, r *http.Request, e *entry, question approval.Waiting) {
	if !p.ours(w, r, e) {
		return
	}
	options, err := p.approver.Challenge(question.Digest, p.origin())
	if err != nil {
		p.tell(e, because(err))
		p.say(w, http.StatusConflict, noPasskeyMessage())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(options) // who does not read it has left
}

// because says to a person why their yes is none.
func because(err error) string {
	if wrong, ok := errors.AsType[*approver.WrongError](err); ok && wrong.Left > 0 {
		return fmt.Sprintf("That is not the PIN. %s, and the next is looked at after %v.", tries(wrong.Left), wrong.Wait)
	}
	text := strings.TrimPrefix(err.Error(), approval.ErrNotProved.Error()+": ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func tries(left int) string {
	if left == 1 {
		return "One more try is left"
	}
	return fmt.Sprintf("%d more tries are left", left)
}
