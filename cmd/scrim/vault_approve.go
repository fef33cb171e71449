package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"scrim/internal/approval"
	"scrim/internal/approver"
	"scrim/internal/audit"
	"scrim/internal/browser"
	"scrim/internal/secret"
	"scrim/policy"
)

// A move out of the vault goes through the same gate as an agent's read: the
// policy, a person, the audit trail. The person is asked here, on the terminal.

// approved returns nil where a person approves that the names leave the vault.
func (m *VaultMvCmd) approved(c *cli, k *keeping, names []string) error {
	scope := k.deps.Scope
	vault := secret.Place{Environment: scope.Environment, Path: scope.VaultPath}
	request := approval.Request{Scope: scope, Delivery: policy.DeliverBase, Agent: "scrim vault mv"}
	for _, name := range names {
		ref, err := vault.Ref(name)
		if err != nil {
			return err
		}
		request.Refs = append(request.Refs, ref)
	}
	home, _ := os.UserHomeDir()
	gate, pages := newGate(c, k.cfg, approval.Options{
		Policy: scopePolicy(k.cfg, errands(k.deps.Redactor)), Audit: audit.New(audit.DefaultPath(c.getenv, home)), Mask: k.deps.Redactor.String,
	}, k.deps.Log)
	grant, question, err := gate.Admit(c.ctx, request, approval.Answer{})
	if err == nil && question != nil {
		a := moveQuestion{k: k, gate: gate, request: request, question: question}
		if pages != nil {
			a.address = pages.Address
		}
		if grant, err = a.ask(c); err != nil {
			gate.Withdraw(question.ID)
		}
	}
	if err == nil {
		_, err = grant.Redeem()
	}
	if err == nil || c.ctx.Err() != nil {
		return err
	}
	k.say("Not approved, and nothing was moved: %v.%s", err, afterNo(err))
	return errNotApproved
}

// afterNo is the next step after a move that was not approved.
func afterNo(err error) string {
	denied, ok := errors.AsType[*approval.PolicyError](err)
	switch {
	case ok && denied.Rule == policy.RuleNotStated:
		return " Pass --env, or set PROJECT_ENV."
	case ok && denied.Rule == approval.RuleDelivery:
		return ` Only with "base" among the deliveries there is it asked about.`
	case ok:
		return " scrim policy shows what is in force."
	case errors.Is(err, errNoTerminal):
		return " Run it in a terminal of your own, where a person can answer."
	case errors.Is(err, approval.ErrUnrecorded):
		return " scrim doctor says what is wrong with the audit trail."
	case errors.Is(err, approval.ErrAway):
		return " The other user runs scrim approvals --serve (docs/approval.md)."
	case errors.Is(err, approval.ErrUnavailable):
		return " scrim enroll sets a PIN."
	default:
		return ""
	}
}

var errNoTerminal = fmt.Errorf("%w: there is no terminal to ask on", approval.ErrUnavailable)

// moveQuestion is one question on this process's own terminal.
type moveQuestion struct {
	k        *keeping
	gate     *approval.Gate
	request  approval.Request
	question *approval.Question
	address  func(id string) (string, error) // of the question's page; nil: it has none
}

// ask puts the question, and returns the grant of a yes. Nobody is asked where
// nobody could see the question.
func (a moveQuestion) ask(c *cli) (approval.Grant, error) {
	t, err := openPrompt()
	if err != nil {
		return approval.Grant{}, errNoTerminal
	}
	defer t.close()
	if !a.question.AtDesk {
		return a.plainly(c, t)
	}
	enrolled, err := loadApprover(c)
	switch {
	case a.k.cfg.Verifier != "":
		t.say(shownText(approval.Waiting{Text: a.question.Text}))
		t.say("\n" + wrapped("The user who decides sees it under "+a.question.ID+" (scrim approvals), and answers with scrim approve. Waiting; Ctrl-C takes it back."))
		return a.await(c)
	case err != nil:
		return approval.Grant{}, err
	case slices.ContainsFunc(enrolled.Factors(), func(f approver.Factor) bool { return f.Kind == approver.PIN }):
		return a.withPIN(c, t)
	default:
		return a.onPage(c, t)
	}
}

// plainly asks for a yes, which whoever is at the terminal can give: strength client.
func (a moveQuestion) plainly(c *cli, t *prompt) (approval.Grant, error) {
	if err := a.gate.Put(a.question); err != nil {
		return approval.Grant{}, err
	}
	t.say(shownText(approval.Waiting{Text: a.question.Text}))
	said, err := t.ask(c.ctx, "\nMove out of the vault? Type yes: ")
	if err != nil && c.ctx.Err() != nil {
		return approval.Grant{}, err
	}
	t.say(visible(said) + "\n")
	answer := approval.Answer{ID: a.question.ID, State: a.question.State, Choice: approval.Deny}
	if strings.EqualFold(said, "yes") {
		answer.Choice = approval.Approve
	}
	grant, _, err := a.gate.Admit(c.ctx, a.request, answer)
	return grant, err
}

// withPIN asks for the PIN.
func (a moveQuestion) withPIN(c *cli, t *prompt) (approval.Grant, error) {
	t.say(shownText(approval.Waiting{Text: a.question.Text}))
	t.say("\nNothing typed: not approved.\n")
	pin, err := t.ask(c.ctx, "PIN (not shown): ")
	t.say("\n")
	if err != nil && c.ctx.Err() != nil {
		return approval.Grant{}, err
	}
	if pin == "" {
		return approval.Grant{}, errors.Join(a.gate.Dismiss(a.question.ID), approval.ErrDenied)
	}
	waited := sayIfSlow(c.stderr, "checking the PIN …")
	err = a.gate.Prove(c.ctx, a.question.ID, approval.Proof{PIN: []byte(pin)})
	waited()
	if err != nil {
		return approval.Grant{}, err
	}
	return a.pickUp(c)
}

// onPage has the question answered in a browser, with a passkey.
func (a moveQuestion) onPage(c *cli, t *prompt) (approval.Grant, error) {
	if a.address == nil {
		return approval.Grant{}, approval.ErrUnavailable
	}
	address, err := a.address(a.question.ID)
	if err != nil {
		return approval.Grant{}, fmt.Errorf("%w: %w", approval.ErrUnavailable, err)
	}
	t.say(shownText(approval.Waiting{Text: a.question.Text}))
	t.say("\nYour passkey answers it in the browser of this machine:\n" + address + "\nCtrl-C takes it back.\n")
	if a.k.cfg.Browser && browser.Here(c.getenv) == nil {
		_ = browser.Open(c.ctx, address) // the address is on the terminal
	}
	return a.await(c)
}

// await waits until the question is answered elsewhere.
func (a moveQuestion) await(c *cli) (approval.Grant, error) {
	select {
	case <-a.question.Done:
		return a.pickUp(c)
	case <-c.ctx.Done():
		return approval.Grant{}, c.ctx.Err()
	}
}

func (a moveQuestion) pickUp(c *cli) (approval.Grant, error) {
	grant, again, err := a.gate.Admit(c.ctx, a.request, approval.Answer{ID: a.question.ID})
	if err == nil && again != nil {
		err = approval.ErrExpired
	}
	return grant, err
}
