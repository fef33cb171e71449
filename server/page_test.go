package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scrim/internal/approval"
)

// rightPIN is what the person of these tests has.
const rightPIN = "made-up-pin-4711"

// person is a verifier that knows one PIN, so that production needs it.
type person struct{}

func (person) Enrolled() bool { return true }
func (person) Required() bool { return true }

func (person) Verify(_ context.Context, _ [sha256.Size]byte, proof approval.Proof) (string, error) {
	if string(proof.PIN) != rightPIN {
		return "", errors.New("it is another PIN")
	}
	return "pin", nil
}

// pages has an address for every question, behind which there is nothing: these
// tests play the person at the gate itself.
type pages struct{}

const pageAddress = "http://localhost:1/made-up-page/"

func (pages) Address(id string) (string, error) { return pageAddress + id, nil }

func startEnrolled(t testing.TB, patience time.Duration) *client {
	t.Helper()
	return startRig(t, rig{patience: patience, verifier: person{}, pages: pages{}})
}

// page is the question that a client was asked to open a page for.
type page struct {
	Mode          string `json:"mode"`
	URL           string `json:"url"`
	ElicitationID string `json:"elicitationId"`
	Message       string `json:"message"`
}

// page returns what the client is to open now.
func (c *client) page() (envelope, page) {
	c.t.Helper()
	asked := c.question()
	var p page
	if err := json.Unmarshal(asked.Params, &p); err != nil || p.Mode != "url" || p.URL != pageAddress+p.ElicitationID || !strings.Contains(p.Message, "STORED") {
		c.t.Fatalf("the client is asked for something else: %s", asked.raw)
	}
	return asked, p
}

// did answers a question of the client with what its user did.
func (c *client) did(asked envelope, action string) {
	c.send(`{"jsonrpc":"2.0","id":%s,"result":{"action":%q}}`, asked.ID, action)
}

// prove is the person's yes, where the page leads.
func (c *client) prove(id string) error {
	return c.gate.Prove(c.t.Context(), id, approval.Proof{PIN: []byte(rightPIN)})
}

const withPages = `{"elicitation":{"form":{},"url":{}}}`

// TestPageIsOpened: what must be proved is not put to the client's form. The
// client opens the page, the call waits, and the client hears of the end.
func TestPageIsOpened(t *testing.T) {
	t.Parallel()
	c := startEnrolled(t, 0).handshake(withPages)
	c.call("1", "get_vault_secret", wanted)
	asked, page := c.page()
	c.did(asked, "accept")
	if err := c.prove(page.ElicitationID); err != nil {
		t.Fatal(err)
	}
	var e envelope
	told := false
	for e.ID == nil || !told {
		switch m := c.next(); m.Method {
		case "notifications/elicitation/complete":
			told = strings.Contains(string(m.Params), page.ElicitationID)
		case "":
			e = m
		}
	}
	if e.status() != "approved" || e.Result.StructuredContent["value"] != vaultValue {
		t.Fatalf("got %s", e.raw)
	}
	if r := c.lastRecord(); r.Strength != "verified" || r.Factor != "pin" {
		t.Errorf("on record as %+v", r)
	}
}

// TestOpeningIsNoYes: whatever the client says of the page, nothing is approved
// by that.
func TestOpeningIsNoYes(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		`"result":{"action":"accept"}`:                                   "pending",
		`"result":{"action":"accept","content":{"decision":"approve"}}`:  "pending",
		`"result":{"action":"approve","content":{"decision":"approve"}}`: "pending",
		`"result":{"action":"cancel"}`:                                   "pending",
		`"result":{"action":"decline"}`:                                  "denied",
		`"result":{}`:                                                    "pending",
		`"error":{"code":-32602,"message":"no browser"}`:                 "pending",
	} {
		t.Run(said, func(t *testing.T) {
			t.Parallel()
			c := startEnrolled(t, 200*time.Millisecond).handshake(withPages)
			c.call("1", "get_vault_secret", wanted)
			asked, page := c.page()
			c.send(`{"jsonrpc":"2.0","id":%s,%s}`, asked.ID, said)
			e := c.reply("1")
			if e.status() != want || e.Result.StructuredContent["request_id"] != page.ElicitationID {
				t.Fatalf("got %s, want %s", e.raw, want)
			}
			if where := c.leaked(vaultValue); where != "" {
				t.Errorf("the value left as %s", where)
			}
			if err := c.prove(page.ElicitationID); (err == nil) != (want == "pending") {
				t.Errorf("a yes at the page after that: %v", err)
			}
		})
	}
}

