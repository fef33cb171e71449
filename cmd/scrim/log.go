package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"golang.org/x/term"

	"scrim/internal/audit"
)

// LogCmd is `scrim log`.
type LogCmd struct {
	JSON   bool `help:"Print the records as they are, one JSON object a line." name:"json" xor:"form"`
	Verify bool `help:"Check the chain, and name the first broken line."                   xor:"form"`
	Last   int  `help:"Show only the last N records."                          placeholder:"N" short:"n"`
}

// Help is shown by `scrim log --help`.
func (LogCmd) Help() string {
	return `Examples:

  scrim log -n 20         what was asked and decided of late
  scrim log --json        for scripts
  scrim log --verify      exit code 1 where the trail was changed

The trail is a file of JSON lines under XDG_STATE_HOME (~/.local/state/scrim).
It holds names, reasons and times, and no values.`
}

// Validate refuses what cannot be meant.
func (l *LogCmd) Validate() error {
	if l.Last < 0 {
		return errors.New("--last takes the number of records to show, such as 20")
	}
	return nil
}

// Run prints the trail, or what is wrong with it.
func (l *LogCmd) Run(c *cli) error {
	home, _ := os.UserHomeDir() // empty is a case of its own
	path := audit.DefaultPath(c.getenv, home)
	if path == "" {
		_, _ = fmt.Fprintln(c.stderr, "scrim: nothing says where the audit trail lies: set HOME or XDG_STATE_HOME")
		return errUsage
	}
	err := l.show(c, path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = fmt.Fprintf(c.stderr, "no audit trail yet at %s: it begins with the first request to read a vault secret, the first finding of check_text, or scrim enroll\n", path)
	}
	return err
}

func (l *LogCmd) show(c *cli, path string) error {
	if l.Verify {
		return verifyLog(c.stdout, path)
	}
	f, err := audit.OpenTrail(path)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	defer f.Close()
	records, broken, err := lastRecords(f, l.Last)
	if err != nil {
		return fmt.Errorf("log: read %s: %w", path, err)
	}
	if l.JSON {
		_, onTerminal := terminal(c.stdout)
		err = writeJSONLines(c.stdout, records, onTerminal)
	} else {
		err = newLogTable(c).write(c.stdout, records)
	}
	if broken != nil && err == nil {
		_, err = fmt.Fprintf(c.stderr, "%v (not shown): run `scrim log --verify`\n", broken)
	}
	return err
}

// verifyLog prints one line on the whole trail.
func verifyLog(w io.Writer, path string) error {
	sum, err := audit.Verify(path)
	if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
		if _, err := fmt.Fprintf(w, "%s is broken at %v\n", path, broken); err != nil {
			return err
		}
		return errFound
	}
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	note := ""
	if sum.Cut > 0 {
		note = fmt.Sprintf(" (%s cut short while it was written, as the record after it says)", count(sum.Cut, "line"))
	}
	_, err = fmt.Fprintf(w, "%s, chain intact%s\n", count(sum.Records, "record"), note)
	return err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// lastRecords returns the last n records of r, or all for n 0, and the first
// line that is none.
func lastRecords(r io.Reader, n int) ([]audit.Record, *audit.BrokenError, error) {
	var records []audit.Record
	var firstBroken *audit.BrokenError
	for record, err := range audit.Read(r) {
		if broken, ok := errors.AsType[*audit.BrokenError](err); ok {
			if firstBroken == nil {
				firstBroken = broken
			}
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		records = append(records, record)
		if n > 0 && len(records) >= 2*n {
			records = append(records[:0], records[len(records)-n:]...)
		}
	}
	if n > 0 && len(records) > n {
		records = records[len(records)-n:]
	}
	return records, firstBroken, nil
}

// writeJSONLines prints the lines as they stand in the file. On a terminal,
// what it might obey is escaped, which changes no JSON.
func writeJSONLines(w io.Writer, records []audit.Record, onTerminal bool) error {
	var b bytes.Buffer
	for _, r := range records {
		if onTerminal {
			b.WriteString(visible(string(r.Line())))
		} else {
			b.Write(r.Line())
		}
		b.WriteByte('\n')
	}
	_, err := w.Write(b.Bytes())
	return err
}

// visible escapes every rune that a terminal may obey or hide, as JSON would.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// logTable lays records out for people. On a terminal it keeps to its width;
// elsewhere every column is whole.
type logTable struct {
	width  int // 0: as wide as it gets
	colour bool
}

func newLogTable(c *cli) logTable {
	f, ok := terminal(c.stdout)
	if !ok {
		return logTable{}
	}
	t := logTable{width: 80, colour: colour(f, c.getenv)}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		t.width = width
	}
	return t
}

