//go:build unix

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"scrim/internal/approval"
	"scrim/internal/approval/page"
	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

var pictures = flag.String("pictures", "", "take the pictures of the approval page anew, into this folder")

const (
	withPIN     = "Approve with the PIN"
	withPasskey = "Approve with your passkey"
)

// enrolsBoth enrols a passkey of b's tab "person", and then a PIN, for which the
// passkey is asked first.
func enrolsBoth(t *testing.T, b *browser, r rig) {
	t.Helper()
	d := newDesktop(t)
	scrim := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), scrimBin, args...)
		cmd.Env, cmd.Dir = d.around(r.env), r.home
		return cmd
	}
	does[struct{}](b, act{Do: "authenticator", Tab: "person"})

	passkey := scrim("enroll", "--passkey", "laptop")
	var shown lockedBuffer
	passkey.Stderr = &shown
	if err := passkey.Start(); err != nil {
		t.Fatal(err)
	}
	address := d.page(0)
	number := regexp.MustCompile(`this number: (\d{6})`).FindStringSubmatch(shown.String())
	if number == nil || strings.Contains(address, number[1]) {
		t.Fatalf("opened %s beside %q", address, shown.String())
	}
	made := b.open("person", address+"#"+number[1])
	b.readable("person")
	b.press("person", "Continue", "Done.")
	if err := passkey.Wait(); err != nil {
		t.Fatalf("scrim enroll --passkey: %v", err)
	}
	for _, complaint := range made.Complaints {
		t.Errorf("the browser complains: %s", complaint)
	}

	setsPIN(t, scrim("enroll"), func() {
		b.open("person", d.page(1))
		b.press("person", "Continue", "Done.")
	})
}

// visit is a call for a vault secret by a client that nobody here wrote, which was
// told to have its user open a page.
type visit struct {
	*testing.T
	rig    rig
	page   string
	answer chan toolResult
	end    func(approved disclosure) // of the client, and the checks that all end with
}

// client starts a server and asks it for a secret.
type client func(t *testing.T, r rig, args map[string]any) *visit

// byTypeScript asks with the official TypeScript client, in 2025-11-25.
func byTypeScript(t *testing.T, r rig, args map[string]any) *visit {
	t.Helper()
	rec := record(t)
	b, err := json.Marshal(map[string]any{"command": rec.command(t, r.argv, r.env), "arguments": args})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "node", "visit.mjs", string(b))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(out)
	var asked struct{ Mode, Page, ID string }
	if err := lines.Decode(&asked); err != nil || asked.Mode != "url" || asked.ID == "" {
		t.Fatalf("%v: %+v", err, asked)
	}
	v := &visit{T: t, rig: r, page: asked.Page, answer: make(chan toolResult, 1)}
	go func() {
		defer close(v.answer)
		var told struct {
			Answer toolResult
			ID     string // of the elicitation that is complete
		}
		if err := lines.Decode(&told); err != nil || told.ID != asked.ID {
			t.Errorf("%v: %+v", err, told)
			return
		}
		v.answer <- told.Answer
	}()
	v.end = func(approved disclosure) {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v\n%s", err, stderr.Bytes())
		}
		checkSpoken(t, legacy, rec.end(t), r, approved)
	}
	return v
}

// byGo asks with the official Go client, in 2026-07-28.
func byGo(t *testing.T, r rig, args map[string]any) *visit {
	t.Helper()
	rec := record(t)
	pages := make(chan string, 8)
	client := mcp.NewClient(&mcp.Implementation{Name: "go-sdk", Version: "1"}, &mcp.ClientOptions{
		Capabilities: &mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapabilities{
			Form: &mcp.FormElicitationCapabilities{}, URL: &mcp.URLElicitationCapabilities{},
		}},
		ElicitationHandler: func(_ context.Context, asked *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			pages <- asked.Params.Mode + " " + asked.Params.URL
			return &mcp.ElicitResult{Action: "accept"}, nil
		},
	})
	argv := rec.command(t, r.argv, r.env)
	cmd := exec.Command(argv[0], argv[1:]...) //nolint:noctx // the recorder; the session ends it
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, &mcp.ClientSessionOptions{ProtocolVersion: modern})
	if err != nil {
		t.Fatal(err)
	}
	v := &visit{T: t, rig: r, answer: make(chan toolResult, 1)}
	c := &goClient{t: t, session: session}
	go func() {
		defer close(v.answer)
		told := c.call("get_vault_secret", args)
		for told.Facts.Status == "pending" {
			args["request_id"] = told.Facts.RequestID
			told = c.call("get_vault_secret", args)
		}
		v.answer <- told
	}()
	select {
	case asked := <-pages:
		v.page = strings.TrimPrefix(asked, "url ")
	case <-time.After(long):
		t.Fatal("the client was not told to open a page")
	}
	v.end = func(approved disclosure) {
		if err := session.Close(); err != nil {
			t.Error(err)
		}
		if more := len(pages); more > 0 {
			t.Errorf("the client was told to open a page %d times more", more)
		}
		checkSpoken(t, modern, rec.end(t), r, approved)
	}
	return v
}

