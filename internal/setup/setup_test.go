package setup_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"pgregory.net/rapid"

	"scrim/internal/setup"
)

func server() setup.Server {
	return setup.Server{
		Command: "scrim", Others: []string{"/opt/scrim"},
		Gone: func(path string) bool { return strings.HasPrefix(path, "/gone/") },
	}
}

func client(id string) setup.Client {
	for _, c := range setup.Clients() {
		if c.ID == id {
			return c
		}
	}
	panic("no client " + id)
}

// TestRegister shows what each kind of file looks like afterwards.
func TestRegister(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ client, before, after string }{
		"new": {"claude-code", "", `{
  "mcpServers": {
    "scrim": {
      "command": "scrim",
      "args": ["serve"]
    }
  }
}
`},
		"VS Code's entries have a type": {"vscode", "", `{
  "servers": {
    "scrim": {
      "type": "stdio",
      "command": "scrim",
      "args": ["serve"]
    }
  }
}
`},
		"an empty object": {"claude-code", "{}", `{
  "mcpServers": {
    "scrim": {
      "command": "scrim",
      "args": ["serve"]
    }
  }
}`},
		"tabs, CRLF, no final newline": {
			"cursor", "{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}",
			"{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {},\r\n\t\t\"scrim\": {\r\n\t\t\t\"command\": \"scrim\",\r\n\t\t\t\"args\": [\"serve\"]\r\n\t\t}\r\n\t}\r\n}",
		},
		"one line": {
			"claude-code", `{"x":1,"mcpServers":{"a":{}}}`,
			`{"x":1,"mcpServers":{"a":{}, "scrim": { "command": "scrim", "args": ["serve"] }}}`,
		},
		"comments and a last comma": {"vscode", `{
    // ours
    "servers": {
        "a": {}, // the first
    },
}
`, `{
    // ours
    "servers": {
        "a": {}, // the first
        "scrim": {
            "type": "stdio",
            "command": "scrim",
            "args": ["serve"]
        },
    },
}
`},
		"a comment behind the last member": {"vscode", `{
  "servers": {
    "a": {} // the first
    // the end
  }
}
`, `{
  "servers": {
    "a": {}, // the first
    "scrim": {
      "type": "stdio",
      "command": "scrim",
      "args": ["serve"]
    }
    // the end
  }
}
`},
		"another section": {"gemini", `{
  "theme": "dark"
}
`, `{
  "theme": "dark",
  "mcpServers": {
    "scrim": {
      "command": "scrim",
      "args": ["serve"]
    }
  }
}
`},
		"a byte order mark, an escaped name": {
			"claude-code", "\ufeff{\"mcp\\u0053ervers\": { }}",
			"\ufeff{\"mcp\\u0053ervers\": { \"scrim\": { \"command\": \"scrim\", \"args\": [\"serve\"] }  }}",
		},
		"a scrim that has gone": {
			"claude-code", `{"mcpServers":{"scrim":{"command":"/gone/scrim","args":["serve"]}}}`,
			`{"mcpServers":{"scrim":{"command":"scrim","args":["serve"]}}}`,
		},
		"Codex": {
			"codex", "# mine\nmodel = \"o\" # yes\n\n[mcp_servers.a]\ncommand = \"a\"",
			"# mine\nmodel = \"o\" # yes\n\n[mcp_servers.a]\ncommand = \"a\"\n\n[mcp_servers.scrim]\ncommand = \"scrim\"\nargs = [\"serve\"]\n",
		},
		"Codex, a scrim that has gone": {
			"codex", "[mcp_servers.scrim]\ncommand = '/gone/scrim' # mine\nargs = [\"serve\"]\n",
			"[mcp_servers.scrim]\ncommand = \"scrim\" # mine\nargs = [\"serve\"]\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change, err := client(test.client).Register([]byte(test.before), server())
			if err != nil {
				t.Fatal(err)
			}
			after := setup.Apply([]byte(test.before), change.Edits)
			if diff := cmp.Diff(test.after, string(after)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, err := client(test.client).Register(after, server())
			if err != nil || len(again.Edits) > 0 {
				t.Errorf("a second time: %v, %v", again, err)
			}
		})
	}
}

