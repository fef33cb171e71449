package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// The most that a session gives, whatever rules say.
const (
	MaxPerSession = 20               // approvals
	MaxTTL        = 10 * time.Minute // for which a yes waits to be picked up
)

// ByDefault is the origin of what no rule says.
const ByDefault = "default"

// Field is what of a decision a rule narrows. The zero Field is none.
type Field int

// The fields, in the order in which people read them.
const (
	FieldEffect Field = iota + 1
	FieldStrength
	FieldDeliveries
	FieldMaxPerSession
	FieldTTL
	FieldCommands
)

// Fields lists the fields in their order.
func Fields() []Field {
	return []Field{FieldEffect, FieldStrength, FieldDeliveries, FieldMaxPerSession, FieldTTL, FieldCommands}
}

// String returns the key under which a policy file says f, empty for none.
func (f Field) String() string {
	switch f {
	case FieldEffect:
		return "effect"
	case FieldStrength:
		return "strength"
	case FieldDeliveries:
		return "deliveries"
	case FieldMaxPerSession:
		return "max_per_session"
	case FieldTTL:
		return "ttl"
	case FieldCommands:
		return "commands"
	default:
		return ""
	}
}

// Rule is one line of a policy file: it narrows one field of what may be done to
// vault secrets. There is no rule that widens. A rule that does not say what it
// means, such as the zero Rule, denies.
type Rule struct {
	Environment string // whose vault it is about; empty is every environment's
	Origin      string // where it is written, such as "scrim.toml:12"
	Field       Field

	// What it narrows the field to; only that of Field counts.
	Effect     Effect        // Deny or Ask
	Strength   Strength      // at least
	Deliveries []Delivery    // none but these
	Max        int           // approvals in a session, of what the rule is about
	TTL        time.Duration // for which a yes waits to be picked up, at most
	Commands   []Command     // none but these, where a command is to be run
}

// Limit is how many approvals a session gives to what one rule is about. It is
// comparable: two limits that differ are counted apart.
type Limit struct {
	Max         int
	Environment string // the rule's
	Origin      string
}

// Allowlist is the commands that one rule allows.
type Allowlist struct {
	Commands []Command
	Origin   string
}

func (a Allowlist) equal(other Allowlist) bool {
	return a.Origin == other.Origin && slices.EqualFunc(a.Commands, other.Commands, Command.equal)
}

// With returns p narrowed by rules. Their order does not matter, but for whose
// origin is told where two say the same.
func (p *Policy) With(rules ...Rule) *Policy {
	if p == nil {
		return nil
	}
	stricter := *p
	stricter.rules = slices.Concat(p.rules, rules)
	return &stricter
}

// Rules returns every rule of p, those that no place of its scope meets included.
func (p *Policy) Rules() []Rule {
	if p == nil {
		return nil
	}
	return slices.Clone(p.rules)
}

// About reports whether r is about the vault of environment.
func (r Rule) About(environment string) bool {
	return r.Environment == "" || r.Environment == environment
}

// narrow returns d as the rules about environment leave it.
func (d Decision) narrow(rules []Rule, environment string) Decision {
	for _, r := range rules {
		if r.About(environment) {
			d = d.by(r)
		}
	}
	return d
}

// by returns d narrowed by r.
func (d Decision) by(r Rule) Decision {
	switch {
	case d.Effect != Ask:
		return d
	case !r.says():
		return Decision{Rule: RuleUnclear, Origin: r.Origin}
	}
	switch r.Field {
	case FieldEffect:
		if r.Effect == Deny {
			return Decision{Rule: RuleDenied, Origin: r.Origin}
		}
	case FieldStrength:
		if r.Strength > d.Strength {
			d.Strength, d.Rule, d.Origin = r.Strength, RuleStronger, r.Origin
			d.from(FieldStrength, r.Origin)
		}
	case FieldDeliveries:
		d.deliver(r)
	case FieldMaxPerSession:
		if limit := (Limit{r.Max, r.Environment, r.Origin}); !slices.Contains(d.Limits, limit) {
			d.Limits = append(slices.Clone(d.Limits), limit)
		}
	case FieldTTL:
		if r.TTL < d.TTL {
			d.TTL = r.TTL
			d.from(FieldTTL, r.Origin)
		}
	case FieldCommands:
		if list := (Allowlist{r.Commands, r.Origin}); !slices.ContainsFunc(d.Commands, list.equal) {
			d.Commands = append(slices.Clone(d.Commands), list)
		}
	}
	if len(d.Deliveries) == 0 {
		return Decision{Rule: RuleNoDelivery, Origin: r.Origin}
	}
	return d
}

// says reports whether r says something that a rule can mean.
func (r Rule) says() bool {
	switch r.Field {
	case FieldEffect:
		return r.Effect == Deny || r.Effect == Ask
	case FieldStrength:
		return r.Strength == Client || r.Strength == Verified
	case FieldDeliveries:
		return len(r.Deliveries) > 0
	case FieldMaxPerSession:
		return r.Max > 0
	case FieldTTL:
		return r.TTL > 0
	case FieldCommands:
		return len(r.Commands) > 0
	default:
		return false
	}
}

// deliver keeps of d's deliveries those that r allows.
func (d *Decision) deliver(r Rule) {
	kept := slices.DeleteFunc(slices.Clone(d.Deliveries), func(way Delivery) bool { return !slices.Contains(r.Deliveries, way) })
	if len(kept) < len(d.Deliveries) {
		d.Deliveries = kept
		d.from(FieldDeliveries, r.Origin)
	}
}

// from notes that origin narrowed field. It is the last that did, or one more
// where each takes something away.
func (d *Decision) from(field Field, origin string) {
	origins := []string{origin}
	if field == FieldDeliveries {
		origins = slices.Concat(d.Origins[field], origins)
	}
	d.Origins = maps.Clone(d.Origins)
	if d.Origins == nil {
		d.Origins = map[Field][]string{}
	}
	d.Origins[field] = origins
}

// OriginOf says where what d says of field comes from: a rule's origin, those of
// several rules, or ByDefault.
func (d Decision) OriginOf(field Field) string {
	from := d.Origins[field]
	switch field {
	case FieldEffect:
		if d.Effect == Deny {
			return cmp.Or(d.Origin, ByDefault)
		}
	case FieldMaxPerSession:
		if limit, ok := d.Smallest(); ok {
			return limit.Origin
		}
	case FieldCommands:
		for _, list := range d.Commands {
			from = append(from, list.Origin)
		}
	case FieldStrength, FieldDeliveries, FieldTTL:
	}
	if len(from) == 0 {
		return ByDefault
	}
	return strings.Join(from, ", ")
}

// Smallest returns the smallest of d's limits. Without one there is only that of
// the session, MaxPerSession.
func (d Decision) Smallest() (Limit, bool) {
	if len(d.Limits) == 0 {
		return Limit{}, false
	}
	return slices.MinFunc(d.Limits, func(a, b Limit) int { return a.Max - b.Max }), true
}

// Refuses returns a list that does not have command, whose first word came to the
// file program, or nil where each has it. Whether a command may be run at all is
// for Delivers to say.
func (d Decision) Refuses(command []string, program string) *Allowlist {
	for _, list := range d.Commands {
		if !slices.ContainsFunc(list.Commands, func(c Command) bool { return c.Matches(command, program) }) {
			return &list
		}
	}
	return nil
}
