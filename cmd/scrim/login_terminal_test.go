//go:build linux || darwin

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"scrim/internal/devstore"
)

// loginDesk is a terminal at which somebody logs in, and the store there.
type loginDesk struct {
	*desk
	held    *devstore.Store
	id, key string
	home    string
}

// sitToLogIn starts `scrim login` where no variable has credentials.
func sitToLogIn(t *testing.T, args ...string) *loginDesk {
	t.Helper()
	return sitToLogInBy(t, "scrim", append([]string{"login"}, args...)...)
}

func sitToLogInBy(t *testing.T, name string, args ...string) *loginDesk {
	t.Helper()
	l := &loginDesk{held: devstore.New(devstore.Options{Seed: deskSeed()}), home: t.TempDir()}
	l.id, l.key = l.held.AddIdentity(devstore.Identity{Name: "login", Rules: devstore.MayRead()})
	server, err := devstore.Serve(t.Context(), "127.0.0.1:0", l.held)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	l.desk = sitWith(t, []string{
		"HOME=" + l.home, "XDG_CONFIG_HOME=" + l.home, "XDG_STATE_HOME=" + l.home, "SCRIM_CONFIG=", "INFISICAL_TOKEN=",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=", "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=", "INFISICAL_API_URL=" + server.URL(),
		"SCRIM_PROJECT=alpha", "SCRIM_PROJECT_ID=" + l.held.ProjectID(), "PROJECT_ENV=prod",
	}, name, args...)
	return l
}

func (l *loginDesk) logins() int {
	n := 0
	for _, r := range l.held.Requests() {
		if strings.HasSuffix(r.Path, "/login") {
			n++
		}
	}
	return n
}

// hides fails where the terminal, or a command line that is there now, shows
// value.
func (l *loginDesk) hides(value string) {
	l.Helper()
	if text := l.text(); strings.Contains(text, value) {
		l.Errorf("%q is shown: %q", value, text)
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		l.Fatal(err)
	}
	for _, at := range lines {
		if line, err := os.ReadFile(at); err == nil && strings.Contains(string(line), value) {
			l.Errorf("%q is in a command line: %q", value, line)
		}
	}
}

// homeHas fails where the home directory holds anything else than names.
func (l *loginDesk) homeHas(names ...string) {
	l.Helper()
	entries, err := os.ReadDir(l.home)
	if err != nil {
		l.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		l.Errorf("home has %q, want %q", got, names)
	}
}

// TestLoginAsks types an id and a secret, slowly and pasted at once.
func TestLoginAsks(t *testing.T) {
	t.Parallel()
	for _, pasted := range []bool{false, true} {
		l := sitToLogIn(t)
		l.sees(`(?s)Log in to http://127\.0\.0\.1:.*Client ID: `)
		if pasted {
			l.types(l.id + "\n" + l.key + "\n")
		} else {
			l.types("  " + l.id + " \n")
			l.sees(l.id)
			l.sees(`Client secret \(not shown\): `)
			l.types("x\x15" + l.key + "\n") // a mistake, and the line anew
		}
		l.sees(`(?s)The login went well\..*NAME +injected`)
		l.leaves(0)
		l.hides(l.key)
		l.homeHas(".infisical-ua")
		kept, err := os.ReadFile(filepath.Join(l.home, ".infisical-ua"))
		want := "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + l.id + "\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + l.key + "\nINFISICAL_API_URL=http://"
		if err != nil || !strings.HasPrefix(string(kept), want) {
			t.Errorf("another file is kept: %v", err)
		}
		if n := l.logins(); n != 1 {
			t.Errorf("%d logins", n)
		}
	}
}

// TestLoginAsksOnTheTerminal has its streams elsewhere, as in a script.
func TestLoginAsksOnTheTerminal(t *testing.T) {
	t.Parallel()
	l := sitToLogInBy(t, "sh", "-c", `scrim login </dev/null >out 2>err; code=$?; cat out err; exit $code`)
	l.sees(`Client ID: `)
	l.types(l.id + "\n" + l.key + "\n")
	l.sees(`NAME +injected`)
	l.leaves(0)
	l.hides(l.key)
}

// TestLoginIsRefused types a wrong secret, once.
func TestLoginIsRefused(t *testing.T) {
	t.Parallel()
	const wrong = "made-up-wrong-secret"
	l := sitToLogIn(t, "-v")
	l.sees(`Client ID: `)
	l.types(l.id + "\n" + wrong + "\n")
	l.sees(`(?s)Nothing was kept.*login refused`)
	l.leaves(3)
	l.hides(wrong)
	l.homeHas()
	if n := l.logins(); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// TestLoginIsInterrupted leaves at each question, in each way.
func TestLoginIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		atSecret bool
		keys     string
		signal   syscall.Signal
		code     int
	}{
		{false, "\x03", 0, 130},
		{true, "half\x03", 0, 130},
		{true, "", syscall.SIGTERM, 130},
		{true, "\x04", 0, 2},
		{false, "\x04", 0, 2},
		{true, "\n", 0, 2},
	} {
		l := sitToLogIn(t)
		l.sees(`Client ID: `)
		if tt.atSecret {
			l.types(l.id + "\n")
			l.sees(`not shown\): `)
		}
		if tt.signal != 0 {
			if err := l.cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
		}
		l.types(tt.keys)
		l.leaves(tt.code)
		l.hides("half")
		l.homeHas()
		if n := len(l.held.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	}
}

// TestLoginIsRemoved asks before it removes.
func TestLoginIsRemoved(t *testing.T) {
	t.Parallel()
	for answer, removed := range map[string]bool{"y": true, "YES": true, "n": false, "": false} {
		l := sitToLogInBy(t, "sh", "-c", `printf 'INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=made-up-id\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=made-up-secret\n' >~/.infisical-ua
			chmod 600 ~/.infisical-ua; exec scrim login --remove`)
		l.sees(`(?s)universal-auth credentials for the site that is.*configured.*Remove it\? \[y/N\] `)
		l.types(answer + "\n")
		if removed {
			l.sees(`It is removed`)
			l.leaves(0)
			l.homeHas()
		} else {
			l.leaves(4)
			l.homeHas(".infisical-ua")
		}
		l.hides("made-up-secret")
	}
}

// TestBootstrapScript is scrim login by another name.
func TestBootstrapScript(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../../scripts/bootstrap-infisical-ua.sh")
	if err != nil {
		t.Fatal(err)
	}
	l := sitToLogInBy(t, script)
	l.sees(`Client ID: `)
	l.types(l.id + "\n" + l.key + "\n")
	l.sees(`The login went well`)
	l.leaves(0)
	l.hides(l.key)
	l.homeHas(".infisical-ua")
}
