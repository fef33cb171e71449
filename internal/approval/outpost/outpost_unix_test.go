//go:build linux || darwin

package outpost_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/approval"
	"scrim/internal/approval/outpost"
	"scrim/internal/audit"
	"scrim/internal/secret"
	"scrim/policy"
)

// rightPIN is what the other user has.
const rightPIN = "made-up-pin-4711"

// theirUID is that user's.
const theirUID = 4711

// other is the other user as a Verifier.
type other struct{}

func (other) Enrolled() bool { return true }
func (other) Required() bool { return true }

func (other) Verify(_ context.Context, _ [sha256.Size]byte, proof approval.Proof) (string, error) {
	if string(proof.PIN) != rightPIN {
		return "", errors.New("it is another PIN")
	}
	return "pin", nil
}

// side is the process that asks: a gate of production.
type side struct {
	*testing.T
	ctx    context.Context
	gate   *approval.Gate
	client *outpost.Client
	trail  *audit.Log
}

func newSide(t *testing.T, path string) *side {
	t.Helper()
	log := audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl"))
	client := outpost.New(path, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	gate := approval.NewGate(approval.Options{
		Policy: policy.ForScope(scope()), Audit: log, Mask: func(s string) string { return s }, Verifier: client, Moved: client.Nudge,
	})
	attended := make(chan struct{})
	go func() { defer close(attended); client.Attend(ctx, gate) }()
	t.Cleanup(func() { stop(); <-attended })
	return &side{t, ctx, gate, client, log}
}

func scope() secret.Scope {
	return secret.Scope{
		Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "prod", Stated: true,
		Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
}

func (s *side) request(name string) approval.Request {
	s.Helper()
	ref, err := secret.ParseRef("prod", "/alpha/vault", name)
	if err != nil {
		s.Fatal(err)
	}
	return approval.Request{
		Scope: scope(), Refs: []secret.Ref{ref}, Delivery: policy.DeliverValue, Purpose: "restore\nlast night's dump", Agent: "client 1.0",
	}
}

// asks puts a question over a connection to a process that is believed to be the
// other user's.
func (s *side) asks(name string, over net.Conn) *approval.Question {
	s.Helper()
	s.client.Join(over, theirUID)
	_, q, err := s.gate.Admit(s.ctx, s.request(name), approval.Answer{})
	if err != nil || !q.AtDesk {
		s.Fatalf("%+v, %v", q, err)
	}
	return q
}

// outcome waits for what comes of q, which is about TOKEN.
func (s *side) outcome(q *approval.Question) error {
	s.Helper()
	select {
	case <-q.Done:
	case <-time.After(time.Minute):
		s.Fatal("no answer came")
	}
	grant, _, err := s.gate.Admit(s.ctx, s.request("TOKEN"), approval.Answer{ID: q.ID})
	if err == nil {
		_, err = grant.Redeem()
	}
	return err
}

// kinds returns what is on a trail, with the factor of what has one.
func kinds(t *testing.T, log *audit.Log) string {
	t.Helper()
	f, err := os.Open(log.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var all []string
	for record, err := range audit.Read(f) {
		if err != nil {
			t.Fatal(err)
		}
		word := string(record.Kind)
		if record.Factor != "" {
			word += "(" + record.Strength + " by " + record.Factor + ")"
		}
		all = append(all, word)
	}
	return strings.Join(all, " ")
}

// post is the other user's process.
type post struct {
	*outpost.Server
	path  string
	trail *audit.Log
	end   func()
}

func newPost(t *testing.T) post {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "v.sock") // a socket's path is short
	trail := audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl"))
	server, end, err := outpost.Serve(t.Context(), path, outpost.Options{From: []int{os.Getuid()}, Verifier: other{}, Audit: trail, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return post{server, path, trail, end}
}

// dial returns a connection to a server that has said that it hears.
func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c := call(t, path)
	hello := make([]byte, len(helloLine))
	if _, err := io.ReadFull(c, hello); err != nil || string(hello) != helloLine {
		t.Fatalf("the first word is %q, %v", hello, err)
	}
	return c
}

const helloLine = `{"hello":true}` + "\n"

func call(t *testing.T, path string) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// sees waits until the person has n questions before them.
func (p post) sees(t *testing.T, n int) []approval.Waiting {
	t.Helper()
	for range 1000 {
		if all := p.Waiting(); len(all) == n {
			return all
		}
		time.Sleep(10 * time.Millisecond) // the question is on its way
	}
	t.Fatalf("%d questions, not %d", len(p.Waiting()), n)
	return nil
}

// TestYesOfAnotherUser: a question goes to the other user with who asks, a wrong
// PIN leaves it open, the right one is a yes, once; both trails have it.
func TestYesOfAnotherUser(t *testing.T) {
	t.Parallel()
	s, p := newSide(t, "/nowhere"), newPost(t)
	q := s.asks("TOKEN", dial(t, p.path))
	shown := p.sees(t, 1)[0]
	me := fmt.Sprintf("uid %d)", os.Getuid())
	if shown.ID != q.ID || shown.Digest != s.request("TOKEN").Digest() || !strings.Contains(shown.Agent, me) || shown.Names[0] != "prod:/alpha/vault/TOKEN" {
		t.Errorf("%+v", shown)
	}
	who := fmt.Sprintf("user %s, process %d", nameOfMe(t), os.Getpid())
	want := "Asked by " + who + ".\nNothing of what it says is checked here.\n\n" + q.Text + "\n\nA yes goes to " + who + ", and to nothing else.\n"
	if diff := cmp.Diff(want, shown.Text); diff != "" || !strings.Contains(q.Text, "\n| why: ") {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte("made-up-pin-4712")}); !errors.Is(err, approval.ErrNotProved) {
		t.Errorf("a wrong PIN: %v", err)
	}
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); err != nil {
		t.Fatal(err)
	}
	if err := s.outcome(q); err != nil {
		t.Errorf("a yes: %v", err)
	}
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("the same again: %v", err)
	}
	if err := s.outcome(q); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("picked up twice: %v", err)
	}
	by := fmt.Sprintf("(verified by pin of uid %d)", theirUID)
	if got, want := kinds(t, s.trail), "asked approved"+by+" granted"+by+" refused"; got != want {
		t.Errorf("the trail here: %q, not %q", got, want)
	}
	if got, want := kinds(t, p.trail), "asked refused approved(verified by pin)"; got != want {
		t.Errorf("the trail there: %q, not %q", got, want)
	}
}

