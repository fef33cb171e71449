// Package policy decides what an agent may do to a secret. It is pure: it asks
// nobody, reads nothing and remembers nothing.
//
// The path is the policy. A vault secret of the scope may be read after a
// person's yes; every other secret is already where it is meant to be, or out
// of reach. Names may be seen throughout the scope. Rules narrow that, and
// nothing widens it.
package policy

import (
	"reflect"
	"slices"
	"time"

	"scrim/internal/secret"
)

// Effect is what a decision comes to. The zero Effect denies.
type Effect int

// The effects.
const (
	Deny  Effect = iota // no, whoever asks
	Ask                 // a person decides
	Allow               // yes; only ever for names
)

// String returns the public word for e.
func (e Effect) String() string {
	switch e {
	case Ask:
		return "ask"
	case Allow:
		return "allow"
	default:
		return "deny"
	}
}

// Strength says how hard a person's yes is to fake.
type Strength int

// The strengths, weakest first.
const (
	NoStrength Strength = iota
	Client              // the MCP client says that a person answered
	Verified            // a person proved to be there
)

// String returns the public word for s, empty for NoStrength.
func (s Strength) String() string {
	switch s {
	case Client:
		return "client"
	case Verified:
		return "verified"
	default:
		return ""
	}
}

// Delivery is the way in which an approved value leaves the vault.
type Delivery string

// The deliveries.
const (
	DeliverValue Delivery = "value" // into the conversation
	DeliverFile  Delivery = "file"  // into a file whose path is returned
	DeliverRun   Delivery = "run"   // into the environment of one command
	DeliverBase  Delivery = "base"  // to the project's own path, where all its agents have it; no agent can ask for that
)

// Action is what is to be done to a secret. The zero Action is none, and denied.
type Action int

// The actions.
const (
	SeeName   Action = iota + 1 // list it or find it, by name
	ReadVault                   // read its value
)

// Decision is the answer to one question of "may it". The zero Decision denies.
type Decision struct {
	Effect Effect
	Rule   string // which rule decided: one of the Rule constants
	Origin string // where that rule is written; empty where it is scrim's own

	// What a yes must be like, where Effect is Ask.
	Strength   Strength      // at least
	Deliveries []Delivery    // one of these
	TTL        time.Duration // for which it waits to be picked up, at most
	Limits     []Limit       // each of which must hold
	Commands   []Allowlist   // each of which must have the command, where one is run

	Origins map[Field][]string // what rules say of a field: see OriginOf
}

// Delivers reports whether d lets a value go out by way of delivery.
func (d Decision) Delivers(delivery Delivery) bool {
	return d.Effect == Ask && slices.Contains(d.Deliveries, delivery)
}

// The rules, as one short explanation each.
const (
	RuleDenied          = "a rule denies it"
	RuleUnclear         = "a rule does not say what it means, so it denies"
	RuleNoDelivery      = "the rules together leave no way in which the value may go out"
	RuleStronger        = "a rule says how strong a yes must be"
	RuleNoPolicy        = "no policy is loaded"
	RuleNoAction        = "that is not something to do to a secret"
	RuleOutOfScope      = "the secret is not in a place of this scope"
	RuleNotStated       = "environment_not_stated: vault secrets are read only in an environment that was stated"
	RuleNames           = "names in scope may be seen"
	RuleVault           = "a vault secret is read after a person's yes"
	RuleProductionVault = "a vault secret of production is read after a yes that a person proves"
	RuleInjected        = "an injected secret is in the environment of what scrim launches, and is not read through the vault"
	RuleStaging         = "a staging secret is in the environment of what scrim launches, and is not read through the vault"
	RuleShared          = "a shared secret is copied to projects by scrim audit, and is not read through the vault"
)

// Policy decides for one scope. The zero Policy denies everything.
type Policy struct {
	scope  secret.Scope
	places []secret.Place
	proof  bool // somebody can prove to be there
	rules  []Rule
}

// ForScope returns the policy that follows from where the places of scope are.
func ForScope(scope secret.Scope) *Policy {
	scope.VaultEnvironments = slices.Clone(scope.VaultEnvironments)
	return &Policy{scope: scope, places: scope.Places()}
}

// WithProof returns p for where somebody is enrolled who can prove to be there: a
// yes to a value of a production vault then needs that proof.
func (p *Policy) WithProof() *Policy {
	if p == nil {
		return nil
	}
	stricter := *p
	stricter.proof = true
	return &stricter
}

// Covers reports whether p was made for scope.
func (p *Policy) Covers(scope secret.Scope) bool {
	return p != nil && len(p.places) > 0 && reflect.DeepEqual(p.scope, scope)
}

// Decide says whether a may be done to ref.
func (p *Policy) Decide(a Action, ref secret.Ref) Decision {
	if p == nil || len(p.places) == 0 {
		return Decision{Rule: RuleNoPolicy}
	}
	location := p.locate(ref)
	if location == 0 {
		return Decision{Rule: RuleOutOfScope}
	}
	switch a {
	case SeeName:
		return Decision{Effect: Allow, Rule: RuleNames}
	case ReadVault:
		return p.readVault(location, ref.Environment())
	default:
		return Decision{Rule: RuleNoAction}
	}
}

func (p *Policy) readVault(location secret.Location, environment string) Decision {
	switch location {
	case secret.Injected:
		return Decision{Rule: RuleInjected}
	case secret.Staging:
		return Decision{Rule: RuleStaging}
	case secret.Shared:
		return Decision{Rule: RuleShared}
	case secret.Vault:
		if !p.scope.Stated {
			return Decision{Rule: RuleNotStated}
		}
		return p.vault(environment).narrow(p.rules, environment)
	default:
		return Decision{Rule: RuleOutOfScope}
	}
}

// vault is what may be done to a vault secret where no rule says less.
func (p *Policy) vault(environment string) Decision {
	d := Decision{
		Effect: Ask, Strength: Client, Rule: RuleVault,
		Deliveries: []Delivery{DeliverValue, DeliverFile, DeliverRun, DeliverBase}, TTL: MaxTTL,
	}
	if p.proof && secret.Production(environment) {
		d.Strength, d.Rule = Verified, RuleProductionVault
	}
	return d
}

// locate returns the role of ref's folder. A folder that is a vault and
// something else besides counts as the something else, which denies a read.
func (p *Policy) locate(ref secret.Ref) secret.Location {
	var found secret.Location
	if ref.IsZero() {
		return found
	}
	for _, place := range p.places {
		if place.Environment != ref.Environment() || place.Path != ref.Path() {
			continue
		}
		if place.Location != secret.Vault {
			return place.Location
		}
		found = secret.Vault
	}
	return found
}
