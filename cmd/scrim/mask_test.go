package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"scrim/internal/devstore"
)

// maskCase is one entry of the redactor's cases. What holds for the redactor
// holds at the front door.
type maskCase struct {
	Name    string `json:"name"`
	Secrets []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"secrets"`
	Input     []byte   `json:"input"`
	MustNot   []string `json:"must_not_contain"`
	Must      []string `json:"must_contain"`
	ValidJSON bool     `json:"must_be_valid_json"`
	ValidUTF8 bool     `json:"must_be_valid_utf8"`
	Split     string   `json:"split"`
}

func maskCases(t *testing.T) []*maskCase {
	t.Helper()
	data, err := os.ReadFile("../../redact/testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []*maskCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 85 {
		t.Fatalf("%d cases", len(cases))
	}
	return cases
}

// TestMaskCases puts every case through `scrim mask`, with the secrets of the
// case in a store.
func TestMaskCases(t *testing.T) {
	for _, c := range maskCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			for name, value := range serveStore(t, c.seed()) {
				t.Setenv(name, value)
			}
			c.filtered(t, "mask", bytes.NewReader(c.Input))
			c.filtered(t, "mask", iotest.OneByteReader(bytes.NewReader(c.Input)))
			if c.ValidJSON {
				c.filtered(t, "mask --json", bytes.NewReader(c.Input))
			}
		})
	}
}

// filtered runs a filter in this process and checks what comes out.
func (c *maskCase) filtered(t *testing.T, command string, input io.Reader) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(strings.Fields(command), input, &stdout, &stderr); code != 0 {
		t.Errorf("%s: code %d, stderr %s", command, code, &stderr)
	}
	if err := c.check(stdout.Bytes()); err != nil {
		t.Errorf("%s: %v", command, err)
	}
	if strings.Contains(command, "--json") && !json.Valid(stdout.Bytes()) {
		t.Errorf("%s: not JSON: %s", command, &stdout)
	}
}

// TestMaskCasesAsCommands does what a person would: a process for each, whose
// command prints the case in pieces.
func TestMaskCasesAsCommands(t *testing.T) {
	t.Parallel()
	for _, c := range maskCases(t) {
		if c.Split == "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			pieces := make([]string, 0, len(c.Input))
			for i := range c.Input {
				pieces = append(pieces, fmt.Sprintf(`printf '\%03o'`, c.Input[i]))
			}
			out, err := storeCommand(t, c.seed(), "scrim", "mask", "--", "sh", "-c", strings.Join(pieces, "; ")).Output()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.check(out); err != nil {
				t.Error(err)
			}
		})
	}
}

func (c *maskCase) check(out []byte) error {
	for _, s := range c.MustNot {
		if bytes.Contains(out, []byte(s)) {
			return fmt.Errorf("%q is in %q", s, out)
		}
	}
	for _, s := range c.Must {
		if !bytes.Contains(out, []byte(s)) {
			return fmt.Errorf("%q is not in %q", s, out)
		}
	}
	if c.ValidUTF8 && !utf8.Valid(out) {
		return fmt.Errorf("not UTF-8: %q", out)
	}
	return nil
}

func (c *maskCase) seed() devstore.Seed {
	values := map[string]string{}
	for _, s := range c.Secrets {
		values[s.Name] = s.Value
	}
	return seedOf(values)
}

// seedOf is a project with values at its own path.
func seedOf(values map[string]string) devstore.Seed {
	return devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {"/alpha": values, "/alpha/vault": {}},
	}}
}

// serveStore serves a store until the test ends, and returns the variables that
// point at it.
func serveStore(t *testing.T, seed devstore.Seed) map[string]string {
	t.Helper()
	held := devstore.New(devstore.Options{Seed: seed})
	id, key := held.AddIdentity(devstore.Identity{Name: "mask", Rules: seed.Rules()})
	server, err := devstore.Serve(t.Context(), "127.0.0.1:0", held)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	home := t.TempDir()
	return map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "SCRIM_CONFIG": "", tokenVar: "",
		"INFISICAL_API_URL": server.URL(), "SCRIM_PROJECT_ID": held.ProjectID(), "SCRIM_PROJECT": "alpha", "PROJECT_ENV": "prod",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID": id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET": key,
	}
}

// storeCommand is a command whose environment points at a store of its own.
func storeCommand(t *testing.T, seed devstore.Seed, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = os.Environ()
	for name, value := range serveStore(t, seed) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// TestMaskShowsNoMoreThanAQuarter prints a value byte by byte, with time enough
// between them for what is held back to be let go.
func TestMaskShowsNoMoreThanAQuarter(t *testing.T) {
	t.Parallel()
	const value = "made-up/9aZ3kQ7xV2mN8pR4"
	cmd := storeCommand(t, seedOf(map[string]string{"NAME": value}), "scrim", "mask", "--", "sh", "-c",
		`printf 'it is '; s=$VALUE; while [ -n "$s" ]; do printf %c "$s"; s=${s#?}; sleep 0.08; done; echo ' so'`)
	cmd.Env = append(cmd.Env, "VALUE="+value)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(out), "it is ") || !strings.HasSuffix(string(out), " so\n") {
		t.Errorf("got %q", out)
	}
	for i := range len(value) - len(value)/4 {
		if seen := value[i : i+len(value)/4+1]; bytes.Contains(out, []byte(seen)) {
			t.Fatalf("%q shows in %q", seen, out)
		}
	}
}

