package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"scrim/policy"
)

// at is the decision about the vault of environment.
func at(t testing.TB, p *policy.Policy, environment string) policy.Decision {
	t.Helper()
	return p.Decide(policy.ReadVault, ref(t, environment, "/alpha/vault"))
}

// pattern returns a pattern whose program is there.
func pattern(t testing.TB, words ...string) policy.Command {
	t.Helper()
	c, err := policy.ParseCommand(words)
	if err != nil {
		t.Fatal(err)
	}
	return c.At("/usr/bin/" + words[0])
}

func TestRulesNarrow(t *testing.T) {
	t.Parallel()
	p := policy.ForScope(scope()).With(
		policy.Rule{Origin: "u:1", Field: policy.FieldTTL, TTL: 5 * time.Minute},
		policy.Rule{Origin: "u:2", Field: policy.FieldMaxPerSession, Max: 4},
		policy.Rule{Origin: "u:3", Field: policy.FieldMaxPerSession, Max: 2, Environment: "prod"},
		policy.Rule{Origin: "u:4", Field: policy.FieldStrength, Strength: policy.Verified, Environment: "prod"},
		policy.Rule{Origin: "r:1", Field: policy.FieldTTL, TTL: 6 * time.Minute},
		policy.Rule{Origin: "r:2", Field: policy.FieldStrength, Strength: policy.Client},
		policy.Rule{Origin: "r:3", Field: policy.FieldDeliveries, Deliveries: []policy.Delivery{policy.DeliverRun, policy.DeliverFile}},
		policy.Rule{Origin: "r:4", Field: policy.FieldEffect, Effect: policy.Deny, Environment: "test"},
	)
	d := at(t, p, "prod")
	want := policy.Decision{
		Effect: policy.Ask, Rule: policy.RuleStronger, Origin: "u:4",
		Strength: policy.Verified, Deliveries: []policy.Delivery{policy.DeliverFile, policy.DeliverRun}, TTL: 5 * time.Minute,
		Limits: []policy.Limit{{Max: 4, Origin: "u:2"}, {Max: 2, Environment: "prod", Origin: "u:3"}},
	}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreFields(policy.Decision{}, "Origins")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var origins []string
	for _, field := range policy.Fields() {
		origins = append(origins, field.String()+" "+d.OriginOf(field))
	}
	if got := strings.Join(origins, ", "); got != "effect default, strength u:4, deliveries r:3, max_per_session u:3, ttl u:1, commands default" {
		t.Error(got)
	}
	if d := at(t, p, "dev"); d.Strength != policy.Client || d.Origin != "" || len(d.Limits) != 1 {
		t.Errorf("dev has the rules of prod: %+v", d)
	}
	if len(p.Rules()) != 8 || len(policy.ForScope(scope()).Rules()) != 0 {
		t.Errorf("%d rules", len(p.Rules()))
	}
}

func TestRulesThatLeaveNothingDeny(t *testing.T) {
	t.Parallel()
	only := func(ways ...policy.Delivery) policy.Rule {
		return policy.Rule{Origin: joined(ways), Field: policy.FieldDeliveries, Deliveries: ways}
	}
	d := at(t, policy.ForScope(scope()).With(only(policy.DeliverRun), only(policy.DeliverValue)), "dev")
	if diff := cmp.Diff(policy.Decision{Rule: policy.RuleNoDelivery, Origin: "value"}, d); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := at(t, policy.ForScope(scope()).With(only(policy.DeliverRun), only(policy.DeliverRun, policy.DeliverFile)), "dev").OriginOf(policy.FieldDeliveries); got != "run" {
		t.Errorf("deliveries are from %s", got)
	}
}

func joined(ways []policy.Delivery) string { return strings.Trim(fmt.Sprint(ways), "[]") }

