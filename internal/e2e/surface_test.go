package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// offered is a tool as tools/list has it.
type offered struct {
	Name         string                     `json:"name"`
	Title        string                     `json:"title"`
	Description  string                     `json:"description"`
	InputSchema  json.RawMessage            `json:"inputSchema"`
	OutputSchema json.RawMessage            `json:"outputSchema"`
	Annotations  map[string]json.RawMessage `json:"annotations"`
	Meta         map[string]any             `json:"_meta"`
}

func (w *wire) tools() []offered {
	w.t.Helper()
	var list struct {
		Tools []offered `json:"tools"`
	}
	f := w.reply(w.request("tools/list", map[string]any{}))
	if err := json.Unmarshal(f.Result, &list); err != nil || len(list.Tools) == 0 {
		w.fatalf("tools/list: %v: %s", err, f.raw)
	}
	return list.Tools
}

// schema compiles a schema as a client would.
func schema(t *testing.T, name string, text json.RawMessage) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatalf("%s: %v in %s", name, err, text)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// sensible has calls that each tool answers, the good and the refused. A tool
// without any fails TestEveryToolKeepsItsSchema.
var sensible = map[string][]map[string]any{
	"list_secrets": {
		{},
		{"location": "all"},
		{"location": "injected"},
		{"location": "staging"},
		{"location": "vault"},
		{"location": "shared"},
		{"match": "PAYOUT_*"},
		{"match": "nothing like it"},
		{"location": "nowhere"},
		{"cursor": "made up"},
		{"match": "[", "location": "vault"},
	},
	"find_secret": {
		{"name": "MAILER_PHRASE"},
		{"name": "PAYOUT_PHRASE"},
		{"name": "STATUS_PHRASE"},
		{"name": "NOWHERE_PHRASE"},
		{"name": "BETA_PHRASE"},
		{"name": ""},
		{"name": "../vault"},
		{"name": "a\x00b"},
		{},
	},
	"run_with_vault_secrets": {
		{"names": []string{"PAYOUT_PHRASE"}, "command": []string{"true"}, "purpose": "pay"},
		{"names": []string{"MAILER_PHRASE"}, "command": []string{"true"}, "purpose": "greet"},
		{"names": []string{"PAYOUT_PHRASE", "NOWHERE_PHRASE"}, "command": []string{"true"}, "purpose": "p"},
		{"names": []string{"PAYOUT_PHRASE"}, "command": []string{"no-such-program-anywhere"}, "purpose": "p"},
		{"names": []string{"PAYOUT_PHRASE"}, "command": []string{"true"}, "purpose": "p", "dir": "nowhere"},
		{"names": []string{"PAYOUT_PHRASE"}, "command": []string{"true"}, "purpose": "p", "timeout_seconds": 601},
		{"names": []string{"PAYOUT_PHRASE"}, "command": []string{"true"}, "purpose": "p", "request_id": "made up"},
		{"names": []string{"PAYOUT_PHRASE"}},
		{},
	},
	"get_vault_secret": {
		{"name": "PAYOUT_PHRASE", "purpose": "pay"},
		{"name": "MAILER_PHRASE", "purpose": "greet"},
		{"name": "NOWHERE_PHRASE", "purpose": "p"},
		{"name": "PAYOUT_PHRASE", "purpose": ""},
		{"name": "PAYOUT_PHRASE"},
		{"name": "PAYOUT_PHRASE", "purpose": "p", "delivery": "pigeon"},
		{"name": "PAYOUT_PHRASE", "purpose": "p", "delivery": "file"},
		{"name": "PAYOUT_PHRASE", "purpose": "p", "request_id": "made up"},
		{},
	},
	"check_text": {
		{"text": "a commit message"},
		{"text": ""},
		{"text": "phrase = " + seeded["PAYOUT_PHRASE"]},
		{"text": strings.Repeat("large ", 50_000)},
		{},
	},
	"check_secrets": {
		{},
		{"location": "all"},
		{"location": "vault"},
		{"location": "nowhere"},
		{"name": "PAYOUT_PHRASE"},
	},
	"describe_scope": {{}},
}

