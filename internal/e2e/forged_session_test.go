package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/secret"
	"scrim/internal/session"
)

// forgeMode is the argument that turns the test binary into a process that
// keeps a session's record for itself.
const forgeMode = "forge-session"

// forge keeps a record of a session that no launcher began, on the site
// args[0] and the Infisical project args[1], and runs the rest of args in it.
// Its exit code is the command's.
func forge(args []string) int {
	record, err := session.New(secret.Scope{
		Site: args[0], ProjectID: args[1], Environment: "prod", Stated: true,
		Project: "alpha", Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}, "universal-auth", time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	remove, err := record.Keep()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer remove()
	cmd := exec.Command(args[2], args[3:]...) //nolint:noctx,gosec // the end of its input ends it; G702: the command is of this test
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return 0
}

// trap is a site that lets anybody log in, and keeps what it is sent.
type trap struct {
	url string

	mu    sync.Mutex
	heard []string
}

func setTrap(t *testing.T) *trap {
	t.Helper()
	s := &trap{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		s.heard = append(s.heard, string(dump))
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"accessToken":"made-up-token","tokenType":"Bearer","expiresIn":7200,"accessTokenMaxTTL":7200,"secrets":[],"imports":[],"folders":[]}`) //nolint:errcheck // a client that is gone
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// check fails where a request carries one of these credentials, or any other.
func (s *trap) check(t *testing.T, credentials []needle) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, request := range s.heard {
		if strings.Contains(strings.ToLower(request), "\nauthorization:") {
			t.Errorf("the record's site was shown a token: %s", request)
		}
		for _, c := range credentials {
			if strings.Contains(request, c.text) {
				t.Errorf("the record's site was sent the %s: %s", c.what, request)
				break
			}
		}
	}
}

// TestForgedSessionGetsNoCredentials: a session's record is a file of the user's,
// so any process of theirs can write one that names a site of its own. A server
// below it that starts without credentials sends none to that site, wherever
// they come from later, and says what to do.
func TestForgedSessionGetsNoCredentials(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		genuine bool   // there is no record, and what comes later is used: the others wait long enough
		line    bool   // the credentials name their site
		site    string // of INFISICAL_API_URL: "own", "record's" or ""
		file    bool   // the user's own scrim/config.toml names their site
	}{
		"no session":                             {genuine: true, line: true},
		"no session, a variable":                 {genuine: true, site: "own"},
		"a site line":                            {line: true},
		"a site line, and the site in a file":    {line: true, file: true},
		"no site line":                           {},
		"no site line, the site in a variable":   {site: "own"},
		"no site line, the site in a file":       {file: true},
		"no site line, the record's in a client": {site: "record's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, own := serve(t)
			id, key := store.AddIdentity(devstore.Identity{Name: "later", Rules: devstore.MayRead()})
			credentials := needles(map[string]string{"client id": id, "client secret": key})
			evil := setTrap(t)
			argv := []string{scrimBin, "serve"}
			vars := []string{"SCRIM_PROJECT=alpha", "SCRIM_PROJECT_ID=" + store.ProjectID(), "PROJECT_ENV=prod"}
			if !tt.genuine {
				argv = slices.Concat([]string{os.Args[0], forgeMode, evil.url, store.ProjectID()}, argv)
			}
			switch {
			case tt.site == "record's":
				vars = append(vars, "INFISICAL_API_URL="+evil.url)
			case tt.site == "own" || tt.genuine:
				vars = append(vars, "INFISICAL_API_URL="+own.URL())
			}
			r := newRig(t, argv, vars...)
			if tt.file {
				writeFile(t, filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim", "config.toml"), "site_url = \""+own.URL()+"\"\n")
			}
			w := open(t, r, legacy, canAsk)
			if list := w.call("list_secrets", map[string]any{}); list.Facts.Complete {
				t.Fatalf("it starts with credentials: %+v", list.Facts)
			}
			file := "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id + "\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key + "\n"
			if tt.line {
				file += "INFISICAL_API_URL=" + own.URL() + "\n"
			}
			writeFile(t, filepath.Join(r.home, ".infisical-ua"), file)
			if tt.genuine {
				w.untilComplete()
			} else {
				w.isRefusedFor(6 * time.Second)
			}
			w.end(nothing)
			if told := strings.Contains(w.logged.String(), "once there are some, start this server again"); told == tt.genuine {
				t.Errorf("what a person is told: %s", w.logged.String())
			}
			checkOutput(t, w.transcript(), nothing, credentials)
			evil.check(t, credentials)
		})
	}
}

// isRefusedFor asks in every way, again and again, for longer than it takes to
// look for credentials once more.
func (w *wire) isRefusedFor(long time.Duration) {
	w.t.Helper()
	again := time.NewTicker(250 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); time.Since(began) < long; <-again.C {
		list := w.call("list_secrets", map[string]any{})
		found := w.find("PAYOUT_PHRASE")
		read := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"})
		if list.Facts.Complete || found.Facts.Status != "unknown" || !read.IsError {
			w.fatalf("it got in: %+v, %+v, %+v", list.Facts, found.Facts, read.Facts)
		}
		const next = "Tell the person to renew the machine identity's credentials"
		if !strings.Contains(found.Facts.NextStep, next) || !strings.HasPrefix(read.Facts.NextStep, next) || read.Facts.Code != "identity_refused" {
			w.fatalf("it does not say what to do: %+v, %+v", found.Facts, read.Facts)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