// TestPartialRulesDeny: who writes half a rule meant to narrow something.
func TestPartialRulesDeny(t *testing.T) {
	t.Parallel()
	partial := []policy.Rule{
		{},
		{Origin: "x:1"},
		{Field: 99, Effect: policy.Ask, Strength: policy.Client, Max: 1, TTL: 1},
		{Field: policy.FieldEffect, Effect: policy.Allow},
		{Field: policy.FieldEffect, Effect: -1},
		{Field: policy.FieldStrength, Strength: policy.Verified + 1},
		{Field: policy.FieldMaxPerSession, Max: -1},
		{Field: policy.FieldTTL, TTL: -1},
		{Field: policy.FieldDeliveries, Deliveries: []policy.Delivery{"post"}},
	}
	for _, field := range policy.Fields() {
		partial = append(partial, policy.Rule{Field: field}, policy.Rule{Field: -field})
	}
	for _, r := range partial {
		if d := at(t, policy.ForScope(scope()).With(r), "dev"); d.Effect != policy.Deny || d.Rule == "" {
			t.Errorf("%+v: %+v", r, d)
		}
	}
	var none *policy.Policy
	for _, p := range []*policy.Policy{none.With(policy.Rule{}), new(policy.Policy).With(policy.Rule{Field: policy.FieldEffect, Effect: policy.Ask})} {
		if d := at(t, p, "dev"); d.Effect != policy.Deny || len(none.Rules()) > 0 {
			t.Errorf("rules make a policy of none: %+v", d)
		}
	}
	if (policy.Command{}).Matches(nil, "") || (policy.Command{}).At("/usr/bin/x").Matches([]string{"x"}, "/usr/bin/x") {
		t.Error("the zero Command matches")
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	apply := pattern(t, "terraform", "apply", "*")
	plan := pattern(t, "terraform", "plan", "-no-color", "...")
	for _, c := range []struct {
		command policy.Command
		argv    string // words between bars
		program string
		want    bool
	}{
		{apply, "terraform|apply|prod.tfplan", "/usr/bin/terraform", true},
		{apply, "/usr/bin/terraform|apply|", "/usr/bin/terraform", true},
		{apply, "terraform|apply", "/usr/bin/terraform", false},
		{apply, "terraform|apply|a|b", "/usr/bin/terraform", false},
		{apply, "terraform|apply a", "/usr/bin/terraform", false},
		{apply, "terraform|apply a|b", "/usr/bin/terraform", false},
		{apply, "terraform apply|a", "/usr/bin/terraform", false},
		{apply, "terraform|destroy|a", "/usr/bin/terraform", false},
		{apply, "./terraform|apply|a", "/repo/terraform", false},
		{apply, "terraform|apply|a", "/opt/x/terraform", false},
		{apply, "sh|apply|a", "/usr/bin/terraform", false},
		{apply, "terraform|apply|a", "", false},
		{apply.At(""), "terraform|apply|a", "", false},
		{plan, "terraform|plan|-no-color", "/usr/bin/terraform", true},
		{plan, "terraform|plan|-no-color|-out|x", "/usr/bin/terraform", true},
		{plan, "terraform|plan", "/usr/bin/terraform", false},
		{plan, "terraform|plan|-out|-no-color", "/usr/bin/terraform", false},
		{pattern(t, "make"), "make", "/usr/bin/make", true},
		{pattern(t, "make"), "make|deploy", "/usr/bin/make", false},
		{pattern(t, "make", "..."), "make|a|b|c", "/usr/bin/make", true},
		{pattern(t, "ls", "...").At("/bin/busybox"), "sh|-c|id", "/bin/busybox", false},
		{pattern(t, "ls", "...").At("/bin/busybox"), "ls|-l", "/bin/busybox", true},
	} {
		if got := c.command.Matches(strings.Split(c.argv, "|"), c.program); got != c.want {
			t.Errorf("%v matches %q at %s: %v", c.command, c.argv, c.program, got)
		}
	}
	if got := pattern(t, "sh", "-c", "", `a "b"`, "*").String(); got != `sh -c "" "a \"b\"" *` {
		t.Error(got)
	}
}

func TestCommandsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{
		nil, {""}, {"*"}, {"..."}, {"te*"}, {"./x"}, {"bin/x", "*"}, {"x", "-var=*"}, {"x", "**"}, {"x", "...", "y"}, {"x", "a\nb"}, {"x\x00"},
	} {
		if c, err := policy.ParseCommand(words); err == nil || c.Found() || c.Program() != "" {
			t.Errorf("%q is %v", words, c)
		}
	}
	for _, path := range []string{"", "x", "./x", "/a/*"} {
		if c, err := policy.ParseProgram(path); err == nil {
			t.Errorf("%q is %v", path, c)
		}
	}
	c, err := policy.ParseProgram("/opt/deploy")
	if err != nil || c.Found() || !c.At("/opt/deploy-2").Matches([]string{"deploy", "a", "b"}, "/opt/deploy-2") {
		t.Errorf("%v, %v", c, err)
	}
}

// drawRules draws rules of every kind, whole and partial ones.
func drawRules(t *rapid.T, label string) []policy.Rule {
	ways := rapid.SliceOfNDistinct(rapid.SampledFrom([]policy.Delivery{policy.DeliverValue, policy.DeliverFile, policy.DeliverRun, policy.DeliverBase}), 0, 4, rapid.ID[policy.Delivery])
	commands := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Command {
		words := append([]string{"tool"}, rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*"}), 0, 2).Draw(t, "arguments")...)
		if rapid.Bool().Draw(t, "rest") {
			words = append(words, "...")
		}
		c, err := policy.ParseCommand(words)
		if err != nil {
			t.Fatal(err)
		}
		return c.At(rapid.SampledFrom([]string{"/usr/bin/tool", ""}).Draw(t, "program"))
	}), 0, 3)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Rule {
		return policy.Rule{
			Environment: rapid.SampledFrom([]string{"", "dev", "prod", "test"}).Draw(t, "environment"),
			Origin:      rapid.StringMatching("[a-c]:[0-9]").Draw(t, "origin"),
			Field:       policy.Field(rapid.IntRange(-1, 7).Draw(t, "field")),
			Effect:      policy.Effect(rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2, 3}).Draw(t, "effect")),
			Strength:    policy.Strength(rapid.IntRange(-1, 3).Draw(t, "strength")),
			Deliveries:  ways.Draw(t, "deliveries"),
			Max:         rapid.IntRange(-1, 30).Draw(t, "max"),
			TTL:         time.Duration(rapid.IntRange(-1, 20).Draw(t, "minutes")) * time.Minute,
			Commands:    commands.Draw(t, "commands"),
		}
	}), 0, 5).Draw(t, label)
}

