package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forms returns value as the usual encodings write it.
func forms(value string) map[string]string {
	f := map[string]string{
		"plain":        value,
		"JSON":         jsonString(value, true),
		"JSON in JSON": jsonString(jsonString(value, true), true),
		"plain JSON":   jsonString(value, false),
		"hex":          hex.EncodeToString([]byte(value)),
		"HEX":          strings.ToUpper(hex.EncodeToString([]byte(value))),
		"query":        url.QueryEscape(value),
		"path":         url.PathEscape(value),
		"percent":      percent(value, "%%%02X"),
		"lower percent": percent(value,
			"%%%02x"),
	}
	for name, e := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for shift := range 3 {
			f[fmt.Sprintf("%s+%d", name, shift)] = base64At(e, value, shift)
		}
	}
	return f
}

// jsonString returns value as it stands between the quotes of a JSON string.
func jsonString(value string, html bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(value); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

func percent(value, verb string) string {
	var b strings.Builder
	for i := range len(value) {
		fmt.Fprintf(&b, verb, value[i])
	}
	return b.String()
}

// base64At returns the digits that value always has when it begins shift bytes
// into a group of three: those that no neighbour has a part in.
func base64At(e *base64.Encoding, value string, shift int) string {
	digits := e.EncodeToString([]byte(strings.Repeat("\x00", shift) + value))
	first := (shift*8 + 5) / 6
	last := (shift + len(value)) * 8 / 6
	return digits[first:last]
}

// needle is one form of a value to look for.
type needle struct{ what, text string }

var seededNeedles = needles(seeded)

func needles(values map[string]string) []needle {
	var all []needle
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for form, text := range forms(values[name]) {
			all = append(all, needle{name + " as " + form, text})
		}
	}
	return all
}

// leaks names what text holds of needles.
func leaks(text string, needles []needle) []string {
	var found []string
	for _, n := range needles {
		if strings.Contains(text, n.text) {
			found = append(found, n.what)
		}
	}
	return found
}

// strands returns the strings in a JSON text, keys too, and those in strings
// that are JSON texts themselves.
func strands(text []byte) []string {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return nil
	}
	var all []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, v)
			if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") || strings.HasPrefix(v, `"`) {
				all = append(all, strands([]byte(v))...)
			}
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for k, e := range v {
				all = append(all, k)
				walk(e)
			}
		}
	}
	walk(v)
	return all
}

// disclosure is the one value that a test has approved, and how often.
type disclosure struct {
	name  string // in seeded
	times int    // answers that hold it, each at its two places
}

var nothing disclosure

// checkOutput fails the test unless stdout is whole JSON-RPC frames, one a
// line, with no seeded value but the approved one in its answers, and stderr
// has none at all.
func checkOutput(t *testing.T, out transcript, approved disclosure, forbidden []needle) {
	t.Helper()
	if len(out.stdout) > 0 && !bytes.HasSuffix(out.stdout, []byte("\n")) {
		t.Errorf("the last frame is partial: %.200q", out.stdout[max(0, len(out.stdout)-200):])
	}
	answers := 0
	for line := range bytes.Lines(out.stdout) {
		f, err := parseFrame(line)
		if err != nil {
			t.Errorf("not a frame: %v: %.200q", err, line)
			continue
		}
		rest := line
		if holds(f, approved) {
			answers++
			rest = without(t, line, seeded[approved.name])
		}
		for _, text := range append(strands(rest), string(rest)) {
			if found := leaks(text, forbidden); found != nil {
				t.Errorf("stdout leaks %v in %.400q", found, rest)
				break
			}
		}
	}
	if answers != approved.times {
		t.Errorf("%d answers hold %q, want %d", answers, approved.name, approved.times)
	}
	if found := leaks(string(out.stderr), forbidden); found != nil {
		t.Errorf("stderr leaks %v:\n%s", found, out.stderr)
	}
}

func holds(f frame, d disclosure) bool {
	if d.times == 0 {
		return false
	}
	var r struct {
		StructuredContent struct{ Value string }
	}
	return json.Unmarshal(f.Result, &r) == nil && r.StructuredContent.Value == seeded[d.name]
}

// without returns the frame in line without value at the two places where an
// approved one belongs: /result/structuredContent/value and, once, the text.
func without(t *testing.T, line []byte, value string) []byte {
	t.Helper()
	var f struct {
		ID     json.RawMessage `json:"id"`
		Result map[string]any  `json:"result"`
	}
	if err := json.Unmarshal(line, &f); err != nil {
		t.Fatal(err)
	}
	delete(f.Result["structuredContent"].(map[string]any), "value")

	content := f.Result["content"].([]any)
	if len(content) != 1 {
		t.Errorf("%d content blocks mirror the value, want 1", len(content))
	}
	block := content[0].(map[string]any)
	text, _ := block["text"].(string)
	cut := false
	for _, form := range []string{value, jsonString(value, true), jsonString(value, false)} {
		if cut = strings.Contains(text, form); cut {
			block["text"] = strings.Replace(text, form, "", 1)
			break
		}
	}
	if !cut {
		t.Errorf("the text block does not mirror the value: %q", text)
	}
	rest, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

// checkFiles fails the test if any file under dir holds what is forbidden.
func checkFiles(t *testing.T, dir string, forbidden []needle) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // G304: below a temporary directory
		if err != nil {
			return err
		}
		if found := leaks(string(b), forbidden); found != nil {
			t.Errorf("%s holds %v", path, found)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The detector itself must find what it is there for.
func TestLeaksFindsEveryForm(t *testing.T) {
	for name, value := range seeded {
		hidden := map[string]string{
			"inside a string":   "it is " + value + ", they say",
			"a key in JSON":     `{"` + jsonString(value, true) + `":1}`,
			"basic auth":        base64.StdEncoding.EncodeToString([]byte("user:" + value)),
			"base64 and a tail": base64.URLEncoding.EncodeToString([]byte("x" + value + "tail")),
			"base64 alone":      base64.StdEncoding.EncodeToString([]byte(value)),
			"hex":               fmt.Sprintf("%x", "a"+value+"b"),
			"a query":           url.Values{"q": {value}}.Encode(),
		}
		for where, text := range hidden {
			if leaks(text, needles(map[string]string{name: value})) == nil {
				t.Errorf("%s: not found %s", name, where)
			}
		}
		if found := leaks("nothing to see", seededNeedles); found != nil {
			t.Errorf("found %v in nothing", found)
		}
	}
	inner, err := json.Marshal(map[string]string{"k": seeded["PAYOUT_PHRASE"]})
	if err != nil {
		t.Fatal(err)
	}
	outer, err := json.Marshal(map[string]string{"text": string(inner)})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(strands(outer), seeded["PAYOUT_PHRASE"]) {
		t.Error("strands does not look into a JSON text in a string")
	}
}