// byItself asks as a client that cannot lead anybody anywhere: the server does.
func byItself(t *testing.T, r rig, args map[string]any) *visit {
	t.Helper()
	d := newDesktop(t)
	r.env = d.around(r.env)
	w := open(t, r, legacy, nil)
	call := w.start("get_vault_secret", args)
	v := &visit{T: t, rig: r, page: d.page(0), answer: make(chan toolResult, 1)}
	go func() { v.answer <- w.reply(call).tool(t) }()
	v.end = func(approved disclosure) {
		w.end(approved)
		if opened := d.opened(); len(opened) != 1 {
			t.Errorf("the server opens %v", opened)
		}
	}
	return v
}

// checkSpoken asserts that a client spoke that version, and what every test ends
// with.
func checkSpoken(t *testing.T, version string, servers []transcript, r rig, approved disclosure) {
	t.Helper()
	for _, s := range servers {
		if !strings.Contains(string(s.stdin), `rotocolVersion":"`+version+`"`) {
			t.Errorf("it is not %s that the client speaks: %.500s", version, s.stdin)
		}
	}
	r.check(t, approved, servers...)
}

// origin is that of the page.
func (v *visit) origin() string {
	v.Helper()
	at, err := url.Parse(v.page)
	if err != nil {
		v.Fatal(err)
	}
	return "http://" + at.Host
}

// waits asserts that the client has no answer so far.
func (v *visit) waits() {
	v.Helper()
	select {
	case told := <-v.answer:
		v.Fatalf("the client has its answer before the page has: %+v", told)
	default:
	}
}

// ends asserts what the client is told, and what is on record.
func (v *visit) ends(status, trail string) {
	v.Helper()
	told := <-v.answer
	want := ""
	approved := nothing
	if status == "approved" {
		want, approved = seeded["PAYOUT_PHRASE"], disclosure{"PAYOUT_PHRASE", 1}
	}
	if told.Facts.Status != status || told.Facts.Value != want {
		v.Errorf("the client is told %+v", told)
	}
	if got := v.rig.trail(v.T, told.Facts.RequestID); got != trail {
		v.Errorf("the trail is %q, not %q", got, trail)
	}
	v.end(approved)
}

// TestApprovalPage: a person decides in their browser, with a passkey or a PIN,
// where a client led them, in both eras of the protocol.
func TestApprovalPage(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	r := devRig(t, "PROJECT_ENV=prod")
	r.patience = long
	ends := pageThatEnds(b)
	enrolsBoth(t, b, r)
	for _, part := range []struct {
		name    string
		test    func(*browser, *visit)
		by      client
		purpose string
	}{
		{"a passkey, TypeScript SDK", pageWithPasskey, byTypeScript, "send the wages of November"},
		{"a passkey, Go SDK", pageWithPasskey, byGo, "send the wages of November"},
		{"a passkey, where the server leads", pageWithPasskey, byItself, "send the wages of November"},
		{"a PIN, TypeScript SDK", pageWithPIN, byTypeScript, "pay <b>the people</b>"},
		{"a PIN without JavaScript, Go SDK", pageWithoutJavaScript, byGo, strings.Repeat("a-long-word-that-no-line-has-room-for-", 7)},
		{"a no, TypeScript SDK", pageDenies, byTypeScript, "pay the people"},
		{"a no, Go SDK", pageDenies, byGo, "pay the people"},
	} {
		t.Run(part.name, func(t *testing.T) {
			part.test(b.of(t), part.by(t, r, map[string]any{"name": "PAYOUT_PHRASE", "purpose": part.purpose}))
		})
	}
	t.Run("other sites", func(t *testing.T) { pageAndOtherSites(b.of(t), r) })
	t.Run("not in time", func(t *testing.T) { ends(b.of(t)) })
}