// samples are commands on which lists of commands are compared.
func samples() [][]string {
	words := [][]string{{"tool"}}
	for start := 0; len(words) < 15; start++ {
		for _, word := range []string{"a", "b"} {
			words = append(words, append(slices.Clone(words[start]), word))
		}
	}
	return words
}

// meaning is what a decision comes to, without where it is from.
func meaning(d policy.Decision) string {
	slices.Sort(d.Deliveries)
	limits := fmt.Sprint(d.Limits)
	if len(d.Limits) > 0 {
		slices.SortFunc(d.Limits, func(a, b policy.Limit) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		limits = fmt.Sprint(d.Limits)
	}
	var runs []bool
	for _, command := range samples() {
		runs = append(runs, d.Refuses(command, "/usr/bin/tool") == nil)
	}
	return fmt.Sprint(d.Effect, d.Strength, d.Deliveries, d.TTL, limits, runs)
}

// weaker says in what after lets more happen than before, or "".
func weaker(before, after policy.Decision) string {
	switch {
	case after.Effect == policy.Deny:
		return ""
	case before.Effect == policy.Deny, after.Effect != policy.Ask:
		return "effect"
	case after.Strength < before.Strength:
		return "strength"
	case after.TTL > before.TTL:
		return "ttl"
	}
	for _, way := range after.Deliveries {
		if !before.Delivers(way) {
			return "deliveries"
		}
	}
	for _, limit := range before.Limits {
		if !slices.Contains(after.Limits, limit) {
			return "max_per_session"
		}
	}
	for _, command := range samples() {
		if before.Refuses(command, "/usr/bin/tool") != nil && after.Refuses(command, "/usr/bin/tool") == nil {
			return "commands"
		}
	}
	return ""
}

// TestAddingRulesNeverWeakens is the promise that lets a repository bring rules.
func TestAddingRulesNeverWeakens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := policy.ForScope(scope())
		if rapid.Bool().Draw(rt, "enrolled") {
			p = p.WithProof()
		}
		users := p.With(drawRules(rt, "the user's")...)
		both := users.With(drawRules(rt, "the repository's")...)
		for _, environment := range []string{"dev", "prod", "test"} {
			before, after := at(t, users, environment), at(t, both, environment)
			if what := weaker(before, after); what != "" {
				rt.Fatalf("%s: %s is weaker: %+v, then %+v", environment, what, before, after)
			}
			if what := weaker(at(t, p, environment), before); what != "" {
				rt.Fatalf("%s: %s is weaker than the default: %+v", environment, what, before)
			}
			if before.Effect == policy.Allow || after.Effect == policy.Allow {
				rt.Fatal("allowed without a person")
			}
		}
		for _, path := range []string{"/alpha", "/alpha/staging", "/shared", "/beta/vault"} {
			if d := both.Decide(policy.ReadVault, ref(t, "dev", path)); d.Effect != policy.Deny {
				rt.Fatalf("%s may be asked for: %+v", path, d)
			}
		}
	})
}

// TestCompositionIsOfSets: neither order nor repetition of rules matters, and
// proof can be asked for before or after them.
func TestCompositionIsOfSets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		a, b := drawRules(rt, "a"), drawRules(rt, "b")
		p := policy.ForScope(scope())
		for _, environment := range []string{"dev", "prod"} {
			want := meaning(at(t, p.With(a...).With(b...), environment))
			for name, other := range map[string]*policy.Policy{
				"commuted": p.With(b...).With(a...),
				"at once":  p.With(slices.Concat(b, a)...),
				"shuffled": p.With(rapid.Permutation(slices.Concat(a, b)).Draw(rt, "order")...),
				"twice":    p.With(a...).With(b...).With(a...).With(b...),
			} {
				if got := meaning(at(t, other, environment)); got != want {
					rt.Fatalf("%s: %s, not %s", name, got, want)
				}
			}
			if one, two := meaning(at(t, p.WithProof().With(a...), environment)), meaning(at(t, p.With(a...).WithProof(), environment)); one != two {
				rt.Fatalf("%s and %s", one, two)
			}
		}
	})
}
