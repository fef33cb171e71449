package dotenv_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"scrim/internal/dotenv"
)

func TestIsOne(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".env", ".ENV", ".env.local", ".env.production", "prod.env", ".envrc"} {
		if !dotenv.IsOne(name) {
			t.Errorf("%s is none", name)
		}
	}
	for _, name := range []string{"env", "environment.go", ".env.example", ".env.sample", "example.env", ".env.template", ".env.vault", ".envoy", "dotenv"} {
		if dotenv.IsOne(name) {
			t.Errorf("%s is one", name)
		}
	}
}

func TestLying(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{".env", "web/.env.local", "web/.env.example", "node_modules/x/.env", ".git/x.env", "deploy/prod.env", "näme/.env"} {
		write(t, root, name)
	}
	found, unread, err := dotenv.Lying(t.Context(), root)
	if want := []string{".env", "deploy/prod.env", "näme/.env", "web/.env.local"}; err != nil || !slices.Equal(found, want) || len(unread) > 0 {
		t.Errorf("%v, %v, %v", found, unread, err)
	}
}

// TestCommitted: a file that was committed once is in the history, on whichever
// branch and however it went; the repository's own configuration runs nothing.
func TestCommitted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, err := dotenv.Committed(t.Context(), root); !errors.Is(err, dotenv.ErrNoGit) {
		t.Errorf("without a repository: %v", err)
	}
	git(t, root, "init", "-q", "-b", "main")
	if names, err := dotenv.Committed(t.Context(), root); err != nil || len(names) > 0 {
		t.Errorf("without a commit: %v, %v", names, err)
	}
	write(t, root, "web/.env")
	write(t, root, "web/.env.example")
	write(t, root, "näme/dev.env")
	git(t, root, "add", "-A")
	git(t, root, "commit", "-qm", "one")
	git(t, root, "rm", "-q", "web/.env")
	git(t, root, "commit", "-qm", "two")
	git(t, root, "checkout", "-qb", "other")
	write(t, root, ".env")
	git(t, root, "add", "-Af", ".")
	git(t, root, "commit", "-qm", "three")
	git(t, root, "checkout", "-q", "main")
	planted := filepath.Join(t.TempDir(), "ran")
	for _, key := range []string{"core.fsmonitor", "core.pager", "core.sshCommand", "gpg.program", "diff.external", "core.askPass"} {
		git(t, root, "config", key, "touch "+planted)
	}
	git(t, root, "config", "log.showSignature", "true")
	names, err := dotenv.Committed(t.Context(), root)
	if want := []string{".env", "näme/dev.env", "web/.env"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v", names, err)
	}
	if _, err := os.Stat(planted); err == nil {
		t.Error("the repository's configuration ran a program")
	}
}

func write(t *testing.T, root, name string) {
	t.Helper()
	at := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte("MADE_UP="+name), 0o600); err != nil {
		t.Fatal(err)
	}
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@localhost", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@localhost", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v: %s", args, err, said)
	}
}
