package tools

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/approval"
)

// defaultPatience is what a zero Deps.Patience stands for.
const defaultPatience = 50 * time.Second

// progressEvery is how often a waiting call says that it is alive, to clients
// that asked for progress.
const progressEvery = 10 * time.Second

// decisionField is the one field of the form.
const decisionField = "decision"

// outcome is what came of asking where there is neither a grant nor an error.
type outcome struct {
	status, id, nextStep string
	expires              time.Time // zero where nothing is open
}

// inputRequiredError carries a question to a client of 2026-07-28, which asks its
// user and then calls again with the answer.
type inputRequiredError struct{ result *mcp.CallToolResult }

// Error makes an inputRequiredError travel where errors do.
func (inputRequiredError) Error() string { return "a person is to be asked" }

// ask brings request before the gate and, where it must, before a person. It
// returns a grant; or an outcome without one; or an error, which is an
// inputRequiredError where the client is to ask and to call again.
func (d Deps) ask(ctx context.Context, call mcp.CallToolRequest, request approval.Request, id string) (approval.Grant, *outcome, error) {
	grant, id, err := d.decide(ctx, call, request, id)
	if o, ok := outcomeOf(err, id, call.Params.Name, namesOf(request)); ok {
		if waiting, ok := errors.AsType[stillPendingError](err); ok && waiting.atDesk && d.Elsewhere {
			o.nextStep = "Another user of this machine is to decide. Tell the person that `scrim approve " + id + "` is to be run as that user, then call " + call.Params.Name + " again with this request_id."
		}
		return approval.Grant{}, &o, nil
	}
	return grant, nil, err
}

func namesOf(request approval.Request) string {
	names := make([]string, len(request.Refs))
	for i, ref := range request.Refs {
		names[i] = ref.Name()
	}
	return strings.Join(names, ", ")
}

// decide is ask with every refusal as an error. It returns the request's id
// where it has one.
func (d Deps) decide(ctx context.Context, call mcp.CallToolRequest, request approval.Request, id string) (approval.Grant, string, error) {
	answer, visit := brought(ctx, call, id)
	grant, question, err := d.Gate.Admit(ctx, request, answer)
	if err != nil || question == nil {
		return grant, cmp.Or(grant.ID(), answer.ID, id), err
	}
	id = question.ID
	if question.Fresh && !question.AtDesk && !canAsk(ctx, mcp.ElicitationModeForm) {
		if err := d.Gate.ToDesk(question); err != nil {
			return approval.Grant{}, id, err
		}
	}
	limit := time.NewTimer(cmp.Or(d.Patience, defaultPatience))
	defer limit.Stop()
	if question.AtDesk {
		err = d.atDesk(ctx, question, visit, limit.C)
	} else {
		err = d.inLine(ctx, request, question, limit.C)
	}
	if err != nil {
		return approval.Grant{}, id, err
	}
	grant, open, err := d.Gate.Collect(ctx, question)
	if open {
		err = d.stillPending(question)
	}
	return grant, id, err
}

// brought returns what a call brings with it: the form's answer, or what became
// of a page that the client was to open, or the id alone.
func brought(ctx context.Context, call mcp.CallToolRequest, id string) (approval.Answer, visit) {
	state := call.Params.RequestState
	if !server.IsModernRequest(ctx) || state == "" {
		return approval.Answer{ID: id}, notAsked
	}
	if page, ok := strings.CutPrefix(state, pageState); ok {
		return approval.Answer{ID: page}, visitOf(server.ElicitationResponse(call.Params.InputResponses, pageField))
	}
	return approval.Answer{ID: id, State: state, Choice: choice(server.ElicitationResponse(call.Params.InputResponses, decisionField))}, notAsked
}

// inLine has the client's user asked, when it is the question's turn, and waits
// for what comes of it. A question that the client could not put goes to the desk
// meanwhile.
func (d Deps) inLine(ctx context.Context, request approval.Request, question *approval.Question, limit <-chan time.Time) error {
	if err := d.wait(ctx, question, question.Turn, clientGone(ctx), limit); err != nil {
		return err
	}
	if question.Fresh {
		if err := d.put(ctx, request, question); err != nil {
			return err
		}
	}
	return d.wait(ctx, question, question.Done, nil, limit)
}