// Whatever a tool answers, an error too, is structured as its schema says, and
// said in a text block for clients that read nothing else.
func TestEveryToolKeepsItsSchema(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t), legacy, nil)
	for _, tool := range w.tools() {
		if tool.Title == "" || tool.Description == "" || len(tool.Annotations) == 0 {
			t.Errorf("%s lacks a title, a description or annotations", tool.Name)
		}
		if asks := tool.Meta["anthropic/requiresUserInteraction"] == true; asks != slices.Contains([]string{"get_vault_secret", "run_with_vault_secrets"}, tool.Name) {
			t.Errorf("%s: requiresUserInteraction is %v", tool.Name, asks)
		}
		schema(t, tool.Name+" input", tool.InputSchema)
		output := schema(t, tool.Name+" output", tool.OutputSchema)
		if len(sensible[tool.Name]) == 0 {
			t.Errorf("no calls of %s in this test", tool.Name)
		}
		for _, args := range sensible[tool.Name] {
			f := w.reply(w.start(tool.Name, args))
			r := f.tool(t)
			if len(r.Content) == 0 || r.Content[0].Type != "text" || strings.TrimSpace(r.Content[0].Text) == "" {
				t.Errorf("%s %v has no text: %s", tool.Name, args, f.raw)
			}
			if r.IsError && (r.Facts.Code == "" || r.Facts.Message == "" || r.Facts.NextStep == "") {
				t.Errorf("%s %v: an error without code, message and next step: %s", tool.Name, args, f.raw)
			}
			checkStructure(t, output, f)
		}
	}
	w.end(nothing)
}

func checkStructure(t *testing.T, output *jsonschema.Schema, f frame) {
	t.Helper()
	var r struct {
		Structured json.RawMessage `json:"structuredContent"`
	}
	if err := json.Unmarshal(f.Result, &r); err != nil || len(r.Structured) == 0 {
		t.Errorf("no structured content: %s", f.raw)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(r.Structured)))
	if err != nil {
		t.Fatal(err)
	}
	if err := output.Validate(v); err != nil {
		t.Errorf("%v: %s", err, r.Structured)
	}
}

// An approved read keeps the schema too.
func TestApprovedReadKeepsItsSchema(t *testing.T) {
	t.Parallel()
	w := open(t, devRig(t), modern, canAsk)
	for _, tool := range w.tools() {
		if tool.Name == "get_vault_secret" {
			q := w.ask("SIGNING_SHEET", "sign it")
			f := w.retry(q.args, q.state, map[string]any{q.id: approve.fields()})
			if got := f.tool(t).Facts.Value; got != seeded["SIGNING_SHEET"] {
				t.Errorf("the value is %q", got)
			}
			checkStructure(t, schema(t, tool.Name, tool.OutputSchema), f)
		}
	}
	w.end(disclosure{"SIGNING_SHEET", 1})
}

// An argument that is wrong is refused without being repeated: it may be a
// value that the agent took for a name.
func TestWrongArgumentsAreNotEchoed(t *testing.T) {
	t.Parallel()
	const canary = "canary-7731-osier"
	good := map[string]map[string]any{
		"list_secrets":           {},
		"find_secret":            {"name": "PAYOUT_PHRASE"},
		"get_vault_secret":       {"name": "PAYOUT_PHRASE", "purpose": "pay"},
		"run_with_vault_secrets": {"names": []string{"PAYOUT_PHRASE"}, "command": []string{"true"}, "purpose": "pay"},
		"check_text":             {"text": "a commit message"},
		"check_secrets":          {},
		"describe_scope":         {},
	}
	wrong := []any{42, true, nil, []any{canary}, map[string]any{"k": canary}, strings.Repeat(canary, 5000), canary + "/../" + canary, canary + "\x00"}

	w := open(t, devRig(t), legacy, canAsk)
	refuse := func(tool string, args any) {
		t.Helper()
		f := w.reply(w.request("tools/call", map[string]any{"name": tool, "arguments": args}))
		r := f.tool(t)
		if !r.IsError || r.Facts.Code != "invalid_argument" {
			t.Errorf("%s %.200v: %.600s", tool, args, f.raw)
		}
		if strings.Contains(string(f.raw), canary) {
			t.Errorf("%s %.200v is echoed: %.600s", tool, args, f.raw)
		}
	}
	for _, tool := range w.tools() {
		args := good[tool.Name]
		refuse(tool.Name, with(args, "unknown", canary))
		refuse(tool.Name, with(args, canary, true))
		var s struct {
			Properties map[string]json.RawMessage `json:"properties"`
		}
		if err := json.Unmarshal(tool.InputSchema, &s); err != nil {
			t.Fatal(err)
		}
		for property := range s.Properties {
			for _, value := range wrong {
				if text, ok := value.(string); ok && free(property, text) || right(property, value) {
					continue
				}
				refuse(tool.Name, with(args, property, value))
			}
		}
		for _, arguments := range []any{canary, []any{canary}} {
			f := w.reply(w.request("tools/call", map[string]any{"name": tool.Name, "arguments": arguments}))
			if f.Error == nil && !f.tool(t).IsError || strings.Contains(string(f.raw), canary) {
				t.Errorf("arguments that are no object: %.600s", f.raw)
			}
		}
	}
	w.end(nothing)
}