// pageWithPasskey has the authenticator fail to make sure of who holds it, and
// then does not.
func pageWithPasskey(b *browser, v *visit) {
	opened := b.open("person", v.page)
	takePictures(b, "person")
	does[struct{}](b, act{Do: "verified", Tab: "person"})
	b.press("person", withPasskey, "The passkey did not answer. Nothing was approved")
	v.waits()
	does[struct{}](b, act{Do: "verified", Tab: "person", Is: true})
	if yes := b.click("person", withPasskey); yes.URL != v.origin()+"/approved" || yes.Title != "Approved – scrim" {
		b.Errorf("after the passkey: %+v", yes)
	}
	for _, complaint := range opened.Complaints {
		b.Errorf("the browser complains: %s", complaint)
	}
	v.ends("approved", "asked shown approved/passkey granted/passkey")
}

// takePictures takes those of the documentation, where they are asked for.
func takePictures(b *browser, tab string) {
	b.Helper()
	if *pictures == "" {
		return
	}
	for name, dark := range map[string]bool{"approval-page-dark.png": true, "approval-page.png": false} {
		does[struct{}](b, act{Do: "picture", Tab: tab, File: filepath.Join(*pictures, name), Dark: dark})
	}
	does[struct{}](b, act{Do: "picture", Tab: tab, File: filepath.Join(b.TempDir(), "light.png")}) // as it was
}

// pageWithPIN types a wrong PIN, then the right one. A second tab, and a second
// look, are told that it is over.
func pageWithPIN(b *browser, v *visit) {
	first, second := b.open("first", v.page), b.open("second", v.page)
	for _, want := range []string{
		"An agent asks for a secret", "PAYOUT_PHRASE", "prod:/alpha/vault", "alpha", "into the agent's conversation",
		"In the agent’s own words", "typescript-sdk 1", "pay <b>the people</b>", "Open until",
	} {
		if !strings.Contains(first.Text, want) {
			b.Errorf("no %q in %q", want, first.Text)
		}
	}
	if i := slices.IndexFunc(first.Requests, func(u string) bool { return !strings.HasPrefix(u, v.origin()+"/") }); i >= 0 {
		b.Errorf("it asks for %s", first.Requests[i])
	}
	b.readable("first")

	b.types("first", wrongPIN)
	wrong := b.click("first", withPIN)
	if wrong.Status != http.StatusOK || wrong.URL != v.page || wrong.Focus != "pin" || !strings.HasPrefix(wrong.Title, "Not approved") ||
		!strings.Contains(wrong.Text, "That is not the PIN. 9 more tries are left") {
		b.Errorf("after a wrong PIN: %+v", wrong)
	}
	b.readable("first")
	v.waits()
	b.types("first", enrolledPIN)
	if yes := b.click("first", withPIN); yes.URL != v.origin()+"/approved" {
		b.Errorf("after the PIN: %+v", yes)
	}
	b.types("second", enrolledPIN)
	late, again := b.click("second", withPIN), b.open("first", v.page)
	if !late.over() || !again.over() || second.over() {
		b.Errorf("a second time: %+v, then %+v", late, again)
	}
	for _, complaint := range second.Complaints {
		b.Errorf("the browser complains: %s", complaint)
	}
	v.ends("approved", "asked shown refused approved/pin granted/pin")
}

// pageWithoutJavaScript has a narrow, dark screen, no script, and keys alone.
func pageWithoutJavaScript(b *browser, v *visit) {
	off := false
	opened := does[seen](b, act{Do: "open", Tab: "plain", URL: v.page, JavaScript: &off, Dark: true, Width: 320})
	if opened.Overflow > 0 {
		b.Errorf("%d pixels do not fit on a screen of 320", opened.Overflow)
	}
	for _, want := range []string{"minutes left", "A passkey needs JavaScript, which is off here. The PIN does not."} {
		if !strings.Contains(opened.Text, want) {
			b.Errorf("no %q in %q", want, opened.Text)
		}
	}
	b.readable("plain")
	order := does[struct{ Focus []string }](b, act{Do: "keys", Tab: "plain", Keys: []string{"Tab", "Tab", "Tab", "Shift+Tab", "Shift+Tab"}}).Focus
	if want := []string{"pin", withPIN, "Deny", withPIN, "pin"}; !slices.Equal(order, want) {
		b.Errorf("the focus goes %v, not %v", order, want)
	}
	b.types("plain", enrolledPIN)
	v.waits()
	if yes := does[seen](b, act{Do: "enter", Tab: "plain"}); yes.URL != v.origin()+"/approved" {
		b.Errorf("after Enter: %+v", yes)
	}
	v.ends("approved", "asked shown approved/pin granted/pin")
}

