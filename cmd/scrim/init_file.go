package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"

	"scrim/internal/ledger"
	"scrim/internal/setup"
)

// planned is what is to be done to one file.
type planned struct {
	shown  string // its name for people
	file   ledger.File
	before []byte
	exists bool
	edits  []setup.Edit
	remove bool // rather than edit
	mode   fs.FileMode
	note   string // what a person should know
	own    bool   // it is the user's, for all repositories
	err    error  // why it is left alone
}

// plan is all that is to be done, in order.
type plan []planned

func (p plan) changes() bool {
	return slices.ContainsFunc(p, func(f planned) bool { return len(f.edits) > 0 || f.remove })
}

// talk says what a person should know, and returns errUsage where a file is
// left alone.
func (p plan) talk(c *cli) error {
	var problems error
	for _, f := range p {
		if f.note != "" {
			fmt.Fprint(c.stderr, wrapped(f.shown+": "+f.note))
		}
		if f.err != nil {
			sayProblem(c, f.shown, f.err)
			problems = errUsage
		}
	}
	return problems
}

// sayProblem says why a file is left alone.
func sayProblem(c *cli, shown string, err error) {
	text := "scrim: " + shown + ": " + cause(err).Error()
	if _, ok := errors.AsType[*setup.PositionError](err); ok {
		text = "scrim: " + shown + ":" + err.Error() // which begins with the line
	} else if errors.Is(err, fs.ErrPermission) {
		text += ": check its permissions, and those of its folder"
	}
	fmt.Fprint(c.stderr, wrapped(text))
}

// fill reads the file and plans the edits.
func (f *planned) fill(edit func([]byte) (setup.Change, error)) {
	if f.err == nil {
		f.before, f.exists, f.err = f.file.Read()
	}
	if f.err != nil {
		return
	}
	change, err := edit(f.before)
	f.edits, f.note, f.err = change.Edits, change.Note, err
}

// change does what is planned.
func (f planned) change(s site, undo bool) error {
	if undo {
		return s.ledger.Undo(f.file, f.before, setup.Apply(f.before, f.edits), f.remove)
	}
	return s.ledger.Change(f.file, f.before, f.exists, f.edits, f.mode)
}

// note puts on record which files for all repositories this one relies on, or
// relies on no more.
func (p plan) note(s site, undo bool) error {
	for _, f := range p {
		if !f.own || f.err != nil {
			continue
		}
		put := s.ledger.Join
		if undo {
			put = s.ledger.Leave
		}
		if err := put(f.file, s.root); err != nil {
			return err
		}
	}
	return nil
}

// difference shows what goes into the file and out of it, and nothing of what
// stands around that, since a client's file can hold other servers' secrets.
func (f planned) difference() string {
	if len(f.edits) == 0 && !f.remove {
		return ""
	}
	var b strings.Builder
	b.WriteString(f.shown)
	switch {
	case f.remove:
		b.WriteString(" (goes)")
	case !f.exists:
		b.WriteString(" (new)")
	}
	b.WriteByte('\n')
	for _, e := range f.edits {
		if f.exists {
			fmt.Fprintf(&b, "@@ line %d @@\n", bytes.Count(f.before[:e.Offset], []byte("\n"))+1)
		}
		f.lines(&b, "-", e, e.Old)
		f.lines(&b, "+", e, e.New)
	}
	return b.String()
}

// lines shows a part of a text. What stands before and behind it on its lines is
// an ellipsis.
func (f planned) lines(b *strings.Builder, sign string, e setup.Edit, part []byte) {
	if len(part) == 0 {
		return
	}
	text := strings.Map(shownRune, strings.ReplaceAll(string(part), "\r\n", "\n"))
	if e.Offset > 0 && f.before[e.Offset-1] != '\n' {
		if rest, ok := strings.CutPrefix(text, "\n"); ok {
			text = rest
		} else {
			text = "…" + text
		}
	}
	rest := f.before[e.Offset+len(e.Old):]
	if !strings.HasSuffix(text, "\n") {
		if len(rest) > 0 && rest[0] != '\n' && rest[0] != '\r' {
			text += "…"
		}
		text += "\n"
	}
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(sign+" "+line, " \n") + "\n")
	}
}

// shownRune returns what a terminal may be given of a text that somebody else
// may have edited: no controls, and nothing that changes how the rest is seen.
func shownRune(r rune) rune {
	if r == '\n' || r == '\t' || unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}
