package infisical_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

const identityID = "made-up-identity-41c0"

// cloud is a store that takes logins of every kind, and the metadata services
// of two clouds. Every host leads there.
type cloud struct {
	*httptest.Server
	mu       sync.Mutex
	asked    []string // method, host and URL
	logins   []map[string]string
	refuse   func(body map[string]string) bool
	metadata http.HandlerFunc
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{refuse: func(map[string]string) bool { return false }}
	refused := recordings(t)["login-wrong-secret"]
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		c.asked = append(c.asked, r.Method+" "+r.Host+r.URL.String())
		switch {
		case strings.HasPrefix(r.Host, "169.254.") || strings.HasPrefix(r.Host, "metadata."):
			c.metadata(w, r)
		case strings.HasSuffix(r.URL.Path, "/login"):
			var fields map[string]string
			if json.Unmarshal(body, &fields) != nil {
				t.Errorf("body %q", body)
			}
			c.logins = append(c.logins, fields)
			if c.refuse(fields) {
				refused.ServeHTTP(w, r)
				return
			}
			issued("made-up-login-1", 1000, 1000).ServeHTTP(w, r)
		default:
			jsonAnswer(http.StatusOK, emptyList).ServeHTTP(w, r)
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) client(t *testing.T, i infisical.Identity) testClient {
	t.Helper()
	s := &server{url: c.URL, dial: (&net.Dialer{}).DialContext}
	to := newClient(t, s, func(o *infisical.Options) { o.Identity = i })
	var dialer net.Dialer
	at := strings.TrimPrefix(c.URL, "http://")
	to.DialTo(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, at)
	})
	return to
}

func fixed(token string) func() (secret.Value, error) {
	return func() (secret.Value, error) { return secret.NewValue(token), nil }
}

// TestTokenLogins logs in with a token, to where the SDK has it.
func TestTokenLogins(t *testing.T) {
	t.Parallel()
	for path, of := range map[string]func(infisical.TokenLogin) infisical.Identity{
		"/api/v1/auth/oidc-auth/login":       infisical.OIDC,
		"/api/v1/auth/kubernetes-auth/login": infisical.Kubernetes,
	} {
		c := newCloud(t)
		client := c.client(t, of(infisical.TokenLogin{IdentityID: identityID, Token: fixed("made-up.jwt.proof")}))
		mustList(t, client)
		mustList(t, client)
		if len(c.logins) != 1 || c.logins[0]["identityId"] != identityID || c.logins[0]["jwt"] != "made-up.jwt.proof" || len(c.logins[0]) != 2 {
			t.Errorf("%s: %d logins", path, len(c.logins))
		}
		if !strings.HasSuffix(c.asked[0], path) {
			t.Errorf("asked %q", c.asked[0])
		}
		if got := strings.Join(*client.learned, " "); got != "made-up.jwt.proof made-up-login-1" {
			t.Errorf("learned %q", got)
		}
		if !strings.Contains(path, client.IdentityKind()) {
			t.Errorf("kind %q", client.IdentityKind())
		}
	}
}

// TestRefusedTokenIsNotShownAgain is refused with one token, and let in with
// the next one that lies there.
func TestRefusedTokenIsNotShownAgain(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.refuse = func(body map[string]string) bool { return body["jwt"] == "made-up.old.proof" }
	token := "made-up.old.proof"
	client := c.client(t, infisical.OIDC(infisical.TokenLogin{IdentityID: identityID, Token: func() (secret.Value, error) {
		return secret.NewValue(token), nil
	}}))
	for range 3 {
		_, err := client.List(t.Context(), "prod", "/alpha", "")
		if !errors.Is(err, secret.ErrUnauthenticated) || !strings.Contains(err.Error(), "login refused") {
			t.Errorf("got %v", err)
		}
	}
	if len(c.logins) != 1 {
		t.Errorf("%d logins", len(c.logins))
	}
	token = "made-up.new.proof"
	mustList(t, client)
	if len(c.logins) != 2 {
		t.Errorf("%d logins", len(c.logins))
	}
}

// TestNoToken asks nobody.
func TestNoToken(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	client := c.client(t, infisical.Kubernetes(infisical.TokenLogin{IdentityID: identityID, Token: func() (secret.Value, error) {
		return secret.Value{}, errors.New("there is no such file")
	}}))
	_, err := client.List(t.Context(), "prod", "/alpha", "")
	if !errors.Is(err, secret.ErrUnauthenticated) || !strings.Contains(err.Error(), "nothing proves the identity: there is no such file") {
		t.Errorf("got %v", err)
	}
	if len(c.asked) != 0 {
		t.Errorf("asked %q", c.asked)
	}
	if _, err := infisical.New(infisical.Options{Site: c.URL, ProjectID: projectID, Identity: infisical.AWS("")}); err == nil {
		t.Error("an empty identity is accepted")
	}
}

