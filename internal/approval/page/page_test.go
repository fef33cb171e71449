package page_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"scrim/internal/approval"
	"scrim/internal/approval/page"
	"scrim/internal/approver"
	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

const (
	rightPIN = "made-up-pin-4711"
	known    = "made-up/known-value"
)

// person has a PIN and a passkey that signs "signed DIGEST at ORIGIN".
type person struct{ wrong int }

func (p *person) Enrolled() bool { return true }

func (p *person) Required() bool { return true }

func (p *person) HasPIN() bool { return true }

func (p *person) HasPasskey() bool { return true }

func (p *person) Challenge(digest [sha256.Size]byte, origin string) ([]byte, error) {
	return fmt.Appendf(nil, `{"challenge":"%x at %s"}`, digest, origin), nil
}

func (p *person) Verify(_ context.Context, digest [sha256.Size]byte, proof approval.Proof) (string, error) {
	if string(proof.Assertion) == fmt.Sprintf("signed %x at %s", digest, proof.Origin) {
		return "passkey", nil
	}
	if string(proof.PIN) == rightPIN {
		return "pin", nil
	}
	p.wrong++
	return "", &approver.WrongError{Left: 10 - p.wrong, Wait: time.Second}
}

// rig is a gate with its pages, and a browser that follows nothing by itself.
type rig struct {
	t     *testing.T
	gate  *approval.Gate
	pages *page.Pages
	log   *audit.Log
	pid   *person
}