// TestUnregister takes scrim out of files that were edited since.
func TestUnregister(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ client, before, after string }{
		"the only one": {"claude-code", "{\"mcpServers\": {\n  \"scrim\": {\"command\": \"/x/scrim\", \"args\": [\"serve\"]}\n}}", "{\"mcpServers\": {\n}}"},
		"the first":    {"claude-code", `{"mcpServers": {"scrim": {"command": "scrim", "args": ["serve"]}, "a": 1}}`, `{"mcpServers": { "a": 1}}`},
		"the last":     {"claude-code", `{"mcpServers": {"a": 1, "scrim": {"command": "scrim", "args": ["serve"]}}}`, `{"mcpServers": {"a": 1}}`},
		"with comments": {
			"vscode", "{\"servers\": {\n  \"a\": 1, // first\n  \"scrim\": {\"command\": \"scrim\", \"args\": [\"serve\"]} // last\n}}",
			"{\"servers\": {\n  \"a\": 1 // first\n   // last\n}}",
		},
		"somebody's comment before the comma": {
			"vscode", `{"servers": {"scrim": {"command": "scrim", "args": ["serve"]} /* c */ , "a": 1}}`, `{"servers": { /* c */  "a": 1}}`,
		},
		"a line comment before it, more behind it": {
			"vscode", "{\"servers\": { // c\n\"scrim\": {\"command\": \"scrim\", \"args\": [\"serve\"]}, \"a\": 1}}", "{\"servers\": { // c\n \"a\": 1}}",
		},
		"none":  {"claude-code", `{"mcpServers": {}}`, `{"mcpServers": {}}`},
		"blank": {"claude-code", "\n", "\n"},
		"Codex, with more below it": {
			"codex", "a = 1\n\n[mcp_servers.scrim]\ncommand = \"scrim\"\nargs = [\"serve\"] # x\n\n[mcp_servers.scrim.env]\nA = \"b\"\n\n# of b\n[b]\n",
			"a = 1\n\n\n# of b\n[b]\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			change, err := client(test.client).Unregister([]byte(test.before))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, string(setup.Apply([]byte(test.before), change.Edits))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestRefuses names the place of what makes a file one to leave alone.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ client, text, want string }{
		{"claude-code", "{\n  \"mcpServers\": {\n", "3:1: the file ends too early"},
		{"claude-code", "{\n  \"mcpServers\": {,}\n}", "2:18: a name in double quotes is missing"},
		{"claude-code", "{ // c\n}", "1:3: comments are not allowed"},
		{"claude-code", "{\"a\": 1,}", "1:9: a name in double quotes"},
		{"claude-code", "{\"é\": tru}", "1:7: this is not valid JSON"},
		{"claude-code", "{\"a\" 1}", "1:6: a colon is missing"},
		{"claude-code", "{\"a\": 1 \"b\": 2}", "1:9: a comma or a closing brace"},
		{"claude-code", "{\"a\": [1 2]}", "1:10: a comma or a closing bracket"},
		{"claude-code", "{} {}", "1:4: something follows"},
		{"claude-code", "[]", "1:1: the file does not hold an object"},
		{"claude-code", `{"mcpServers": []}`, "1:16: mcpServers is not an object"},
		{"claude-code", `{"mcpServers": {}, "mcpServers": {}}`, "1:20: a name that matters here stands twice"},
		{"claude-code", strings.Repeat(`{"a":`, 300), "nests too deeply"},
		{"claude-code", `{"mcpServers": {"scrim": {"command": "./scrim", "args": ["serve"]}}}`, "1:17: a server called scrim"},
		{"claude-code", `{"mcpServers": {"scrim": {"command": "/elsewhere/scrim", "args": ["serve"]}}}`, "1:17: a server called scrim"},
		{"claude-code", `{"mcpServers": {"scrim": {"command": "scrim", "args": ["serve", "x"]}}}`, "1:17: a server called scrim"},
		{"claude-code", `{"mcpServers": {"scrim": {"command": "scrim", "command": "x", "args": ["serve"]}}}`, "1:17: a server called scrim"},
		{"claude-code", `{"mcpServers": {"scrim": 1}}`, "1:17: a server called scrim"},
		{"vscode", "{ /* c", "1:3: this comment does not end"},
		{"codex", "a = 1\nb = \"made-up", "2:12: this is not valid TOML"},
		{"codex", "a = 1\na = 2\n", "2:1: this is not valid TOML"},
		{"codex", "mcp_servers = { a = { command = \"x\" } }\n", "1:1: this file cannot be edited safely"},
		{"codex", "[mcp_servers.scrim]\ncommand = \"./scrim\"\n", "1:2: a server called scrim"},
	} {
		_, err := client(test.client).Register([]byte(test.text), server())
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "made-up") {
			t.Errorf("%s: got %v, want %s", test.text, err, test.want)
		}
	}
}

