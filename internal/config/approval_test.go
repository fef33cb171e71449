package config

import (
	"strings"
	"testing"
)

// TestVerifier is [approval] in the user's file alone.
func TestVerifier(t *testing.T) {
	for _, tt := range []struct{ name, repo, user, want string }{
		{"in a repository", minimal + "[approval]\nverifier = \"/x\"\n", "", "~/code/alpha/scrim.toml:3:2: a file in a repository may not set approval: "},
		{"in a repository, dotted", minimal + "approval.verifier = \"/x\"\n", "", "~/code/alpha/scrim.toml:3:1: a file in a repository may not set approval.verifier: "},
		{"relative", minimal, "[approval]\nverifier = \"x\"\n", "~/.config/scrim/config.toml:2:1: approval.verifier is not an absolute path: "},
		{"at home", minimal, "[approval]\nverifier = \"~/x\"\n", "~/.config/scrim/config.toml:2:1: approval.verifier is not an absolute path: "},
		{"empty", minimal, "[approval]\nverifier = \"\"\n", "~/.config/scrim/config.toml:2:1: approval.verifier is not an absolute path: "},
		{"not clean", minimal, "[approval]\nverifier = \"/srv/../home/x\"\n", "~/.config/scrim/config.toml:2:1: approval.verifier is not an absolute path: "},
		{"another key", minimal, "[approval]\nverify = \"/x\"\n", "~/.config/scrim/config.toml:2:1: scrim does not know approval.verify: did you mean \"approval.verifier\"?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(tt.repo)
			w.userFile(tt.user)
			if _, err := Load(w.input()); err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), w.home, "~"), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	w := newWorld(t)
	w.scrimTOML(minimal)
	if got := must(Load(w.input())).Verifier; got != "" {
		t.Errorf("nobody said %q", got)
	}
	w.userFile("[approval]\nverifier = \"/srv/scrim/verifier.sock\"\n")
	if got := must(Load(w.input())).Verifier; got != "/srv/scrim/verifier.sock" {
		t.Errorf("got %q", got)
	}
}

// TestBrowser is whether pages open by themselves, in the user's file alone.
func TestBrowser(t *testing.T) {
	for user, want := range map[string]bool{"": true, "[approval]\nbrowser = true\n": true, "[approval]\nbrowser = false\n": false} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		w.userFile(user)
		if got := must(Load(w.input())).Browser; got != want {
			t.Errorf("%q: %t", user, got)
		}
		w.scrimTOML(minimal + "approval.browser = true\n")
		if _, err := Load(w.input()); err == nil || !strings.Contains(err.Error(), "a file in a repository may not set approval.browser: ") {
			t.Errorf("in a repository: %v", err)
		}
	}
}

// TestNothingElseMovesTheVerifier: what an agent can write or set leaves the socket
// where the user's file says that it is, and where it says none, puts none there.
func TestNothingElseMovesTheVerifier(t *testing.T) {
	t.Parallel()
	const socket = "/srv/scrim/verifier.sock"
	for user, want := range map[string]string{"": "", "[approval]\nverifier = \"" + socket + "\"\n": socket} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		w.userFile(user)
		in := w.input()
		asked := map[string]bool{}
		in.Getenv = func(name string) string {
			asked[name] = true
			switch name {
			case "XDG_CONFIG_HOME", "SCRIM_CONFIG", "SCRIM_LOG", "SCRIM_LOG_FORMAT", "INFISICAL_API_URL":
				return "" // which file, how much is logged, and the site: none of them takes such a value
			default:
				return "made-up-elsewhere"
			}
		}
		in.Flags = Flags{Project: "alpha", Env: "made-up-elsewhere"}
		if got := must(Load(in)).Verifier; got != want {
			t.Errorf("%q: the verifier is at %q", user, got)
		}
		for name := range asked {
			if strings.Contains(name, "VERIFIER") || strings.Contains(name, "APPROVAL") {
				t.Errorf("the variable %s is looked at", name)
			}
		}
	}
}
