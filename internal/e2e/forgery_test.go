package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The state of a question is in the client's hands. Only the one that was
// given, with the request that it was given for, opens anything, and once.
func TestForgedStatesAreRefused(t *testing.T) {
	t.Parallel()
	r := devRig(t)
	w := open(t, r, modern, canAsk)
	q := w.ask("PAYOUT_PHRASE", "pay the people")
	yes := map[string]any{q.id: approve.fields()}

	other := open(t, devRig(t), modern, canAsk) // another process, another key
	foreign := other.ask("PAYOUT_PHRASE", "pay the people")
	other.end(nothing)

	refused := 0
	refuse := func(what string, args map[string]any, state string, responses map[string]any) {
		t.Helper()
		f := w.retry(args, state, responses)
		refused++
		if f.Error != nil {
			return
		}
		if r := f.tool(t); r.Facts.Value != "" || r.Facts.Status == "approved" || r.Facts.Status == "denied" {
			t.Errorf("%s: %s", what, f.raw)
		}
	}
	for _, at := range []int{0, 1, len(q.state) / 4, len(q.state) / 2, len(q.state) - 2, len(q.state) - 1} {
		refuse("tampered", q.args, flip(q.state, at), yes)
	}
	refuse("forged", q.args, base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("scrim"), len(q.state)*3/20)), yes)
	refuse("cut", q.args, q.state[:len(q.state)-1], yes)
	refuse("extended", q.args, q.state+"A", yes)
	refuse("another process's", q.args, foreign.state, map[string]any{foreign.id: approve.fields()})
	refuse("for another purpose", with(q.args, "purpose", "buy a boat"), q.state, yes)
	refuse("for another secret", with(q.args, "name", "SPARE_PHRASE"), q.state, yes)
	for _, choice := range []any{"yes", "APPROVE", true, 1, []any{"approve"}, map[string]any{}} {
		if f := w.retry(q.args, flip(q.state, 3), map[string]any{q.id: map[string]any{
			"action": "accept", "content": map[string]any{"decision": choice},
		}}); f.Error == nil && f.tool(t).Facts.Value != "" {
			t.Errorf("a decision of %v: %s", choice, f.raw)
		}
	}

	if read := w.retry(q.args, q.state, yes).tool(t); read.Facts.Value != seeded["PAYOUT_PHRASE"] {
		t.Errorf("the true state after the false ones: %+v", read.Facts)
	}
	refuse("replayed", q.args, q.state, yes)
	refuse("replayed for another purpose", with(q.args, "purpose", "again"), q.state, yes)
	w.end(disclosure{"PAYOUT_PHRASE", 1})
	checkTrail(t, r, refused)
}

// A yes that nobody was asked for is no yes: the question comes all the same.
func TestAnswersWithoutAQuestion(t *testing.T) {
	t.Parallel()
	args := map[string]any{"name": "SPARE_PHRASE", "purpose": "pay the people"}
	for name, unasked := range map[string]func(w *wire) frame{
		"with answers": func(w *wire) frame {
			w.t.Helper()
			yeses := make(map[string]any)
			for _, key := range []string{"decision", "ask", "approval", "question", "0", ""} {
				yeses[key] = approve.fields()
			}
			return w.retry(args, "", yeses)
		},
		"with an invented request id": func(w *wire) frame {
			w.t.Helper()
			return w.reply(w.start("get_vault_secret", with(args, "request_id", "aaaaaaaaaa")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), modern, canAsk)
			if r := unasked(w).tool(t); !r.IsError {
				w.opened(&question{args: args}, r)
			}
			w.end(nothing)
		})
	}
	t.Run("under other ids", func(t *testing.T) {
		t.Parallel()
		w := open(t, devRig(t), legacy, canAsk)
		for id := range 5 {
			w.respond(question{id: strconv.Itoa(id)}, approve)
		}
		q := w.ask("SPARE_PHRASE", "pay the people")
		w.respond(question{id: `"` + strings.Trim(q.id, `"`) + `x"`}, approve)
		if read := w.answer(q, deny); read.Facts.Status != "denied" {
			t.Errorf("a no after yeses under other ids: %+v", read.Facts)
		}
		w.end(nothing)
	})
}

