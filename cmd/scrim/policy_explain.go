package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/approval"
	"scrim/internal/handover"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/policy"
)

// PolicyTestCmd is `scrim policy test`.
type PolicyTestCmd struct {
	Name     string   `arg:"" help:"The secret's exact name."`
	Delivery string   `enum:"value,file,run,base," default:"" placeholder:"WAY" help:"How it would leave the vault: value, file, run or base (else run where a command is named, value where none is)."`
	Command  []string `arg:"" optional:"" passthrough:"" help:"The command that would be run with it, after --."`
}

// Help is shown by `scrim policy test --help`.
func (PolicyTestCmd) Help() string {
	return `Says where the secret is, each rule that takes part, what decides, how strong a yes must be, and whether anybody can give such a yes. It shows no value and asks nobody:

  scrim policy test DEPLOY_TOKEN --env prod
  scrim policy test DEPLOY_TOKEN --delivery run -- terraform apply prod.tfplan

What approvals a server has given already, and a no of a moment ago, only that server knows.

Exit code 0: a person may be asked. 4: denied, or nobody can be asked. 3: where the secret is cannot be known.`
}

// Run explains one decision.
func (t *PolicyTestCmd) Run(c *cli, p *PolicyCmd) error {
	if err := secret.CheckName(t.Name); err != nil {
		return err
	}
	if len(t.Command) > 0 && t.Command[0] == "--" {
		t.Command = t.Command[1:]
	}
	if len(t.Command) > 0 && t.delivery() != string(policy.DeliverRun) {
		return fmt.Errorf("--delivery %s goes with no command: leave out %s, or pass --delivery run", t.Delivery, strings.Join(t.Command, " "))
	}
	return look(c, p.scopeFlags, func(q *query) error { return t.explain(c, q, p.JSON) })
}

func (t *PolicyTestCmd) explain(c *cli, q *query, asJSON bool) error {
	finding, err := q.deps.Store.Find(c.ctx, t.Name)
	if err != nil {
		return err
	}
	e, err := t.decide(c, q, finding)
	if err != nil {
		return err
	}
	if asJSON {
		err = q.json(e)
	} else {
		err = e.write(q)
	}
	if err != nil {
		return err
	}
	return e.code()
}

// explained is one decision and what led to it.
type explained struct {
	Name        string       `json:"name"`
	Status      string       `json:"status"` // as find_secret has it
	Location    string       `json:"location,omitempty"`
	Environment string       `json:"environment,omitempty"`
	Path        string       `json:"path,omitempty"`
	Delivery    string       `json:"delivery"`
	Command     []string     `json:"command,omitempty"`
	Program     string       `json:"program,omitempty"` // the file that the command's first word comes to
	Rules       []policyLine `json:"rules"`
	Decision    string       `json:"decision"` // ask, deny, unavailable, or unknown
	Reason      string       `json:"reason"`
	Strength    string       `json:"strength,omitempty"` // that a yes must have
	Enrolled    []string     `json:"enrolled"`           // what can prove a yes, by kind
}

// decide asks the gate that a server would have.
func (t *PolicyTestCmd) decide(c *cli, q *query, f store.Finding) (explained, error) {
	e := explained{
		Name: t.Name, Status: f.Status.String(), Delivery: t.delivery(), Command: t.Command, Rules: []policyLine{}, Enrolled: []string{},
	}
	proof := proofOf(c, q.cfg)
	e.Enrolled = append(e.Enrolled, proof.factors...)
	if f.Place == nil || f.Status == store.Hidden || f.Status == store.Unknown {
		q.sayCause(f.Err)
		return e.nowhere(f.Status), nil
	}
	ref, err := f.Place.Ref(t.Name)
	if err != nil {
		return e, err
	}
	e.Location, e.Environment, e.Path = f.Place.Location.String(), f.Place.Environment, f.Place.Path
	runs := errands(q.deps.Redactor)
	request := approval.Request{Scope: q.deps.Scope, Refs: []secret.Ref{ref}, Delivery: policy.Delivery(e.Delivery)}
	if len(t.Command) > 0 {
		what, err := runs.Find(t.Command, "", time.Second)
		if err != nil {
			return e, fmt.Errorf("the command: %w: check its name, or pass its path", err)
		}
		e.Program = what.Program.Path
		request.Command, request.Dir, request.Program, request.ProgramSHA256 = what.Args, what.Dir, what.Program.Path, what.Program.SHA256
	}
	gate := approval.NewGate(approval.Options{
		Policy: scopePolicy(q.cfg, runs), Mask: q.deps.Redactor.String, Verifier: proof,
	})
	e.Rules = linesOf(*f.Place, gate.Policy().Decide(policy.ReadVault, ref))
	needs, err := gate.Judge(request)
	e = e.judged(needs, err, proof.lack)
	if e.Decision == policy.Ask.String() {
		e = e.hindered(q, f, ref)
	}
	return e, nil
}

