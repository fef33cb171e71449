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
	Name    string `arg:"" help:"What you call the passkey, such as laptop." optional:""`
	Passkey bool   `help:"A passkey, in your browser, and not the PIN."`
	List    bool   `help:"Show what is enrolled, and since when."                             xor:"what"`
	JSON    bool   `help:"With --list: print it as JSON."                                     name:"json"`
	Remove  bool   `help:"Remove the PIN, or a passkey. What is enrolled is asked for first." xor:"what"`
	Lost    bool   `help:"Begin anew where what is enrolled is gone from its file."           xor:"what"`
}

// Help is shown by `scrim enroll --help`.
func (EnrollCmd) Help() string {
	return `Sets what proves that a person is there: a PIN, or passkeys, or both. Servers that are started from then on ask for one of them before they give a vault value of production (docs/approval.md). Where something is enrolled already, it is asked for before anything is changed.

The PIN is asked for twice on the terminal, without being shown. It has eight characters or more. What is kept is a hash that is costly to guess at.

A passkey is made in your browser, on a page that this command serves on this machine for as long as it takes; up to eight can be enrolled. The page asks for a number that is shown here. The passkey must ask who holds it: for a fingerprint, a face, or a PIN of its own. What is kept is its public key. Over SSH and without a display there is no such page, and the PIN is the way.

Both are in approver.json beside your own scrim/config.toml, which only you can read; the audit trail says what is enrolled.

Examples:

  scrim enroll                            set a PIN, or another one
  scrim enroll --passkey laptop           add a passkey by that name
  scrim enroll --list                     what is enrolled, and since when
  scrim enroll --list --json              for scripts
  scrim enroll --remove                   remove the PIN
  scrim enroll --remove --passkey laptop  remove that passkey
  scrim enroll --lost                     set a new PIN where the file is gone
  scrim enroll --lost --passkey laptop    or begin anew with a passkey

A PIN is read from the terminal alone: no flag, variable or pipe takes it.

Exit code 0: done. 2: a mistake here, no terminal or browser, or a file that cannot be used. 4: the present PIN or passkey was not right, or nobody answered, and nothing was changed.`
}

// Validate refuses what cannot be meant.
func (e *EnrollCmd) Validate() error {
	switch {
	case e.JSON && !e.List:
		return errors.New("--json goes with --list")
	case e.Passkey && e.List:
		return errors.New("--passkey does not go with --list, which lists them all")
	case e.Name != "" && !e.Passkey:
		return errors.New("unexpected argument: a name goes with --passkey, and nothing here is taken as a PIN")
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
	case e.Remove && e.Passkey:
		return e.removePasskey(c, q, enrolled)
	case e.Remove:
		return removePIN(c, q, enrolled)
	case e.Passkey:
		return e.addPasskey(c, q, enrolled)
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

// list shows what is enrolled. It needs no proof: the file says as much.
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
		q.say("Nothing is enrolled. scrim enroll sets a PIN, or adds a passkey.")
		return nil
	}
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "FACTOR\tNAME\tSINCE")
	for _, f := range factors {
		fmt.Fprintf(rows, "%s\t%s\t%s\n", f.Kind, visible(f.Name), f.SetAt.Local().Format(time.DateTime))
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	return nil
}

// set asks for what is enrolled already, then for the new PIN, and keeps that.
func (e *EnrollCmd) set(c *cli, q *query, enrolled *approver.Approver) error {
	change, t, err := e.leaveAt(c, q, enrolled)
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
	q.say("Servers that start from now on ask for it before they give a vault value of production. Whoever can write that file can put another one there: docs/approval.md says what that means.")
	return nil
}

// leaveAt opens the terminal, and returns leave to change what is enrolled.
func (e *EnrollCmd) leaveAt(c *cli, q *query, enrolled *approver.Approver) (change approver.Change, t *prompt, err error) {
	if e.Lost {
		change, err = enrolled.Replace()
	} else {
		_, err = enrolled.State()
	}
	if err == nil {
		t, err = openPINPrompt()
	}
	if err != nil {
		return change, nil, err
	}
	if !e.Lost {
		change, err = leaveNow(c, q, enrolled, t)
	}
	if err != nil {
		t.close()
	}
	return change, t, err
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

// removePIN asks for what is enrolled, says what follows, and removes the PIN.
func removePIN(c *cli, q *query, enrolled *approver.Approver) error {
	if _, err := enrolled.State(); err != nil || !enrolled.HasPIN() {
		if err == nil {
			q.say("No PIN is enrolled: nothing was removed.")
		}
		return err
	}
	change, t, err := (&EnrollCmd{}).leaveAt(c, q, enrolled)
	if err != nil {
		return err
	}
	defer t.close()
	if !enrolled.HasPasskey() {
		t.say(wrapped(nothingLeft))
	}
	if err := change.RemovePIN(); err != nil {
		return err
	}
	q.say("The PIN is removed from %s, and the audit trail says so. What runs already keeps what it loaded, until it ends.", enrolled.Path())
	return nil
}

const nothingLeft = "Without it nothing proves that a person is there, and whoever runs scrim enroll sets the next one."
