package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		name, repo, user string
		want             layout
	}{
		{"names", "[paths]\nvault = \"cold\"\nstaging = \"pre/prod\"\n", "", layout{"/alpha", "/alpha/cold", "/alpha/pre/prod", "/shared"}},
		{"absolute", "[paths]\nvault = \"/alpha/cold\"\n", "", layout{"/alpha", "/alpha/cold", "/alpha/staging", "/shared"}},
		{"part of shared", "[paths]\nshared = \"/shared/web\"\n", "", layout{"/alpha", "/alpha/vault", "/alpha/staging", "/shared/web"}},
		{"user's anywhere", "", "[paths]\nvault = \"/cold/alpha\"\nstaging = \"/warm\"\nshared = \"/common\"\n", layout{"/alpha", "/cold/alpha", "/warm", "/common"}},
		{"repository within the user's", "[paths]\nshared = \"/common/x\"\n", "[paths]\nshared = \"/common\"\n", layout{"/alpha", "/alpha/vault", "/alpha/staging", "/common/x"}},
		{"project at the shared source", "", "[projects.alpha]\npath = \"/shared\"\n", layout{"/shared", "/shared/vault", "/shared/staging", ""}},
		{"project at the root", "", "[projects.alpha]\npath = \"/\"\n", layout{"/", "/vault", "/staging", "/shared"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(minimal + tt.repo)
			if tt.user != "" {
				w.userFile(tt.user)
			}
			s := w.load().Scope
			if diff := cmp.Diff(tt.want, layout{s.Path, s.VaultPath, s.StagingPath, s.SharedPath}, cmp.AllowUnexported(layout{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestNoVaultUnderAnotherName tries to have stored-only secrets, or those of
// another project, pass for ones that scrim lists or injects.
func TestNoVaultUnderAnotherName(t *testing.T) {
	const repo, user = "~/code/alpha/scrim.toml:", "~/.config/scrim/config.toml:"
	for _, tt := range []struct{ name, project, repo, user, want string }{
		{"project named vault", "vault", "", "", "SCRIM_PROJECT: a project cannot be or lie under a vault: "},
		{"registered vault", "x", "", "[projects.x]\npath = \"/alpha/vault\"\n", user + "2:1: a project cannot be or lie under a vault: "},
		{"below another's vault", "x", "", "[projects.x]\npath = \"/alpha/vault/old\"\n", user + "2:1: a project cannot be or lie under a vault: "},
		{"below the user's vault", "x", "", "[paths]\nvault = \"/cold\"\n[projects.x]\npath = \"/cold/x\"\n", user + "4:1: a project cannot be or lie under a vault: "},
		{"below another's vault by the user's name", "x", "", "[paths]\nvault = \"cold\"\n[projects.x]\npath = \"/beta/cold\"\n", user + "4:1: a project cannot be or lie under a vault: "},
		{"vault is the project", "alpha", "[paths]\nvault = \"/alpha\"\n", "", repo + "2:1: a repository's vault and staging paths "},
		{"vault above the project", "alpha", "[paths]\nvault = \"/\"\n", "", repo + "2:1: a repository's vault and staging paths "},
		{"vault of another", "alpha", "[paths]\nvault = \"/beta/vault\"\n", "", repo + "2:1: a repository's vault and staging paths "},
		{"vault is another project", "alpha", "[paths]\nvault = \"/beta\"\n", "", repo + "2:1: a repository's vault and staging paths "},
		{"staging is the vault", "alpha", "[paths]\nstaging = \"vault\"\n", "", repo + "2:1: staging secrets cannot be or lie under a vault: "},
		{"staging in the vault", "alpha", "[paths]\nstaging = \"vault/x\"\n", "", repo + "2:1: staging secrets cannot be or lie under a vault: "},
		{"the vault moved away first", "alpha", "[paths]\nvault = \"x\"\nstaging = \"vault\"\n", "", repo + "3:1: staging secrets cannot be or lie under a vault: "},
		{"the user's vault moved away first", "alpha", "[paths]\nvault = \"x\"\nstaging = \"cold\"\n", "[paths]\nvault = \"cold\"\n", repo + "3:1: staging secrets cannot be or lie under a vault: "},
		{"the user's deep vault moved away first", "alpha", "[paths]\nvault = \"x\"\nstaging = \"a/cold\"\n", "[paths]\nvault = \"a/cold\"\n", repo + "3:1: staging secrets cannot be or lie under a vault: "},
		{"the vault is staging", "alpha", "[paths]\nvault = \"staging\"\n", "", repo + "2:1: staging secrets cannot be or lie under a vault: "},
		{"staging is another's", "alpha", "[paths]\nstaging = \"/beta\"\n", "", repo + "2:1: a repository's vault and staging paths "},
		{"staging is another's below", "alpha", "[paths]\nstaging = \"web\"\n", "[projects.web]\npath = \"/alpha/web\"\n", repo + "2:1: a repository's vault and staging paths "},
		{"staging of a project at the root", "alpha", "[paths]\nstaging = \"beta\"\n", "[projects.alpha]\npath = \"/\"\n", repo + "2:1: a repository's vault and staging paths "},
		{"staging is the project", "alpha", "", "[paths]\nstaging = \"/alpha\"\n", user + "2:1: the staging path is also "},
		{"shared is another's", "alpha", "[paths]\nshared = \"/beta\"\n", "", repo + "2:1: a repository's shared path "},
		{"shared is everything", "alpha", "[paths]\nshared = \"/\"\n", "", repo + "2:1: a repository's shared path "},
		{"shared is a vault", "alpha", "[paths]\nshared = \"/shared/vault\"\n", "", repo + "2:1: shared secrets cannot be or lie under a vault: "},
		{"shared is a vault, by the user", "alpha", "", "[paths]\nshared = \"/beta/vault\"\n", user + "2:1: shared secrets cannot be or lie under a vault: "},
		{"dots", "alpha", "[paths]\nvault = \"../beta/vault\"\n", "", repo + "2:1: a path starts with '/' "},
		{"trailing slash", "alpha", "[paths]\nvault = \"cold/\"\n", "", repo + "2:1: a path starts with '/' "},
		{"empty", "alpha", "[paths]\nvault = \"\"\n", "", repo + "2:1: a path starts with '/' "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.env["SCRIM_PROJECT"], w.env["SCRIM_PROJECT_ID"] = tt.project, "p-1"
			w.scrimTOML(tt.repo)
			if tt.user != "" {
				w.userFile(tt.user)
			}
			if got := w.refused(w.input()); !strings.HasPrefix(got, tt.want) {
				t.Errorf("error = %q\n want it to start with %q", got, tt.want)
			}
		})
	}
}