// TestMaskShowsPrompts waits for a prompt that ends in what a value starts with.
func TestMaskShowsPrompts(t *testing.T) {
	t.Parallel()
	cmd := storeCommand(t, seedOf(map[string]string{"URL": "https://made-up:9aZ3kQ7xV2mN8pR4@db.example.org"}),
		"scrim", "mask", "--", "sh", "-c", `printf 'open https://'; read answer; echo "$answer"`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	shown := make([]byte, len("open https://"))
	late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if n, err := io.ReadFull(out, shown); err != nil {
		t.Fatalf("only %q shows: %v", shown[:n], err)
	}
	_, _ = io.WriteString(in, "yes\n")
	rest, err := io.ReadAll(out)
	if err != nil || string(shown)+string(rest) != "open https://yes\n" {
		t.Errorf("got %q, %v", string(shown)+string(rest), err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// TestMaskFilterIsInterrupted ends a filter that waits for more input.
func TestMaskFilterIsInterrupted(t *testing.T) {
	t.Parallel()
	cmd := storeCommand(t, seedOf(map[string]string{"NAME": "made-up/9aZ3kQ7xV2mN8pR4"}), "scrim", "mask")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, "line\n")
	line := make([]byte, len("line\n"))
	if _, err := io.ReadFull(out, line); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != int(errInterrupted) {
		t.Errorf("code %d", code)
	}
}

// TestMaskRefusalHoldsNoValue holds the refusal to its words: what it says of the scope
// never holds a value.
func TestMaskRefusalHoldsNoValue(t *testing.T) {
	for name, value := range serveStore(t, seedOf(map[string]string{"NAME": "made-up/9aZ3kQ7xV2mN8pR4"})) {
		t.Setenv(name, value)
	}
	t.Setenv("PROJECT_ENV", "made-up_9aZ3kQ7x")
	t.Setenv("TOKEN", "made-up_9aZ3kQ7x")
	var stdout, stderr bytes.Buffer
	code := run([]string{"mask", "--env", "TOKEN", "--", "echo", "started"}, nil, &stdout, &stderr)
	if code != int(errStore) || stdout.Len() > 0 || strings.Contains(stderr.String(), "9aZ3kQ7x") {
		t.Errorf("code %d, stdout %q, stderr %s", code, &stdout, &stderr)
	}
	if !slices.ContainsFunc(strings.Split(stderr.String(), "\n"), func(line string) bool { return strings.Contains(line, "[redacted:TOKEN]") }) {
		t.Errorf("stderr %s", &stderr)
	}
}