func newRig(t *testing.T, change ...func(*approval.Options)) *rig {
	t.Helper()
	r := &rig{t: t, log: audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl")), pid: &person{}}
	o := approval.Options{
		Policy: policy.ForScope(scope()), Audit: r.log, Verifier: r.pid,
		Mask: func(s string) string { return strings.ReplaceAll(s, known, "[redacted:KNOWN]") },
	}
	for _, c := range change {
		c(&o)
	}
	r.gate = approval.NewGate(o)
	r.pages = page.New(t.Context(), r.gate, r.pid)
	return r
}

func scope() secret.Scope {
	return secret.Scope{
		Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "prod", Stated: true,
		Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
}

func request(t *testing.T, name string) approval.Request {
	t.Helper()
	ref, err := secret.ParseRef("prod", "/alpha/vault", name)
	if err != nil {
		t.Fatal(err)
	}
	return approval.Request{Scope: scope(), Refs: []secret.Ref{ref}, Delivery: policy.DeliverValue, Purpose: "restore the dump", Agent: "client 1.0"}
}

// ask returns the id of q's question, and where its page is.
func (r *rig) ask(q approval.Request) (id, address string) {
	r.t.Helper()
	_, question, err := r.gate.Admit(context.WithoutCancel(r.t.Context()), q, approval.Answer{})
	if err != nil {
		r.t.Fatal(err)
	}
	address, err = r.pages.Address(question.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return question.ID, address
}

// do sends a form from a page at the address, or looks at it where there is none.
func (r *rig) do(address string, form url.Values) (int, string, string) {
	r.t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	request, err := http.NewRequestWithContext(r.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if form != nil {
		at, _ := url.Parse(address)
		request.Header.Set("Origin", "http://"+at.Host)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), string(text)
}

// token reads what a form of the page brings back.
func (r *rig) token(address string) string {
	r.t.Helper()
	status, _, text := r.do(address, nil)
	found := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(text)
	if status != http.StatusOK || found == nil {
		r.t.Fatalf("%d %s", status, text)
	}
	return found[1]
}

func yes(token, pin string) url.Values {
	return url.Values{"token": {token}, "do": {"approve"}, "pin": {pin}}
}

// trail returns the kinds on record, with the factor of those that have one.
func (r *rig) trail() string {
	r.t.Helper()
	text, err := os.ReadFile(r.log.Path())
	if err != nil {
		r.t.Fatal(err)
	}
	var kinds []string
	for record, err := range audit.Read(bytes.NewReader(text)) {
		if err != nil {
			r.t.Fatal(err)
		}
		kinds = append(kinds, strings.TrimSuffix(string(record.Kind)+"/"+record.Factor, "/"))
	}
	return strings.Join(kinds, " ")
}

// granted reports whether q's yes can be picked up.
func (r *rig) granted(q approval.Request, id string) bool {
	grant, _, err := r.gate.Admit(r.t.Context(), q, approval.Answer{ID: id})
	return err == nil && grant.ID() == id
}

func (r *rig) over(address string, form url.Values) {
	r.t.Helper()
	if status, _, text := r.do(address, form); status != http.StatusGone || !strings.Contains(text, "This question is over") {
		r.t.Errorf("%d %s", status, text)
	}
}

// TestYesWithPIN: one form, one yes, and the address is good for nothing more.
func TestYesWithPIN(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	id, address := r.ask(q)
	if again, err := r.pages.Address(id); err != nil || again != address {
		t.Errorf("another address for the same question: %s, %v", again, err)
	}
	token := r.token(address)
	if status, to, _ := r.do(address, yes(token, rightPIN)); status != http.StatusSeeOther || to != "/approved" {
		t.Fatalf("%d %s", status, to)
	}
	r.over(address, nil)
	r.over(address, yes(token, rightPIN)) // the second tab, or a replay
	if !r.granted(q, id) {
		t.Error("the yes cannot be picked up")
	}
	r.over(address, nil)
	if _, err := r.pages.Address(id); err == nil {
		t.Error("a question that is over has an address")
	}
	if got, want := r.trail(), "asked shown approved/pin granted/pin"; got != want {
		t.Errorf("the trail is %q, not %q", got, want)
	}
}

// TestYesWithPasskey: the challenge is for this request, at this origin.
func TestYesWithPasskey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	id, address := r.ask(q)
	token := r.token(address)
	at, _ := url.Parse(address)
	want := fmt.Sprintf("%x at http://%s", q.Digest(), at.Host)
	if status, _, text := r.do(address+"/challenge", url.Values{"token": {token}}); status != http.StatusOK || !strings.Contains(text, want) {
		t.Fatalf("%d %s, not %s", status, text, want)
	}
	form := url.Values{"token": {token}, "do": {"approve"}, "assertion": {"signed " + want}}
	if status, to, _ := r.do(address, form); status != http.StatusSeeOther || to != "/approved" || !r.granted(q, id) {
		t.Errorf("%d %s", status, to)
	}
}

// TestNo takes one click, and no proof.
func TestNo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	id, address := r.ask(q)
	if status, to, _ := r.do(address, url.Values{"token": {r.token(address)}, "do": {"deny"}}); status != http.StatusSeeOther || to != "/denied" {
		t.Errorf("%d %s", status, to)
	}
	r.over(address, nil)
	if r.granted(q, id) {
		t.Error("granted after a no")
	}
}

// TestAgentAtThePage plays an agent that has the address, and a shell. Everything
// that it tries is on the trail, and none of it is a yes.
func TestAgentAtThePage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	id, address := r.ask(q)
	_, other := r.ask(request(t, "OTHER"))
	token, others := r.token(address), r.token(other)
	for name, c := range map[string]struct {
		form url.Values
		want int
	}{
		"nothing":              {url.Values{}, http.StatusForbidden},
		"no token":             {url.Values{"do": {"approve"}, "pin": {rightPIN}}, http.StatusForbidden},
		"an empty token":       {yes("", rightPIN), http.StatusForbidden},
		"another page's token": {yes(others, rightPIN), http.StatusForbidden},
		"half a token":         {yes(token[:13], rightPIN), http.StatusForbidden},
		"no PIN":               {yes(token, ""), http.StatusSeeOther},
		"neither yes nor no":   {url.Values{"token": {token}, "do": {"allow"}, "pin": {rightPIN}}, http.StatusSeeOther},
		"a wrong PIN":          {yes(token, "made-up-pin-4712"), http.StatusSeeOther},
		"a made-up signature":  {url.Values{"token": {token}, "do": {"approve"}, "assertion": {"signed"}}, http.StatusSeeOther},
		"a choice of factor":   {url.Values{"token": {token}, "do": {"approve"}, "factor": {"pin"}, "strength": {"verified"}}, http.StatusSeeOther},
	} {
		before := strings.Count(r.trail(), "refused")
		status, to, text := r.do(address, c.form)
		if status != c.want || to == "/approved" || strings.Contains(text, "Approved") {
			t.Errorf("%s: %d %s %s", name, status, to, text)
		}
		if strings.Count(r.trail(), "refused") <= before {
			t.Errorf("%s is not on the trail", name)
		}
	}
	for _, path := range []string{"/question/", "/question/AAAAAAAAAAAAAAAAAAAAAAAAAA", "/", "/" + id, "/question/" + id} {
		at, _ := url.Parse(address)
		at.Path = path
		if status, _, text := r.do(at.String(), nil); status != http.StatusNotFound || strings.Contains(text, "TOKEN") {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	// Somebody else's form of this page, at the other question's address.
	if status, _, _ := r.do(other, yes(token, rightPIN)); status != http.StatusForbidden {
		t.Errorf("a form of another page: %d", status)
	}
	if trail := r.trail(); strings.Contains(trail, "approved") || r.granted(q, id) {
		t.Errorf("the trail is %q", trail)
	}
	// The person still can.
	if status, to, _ := r.do(address, yes(token, rightPIN)); status != http.StatusSeeOther || to != "/approved" {
		t.Errorf("%d %s", status, to)
	}
}

// TestWrongPIN: the question stays open, and the page says how many tries are left,
// to whoever looks at it next.
func TestWrongPIN(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	_, address := r.ask(request(t, "TOKEN"))
	token := r.token(address)
	if status, to, _ := r.do(address, yes(token, "made-up-pin-4712")); status != http.StatusSeeOther || !strings.HasSuffix(address, to) {
		t.Fatalf("%d %s", status, to)
	}
	_, _, text := r.do(address, nil)
	for _, want := range []string{`role="alert"`, "That is not the PIN. 9 more tries are left", `aria-invalid="true"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(text, "4712") {
		t.Error("what was typed is on the page")
	}
}

// TestNotAnsweredInTime: the address says that it is over, and takes no yes.
func TestNotAnsweredInTime(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(o *approval.Options) { o.DeskTTL = 400 * time.Millisecond })
	_, address := r.ask(request(t, "TOKEN"))
	token := r.token(address)
	for len(r.gate.Waiting()) > 0 {
		time.Sleep(10 * time.Millisecond) // for the question's end, by the clock of the process
	}
	r.over(address, nil)
	r.over(address, yes(token, rightPIN))
	r.over(address+"/challenge", url.Values{"token": {token}})
}

// TestUnrecorded: a yes that cannot be put on record is none, and said.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	id, address := r.ask(q)
	token := r.token(address)
	if err := os.Chmod(filepath.Dir(r.log.Path()), 0o755); err != nil {
		t.Fatal(err)
	}
	status, _, text := r.do(address, yes(token, rightPIN))
	if status != http.StatusInternalServerError || !strings.Contains(text, "could not be put on record") {
		t.Errorf("%d %s", status, text)
	}
	if err := os.Chmod(filepath.Dir(r.log.Path()), 0o700); err != nil {
		t.Fatal(err)
	}
	if r.granted(q, id) {
		t.Error("granted without a record")
	}
}

// TestWordsOfOthers: what an agent wrote is masked, marked as its own, and inert.
func TestWordsOfOthers(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q := request(t, "TOKEN")
	hostile := "\"><script>alert(1)</script>\u202e<b>Approved</b>\u200b " + known + "\x1b[2J"
	q.Purpose, q.Agent = hostile, "<i>"+hostile
	q.Delivery, q.Command, q.Dir = policy.DeliverRun, []string{"sh", "-c", hostile, "  "}, "/tmp/"+hostile
	q.Program, q.ProgramSHA256 = "/bin/sh", strings.Repeat("ab", 32)
	_, address := r.ask(q)
	_, _, text := r.do(address, nil)
	for _, bad := range []string{"<script>alert", "<b>", "<i>", known, "\u202e", "\u200b", "\x1b"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is on the page", bad)
		}
	}
	for _, want := range []string{
		`\u202e`, `\x1b[2J`, `\x20`, "[redacted:KNOWN]", "&lt;script&gt;", "In the agent’s own words", "perhaps meant to mislead you",
		"TOKEN", "vault, <code>prod:/alpha/vault</code>", "alpha", strings.Repeat("ab", 32), "send it\nanywhere", "Open until",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	// Nothing of others, and no code, is outside of text.
	if n := strings.Count(text, "<script"); n != 1 || strings.Contains(text, "style=") || strings.Contains(text, "onclick") || strings.Contains(text, "http") {
		t.Errorf("%d scripts, or something of another place, in %s", n, text)
	}
}
