//go:build linux || darwin

package desk_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"scrim/internal/approval"
	"scrim/internal/approval/desk"
	"scrim/internal/audit"
	"scrim/internal/rundir"
	"scrim/internal/secret"
	"scrim/policy"
)

const rightPIN = "made-up-pin-4711"

// person has a PIN that is looked at until the test says so.
type person struct{ begun, look chan struct{} }

func (*person) Enrolled() bool { return true }

func (*person) Required() bool { return true }

func (p *person) Verify(ctx context.Context, _ [sha256.Size]byte, proof approval.Proof) (string, error) {
	p.begun <- struct{}{}
	select {
	case <-p.look:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if string(proof.PIN) != rightPIN {
		return "", errors.New("it is another PIN")
	}
	return "pin", nil
}

// open serves the desk of a gate with one question, whose id it returns.
func open(t *testing.T, p *person) (trail *audit.Log, id string) {
	t.Helper()
	trail = audit.New(filepath.Join(t.TempDir(), "scrim", "audit.jsonl"))
	scope := secret.Scope{
		Site: "https://store.example", ProjectID: "p-1", Project: "alpha", Environment: "prod", Stated: true,
		Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
	gate := approval.NewGate(approval.Options{
		Policy: policy.ForScope(scope), Audit: trail, Verifier: p, Mask: func(s string) string { return s },
	})
	ref, err := secret.ParseRef("prod", "/alpha/vault", "TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	_, question, err := gate.Admit(t.Context(), approval.Request{
		Scope: scope, Refs: []secret.Ref{ref}, Delivery: policy.DeliverValue, Purpose: "deploy", Agent: "client 1.0",
	}, approval.Answer{})
	if err != nil {
		t.Fatal(err)
	}
	end, err := desk.Serve(t.Context(), gate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return trail, question.ID
}

// TestYesIsTakenBack: who leaves while their PIN is looked at, as with Ctrl-C, has
// not said yes; the question waits on, and the next yes counts.
func TestYesIsTakenBack(t *testing.T) {
	p := &person{begun: make(chan struct{}), look: make(chan struct{})}
	trail, id := open(t, p)
	question, err := desk.Find(t.Context(), strings.ToUpper(id[:6]))
	if err != nil || question.ID != id {
		t.Fatalf("found %+v, %v", question, err)
	}
	prove := func(ctx context.Context) chan error {
		ended := make(chan error)
		go func() { ended <- question.At.Prove(ctx, id, []byte(rightPIN)) }()
		<-p.begun
		return ended
	}
	ctx, leave := context.WithCancel(t.Context())
	left := prove(ctx)
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves is told %v", err)
	}
	for start := time.Now(); last(t, trail).Kind != audit.Refused; time.Sleep(time.Millisecond) { // the desk hears of it in its own time
		if time.Since(start) > 20*time.Second {
			t.Fatal("the server does not hear that they left")
		}
	}
	if why := last(t, trail).Reason; !strings.Contains(why, "left") {
		t.Errorf("on record as %q", why)
	}
	stays := prove(t.Context())
	p.look <- struct{}{}
	if err := <-stays; err != nil {
		t.Error(err)
	}
	if last(t, trail).Kind != audit.Approved {
		t.Error("the yes is not on record")
	}
}

// TestDesksThatHang: processes that listen and say nothing keep nobody from a
// question elsewhere.
func TestDesksThatHang(t *testing.T) {
	_, id := open(t, &person{})
	dir, err := rundir.Make()
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		path := filepath.Join(dir, "desk-0-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(n)+".sock")
		hung, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = hung.Close() }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if question, err := desk.Find(ctx, id); err != nil || question.ID != id {
		t.Errorf("found %+v, %v", question, err)
	}
}

// TestImitatedID: a process of the same user that asks under a question's id, in its
// own words, is told no PIN.
func TestImitatedID(t *testing.T) {
	_, id := open(t, &person{})
	dir, err := rundir.Make()
	if err != nil {
		t.Fatal(err)
	}
	l, err := rundir.Listen(t.Context(), filepath.Join(dir, "desk-0-"+strconv.Itoa(os.Getpid())+".sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	says := id
	rundir.Serve(l, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 1<<10))
		_, _ = io.WriteString(c, `{"waiting":[{"ID":"`+says+`","Text":"An agent asks for nothing much."}]}`)
		_ = c.Close()
	})
	if question, err := desk.Find(t.Context(), id); err == nil || !strings.Contains(err.Error(), "type no PIN") {
		t.Errorf("found %+v, %v", question, err)
	}
	if question, err := desk.Find(t.Context(), id[:4]); err == nil {
		t.Errorf("by its start: %+v", question)
	}
	says = id + "x" // which keeps nobody from the question itself
	if question, err := desk.Find(t.Context(), id); err != nil || question.ID != id {
		t.Errorf("found %+v, %v", question, err)
	}
}

// last returns the newest record on trail.
func last(t *testing.T, trail *audit.Log) (newest audit.Record) {
	t.Helper()
	if _, err := audit.Follow(trail.Path(), func(r audit.Record) { newest = r }); err != nil {
		t.Fatal(err)
	}
	return newest
}
