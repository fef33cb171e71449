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
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	server, end, err := outpost.Serve(t.Context(), path, outpost.Options{Verifier: other{}, Audit: trail, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return post{server, path, trail, end}
}

func dial(t *testing.T, path string) net.Conn {
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
	if shown.ID != q.ID || shown.Digest != s.request("TOKEN").Digest() || !strings.HasPrefix(shown.Text, "asked by user ") || !strings.Contains(shown.Text, me) ||
		!strings.Contains(shown.Text, "\n| ") || !strings.Contains(shown.Agent, me) || shown.Names[0] != "prod:/alpha/vault/TOKEN" {
		t.Errorf("%+v", shown)
	}
	for line := range strings.Lines(shown.Text[strings.Index(shown.Text, "\n\n")+2:]) {
		if !strings.HasPrefix(line, "| ") {
			t.Errorf("%q stands before the bar", line)
		}
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
		time.Sleep(10 * time.Millisecond)
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
		if err := outpost.CheckPeer("path", owner, uid); err == nil {
			t.Errorf("a process of %d behind a socket of %d is believed", uid, owner)
		}
	}
}

// TestVisitorsAreBounded: who asks too much, too long or what is no question is
// not shown.
func TestVisitorsAreBounded(t *testing.T) {
	t.Parallel()
	p := newPost(t)
	question := func(n int, more string) string {
		return fmt.Sprintf(`{"ask":{"nonce":"n%d","id":"abcdefgh%02d","digest":%q,"text":"x","names":["prod:/a/N"],"delivery":"value","agent":"a","expires":"2999-01-01T00:00:00Z"%s}}`+"\n", n, n, strings.Repeat("0", 64), more)
	}
	c := dial(t, p.path)
	for n := range 17 {
		_, _ = io.WriteString(c, question(n, ""))
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

// TestQuestionsAreChecked: no field of a question passes as it is.
func TestQuestionsAreChecked(t *testing.T) {
	t.Parallel()
	good := map[string]any{
		"nonce": "n", "id": "abcdefghij", "digest": strings.Repeat("0", 64), "text": "one\x1b[2Jtwo\nasked by user root", "names": []string{"prod:/a/N\x1b[1m"},
		"delivery": "value", "agent": "a\nb", "expires": "2999-01-01T00:00:00Z",
	}
	for field, bad := range map[string]any{
		"nonce": strings.Repeat("n", 65), "id": "../../etc", "digest": "00", "text": strings.Repeat("x", 50<<10), "names": []string{},
		"delivery": "anything", "expires": "2001-01-01T00:00:00Z",
	} {
		p := newPost(t)
		c := dial(t, p.path)
		line := maps.Clone(good)
		line[field] = bad
		b, err := json.Marshal(map[string]any{"ask": line})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Write(append(b, '\n'))
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		if said, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(said, "refused") {
			t.Errorf("%s: %q, %v", field, said, err)
		}
		if got := p.Waiting(); got != nil {
			t.Errorf("%s is shown: %+v", field, got)
		}
	}
	p := newPost(t)
	b, err := json.Marshal(map[string]any{"ask": good})
	if err != nil {
		t.Fatal(err)
	}
	_, _ = dial(t, p.path).Write(append(b, '\n'))
	shown := p.sees(t, 1)[0]
	if strings.ContainsAny(shown.Text+shown.Names[0]+shown.Agent, "\x1b") || !strings.Contains(shown.Text, "\n| asked by user root") || strings.Contains(shown.Agent, "\n") {
		t.Errorf("%+v", shown)
	}
}

// TestServeInAFolderOfOnesOwn: nobody else can put a socket in its place, and what
// is there and no socket stays.
func TestServeInAFolderOfOnesOwn(t *testing.T) {
	t.Parallel()
	serve := func(path string) error {
		_, end, err := outpost.Serve(t.Context(), path, outpost.Options{Verifier: other{}, Audit: audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl")), Log: slog.New(slog.DiscardHandler)})
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
