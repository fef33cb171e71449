package page

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"scrim/internal/approval"
)

// view is what the template lays out. Texts of others are in Question, and pass
// seen on their way.
type view struct {
	Question         approval.Waiting
	Names            string
	Path, Token      string
	HasPIN, HasKey   bool
	Notice           string
	Until, UntilTime string // until when it is open: for people, and for programs
	Left             string
}

func (p *Pages) view(e *entry, question approval.Waiting, notice string) view {
	v := view{
		Question: question, Path: e.path, Token: e.token, Notice: notice,
		HasPIN: p.approver.HasPIN(), HasKey: p.approver.HasPasskey(),
	}
	names := make([]string, len(question.Facts.Secrets))
	for i, s := range question.Facts.Secrets {
		names[i] = s.Name
	}
	v.Names = strings.Join(names, ", ")
	if !question.Expires.IsZero() {
		v.Until = question.Expires.Local().Format(time.TimeOnly)
		v.UntilTime = question.Expires.UTC().Format(time.RFC3339)
		v.Left = left(time.Until(question.Expires))
	}
	return v
}

// left says a time in words.
func left(d time.Duration) string {
	switch minutes := int(d.Minutes()); {
	case minutes == 1:
		return "1 minute left"
	case minutes > 1:
		return strconv.Itoa(minutes) + " minutes left"
	default:
		return "less than a minute left"
	}
}

// seen writes what cannot be seen, or changes how the rest is seen, as escapes.
func seen(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(strings.Trim(quoted, "'"))
	}
	return b.String()
}

// message is a page without a question.
type message struct{ Title, Text string }

func approvedMessage() message {
	return message{"Approved", "The agent gets what it asked for, once, when it asks again. You can close this page."}
}

func deniedMessage() message {
	return message{"Denied", "The agent does not get it. You can close this page."}
}

func overMessage() message {
	return message{"This question is over", "It was answered, withdrawn, or not answered in time. What you sent just now changed nothing. You can close this page."}
}

func nowhereMessage() message {
	return message{"There is no question here", "An address is good for one question. scrim approvals, in a terminal, lists those that wait."}
}

func foreignMessage() message {
	return message{"This did not come from the page", "Nothing was changed, and it is on record. Open the question's address again, and answer there."}
}

func unrecordedMessage() message {
	return message{"It could not be put on record", "So it does not count, and nothing leaves. See scrim doctor for what keeps the audit trail from being written."}
}

func noPasskeyMessage() message {
	return message{"No passkey can be asked for", "Load the page anew: it says why."}
}

func (p *Pages) told(status int, m message) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { p.say(w, status, m) }
}

func (p *Pages) say(w http.ResponseWriter, status int, m message) {
	p.render(w, status, "message", m)
}

// render answers with a whole page or with none.
func (p *Pages) render(w http.ResponseWriter, status int, name string, data any) {
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // who does not read it has left
}
