package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"scrim/internal/approval"
	desks "scrim/internal/approval/desk"
	"scrim/internal/approval/outpost"
	"scrim/internal/audit"
	"scrim/internal/config"
)

// ApprovalsCmd is `scrim approvals`.
type ApprovalsCmd struct {
	Watch bool `help:"Go on, and show each change." xor:"how"`
	JSON  bool `help:"Print them as JSON." xor:"how"`

	Serve string   `placeholder:"SOCKET" help:"Let servers of other users ask you, at this socket, until Ctrl-C." xor:"how"`
	From  []string `placeholder:"USER" help:"With --serve: a user who may ask, by name or number. Nobody else may."`
}

// Help is shown by `scrim approvals --help`.
func (ApprovalsCmd) Help() string {
	return `Lists the questions of agents that wait for a person, of every server of yours that runs on this machine.

Examples:

  scrim approvals             what waits now
  scrim approvals --watch     and what comes
  scrim approve q3vk7n2wma    look at one, and answer it

  scrim approvals --serve /srv/scrim/verifier.sock --from alice

With --serve other users' servers can ask you: those of the users that --from names, whose own scrim/config.toml says verifier = "SOCKET" under [approval]. Their questions show up here with the user who asks, and nothing that they say is believed; the proof is yours, enrolled by scrim enroll before this starts, and out of their reach. The socket's folder has to be yours, and nobody else may write to it (docs/approval.md).

Exit code 0, whether or not anything waits. 2: with --serve, nobody is enrolled, nobody may ask, or the socket cannot be there.`
}

// Run lists once, or until an interrupt.
func (a *ApprovalsCmd) Run(c *cli) error {
	q := newQuery(c)
	if a.Serve == "" && len(a.From) > 0 {
		return q.end(c, usageError("--from says who may ask at the socket of --serve, and there is none"))
	}
	if a.Serve != "" {
		hardenProcess()
		return q.end(c, a.serve(c, q))
	}
	return q.end(c, a.list(c, q))
}

// serve lets servers of other users ask the person at this user's terminals.
func (a *ApprovalsCmd) serve(c *cli, q *query) error {
	enrolled, err := loadApprover(c)
	if err != nil {
		return err
	}
	if !enrolled.Enrolled() {
		return usageError("nobody is enrolled here, so nobody could say yes: run scrim enroll first")
	}
	from, err := usersNamed(a.From)
	if err != nil {
		return err
	}
	path, err := filepath.Abs(a.Serve)
	if err != nil {
		return fmt.Errorf("find the socket's path: %w", err)
	}
	settings, err := config.ParseLog(c.getenv)
	if err != nil {
		return err
	}
	home, _ := os.UserHomeDir()
	visitors, end, err := outpost.Serve(c.ctx, path, outpost.Options{
		From: from, Verifier: verifier{enrolled}, Audit: audit.New(audit.DefaultPath(c.getenv, home)), Log: newLog(q.talk, settings, c.getenv),
	})
	if err != nil {
		return usageError(err.Error())
	}
	defer end()
	closeDesk, err := desks.Serve(c.ctx, visitors)
	if err != nil {
		return fmt.Errorf("let your terminals see what is asked: %w", err)
	}
	defer closeDesk()
	q.say("Servers of %s can ask you at %s. scrim approvals lists what they ask, scrim approve answers. Ctrl-C ends it.", strings.Join(a.From, ", "), path)
	<-c.ctx.Done()
	return nil
}

// usersNamed returns the uids of users of this machine, of whom this one is none.
func usersNamed(names []string) ([]int, error) {
	if len(names) == 0 {
		return nil, usageError("nobody could ask: name with --from the user whose servers may")
	}
	var uids []int
	for _, name := range names {
		uid, err := strconv.ParseUint(name, 10, 31)
		if known, lookErr := user.Lookup(name); lookErr == nil {
			uid, err = strconv.ParseUint(known.Uid, 10, 31)
		}
		if err != nil {
			return nil, usageError("there is no user " + visible(name) + " on this machine: give --from a name or a number of one")
		}
		if int(uid) == os.Getuid() {
			return nil, usageError("--from " + visible(name) + " is you: no server of a user believes that same user's socket")
		}
		uids = append(uids, int(uid))
	}
	return uids, nil
}

