//go:build linux || darwin

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/audit"
	"scrim/internal/devstore"
	"scrim/internal/rundir"
)

const (
	deskPIN  = "made-up walrus 4711"
	litValue = "made-up/of-the-vault-9aZ3kQ7x"
)

// asker is a client that cannot ask its user anything, and its server.
type asker struct {
	t     *testing.T
	env   map[string]string
	dir   string // the server's working directory
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	last  int
	all   strings.Builder // everything that the server wrote
}

// newAsker starts a server of production where a PIN is enrolled, or not.
func newAsker(t *testing.T, enrolled bool) *asker {
	t.Helper()
	a := &asker{t: t, env: serveStore(t, devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {"/alpha": {}, "/alpha/vault": {"DEPLOY_TOKEN": litValue, "OTHER_TOKEN": "made-up/other-of-the-vault"}},
	}})}
	if enrolled {
		a.enrols(deskPIN)
	}
	a.start()
	return a
}

// enrols sets the first PIN.
func (a *asker) enrols(pin string) {
	a.t.Helper()
	d := a.sit("enroll")
	for _, prompt := range []string{`PIN`, `gain`} {
		d.sees(prompt + `[^\n]*: `)
		d.types(pin + "\n")
	}
	d.leaves(0)
}

func (a *asker) environ() []string {
	env := append(os.Environ(), "SSH_TTY=/dev/made-up") // nobody sits here before a browser
	for _, name := range slices.Sorted(maps.Keys(a.env)) {
		env = append(env, name+"="+a.env[name])
	}
	return env
}

// sit runs scrim on a terminal of the same person.
func (a *asker) sit(args ...string) *desk {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "scrim", args...)
	cmd.Dir, cmd.Env = a.t.TempDir(), a.environ()
	d := sitBy(a.t, cmd)
	d.late = 3 * time.Minute // a PIN costs seconds on a busy machine
	return d
}

func (a *asker) start() {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "scrim", "serve")
	a.dir = a.t.TempDir()
	cmd.Dir, cmd.Env = a.dir, a.environ()
	in, err := cmd.StdinPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	a.cmd, a.in, a.lines = cmd, in, bufio.NewScanner(out)
	a.lines.Buffer(nil, 1<<20)
	a.call("initialize", `{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"gemini-cli-mcp-client","version":"1"}}`)
	_, _ = io.WriteString(a.in, `{"jsonrpc":"2.0","method":"notifications/initialized"}`+"\n")
}

// call makes a request and returns the reply's line.
func (a *asker) call(method, params string) string {
	a.t.Helper()
	a.last++
	if _, err := fmt.Fprintf(a.in, `{"jsonrpc":"2.0","id":%d,"method":%q,"params":%s}`+"\n", a.last, method, params); err != nil {
		a.t.Fatal(err)
	}
	for a.lines.Scan() {
		line := a.lines.Text()
		a.all.WriteString(line + "\n")
		if strings.Contains(line, fmt.Sprintf(`"id":%d,`, a.last)) || strings.Contains(line, fmt.Sprintf(`"id":%d}`, a.last)) {
			return line
		}
	}
	a.t.Fatalf("no reply to %s: %v", method, a.lines.Err())
	return ""
}

// vaultAnswer is what get_vault_secret answers.
type vaultAnswer struct {
	Status    string `json:"status"`
	Value     string `json:"value"`
	RequestID string `json:"request_id"`
	NextStep  string `json:"next_step"`
}

func (a *asker) asks(purpose, id string) vaultAnswer {
	a.t.Helper()
	line := a.call("tools/call", fmt.Sprintf(`{"name":"get_vault_secret","arguments":{"name":"DEPLOY_TOKEN","purpose":%q,"request_id":%q}}`, purpose, id))
	var reply struct {
		Result struct {
			StructuredContent vaultAnswer `json:"structuredContent"`
		} `json:"result"`
	}
	if err := json.Unmarshal([]byte(line), &reply); err != nil {
		a.t.Fatal(err)
	}
	return reply.Result.StructuredContent
}

