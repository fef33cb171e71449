package tools

import (
	"fmt"
	"slices"
	"strings"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/policy"
)

// refusedByPolicy says that the policy refuses, by which rule, and what it allows
// instead. It holds nothing of what the agent sent.
func refusedByPolicy(e *approval.PolicyError) CallError {
	what := "this"
	if !e.Ref.IsZero() {
		what = e.Ref.Name()
	}
	return CallError{"denied", "the policy does not allow this: " + e.Reason(), instead(what, e)}
}

// instead is the next step after a refusal by policy.
func instead(what string, e *approval.PolicyError) string {
	deliveries := ofAgents(e.Deliveries)
	switch {
	case len(e.Commands) > 0:
		return "The policy lets " + what + " be used by these commands only, \"*\" being any one argument and \"...\" any further ones: " +
			patterns(e.Commands) + ". Call run_with_vault_secrets with one of them, or tell the person what you need; only they can change the policy."
	case slices.Contains(deliveries, policy.DeliverRun):
		return "The policy lets " + what + " be used by " + ways(deliveries) + " only: call run_with_vault_secrets."
	case len(deliveries) > 0:
		return "The policy lets " + what + " go out by " + ways(deliveries) + fmt.Sprintf(" only: call get_vault_secret with delivery %s.", deliveries[0])
	case e.Rule == approval.RuleUsedUp:
		return "Wait for the open questions, or ask the person to start a new session; only they can change the policy."
	default:
		return "Go on without the value; only the person can change the policy."
	}
}

// ofAgents returns the deliveries that an agent can ask for.
func ofAgents(deliveries []policy.Delivery) []policy.Delivery {
	return slices.DeleteFunc(slices.Clone(deliveries), func(way policy.Delivery) bool { return way == policy.DeliverBase })
}

// maxPatterns is how many commands an agent is told of.
const maxPatterns = 20

func patterns(commands []policy.Command) string {
	var words []string
	for _, command := range commands[:min(len(commands), maxPatterns)] {
		words = append(words, command.String())
	}
	if len(commands) > maxPatterns {
		words = append(words, fmt.Sprintf("and %d more", len(commands)-maxPatterns))
	}
	return strings.Join(words, "; ")
}

// ways lists deliveries for a sentence.
func ways(deliveries []policy.Delivery) string {
	words := make([]string, len(deliveries))
	for i, way := range deliveries {
		words[i] = string(way)
	}
	return strings.Join(words, " or ")
}

// limits says in a sentence an environment what the policy's rules leave of vault
// secrets there. Where no rule says anything it says nothing.
func limits(p *policy.Policy, scope secret.Scope) []string {
	var lines []string
	for _, place := range scope.Places() {
		if place.Location != secret.Vault || !scope.Stated {
			continue
		}
		ref, err := place.Ref("NAME")
		if err != nil {
			continue
		}
		if words := limitsOf(p.Decide(policy.ReadVault, ref)); len(words) > 0 {
			lines = append(lines, fmt.Sprintf("The policy narrows the vault of %s: %s.", place.Environment, strings.Join(words, ", ")))
		}
	}
	return lines
}

func limitsOf(d policy.Decision) []string {
	from := func(words string, field policy.Field) []string {
		if d.OriginOf(field) == policy.ByDefault {
			return nil
		}
		return []string{words + " (" + d.OriginOf(field) + ")"}
	}
	if d.Effect == policy.Deny {
		return from("nothing of it is given", policy.FieldEffect)
	}
	smallest, _ := d.Smallest()
	given := "by " + ways(ofAgents(d.Deliveries)) + " only"
	if len(ofAgents(d.Deliveries)) == 0 {
		given = "no value of it is given"
	}
	return slices.Concat(
		from(given, policy.FieldDeliveries),
		from("certain commands only", policy.FieldCommands),
		from("after a yes that a person proves", policy.FieldStrength),
		from(fmt.Sprintf("%d approvals a session", smallest.Max), policy.FieldMaxPerSession),
	)
}