func (a *ApprovalsCmd) list(c *cli, q *query) error {
	if a.JSON {
		return q.json(map[string]any{"approvals": notes(waiting(c.ctx), time.Now())})
	}
	shown := ""
	for {
		table := approvalsTable(waiting(c.ctx), time.Now())
		if ids := idsOf(table); ids != shown || !a.Watch {
			if err := showApprovals(q, table, a.Watch && shown != ""); err != nil {
				return err
			}
			shown = ids
		}
		if !a.Watch {
			return nil
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// showApprovals prints one state of the list.
func showApprovals(q *query, rows [][]string, again bool) error {
	if len(rows) == 1 {
		q.say("Nothing waits for a person.")
		return nil
	}
	text := strings.Join(aligned(rows), "\n") + "\n"
	if again {
		text = "\n" + text
	}
	if _, err := io.WriteString(q.out, text); err != nil {
		return fmt.Errorf("print what waits: %w", err)
	}
	return nil
}

// idsOf says which questions a table has, but not for how long they do.
func idsOf(rows [][]string) string {
	var b bytes.Buffer
	for _, row := range rows {
		b.WriteString(row[0] + " ")
	}
	return b.String()
}

// waiting returns what waits at every desk, the most urgent first.
func waiting(ctx context.Context) []approval.Waiting {
	var all []approval.Waiting
	for _, question := range desks.Open(ctx) {
		all = append(all, question.Waiting)
	}
	slices.SortStableFunc(all, func(a, b approval.Waiting) int { return cmp.Or(a.Expires.Compare(b.Expires), cmp.Compare(a.ID, b.ID)) })
	return all
}

// approvalNote is a question for scripts.
type approvalNote struct {
	ID          string   `json:"id"`
	Names       []string `json:"names"`
	Delivery    string   `json:"delivery"`
	Agent       string   `json:"agent"`
	Needs       string   `json:"needs"` // strength
	AtDesk      bool     `json:"at_desk"`
	SecondsLeft int      `json:"seconds_left"`
}

func notes(all []approval.Waiting, now time.Time) []approvalNote {
	list := []approvalNote{}
	for _, w := range all {
		list = append(list, approvalNote{w.ID, w.Names, w.Delivery, w.Agent, w.Needs.String(), w.AtDesk, int(left(w, now).Seconds())})
	}
	return list
}

// approvalsTable lays questions out for people.
func approvalsTable(all []approval.Waiting, now time.Time) [][]string {
	rows := [][]string{{"ID", "SECRETS", "DELIVERY", "WHO ASKS", "TIME LEFT"}}
	for _, w := range all {
		rows = append(rows, []string{
			visible(w.ID), visible(strings.Join(w.Names, ", ")), visible(w.Delivery), visible(w.Agent), left(w, now).String(),
		})
	}
	return rows
}

func left(w approval.Waiting, now time.Time) time.Duration {
	if w.Expires.IsZero() {
		return 0
	}
	return max(0, w.Expires.Sub(now)).Truncate(time.Second)
}

// ApproveCmd is `scrim approve`.
type ApproveCmd struct {
	ID   string `arg:"" help:"The question's id, or the start of it."`
	Deny bool   `help:"Say no. That needs no PIN."`
}

// Help is shown by `scrim approve --help`.
func (ApproveCmd) Help() string {
	return `Shows what an agent asks for, and asks for your PIN (see scrim enroll). With the right one the agent gets what it asked for, once; without one it does not. The PIN is read from the terminal and from nowhere else.

Examples:

  scrim approve q3vk7n2wma
  scrim approve q3vk --deny

Exit code 0: it is answered as you said. 2: no such question. 4: it is not approved.`
}

// Run shows one question and answers it.
func (a *ApproveCmd) Run(c *cli) error {
	hardenProcess()
	q := newQuery(c)
	return q.end(c, a.answer(c, q))
}

func (a *ApproveCmd) answer(c *cli, q *query) error {
	question, err := desks.Find(c.ctx, a.ID)
	if errors.Is(err, desks.ErrNone) {
		return usageError("no question waits under " + visible(a.ID) + ": scrim approvals lists those that do")
	}
	if err != nil {
		return err
	}
	text := shownText(question.Waiting)
	if !a.Deny {
		if t, err := openPrompt(); err == nil {
			defer t.close()
			return prove(c, q, t, text, question)
		}
	}
	if _, err := io.WriteString(q.out, text); err != nil {
		return fmt.Errorf("print the question: %w", err)
	}
	if !a.Deny {
		return usageError("there is no terminal to ask for the PIN on: run this in one")
	}
	if err := question.At.Dismiss(c.ctx, question.ID); err != nil {
		return err
	}
	q.say("It is denied.")
	return nil
}

// shownText is what a question says, fit for a terminal whoever wrote it.
func shownText(question approval.Waiting) string {
	var b strings.Builder
	for line := range strings.Lines(question.Text) {
		b.WriteString(visible(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return b.String()
}

// prove shows the question and asks for the PIN, both on the terminal: wherever the
// output leads, nobody types a PIN for what they do not see.
func prove(c *cli, q *query, t *prompt, text string, question desks.Question) error {
	t.say(text)
	t.say(fmt.Sprintf("\nTime left: %s. Nothing typed: not approved.\n", left(question.Waiting, time.Now())))
	pin, err := t.askLine(c.ctx, "PIN (not shown): ")
	defer clear(pin)
	t.say("\n")
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(pin)) == 0 {
		q.say("It is not approved, and waits on.")
		return errNotApproved
	}
	waited := sayIfSlow(c.stderr, "checking the PIN …")
	err = question.At.Prove(c.ctx, question.ID, pin)
	waited()
	switch {
	case c.ctx.Err() != nil:
		q.say("It is taken back. If scrim approvals does not list it any more, that came too late.")
		return errInterrupted
	case errors.Is(err, approval.ErrNotProved):
		q.say("It is not approved, and waits on: %v", err)
		return errNotApproved
	case err != nil:
		q.say("Your yes changed nothing: %v", err)
		return errNotApproved
	default:
		q.say("It is approved: the agent gets it once, when it asks again.")
		return nil
	}
}
