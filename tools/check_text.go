package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/audit"
	"scrim/internal/rules"
	"scrim/internal/scan"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/redact"
)

// The bounds on one text: in bytes, and in what checking it may take.
const (
	maxText   = 256 << 10
	checkTime = 20 * time.Second
)

// Trail is where it goes on record what a text held. audit.Log is one.
type Trail interface {
	Check() error // what would keep Append from recording
	Append(e audit.Event) error
}

// CheckArguments are what check_text takes.
type CheckArguments struct {
	Text string `json:"text" jsonschema_description:"The text, 256 KiB at most."`
}

// FindingNote is one secret that a text holds, by name.
type FindingNote struct {
	Name     string `json:"name,omitempty" jsonschema_description:"known: the secret's name, left out where the value has none. pattern: the rule, as gitleaks:ID, which no secret's name can be."`
	Kind     string `json:"kind" jsonschema:"enum=known,enum=pattern" jsonschema_description:"known: a value that scrim knows. pattern: it looks like a secret; look for yourself."`
	Encoding string `json:"encoding" jsonschema_description:"How it stands in the text."`
	Count    int    `json:"count" jsonschema_description:"How many times."`
}

// encodings are the words for how a value stands in a text.
func encodings() []redact.Encoding {
	return []redact.Encoding{redact.Plain, redact.JSON, redact.Base64, redact.Hex, redact.Percent, redact.XML, redact.Quoted, redact.Split, redact.Mixed}
}

// JSONSchemaExtend closes the set of encodings.
func (FindingNote) JSONSchemaExtend(schema *jsonschema.Schema) {
	encoding, _ := schema.Properties.Get("encoding")
	for _, word := range encodings() {
		encoding.Enum = append(encoding.Enum, string(word))
	}
}

// CheckAnswer is what check_text answers.
type CheckAnswer struct {
	Clean      bool              `json:"clean" jsonschema_description:"Nothing was found, and every value that this identity may read was compared. False where the store could not be read, whatever was found."`
	Findings   []FindingNote     `json:"findings"`
	Redacted   string            `json:"redacted" jsonschema_description:"The text with every finding masked."`
	Complete   bool              `json:"complete" jsonschema_description:"Whether the values of the whole scope were compared. Where it is false, not_checked says what was not."`
	NotChecked []NotSearchedNote `json:"not_checked" jsonschema_description:"Places whose values were not compared, all or some, and why."`
}

// Text says what was found and what was not looked for.
func (a CheckAnswer) Text() string {
	var b strings.Builder
	switch {
	case a.Clean:
		b.WriteString("clean\n")
	case len(a.Findings) == 0:
		b.WriteString("Not known to be clean: nothing was found, but not every value could be compared.\n")
	default:
		b.WriteString("Not clean. Do not commit, post or send this text as it is.\n")
	}
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "%s %s (%s, %d times)\n", f.Kind, cmp.Or(f.Name, "value without a name"), f.Encoding, f.Count)
	}
	for _, n := range a.NotChecked {
		fmt.Fprintf(&b, "Not checked: %s: %s\n", n.Place, n.Reason)
	}
	if len(a.Findings) > 0 {
		fmt.Fprintf(&b, "Redacted:\n%s\n", a.Redacted)
	}
	return b.String()
}

// What check_text says where it does not check. None holds any of the text, or
// depends on what it holds.
func textTooLarge() CallError {
	return CallError{"too_large", "the text is larger than check_text takes", "Check parts of 256 KiB at most, or ask the person to run `scrim scan FILE`."}
}

func tooManyGuesses() CallError {
	return CallError{"too_many_requests", "more text, or more words that could be guesses at a value, came to be checked than one session may have checked at once", "Wait some minutes, check only what you are about to send, or ask the person to run `scrim scan FILE`."}
}

func notRecorded() CallError {
	return CallError{"internal", "what the check found cannot be written to the audit trail, so nothing is told", "Tell the person to check the audit file with `scrim log --verify`."}
}

func checkText(d Deps) server.ServerTool {
	c := &checking{Deps: d, scanner: scan.Scanner{Redactor: d.Redactor, Rules: rules.New()}, guesses: newGuesses(), turn: make(chan struct{}, 1)}
	return define(d, spec{
		name:  "check_text",
		title: "Check a text for secrets",
		description: "Says whether a text holds a secret, by name and never by value. Call it on what you are about to commit, post or send. " +
			"It finds the values that scrim knows, in the usual encodings, and what looks like a secret (gitleaks' rules). " +
			"Commit or send only text that is clean; where it is not, use redacted, or take the value out and use the variable's name. " +
			"clean false without findings says that values could not be compared now: call again later. " +
			"complete false says which values nobody could compare, such as those of a vault that this identity may not read; very short and everyday values are never looked for. " +
			"Findings are recorded, and how much may be checked is bounded.",
		readOnly: true, idempotent: true,
	}, c.answer)
}

// checking is check_text in one session.
type checking struct {
	Deps
	scanner scan.Scanner
	guesses *guesses
	turn    chan struct{} // one text at a time
}