func nameOfMe(t *testing.T) string {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (uid %s)", me.Username, me.Uid)
}

// TestNoOfAnotherUser: a no needs no proof, and a question that is over here is
// gone there.
func TestNoOfAnotherUser(t *testing.T) {
	t.Parallel()
	s, p := newSide(t, "/nowhere"), newPost(t)
	q := s.asks("TOKEN", dial(t, p.path))
	p.sees(t, 1)
	if err := p.Dismiss(q.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.outcome(q); !errors.Is(err, approval.ErrDenied) {
		t.Errorf("a no: %v", err)
	}
	q = s.asks("OTHER", dial(t, p.path))
	p.sees(t, 1)
	s.gate.Withdraw(q.ID)
	p.sees(t, 0)
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); !errors.Is(err, approval.ErrBadAnswer) {
		t.Errorf("after it was withdrawn: %v", err)
	}
	if got, want := kinds(t, p.trail), "asked denied asked withdrawn"; got != want {
		t.Errorf("the trail there: %q, not %q", got, want)
	}
}

// TestNothingOfThisUserProves: no PIN, no passkey and no made-up ticket is a yes
// where another user's is needed.
func TestNothingOfThisUserProves(t *testing.T) {
	t.Parallel()
	s, p := newSide(t, "/nowhere"), newPost(t)
	q := s.asks("TOKEN", dial(t, p.path))
	p.sees(t, 1)
	for _, proof := range []approval.Proof{
		{}, {PIN: []byte(rightPIN)}, {Assertion: []byte("{}")}, {Ticket: "made-up"}, {Ticket: q.ID}, {PIN: []byte(rightPIN), Ticket: "made-up"},
	} {
		if err := s.gate.Prove(s.ctx, q.ID, proof); !errors.Is(err, approval.ErrNotProved) {
			t.Errorf("%+v proves it: %v", proof, err)
		}
	}
	if _, _, err := s.gate.Admit(s.ctx, s.request("TOKEN"), approval.Answer{ID: q.ID, Choice: approval.Approve}); err == nil {
		t.Error("the client's yes counts")
	}
	if strings.Contains(kinds(t, s.trail), "approved") {
		t.Errorf("the trail: %q", kinds(t, s.trail))
	}
}

