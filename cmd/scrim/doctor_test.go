package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestDoctorReadsTheClock: a store whose clock is another one's is a problem,
// and the same store otherwise none.
func TestDoctorReadsTheClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		off  time.Duration
		want string
	}{
		"as ours":     {0, `"its clock and this machine's agree"`},
		"some ahead":  {10 * time.Second, `"its clock and this machine's agree"`},
		"far ahead":   {5 * time.Minute, "this machine's clock is "},
		"an hour ago": {-time.Hour, " ahead of the store's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := storeCommand(t, seedOf(map[string]string{"NAME": "made-up/of-the-doctor"}), "scrim", "doctor", "--json")
			for i, set := range cmd.Env {
				if at, ok := strings.CutPrefix(set, "INFISICAL_API_URL="); ok {
					cmd.Env[i] = "INFISICAL_API_URL=" + withClock(t, at, c.off)
				}
			}
			out, _ := cmd.Output() // other problems may be here
			if !strings.Contains(string(out), c.want) || strings.Contains(string(out), "made-up") {
				t.Errorf("%s", out)
			}
			if _, agrees, _ := strings.Cut(c.want, "agree"); strings.Contains(string(out), "agree") != (agrees != "") {
				t.Errorf("%s", out)
			}
		})
	}
}

// withClock serves the store at site with a clock that is off.
func withClock(t *testing.T, site string, off time.Duration) string {
	t.Helper()
	to, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			return nil
		},
	}
	served := httptest.NewServer(proxy)
	t.Cleanup(served.Close)
	return served.URL
}