// put has the client ask its user, in the way of its protocol era.
func (d Deps) put(ctx context.Context, request approval.Request, question *approval.Question) error {
	if err := d.Gate.Put(question); err != nil {
		return err
	}
	form := mcp.ElicitationParams{Mode: mcp.ElicitationModeForm, Message: question.Text, RequestedSchema: Form()}
	if server.IsModernRequest(ctx) {
		return inputRequiredError{server.NewInputRequestBuilder(question.State).Elicit(decisionField, form).ToolResult()}
	}
	form.Mode = "" // clients before 2025-11-25 know forms only, and no modes
	client := server.ServerFromContext(ctx)
	// The form may be answered after this call has ended, so it does not end
	// with the call's context but with the question.
	asking, stop := context.WithDeadline(context.WithoutCancel(ctx), question.Expires)
	go func() {
		defer stop()
		result, err := client.RequestElicitation(asking, mcp.ElicitationRequest{Params: form})
		if asking.Err() != nil {
			return // the question has ended, and its end is on record
		}
		answer := approval.Answer{ID: question.ID, State: question.State, Choice: choice(result)}
		if err != nil {
			answer = approval.Answer{ID: question.ID, Choice: approval.Failed}
		}
		if err := d.Gate.Resolve(request, answer); err != nil {
			d.Log.Debug("a question ended", "request", question.ID, "outcome", err)
		}
	}()
	go func() {
		select {
		case <-question.Done:
			stop()
		case <-asking.Done():
		}
	}()
	return nil
}

// stillPendingError says that a person takes longer than a call may. The question
// stays before them, or at the desk.
type stillPendingError struct {
	expires time.Time
	atDesk  bool
	page    string // where it is answered as well as on a terminal; empty where there is none
}

// Error names the outcome.
func (stillPendingError) Error() string { return "a person was asked and has not answered yet" }

// wait waits for event, or for the question's end or its way to the desk, and
// tells the client meanwhile that the call is alive. A question whose call was cancelled, or
// whose client is gone before it was put, is withdrawn; one that was put ends
// by itself when the client is gone.
func (d Deps) wait(ctx context.Context, question *approval.Question, event, gone <-chan struct{}, limit <-chan time.Time) error {
	alive := time.NewTicker(progressEvery)
	defer alive.Stop()
	moved := question.Moved
	if question.AtDesk {
		moved = nil
	}
	for steps := 1; ; steps++ {
		select {
		case <-event:
			return nil
		case <-question.Done:
			return nil
		case <-moved:
			return nil
		case <-ctx.Done():
			d.Gate.Withdraw(question.ID)
			return context.Cause(ctx)
		case <-gone:
			d.Gate.Withdraw(question.ID)
			return approval.ErrUnavailable
		case <-limit:
			return d.stillPending(question)
		case <-alive.C:
			progress(ctx, steps, "waiting for a person")
		}
	}
}

// stillPending says where question waits now: one that the client could not put
// has gone to the desk.
func (d Deps) stillPending(question *approval.Question) error {
	for _, waiting := range d.Gate.Waiting() {
		if waiting.ID == question.ID {
			p := stillPendingError{expires: waiting.Expires, atDesk: waiting.AtDesk}
			if p.atDesk {
				p.page, _ = d.page(waiting.ID)
			}
			return p
		}
	}
	return stillPendingError{expires: question.Expires, atDesk: question.AtDesk}
}

// Progress tells a client that a call is alive, step by step.
type Progress func(step int, message string)

type progressKey struct{}

// WithProgress returns a context for a call whose client asked for progress.
func WithProgress(ctx context.Context, tell Progress) context.Context {
	return context.WithValue(ctx, progressKey{}, tell)
}

func progress(ctx context.Context, step int, message string) {
	if tell, ok := ctx.Value(progressKey{}).(Progress); ok {
		tell(step, message)
	}
}

// afterWaiting is a step beyond all of waiting for a person, since steps only
// grow.
const afterWaiting = 1000

// stayAlive tells the client from time to time that the call is alive, until
// stop is called.
func stayAlive(ctx context.Context, message string) (stop func()) {
	ended := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		alive := time.NewTicker(progressEvery)
		defer alive.Stop()
		for step := afterWaiting; ; step++ {
			select {
			case <-ended:
				return
			case <-alive.C:
				progress(ctx, step, message)
			}
		}
	}()
	return func() {
		close(ended)
		<-told
	}
}

// clientGone returns the channel that is closed when the client cannot answer
// questions any more, or nil where its session does not know.
func clientGone(ctx context.Context) <-chan struct{} {
	if s, ok := server.ClientSessionFromContext(ctx).(interface{ Gone() <-chan struct{} }); ok {
		return s.Gone()
	}
	return nil
}

// canAsk reports whether the client said that it can show its user a form, or
// open an address for them: mode is one of the library's, which does not look.
func canAsk(ctx context.Context, mode string) bool {
	var capability *mcp.ElicitationCapability
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern {
		if info.ClientCapabilities != nil {
			capability = info.ClientCapabilities.Elicitation
		}
	} else if s, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		capability = s.GetClientCapabilities().Elicitation
	}
	switch {
	case capability == nil:
		return false
	case mode == mcp.ElicitationModeURL:
		return capability.URL != nil
	default:
		return capability.Form != nil || capability.URL == nil // {} means forms
	}
}

