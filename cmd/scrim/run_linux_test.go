package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// The values of a launched project, and of its vault.
const (
	runValue   = "made-up/of-the-environment-1"
	vaultValue = "made-up/of-the-vault-1"
)

// TestRunShowsNoValueOutside looks at a session as another process can: no value
// is in an argument of anybody, or in a file.
func TestRunShowsNoValueOutside(t *testing.T) {
	t.Parallel()
	seed := seedOf(map[string]string{"NAME": runValue})
	seed.Environments["prod"]["/alpha/vault"]["STORED"] = vaultValue
	cmd := storeCommand(t, seed, "scrim", "run", "alpha", "--", "sh", "-c", `echo "$NAME"; read line`)
	home := t.TempDir()
	cmd.Env = append(cmd.Env, "HOME="+home, "TMPDIR="+home, "XDG_STATE_HOME="+home)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ready := make(chan struct{})
	cmd.Stdout = &firstWrite{w: &out, ready: ready}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was started")
	}
	child := onlyChild(t, cmd.Process.Pid)
	environment, err := os.ReadFile("/proc/" + child + "/environ")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(environment, []byte("NAME="+runValue+"\x00")) || bytes.Contains(environment, []byte(vaultValue)) || bytes.Contains(environment, []byte("INFISICAL_UNIVERSAL_AUTH")) {
		t.Errorf("the program has %q", environment)
	}
	holds := func(where string, data []byte) {
		for _, value := range []string{runValue, vaultValue} {
			if bytes.Contains(data, []byte(value)) {
				t.Errorf("%s holds %s", where, value)
			}
		}
	}
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		data, _ := os.ReadFile(line) // it may have ended
		holds(line, data)
	}
	for _, dir := range []string{home, cmd.Dir, "/dev/shm/scrim-" + strconv.Itoa(os.Getuid()), "/run/user/" + strconv.Itoa(os.Getuid()) + "/scrim"} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				data, _ := os.ReadFile(path) //nolint:gosec // G122: folders of our own
				holds(path, data)
			}
			return nil
		})
	}
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || out.String() != runValue+"\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

// firstWrite closes ready at the first write.
type firstWrite struct {
	w     *bytes.Buffer
	ready chan struct{}
	once  bool
}

func (s *firstWrite) Write(p []byte) (int, error) {
	if !s.once {
		s.once = true
		close(s.ready)
	}
	return s.w.Write(p)
}

func onlyChild(t *testing.T, pid int) string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if data, err := os.ReadFile(task); err == nil && len(bytes.Fields(data)) > 0 {
			return string(bytes.Fields(data)[0])
		}
	}
	t.Fatal("it has no child")
	return ""
}

// TestServerOfASession starts a server inside a session, as a client does that
// passes it PATH and HOME alone. It answers for the session's environment, knows
// what was injected, and sees a rotation.
func TestServerOfASession(t *testing.T) {
	t.Parallel()
	held := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {"/alpha": {"NAME": "made-up/of-prod-1"}, "/alpha/vault": {}, "/shared": {}},
		"dev":  {"/alpha": {"NAME": runValue, "KEPT": "made-up/that-stays-1"}, "/alpha/vault": {"STORED": vaultValue}, "/shared": {}},
	}}})
	id, key := held.AddIdentity(devstore.Identity{Name: "run", Rules: devstore.Seed{}.Rules()})
	store, err := devstore.Serve(t.Context(), "127.0.0.1:0", held)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()

	rotated := filepath.Join(t.TempDir(), "rotated")
	cmd := exec.CommandContext(t.Context(), "scrim", "run", "alpha", "--env", "dev", "--", "sh", "server.sh")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "SCRIM_PROJECT_ID="+held.ProjectID(), "INFISICAL_API_URL="+store.URL(), "ROTATED="+rotated,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+key)
	script := `scrim=$(command -v scrim)
ask() { (cat <<'EOF'
{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_secrets","arguments":{}}}
{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"describe_scope","arguments":{}}}
EOF
sleep 1) | env -i PATH="$PATH" HOME=/nonexistent PROJECT_ENV=prod "$scrim" serve; }
ask; echo before; until [ -e "$ROTATED" ]; do sleep 0.05; done; ask`
	if err := os.WriteFile(filepath.Join(cmd.Dir, "server.sh"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ready := make(chan struct{})
	cmd.Stdout, cmd.Stderr = &untilWord{w: &out, word: "before\n", ready: ready}, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		t.Fatal("the first answer does not come")
	}
	held.Set("dev", "/alpha", "NAME", "made-up/of-the-environment-2")
	held.Set("dev", "/alpha", "ADDED", "made-up/that-came-later-1")
	if err := os.WriteFile(rotated, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "made-up") {
		t.Errorf("a value shows in %s", out.String())
	}
	before, after, _ := strings.Cut(out.String(), "before\n")
	want := map[string]string{"NAME": "yes", "KEPT": "yes", "STORED": "no"}
	checkLoaded(t, before, want, nil)
	want["NAME"], want["ADDED"] = "changed", "no"
	checkLoaded(t, after, want, []string{"ADDED", "NAME"})
}

// untilWord closes ready when word has been written.
type untilWord struct {
	w     *bytes.Buffer
	word  string
	ready chan struct{}
	done  bool
}

func (u *untilWord) Write(p []byte) (int, error) {
	n, err := u.w.Write(p)
	if !u.done && strings.Contains(u.w.String(), u.word) {
		u.done = true
		close(u.ready)
	}
	return n, err
}

// checkLoaded checks what the answers of list_secrets and describe_scope say.
func checkLoaded(t *testing.T, lines string, want map[string]string, relaunch []string) {
	t.Helper()
	type answer struct {
		ID     int `json:"id"`
		Result struct {
			StructuredContent struct {
				Environment string `json:"environment"`
				Secrets     []struct{ Name, Loaded, Environment string }
				Session     *struct{ Relaunch []string }
			} `json:"structuredContent"`
		} `json:"result"`
	}
	answered := 0
	for line := range strings.Lines(lines) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		content := a.Result.StructuredContent
		switch a.ID {
		case 2:
			answered++
			got := map[string]string{}
			for _, s := range content.Secrets {
				if got[s.Name] = s.Loaded; s.Environment != "dev" {
					t.Errorf("%s is of %s", s.Name, s.Environment)
				}
			}
			for name, loaded := range want {
				if got[name] != loaded {
					t.Errorf("%s: loaded %q, want %q", name, got[name], loaded)
				}
			}
		case 3:
			answered++
			if content.Session == nil || content.Environment != "dev" || strings.Join(content.Session.Relaunch, ",") != strings.Join(relaunch, ",") {
				t.Errorf("session %+v in %s, want to relaunch for %v", content.Session, content.Environment, relaunch)
			}
		}
	}
	if answered != 2 {
		t.Errorf("%d answers in %s", answered, lines)
	}
}