func (c *checking) answer(ctx context.Context, _ mcp.CallToolRequest, a CheckArguments) (CheckAnswer, error) {
	if len(a.Text) > maxText {
		return CheckAnswer{}, textTooLarge()
	}
	snapshot := c.Store.Snapshot(ctx)
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return CheckAnswer{}, context.Cause(ctx)
	}
	if c.Trail == nil || c.Trail.Check() != nil {
		return CheckAnswer{}, notRecorded() // before the text is looked at: a failure must not say that it holds something
	}
	if !c.guesses.admit(c.Now(), a.Text) {
		return CheckAnswer{}, tooManyGuesses()
	}
	return c.check(ctx, snapshot, a.Text)
}

// check looks at text, and puts on record what it holds before that is told.
func (c *checking) check(ctx context.Context, snapshot store.Snapshot, text string) (CheckAnswer, error) {
	bounded, stop := context.WithTimeout(ctx, checkTime)
	defer stop()
	spots, err := c.scanner.Text(bounded, "", []byte(text))
	if errors.Is(err, context.DeadlineExceeded) {
		return CheckAnswer{}, textTooLarge()
	}
	if err != nil {
		return CheckAnswer{}, err
	}
	findings, refs := summary(spots)
	c.guesses.told(c.Now(), len(refs))
	if err := c.record(ctx, findings, refs); err != nil {
		c.Log.Error("findings not recorded", "error", err)
		return CheckAnswer{}, notRecorded()
	}
	coverage := c.Coverage(snapshot)
	return CheckAnswer{
		Clean: len(findings) == 0 && coverage.Sure, Findings: findings, Redacted: string(scan.Mask([]byte(text), spots)),
		Complete: len(coverage.NotChecked) == 0, NotChecked: coverage.NotChecked,
	}, nil
}

// summary counts spots by name, kind and encoding, in the order in which they
// stand, and returns the secrets that are among them.
func summary(spots []scan.Spot) ([]FindingNote, []secret.Ref) {
	findings := []FindingNote{}
	var refs []secret.Ref
	index := map[FindingNote]int{}
	for _, spot := range spots {
		for _, name := range spot.Names() {
			key := FindingNote{Name: name, Kind: string(spot.Kind), Encoding: encodingWord(spot.Encoding)}
			i, ok := index[key]
			if !ok {
				i = len(findings)
				index[key] = i
				findings = append(findings, key)
			}
			findings[i].Count++
		}
		for _, ref := range spot.Refs {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	return findings, refs
}

// encodingWord is e as agents know it.
func encodingWord(e redact.Encoding) string {
	if !slices.Contains(encodings(), e) {
		return string(redact.Mixed)
	}
	return string(e)
}

// perRecord bounds the findings in one record of the trail, whose lines are
// bounded.
const perRecord = 30

// record puts findings on the trail, by name.
func (c *checking) record(ctx context.Context, findings []FindingNote, refs []secret.Ref) error {
	for part := range slices.Chunk(findings, perRecord) {
		e := audit.Event{
			Kind: audit.Found, Project: c.Scope.Project, Environment: c.Scope.Environment,
			Agent: secret.Untrusted(agent(ctx), maxNote, c.Redactor.String),
		}
		for _, f := range part {
			e.Findings = append(e.Findings, audit.Finding(f))
			for _, ref := range refs {
				if ref.Name() == f.Name && !slices.Contains(e.Names, ref.String()) {
					e.Names = append(e.Names, ref.String())
				}
			}
		}
		if err := c.Trail.Append(e); err != nil {
			return err
		}
	}
	return nil
}

// Coverage says which values of a scope a text can be compared with.
type Coverage struct {
	// Sure is whether every value that this identity may read is known. A vault
	// may be closed to it, and so may a shared source that nobody configured.
	Sure       bool
	NotChecked []NotSearchedNote
}

// Coverage returns what the redactor knows of the places of a snapshot.
func (d Deps) Coverage(snapshot store.Snapshot) Coverage {
	c := Coverage{Sure: snapshot.ScopeError() == nil, NotChecked: []NotSearchedNote{}}
	for _, view := range snapshot.Views {
		reason := d.notCompared(view)
		if reason == "" {
			continue
		}
		c.NotChecked = append(c.NotChecked, NotSearchedNote{location(view.Place), reason})
		closed := view.State == store.Denied || view.State == store.NamesOnly
		c.Sure = c.Sure && closed && (view.Place.Location == secret.Vault || d.optional(view))
	}
	if err := snapshot.ScopeError(); err != nil && len(c.NotChecked) == 0 {
		c.NotChecked = append(c.NotChecked, NotSearchedNote{"the scope", explain(err).Message})
	}
	return c
}

// notCompared returns why not every value of a place is known, or "".
func (d Deps) notCompared(v store.View) string {
	if reason := d.unreadable(v); reason != "" {
		return reason
	}
	switch {
	case v.State == store.NamesOnly:
		return "this identity may see names there, and no values"
	case v.Unexpanded:
		return "values there refer to places that this identity may not read"
	case slices.ContainsFunc(v.Entries, func(e store.Entry) bool { return e.Hidden() }):
		return "this identity may not read the values of some names there"
	default:
		return ""
	}
}
