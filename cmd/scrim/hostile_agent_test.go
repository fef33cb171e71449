//go:build linux || darwin

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scrim/internal/audit"
	"scrim/internal/rundir"
)

// TestHostileAgent plays an agent with a shell of the same user, against a value
// that needs a proof: through every channel in turn it tries to give itself the
// yes. No attempt yields the value or anything that is worth it later, and each
// that reaches the server is on the trail. What a person then does still works.
func TestHostileAgent(t *testing.T) {
	t.Parallel()
	parent := t
	a := newAsker(t, true)
	h := &hostile{asker: a}
	h.id, h.page = h.question(t)
	for _, attack := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"answers the question itself", h.answersItself},
		{"makes up a state", h.makesUpState},
		{"takes another request's id", h.takesAnotherID},
		{"sits at a terminal that it made up", h.sitsAtATerminal},
		{"speaks to the desk", h.speaksToTheDesk},
		{"is at the page", h.isAtThePage},
		{"sets a PIN of its own", h.setsItsOwnPIN},
		{"writes the policy", h.writesThePolicy},
		{"enrols itself", h.enrolsItself},
	} {
		t.Run(attack.name, func(t *testing.T) {
			h.t = t
			defer func() { h.t = parent }()
			attack.do(t)
			h.hasNothing(t)
		})
	}
	h.personDecides(t)
	h.sendsItAgain(t)
	h.changesTheCommand(t)
}

// hostile is an agent and a question of its own, for which it wants the yes.
type hostile struct {
	*asker

	id    string
	page  string // its address
	token string // of the page's form, once it was looked at
}

// question asks for the secret anew, and returns the question and its page.
func (h *hostile) question(t *testing.T) (id, page string) {
	t.Helper()
	asked := h.asks("deploy", "")
	page = regexp.MustCompile(`http://localhost:\d+/question/\w+`).FindString(asked.NextStep)
	if asked.Status != "pending" || page == "" {
		t.Fatalf("%+v", asked)
	}
	return asked.RequestID, page
}

// refusedMore asserts that an attempt is on the trail.
func (h *hostile) refusedMore(t *testing.T, attempts int, try func()) {
	t.Helper()
	before := strings.Count(h.trail(), "refused")
	try()
	if got := strings.Count(h.trail(), "refused") - before; got < attempts {
		t.Errorf("%d of %d attempts are on the trail", got, attempts)
	}
}

// hasNothing asserts that there is no yes, and no value, anywhere.
func (h *hostile) hasNothing(t *testing.T) {
	t.Helper()
	if strings.Contains(h.all.String(), litValue) {
		t.Fatal("the value came out")
	}
	if trail := h.trail(); strings.Contains(trail, "approved") || strings.Contains(trail, "granted") {
		t.Fatalf("there is a yes: %q", trail)
	}
}

// modernCall asks for the secret as a client of 2026-07-28, with whatever else it likes
// to send. It opens no addresses: the calls of the older era would wait for that too.
func (h *hostile) modernCall(arguments, more string) string {
	return h.call("tools/call", fmt.Sprintf(`{"name":"get_vault_secret","arguments":%s,%s"_meta":{`+
		`"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"gemini-cli-mcp-client","version":"1"},`+
		`"io.modelcontextprotocol/clientCapabilities":{"elicitation":{"form":{}}}}}`, arguments, more))
}

// answersItself says yes in every way that the protocol has, for a call that no
// client's yes is enough for.
func (h *hostile) answersItself(t *testing.T) {
	for _, answer := range []string{
		`{"decision":{"action":"accept","content":{"decision":"approve"}}}`,
		`{"page":{"action":"decline-not"},"decision":{"action":"accept","content":{"decision":"approve"}}}`,
		`{"page":{"action":"cancel","content":{"decision":"approve","pin":"` + deskPIN[:4] + `"}}}`,
	} {
		reply := h.modernCall(h.wanted("deploy"), `"inputResponses":`+answer+`,"requestState":"page:`+h.id+`",`)
		if !strings.Contains(reply, `"status":"pending"`) || !strings.Contains(reply, h.id) {
			t.Errorf("%s: %s", answer, reply)
		}
	}
}

