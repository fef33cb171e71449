package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// DoctorCmd is `scrim doctor`.
type DoctorCmd struct {
	scopeFlags `embed:""`

	JSON bool `help:"Print the findings as JSON."`
}

// Help is shown by `scrim doctor --help`.
func (DoctorCmd) Help() string {
	return `Looks at everything that scrim depends on here, says what is wrong, and how to mend it: the configuration, the permissions of scrim's own files, the identity (each place that was looked at for one), the store and its clock, each place of the scope, what the identity may see (too little, or more than scrim needs), the vault's own identity where there is one (it logs in, and reads no value), values that look wrong or that nothing masks, the MCP clients, the instructions for agents, the keychain of macOS, .env files in the repository and in its git history (by name), who can prove to approve, and the audit trail. It changes nothing.

Examples:

  scrim doctor
  scrim doctor --env dev
  scrim doctor --json     for scripts

Exit code 0: no problem was found; notes are none. 1: one was. What could not be looked at is said, and is no problem by itself.`
}

// status is what the doctor thinks of one thing.
type status string

const (
	statusOK      status = "ok"
	statusNote    status = "note"    // as it may be, and worth a word
	statusProblem status = "problem" // with a fix
	statusUnknown status = "unknown" // could not be looked at
)

// diagnosis is one thing that was looked at.
type diagnosis struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// diagnoses is all that the doctor has to say.
type diagnoses struct {
	Findings []diagnosis `json:"findings"`
	Problems int         `json:"problems"`
}

// Run examines, and shows each finding when it is there.
func (d *DoctorCmd) Run(c *cli) error {
	q := newQuery(c)
	return q.end(c, d.examine(c, q))
}

func (d *DoctorCmd) examine(c *cli, q *query) error {
	all := diagnoses{Findings: []diagnosis{}}
	chart := newChart(c, q.out)
	e := &examination{c: c, q: q, flags: d.scopeFlags, found: func(f diagnosis) error {
		all.Findings = append(all.Findings, f)
		if f.Status == statusProblem {
			all.Problems++
		}
		if d.JSON {
			return nil
		}
		return chart.show(f)
	}}
	for _, check := range e.checks() {
		if err := check(); err != nil {
			return err
		}
		if err := c.ctx.Err(); err != nil {
			return fmt.Errorf("look at everything: %w", err)
		}
	}
	if d.JSON {
		if err := q.json(all); err != nil {
			return err
		}
	} else {
		q.say("%s", all.sum())
	}
	if all.Problems > 0 {
		return errFound
	}
	return nil
}

// sum is the last line for people.
func (d diagnoses) sum() string {
	open := 0
	for _, f := range d.Findings {
		if f.Status == statusUnknown {
			open++
		}
	}
	text := "No problem was found"
	if d.Problems > 0 {
		text = count(d.Problems, "problem")
	}
	if open > 0 {
		text += fmt.Sprintf("; %s could not be looked at", count(open, "thing"))
	}
	return text + "."
}

// chart shows findings to people, those of one check under its name.
type chart struct {
	out    io.Writer
	colour bool
	last   string
}

func newChart(c *cli, out io.Writer) *chart {
	f, isFile := c.stdout.(*os.File)
	return &chart{out: out, colour: isFile && colour(f, c.getenv)}
}

// statusWidth is how wide a status is shown.
const statusWidth = len("problem  ")

func (h *chart) show(f diagnosis) error {
	var b strings.Builder
	if f.Check != h.last {
		b.WriteString(f.Check + "\n")
		h.last = f.Check
	}
	const margin = "  "
	indent := strings.Repeat(" ", len(margin)+statusWidth)
	label := margin + string(f.Status) + strings.Repeat(" ", statusWidth-len(f.Status))
	text := hung(label, f.Detail, indent)
	if f.Fix != "" {
		text += hung(indent, "fix: "+f.Fix, indent+"     ")
	}
	b.WriteString(h.paint(f.Status, text, label))
	if _, err := io.WriteString(h.out, b.String()); err != nil {
		return fmt.Errorf("print a finding: %w", err)
	}
	return nil
}

// paint colours the status in text, which begins with label.
func (h *chart) paint(s status, text, label string) string {
	const green, red, yellow, reset = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
	inks := map[status]string{statusOK: green, statusProblem: red, statusUnknown: yellow}
	ink := inks[s]
	if !h.colour || ink == "" {
		return text
	}
	return ink + label + reset + text[len(label):]
}

// some names the first of many.
func some(names []string) string {
	const most = 8
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(slices.Clone(names[:most]), ", "), len(names)-most)
}