// wireAsk is a question as it goes over the socket.
type wireAsk struct {
	Ask struct{ Nonce, ID, Digest string } `json:"ask"`
}

// TestForgedAnswers plays a verifier that is believed and says what it should not:
// yes to nothing that was asked, to another request, without a factor, twice.
func TestForgedAnswers(t *testing.T) {
	t.Parallel()
	s := newSide(t, "/nowhere")
	here, there := net.Pipe()
	lines := bufio.NewScanner(there)
	asked := func() wireAsk {
		t.Helper()
		var a wireAsk
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &a) != nil || a.Ask.Nonce == "" {
			t.Fatalf("no question: %q, %v", lines.Text(), lines.Err())
		}
		return a
	}
	says := func(nonce, digest, factor string) {
		t.Helper()
		if _, err := fmt.Fprintf(there, `{"answer":{"nonce":%q,"digest":%q,"yes":true,"factor":%q}}`+"\n", nonce, digest, factor); err != nil {
			t.Fatal(err)
		}
	}
	q := s.asks("TOKEN", here)
	first := asked()
	says("made-up", first.Ask.Digest, "pin")
	says(q.ID, first.Ask.Digest, "pin")
	for _, line := range []string{"", "[]", `{"answer":null}`, `{"withdraw":"x","answer":{"nonce":"` + first.Ask.Nonce + `","yes":true}}`} {
		_, _ = io.WriteString(there, line+"\n")
	}
	says(first.Ask.Nonce, strings.Repeat("0", 64), "pin")
	second := asked() // the question stands, under another nonce
	if second.Ask.Nonce == first.Ask.Nonce || second.Ask.ID != q.ID {
		t.Errorf("asked again as %+v after %+v", second, first)
	}
	says(first.Ask.Nonce, first.Ask.Digest, "pin") // replayed
	says(second.Ask.Nonce, second.Ask.Digest, "")
	third := asked()
	says(third.Ask.Nonce, "none", "pin")
	fourth := asked()
	if strings.Contains(kinds(t, s.trail), "approved") {
		t.Errorf("the trail: %q", kinds(t, s.trail))
	}
	says(fourth.Ask.Nonce, fourth.Ask.Digest, "pin")
	if err := s.outcome(q); err != nil {
		t.Errorf("a yes: %v", err)
	}
	if got := kinds(t, s.trail); strings.Count(got, "refused") != 3 {
		t.Errorf("the trail: %q", got)
	}
}

// TestVerifierEnds: whose process ends in between has said nothing. The question
// waits on, new ones are not asked, and nothing falls back to the client.
func TestVerifierEnds(t *testing.T) {
	t.Parallel()
	s, p := newSide(t, "/nowhere"), newPost(t)
	q := s.asks("TOKEN", dial(t, p.path))
	p.sees(t, 1)
	p.end()
	p.sees(t, 0)
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); err == nil {
		t.Error("a yes to who is not there any more")
	}
	for range 1000 { // until it is known here
		if s.client.Away() != nil {
			break
		}
		time.Sleep(10 * time.Millisecond) // the connection notices in its own time
	}
	if _, _, err := s.gate.Admit(s.ctx, s.request("OTHER"), approval.Answer{}); !errors.Is(err, approval.ErrUnavailable) || !errors.Is(err, approval.ErrAway) {
		t.Errorf("another request: %v", err)
	}
	if _, waits, err := s.gate.Admit(s.ctx, s.request("TOKEN"), approval.Answer{ID: q.ID}); err != nil || waits == nil || !waits.AtDesk {
		t.Errorf("the first request: %+v, %v", waits, err)
	}
	again := newPost(t)
	s.client.Join(dial(t, again.path), theirUID)
	s.client.Nudge()
	again.sees(t, 1)
	if err := again.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); err != nil {
		t.Error(err)
	}
	if err := s.outcome(q); err != nil {
		t.Errorf("a yes of the next process: %v", err)
	}
}