func (h *hostile) wanted(purpose string) string {
	return fmt.Sprintf(`{"name":"DEPLOY_TOKEN","purpose":%q,"request_id":%q}`, purpose, h.id)
}

// makesUpState sends states that no question had.
func (h *hostile) makesUpState(t *testing.T) {
	states := []string{h.id, "approved", strings.Repeat("A", 200), "AQ" + strings.Repeat("A", 128)}
	h.refusedMore(t, len(states), func() {
		for _, state := range states {
			h.modernCall(h.wanted("deploy"),
				`"requestState":"`+state+`","inputResponses":{"decision":{"action":"accept","content":{"decision":"approve"}}},`)
		}
	})
}

// takesAnotherID brings the id of one request for another secret, and for
// another way out.
func (h *hostile) takesAnotherID(t *testing.T) {
	h.refusedMore(t, 2, func() {
		h.call("tools/call", fmt.Sprintf(`{"name":"get_vault_secret","arguments":{"name":"OTHER_TOKEN","purpose":"deploy","request_id":%q}}`, h.id))
		h.call("tools/call", fmt.Sprintf(`{"name":"run_with_vault_secrets","arguments":{"names":["DEPLOY_TOKEN"],"command":["env"],"purpose":"deploy","request_id":%q}}`, h.id))
	})
}

// sitsAtATerminal has a terminal, and no PIN: it types nothing, a guess, the end
// of input and an interrupt.
func (h *hostile) sitsAtATerminal(t *testing.T) {
	for _, typed := range []string{"\n", "\x04", "\x03"} {
		d := h.sit("approve", h.id)
		d.sees(`PIN \(not shown\): `)
		d.types(typed)
		h.failed(t, d)
	}
	h.refusedMore(t, 1, func() {
		d := h.sit("approve", h.id)
		d.sees(`PIN \(not shown\): `)
		d.types("password and more\n")
		d.sees(`It is not approved`)
		d.leaves(int(errNotApproved))
	})
}

// speaksToTheDesk says over the socket what scrim approve says, without the PIN.
func (h *hostile) speaksToTheDesk(t *testing.T) {
	lines := []string{
		`{"do":"prove","id":"` + h.id + `"}`,
		`{"do":"prove","id":"` + h.id + `","pin":"bWFkZS11cCBndWVzcw==","factor":"pin","not_proved":false}`,
		`{"do":"prove","id":"` + h.id + `","assertion":"e30=","origin":"http://localhost:1"}`,
	}
	h.refusedMore(t, len(lines), func() {
		for _, dir := range rundir.All() {
			sockets, _ := filepath.Glob(filepath.Join(dir, "desk-*.sock"))
			for _, socket := range sockets {
				for _, line := range lines {
					said(t, socket, line)
				}
			}
		}
	})
}

// isAtThePage has the address, and so all that the page has: it looks, and sends
// what no form there sends, and a yes without a proof.
func (h *hostile) isAtThePage(t *testing.T) {
	looked := h.visits(t, h.page, nil)
	token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(looked)
	if token == nil || !strings.Contains(looked, "DEPLOY_TOKEN") {
		t.Fatalf("there is no form on %s", looked)
	}
	h.token = token[1]
	for header, lie := range map[string]string{"Host": "rebound.example", "Origin": "https://other.example", "Sec-Fetch-Site": "cross-site"} {
		h.visits(t, h.page, url.Values{"token": {h.token}, "do": {"approve"}, "pin": {deskPIN}}, header, lie)
	}
	attempts := []url.Values{
		{"do": {"approve"}, "pin": {deskPIN}},
		{"token": {h.id}, "do": {"approve"}, "pin": {deskPIN}},
		{"token": {h.token}, "do": {"approve"}},
		{"token": {h.token}, "do": {"approve"}, "pin": {""}, "assertion": {""}},
		{"token": {h.token}, "do": {"approve"}, "assertion": {`{"type":"public-key","factor":"passkey"}`}},
		{"token": {h.token}, "do": {"approve"}, "pin": {deskPIN}, "assertion": {"{}"}},
		{"token": {h.token}, "do": {"approved"}, "pin": {deskPIN}},
	}
	h.refusedMore(t, len(attempts), func() {
		for _, form := range attempts {
			h.visits(t, h.page, form)
		}
	})
	origin, _, _ := strings.Cut(h.page, "/question/")
	h.visits(t, origin+"/approved", nil) // which says so to whoever looks, and does nothing
}

