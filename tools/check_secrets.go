package tools

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"
	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/internal/validate"
)

// maxChecks bounds one answer of check_secrets.
const maxChecks = 200

// CheckSecretsArguments are what check_secrets takes. Nothing in them is
// compared with a value, so that no number of calls tells more than one.
type CheckSecretsArguments struct {
	Location string `json:"location,omitempty" jsonschema:"enum=injected,enum=staging,enum=vault,enum=shared,enum=all,default=all" jsonschema_description:"Only this location. all is the default."`
}

// CheckNote is one thing that is wrong with one secret's value.
type CheckNote struct {
	Name        string `json:"name"`
	Location    string `json:"location" jsonschema:"enum=injected,enum=staging,enum=vault,enum=shared"`
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Verdict     string `json:"verdict" jsonschema_description:"empty; placeholder: it was to be replaced; description: a sentence about the value stands in its place; whitespace: around it; malformed: not of the form that its name or its declared type promises; misplaced: a test value in production, or a live one elsewhere; expired, expiring: the time of a certificate or a token is over, or is within a month."`
	Rule        string `json:"rule" jsonschema_description:"Which rule says so."`
	Detail      string `json:"detail"`
}

// JSONSchemaExtend closes the sets of verdicts and rules.
func (CheckNote) JSONSchemaExtend(schema *jsonschema.Schema) {
	verdict, _ := schema.Properties.Get("verdict")
	for _, word := range secret.Verdicts() {
		verdict.Enum = append(verdict.Enum, string(word))
	}
	rule, _ := schema.Properties.Get("rule")
	for _, name := range validate.Rules(validate.ByValue) {
		rule.Enum = append(rule.Enum, name)
	}
}

// CheckSecretsAnswer is what check_secrets answers.
type CheckSecretsAnswer struct {
	Checks     []CheckNote       `json:"checks" jsonschema_description:"What is wrong. A secret that is not here may still have the wrong value: only its form was looked at."`
	More       int               `json:"more,omitempty" jsonschema_description:"How many findings were left out. Ask for one location."`
	Passed     int               `json:"passed" jsonschema_description:"How many values no rule complains of."`
	Complete   bool              `json:"complete" jsonschema_description:"Whether every value of the location was looked at. Where it is false, not_checked says what was not."`
	NotChecked []NotSearchedNote `json:"not_checked" jsonschema_description:"Places whose values were not looked at, all or some, and why."`
	AsOf       string            `json:"as_of" jsonschema_description:"When the oldest part was read, RFC 3339."`
}

// Text says what is wrong, a line each.
func (a CheckSecretsAnswer) Text() string {
	var b strings.Builder
	for _, c := range a.Checks {
		fmt.Fprintf(&b, "%s (%s, %s:%s): %s: %s\n", c.Name, c.Location, c.Environment, c.Path, c.Verdict, c.Detail)
	}
	if a.More > 0 {
		fmt.Fprintf(&b, "And %d more: call again with one location.\n", a.More)
	}
	fmt.Fprintf(&b, "Values without a finding: %d\n", a.Passed)
	for _, n := range a.NotChecked {
		fmt.Fprintf(&b, "Not checked: %s: %s\n", n.Place, n.Reason)
	}
	if len(a.Checks) > 0 {
		b.WriteString("Only a person can correct a value: say which secret it is and what is wrong with it.\n")
	}
	return b.String()
}

func checkSecrets(d Deps) server.ServerTool {
	return define(d, spec{
		name:  "check_secrets",
		title: "Check secrets for values that look wrong",
		description: "Says which secrets have a value that cannot be right, by name and never by value: empty, a placeholder, a description, with white space around it, " +
			"not the URL, JWT, PEM, ... that its name promises, or a test value in production. " +
			"Call it when a program does not accept a secret. Only its form is looked at, so a value that passes may still be the wrong one. " +
			"You cannot correct a value: tell the person which secret it is.",
		readOnly: true, idempotent: true,
	}, func(ctx context.Context, _ mcp.CallToolRequest, a CheckSecretsArguments) (CheckSecretsAnswer, error) {
		return d.CheckSecrets(ctx, a)
	})
}

// CheckSecrets answers check_secrets.
func (d Deps) CheckSecrets(ctx context.Context, a CheckSecretsArguments) (CheckSecretsAnswer, error) {
	snapshot := d.Store.Snapshot(ctx)
	if err := snapshot.ScopeError(); err != nil {
		return CheckSecretsAnswer{}, err
	}
	answer := CheckSecretsAnswer{Checks: []CheckNote{}, NotChecked: []NotSearchedNote{}, AsOf: d.timestamp(snapshot.AsOf())}
	for _, view := range snapshot.Views {
		if !wanted(view.Place.Location, a.Location) {
			continue
		}
		if err := d.checkView(&answer, view); err != nil {
			return CheckSecretsAnswer{}, err
		}
		if reason := d.notCompared(view); reason != "" {
			answer.NotChecked = append(answer.NotChecked, NotSearchedNote{location(view.Place), reason})
		}
	}
	answer.Complete = len(answer.NotChecked) == 0
	slices.SortStableFunc(answer.Checks, func(x, y CheckNote) int { return cmp.Compare(x.Name, y.Name) })
	if answer.More = max(0, len(answer.Checks)-maxChecks); answer.More > 0 {
		answer.Checks = answer.Checks[:maxChecks]
	}
	return answer, nil
}

// checkView adds what is wrong with the values of one place.
func (d Deps) checkView(answer *CheckSecretsAnswer, view store.View) error {
	for _, e := range view.Entries {
		problems, err := d.Problems(view, e)
		if err != nil {
			return err
		}
		if len(problems) == 0 && !e.Hidden() {
			answer.Passed++
		}
		for _, p := range problems {
			answer.Checks = append(answer.Checks, CheckNote{
				Name: e.Ref.Name(), Location: e.Location.String(), Path: e.Ref.Path(), Environment: e.Ref.Environment(),
				Verdict: string(p.Verdict), Rule: p.Rule, Detail: p.Detail,
			})
		}
	}
	return nil
}

// Problems says what is wrong with the value of an entry of view. Where this
// identity may not follow references, one that stands in a value is no fault of
// the value.
func (d Deps) Problems(view store.View, e store.Entry) ([]secret.Problem, error) {
	problems, err := d.Store.Problems(e)
	if view.Unexpanded {
		problems = slices.DeleteFunc(problems, func(p secret.Problem) bool { return p.Rule == validate.Unresolved })
	}
	return problems, err
}
