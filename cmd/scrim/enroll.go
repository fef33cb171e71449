package main

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"scrim/internal/approver"
	"scrim/internal/audit"
	"scrim/internal/config"
)

// EnrollCmd is `scrim enroll`.
type EnrollCmd struct {
	List   bool `help:"Show what is enrolled, and since when."                             xor:"what"`
	JSON   bool `help:"With --list: print it as JSON."                                     name:"json"`
	Remove bool `help:"Remove the PIN. It is asked for first."                             xor:"what"`
	Lost   bool `help:"Set a new PIN where the file of the one before is gone."            xor:"what"`
}

// Help is shown by `scrim enroll --help`.
func (EnrollCmd) Help() string {
	return `Sets the PIN that proves that a person is there. It is asked for twice on the terminal, without being shown; where there is one already, that one first. It has eight characters or more. What is kept is a hash that is costly to guess at, in approver.json beside your own scrim/config.toml, which only you can read; the audit trail says that there is one. Servers that are started from then on ask for it before they give a vault value of production (docs/approval.md).

Examples:

  scrim enroll                  set a PIN, or another one
  scrim enroll --list           what is enrolled, and since when
  scrim enroll --list --json    for scripts
  scrim enroll --remove         go without again
  scrim enroll --lost           set a new one where the file is gone

A PIN is read from the terminal alone: no flag, variable or pipe takes it.

Exit code 0: done. 2: a mistake here, no terminal, or a file that cannot be used. 4: the present PIN was not right, and nothing was changed.`
}

// Validate refuses what cannot be meant.
func (e *EnrollCmd) Validate() error {
	if e.JSON && !e.List {
		return errors.New("--json goes with --list")
	}
	return nil
}

// Run shows or changes what is enrolled.
func (e *EnrollCmd) Run(c *cli) error {
	hardenProcess()
	q := newQuery(c)
	return q.end(c, e.run(c, q))
}

func (e *EnrollCmd) run(c *cli, q *query) error {
	enrolled, err := loadApprover(c)
	if err != nil {
		return err
	}
	switch {
	case e.List:
		return e.list(q, enrolled)
	case e.Remove:
		return removePIN(c, q, enrolled)
	default:
		return e.set(c, q, enrolled)
	}
}

// loadApprover reads what the user has enrolled.
func loadApprover(c *cli) (*approver.Approver, error) {
	home, _ := os.UserHomeDir() // empty is a case of its own
	path := ""
	if dir := config.UserDir(c.getenv, home); dir != "" {
		path = filepath.Join(dir, approver.FileName)
	}
	return approver.Load(path, audit.New(audit.DefaultPath(c.getenv, home)))
}

// list shows what is enrolled. It needs no PIN: the file says as much.
func (e *EnrollCmd) list(q *query, enrolled *approver.Approver) error {
	if _, err := enrolled.State(); err != nil {
		return err
	}
	factors := enrolled.Factors()
	if e.JSON {
		return q.json(struct {
			Factors []approver.Factor `json:"factors"`
			File    string            `json:"file"`
		}{factors, enrolled.Path()})
	}
	if len(factors) == 0 {
		q.say("Nothing is enrolled. scrim enroll sets a PIN.")
		return nil
	}
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "FACTOR\tSINCE")
	for _, f := range factors {
		fmt.Fprintf(rows, "%s\t%s\n", f.Kind, f.SetAt.Local().Format(time.DateTime))
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	return nil
}

// set asks for the present PIN where there is one, then for the new one, and
// keeps that.
func (e *EnrollCmd) set(c *cli, q *query, enrolled *approver.Approver) error {
	t, change, err := e.leave(c, q, enrolled)
	if err != nil {
		return err
	}
	defer t.close()
	pin, err := askNewPIN(c, t)
	if err != nil {
		return err
	}
	if err := change.SetPIN(pin); err != nil {
		return err
	}
	q.say("The PIN is set. A hash of it is in %s, which only you can read, and the audit trail says that there is one.", enrolled.Path())
	q.say("It is good for proving that a person is there. So far scrim enroll alone asks for it, before it changes or removes it. Whoever can write that file can put another one there: docs/approval.md says what that means.")
	return nil
}

// leave opens the terminal, and returns leave to set a PIN.
func (e *EnrollCmd) leave(c *cli, q *query, enrolled *approver.Approver) (*prompt, approver.Change, error) {
	if e.Lost {
		change, err := enrolled.Replace()
		if err != nil {
			return nil, change, err
		}
		t, err := openPINPrompt()
		return t, change, err
	}
	return askPresent(c, q, enrolled)
}

// askPresent opens the terminal, asks for the present PIN where there is one,
// and returns leave to change it. One that is not right is not approved.
func askPresent(c *cli, q *query, enrolled *approver.Approver) (*prompt, approver.Change, error) {
	state, err := enrolled.State()
	if err != nil {
		return nil, approver.Change{}, err
	}
	t, err := openPINPrompt()
	if err != nil {
		return nil, approver.Change{}, err
	}
	var present []byte
	if state == approver.Enrolled {
		present, err = t.askSecret(c.ctx, "Present PIN (not shown): ")
	}
	var change approver.Change
	if err == nil {
		change, err = enrolled.Change(c.ctx, present)
	}
	if _, ok := errors.AsType[*approver.WrongError](err); ok {
		q.say("This is not the present PIN, and nothing was changed: run scrim enroll again. Where you forgot it, docs/approval.md has the way.")
		err = errNotApproved
	}
	if err != nil {
		t.close()
		return nil, approver.Change{}, err
	}
	return t, change, nil
}

func openPINPrompt() (*prompt, error) {
	t, err := openPrompt()
	if err != nil {
		return nil, usageError("there is no terminal to ask for a PIN on, and nothing else is read as one: run scrim enroll in a terminal of your own")
	}
	return t, nil
}

// askNewPIN returns what was typed twice, if it can be a PIN.
func askNewPIN(c *cli, t *prompt) ([]byte, error) {
	t.say(wrapped("Choose a PIN of eight characters or more, for yourself alone: not in a file, a variable or a message."))
	pin, err := t.askSecret(c.ctx, "New PIN (not shown): ")
	if err != nil {
		return nil, err
	}
	if err := approver.CheckPIN(pin); err != nil {
		clear(pin)
		return nil, err
	}
	again, err := t.askSecret(c.ctx, "The same again: ")
	defer clear(again)
	if err == nil && subtle.ConstantTimeCompare(pin, again) != 1 {
		err = usageError("the two are not the same, and nothing was changed: run scrim enroll again")
	}
	if err != nil {
		clear(pin)
		return nil, err
	}
	return pin, nil
}

// removePIN asks for the present PIN, says what follows, and removes it.
func removePIN(c *cli, q *query, enrolled *approver.Approver) error {
	if state, err := enrolled.State(); err != nil || state == approver.NotEnrolled {
		if err == nil {
			q.say("Nothing is enrolled: nothing was removed.")
		}
		return err
	}
	t, change, err := askPresent(c, q, enrolled)
	if err != nil {
		return err
	}
	defer t.close()
	t.say(wrapped("Without it nothing proves that a person is there, and whoever runs scrim enroll sets the next one."))
	if err := change.RemovePIN(); err != nil {
		return err
	}
	q.say("The PIN is removed from %s, and the audit trail says so. What runs already keeps what it loaded, until it ends.", enrolled.Path())
	return nil
}
