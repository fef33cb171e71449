package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"scrim/internal/secret"
	"scrim/internal/store"
)

// FindCmd is `scrim find`.
type FindCmd struct {
	scopeFlags `embed:""`

	Name string `arg:"" help:"The secret's exact name."`
	JSON bool   `help:"Print what agents get, as JSON."`
}

// Help is shown by `scrim find --help`.
func (FindCmd) Help() string {
	return `Examples:

  scrim find DATABASE_URL
  PROJECT_ENV=dev scrim find STRIPE_KEY --json

Exit code 0: it is there. 1: it is missing, for certain. 3: that cannot be known.`
}

// Run says where the secret is.
func (f *FindCmd) Run(c *cli) error {
	if err := secret.CheckName(f.Name); err != nil {
		return err
	}
	return look(c, f.scopeFlags, func(q *query) error {
		if f.JSON {
			return f.forScripts(c, q)
		}
		return f.forPeople(c, q)
	})
}

func (f *FindCmd) forScripts(c *cli, q *query) error {
	answer, err := q.deps.Find(c.ctx, f.Name)
	if err != nil {
		return err
	}
	q.sayCause(q.deps.Store.Peek().Err())
	if err := q.json(answer); err != nil {
		return err
	}
	return found(answer.Status)
}

func (f *FindCmd) forPeople(c *cli, q *query) error {
	finding, err := q.deps.Store.Find(c.ctx, f.Name)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(q.out, findingText(q.deps.Scope, finding)+q.maskText(finding.Entry)); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	q.sayCause(cmp.Or(q.deps.Store.Peek().Err(), finding.Err))
	return found(finding.Status.String())
}

// maskText says that nothing masks the value of e, where that is so.
func (q *query) maskText(e *store.Entry) string {
	if e == nil {
		return ""
	}
	switch q.judge().judge(*e) {
	case cannotMask:
		return wrapped("Its value cannot be masked in output (" + weakness + "): see `scrim check`.")
	case notReadable:
		if q.cfg.Vault.Stated() && e.Location == secret.Vault {
			return wrapped("Its value cannot be masked in output before it is first read after a yes: until then only the vault's own identity may read it.")
		}
		return wrapped("Its value cannot be masked in output, since this identity may not read it.")
	default:
		return ""
	}
}

// found returns the exit code for a status.
func found(status string) error {
	switch status {
	case store.Missing.String():
		return errFound
	case store.Hidden.String(), store.Unknown.String():
		return errStore
	default:
		return nil
	}
}

// findingText says what a finding means to a person, and what it covers.
func findingText(scope secret.Scope, f store.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", f.Name, f.Status)
	if f.Place != nil {
		fmt.Fprintf(&b, " (%s, %s)", f.Place.Location, f.Place)
	}
	b.WriteString("\n" + wrapped(meaning(scope, f.Status)))
	if len(f.DidYouMean) > 0 && f.Status != store.SharedNotPropagated {
		b.WriteString(wrapped("Did you mean: " + strings.Join(f.DidYouMean, ", ")))
	}
	b.WriteString(wrapped(coverage(scope, f)))
	var unread []closedPlace
	for _, gap := range f.NotSearched {
		unread = append(unread, closedPlace{placeText(gap.Place), reasonFor(gap)})
	}
	for _, line := range byReason(unread) {
		b.WriteString(wrapped("Not read: " + line))
	}
	return b.String()
}

// meaning says what follows from a status.
func meaning(scope secret.Scope, status store.Status) string {
	switch status {
	case store.Injected:
		return "It is the project's own: programs get it in their environment. An agent uses the variable, and is not given the value."
	case store.StagingOverride:
		return "In " + scope.Environment + " it wins over the project's own. An agent uses the variable, and is not given the value."
	case store.StoredInVault:
		if !scope.Stated {
			return "It is stored and not injected. Nobody stated the environment, so no agent gets its value: set PROJECT_ENV."
		}
		return "It is stored and not injected. An agent gets its value with get_vault_secret, after your yes."
	case store.SharedNotPropagated:
		return "It is in the shared source, and was not copied to this project. Copy it to " + scope.Path + "; do not make a new one."
	case store.Hidden:
		return "This identity may not see whether it is there. Look in the store yourself, or let the identity describe secrets at that path."
	case store.Missing:
		return "Every place in scope was asked."
	case store.Unknown:
	}
	return "It may exist: a place could not be read."
}

// coverage says where a finding was looked for, or where it was to be.
func coverage(scope secret.Scope, f store.Finding) string {
	verb := "Searched"
	if f.Status == store.Unknown && len(f.NotSearched) >= len(scope.Places()) {
		verb = "In scope"
	}
	where := []string{"project " + scope.Project, "environment " + scope.Environment}
	for _, place := range scope.Places() {
		if place.Environment != scope.Environment {
			where = append(where, place.Location.String()+" of "+place.Environment)
		}
	}
	return verb + ": " + strings.Join(where, ", ") + "."
}

// placeText names a place by its role, where it has one, and its path.
func placeText(p secret.Place) string {
	if p.Location == 0 {
		return p.String()
	}
	return p.Location.String() + " " + p.String()
}
