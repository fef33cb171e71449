package infisical_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// TestReach asks as nobody, and says what time the server has.
func TestReach(t *testing.T) {
	t.Parallel()
	theirs := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		date   time.Time
		want   error
	}{
		"well": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", theirs.Format(http.TimeFormat))
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"message":"Ok"}`)
		}, theirs, nil},
		"no date": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{}`)
		}, time.Time{}, nil},
		"a page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, time.Time{}, secret.ErrBadResponse},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://localhost/api/status", http.StatusFound)
		}, time.Time{}, secret.ErrBadResponse},
		"not there":  {http.NotFound, time.Time{}, secret.ErrBadResponse},
		"a teapot":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, time.Time{}, secret.ErrBadResponse},
		"broken off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, time.Time{}, secret.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, always(c.answer))
			reached, err := infisical.Reach(t.Context(), s.url, slog.New(slog.DiscardHandler))
			if !errors.Is(err, c.want) || !reached.Date.Equal(c.date) {
				t.Errorf("%+v, %v", reached, err)
			}
			for _, r := range s.requests() {
				if r.path != "/api/status" || r.auth != "" {
					t.Errorf("asked %s with %q", r.path, r.auth)
				}
			}
		})
	}
	if _, err := infisical.Reach(t.Context(), "http://secrets.example.org", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it asked a site that is neither https nor on loopback")
	}
}