// TestNoYesOffTheRecord: what cannot be recorded there is no yes.
func TestNoYesOffTheRecord(t *testing.T) {
	t.Parallel()
	s, p := newSide(t, "/nowhere"), newPost(t)
	q := s.asks("TOKEN", dial(t, p.path))
	p.sees(t, 1)
	if err := os.Chmod(filepath.Dir(p.trail.Path()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Prove(t.Context(), q.ID, approval.Proof{PIN: []byte(rightPIN)}); !errors.Is(err, approval.ErrUnrecorded) {
		t.Errorf("got %v", err)
	}
	if err := s.outcome(q); !errors.Is(err, approval.ErrDenied) {
		t.Errorf("got %v", err)
	}
}

// TestOwnSocketIsNotBelieved: a verifier of this very user is none, wherever it
// comes from.
func TestOwnSocketIsNotBelieved(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(p.path, link); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		p.path: "is this user's own", link: "is this user's own", file: "is no socket", "/nowhere/verifier.sock": "no such file",
	} {
		s := newSide(t, path)
		if err := s.client.Away(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if _, _, err := s.gate.Admit(s.ctx, s.request("TOKEN"), approval.Answer{}); !errors.Is(err, approval.ErrAway) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if p.Waiting() != nil {
		t.Error("it was asked")
	}
	for uid, owner := range map[int]int{os.Getuid(): os.Getuid(), 4711: 4712} {
		if err := outpost.CheckPeer(owner, uid); err == nil {
			t.Errorf("a process of %d behind a socket of %d is believed", uid, owner)
		}
	}
}

// TestVisitorsAreBounded: who asks too much, too long or what is no question is
// not shown.
func TestVisitorsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	c := dial(t, p.path)
	for n := range 17 {
		says(t, c, asked(n, func(map[string]any) {}))
	}
	waiting := p.sees(t, 16)
	if left := time.Until(waiting[0].Expires); left > 15*time.Minute {
		t.Errorf("one waits for %v", left)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if line, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(line, `"refused":{"nonce":"n16"`) {
		t.Errorf("the seventeenth: %q, %v", line, err)
	}
	_ = c.Close()
	p.sees(t, 0)

	for name, text := range map[string]string{
		"too long":    strings.Repeat("x", 1<<17),
		"no question": "{}\n",
		"no JSON":     "x\n",
		"an answer":   `{"answer":{"nonce":"n","yes":true}}` + "\n",
		"a flood":     strings.Repeat(`{"withdraw":"n"}`+"\n", 200),
	} {
		c := dial(t, p.path)
		_, _ = io.WriteString(c, text)
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: it is heard on", name)
		}
	}
	p.sees(t, 0)
}

// asked is a question as a process may send it, changed. Its facts are a map too.
func asked(n int, change func(ask map[string]any)) map[string]any {
	ask := map[string]any{
		"nonce": fmt.Sprint("n", n), "id": fmt.Sprintf("abcdefgh%02d", n), "digest": strings.Repeat("0", 64), "agent": "client", "expires": "2999-01-01T00:00:00Z",
		"facts": map[string]any{
			"Project": "alpha", "Environment": "prod", "Secrets": []map[string]any{{"Name": "TOKEN", "Environment": "prod", "Path": "/alpha/vault"}},
			"Way": "value", "FileTTL": time.Minute, "YesTTL": time.Minute, "Patience": time.Minute, "Purpose": "deploy",
		},
	}
	change(ask)
	return map[string]any{"ask": ask}
}

// run makes a question one about a command.
func run(ask map[string]any, word string) {
	facts := ask["facts"].(map[string]any)
	facts["Way"], facts["Command"], facts["Dir"], facts["Program"] = "run", []string{"sh", word}, "/srv", "/bin/sh"
	facts["ProgramSHA256"] = strings.Repeat("0", 64)
}

func says(t *testing.T, c net.Conn, m map[string]any) {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(append(b, '\n'))
}

// TestQuestionsAreChecked: a question whose facts scrim could not have is not shown.
func TestQuestionsAreChecked(t *testing.T) {
	t.Parallel()
	place := func(name, environment, path string) []map[string]any {
		return []map[string]any{{"Name": name, "Environment": environment, "Path": path}}
	}
	facts := func(field string, value any) func(map[string]any) {
		return func(ask map[string]any) { ask["facts"].(map[string]any)[field] = value }
	}
	field := func(name string, value any) func(map[string]any) {
		return func(ask map[string]any) { ask[name] = value }
	}
	command := func(word string) func(map[string]any) { return func(ask map[string]any) { run(ask, word) } }
	p := newPost(t)
	c := dial(t, p.path)
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	answers := bufio.NewReader(c)
	n := 0
	for name, change := range map[string]func(map[string]any){
		"nonce": field("nonce", strings.Repeat("n", 65)), "id": field("id", "../../etc"), "digest": field("digest", "00"), "expires": field("expires", "2001-01-01T00:00:00Z"),
		"nothing": facts("Secrets", nil), "many": facts("Secrets", make([]map[string]any, 65)),
		"name": facts("Secrets", place("A\nB", "prod", "/a")), "environment": facts("Secrets", place("A", "prod x", "/a")), "path": facts("Secrets", place("A", "prod", "/a b")),
		"way": facts("Way", "value, which is harmless"), "no way": facts("Way", ""),
		"for ever": facts("YesTTL", 24*time.Hour), "at once": facts("Patience", -1), "file for ever": facts("FileTTL", 24*time.Hour),
		"run of nothing": facts("Way", "run"), "escape": command("\x1b[2J"), "hidden": command("a\u200bb"), "wide": command("a  b"), "other line": command("a\nb"),
		"too long": command(strings.Repeat("x", 31_000)),
	} {
		n++
		says(t, c, asked(n, change))
		if said, err := answers.ReadString('\n'); err != nil || !strings.Contains(said, "refused") || !strings.Contains(said, "no question as scrim asks them") {
			t.Errorf("%s: %q, %v", name, said, err)
		}
		if got := p.Waiting(); got != nil {
			t.Fatalf("%s is shown: %+v", name, got)
		}
	}
	says(t, c, asked(98, func(ask map[string]any) { run(ask, `a\\b\x20`) }))
	says(t, c, asked(99, func(map[string]any) {}))
	p.sees(t, 2)
}

// TestVisitorsWordsStayBehindTheBar: whatever a process says, on a terminal of 80
// columns nothing of it stands where there is no bar, or changes what does.
func TestVisitorsWordsStayBehindTheBar(t *testing.T) {
	t.Parallel()
	own := func(text string) (lines []string) {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "| ") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	p := newPost(t)
	c := dial(t, p.path)
	var plain []string
	for n, words := range []string{
		"one line",
		"padding" + strings.Repeat(" ", 200) + "A yes goes to nobody",
		"wide" + strings.Repeat("\u3000\u2800\u3164\u00a0", 100) + "A yes goes to nobody",
		strings.Repeat("w", 4000) + "\nA yes goes to nobody",
		strings.Repeat("\u65e5", 2000),
		"a\rA yes\x1b[2J\x1b[H\x1b]0;t\a\u202eabc\u2066\u2028A yes\u2029A yes\u0085A yes\vx\fy\x9b31m\x00",
		"Z" + strings.Repeat("\u0301\u0489", 500),
		"x\U000e0041\ufe0f\u200b\u034f\u115f",
		strings.Repeat("\n", 300),
		"",
	} {
		says(t, c, asked(n, func(ask map[string]any) {
			ask["agent"], ask["facts"].(map[string]any)["Purpose"] = words, words
			ask["facts"].(map[string]any)["Warning"], ask["facts"].(map[string]any)["Delivery"] = words, words
		}))
		all := p.sees(t, 1+n)
		text := all[n].Text
		if n == 0 {
			plain = own(text)
		}
		if got := own(text); strings.Join(got, "") != strings.Join(plain, "") {
			t.Errorf("%.40q: the lines without a bar are %q", words, got)
		}
		wantFits(t, text)
		if strings.ContainsFunc(all[n].Agent, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("who asks is shown as %q", all[n].Agent)
		}
	}
}

// wantFits checks that text is lines of a terminal of 80 columns, and all of it
// seen.
func wantFits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		columns := 0
		for _, r := range line {
			if columns++; r >= 0x1100 {
				columns++
			}
			if r != ' ' && (!unicode.IsPrint(r) || unicode.In(r, unicode.Me, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)) {
				t.Fatalf("%U is shown", r)
			}
		}
		if columns > 79 {
			t.Errorf("a line of %d columns: %q", columns, line)
		}
	}
}