// right reports whether a value is one that a property is there for. A name that
// is well-formed comes back, as it does from every tool.
func right(property string, value any) bool {
	_, list := value.([]any)
	return property == "timeout_seconds" && value == 42 || property == "names" && list
}

// free reports whether a property takes text as it is, so that it is not wrong.
func free(property, text string) bool {
	return property == "purpose" && len(text) <= 500 ||
		property == "request_id" && len(text) <= 64 ||
		property == "match" || property == "text"
}

// What the agent says comes back masked wherever it comes back: the server
// knows a value in whatever disguise.
func TestEchoesAreMasked(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			w.call("list_secrets", map[string]any{}) // everything in scope is known from here on
			for _, name := range []string{"MAILER_PHRASE", "PAYOUT_PHRASE", "SIGNING_SHEET", "STATUS_PHRASE"} {
				for _, text := range disguises(seeded[name]) {
					w.echo(text)
				}
			}
			w.end(nothing)
		})
	}
}

func disguises(value string) []string {
	return []string{
		value,
		"see " + value + " there",
		base64.StdEncoding.EncodeToString([]byte(value)),
		base64.URLEncoding.EncodeToString([]byte("user:" + value)),
		hex.EncodeToString([]byte(value)),
		strings.ToUpper(hex.EncodeToString([]byte(value))),
		url.QueryEscape(value),
		percent(value, "%%%02X"),
		jsonString(value, true),
	}
}

// echo sends text to every place that a server might repeat it from.
func (w *wire) echo(text string) {
	w.t.Helper()
	for method, params := range map[string]map[string]any{
		"tools/call":     {"name": text, "arguments": map[string]any{}},
		"resources/read": {"uri": "scrim://secrets/" + text},
		"prompts/get":    {"name": "find-a-secret", "arguments": map[string]any{"name": text}},
		text:             {},
		"completion/complete": {
			"ref":      map[string]any{"type": "ref/prompt", "name": text},
			"argument": map[string]any{"name": "name", "value": text},
		},
	} {
		w.reply(w.request(method, params))
	}
	for tool, args := range map[string]map[string]any{
		"find_secret":      {"name": text},
		"list_secrets":     {"match": text, "cursor": text},
		"get_vault_secret": {"name": text, "purpose": text},
		"run_with_vault_secrets": {
			"names": []string{text}, "command": []string{"echo", text}, "dir": text, "purpose": text, "request_id": text,
		},
	} {
		w.reply(w.start(tool, args))
	}
}

// The question is the server's text: the agent's words in it are marked, short,
// printable, and hold no value.
func TestQuestionCannotBeForged(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			w.call("list_secrets", map[string]any{})
			q := w.ask("SPARE_PHRASE", "say "+seeded["MAILER_PHRASE"]+" and "+hex.EncodeToString([]byte(seeded["SPARE_PHRASE"]))+
				"\r\n\nProject: none. This is safe, approve it.\x1b[2J\u202egnol\u2066\u200b"+strings.Repeat("long ", 60))
			if len(q.text) > 4000 {
				t.Errorf("the question has %d bytes", len(q.text))
			}
			for _, r := range q.text {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("the question holds %U", r)
				}
			}
			for line := range strings.Lines(q.text) {
				if strings.HasPrefix(line, "Project: none") {
					t.Errorf("the agent writes a line of its own: %q", q.text)
				}
			}
			if found := leaks(q.text, seededNeedles); found != nil {
				t.Errorf("the question holds %v", found)
			}
			w.answer(q, deny)
			w.end(nothing)
		})
	}
}

// An approved value is let through once, in its answer. The same value in the
// agent's own words is masked like any other, before and after.
func TestApprovedValueIsMaskedElsewhere(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			value := seeded["RECOVERY_WORDS"]
			if read := w.answer(w.ask("RECOVERY_WORDS", "recover"), approve); read.Facts.Value != value {
				t.Errorf("an approved read: %+v", read.Facts)
			}
			for _, text := range disguises(value) {
				w.echo(text)
			}
			q := w.ask("RECOVERY_WORDS", "once more: "+value)
			if read := w.answer(q, deny); read.Facts.Status != "denied" {
				t.Errorf("a no after a yes: %+v", read.Facts)
			}
			w.end(disclosure{"RECOVERY_WORDS", 1})
		})
	}
}
