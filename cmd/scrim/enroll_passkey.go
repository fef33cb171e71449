package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"scrim/internal/approver"
	"scrim/internal/browser"
	"scrim/internal/ceremony"
)

// addPasskey asks for what is enrolled already, and has the browser make a passkey.
func (e *EnrollCmd) addPasskey(c *cli, q *query, enrolled *approver.Approver) error {
	name := e.Name
	if name == "" {
		name = freeName(enrolled.Factors())
	}
	if err := approver.CheckName(name); err != nil {
		return usageError(err.Error())
	}
	if err := haveBrowser(c); err != nil {
		return err
	}
	var l leave
	var err error
	if e.Lost {
		l.change, err = enrolled.Replace()
	} else {
		l, err = askLeave(c, q, enrolled, nil)
	}
	if err != nil {
		return err
	}
	if err := inBrowser(c, q, append(l.steps(enrolled), l.making(name))...); err != nil {
		return err
	}
	q.say("The passkey %s is enrolled. Its public key is in %s, which only you can read, and the audit trail says that there is one.", visible(name), enrolled.Path())
	q.say("Servers that start from now on ask for a yes with it before they give a vault value of production. Whoever can write that file can put another one there: docs/approval.md says what that means.")
	return nil
}

// freeName is what a passkey is called whose owner gave it no name.
func freeName(taken []approver.Factor) string {
	name := "passkey"
	for n := 2; slices.ContainsFunc(taken, func(f approver.Factor) bool { return f.Name == name }); n++ {
		name = fmt.Sprintf("passkey %d", n)
	}
	return name
}

// removePasskey asks for what is enrolled, and removes the passkey of that name.
func (e *EnrollCmd) removePasskey(c *cli, q *query, enrolled *approver.Approver) error {
	if _, err := enrolled.State(); err != nil {
		return err
	}
	name, err := e.which(enrolled.Factors())
	if err != nil {
		return err
	}
	change, err := leaveNow(c, q, enrolled, nil)
	if err != nil {
		return err
	}
	if err := change.RemovePasskey(name); err != nil {
		return err
	}
	q.say("The passkey %s is removed from %s, and the audit trail says so. What runs already keeps what it loaded, until it ends.", visible(name), enrolled.Path())
	if len(enrolled.Factors()) == 1 {
		q.say(nothingLeft)
	}
	return nil
}

// which returns the passkey that is meant: the one of that name, or the only one.
func (e *EnrollCmd) which(factors []approver.Factor) (string, error) {
	var names []string
	for _, f := range factors {
		if f.Kind == approver.Passkey {
			names = append(names, f.Name)
		}
	}
	switch {
	case e.Name == "" && len(names) == 1:
		return names[0], nil
	case slices.Contains(names, e.Name):
		return e.Name, nil
	case len(names) == 0:
		return "", usageError("no passkey is enrolled: nothing was removed")
	default:
		return "", usageError("say which passkey, by a name that scrim enroll --list shows")
	}
}

// leave is leave to change what is enrolled: there, or to be had in the browser.
type leave struct {
	change    approver.Change
	inBrowser bool
}

// askLeave asks for the present PIN, at t if that is open already. Where there is
// none, or nothing is typed and there is a passkey, leave is to be had in the
// browser.
func askLeave(c *cli, q *query, enrolled *approver.Approver, t *prompt) (leave, error) {
	if _, err := enrolled.State(); err != nil {
		return leave{}, err
	}
	if !enrolled.HasPIN() {
		change, err := approver.Change{}, error(nil)
		if !enrolled.HasPasskey() {
			change, err = enrolled.Change(c.ctx, nil)
		}
		return leave{change, enrolled.HasPasskey()}, err
	}
	if t == nil {
		var err error
		if t, err = openPINPrompt(); err != nil {
			return leave{}, err
		}
		defer t.close()
	}
	present, err := askPresent(c, t, enrolled.HasPasskey())
	if err != nil || len(present) == 0 {
		return leave{inBrowser: true}, err
	}
	change, err := enrolled.Change(c.ctx, present)
	if _, ok := errors.AsType[*approver.WrongError](err); ok {
		q.say("This is not the present PIN, and nothing was changed: run scrim enroll again. Where you forgot it, docs/approval.md has the way.")
		err = errNotApproved
	}
	return leave{change: change}, err
}

