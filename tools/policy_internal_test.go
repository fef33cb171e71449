package tools

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

// TestRefusalsSayWhatIsPossible: an agent that the policy refuses is told what the
// policy allows instead, and by which line.
func TestRefusalsSayWhatIsPossible(t *testing.T) {
	t.Parallel()
	ref, err := secret.ParseRef("prod", "/alpha/vault", "TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	var many []policy.Command
	for range maxPatterns + 2 {
		command, err := policy.ParseCommand([]string{"make", "*"})
		if err != nil {
			t.Fatal(err)
		}
		many = append(many, command)
	}
	onlyBy := func(ways ...policy.Delivery) *approval.PolicyError {
		return &approval.PolicyError{Ref: ref, Rule: approval.RuleDelivery, Origin: "scrim.toml:3", Deliveries: ways}
	}
	for want, e := range map[string]*approval.PolicyError{
		"The policy lets TOKEN be used by run only: call run_with_vault_secrets.":                                 onlyBy(policy.DeliverRun),
		"The policy lets TOKEN be used by file or run only: call run_with_vault_secrets.":                         onlyBy(policy.DeliverFile, policy.DeliverRun),
		"The policy lets TOKEN go out by file only: call get_vault_secret with delivery file.":                    onlyBy(policy.DeliverFile),
		"Go on without the value; only the person can change the policy.":                                         {Ref: ref, Rule: policy.RuleDenied, Origin: "scrim.toml:3"},
		"Wait for the open questions, or ask the person to start a new session; only they can change the policy.": {Rule: approval.RuleUsedUp, Origin: "scrim.toml:3"},
		`The policy lets TOKEN be used by these commands only, "*" being any one argument and "..." any further ones: ` + patterns(many[:maxPatterns]) +
			"; and 2 more. Call run_with_vault_secrets with one of them, or tell the person what you need; only they can change the policy.": {Ref: ref, Rule: approval.RuleOtherCommand, Origin: "scrim.toml:3", Commands: many},
	} {
		got := explain(errors.Join(e))
		if diff := cmp.Diff(CallError{"denied", "the policy does not allow this: " + e.Rule + " (scrim.toml:3)", want}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestLimitsInWords: an agent is told of rules beforehand, and of none where there
// is none.
func TestLimitsInWords(t *testing.T) {
	t.Parallel()
	scope := secret.Scope{Project: "alpha", Environment: "dev", Stated: true, Path: "/alpha", VaultPath: "/alpha/vault", VaultEnvironments: []string{"prod"}}
	p := policy.ForScope(scope)
	if got := limits(p, scope); len(got) > 0 {
		t.Errorf("no rule says %q", got)
	}
	p = p.With(
		policy.Rule{Origin: "scrim.toml:3", Field: policy.FieldEffect, Effect: policy.Deny, Environment: "prod"},
		policy.Rule{Origin: "scrim.toml:5", Field: policy.FieldMaxPerSession, Max: 3},
		policy.Rule{Origin: "scrim.toml:6", Field: policy.FieldDeliveries, Deliveries: []policy.Delivery{policy.DeliverRun}},
		policy.Rule{Origin: "scrim.toml:7", Field: policy.FieldTTL, TTL: time.Minute},
	)
	want := []string{
		"The policy narrows the vault of dev: by run only (scrim.toml:6), 3 approvals a session (scrim.toml:5).",
		"The policy narrows the vault of prod: nothing of it is given (scrim.toml:3).",
	}
	if diff := cmp.Diff(want, limits(p, scope)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	scope.Stated = false
	if got := limits(policy.ForScope(scope).With(p.Rules()...), scope); len(got) > 0 {
		t.Errorf("where nobody stated the environment: %q", got)
	}
}
