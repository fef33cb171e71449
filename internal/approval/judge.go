package approval

import (
	"slices"
	"time"

	"scrim/internal/secret"
	"scrim/policy"
)

// needed is what the policy asks of a yes: for several secrets, the strictest of
// what it asks for each.
type needed struct {
	rule     string          // with its origin, of the secret that asks for most
	strength policy.Strength // at least
	ttl      time.Duration   // for which it waits to be picked up
	limits   []policy.Limit  // each of which it counts towards
}

// Judge says whether a person may be asked about r, and how strong their yes must
// be. A run that names no command is judged as one of a command that is allowed.
// Judge asks nobody, records nothing, and knows of no approvals that other
// processes gave.
func (g *Gate) Judge(r Request) (policy.Strength, error) {
	if g == nil {
		return policy.NoStrength, &PolicyError{Rule: RuleScope}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	judge := g.judge
	if r.Delivery == policy.DeliverRun && len(r.Command) == 0 {
		judge = func(r Request) (needed, error) { return g.judgeEach(r, judgeWay) }
	}
	n, err := judge(r)
	if err == nil {
		err = g.canProve(n)
	}
	return n.strength, err
}

// judge applies the policy to r and returns what lets a person be asked.
func (g *Gate) judge(r Request) (needed, error) {
	if err := g.judgeCommand(r); err != nil {
		return needed{}, err
	}
	return g.judgeEach(r, func(r Request, ref secret.Ref, d policy.Decision) error {
		if err := judgeWay(r, ref, d); err != nil || r.Delivery != policy.DeliverRun {
			return err
		}
		if refused := d.Refuses(r.Command, r.Program); refused != nil {
			return &PolicyError{Ref: ref, Rule: RuleOtherCommand, Origin: refused.Origin, Commands: refused.Commands}
		}
		return nil
	})
}

// canProve refuses what needs a yes that nobody could prove now.
func (g *Gate) canProve(n needed) error {
	if n.strength > policy.Client && !g.hasDesk() {
		return g.tooWeak()
	}
	return nil
}

// judgeEach applies one to what the policy says of every secret of r.
func (g *Gate) judgeEach(r Request, one func(Request, secret.Ref, policy.Decision) error) (needed, error) {
	n := needed{ttl: g.options.AnswerTTL}
	if len(r.Refs) == 0 {
		return n, &PolicyError{Rule: RuleNothing}
	}
	rules := g.policy()
	if !rules.Covers(r.Scope) {
		return n, &PolicyError{Rule: RuleScope}
	}
	for _, ref := range r.Refs {
		d := rules.Decide(policy.ReadVault, ref)
		if err := one(r, ref, d); err != nil {
			return n, err
		}
		n = n.and(d)
	}
	return n, nil
}

// judgeWay holds how r wants to have ref against the decision about ref.
func judgeWay(r Request, ref secret.Ref, d policy.Decision) error {
	switch {
	case d.Effect != policy.Ask:
		return &PolicyError{Ref: ref, Rule: d.Rule, Origin: d.Origin}
	case !d.Delivers(r.Delivery):
		return &PolicyError{Ref: ref, Rule: RuleDelivery, Origin: d.OriginOf(policy.FieldDeliveries), Deliveries: d.Deliveries}
	case d.Strength == policy.NoStrength:
		return &PolicyError{Ref: ref, Rule: RuleStrength}
	case d.TTL <= 0:
		return &PolicyError{Ref: ref, Rule: RuleTTL}
	default:
		return nil
	}
}

// and returns n with what d asks for besides.
func (n needed) and(d policy.Decision) needed {
	if d.Strength > n.strength {
		n.rule, n.strength = written(d.Rule, d.Origin), d.Strength
	}
	n.ttl = min(n.ttl, d.TTL)
	for _, limit := range d.Limits {
		if !slices.Contains(n.limits, limit) {
			n.limits = append(slices.Clone(n.limits), limit)
		}
	}
	return n
}

// judgeCommand refuses a run that a person could not judge: a yes to what is not
// there, or was not shown whole, would be a yes to anything.
func (g *Gate) judgeCommand(r Request) error {
	if r.Delivery != policy.DeliverRun {
		return nil
	}
	if len(r.Command) == 0 || r.Dir == "" || r.Program == "" || r.ProgramSHA256 == "" {
		return &PolicyError{Rule: RuleCommand}
	}
	if !Readable(r.Command, r.Dir, r.Program) {
		return &PolicyError{Rule: RuleTooLong}
	}
	if slices.ContainsFunc(append(slices.Clone(r.Command), r.Dir, r.Program), g.hides) {
		return &PolicyError{Rule: RuleHidden}
	}
	return nil
}

// withinLimits refuses what would be one approval too many for a rule. Open
// questions count: each may become one.
func (g *Gate) withinLimits(n needed) error {
	for _, limit := range n.limits {
		used := g.given[limit]
		for _, p := range g.open() {
			if slices.Contains(p.needed.limits, limit) {
				used++
			}
		}
		if used >= limit.Max {
			return &PolicyError{Rule: RuleUsedUp, Origin: limit.Origin}
		}
	}
	return nil
}

// count counts a yes towards the limits that it needed.
func (g *Gate) count(n needed) {
	g.approvals.Add(1)
	for _, limit := range n.limits {
		g.given[limit]++
	}
}

// written returns a rule with where it is written, if that is in a file.
func written(rule, origin string) string {
	if origin == "" || origin == policy.ByDefault {
		return rule
	}
	return rule + " (" + origin + ")"
}