// TestPageForThoseWhoCan: a client that did not say that it opens addresses is
// not asked to, and the call ends at once, so that the agent tells the person.
func TestPageForThoseWhoCan(t *testing.T) {
	t.Parallel()
	for _, capabilities := range []string{`{}`, `{"elicitation":{}}`, `{"elicitation":{"form":{}}}`} {
		c := startEnrolled(t, time.Minute).handshake(capabilities)
		c.call("1", "get_vault_secret", wanted)
		e := c.next()
		if e.status() != "pending" || !strings.Contains(e.raw, "scrim approve") {
			t.Errorf("%s: got %s", capabilities, e.raw)
		}
	}
}

// TestFormClosedAtOnce: a form that no person can have seen goes to the desk,
// and the call does not wait there.
func TestFormClosedAtOnce(t *testing.T) {
	t.Parallel()
	c := startRig(t, rig{patience: time.Minute, verifier: enrolledElsewhere{}}).handshake(`{"elicitation":{}}`)
	c.call("1", "get_vault_secret", wanted)
	c.did(c.question(), "cancel")
	e := c.reply("1")
	id, _ := e.Result.StructuredContent["request_id"].(string)
	if e.status() != "pending" || !strings.Contains(e.raw, "scrim approve "+id) {
		t.Fatalf("got %s", e.raw)
	}
	if err := c.prove(id); err != nil {
		t.Fatal(err)
	}
	c.call("2", "get_vault_secret", fmt.Sprintf(`{"name":"STORED","purpose":"in other words","request_id":%q}`, id))
	if e := c.reply("2"); e.Result.StructuredContent["value"] != vaultValue {
		t.Errorf("got %s", e.raw)
	}
}

// enrolledElsewhere is a person whose proof nothing needs.
type enrolledElsewhere struct{ person }

func (enrolledElsewhere) Required() bool { return false }

// modernVisit calls as a client of 2026-07-28 that opens addresses.
func (c *client) modernVisit(id, arguments, state, action string) envelope {
	c.t.Helper()
	answer := ""
	if state != "" {
		answer = fmt.Sprintf(`,"requestState":%q,"inputResponses":{"page":{"action":%q}}`, state, action)
	}
	c.send(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"get_vault_secret","arguments":%s%s,"_meta":%s}}`,
		id, arguments, answer, modern(withPages))
	return c.reply(id)
}

// TestModernPage is TestPageIsOpened with a client that calls again.
func TestModernPage(t *testing.T) {
	t.Parallel()
	c := startEnrolled(t, 200*time.Millisecond)
	asked := c.modernVisit("1", wanted, "", "")
	id, ok := strings.CutPrefix(asked.Result.RequestState, "page:")
	if !ok || !strings.Contains(asked.raw, `"url":"`+pageAddress+id) || strings.Contains(asked.raw, "elicitationId") {
		t.Fatalf("got %s", asked.raw)
	}
	if e := c.modernVisit("2", wanted, asked.Result.RequestState, "accept"); e.status() != "pending" {
		t.Fatalf("opened: got %s", e.raw)
	}
	if err := c.prove(id); err != nil {
		t.Fatal(err)
	}
	other := `{"name":"OTHER","purpose":"deploy"}`
	if e := c.modernVisit("3", other, asked.Result.RequestState, "accept"); e.Result.StructuredContent["value"] != nil || e.status() == "approved" {
		t.Fatalf("the state of another request: got %s", e.raw)
	}
	if e := c.modernVisit("4", wanted, asked.Result.RequestState, "accept"); e.Result.StructuredContent["value"] != vaultValue {
		t.Fatalf("proved: got %s", e.raw)
	}
	if e := c.modernVisit("5", wanted, asked.Result.RequestState, "accept"); e.status() == "approved" {
		t.Fatalf("picked up twice: %s", e.raw)
	}
}

func TestModernPageRefused(t *testing.T) {
	t.Parallel()
	for action, want := range map[string]string{"decline": "denied", "cancel": "pending"} {
		c := startEnrolled(t, time.Minute)
		asked := c.modernVisit("1", wanted, "", "")
		if e := c.modernVisit("2", wanted, asked.Result.RequestState, action); e.status() != want {
			t.Errorf("%s: got %s", action, e.raw)
		}
	}
}
