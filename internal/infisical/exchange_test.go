package infisical

import (
	"errors"
	"log/slog"
	"net/http"
	"testing"

	"github.com/go-resty/resty/v2"

	"scrim/internal/secret"
)

// unreachable is a transport that nothing may reach.
type unreachable struct{ t *testing.T }

func (u unreachable) RoundTrip(req *http.Request) (*http.Response, error) {
	u.t.Errorf("%s was sent", req.URL)
	return nil, errors.New("sent")
}

// TestExchangeStaysAtHome has the SDK ask for what is not below the site's API.
func TestExchangeStaysAtHome(t *testing.T) {
	t.Parallel()
	at, err := parseSite("https://vault.example.test/infisical")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{site: at, base: unreachable{t}, log: slog.New(slog.DiscardHandler)}
	for _, url := range []string{
		"https://elsewhere.test/infisical/api/v3/secrets/raw",
		"http://vault.example.test/infisical/api/v3/secrets/raw",
		"https://vault.example.test:8443/infisical/api/v3/secrets/raw",
		"https://vault.example.test/api/v3/secrets/raw",
		"https://x@vault.example.test/infisical/api/v3/secrets/raw",
		"/v3/secrets/raw/../../../../admin",
		"/v3/secrets/raw/a%2fb",
	} {
		_, err := w.exchange(t.Context(), "test", secret.NewValue("made-up-token"), func(c *resty.Client) error {
			_, err := c.R().SetBody("made-up-body").Post(url)
			return err
		})
		if !errors.Is(err, secret.ErrBadResponse) {
			t.Errorf("%s: got %v", url, err)
		}
	}
	_, err = w.exchange(t.Context(), "test", secret.Value{}, func(*resty.Client) error { return nil })
	if !errors.Is(err, secret.ErrBadResponse) {
		t.Errorf("no request: got %v", err)
	}
}
