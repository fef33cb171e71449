package devstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// hiddenValue is what the server sends for a value that is not shown.
const hiddenValue = "<hidden-by-infisical>"

// wireError is a refusal as the wire spells it. Its message is a string, but on
// 422, where it is a list of issues.
type wireError struct {
	ReqID      string `json:"reqId"`
	StatusCode int    `json:"statusCode"`
	Message    any    `json:"message"`
	Details    any    `json:"details,omitempty"`
	Kind       string `json:"error"`
}

// Error names the status and the kind, never the message: it can hold input.
func (e *wireError) Error() string { return fmt.Sprintf("%d %s", e.StatusCode, e.Kind) }

// issue is one thing that is wrong with the input of a request.
type issue struct {
	Received string   `json:"received,omitempty"`
	Code     string   `json:"code"`
	Expected string   `json:"expected,omitempty"`
	Options  []string `json:"options,omitempty"`
	Message  string   `json:"message"`
	Path     []any    `json:"path"`
}

func badRequest(message string) error {
	return &wireError{StatusCode: http.StatusBadRequest, Message: message, Kind: "BadRequest"}
}

func unauthorized(message string) error {
	return &wireError{StatusCode: http.StatusUnauthorized, Message: message, Kind: "UnauthorizedError"}
}

func forbidden(kind, message string, details any) error {
	return &wireError{StatusCode: http.StatusForbidden, Message: message, Kind: kind, Details: details}
}

func notFound(kind, format string, args ...any) error {
	return &wireError{StatusCode: http.StatusNotFound, Message: fmt.Sprintf(format, args...), Kind: kind}
}

func invalid(issues ...issue) error {
	return &wireError{StatusCode: http.StatusUnprocessableEntity, Message: issues, Kind: "ValidationFailure"}
}

func broken() *wireError {
	return &wireError{StatusCode: http.StatusInternalServerError, Message: "Something went wrong", Kind: "InternalServerError"}
}

// plainError is the answer to what never reaches a handler, such as a route that
// the server does not have. It has no request id.
type plainError struct {
	Message    string `json:"message"`
	Kind       string `json:"error"`
	StatusCode int    `json:"statusCode"`
}

// answer writes what a handler gave: a body with status 200, or its refusal.
func answer(w http.ResponseWriter, r *http.Request, body any, err error) {
	if err == nil {
		writeJSON(w, r, http.StatusOK, body)
		return
	}
	var refusal *wireError
	if !errors.As(err, &refusal) {
		refusal = broken()
	}
	refusal.ReqID = "req-" + rand.Text()[:14]
	writeJSON(w, r, refusal.StatusCode, refusal)
}

// writeJSON writes body under its ETag, or 304 where the client has it already.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	tag := etag(text)
	w.Header().Set("ETag", tag)
	if status == http.StatusOK && r.Method == http.MethodGet && hasTag(r.Header.Get("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client is gone if this fails
}

// etag returns the strong entity tag of a body: its hash.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:]) + `"`
}

// hasTag reports whether an If-None-Match header names tag.
func hasTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}

// wireTime is a time in the server's spelling.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
