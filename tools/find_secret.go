package tools

import (
	"context"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
)

// FindArguments are what find_secret takes.
type FindArguments struct {
	Name string `json:"name" jsonschema:"minLength=1,maxLength=255" jsonschema_description:"The secret's exact name, such as DATABASE_URL."`
}

// NotSearchedNote is a place that a search did not cover, and why.
type NotSearchedNote struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
}

// FindAnswer is what find_secret answers.
type FindAnswer struct {
	Name        string            `json:"name"`
	Status      string            `json:"status" jsonschema:"enum=injected,enum=staging_override,enum=stored_in_vault,enum=shared_not_propagated,enum=hidden,enum=missing,enum=unknown"`
	Location    string            `json:"location,omitempty" jsonschema:"enum=injected,enum=staging,enum=vault,enum=shared"`
	Path        string            `json:"path,omitempty"`
	Environment string            `json:"environment,omitempty"`
	Loaded      string            `json:"loaded,omitempty" jsonschema:"enum=yes,enum=no,enum=changed,enum=unknown"`
	NextStep    string            `json:"next_step"`
	DidYouMean  []string          `json:"did_you_mean" jsonschema_description:"Names in scope that resemble the one asked for."`
	NotSearched []NotSearchedNote `json:"not_searched" jsonschema_description:"What this answer does not cover."`
	AsOf        string            `json:"as_of" jsonschema_description:"RFC 3339."`
}

// Text says the status and the next step.
func (a FindAnswer) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", a.Name, a.Status)
	if a.Path != "" {
		fmt.Fprintf(&b, " (%s, %s:%s)", a.Location, a.Environment, a.Path)
	}
	fmt.Fprintf(&b, "\n%s\n", a.NextStep)
	if len(a.DidYouMean) > 0 {
		fmt.Fprintf(&b, "Did you mean: %s\n", strings.Join(a.DidYouMean, ", "))
	}
	for _, n := range a.NotSearched {
		fmt.Fprintf(&b, "Not searched: %s: %s\n", n.Place, n.Reason)
	}
	return b.String()
}

func findSecret(d Deps) server.ServerTool {
	return define(d, spec{
		name:  "find_secret",
		title: "Find one secret by name",
		description: "Says where one secret is: injected, staging_override, stored_in_vault (it exists and is not in your environment: see run_with_vault_secrets), " +
			"shared_not_propagated, hidden, missing, or unknown. Only `missing` means that it does not exist here. Never returns the value.",
		readOnly: true, idempotent: true,
	}, func(ctx context.Context, _ mcp.CallToolRequest, a FindArguments) (FindAnswer, error) {
		if err := d.admitName(a.Name); err != nil {
			return FindAnswer{}, err
		}
		return d.Find(ctx, a.Name)
	})
}

// Find answers find_secret; the command line shares it.
func (d Deps) Find(ctx context.Context, name string) (FindAnswer, error) {
	finding, err := d.Store.Find(ctx, name)
	if err != nil {
		return FindAnswer{}, err
	}
	answer := FindAnswer{
		Name: name, Status: finding.Status.String(), NextStep: d.nextStep(finding),
		DidYouMean: finding.DidYouMean, NotSearched: d.notSearched(finding), AsOf: d.timestamp(finding.AsOf),
	}
	if answer.DidYouMean == nil {
		answer.DidYouMean = []string{}
	}
	if p := finding.Place; p != nil {
		answer.Location, answer.Path, answer.Environment = p.Location.String(), p.Path, p.Environment
	}
	if finding.Entry != nil {
		answer.Loaded = d.note(*finding.Entry).Loaded
	}
	return answer, nil
}

// notSearched lists what a finding does not cover: places that could not be
// read, and what is never in scope.
func (d Deps) notSearched(f store.Finding) []NotSearchedNote {
	notes := []NotSearchedNote{}
	for _, gap := range f.NotSearched {
		notes = append(notes, NotSearchedNote{gap.Place.Location.String() + " " + gap.Place.String(), explain(gap.Reason).Message})
	}
	searched := []string{d.Scope.Environment}
	for _, p := range d.Scope.Places() {
		if p.Environment != d.Scope.Environment {
			searched = append(searched, p.Environment+" (vault only)")
		}
	}
	return append(
		notes,
		NotSearchedNote{"other environments", "in scope: " + strings.Join(searched, ", ")},
		NotSearchedNote{"other projects", "in scope: " + d.Scope.Project},
	)
}

// nextStep says what to do with a finding.
func (d Deps) nextStep(f store.Finding) string {
	switch f.Status {
	case store.Injected, store.StagingOverride:
		return d.nextStepInjected(f)
	case store.StoredInVault:
		return "It exists and is stored in the vault, not injected. To use it, call run_with_vault_secrets with the command that needs it; only if you must see the value itself, call get_vault_secret. Either asks a person."
	case store.SharedNotPropagated:
		return "It exists in the shared source and was not copied to this project. Ask the person to propagate it; do not create a new one."
	case store.Hidden:
		return "Do not call it missing: this identity may not see whether it is there. Ask the person to look, or to let the identity describe secrets at that path."
	case store.Missing:
		return "Every place in scope was asked and has no secret of this name. Ask the person to create it, or check the spelling."
	case store.Unknown:
	}
	if f.Err == nil {
		return "Nothing is known now. Call again in a moment."
	}
	why, next := explain(f.Err), "Call again in a moment."
	if why.Code == "identity_refused" {
		next = why.NextStep // no moment changes that
	}
	return "Do not call it missing: " + why.Message + ". " + next
}

// nextStepInjected says what to do with a secret that is for the environment.
func (d Deps) nextStepInjected(f store.Finding) string {
	if f.Entry != nil {
		switch d.Session.State(f.Entry.Ref, f.Entry.Value()) {
		case session.No:
			return fmt.Sprintf("It is stored and your environment does not hold it: it was not there, or was not injected, when scrim launched you. Ask the person to relaunch with `scrim run %s`.", d.Scope.Project)
		case session.Changed:
			return fmt.Sprintf("The environment variable %s holds the value from before a rotation. Ask the person to relaunch with `scrim run %s`.", f.Name, d.Scope.Project)
		case session.Yes, session.Unknown:
		}
	}
	if f.Status == store.StagingOverride {
		return fmt.Sprintf("Use the environment variable %s; in %s the staging value wins over the project's own.", f.Name, d.Scope.Environment)
	}
	return fmt.Sprintf("Use the environment variable %s where the program runs; there is no need to see its value.", f.Name)
}

// location returns the words for where a finding is.
func location(p secret.Place) string {
	return fmt.Sprintf("%s, %s", p.Location, p)
}