// askPresent asks for the present PIN. It is empty where a passkey is to be asked
// for instead.
func askPresent(c *cli, t *prompt, orPasskey bool) ([]byte, error) {
	if !orPasskey {
		return t.askSecret(c.ctx, "Present PIN (not shown): ")
	}
	present, err := t.askLine(c.ctx, "Present PIN (not shown; nothing for a passkey, in the browser): ")
	t.say("\n")
	return present, err
}

// leaveNow is askLeave and, where that is how, what the browser is asked.
func leaveNow(c *cli, q *query, enrolled *approver.Approver, t *prompt) (approver.Change, error) {
	l, err := askLeave(c, q, enrolled, t)
	if err == nil && l.inBrowser {
		err = inBrowser(c, q, l.steps(enrolled)...)
	}
	return l.change, err
}

// errNotPresent says that what is enrolled was not what signed.
var errNotPresent = errors.New("nothing was changed")

// steps are what the browser is asked before there is leave.
func (l *leave) steps(enrolled *approver.Approver) []ceremony.Step {
	if !l.inBrowser {
		return nil
	}
	return []ceremony.Step{{
		Title:   "Use a passkey of yours",
		Text:    "What is enrolled with scrim is about to be changed on your terminal. Your browser asks for a passkey that is enrolled already.",
		Options: enrolled.ChangeChallenge,
		Answer: func(ctx context.Context, origin string, response []byte) (err error) {
			if l.change, err = enrolled.ChangeByPasskey(ctx, origin, response); err != nil {
				return fmt.Errorf("%w: %w", errNotPresent, err)
			}
			return nil
		},
	}}
}

// making has the browser make a passkey, with the leave that there is by then.
func (l *leave) making(name string) ceremony.Step {
	var made *approver.Registration
	return ceremony.Step{
		Title: "Make a passkey for scrim",
		Text:  "Your browser makes a passkey, “" + visible(name) + "”. From then on you say yes with it when an agent asks for a secret that needs it.",
		Make:  true,
		Options: func(origin string) (options []byte, err error) {
			if made, err = l.change.Registration(origin, name); err != nil {
				return nil, err
			}
			return made.Options, nil
		},
		Answer: func(_ context.Context, _ string, response []byte) error {
			if made == nil {
				return approver.ErrNoChallenge
			}
			return made.AddPasskey(response)
		},
	}
}

// haveBrowser returns why no page can be shown to the person, or nil.
func haveBrowser(c *cli) error {
	if err := browser.Here(c.getenv); err != nil {
		return usageError("a passkey needs a browser on this machine, and " + err.Error() + ": use a PIN, which scrim enroll sets on a terminal")
	}
	return nil
}

// inBrowser shows the person a page, and waits until it went through steps.
func inBrowser(c *cli, q *query, steps ...ceremony.Step) error {
	if err := haveBrowser(c); err != nil {
		return err
	}
	err := ceremony.Ask(c.ctx, func(address, number string) {
		whole := address
		if number != "" { // which no list of processes has
			q.say("The page asks for this number: %s", number)
			whole += "#" + number
		}
		q.say("Go on in the browser of this machine: %s", whole)
		if browser.Open(c.ctx, address) != nil {
			q.say("It did not open by itself: open that address there.")
		}
	}, steps...)
	if errors.Is(err, errNotPresent) || errors.Is(err, ceremony.ErrNobody) || errors.Is(err, ceremony.ErrWrongNumber) {
		q.say("%v: run scrim enroll again.", err)
		return errNotApproved
	}
	return err
}