// hindered is e for what the policy has no part in: where a server asks nobody, since
// it could not give the value.
func (e explained) hindered(q *query, f store.Finding, ref secret.Ref) explained {
	if err := q.deps.Store.Peek().Err(); err != nil {
		q.sayCause(err)
		e.Decision, e.Reason = "unknown", "a place of this scope cannot be read, so that not all could be masked"
		return e
	}
	if !q.deps.Store.CanRead(f.Entry) {
		e.Decision, e.Reason = "unavailable", "this identity may not read its value"
		return e
	}
	switch policy.Delivery(e.Delivery) {
	case policy.DeliverRun:
		if err := launch.MayInject(ref); err != nil {
			e.Decision, e.Reason = policy.Deny.String(), err.Error()
		}
	case policy.DeliverFile:
		if _, err := files().Ready(); err != nil {
			e.Decision, e.Reason = "unavailable", handover.ErrNoPlace.Error()
		}
	case policy.DeliverValue, policy.DeliverBase:
	}
	return e
}

func (t *PolicyTestCmd) delivery() string {
	switch {
	case t.Delivery != "":
		return t.Delivery
	case len(t.Command) > 0:
		return string(policy.DeliverRun)
	default:
		return string(policy.DeliverValue)
	}
}

// nowhere is the decision about a secret that nobody can be asked for.
func (e explained) nowhere(status store.Status) explained {
	e.Decision, e.Reason = "unknown", "where it is cannot be known now"
	if status == store.Missing {
		e.Decision, e.Reason = policy.Deny.String(), "it is in no place of this scope"
	}
	return e
}

// judged is the decision as the gate judged it. Where nobody can prove a yes, lack
// says why.
func (e explained) judged(needs policy.Strength, err error, lack string) explained {
	refused, byPolicy := errors.AsType[*approval.PolicyError](err)
	switch {
	case err == nil:
		e.Decision, e.Strength, e.Reason = policy.Ask.String(), needs.String(), "a person may be asked"
	case byPolicy:
		e.Decision, e.Reason = policy.Deny.String(), refused.Reason()
	default:
		e.Decision, e.Reason, e.Strength = "unavailable", "it needs a yes that a person proves, and "+cmp.Or(lack, "nobody can give one now"), policy.Verified.String()
	}
	return e
}

func (e explained) code() error {
	switch e.Decision {
	case policy.Ask.String():
		return nil
	case "unknown":
		return errStore
	default:
		return errNotApproved
	}
}

func (e explained) write(q *query) error {
	var b strings.Builder
	where := ""
	if e.Path != "" {
		where = fmt.Sprintf(" (%s, %s:%s)", e.Location, e.Environment, e.Path)
	}
	fmt.Fprintf(&b, "%s: %s%s\n", e.Name, e.Status, where)
	if e.Program != "" {
		b.WriteString(wrapped("Command: " + strings.Join(e.Command, " ") + ", which is " + e.Program))
	}
	if len(e.Rules) > 0 {
		rows := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, l := range e.Rules {
			fmt.Fprintf(rows, "  %s\t%s\t%s\n", l.Field, l.Value, l.Origin)
		}
		_ = rows.Flush() // into memory
	}
	b.WriteString(wrapped(fmt.Sprintf("Delivery %s: %s. %s", e.Delivery, e.Decision, e.sentence())))
	if _, err := io.WriteString(q.out, b.String()); err != nil {
		return fmt.Errorf("print the decision: %w", err)
	}
	return nil
}

// sentence says what the decision comes to.
func (e explained) sentence() string {
	switch {
	case e.Decision != policy.Ask.String():
		return strings.ToUpper(e.Reason[:1]) + e.Reason[1:] + "."
	case e.Strength == policy.Client.String():
		return "A person may be asked; the client's own form is enough."
	default:
		return "A person may be asked, and must prove their yes (" + strings.Join(e.Enrolled, " or ") + ")."
	}
}

// joined lists deliveries.
func joined(deliveries []policy.Delivery) string {
	words := make([]string, len(deliveries))
	for i, way := range deliveries {
		words[i] = string(way)
	}
	return strings.Join(words, ", ")
}

// shortly writes whole minutes and seconds without what is zero.
func shortly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}