// trail returns the kinds on the audit trail, with the strength of those that have one.
func (a *asker) trail() string {
	a.t.Helper()
	var kinds []string
	for _, r := range a.records() {
		kinds = append(kinds, strings.TrimSuffix(string(r.Kind)+"/"+r.Strength, "/"))
	}
	return strings.Join(kinds, " ")
}

// records returns what is on the audit trail.
func (a *asker) records() []audit.Record {
	a.t.Helper()
	f, err := os.Open(filepath.Join(a.env["XDG_STATE_HOME"], "scrim", "audit.jsonl"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []audit.Record
	for record, err := range audit.Read(f) {
		if err != nil {
			a.t.Fatal(err)
		}
		all = append(all, record)
	}
	return all
}

// TestApproveOnATerminal: for a client that cannot ask, a person answers on a
// terminal with their PIN; the repeated call, in other words, gives the value
// once, and it is masked ever after.
func TestApproveOnATerminal(t *testing.T) {
	t.Parallel()
	a := newAsker(t, true)
	pending := a.asks("deploy", "")
	if pending.Status != "pending" || pending.RequestID == "" || !strings.Contains(pending.NextStep, "scrim approve "+pending.RequestID) {
		t.Fatalf("%+v", pending)
	}
	if again := a.asks("deploy", ""); again.RequestID != pending.RequestID || again.Status != "pending" {
		t.Errorf("the same call is another question: %+v", again)
	}

	list := a.sit("approvals")
	list.sees(pending.RequestID + ` +prod:/alpha/vault/DEPLOY_TOKEN`)
	list.leaves(0)

	// Wherever the output leads, the PIN is asked for below what it is for.
	elsewhere := exec.CommandContext(t.Context(), "sh", "-c", "exec scrim approve "+pending.RequestID+" >/dev/null 2>&1")
	elsewhere.Dir, elsewhere.Env = t.TempDir(), a.environ()
	seen := sitBy(t, elsewhere)
	seen.sees(`DEPLOY_TOKEN`)
	seen.sees(`PIN \(not shown\): `)
	seen.types("\n")
	seen.leaves(int(errNotApproved))

	wrong := a.sit("approve", pending.RequestID)
	wrong.sees(`DEPLOY_TOKEN`)
	wrong.sees(`deploy`)
	wrong.sees(`PIN \(not shown\): `)
	if limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", wrong.cmd.Process.Pid)); runtime.GOOS == "linux" &&
		!regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("its memory may be dumped with the PIN: %s, %v", limits, err)
	}
	wrong.types("made-up walrus 4712\n")
	wrong.sees(`It is not approved`)
	wrong.leaves(int(errNotApproved))

	right := a.sit("approve", pending.RequestID[:6])
	right.sees(`PIN \(not shown\): `)
	right.types(deskPIN + "\n")
	right.sees(`It is approved`)
	right.leaves(0)
	for _, d := range []*desk{wrong, right} {
		if strings.Contains(d.text(), "walrus") {
			t.Errorf("the PIN shows: %q", d.text())
		}
	}

	if got := a.asks("in other words", pending.RequestID); got.Status != "approved" || got.Value != litValue {
		t.Fatalf("%+v", got)
	}
	if got := a.asks("once more", pending.RequestID); got.Value != "" {
		t.Errorf("a second time: %+v", got)
	}
	if echo := a.call("tools/call", `{"name":"find_secret","arguments":{"name":"`+litValue+`"}}`); strings.Contains(echo, litValue) {
		t.Errorf("not masked afterwards: %s", echo)
	}
	if n := strings.Count(a.all.String(), litValue); n != 2 { // the structured content, and the text that mirrors it
		t.Errorf("the value is %d times in what the server wrote", n)
	}
	if got, want := a.trail(), "enrolled asked refused approved/verified granted/verified refused"; got != want {
		t.Errorf("the trail is %q, not %q", got, want)
	}
	a.yesDiesWithItsServer()
}

// yesDiesWithItsServer: a yes that nobody has picked up when its server is killed
// is good for nothing, and on record as a yes and no more.
func (a *asker) yesDiesWithItsServer() {
	a.t.Helper()
	before := a.trail()
	id := a.asks("deploy", "").RequestID
	yes := a.sit("approve", id)
	yes.sees(`PIN \(not shown\): `)
	yes.types(deskPIN + "\n")
	yes.sees(`It is approved`)
	yes.leaves(0)
	said := len(a.all.String())
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	a.start()
	if got := a.asks("deploy", id); got.Status != "pending" || got.RequestID == id || got.Value != "" {
		a.t.Errorf("a new server takes the old id for %+v", got)
	}
	if got, want := a.trail(), before+" asked approved/verified asked"; got != want {
		a.t.Errorf("the trail is %q, not %q", got, want)
	}
	if strings.Contains(a.all.String()[said:], litValue) {
		a.t.Error("the value came out")
	}
	verify := a.sit("log", "--verify")
	verify.sees(`intact`)
	verify.leaves(0)
}

// TestDenyOnATerminal: a no needs no PIN.
func TestDenyOnATerminal(t *testing.T) {
	t.Parallel()
	a := newAsker(t, true)
	pending := a.asks("deploy", "")
	no := a.sit("approve", pending.RequestID, "--deny")
	no.sees(`It is denied`)
	no.leaves(0)
	if got := a.asks("deploy", pending.RequestID); got.Status != "denied" || got.Value != "" {
		t.Errorf("%+v", got)
	}
	gone := a.sit("approve", pending.RequestID)
	gone.sees(`no question waits under`)
	gone.leaves(int(errUsage))
}

// TestNobodyIsEnrolled: without a PIN there is no desk, and the agent is told
// what a person can do.
func TestNobodyIsEnrolled(t *testing.T) {
	t.Parallel()
	a := newAsker(t, false)
	if got := a.asks("deploy", ""); got.Status != "unavailable" || !strings.Contains(got.NextStep, "scrim enroll") {
		t.Errorf("%+v", got)
	}
}

// TestEnrolmentThatIsGone: a PIN that is on the trail and not on disk closes
// production's vault, and the client's own yes does not open it.
func TestEnrolmentThatIsGone(t *testing.T) {
	t.Parallel()
	a := newAsker(t, true)
	if err := os.Remove(filepath.Join(a.env["XDG_CONFIG_HOME"], "scrim", "approver.json")); err != nil {
		t.Fatal(err)
	}
	// A running server keeps what it loaded.
	if got := a.asks("deploy", ""); got.Status != "pending" {
		t.Errorf("the running server: %+v", got)
	}
	a.start()
	if got := a.asks("deploy", ""); got.Status != "unavailable" || got.Value != "" {
		t.Errorf("a new server: %+v", got)
	}
}

// TestNoYesOverTheSocket plays a process of the same user that speaks to the desk
// itself: without the PIN nothing that it says is a yes.
func TestNoYesOverTheSocket(t *testing.T) {
	t.Parallel()
	a := newAsker(t, true)
	id := a.asks("deploy", "").RequestID
	for _, line := range []string{
		`{"do":"prove","id":"` + id + `"}`,
		`{"do":"prove","id":"` + id + `","pin":""}`,
		`{"do":"approve","id":"` + id + `"}`,
		`{"do":"prove","id":"` + id + `","pin":"bWFkZS11cA==","factor":"pin","not_proved":false}`,
		`{"do":"list"}{"do":"prove","id":"` + id + `"}`,
		`[]`, "", strings.Repeat("x", 1<<20),
	} {
		for _, dir := range rundir.All() {
			sockets, _ := filepath.Glob(filepath.Join(dir, "desk-*.sock"))
			for _, socket := range sockets {
				said(t, socket, line)
			}
		}
	}
	list := a.sit("approvals")
	list.sees(id) // it waits on
	list.leaves(0)
	if trail := a.trail(); strings.Contains(trail, "approved") || strings.Contains(trail, "granted") || !strings.Contains(trail, "refused") {
		t.Errorf("the trail is %q", trail)
	}
	if strings.Contains(a.all.String(), litValue) {
		t.Error("the value came out")
	}
}

// said says a line to a desk, and hears it out.
func said(t *testing.T, socket, line string) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "unix", socket)
	if err != nil {
		return // its process has ended
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	_, _ = io.WriteString(c, line+"\n")
	_, _ = io.ReadAll(c)
}
