//go:build unix

package e2e

import (
	"bytes"
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
)

// TestClaudeCodeFallsThrough: the coding agent closes at once whatever it is to
// show, as it does where nobody watches it. The question then waits at its page,
// and the call that comes back after the yes has the value.
func TestClaudeCodeFallsThrough(t *testing.T) {
	t.Parallel()
	for env, c := range map[string]struct {
		name  string
		shown []string // what the client was to show, by its mode
	}{
		"dev":  {"DEV_VAULT_PHRASE", []string{"form", "url"}},
		"prod": {"PAYOUT_PHRASE", []string{"url"}}, // where a form's yes is too weak
	} {
		t.Run(env, func(t *testing.T) {
			t.Parallel()
			name := c.name
			rig, rec := devRig(t, "PROJECT_ENV="+env), record(t)
			enroll := exec.CommandContext(t.Context(), scrimBin, "enroll")
			enroll.Env, enroll.Dir = rig.env, rig.home
			setsPIN(t, enroll, func() {})
			first := use{Tool: "get_vault_secret", Input: map[string]any{"name": name, "purpose": "pay the people"}}
			again := use{Tool: "get_vault_secret", Input: map[string]any{"name": name, "purpose": "in other words"}}
			var m *model
			again.Before = func() { again.Input["request_id"] = answeredAtItsPage(t, m.results[0]) }
			m = newModel(t, first, again)
			agent := newAgent(t, m, rec.command(t, rig.argv, rig.env), cancel)
			agent.run()

			var told facts
			if len(m.results) != 2 || json.Unmarshal([]byte(m.results[1]), &told) != nil || told.Status != "approved" || told.Value != seeded[name] {
				t.Errorf("the model was told %q", m.results)
			}
			if shown := agent.shown(); !slices.Equal(shown, c.shown) {
				t.Errorf("the client was to show %v, not %v", shown, c.shown)
			}
			approved := disclosure{name, 1}
			rig.check(t, approved, rec.end(t)...)
			m.check(t, approved)
		})
	}
}

// shown returns the modes of what the hook was asked, in their order.
func (a *agent) shown() []string {
	a.t.Helper()
	asked, err := os.ReadFile(filepath.Join(a.home, "asked"))
	if err != nil {
		a.t.Fatalf("the hook was not asked: %v", err)
	}
	var modes []string
	for d := json.NewDecoder(bytes.NewReader(asked)); d.More(); {
		var q struct{ Mode string }
		if err := d.Decode(&q); err != nil {
			a.t.Fatal(err)
		}
		modes = append(modes, q.Mode)
	}
	return modes
}

// pageAddress is where a pending question is answered.
var pageAddress = regexp.MustCompile(`http://localhost:\d+/question/\w+`)

// answeredAtItsPage is the person at the page of a pending question, who types the
// PIN. It returns the request's id.
func answeredAtItsPage(t *testing.T, result string) string {
	t.Helper()
	var told facts
	if err := json.Unmarshal([]byte(result), &told); err != nil || told.Status != "pending" {
		t.Fatalf("the model was told %q", result)
	}
	page := pageAddress.FindString(told.NextStep)
	token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(browse(t, http.MethodGet, page, nil))
	if token == nil {
		t.Fatalf("no page at %q: %q", page, told.NextStep)
	}
	text := browse(t, http.MethodPost, page, url.Values{"token": {token[1]}, "do": {"approve"}, "pin": {enrolledPIN}})
	if !strings.Contains(text, "Approved") {
		t.Fatalf("after the PIN: %s", text)
	}
	return told.RequestID
}

// browse sends what the page would, and returns the page that follows.
func browse(t *testing.T, method, page string, form url.Values) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, page, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "http://"+request.Host)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
