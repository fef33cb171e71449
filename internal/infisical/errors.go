package infisical

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"scrim/internal/secret"
)

// The store's own words for why it refuses, as recorded from it.
const (
	kindToken          = "TokenError"
	kindPermission     = "PermissionDenied"
	kindReadValue      = "ForbiddenReadSecretError"
	kindExpansion      = "ForbiddenError" // of a list or get that expands references
	kindNotFound       = "NotFound"
	kindPathNotFound   = "SecretPathNotFound" // of a list
	kindFolderNotFound = "GetSecretByName"    // of a get
)

// timeLimitError is a call that ran into the Client's own time limit.
type timeLimitError struct{ after time.Duration }

func (e *timeLimitError) Error() string {
	return fmt.Sprintf("%v: no answer within %s", secret.ErrUnavailable, e.after)
}

func (e *timeLimitError) Unwrap() error { return secret.ErrUnavailable }

// interrupted returns why ctx ended: the Client's own time limit, or the
// caller's own error.
func interrupted(ctx context.Context) error {
	if limit, ok := errors.AsType[*timeLimitError](context.Cause(ctx)); ok {
		return limit
	}
	return ctx.Err()
}

// brokenError is a connection that could not be made or did not hold.
type brokenError struct {
	detail string // ours; never the text of the network's error, which holds the URL
	unsent bool   // the server has seen nothing of the request
	final  bool   // trying again does not help
}

func (e *brokenError) Error() string { return fmt.Sprintf("%v: %s", secret.ErrUnavailable, e.detail) }

func (e *brokenError) Unwrap() error { return secret.ErrUnavailable }

// broken classifies what the transport says of a request without an answer.
func broken(err error) *brokenError {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		operation   *net.OpError
	)
	unsent := errors.As(err, &operation) && operation.Op == "dial"
	switch {
	case errors.As(err, &certificate):
		return &brokenError{detail: "its certificate is not trusted here", unsent: true, final: true}
	case errors.As(err, &name):
		return &brokenError{detail: "its host name does not resolve", unsent: true}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &brokenError{detail: "connection refused", unsent: unsent}
	default:
		return &brokenError{detail: "the connection failed", unsent: unsent}
	}
}

// badResponse is an answer that scrim does not believe.
func badResponse(detail string) error { return fmt.Errorf("%w: %s", secret.ErrBadResponse, detail) }

// refusedError is an answer by which the store refuses.
type refusedError struct {
	is     error  // of the closed set in package secret
	kind   string // the store's own word for it
	detail string // ours
	reqID  string // the store's id of the request, fit to print
	own    bool   // the store itself says so, and not a proxy
	locked bool   // for a while, and whatever is shown
}

func (e *refusedError) Error() string {
	text := e.is.Error()
	if e.detail != "" {
		text += ": " + e.detail
	}
	if e.reqID != "" {
		text += " (" + e.reqID + ")"
	}
	return text
}

func (e *refusedError) Unwrap() error { return e.is }

// kindOf returns the store's own word for err, or "".
func kindOf(err error) string {
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused.kind
	}
	return ""
}

// complaint is the body of the store's errors. Its message is an array of
// issues on a 422.
type complaint struct {
	ReqID   string          `json:"reqId"`
	Kind    string          `json:"error"`
	Message json.RawMessage `json:"message"`
}

// parseComplaint reads an error body. A proxy's page and an unknown route give
// one without a ReqID.
func parseComplaint(body []byte) complaint {
	var c complaint
	if json.Unmarshal(body, &c) != nil {
		return complaint{}
	}
	return c
}

// text returns the message where it is text.
func (c complaint) text() string {
	var s string
	if json.Unmarshal(c.Message, &s) != nil {
		return ""
	}
	return s
}

// refusal returns what r refuses, where name is the secret that was asked for,
// or "" for a folder. It is meant for statuses from 400 up.
func refusal(r reply, name string) *refusedError {
	c := parseComplaint(r.body)
	e := &refusedError{kind: c.Kind, reqID: printable(c.ReqID), own: c.ReqID != "" && r.json}
	switch {
	case r.status == http.StatusTooManyRequests:
		e.is = &secret.RateLimitedError{After: r.retryAfter}
	case r.status >= http.StatusInternalServerError:
		e.is, e.detail = secret.ErrUnavailable, statusText(r.status)
	case !e.own:
		e.is, e.detail = secret.ErrBadResponse, statusText(r.status)+", and not in the store's own words"
	case r.status == http.StatusUnauthorized || r.status == http.StatusForbidden && c.Kind == kindToken:
		e.is = secret.ErrUnauthenticated
		if strings.Contains(c.text(), "temporarily locked") {
			e.locked, e.detail = true, "the store has locked this identity for a few minutes"
		}
	case r.status == http.StatusForbidden:
		e.is = secret.ErrForbidden
	case r.status == http.StatusNotFound:
		e.detail, e.is = absence(c, name)
	default:
		e.is, e.detail = secret.ErrBadResponse, statusText(r.status)
	}
	return e
}

// absence tells the store's kinds of 404 apart. A secret is absent only where
// the store says so of that very name; what scrim does not know proves nothing.
func absence(c complaint, name string) (detail string, is error) {
	text := c.text()
	switch {
	case c.Kind == kindPathNotFound || c.Kind == kindFolderNotFound:
		return "", secret.ErrPathNotFound
	case c.Kind == kindNotFound && name != "" && text == "Secret with name '"+name+"' not found":
		return "", secret.ErrNotFound
	case c.Kind == kindNotFound && strings.HasPrefix(text, "Environment with slug "):
		return "", secret.ErrPathNotFound
	case c.Kind == kindNotFound && strings.HasPrefix(text, "Project with "):
		return "", secret.ErrNoProject
	default:
		return "it does not say what was not found", secret.ErrBadResponse
	}
}

// refusedWrite is refusal for what was to change the store, which says in other
// words what is there and what is not. name is the one secret that it was about.
func refusedWrite(r reply, name string) *refusedError {
	e, text := refusal(r, name), parseComplaint(r.body).text()
	switch {
	case !e.own:
	case r.status == http.StatusBadRequest && (strings.HasPrefix(text, "Secret already exists") || existingFolder(text)):
		e.is, e.detail = secret.ErrExists, ""
	case r.status == http.StatusNotFound && strings.HasPrefix(text, "Folder with path '"):
		e.is, e.detail = secret.ErrPathNotFound, ""
	case r.status == http.StatusNotFound && e.kind == kindNotFound && absentSecret(text, name):
		e.is, e.detail = secret.ErrNotFound, ""
	}
	return e
}

func existingFolder(text string) bool {
	return strings.HasPrefix(text, "Folder with name '") && strings.Contains(text, "' already exists in path '")
}

// absentSecret knows the words in which updates, deletes and batches say that a
// secret is not there.
func absentSecret(text, name string) bool {
	return text == "Secret not found" || text == "Secret with name "+name+" not found" || strings.HasPrefix(text, "Secret does not exist")
}

func statusText(status int) string { return fmt.Sprintf("status %d", status) }

// printable returns id where it looks like a request id, and "" elsewhere.
func printable(id string) string {
	if len(id) > 64 || secret.CheckEnvironment(id) != nil {
		return ""
	}
	return id
}
