package infisical_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := infisical.Options{
		Site: "https://vault.example.test", ProjectID: projectID,
		Identity: infisical.AccessToken(secret.NewValue("made-up-token")),
	}
	for name, spoil := range map[string]func(*infisical.Options){
		"no site":          func(o *infisical.Options) { o.Site = "" },
		"no scheme":        func(o *infisical.Options) { o.Site = "vault.example.test" },
		"plain HTTP":       func(o *infisical.Options) { o.Site = "http://vault.example.test" },
		"almost loopback":  func(o *infisical.Options) { o.Site = "http://127.0.0.1.example.test" },
		"localhost as sub": func(o *infisical.Options) { o.Site = "http://localhost.example.test" },
		"private address":  func(o *infisical.Options) { o.Site = "http://10.0.0.1" },
		"file":             func(o *infisical.Options) { o.Site = "file:///etc/made-up" },
		"user":             func(o *infisical.Options) { o.Site = "https://user:made-up-password@vault.example.test" },
		"query":            func(o *infisical.Options) { o.Site = "https://vault.example.test/?made-up" },
		"empty query":      func(o *infisical.Options) { o.Site = "https://vault.example.test/?" },
		"fragment":         func(o *infisical.Options) { o.Site = "https://vault.example.test/#made-up" },
		"dots":             func(o *infisical.Options) { o.Site = "https://vault.example.test/a/../made-up" },
		"escapes":          func(o *infisical.Options) { o.Site = "https://vault.example.test/a%2fb" },
		"only a port":      func(o *infisical.Options) { o.Site = "https://:443" },
		"control":          func(o *infisical.Options) { o.Site = "https://vault.example.test/\nmade-up" },
		"no project":       func(o *infisical.Options) { o.ProjectID = "" },
		"negative time":    func(o *infisical.Options) { o.Timeout = -1 },
		"nobody":           func(o *infisical.Options) { o.Identity = infisical.Identity{} },
		"empty token":      func(o *infisical.Options) { o.Identity = infisical.AccessToken(secret.NewValue("")) },
		"token of lines":   func(o *infisical.Options) { o.Identity = infisical.AccessToken(secret.NewValue("made-up\nx")) },
		"no client id": func(o *infisical.Options) {
			o.Identity = infisical.UniversalAuth(secret.Value{}, secret.NewValue("made-up"))
		},
		"no client secret": func(o *infisical.Options) {
			o.Identity = infisical.UniversalAuth(secret.NewValue("made-up"), secret.Value{})
		},
	} {
		o := good
		spoil(&o)
		c, err := infisical.New(o)
		if err == nil || c != nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), "made-up") {
			t.Errorf("%s: the error echoes its input: %v", name, err)
		}
	}
	if _, err := infisical.New(good); err != nil {
		t.Error(err)
	}
}

func TestSiteWithAndWithoutAPI(t *testing.T) {
	t.Parallel()
	for suffix, want := range map[string]string{
		"": "/api/v1/folders", "/": "/api/v1/folders", "/api": "/api/v1/folders", "/api/": "/api/v1/folders",
		"/infisical": "/infisical/api/v1/folders", "/infisical/api": "/infisical/api/v1/folders",
	} {
		s := serve(t, func(asked, int) http.Handler { return jsonAnswer(200, `{"folders":[{"name":"x"}]}`) })
		c := newClient(t, s, withToken("made-up-token"), func(o *infisical.Options) { o.Site += suffix })
		got, err := c.Folders(t.Context(), "prod", "/")
		if err != nil || !slices.Equal(got, []string{"x"}) || s.requests()[0].path != want {
			t.Errorf("%q: %v, %v, asked %s", suffix, got, err, s.requests()[0].path)
		}
	}
}

func TestIdentityKinds(t *testing.T) {
	t.Parallel()
	s := serve(t, always(jsonAnswer(200, emptyList)))
	universal, token := newClient(t, s), newClient(t, s, withToken("made-up-token-9"))
	if universal.IdentityKind() != "universal-auth" || token.IdentityKind() != "access-token" {
		t.Errorf("got %q, %q", universal.IdentityKind(), token.IdentityKind())
	}
	if !slices.Equal(*universal.learned, []string{clientID, clientSecret}) || !slices.Equal(*token.learned, []string{"made-up-token-9"}) {
		t.Errorf("learned %q, %q", *universal.learned, *token.learned)
	}
	if s.count("") != 0 {
		t.Error("New made a request")
	}
}

func TestCredentialsAreSentOnlyWhereTheyBelong(t *testing.T) {
	t.Parallel()
	s := serve(t, always(jsonAnswer(200, emptyList)))
	c := newClient(t, s, withTimeout(time.Minute))
	if _, err := c.List(t.Context(), "prod", "/alpha", ""); err != nil {
		t.Fatal(err)
	}
	login, list := s.requests()[0], s.requests()[1]
	if login.auth != "" || !strings.Contains(login.body, clientSecret) {
		t.Errorf("login: %+v", login)
	}
	if list.auth != "Bearer made-up-token-1" || list.body != "" {
		t.Errorf("list: %+v", list)
	}
	if !slices.Contains(*c.learned, "made-up-token-1") {
		t.Error("the access token was not learned")
	}
}
