//go:build unix

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"scrim/internal/audit"
)

const (
	enrolledPIN = "made-up walrus 4711"
	wrongPIN    = "made-up walrus 4712"

	// overSSH keeps a server from opening anything on any system.
	overSSH = "SSH_TTY=/dev/made-up"
)

// pageNeedles are what no page may show.
var pageNeedles = slices.Concat(seededNeedles, needles(map[string]string{"the PIN": enrolledPIN, "a wrong PIN": wrongPIN}))

// long bounds what people and their PINs take on a busy machine.
const long = 3 * time.Minute

// desktop is a person's session before a display. What opens pages there notes
// their addresses.
type desktop struct {
	*testing.T
	dir string
}

func newDesktop(t *testing.T) desktop {
	t.Helper()
	d := desktop{t, t.TempDir()}
	for _, name := range []string{"xdg-open", "open"} {
		script := "#!/bin/sh\necho \"$*\" >>" + d.notes() + "\n"
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func (d desktop) notes() string { return filepath.Join(d.dir, "opened") }

// around returns env as it is in this session.
func (d desktop) around(env []string) []string {
	return append(slices.Clone(env), "DISPLAY=:4711", "PATH="+d.dir+":"+os.Getenv("PATH"))
}

// opened returns the addresses that were opened, in order.
func (d desktop) opened() []string {
	d.Helper()
	notes, err := os.ReadFile(d.notes())
	if err != nil && !os.IsNotExist(err) {
		d.Fatal(err)
	}
	return strings.Fields(string(notes))
}

// page returns the address that is opened next, after so many.
func (d desktop) page(after int) string {
	d.Helper()
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(20 * time.Millisecond) { // another process's doing
		if opened := d.opened(); len(opened) > after {
			return opened[after]
		}
	}
	d.Fatal("nothing was opened")
	return ""
}

// setsPIN runs scrim enroll on a terminal and types a new PIN, after whatever is to
// be done first.
func setsPIN(t *testing.T, enroll *exec.Cmd, first func()) {
	t.Helper()
	terminal, err := pty.Start(enroll)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = terminal.Close() }()
	first()
	screen := bufio.NewReader(terminal)
	for _, prompt := range []string{"New PIN (not shown):", "The same again:"} {
		for text := ""; !strings.Contains(text, prompt); {
			more, err := screen.ReadString(':')
			if text += more; err != nil {
				t.Fatalf("no %q in %q: %v", prompt, text, err)
			}
		}
		if _, err := terminal.WriteString(enrolledPIN + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	rest, _ := screen.ReadString(0) // until the terminal is gone
	if err := enroll.Wait(); err != nil {
		t.Fatalf("scrim enroll: %v: %s", err, rest)
	}
}

// trail returns the kinds on record for a request, with the factor of those that
// have one.
func (r rig) trail(t *testing.T, id string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(r.home, "XDG_STATE_HOME", "scrim", "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var kinds []string
	for record, err := range audit.Read(f) {
		if err != nil {
			t.Fatal(err)
		}
		if record.RequestID == id {
			kinds = append(kinds, strings.TrimSuffix(string(record.Kind)+"/"+record.Factor, "/"))
		}
	}
	return strings.Join(kinds, " ")
}

// told asks for a vault secret where nobody is led anywhere, and returns what the
// agent is told, and the page that it is to tell of.
func (w *wire) told(name string) (facts, string) {
	w.t.Helper()
	told := w.call("get_vault_secret", map[string]any{"name": name, "purpose": "pay"}).Facts
	page := regexp.MustCompile(`http://localhost:\d+/question/\w+`).FindString(told.NextStep)
	if told.Status != "pending" || page == "" || !strings.Contains(told.NextStep, "scrim approve "+told.RequestID) {
		w.fatalf("%+v", told)
	}
	return told, page
}

// TestServerOpensThePage: where a person sits before a display, and their client can
// lead them nowhere, the server opens the page, once for a question, and not where
// it should not.
func TestServerOpensThePage(t *testing.T) {
	t.Parallel()
	r := devRig(t, "PROJECT_ENV=prod")
	r.patience = long
	enroll := exec.CommandContext(t.Context(), scrimBin, "enroll")
	enroll.Env, enroll.Dir = r.env, r.home
	setsPIN(t, enroll, func() {})
	for _, part := range []struct {
		name string
		test func(*testing.T, rig)
	}{
		{"once for a question", opensOnce},
		{"so many times, and no more", opensNoMore},
		{"not over SSH", opensNothing(func(_ *testing.T, r *rig) { r.env = append(r.env, overSSH) })},
		{"not where nothing opens", opensNothing(func(t *testing.T, r *rig) { r.env = append(r.env, "PATH="+t.TempDir()) })},
		{"not where a form will do", opensNoForm},
		{"not where nobody is enrolled", opensForNobody},
		{"not where the person said no", opensNothing(forbidsOpening)},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, r) })
	}
}

// opensOnce has an agent repeat its call while the person has not answered.
func opensOnce(t *testing.T, r rig) {
	d := newDesktop(t)
	r.env = d.around(r.env)
	w := open(t, r, legacy, nil)
	args := map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay"}
	calls := []string{w.start("get_vault_secret", args)}
	page := d.page(0)
	for range 4 {
		calls = append(calls, w.start("get_vault_secret", args))
	}
	w.find("PAYOUT_PHRASE") // by then the server has those calls
	saysNo(t, page)
	for _, call := range calls {
		if got := w.reply(call).tool(t).Facts; got.Status != "denied" {
			t.Errorf("%+v", got)
		}
	}
	if got := w.call("get_vault_secret", args).Facts; got.Status != "denied" {
		t.Errorf("after the no: %+v", got)
	}
	if opened := d.opened(); len(opened) != 1 {
		t.Errorf("it opens %v", opened)
	}
	w.end(nothing)
}

// saysNo sends the no of a page's own form.
func saysNo(t *testing.T, page string) {
	t.Helper()
	token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(visited(t, page, nil))
	if token == nil {
		t.Fatal("the page has no form")
	}
	if text := visited(t, page, url.Values{"token": {token[1]}, "do": {"deny"}}); !strings.Contains(text, "<h1>Denied</h1>") {
		t.Errorf("after a no: %s", text)
	}
}

// visited sends a form to a page as the page itself does, or looks at it, and returns
// what is seen then.
func visited(t *testing.T, page string, form url.Values) string {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(t.Context(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Origin", "http://"+request.URL.Host)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// opensNoMore has an agent withdraw each question and ask the next.
func opensNoMore(t *testing.T, r rig) {
	d := newDesktop(t)
	r.env = d.around(r.env)
	w := open(t, r, legacy, nil)
	names := []string{"PAYOUT_PHRASE", "SPARE_PHRASE", "RECOVERY_WORDS", "SIGNING_SHEET"}
	for n := range 20 {
		// Not the same again: it would join the question that is being withdrawn.
		call := w.start("get_vault_secret", map[string]any{"name": names[n%len(names)], "purpose": "pay"})
		d.page(n)
		w.notify("notifications/cancelled", map[string]any{"requestId": json.RawMessage(call)})
	}
	w.told("PAYOUT_PHRASE") // at once, with the address
	if opened := d.opened(); len(opened) != 20 {
		t.Errorf("it opens %d pages", len(opened))
	}
	w.end(nothing)
}

// opensNothing returns a test of a server in a session that change changes.
func opensNothing(change func(*testing.T, *rig)) func(*testing.T, rig) {
	return func(t *testing.T, r rig) {
		d := newDesktop(t)
		r.env = d.around(r.env)
		change(t, &r)
		w := open(t, r, legacy, nil)
		w.told("PAYOUT_PHRASE")
		if opened := d.opened(); len(opened) > 0 {
			t.Errorf("it opens %v", opened)
		}
		w.end(nothing)
	}
}

// forbidsOpening writes the person's own file.
func forbidsOpening(t *testing.T, r *rig) {
	t.Helper()
	file := filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim", "config.toml")
	if err := os.WriteFile(file, []byte("[approval]\nbrowser = false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// opensNoForm asks where the client's form is enough.
func opensNoForm(t *testing.T, r rig) {
	d := newDesktop(t)
	r.env = append(d.around(r.env), "PROJECT_ENV=dev")
	w := open(t, r, legacy, canAsk)
	if got := w.answer(w.ask("DEV_VAULT_PHRASE", "try"), decline); got.Facts.Status != "denied" {
		t.Errorf("%+v", got.Facts)
	}
	if opened := d.opened(); len(opened) > 0 {
		t.Errorf("it opens %v", opened)
	}
	w.end(nothing)
}

// opensForNobody asks where there is nobody to prove anything.
func opensForNobody(t *testing.T, _ rig) {
	d := newDesktop(t)
	r := devRig(t, "PROJECT_ENV=prod")
	r.env = d.around(r.env)
	w := open(t, r, legacy, nil)
	if got := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay"}).Facts; got.Status != "unavailable" {
		t.Errorf("%+v", got)
	}
	if opened := d.opened(); len(opened) > 0 {
		t.Errorf("it opens %v", opened)
	}
	w.end(nothing)
}