// pageDenies takes one click, with nothing typed.
func pageDenies(b *browser, v *visit) {
	b.open("no", v.page)
	v.waits()
	if no := b.click("no", "Deny"); no.URL != v.origin()+"/denied" || no.Title != "Denied – scrim" {
		b.Errorf("after a no: %+v", no)
	}
	if again := b.open("no", v.page); !again.over() {
		b.Errorf("once more: %+v", again)
	}
	v.ends("denied", "asked shown denied")
}

// pageAndOtherSites: a name that leads here, and another site's form, change
// nothing.
func pageAndOtherSites(b *browser, r rig) {
	r.env = append(slices.Clone(r.env), overSSH)
	w := open(b.T, r, legacy, nil)
	told, at := w.told("PAYOUT_PHRASE")
	rebound := b.open("rebound", strings.Replace(at, "localhost", "rebound.example", 1))
	if rebound.Status != http.StatusMisdirectedRequest || strings.Contains(rebound.Text, "PAYOUT_PHRASE") {
		b.Errorf("a name that was made to lead here: %+v", rebound)
	}
	foreign := does[seen](b, act{Do: "foreign", Tab: "foreign", HTML: fmt.Sprintf(`<!doctype html><form method="post" action=%q><input name="do" value="deny"></form>`, at)})
	if foreign.Status != http.StatusForbidden {
		b.Errorf("a form of another site: %+v", foreign)
	}
	if got := r.trail(b.T, told.RequestID); got != "asked" {
		b.Errorf("the trail is %q", got)
	}
	w.end(nothing)
}

// anybody is a person who proves themselves with whatever they type.
type anybody struct{}

func (anybody) Enrolled() bool   { return true }
func (anybody) Required() bool   { return true }
func (anybody) HasPIN() bool     { return true }
func (anybody) HasPasskey() bool { return false }

func (anybody) Challenge([sha256.Size]byte, string) ([]byte, error) {
	return nil, approval.ErrNotProved
}

func (anybody) Verify(context.Context, [sha256.Size]byte, approval.Proof) (string, error) {
	return "pin", nil
}

// pageThatEnds opens the page of a question that is open for seconds, which those of
// a server never are. The returned function looks what became of it: it is over, by
// itself, and takes no yes.
func pageThatEnds(b *browser) func(*browser) {
	b.Helper()
	scope := secret.Scope{Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "prod", Stated: true, Path: "/alpha", VaultPath: "/alpha/vault"}
	gate := approval.NewGate(approval.Options{
		Policy: policy.ForScope(scope), Audit: audit.New(filepath.Join(b.TempDir(), "scrim", "audit.jsonl")), Verifier: anybody{},
		Mask: strings.Clone, DeskTTL: 15 * time.Second,
	})
	ref, err := secret.ParseRef("prod", "/alpha/vault", "PAYOUT_PHRASE")
	if err != nil {
		b.Fatal(err)
	}
	request := approval.Request{Scope: scope, Refs: []secret.Ref{ref}, Delivery: policy.DeliverValue, Purpose: "pay"}
	_, question, err := gate.Admit(b.Context(), request, approval.Answer{})
	if err != nil {
		b.Fatal(err)
	}
	address, err := page.New(b.Context(), gate, anybody{}).Address(question.ID)
	if err != nil {
		b.Fatal(err)
	}
	if opened := b.open("late", address); !strings.Contains(opened.Text, "0:") || opened.over() {
		b.Errorf("no time is left: %+v", opened)
	}
	return func(b *browser) {
		does[seen](b, act{Do: "until", Tab: "late", Text: "it is over"})
		b.types("late", enrolledPIN)
		<-question.Done
		yes, again := b.click("late", withPIN), b.open("late", address)
		if !yes.over() || !again.over() {
			b.Errorf("a late yes: %+v, then %+v", yes, again)
		}
		if _, _, err := gate.Admit(b.Context(), request, approval.Answer{ID: question.ID}); !errors.Is(err, approval.ErrExpired) {
			b.Errorf("what was not answered in time ends as %v", err)
		}
	}
}
