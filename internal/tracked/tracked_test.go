package tracked

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/secret"
	"scrim/redact"
)

const value = "made-up-value-4711-kanari"

// tree makes a working tree of these files, the first letter of which says
// whether git tracks them: "+" or "-".
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name[1:]))
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name[0] == '+' {
			git(t, dir, "add", "-f", name[1:])
		}
	}
	return dir
}

func git(t *testing.T, dir string, words ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, words...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", words, err, out)
	}
}

func knowing(t *testing.T) *redact.Redactor {
	t.Helper()
	r := redact.New(redact.Options{})
	for _, name := range []string{"API_KEY", "TWIN_KEY"} {
		ref, err := secret.ParseRef("prod", "/alpha", name)
		if err != nil {
			t.Fatal(err)
		}
		r.Learn(ref, secret.NewValue(value))
	}
	r.Learn(secret.Ref{}, secret.NewValue("made-up-token-without-a-name"))
	return r
}

func TestLook(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"+config/plain.yml": "a: 1\nkey: " + value + "\nagain: " + value + " " + value + "\n",
		"+hex.txt":          "\n\n" + hex.EncodeToString([]byte(value)),
		"+encoded.txt":      base64.StdEncoding.EncodeToString([]byte("user:" + value)),
		"+token.txt":        "made-up-token-without-a-name",
		"-lying.env":        value,
		"+gone.txt":         value,
		"+bad\nname.txt":    value,
		"+scrim.toml":       "[types]\nONLY_TYPED = \"hex\"\n",
		"+main.go":          "os.Getenv(\"DATABASE_URL\") // and database.pool-size, smtpPassword, MYAPI_KEYS\n",
	})
	if err := os.Remove(filepath.Join(dir, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	wanted := []string{"DATABASE_URL", "DATABASE_POOL_SIZE", "SMTP_PASSWORD", "API_KEY", "ONLY_TYPED", "POOL_SIZE", "GETENV_DATABASE"}
	for _, from := range []string{dir, filepath.Join(dir, "config")} {
		r, err := Look(t.Context(), from, knowing(t), wanted)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Hits) != 1 || len(r.Hits[0].Refs) != 2 {
			t.Fatalf("hits %+v", r.Hits)
		}
		want := []Spot{{"bad\nname.txt", 1}, {"config/plain.yml", 2}, {"config/plain.yml", 3}, {"encoded.txt", 1}, {"hex.txt", 3}}
		if diff := cmp.Diff(want, r.Hits[0].Spots); diff != "" {
			t.Errorf("spots (-want +got):\n%s", diff)
		}
		var referred []string
		for _, name := range wanted {
			if r.Refers(name) {
				referred = append(referred, name)
			}
		}
		if diff := cmp.Diff([]string{"DATABASE_URL", "DATABASE_POOL_SIZE", "SMTP_PASSWORD", "POOL_SIZE"}, referred); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		if r.Files != 7 || len(r.Skipped) != 0 {
			t.Errorf("%d files, skipped %v", r.Files, r.Skipped)
		}
	}
}

// TestNothingOutsideTheTree: a link, or a folder that became one, leads nowhere,
// and what is too large is skipped and said; then no name is called unused.
func TestNothingOutsideTheTree(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "key.txt"), []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := tree(t, map[string]string{"+folder/key.txt": "nothing", "+large.bin": strings.Repeat("x", maxFile+1), "+small.txt": "nothing"})
	if err := os.RemoveAll(filepath.Join(dir, "folder")); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"folder": outside, "link.txt": filepath.Join(outside, "key.txt")} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "link.txt")
	r, err := Look(t.Context(), dir, knowing(t), []string{"API_KEY"})
	if err != nil || len(r.Hits) != 0 || r.Files != 1 || !slices.Equal(r.Skipped, []string{"folder/key.txt", "large.bin"}) || !r.Refers("API_KEY") {
		t.Errorf("%v, %+v", err, r)
	}
}

// TestNoTree: outside of a tree there is no answer, and a repository has git run
// nothing.
func TestNoTree(t *testing.T) {
	t.Parallel()
	if _, err := Look(t.Context(), t.TempDir(), knowing(t), nil); !errors.Is(err, ErrNoTree) {
		t.Errorf("got %v", err)
	}
	dir := tree(t, map[string]string{"+a.txt": "a"})
	ran := filepath.Join(t.TempDir(), "ran")
	for _, key := range []string{"core.fsmonitor", "core.pager", "core.sshCommand", "alias.ls-files"} {
		git(t, dir, "config", key, "touch "+ran)
	}
	if _, err := Look(t.Context(), dir, knowing(t), nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("git ran what the repository says")
	}
}

// FuzzNames shows that a name that stands in a text by itself is found, whatever
// is around it, and that a text has no name that its letters do not make.
func FuzzNames(f *testing.F) {
	f.Add("DATABASE_URL", " ", "=x")
	f.Add("a.b-c", "\x00", "é")
	f.Add("X", "ab.", "_")
	f.Fuzz(func(t *testing.T, name, before, after string) {
		if secret.CheckName(name) != nil || bareName(name) == "" {
			return
		}
		n := newNames([]string{name})
		n.note([]byte(before + " " + name + "\n" + after))
		if !n.have(name) {
			t.Errorf("%q is not found", name)
		}
		other := newNames([]string{name})
		other.note([]byte(before))
		if other.have(name) && !strings.Contains(bareName(strings.ToLower(before)), bareName(name)) {
			t.Errorf("%q is found in %q", name, before)
		}
	})
}