// TestQuestionsTogetherAreBounded: a user's questions hide nobody else's by being
// more than a terminal's list can carry.
func TestQuestionsTogetherAreBounded(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	c := dial(t, p.path)
	refused := bufio.NewReader(c)
	for n := range 16 {
		says(t, c, asked(n, func(ask map[string]any) { run(ask, strings.Repeat("\"", 29_000)) }))
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	if line, err := refused.ReadString('\n'); err != nil || !strings.Contains(line, "too many questions wait") {
		t.Errorf("%q, %v", line, err)
	}
	list, err := json.Marshal(p.Waiting())
	if err != nil || len(list) < 1<<19 || len(list) > 1<<20+1<<10 {
		t.Errorf("the list has %d bytes, %v", len(list), err)
	}
}

// TestWhoMayNotAsk: a user that the person does not name is told so, and puts
// nothing before them; without a name nobody may ask.
func TestWhoMayNotAsk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "v.sock")
	for _, from := range [][]int{nil, {os.Getuid() + 1}} {
		s, end, err := outpost.Serve(t.Context(), path, outpost.Options{
			From: from, Verifier: other{}, Audit: audit.New(filepath.Join(dir, "scrim", "audit.jsonl")), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := outpost.Greeted(call(t, path)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("--from %d", os.Getuid())) {
			t.Errorf("from %v: %v", from, err)
		}
		if s.Waiting() != nil {
			t.Error("it asks all the same")
		}
		end()
	}
}

// TestWhatDoesNotGreet: a process that hangs, or is another program, is not asked.
func TestWhatDoesNotGreet(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"":                       "says nothing",
		"SSH-2.0-made-up\n":      "no scrim approvals --serve",
		`{"hello":false}` + "\n": "no scrim approvals --serve",
		`{"answer":{"nonce":"n","yes":true}}` + "\n":    "no scrim approvals --serve",
		`{"hello":true,"more":1}` + "\n":                "no scrim approvals --serve",
		`{"hello":true}{"hello":true}` + "\n":           "no scrim approvals --serve",
		`{"refused":{"why":"\u001b[2Jnot you"}}` + "\n": `"\x1b[2Jnot you"`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			here, there := net.Pipe()
			go func() { _, _ = io.WriteString(there, said) }()
			if err := outpost.Greeted(here); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", said, err)
			}
		})
	}
}

// TestServeInAFolderOfOnesOwn: nobody else can put a socket in its place, and what
// is there and no socket stays.
func TestServeInAFolderOfOnesOwn(t *testing.T) {
	t.Parallel()
	serve := func(path string) error {
		_, end, err := outpost.Serve(t.Context(), path, outpost.Options{From: []int{os.Getuid()}, Verifier: other{}, Audit: audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl")), Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			end()
		}
		return err
	}
	p := newPost(t)
	if err := serve(p.path); err == nil || !strings.Contains(err.Error(), "another process serves") {
		t.Errorf("a second one: %v", err)
	}
	file := filepath.Join(filepath.Dir(p.path), "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := serve(file); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file: %v", err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("the file is gone")
	}
	if err := os.Chmod(filepath.Dir(p.path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := serve(filepath.Join(filepath.Dir(p.path), "x.sock")); err == nil || !strings.Contains(err.Error(), "others may write to") {
		t.Errorf("an open folder: %v", err)
	}
	if err := serve("/nowhere/verifier.sock"); err == nil {
		t.Error("a folder that is not there")
	}
}