// TestMachineLogins asks the metadata service of a cloud, and shows the store
// what it says.
func TestMachineLogins(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		identity    infisical.Identity
		header, url string
		login       string
		answer      answer
	}{
		"azure": {
			infisical.Azure(identityID, "", ""), "Metadata",
			"GET 169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com/",
			"/api/v1/auth/azure-auth/login", jsonAnswer(http.StatusOK, `{"access_token":"made-up.cloud.proof"}`),
		},
		"azure, user-assigned": {
			infisical.Azure(identityID, "https://r.example.test/", "c-1"), "Metadata",
			"GET 169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fr.example.test%2F&client_id=c-1",
			"/api/v1/auth/azure-auth/login", jsonAnswer(http.StatusOK, `{"access_token":"made-up.cloud.proof"}`),
		},
		"gcp": {
			infisical.GCP(identityID), "Metadata-Flavor",
			"GET metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=" + identityID + "&format=full",
			"/api/v1/auth/gcp-auth/login", jsonAnswer(http.StatusOK, "made-up.cloud.proof\n"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.metadata = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(tt.header) == "" || r.Header.Get("Authorization") != "" {
					t.Errorf("headers %v", r.Header)
				}
				tt.answer.ServeHTTP(w, r)
			}
			client := c.client(t, tt.identity)
			mustList(t, client)
			if c.asked[0] != tt.url || !strings.HasSuffix(c.asked[1], tt.login) {
				t.Errorf("asked %q", c.asked)
			}
			if len(c.logins) != 1 || c.logins[0]["jwt"] != "made-up.cloud.proof" || c.logins[0]["identityId"] != identityID {
				t.Errorf("%d logins", len(c.logins))
			}
			if got := strings.Join(*client.learned, " "); got != "made-up.cloud.proof made-up-login-1" {
				t.Errorf("learned %q", got)
			}
		})
	}
}

// TestHostileMetadata has a metadata service redirect, refuse, and say nothing
// of use: the store is not asked, and nobody else is.
func TestHostileMetadata(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example.test/", http.StatusFound)
		},
		"refusal": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"empty":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "") },
		"a page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html> made-up") },
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("x \n", 1<<10))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, i := range []infisical.Identity{infisical.GCP(identityID), infisical.Azure(identityID, "", "")} {
				c := newCloud(t)
				c.metadata = h
				_, err := c.client(t, i).List(t.Context(), "prod", "/alpha", "")
				if !errors.Is(err, secret.ErrUnauthenticated) || !strings.Contains(err.Error(), "gives no token") || strings.Contains(err.Error(), "made-up") {
					t.Errorf("got %v", err)
				}
				if len(c.asked) != 1 {
					t.Errorf("asked %q", c.asked)
				}
			}
		})
	}
}

// TestAWSLogin signs the question of who asks with made-up keys. AWS itself is
// asked by the store, and not from here.
func TestAWSLogin(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "made-up-key-id", "AWS_SECRET_ACCESS_KEY": "made-up-key", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu-made-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	c := newCloud(t)
	mustList(t, c.client(t, infisical.AWS(identityID)))
	if len(c.logins) != 1 || !strings.HasSuffix(c.asked[0], "/api/v1/auth/aws-auth/login") {
		t.Fatalf("asked %q", c.asked)
	}
	login := c.logins[0]
	if login["identityId"] != identityID || login["iamHttpRequestMethod"] != "POST" {
		t.Errorf("login of %q by %q", login["identityId"], login["iamHttpRequestMethod"])
	}
	body, err := base64.StdEncoding.DecodeString(login["iamRequestBody"])
	if err != nil || string(body) != "Action=GetCallerIdentity&Version=2011-06-15" {
		t.Errorf("body %q, %v", body, err)
	}
	var headers map[string]string
	text, err := base64.StdEncoding.DecodeString(login["iamRequestHeaders"])
	if err := errors.Join(err, json.Unmarshal(text, &headers)); err != nil {
		t.Fatal(err)
	}
	if headers["Host"] != "sts.eu-made-1.amazonaws.com" || headers["Content-Length"] != "43" ||
		!strings.HasPrefix(headers["Authorization"], "AWS4-HMAC-SHA256 Credential=made-up-key-id/") ||
		!strings.Contains(headers["Authorization"], "/eu-made-1/sts/aws4_request") || headers["X-Amz-Date"] == "" {
		t.Errorf("headers %q", headers)
	}
}
