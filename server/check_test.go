package server_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/audit"
	"scrim/internal/devstore"
)

// checked is the answer of check_text.
type checked struct {
	Clean    bool `json:"clean"`
	Findings []struct {
		Name, Kind, Encoding string
		Count                int
	} `json:"findings"`
	Redacted   string `json:"redacted"`
	Complete   bool   `json:"complete"`
	NotChecked []struct {
		Place, Reason string
	} `json:"not_checked"`
}

// check has text checked.
func (c *client) check(id, text string) envelope {
	c.t.Helper()
	arguments, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		c.t.Fatal(err)
	}
	c.call(id, "check_text", string(arguments))
	return c.reply(id)
}

func (e envelope) checked(t testing.TB) checked {
	t.Helper()
	if e.Result.IsError {
		t.Fatalf("got %s", e.raw)
	}
	raw, err := json.Marshal(e.Result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var a checked
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// token is made up, and of the form of a provider's. No file of ours holds it.
func token() string { return "gh" + "p_" + "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R" }

func TestCheckTextFindsNothing(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	a := c.check("1", "a commit message\nof two lines").checked(t)
	if !a.Clean || !a.Complete || len(a.Findings) > 0 || len(a.NotChecked) > 0 || a.Redacted != "a commit message\nof two lines" {
		t.Errorf("got %+v", a)
	}
	if _, err := os.Stat(c.trail); err == nil {
		t.Errorf("a text without findings is on record: %v", c.kinds())
	}
}

// TestCheckTextFindsKnownValues has each value checked in each encoding: the
// answer says which and how, and holds it in none.
func TestCheckTextFindsKnownValues(t *testing.T) {
	t.Parallel()
	inJSON, err := json.Marshal(vaultValue)
	if err != nil {
		t.Fatal(err)
	}
	for encoding, text := range map[string]string{
		"plain":   "x " + vaultValue + " y",
		"json":    "x " + string(inJSON) + " y",
		"base64":  "x " + base64.StdEncoding.EncodeToString([]byte("user:"+vaultValue)) + " y",
		"hex":     "x " + hex.EncodeToString([]byte(vaultValue)) + " y",
		"percent": "x?y=" + url.QueryEscape(vaultValue) + "&z",
	} {
		c := start(t).handshake(`{}`)
		e := c.check("1", text)
		a := e.checked(t)
		if a.Clean || len(a.Findings) != 1 || a.Findings[0].Name != "STORED" || a.Findings[0].Kind != "known" || a.Findings[0].Encoding != encoding || a.Findings[0].Count != 1 {
			t.Errorf("%s: %+v", encoding, a.Findings)
		}
		if !strings.Contains(a.Redacted, "[redacted:STORED]") || !strings.Contains(e.Result.Content[0].Text, "[redacted:STORED]") {
			t.Errorf("%s: redacted is %q", encoding, a.Redacted)
		}
		if form := c.leaked(vaultValue); form != "" {
			t.Errorf("%s: the value leaves as %s", encoding, form)
		}
		trail, err := os.ReadFile(c.trail)
		if err != nil {
			t.Fatal(err)
		}
		for form, text := range forms(vaultValue) {
			if strings.Contains(string(trail), text) {
				t.Errorf("%s: on record as %s", encoding, form)
			}
		}
	}
}

func TestCheckTextCountsAndRecords(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	a := c.check("1", injectedValue+" "+otherValue+"\n"+injectedValue+"\nkey = \""+token()+"\"\n").checked(t)
	want := []audit.Finding{
		{Name: "INJECTED", Kind: "known", Encoding: "plain", Count: 2},
		{Name: "OTHER", Kind: "known", Encoding: "plain", Count: 1},
		{Name: "gitleaks:github-pat", Kind: "pattern", Encoding: "plain", Count: 1},
	}
	var got []audit.Finding
	for _, f := range a.Findings {
		got = append(got, audit.Finding(f))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if want := "[redacted:INJECTED] [redacted:OTHER]\n[redacted:INJECTED]\nkey = \"[redacted]\"\n"; a.Redacted != want {
		t.Errorf("redacted is %q", a.Redacted)
	}
	if strings.Contains(c.said(), token()) {
		t.Error("what looks like a secret leaves")
	}
	file, err := os.Open(c.trail)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records := 0
	for record, err := range audit.Read(file) {
		if err != nil {
			t.Fatal(err)
		}
		records++
		if diff := cmp.Diff(want, record.Findings); diff != "" || record.Kind != audit.Found {
			t.Errorf("on record as %s (-want +got):\n%s", record.Kind, diff)
		}
		if diff := cmp.Diff([]string{"prod:/alpha/INJECTED", "prod:/alpha/vault/OTHER"}, record.Names); diff != "" || record.Agent != "test 1" {
			t.Errorf("agent %q (-want +got):\n%s", record.Agent, diff)
		}
	}
	if records != 1 {
		t.Errorf("%d records", records)
	}
}

// TestCheckTextWithoutATrail refuses a text before it is looked at, so that the
// refusal does not tell a right guess from a wrong one.
func TestCheckTextWithoutATrail(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	if err := os.MkdirAll(filepath.Dir(c.trail), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("elsewhere", c.trail); err != nil {
		t.Fatal(err)
	}
	right, wrong := c.check("1", injectedValue), c.check("1", "no value at all")
	if right.status() != "internal" || right.raw != wrong.raw {
		t.Errorf("got %s and %s", right.raw, wrong.raw)
	}
}

func TestCheckTextTooLarge(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	e := c.check("1", strings.Repeat("large ", 50_000))
	if e.status() != "too_large" || strings.Contains(c.said(), "large large") {
		t.Errorf("got %.300s", e.raw)
	}
}

// TestCheckTextIsNoOracle sends lists of guesses, of which one is right. None is
// answered, whether or not it is, in whatever it is encoded.
func TestCheckTextIsNoOracle(t *testing.T) {
	t.Parallel()
	guesses := func(middle string) string {
		var b strings.Builder
		for i := range 10_000 {
			fmt.Fprintf(&b, "%06d\n", i)
			if i == 5_000 {
				b.WriteString(middle + "\n")
			}
		}
		return b.String()
	}
	const right, wrong = "771234", "771235"
	escape := func(format string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for _, c := range []byte(s[30_000:50_000]) {
				fmt.Fprintf(&b, format, c)
			}
			return b.String()
		}
	}
	for name, encode := range map[string]func(string) string{
		"plain":         func(s string) string { return s },
		"one line":      func(s string) string { return strings.ReplaceAll(s, "\n", "-") },
		"base64":        func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 within": func(s string) string { return "xx" + base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex":           func(s string) string { return hex.EncodeToString([]byte(s)) },
		"percent":       escape("%%%02x"),
		"twice percent": escape("%%25%02x"),
		"json":          escape(`\u%04x`),
		"braces":        escape(`\u{%x}`),
		"octal":         escape(`\%o`),
		"html":          escape("&#%d;"),
		"twice": func(s string) string {
			return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
		},
	} {
		c := start(t)
		c.held.Set("prod", "/alpha", "PIN", right)
		c.handshake(`{}`)
		hit, miss := c.check("1", encode(guesses(right))), c.check("1", encode(guesses(wrong)))
		if hit.status() != "too_many_requests" || hit.raw != miss.raw {
			t.Errorf("%s: a list with a right guess answers\n%.300s\none without\n%.300s", name, hit.raw, miss.raw)
		}
		if a := c.check("2", "pin = "+right).checked(t); len(a.Findings) != 1 || a.Findings[0].Name != "PIN" {
			t.Errorf("%s: after that a short text has %+v", name, a.Findings)
		}
	}
}

// TestCheckTextIsBounded has many texts checked, one guess each, and then what
// is no guess.
func TestCheckTextIsBounded(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	for i := range 500 {
		if e := c.check("1", fmt.Sprintf("%06d", i)); e.Result.IsError {
			t.Fatalf("guess %d: %s", i, e.raw)
		}
	}
	for i := range 20 {
		if e := c.check("1", fmt.Sprintf("9%05d", i)); i > 10 && e.status() != "too_many_requests" {
			t.Errorf("guess %d: %s", 500+i, e.raw)
		}
	}
	c.check("1", "000007 was checked before").checked(t)
	c.check("1", "nothing that could be a guess").checked(t)
}

func TestCheckTextBoundsHits(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	limited := 0
	for range 60 {
		if e := c.check("1", injectedValue); e.Result.IsError {
			limited++
		}
	}
	if limited < 5 || limited > 15 {
		t.Errorf("%d of 60 were refused", limited)
	}
	right, wrong := c.check("1", injectedValue), c.check("1", "no value at all, and as long")
	if right.status() != "too_many_requests" || right.raw != wrong.raw {
		t.Errorf("got %s and %s", right.raw, wrong.raw)
	}
}

func TestCheckTextBoundsText(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	text := strings.Repeat("lorem ipsum dolor sit amet\n", 4_000) // about 105 KiB
	c.check("1", text).checked(t)
	c.check("1", text).checked(t)
	if e := c.check("1", text); e.status() != "too_many_requests" {
		t.Errorf("got %.300s", e.raw)
	}
}

// TestCheckTextStoreDown must not call clean what it could not compare.
func TestCheckTextStoreDown(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.held.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500})
	c.handshake(`{}`)
	a := c.check("1", "nothing").checked(t)
	if a.Clean || a.Complete || len(a.NotChecked) != 3 || len(a.Findings) != 0 {
		t.Errorf("got %+v", a)
	}
	if a := c.check("2", "key = "+token()+"\n").checked(t); len(a.Findings) != 1 {
		t.Errorf("patterns need no store: %+v", a)
	}
}

// TestCheckTextWithoutReadValue checks with an identity that may describe the
// vault: what it may read was compared, and the rest is said.
func TestCheckTextWithoutReadValue(t *testing.T) {
	t.Parallel()
	for path, clean := range map[string]bool{"/alpha/vault": true, "/alpha": false} {
		c := startScope(t, true, 0, devstore.MayNotReadValues(path)...).handshake(`{}`)
		a := c.check("1", "nothing").checked(t)
		if a.Clean != clean || a.Complete || len(a.NotChecked) != 1 || !strings.HasSuffix(a.NotChecked[0].Place, "prod:"+path) {
			t.Errorf("%s: %+v", path, a)
		}
	}
}

// TestCheckTextAtOnce has many texts checked at the same time: each answer is
// about its own.
func TestCheckTextAtOnce(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	var sending sync.WaitGroup
	for i := range 40 {
		sending.Go(func() {
			text := "text of " + strings.Repeat("x", i+10)
			if i%2 == 0 {
				text += " " + injectedValue
			}
			c.call(fmt.Sprint(i), "check_text", fmt.Sprintf(`{"text":%q}`, text))
		})
	}
	sending.Wait()
	for range 40 {
		e := c.next()
		var id int
		if err := json.Unmarshal(e.ID, &id); err != nil {
			t.Fatal(err)
		}
		a := e.checked(t)
		if a.Clean != (id%2 == 1) || !strings.HasPrefix(a.Redacted, "text of "+strings.Repeat("x", id+10)) {
			t.Errorf("%d: %+v", id, a)
		}
	}
}

// TestCheckTextKeepsUpWithTheStore finds a value that was rotated meanwhile, and
// the one before.
func TestCheckTextKeepsUpWithTheStore(t *testing.T) {
	t.Parallel()
	c := start(t).handshake(`{}`)
	const rotated = "made-up-rotated-9182-value"
	c.check("1", "warm").checked(t)
	c.held.Set("prod", "/alpha", "INJECTED", rotated)
	c.clock.Add(int64(31 * time.Second))
	a := c.check("2", rotated+"\n"+injectedValue+"\n").checked(t)
	if len(a.Findings) != 1 || a.Findings[0].Count != 2 || a.Findings[0].Name != "INJECTED" {
		t.Errorf("got %+v", a)
	}
}