// Only "approve" approves; whatever else comes back from a form does not.
func TestOnlyApproveApproves(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]string{
		"another word":      `{"action":"accept","content":{"decision":"yes"}}`,
		"another case":      `{"action":"accept","content":{"decision":"Approve"}}`,
		"a boolean":         `{"action":"accept","content":{"decision":true}}`,
		"a list":            `{"action":"accept","content":{"decision":["approve"]}}`,
		"no content":        `{"action":"accept"}`,
		"empty content":     `{"action":"accept","content":{}}`,
		"another field":     `{"action":"accept","content":{"approve":"approve"}}`,
		"a declined yes":    `{"action":"decline","content":{"decision":"approve"}}`,
		"a cancelled yes":   `{"action":"cancel","content":{"decision":"approve"}}`,
		"no action":         `{"content":{"decision":"approve"}}`,
		"an unknown action": `{"action":"approve","content":{"decision":"approve"}}`,
		"nothing":           `{}`,
	} {
		for _, version := range []string{legacy, modern} {
			t.Run(name+"/"+version, func(t *testing.T) {
				t.Parallel()
				w := open(t, devRig(t), version, canAsk)
				q := w.ask("PAYOUT_PHRASE", "pay the people")
				var f frame
				if version == modern {
					f = w.retry(q.args, q.state, map[string]any{q.id: json.RawMessage(result)})
				} else {
					w.line(`{"jsonrpc":"2.0","id":` + q.id + `,"result":` + result + `}`)
					f = w.reply(q.call)
				}
				if f.Error == nil && f.tool(t).Facts.Status == "approved" {
					t.Errorf("approved by %s: %s", result, f.raw)
				}
				w.end(nothing)
			})
		}
	}
}

// A no is kept: the same request is not put before the person again at once.
func TestNoIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	for version, no := range map[string]answer{legacy: decline, modern: deny} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			if read := w.answer(w.ask("PAYOUT_PHRASE", "pay the people"), no); read.Facts.Status != "denied" {
				t.Errorf("a no: %+v", read.Facts)
			}
			again := w.call("get_vault_secret", map[string]any{"name": "PAYOUT_PHRASE", "purpose": "truly"})
			if again.ResultType == "input_required" || again.Facts.Value != "" || again.Facts.Status == "approved" {
				t.Errorf("asked again: %+v", again)
			}
			// Another secret is another question.
			if read := w.answer(w.ask("SPARE_PHRASE", "spare some"), approve); read.Facts.Value != seeded["SPARE_PHRASE"] {
				t.Errorf("a yes to another: %+v", read.Facts)
			}
			w.end(disclosure{"SPARE_PHRASE", 1})
		})
	}
}

// checkTrail fails the test unless the audit trail is whole and has at least
// as many refusals.
func checkTrail(t *testing.T, r rig, refusals int) {
	t.Helper()
	for _, args := range [][]string{{"log", "--verify"}, {"log", "--json"}} {
		cmd := exec.CommandContext(t.Context(), scrimBin, args...)
		cmd.Env, cmd.Dir = r.env, r.home
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("scrim %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		if found := leaks(string(out), r.forbidden); found != nil {
			t.Errorf("scrim %s prints %v", strings.Join(args, " "), found)
		}
		if n := bytes.Count(out, []byte("refused")); args[1] == "--json" && n < refusals {
			t.Errorf("%d refusals on record, want %d:\n%s", n, refusals, out)
		}
	}
}

// flip returns text with the character at i changed for another of its kind.
func flip(text string, i int) string {
	b := []byte(text)
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

func with(args map[string]any, key string, value any) map[string]any {
	changed := maps.Clone(args)
	changed[key] = value
	return changed
}
