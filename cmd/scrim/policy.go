package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"scrim/internal/config"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/policy"
)

// PolicyCmd is `scrim policy`.
type PolicyCmd struct {
	scopeFlags `embed:""`

	JSON bool `help:"Print what there is to say as JSON."`

	Show PolicyShowCmd `cmd:"" default:"withargs" hidden:"" help:"Show the policy in force, and where each line of it is from."`
	Test PolicyTestCmd `cmd:"" help:"Explain one decision about a secret, and ask nobody."`
}

// PolicyShowCmd is `scrim policy` without more.
type PolicyShowCmd struct{}

// Help is shown by `scrim policy --help`.
func (PolicyCmd) Help() string {
	return `Examples:

  scrim policy                         what is asked for a value, and why
  scrim policy --env dev --json        for scripts
  scrim policy test DEPLOY_TOKEN       may it be asked for?
  scrim policy test DEPLOY_TOKEN --delivery run -- terraform apply prod.tfplan

A policy is narrowed in your own scrim/config.toml, and in scrim.toml; the stricter of the two wins, line by line:

  [policy.vault]
  deliveries = ["run"]
  commands = [["terraform", "apply", "*"]]

  [policy.vault.prod]
  strength = "verified"
  max_per_session = 3
  ttl = "2m"

A server that runs keeps the policy that it started with.`
}

// Run shows the policy.
func (PolicyShowCmd) Run(c *cli, p *PolicyCmd) error {
	q := newQuery(c)
	return q.end(c, p.show(c, q))
}

func (p *PolicyCmd) show(c *cli, q *query) error {
	cfg, _, err := p.load(c)
	if err != nil {
		return err
	}
	proof := proofOf(c, cfg)
	rules := proof.in(scopePolicy(cfg, errands(q.deps.Redactor)))
	lines := policyLines(rules, cfg.Scope)
	if p.JSON {
		return q.json(struct {
			Project     string       `json:"project"`
			Environment string       `json:"environment"`
			Stated      bool         `json:"environment_stated"`
			Lines       []policyLine `json:"lines"`
			Idle        []idleRule   `json:"idle"`
		}{cfg.Scope.Project, cfg.Scope.Environment, cfg.Scope.Stated, lines, idleRules(rules, cfg.Scope)})
	}
	if err := writeLines(q, lines); err != nil {
		return err
	}
	q.sayPolicy(rules, cfg.Scope, proof)
	return nil
}

// sayPolicy says what the table does not.
func (q *query) sayPolicy(p *policy.Policy, scope secret.Scope, proof proof) {
	if !scope.Stated {
		q.say("Nobody stated the environment, so no value of the vault is given: set PROJECT_ENV, or pass --env.")
	}
	if proof.lack != "" {
		q.say("No yes can be proved (verified): %s.", proof.lack)
	}
	for _, rule := range idleRules(p, scope) {
		q.say("Not in this scope: %s of %s (%s).", rule.Field, rule.Environment, rule.Origin)
	}
	for _, rule := range p.Rules() {
		for _, command := range rule.Commands {
			if !command.Found() {
				q.say("%s: the program %s is not there, so that pattern allows nothing.", rule.Origin, command.Program())
			}
		}
	}
}

// policyLine is one line of a policy in force.
type policyLine struct {
	Location    string `json:"location"`
	Environment string `json:"environment"`
	Field       string `json:"field"`
	Value       string `json:"value"`
	Origin      string `json:"origin"`
	Rule        string `json:"rule,omitempty"` // in words, where it decides
}

// policyLines returns the lines of every place of the scope.
func policyLines(p *policy.Policy, scope secret.Scope) []policyLine {
	var lines []policyLine
	for _, place := range scope.Places() {
		if ref, err := place.Ref("NAME"); err == nil {
			lines = append(lines, linesOf(place, p.Decide(policy.ReadVault, ref))...)
		}
	}
	return lines
}

// linesOf returns the lines of a decision: what a denial would ask for otherwise
// is none of them.
func linesOf(place secret.Place, d policy.Decision) []policyLine {
	line := func(field policy.Field, value, origin string) policyLine {
		return policyLine{Location: place.Location.String(), Environment: place.Environment, Field: field.String(), Value: value, Origin: origin}
	}
	effect := line(policy.FieldEffect, d.Effect.String(), d.OriginOf(policy.FieldEffect))
	effect.Rule = d.Rule
	lines := []policyLine{effect}
	if d.Effect != policy.Ask {
		return lines
	}
	lines = append(lines, line(policy.FieldStrength, d.Strength.String(), d.OriginOf(policy.FieldStrength)))
	lines = append(lines, line(policy.FieldDeliveries, joined(d.Deliveries), d.OriginOf(policy.FieldDeliveries)))
	for _, limit := range d.Limits {
		lines = append(lines, line(policy.FieldMaxPerSession, limitText(limit), limit.Origin))
	}
	if len(d.Limits) == 0 {
		lines = append(lines, line(policy.FieldMaxPerSession, fmt.Sprint(policy.MaxPerSession), policy.ByDefault))
	}
	lines = append(lines, line(policy.FieldTTL, shortly(d.TTL), d.OriginOf(policy.FieldTTL)))
	for _, list := range d.Commands {
		for _, command := range list.Commands {
			lines = append(lines, line(policy.FieldCommands, command.String(), list.Origin))
		}
	}
	if len(d.Commands) == 0 {
		lines = append(lines, line(policy.FieldCommands, "any", policy.ByDefault))
	}
	return lines
}

func limitText(limit policy.Limit) string {
	if limit.Environment == "" {
		return fmt.Sprintf("%d, all envs", limit.Max)
	}
	return fmt.Sprint(limit.Max)
}

func writeLines(q *query, lines []policyLine) error {
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "LOCATION\tENV\tFIELD\tVALUE\tFROM")
	for _, l := range lines {
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\n", l.Location, l.Environment, l.Field, l.Value, l.Origin)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the policy: %w", err)
	}
	return nil
}

// idleRule is a rule about an environment that is not in the scope. Its author may
// have meant one that is.
type idleRule struct {
	Environment string `json:"environment"`
	Field       string `json:"field"`
	Origin      string `json:"origin"`
}

func idleRules(p *policy.Policy, scope secret.Scope) []idleRule {
	idle := []idleRule{}
	for _, rule := range p.Rules() {
		met := false
		for _, place := range scope.Places() {
			met = met || place.Location == secret.Vault && rule.About(place.Environment)
		}
		if !met {
			idle = append(idle, idleRule{cmp.Or(rule.Environment, "any"), rule.Field.String(), rule.Origin})
		}
	}
	return idle
}

// scopePolicy returns the policy of cfg's scope, narrowed by the rules of both
// files. The programs that rules allow are looked for now, as commands' own would
// be: one that comes to another file later is not the one that was allowed.
func scopePolicy(cfg config.Config, runs launch.Errands) *policy.Policy {
	rules := make([]policy.Rule, len(cfg.Policy))
	for i, rule := range cfg.Policy {
		commands := make([]policy.Command, len(rule.Commands))
		for j, command := range rule.Commands {
			commands[j] = command.At(runs.Locate(command.Program()))
		}
		rule.Commands = commands
		rules[i] = rule
	}
	return policy.ForScope(cfg.Scope).With(rules...)
}
