package tools

import (
	"context"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/approval"
)

// Pages shows questions that wait at the desk in a browser.
type Pages interface {
	// Address returns where the question with that id is answered. Whoever has it
	// can look, and say no; a yes needs a proof.
	Address(id string) (string, error)
}

// pageField names the page in an input request, and pageState begins the state
// that comes back with it. What follows is the request's id, which gives no more
// than request_id does: for other arguments it is refused.
const (
	pageField = "page"
	pageState = "page:"
)

// visit is what became of a page that the client was to open. Opening it says
// nothing of what the person decides.
type visit int

const (
	notAsked visit = iota // the client was not to open one
	opened
	notOpened
	refused // by the person, who wants neither the page nor what it is about
)

func visitOf(result *mcp.ElicitationResult) visit {
	switch {
	case result == nil:
		return notOpened
	case result.Action == mcp.ElicitationResponseActionAccept:
		return opened
	case result.Action == mcp.ElicitationResponseActionDecline:
		return refused
	default:
		return notOpened
	}
}

// atDesk waits for a person who answers outside the client. The call that asked
// first has the client open the page for them; where the client cannot, it is opened
// in their browser; where there is none, the agent is who tells them, so that the
// call ends.
func (d Deps) atDesk(ctx context.Context, question *approval.Question, v visit, limit <-chan time.Time) error {
	switch {
	case v == refused:
		return d.Gate.Dismiss(question.ID)
	case v == notOpened:
		return d.stillPending(question)
	case !question.Fresh:
		return d.wait(ctx, question, question.Done, nil, limit)
	}
	address, ok := d.page(question.ID)
	if !ok {
		return d.stillPending(question)
	}
	if !canAsk(ctx, mcp.ElicitationModeURL) {
		if !d.show(ctx, question, address) {
			return d.stillPending(question)
		}
		return d.wait(ctx, question, question.Done, nil, limit)
	}
	page := mcp.ElicitationParams{Mode: mcp.ElicitationModeURL, Message: question.Text, URL: address}
	if server.IsModernRequest(ctx) {
		return inputRequiredError{server.NewInputRequestBuilder(pageState+question.ID).Elicit(pageField, page).ToolResult()}
	}
	page.ElicitationID = question.ID
	return d.wait(ctx, question, d.open(ctx, question, page), nil, limit)
}

// page returns the address of the question with that id, where there is a page.
func (d Deps) page(id string) (string, bool) {
	if d.Pages == nil {
		return "", false
	}
	address, err := d.Pages.Address(id)
	if err != nil {
		d.Log.Info("the page cannot be shown: scrim approve is the way", "error", err)
	}
	return address, err == nil
}

// show opens the page in the browser of the person at this machine, and reports
// whether it did.
func (d Deps) show(ctx context.Context, question *approval.Question, address string) bool {
	if d.Browser == nil {
		return false
	}
	err := d.Browser(ctx, address)
	if err != nil {
		d.Log.Info("the page does not open by itself", "request", question.ID, "error", err)
	}
	return err == nil
}

// open has a client that knows no input requests open the page. The returned
// channel is closed when that fails or is refused. A client that opened it is
// told when it has done its work.
func (d Deps) open(ctx context.Context, question *approval.Question, page mcp.ElicitationParams) <-chan struct{} {
	shut := make(chan struct{})
	client, session := server.ServerFromContext(ctx), server.ClientSessionFromContext(ctx)
	ctx = context.WithoutCancel(ctx) // the person may be at the page after this call has ended
	asking, stop := context.WithDeadline(ctx, question.Expires)
	go func() {
		defer stop()
		select {
		case <-question.Done:
		case <-asking.Done():
		}
	}()
	go func() {
		result, err := client.RequestElicitation(asking, mcp.ElicitationRequest{Params: page})
		v := notOpened
		if err == nil {
			v = visitOf(result)
		}
		switch v {
		case opened:
			<-asking.Done()
			err = client.SendElicitationComplete(ctx, session, question.ID)
		case refused:
			err = d.Gate.Dismiss(question.ID)
			close(shut)
		default:
			close(shut)
		}
		if err != nil {
			d.Log.Debug("a page for a person", "request", question.ID, "outcome", err)
		}
	}()
	return shut
}
