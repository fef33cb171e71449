package e2e

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"scrim/internal/devstore"
)

// A client that pipes its calls and closes its end still gets every reply.
func TestPipedCallsAreAllAnswered(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := dial(t, devRig(t))
			w.version, w.capabilities = version, map[string]any{}
			if version != modern {
				w.greet(version, nil)
			}
			want := make(map[string]bool)
			for i := range 20 {
				name, args := "list_secrets", map[string]any{}
				if i%2 == 1 {
					name, args = "find_secret", map[string]any{"name": "PAYOUT_PHRASE"}
				}
				want[w.start(name, args)] = true
			}
			for _, f := range w.end(nothing) {
				if f.Method == "" && f.Error == nil {
					delete(want, string(f.ID))
				}
			}
			if len(want) != 0 {
				t.Errorf("no reply to %v", want)
			}
		})
	}
}

// Ids come back as they were written, however large, and whatever their type.
func TestIDsComeBackAsThemselves(t *testing.T) {
	t.Parallel()
	ids := []string{
		"9007199254740993", "-9007199254740993", "18446744073709551615", "0", "-7",
		`"9007199254740993"`, `"a string"`, `""`, `"<&> and \"quotes\""`,
	}
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, nil)
			for _, id := range ids {
				w.requestAs(id, "tools/call", map[string]any{"name": "list_secrets", "arguments": map[string]any{}})
			}
			for _, id := range ids {
				f := w.await("a reply to "+id, func(f frame) bool {
					return f.Method == "" && (string(f.ID) == id || sameString(string(f.ID), id))
				})
				if f.Error != nil {
					t.Errorf("id %s: %s", id, f.raw)
				}
			}
			w.end(nothing)
		})
	}
}

// sameString reports whether two JSON strings mean the same.
func sameString(a, b string) bool {
	var s, u string
	return json.Unmarshal([]byte(a), &s) == nil && json.Unmarshal([]byte(b), &u) == nil && s == u
}

// Two calls under one id are two calls, and get a reply each.
func TestDuplicateIDsAreAnsweredTwice(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t), legacy, nil)
	for range 2 {
		w.requestAs("5", "tools/call", map[string]any{"name": "list_secrets", "arguments": map[string]any{}})
	}
	w.reply("5")
	w.reply("5")
	w.end(nothing)
}

// Calls that wait for a person do not hold up the others.
func TestOpenQuestionsBlockNothing(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			var waiting []string
			for i := range 5 {
				waiting = append(waiting, w.start("get_vault_secret", map[string]any{
					"name": "PAYOUT_PHRASE", "purpose": "reason " + strconv.Itoa(i),
				}))
			}
			w.await("a question", func(f frame) bool {
				return f.Method == "elicitation/create" || strings.Contains(string(f.Result), "input_required")
			})
			for range 3 {
				if list := w.call("list_secrets", map[string]any{}); !list.Facts.Complete {
					t.Errorf("the list is not complete: %+v", list.Facts.Unreadable)
				}
			}
			for _, id := range waiting {
				if w.arrived(id) {
					t.Errorf("call %s did not wait for its person", id)
				}
			}
			w.end(nothing)
		})
	}
}

// A call that is cancelled is over: it gets no reply, and a yes that comes
// later opens nothing.
func TestYesToACancelledCall(t *testing.T) {
	t.Parallel()
	const id = "9007199254740993"
	w := open(t, devRig(t), legacy, canAsk)
	w.requestAs(id, "tools/call", map[string]any{
		"name": "get_vault_secret", "arguments": map[string]any{"name": "PAYOUT_PHRASE", "purpose": "pay the people"},
	})
	f := w.await("the question", func(f frame) bool { return f.Method == "elicitation/create" })
	w.notify("notifications/cancelled", map[string]any{"requestId": json.RawMessage(id), "reason": "no longer"})
	w.call("list_secrets", map[string]any{})
	w.respond(question{id: string(f.ID)}, approve)
	w.call("list_secrets", map[string]any{})
	for _, f := range w.end(nothing) {
		if f.answers(id) {
			t.Errorf("a reply to a cancelled call: %s", f.raw)
		}
	}
}

// A line that is too long, or no message at all, costs an error and no more.
func TestBadLinesAreSurvived(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t), legacy, nil)
	isError := func(f frame) bool { return f.Error != nil }

	w.line(`{"jsonrpc":"2.0","id":1001,"method":"tools/call","params":{"name":"find_secret","arguments":{"name":"` +
		strings.Repeat("A", 9<<20) + `"}}}`)
	if f := w.await("an error for 9 MiB", isError); len(f.raw) > 4096 {
		t.Errorf("the error is %d bytes long", len(f.raw))
	}
	for _, line := range []string{
		"not JSON", "{", `"text"`, "42", `{"jsonrpc":"2.0","id":1002}`, `{"jsonrpc":"2.0","id":1003,"method":"no/such"}`,
		strings.Repeat("[", 100_000), "\x00\xff\xfe",
	} {
		w.line(line)
	}
	for _, quiet := range []string{"", "   ", `{"jsonrpc":"2.0","id":"nobody asked","result":{}}`} {
		w.line(quiet)
	}
	if f := w.reply("1003"); f.Error == nil || f.Error.Code != -32601 {
		t.Errorf("an unknown method: %s", f.raw)
	}
	if found := w.find("PAYOUT_PHRASE"); found.Facts.Status != "stored_in_vault" {
		t.Errorf("after the bad lines: %+v", found.Facts)
	}
	w.line(`{"jsonrpc":"2.0","id":1004,"method":"tools/call","params":{"name":"find_secret","arguments":{"name":"` +
		strings.Repeat("A", 7<<20) + `"}}}`)
	if r := w.reply("1004").tool(t); r.Facts.Code != "invalid_argument" {
		t.Errorf("7 MiB of name: %+v", r.Facts)
	}
	w.end(nothing)
}

// The last line counts, even if the client closed before it ended the line.
func TestLastLineWithoutItsEnd(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t), legacy, nil)
	last := w.encode("77", "tools/call", map[string]any{"name": "list_secrets", "arguments": map[string]any{}})
	if _, err := w.stdin.Write([]byte(last)); err != nil {
		t.Fatal(err)
	}
	answered := false
	for _, f := range w.end(nothing) {
		answered = answered || f.answers("77")
	}
	if !answered {
		t.Error("the last line was not served")
	}
}

// The signals that end a server end it well, whatever it was doing.
func TestSignalsEndItWell(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		for how, start := range map[string]func(*testing.T) rig{
			"serve": func(t *testing.T) rig {
				t.Helper()
				return storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod")
			},
			"dev": func(t *testing.T) rig { t.Helper(); return devRig(t) },
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				w := open(t, start(t), legacy, canAsk)
				w.ask("PAYOUT_PHRASE", "pay the people")
				for range 5 {
					w.start("list_secrets", map[string]any{})
				}
				if err := w.cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				w.drain()
				if err := w.cmd.Wait(); err != nil {
					t.Errorf("it ends with %v", err)
				}
				w.check(nothing)
			})
		}
	}
}