// agent names the client that asks, in its own words.
func agent(ctx context.Context) string {
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.Modern && info.ClientInfo != nil {
		return info.ClientInfo.Name + " " + info.ClientInfo.Version
	}
	if s, ok := server.ClientSessionFromContext(ctx).(server.SessionWithClientInfo); ok {
		return s.GetClientInfo().Name + " " + s.GetClientInfo().Version
	}
	return ""
}

// Form is the schema of the form: one choice, with nothing preselected, since
// some clients take a default on Enter and some accept a form without fields
// unseen.
func Form() json.RawMessage {
	return json.RawMessage(`{"type":"object","properties":{"` + decisionField + `":{"type":"string","title":"Decision",` +
		`"description":"approve says yes to this one request, once.","enum":["deny","approve"]}},"required":["` + decisionField + `"]}`)
}

// choice reads the form. Whatever is not a plain approve is not one.
func choice(result *mcp.ElicitationResult) approval.Choice {
	if result == nil {
		return approval.NoAnswer
	}
	switch result.Action {
	case mcp.ElicitationResponseActionAccept:
		fields, _ := result.Content.(map[string]any)
		if fields[decisionField] == "approve" {
			return approval.Approve
		}
		return approval.Deny
	case mcp.ElicitationResponseActionCancel:
		return approval.Cancel
	case mcp.ElicitationResponseActionDecline:
		return approval.Deny
	default:
		return approval.Deny
	}
}

// outcomeOf returns what an agent is told of a refusal that is an answer in
// itself. Other errors are failures of the call.
func outcomeOf(err error, id, tool, name string) (outcome, bool) {
	cooling, isCooling := errors.AsType[*approval.CooldownError](err)
	_, byPolicy := errors.AsType[*approval.PolicyError](err)
	waiting, isWaiting := errors.AsType[stillPendingError](err)
	switch {
	case err == nil, byPolicy, errors.Is(err, approval.ErrUnrecorded):
		return outcome{}, false
	case isWaiting && waiting.atDesk:
		return outcome{"pending", id, "A person is to decide outside this client. Tell them to " + visiting(waiting.page) + "run `scrim approve " + id + "` in a terminal of their own, then call " + tool + " again with this request_id.", waiting.expires}, true
	case isWaiting:
		return outcome{"pending", id, "A person has been asked and has not answered yet. Tell them that you wait, then call " + tool + " again with this request_id.", waiting.expires}, true
	case isCooling:
		return outcome{"denied", id, "A person said no to " + name + " a moment ago, so nobody is asked again before " + cooling.Until.UTC().Format(time.RFC3339) + ". Go on without it.", time.Time{}}, true
	case errors.Is(err, approval.ErrDenied):
		return outcome{"denied", id, "A person said no to " + name + ". Go on without it, or ask them in the conversation what to do instead.", time.Time{}}, true
	case errors.Is(err, approval.ErrExpired):
		return outcome{"unavailable", id, "The question about " + name + " closed before an answer came, so nothing was released. Ask the person whether to try again.", time.Time{}}, true
	case errors.Is(err, approval.ErrAway):
		return outcome{"unavailable", id, "Another user of this machine is to decide about " + name + ", and their scrim does not answer, so nothing was released. Tell the person that scrim approvals --serve has to run there (scrim doctor says what is wrong), then call again.", time.Time{}}, true
	case errors.Is(err, approval.ErrWithdrawn):
		return outcome{"unavailable", id, "The question about " + name + " was withdrawn, since a call for it was cancelled, so nothing was released. Call again without request_id to have the person asked anew.", time.Time{}}, true
	case errors.Is(err, approval.ErrUnproved):
		return outcome{"unavailable", id, "A yes to " + name + " must be proved, with a PIN or a passkey, and this server has nothing to check one with, so nothing was released. Tell the person to run scrim enroll (scrim doctor says what is wrong where they have), and to start this server again.", time.Time{}}, true
	case errors.Is(err, approval.ErrUnavailable):
		return outcome{"unavailable", id, cannotAsk(name), time.Time{}}, true
	default:
		return outcome{}, false
	}
}

// visiting leads to the page, if there is one.
func visiting(page string) string {
	if page == "" {
		return ""
	}
	return "open " + page + " in a browser on this machine, or to "
}

func cannotAsk(name string) string {
	return "This client cannot put the question to a person, so nothing was released. Tell the person that " + name +
		" is needed, and that they can use it themselves, have it moved to the project's path, use a client that supports MCP elicitation (forms), or set a PIN with scrim enroll and start this server again."
}