// terminal returns a stream as the terminal that it is.
func terminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	return f, ok && isTerminal(f)
}

// The table's columns.
const (
	colTime = iota
	colWhat
	colNames
	colEnv
	colAgent
	colBy
	colRequest
	columnCount
)

func (t logTable) write(w io.Writer, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	rows := [][columnCount]string{{"TIME", "WHAT", "SECRET", "ENV", "AGENT", "BY", "REQUEST"}}
	for _, r := range records {
		rows = append(rows, t.row(r))
	}
	widths := t.widths(rows)
	var b strings.Builder
	for i, row := range rows {
		var line strings.Builder
		for column, cell := range row {
			text := pad(cell, widths[column])
			if column == colWhat && i > 0 {
				text = t.paint(records[i-1].Kind, text)
			}
			line.WriteString(text + "  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
		if i > 0 {
			t.writeReason(&b, records[i-1])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t logTable) row(r audit.Record) [columnCount]string {
	layout := time.DateTime
	if t.width > 0 {
		layout = "01-02 15:04"
	}
	row := [columnCount]string{
		r.Time.Local().Format(layout), string(r.Kind), shortNames(subjects(r)),
		r.Environment, r.Agent, cmp.Or(r.Strength, r.Factor), r.RequestID,
	}
	for i := range row {
		row[i] = visible(row[i])
	}
	return row
}

// subjects are what a record is about: secrets, or else the rules that found
// something.
func subjects(r audit.Record) []string {
	if len(r.Names) > 0 {
		return r.Names
	}
	var names []string
	for _, f := range r.Findings {
		if f.Name != "" && !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// shortNames reduces "env:/path/NAME" to the name, and several to the first
// and how many more.
func shortNames(refs []string) string {
	if len(refs) == 0 {
		return ""
	}
	name := refs[0][strings.LastIndexByte(refs[0], '/')+1:]
	if len(refs) > 1 {
		name += fmt.Sprintf(" +%d", len(refs)-1)
	}
	return name
}

// widths fits the columns to their content, then narrows the names, the agent
// and the environment until the row fits.
func (t logTable) widths(rows [][columnCount]string) [columnCount]int {
	var widths [columnCount]int
	total := 2 * (columnCount - 1)
	for column := range widths {
		for _, row := range rows {
			widths[column] = max(widths[column], cells(row[column]))
		}
		total += widths[column]
	}
	if t.width == 0 {
		return widths
	}
	for _, narrow := range []struct{ column, least int }{{colAgent, 5}, {colNames, 12}, {colEnv, 4}, {colRequest, 1}, {colBy, 1}} {
		if spare := min(total-t.width, widths[narrow.column]-narrow.least); spare > 0 {
			widths[narrow.column] -= spare
			total -= spare
		}
	}
	return widths
}

// writeReason puts the reason, or what was found, on a line of its own, since it has no bound.
func (t logTable) writeReason(b *strings.Builder, r audit.Record) {
	text := cmp.Or(r.Reason, findingsText(r.Findings))
	if text == "" {
		return
	}
	text = "    " + visible(text)
	if t.width > 0 {
		text = pad(text, t.width)
	}
	b.WriteString(strings.TrimRight(text, " ") + "\n")
}

// findingsText says what a text held, in one line.
func findingsText(findings []audit.Finding) string {
	parts := make([]string, len(findings))
	for i, f := range findings {
		parts[i] = fmt.Sprintf("%s (%s, %s) %s", cmp.Or(f.Name, "a value without a name"), f.Kind, f.Encoding, count(f.Count, "time"))
	}
	return strings.Join(parts, ", ")
}

// pad makes s exactly width cells wide, with an ellipsis where it is cut.
func pad(s string, width int) string {
	n := cells(s)
	if n <= width {
		return s + strings.Repeat(" ", width-n)
	}
	kept, used := "", 0
	for _, r := range s {
		if used+cells(string(r)) > width-1 {
			break
		}
		kept += string(r)
		used += cells(string(r))
	}
	return kept + "…" + strings.Repeat(" ", max(0, width-1-used))
}

// cells is how wide a terminal shows s, at most.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r != '…' {
			n++
		}
	}
	return n
}

func (t logTable) paint(kind audit.Kind, text string) string {
	if !t.colour {
		return text
	}
	const green, red, yellow, reset = "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
	switch kind {
	case audit.Approved, audit.Granted:
		return green + text + reset
	case audit.Denied, audit.Refused:
		return red + text + reset
	case audit.Unavailable, audit.Expired, audit.Torn, audit.Found, audit.Enrolled, audit.Unenrolled:
		return yellow + text + reset
	default:
		return text
	}
}