func TestAnEntryWithVariablesIsSaid(t *testing.T) {
	t.Parallel()
	for id, text := range map[string]string{
		"claude-code": `{"mcpServers": {"scrim": {"command": "scrim", "args": ["serve"], "env": {"INFISICAL_API_URL": "x"}}}}`,
		"codex":       "[mcp_servers.scrim]\ncommand = \"scrim\"\nargs = [\"serve\"]\nenv = { A = \"x\" }\n",
	} {
		change, err := client(id).Register([]byte(text), server())
		if err != nil || len(change.Edits) > 0 || change.Note == "" {
			t.Errorf("%s: %v, %v", id, change, err)
		}
	}
}

func TestTeach(t *testing.T) {
	t.Parallel()
	const block = "<!-- scrim:begin, kept by `scrim init`: edits in here are replaced -->\nA\nB\n<!-- scrim:end -->\n"
	for before, after := range map[string]string{
		"":                  block,
		"# Mine\n":          "# Mine\n\n" + block,
		"# Mine":            "# Mine\n\n" + block,
		"# Mine\r\n":        "# Mine\r\n\r\n" + strings.ReplaceAll(block, "\n", "\r\n"),
		"x\n" + block + "y": "x\n" + block + "y",
		"x\n<!-- scrim:begin -->\nold\n<!-- scrim:end -->": "x\n" + strings.TrimSuffix(block, "\n"),
	} {
		change, err := setup.Teach([]byte(before), "A\nB\n")
		if diff := cmp.Diff(after, string(setup.Apply([]byte(before), change.Edits))); err != nil || diff != "" {
			t.Errorf("%q: %v %s", before, err, diff)
		}
	}
	for _, broken := range []string{"<!-- scrim:begin -->\n", "<!-- scrim:end -->", "<!-- scrim:end -->\n<!-- scrim:begin -->", block + block, "a\x00b"} {
		if _, err := setup.Teach([]byte(broken), "A\n"); err == nil {
			t.Errorf("%q was edited", broken)
		}
		if _, err := setup.Unteach([]byte(broken)); err == nil {
			t.Errorf("%q was edited back", broken)
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	all := setup.Settings{Project: "alpha", ProjectID: "id-1", Environment: "dev"}
	const head = "# Which secrets scrim shows here. This file holds none, and can be committed.\n"
	for _, test := range []struct {
		settings      setup.Settings
		before, after string
	}{
		{all, "", head + "project = \"alpha\"\nproject_id = \"id-1\"\n\n[env]\ndefault = \"dev\"\n"},
		{setup.Settings{Project: "alpha"}, "", head + "project = \"alpha\"\n# project_id = \"the id that Infisical shows in the project's settings\"\n"},
		{setup.Settings{Project: "alpha", IDFrom: ".infisical.json"}, "", head + "project = \"alpha\"\n# project_id comes from .infisical.json\n"},
		{all, "# c\nproject = 'alpha'\n[paths]\nvault = \"v\"", "# c\nproject_id = \"id-1\"\nproject = 'alpha'\n[paths]\nvault = \"v\"\n\n[env]\ndefault = \"dev\"\n"},
		{all, "project = \"alpha\"\nproject_id = \"id-1\"\nenv.default = \"dev\"\n", "project = \"alpha\"\nproject_id = \"id-1\"\nenv.default = \"dev\"\n"},
	} {
		change, err := setup.Configure([]byte(test.before), test.settings)
		if diff := cmp.Diff(test.after, string(setup.Apply([]byte(test.before), change.Edits))); err != nil || diff != "" {
			t.Errorf("%q: %v %s", test.before, err, diff)
		}
	}
	for text, want := range map[string]string{
		"\nproject = \"beta\"\n": "2:1: the file says something else",
		"[env]\nother = 1\n":     "1:1: this file cannot be edited safely",
		"project = \n":           "1:11: this is not valid TOML",
	} {
		if _, err := setup.Configure([]byte(text), all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// wantKept checks what holds of any edit: it can be taken back to the byte, it
// leaves everything around it, and nothing is left to do.
func wantKept(t interface{ Fatalf(string, ...any) }, before []byte, edit func([]byte) (setup.Change, error)) []byte {
	change, err := edit(before)
	if err != nil {
		return nil
	}
	for _, e := range change.Edits {
		if !bytes.HasPrefix(before[e.Offset:], e.Old) {
			t.Fatalf("%q: %+v takes away what is not there", before, e)
		}
	}
	after := setup.Apply(before, change.Edits)
	back, ok := setup.Revert(after, change.Edits)
	if !ok || !bytes.Equal(back, before) {
		t.Fatalf("%q became %q and then %q", before, after, back)
	}
	again, err := edit(after)
	if err != nil || len(again.Edits) > 0 {
		t.Fatalf("%q became %q, and a second time did %+v, %v", before, after, again, err)
	}
	return after
}

// wantRegistered checks a client's file before and after, as others read it.
func wantRegistered(t interface{ Fatalf(string, ...any) }, c setup.Client, before []byte, decode func([]byte) (map[string]any, error), section string) {
	after := wantKept(t, before, func(data []byte) (setup.Change, error) { return c.Register(data, server()) })
	if after == nil {
		return
	}
	old, err := decode(before)
	if err != nil {
		return // what only this reader refuses
	}
	now, err := decode(after)
	if err != nil {
		t.Fatalf("%q became %q: %v", before, after, err)
	}
	wantOnlyScrim(t, old, now, section)
	change, err := c.Unregister(after)
	if err != nil && bytes.Contains(before, []byte(setup.Name)) {
		return // it was there, in a form that only a person should touch
	}
	if err != nil {
		t.Fatalf("%q: %v", after, err)
	}
	final, err := decode(setup.Apply(after, change.Edits))
	if err != nil {
		t.Fatalf("%q became %q: %v", after, setup.Apply(after, change.Edits), err)
	}
	wantOnlyScrim(t, final, now, section)
}

// wantOnlyScrim checks that scrim is all that distinguishes now from old.
func wantOnlyScrim(t interface{ Fatalf(string, ...any) }, old, now map[string]any, section string) {
	servers, _ := now[section].(map[string]any)
	entry, ok := servers[setup.Name].(map[string]any)
	if !ok || entry["command"] == "" {
		t.Fatalf("no scrim in %v", now)
	}
	clean := func(m map[string]any) string {
		copied := map[string]any{}
		maps.Copy(copied, m)
		rest := map[string]any{}
		inner, _ := m[section].(map[string]any)
		for name, value := range inner {
			if name != setup.Name {
				rest[name] = value
			}
		}
		copied[section] = rest
		return fmt.Sprintf("%#v", copied)
	}
	if clean(old) != clean(now) {
		t.Fatalf("more changed than scrim:\n%s\n%s", clean(old), clean(now))
	}
}

func decodeJSON(data []byte) (m map[string]any, err error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	return m, json.Unmarshal(data, &m)
}

func decodeTOML(data []byte) (m map[string]any, err error) {
	return m, toml.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &m)
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{
		"", "{}", "{ }", "[]", `{"mcpServers":{}}`, "{\r\n\t\"mcpServers\": {\r\n\t\t\"a\": {}\r\n\t}\r\n}", "\ufeff{\"a\":[1,{\"b\":null}]}",
		`{"mcpServers":{"scrim":{"command":"scrim","args":["serve"]},"b":1}}`, `{"a":"\u0022\\","b":-1.5e3}`, "{\"mcpServers\":{\"scrim\":{\"command\":\"/gone/scrim\",\"args\":[\"serve\"]}}}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := client("claude-code").Register(data, server())
		body := bytes.TrimPrefix(data, []byte("\ufeff"))
		if err == nil && len(bytes.TrimSpace(body)) > 0 && !json.Valid(body) {
			t.Fatalf("%q is no JSON and was edited", data)
		}
		wantRegistered(t, client("claude-code"), data, decodeJSON, "mcpServers")
	})
}

func FuzzComments(f *testing.F) {
	for _, text := range []string{
		"{ // c\n}", "{\n  \"servers\": {\n    \"a\": 1, // x\n  }, /* y */\n}", "{/**/\"servers\"/**/:/**/{/**/}/**/}", "{\"servers\":{\"a\":[1,],}//\r}",
		`{"servers":{/*a*/"scrim"/*b*/:{"command":"scrim","args":["serve"]}/*c*/,/*d*/}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wantRegistered(t, client("vscode"), data, func(b []byte) (map[string]any, error) { return decodeJSON(plain(b)) }, "servers")
	})
}

// plain returns JSON with comments as JSON. It is written apart from the code
// that it checks.
func plain(data []byte) []byte {
	var out []byte
	text := string(data)
	for text != "" {
		switch {
		case text[0] == '"':
			end := 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out, text = append(out, text[:end]...), text[end:]
		case strings.HasPrefix(text, "//"):
			end := strings.IndexAny(text, "\r\n")
			if end < 0 {
				end = len(text)
			}
			text = text[end:]
		case strings.HasPrefix(text, "/*"):
			end := strings.Index(text[2:], "*/")
			if end < 0 {
				return append(out, text...)
			}
			text = text[end+4:]
		case text[0] == '}' || text[0] == ']':
			out = bytes.TrimRight(out, " \t\r\n")
			if bytes.HasSuffix(out, []byte(",")) {
				out = out[:len(out)-1]
			}
			out, text = append(out, text[0]), text[1:]
		default:
			out, text = append(out, text[0]), text[1:]
		}
	}
	return out
}

func FuzzTOML(f *testing.F) {
	for _, text := range []string{
		"", "a = 1", "[mcp_servers]\n", "[mcp_servers.a]\r\ncommand = \"a\"\r\n", "mcp_servers = {}", "mcp_servers.a.command = \"x\"\n", "[[mcp_servers]]\n",
		"[mcp_servers.scrim]\ncommand = \"scrim\"\nargs = [\"serve\"]\n# c\n[b]\nc = '''\n# d\n'''\n", "\"mcp_servers\".\"scrim\" = {command=\"/gone/scrim\",args=[\"serve\"]}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wantRegistered(t, client("codex"), data, decodeTOML, "mcp_servers")
	})
}

func FuzzTeach(f *testing.F) {
	for _, text := range []string{"", "a", "a\r\n", "<!-- scrim:begin -->\nx\n<!-- scrim:end -->", "\ufeff<!-- scrim:begin -->\r\n<!-- scrim:end -->\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wantKept(t, data, func(data []byte) (setup.Change, error) { return setup.Teach(data, "A\nB\n") })
		wantKept(t, data, setup.Unteach)
	})
}

func FuzzConfigure(f *testing.F) {
	for _, text := range []string{"", "\n", "project = \"alpha\"", "[env]\r\n", "\ufeff# c\n[paths]\n", "env = {}\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		wantKept(t, data, func(data []byte) (setup.Change, error) {
			return setup.Configure(data, setup.Settings{Project: "alpha", ProjectID: "id", Environment: "dev"})
		})
	})
}

// TestAnyDocument edits documents that a person could have written.
func TestAnyDocument(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		section := rapid.SampledFrom([]string{"mcpServers", "servers"}).Draw(t, "section")
		servers := map[string]any{}
		for _, name := range rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "names") {
			servers[name] = map[string]any{"command": rapid.String().Draw(t, "command")}
		}
		document := map[string]any{}
		for _, name := range rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "others") {
			document[name] = rapid.SampledFrom([]any{nil, 1.5, "x", []any{map[string]any{}}}).Draw(t, "value")
		}
		if rapid.Bool().Draw(t, "with servers") {
			document[section] = servers
		}
		indent := rapid.SampledFrom([]string{"", " ", "\t", "    "}).Draw(t, "indent")
		data, err := json.MarshalIndent(document, "", indent)
		if rapid.Bool().Draw(t, "one line") {
			data, err = json.Marshal(document)
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
		if rapid.Bool().Draw(t, "CRLF") {
			data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
		}
		id := map[string]string{"mcpServers": "claude-code", "servers": "vscode"}[section]
		wantRegistered(t, client(id), data, decodeJSON, section)
	})
}

// TestAnyComments edits documents with comments and white space everywhere.
func TestAnyComments(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\n  ", "\r\n\t", "// }\n", " /* , */ ", "//\r", "/*\n*/"})
		object := func(members []string) string {
			var b strings.Builder
			b.WriteString("{" + space.Draw(t, "space"))
			for i, member := range members {
				name, value, _ := strings.Cut(member, "=")
				b.WriteString(fmt.Sprintf("%q", name) + space.Draw(t, "space") + ":" + space.Draw(t, "space") + value + space.Draw(t, "space"))
				if i < len(members)-1 || rapid.Bool().Draw(t, "last comma") {
					b.WriteString("," + space.Draw(t, "space"))
				}
			}
			return b.String() + "}"
		}
		entry := `scrim={"command":"` + rapid.SampledFrom([]string{"scrim", "/gone/scrim"}).Draw(t, "command") + `","args":["serve"]}`
		some := func(from ...string) []string {
			members := rapid.Permutation(from).Draw(t, "order")
			return members[:rapid.IntRange(0, len(members)).Draw(t, "members")]
		}
		servers := "servers=" + object(some("a=1", `b={"x":[1,],}`, entry))
		text := object(some("x=null", servers, "y={}"))
		wantRegistered(t, client("vscode"), []byte(text), func(b []byte) (map[string]any, error) { return decodeJSON(plain(b)) }, "servers")
	})
}