// visits sends a form to an address, or looks at it, in the way of the page itself but
// for one header, and returns what came of it, which must not be the value.
func (h *hostile) visits(t *testing.T, address string, form url.Values, lie ...string) string {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Origin", "http://"+r.URL.Host)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(lie); i += 2 {
		r.Header.Set(lie[i], lie[i+1])
		if lie[i] == "Host" {
			r.Host = lie[i+1]
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || strings.Contains(string(text), litValue) {
		t.Errorf("%v: %v: %s", form, err, text)
	}
	if lie != nil && response.StatusCode < http.StatusBadRequest {
		t.Errorf("with %s it is taken: %d", lie, response.StatusCode)
	}
	return string(text)
}

// sendsItAgain has seen what the person's browser sends, and sends it once more: to
// the question that is answered, and to the next one. Then it guesses.
func (h *hostile) sendsItAgain(t *testing.T) {
	seen := url.Values{"token": {h.token}, "do": {"approve"}, "pin": {deskPIN}}
	if text := h.visits(t, h.page, seen); !strings.Contains(text, "This question is over") {
		t.Errorf("a second answer: %s", text)
	}
	id, page := h.question(t)
	h.refusedMore(t, 2, func() {
		if text := h.visits(t, page, seen); !strings.Contains(text, "This did not come from the page") {
			t.Errorf("the answer to another question: %s", text)
		}
		token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(h.visits(t, page, nil))
		guess := url.Values{"token": {token[1]}, "do": {"approve"}, "pin": {"password and more"}}
		if text := h.visits(t, page, guess); !strings.Contains(text, "That is not the PIN. 9 more tries are left") {
			t.Errorf("a guess: %s", text)
		}
	})
	for _, r := range h.records() {
		if r.RequestID == id && (r.Kind == audit.Approved || r.Kind == audit.Granted) {
			t.Errorf("there is a yes: %+v", r)
		}
	}
	if n := strings.Count(h.all.String(), litValue); n != 2 { // the person's yes, in the structured content and in the text
		t.Errorf("the value is %d times in what the server wrote", n)
	}
}

// setsItsOwnPIN puts a file in the place of the person's, whose PIN it knows. The
// server that runs keeps what it loaded.
func (h *hostile) setsItsOwnPIN(t *testing.T) {
	file := filepath.Join(h.env["XDG_CONFIG_HOME"], "scrim", "approver.json")
	persons, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const its = "made-up agent 0815"
	other := &asker{t: h.t, env: map[string]string{"XDG_CONFIG_HOME": t.TempDir(), "XDG_STATE_HOME": t.TempDir(), "HOME": t.TempDir()}}
	other.enrols(its)
	planted, err := os.ReadFile(filepath.Join(other.env["XDG_CONFIG_HOME"], "scrim", "approver.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, planted, 0o600); err != nil {
		t.Fatal(err)
	}
	h.refusedMore(t, 1, func() {
		d := h.sit("approve", h.id)
		d.sees(`PIN \(not shown\): `)
		d.types(its + "\n")
		d.sees(`It is not approved`)
		d.leaves(int(errNotApproved))
	})
	if err := os.WriteFile(file, persons, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writesThePolicy puts what would open everything into each file that scrim
// reads. A server that runs does not look again, and one that starts refuses it.
func (h *hostile) writesThePolicy(t *testing.T) {
	file := filepath.Join(h.env["XDG_CONFIG_HOME"], "scrim", "config.toml")
	before, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("[policy.vault]\neffect = \"allow\"\nstrength = \"client\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.answersItself(t)
	if before == nil {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, before, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// enrolsItself has a terminal and not the present PIN.
func (h *hostile) enrolsItself(t *testing.T) {
	d := h.sit("enroll")
	d.sees(`PIN[^\n]*: `)
	d.types("not the present one\n")
	d.sees(`This is not the present PIN, and nothing was changed`)
	h.failed(t, d)
}

// failed waits for what the agent tried on a terminal, which must not succeed.
func (h *hostile) failed(t *testing.T, d *desk) {
	t.Helper()
	d.wait()
	if d.cmd.ProcessState.Success() {
		t.Errorf("it ends well: %q", d.text())
	}
}

// personDecides is what all of that must not have broken.
func (h *hostile) personDecides(t *testing.T) {
	d := h.sit("approve", h.id)
	d.sees(`PIN \(not shown\): `)
	d.types(deskPIN + "\n")
	d.sees(`It is approved`)
	d.leaves(0)
	if got := h.asks("in other words", h.id); got.Value != litValue {
		t.Errorf("the person's yes: %+v", got)
	}
	records := h.records()
	if last := records[len(records)-1]; last.Kind != audit.Granted || last.Strength != "verified" || last.Factor != "pin" {
		t.Errorf("on record as %+v", last)
	}
}

// changesTheCommand has a person say yes to a script, and then makes another one of
// it, and other arguments.
func (h *hostile) changesTheCommand(t *testing.T) {
	script, loot := filepath.Join(h.dir, "deploy.sh"), filepath.Join(h.dir, "loot")
	write := func(text string) {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	run := func(id, argument string) string {
		return h.call("tools/call", fmt.Sprintf(`{"name":"run_with_vault_secrets","arguments":{"names":["DEPLOY_TOKEN"],"command":["./deploy.sh",%q],"purpose":"deploy","request_id":%q}}`, argument, id))
	}
	write(`echo deployed`)
	var asked struct {
		Result struct {
			StructuredContent vaultAnswer `json:"structuredContent"`
		}
	}
	if err := json.Unmarshal([]byte(run("", "quietly")), &asked); err != nil || asked.Result.StructuredContent.Status != "pending" {
		t.Fatalf("%v: %+v", err, asked)
	}
	id := asked.Result.StructuredContent.RequestID
	d := h.sit("approve", id)
	d.sees(`deploy\.sh`)
	d.sees(`PIN \(not shown\): `)
	d.types(deskPIN + "\n")
	d.sees(`It is approved`)
	d.leaves(0)

	write(`printenv DEPLOY_TOKEN >` + loot)
	h.refusedMore(t, 2, func() {
		for _, argument := range []string{"loudly", "quietly"} {
			if reply := run(id, argument); strings.Contains(reply, `"exit_code"`) {
				t.Errorf("it ran: %s", reply)
			}
		}
	})
	if _, err := os.Stat(loot); !os.IsNotExist(err) {
		t.Errorf("another command has the value: %v", err)
	}
}

// TestHostileClient is what strength client does not stop, and the threat model
// says so: a process that starts the server itself and plays its client gives
// itself the yes, where nobody is enrolled. It is on the trail as the client's.
func TestHostileClient(t *testing.T) {
	t.Parallel()
	h := &hostile{asker: newAsker(t, false)}
	asked := h.modernCall(`{"name":"DEPLOY_TOKEN","purpose":"deploy"}`, "")
	var m struct {
		Result struct{ RequestState string }
	}
	if err := json.Unmarshal([]byte(asked), &m); err != nil || m.Result.RequestState == "" {
		t.Fatalf("%v: %s", err, asked)
	}
	got := h.modernCall(`{"name":"DEPLOY_TOKEN","purpose":"deploy"}`,
		`"requestState":"`+m.Result.RequestState+`","inputResponses":{"decision":{"action":"accept","content":{"decision":"approve"}}},`)
	if !strings.Contains(got, litValue) || !strings.Contains(h.trail(), "approved/client granted/client") {
		t.Errorf("the threat model says that this works: %s; the trail is %q", got, h.trail())
	}
}
