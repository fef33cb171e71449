package infisical

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-resty/resty/v2"

	"scrim/internal/secret"
)

// Reached is what a server that answers says of itself.
type Reached struct {
	Took time.Duration // of one request and its answer, connecting included
	Date time.Time     // by its clock, in whole seconds; zero where it does not say
}

// Reach asks the server at site whether it is there, as nobody: no credential
// is shown.
func Reach(ctx context.Context, siteURL string, log *slog.Logger) (Reached, error) {
	at, err := parseSite(siteURL)
	if err != nil {
		return Reached{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, defaultTimeout, &timeLimitError{defaultTimeout})
	defer cancel()
	base := newTransport()
	defer base.CloseIdleConnections()
	w := &wire{site: at, base: base, log: log}
	begun := time.Now()
	r, err := w.exchange(ctx, "reach the store", secret.Value{}, func(client *resty.Client) error {
		_, err := client.R().Get("/status")
		return err
	})
	if err != nil {
		return Reached{}, err
	}
	if r.status != http.StatusOK || !r.json {
		return Reached{}, refusal(r, "")
	}
	return Reached{Took: time.Since(begun), Date: r.date}, nil
}
