package loopback

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// guard lets through what the browser of this user sends to this server, from a
// page of this server or as a visit.
type guard struct {
	host, origin string
	present      *crowd
	next         http.Handler
}

// policy lets a page load, and send to, this server alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

// ServeHTTP answers what it refuses, in words of its own.
func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head(w.Header())
	if status := g.refuses(r); status != http.StatusOK {
		refuse(w, status)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok && tooLarge != nil {
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	if err != nil {
		refuse(w, http.StatusRequestTimeout)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	g.present.said(r.Context())
	// The deadline of reading would end the request's context.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	g.next.ServeHTTP(w, r)
}

// head sets what holds for every answer.
//
// The policy on referrers is not no-referrer: with that one browsers say "Origin:
// null" for a form, and a page of this server could not be told from others.
// Under same-origin no other server gets to see one either.
func head(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex")
}

// refuses returns the status that r is refused with, or StatusOK.
func (g guard) refuses(r *http.Request) int {
	switch {
	case r.Host != g.host || r.URL.Host != "":
		return http.StatusMisdirectedRequest // a name that was made to lead here
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed
	case !g.own(r), !ofThisUser(r):
		return http.StatusForbidden
	case r.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge
	default:
		return http.StatusOK
	}
}

// own reports whether r comes from a page of this server or, where all it does is
// to look, from a person who opens the page.
func (g guard) own(r *http.Request) bool {
	from, known := r.Header["Origin"]
	site := r.Header.Get("Sec-Fetch-Site")
	if known && (len(from) != 1 || from[0] != g.origin) {
		return false
	}
	if r.Method == http.MethodPost {
		return known && (site == "" || site == "same-origin")
	}
	visit := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return site == "" || site == "same-origin" || site == "none" || visit
}

// ofThisUser reports whether r comes from a process of this user, as far as the
// system can tell.
func ofThisUser(r *http.Request) bool {
	c, ok := whose(r.Context())
	return ok && isOurs(c)
}

// refuse answers with the status in words, and hears no more from that connection.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	http.Error(w, http.StatusText(status), status)
}
