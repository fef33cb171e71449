package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/rules"
	"scrim/internal/scan"
	"scrim/internal/store"
	"scrim/redact"
	"scrim/tools"
)

// ScanCmd is `scrim scan`.
type ScanCmd struct {
	scopeFlags `embed:""`

	Files        []string `arg:"" name:"file" help:"Files to look through; - is stdin."`
	JSON         bool     `help:"Print the findings as JSON."`
	PatternsOnly bool     `help:"Look only for what looks like a secret, without the store."`
}

// Help is shown by `scrim scan --help`.
func (ScanCmd) Help() string {
	return `Finds the values of the scope, in the usual encodings, and what looks like a secret by gitleaks' rules (KIND pattern). Values are never shown. LINE is the first of COUNT places. A line with gitleaks:allow has no patterns.

Examples:

  scrim scan server.log build/app.js
  git diff --cached | scrim scan -
  scrim scan --json report.txt          for scripts
  scrim scan --patterns-only notes.md   without the store

Exit code 0: nothing was found. 1: something was. 2: a file could not be read. 3: nothing was found, and not every value could be compared.`
}

// stdinName is what stands for stdin among the files.
const stdinName = "-"

// Run looks through the files.
func (s *ScanCmd) Run(c *cli) error {
	if s.PatternsOnly {
		return s.withoutStore(c)
	}
	return look(c, s.scopeFlags, func(q *query) error {
		snapshot := q.deps.Store.Snapshot(c.ctx)
		coverage := q.deps.Coverage(snapshot)
		err := s.scan(c, q, scan.Scanner{Redactor: q.deps.Redactor, Rules: rules.New()}, &coverage)
		weak := q.judge().of(snapshot, func(store.Entry) bool { return true })
		if len(weak.names) > 0 {
			q.say("not looked for (%s): %s", weakness, strings.Join(weak.names, ", "))
		}
		q.sayCause(snapshot.Err())
		if err == nil && !coverage.Sure {
			q.say("Nothing was found, but not every value could be compared. --patterns-only looks without the store.")
			err = errStore
		}
		return err
	})
}

// withoutStore looks for unknown secrets alone.
func (s *ScanCmd) withoutStore(c *cli) error {
	q := newQuery(c)
	return q.end(c, s.scan(c, q, scan.Scanner{Rules: rules.New()}, nil))
}

// scanAnswer is all that a scan has to say.
type scanAnswer struct {
	Clean      bool                    `json:"clean"`
	Findings   []scanFinding           `json:"findings"`
	Complete   bool                    `json:"complete"`
	NotChecked []tools.NotSearchedNote `json:"not_checked"`
	Unread     []string                `json:"unread"` // files
}

// scanFinding is one secret in one file, in one encoding.
type scanFinding struct {
	File     string          `json:"file"`
	Line     int             `json:"line"` // the first
	Lines    []int           `json:"lines"`
	Name     string          `json:"name,omitempty"`
	Kind     scan.Kind       `json:"kind"`
	Encoding redact.Encoding `json:"encoding"`
	Count    int             `json:"count"`
}

// maxLines bounds the lines that are named for one finding.
const maxLines = 100

// scan looks through every file and prints what it found. A nil coverage says
// that known values were not to be looked for.
func (s *ScanCmd) scan(c *cli, q *query, scanner scan.Scanner, coverage *tools.Coverage) error {
	a := scanAnswer{Findings: []scanFinding{}, Complete: true, NotChecked: []tools.NotSearchedNote{}, Unread: []string{}}
	if coverage != nil {
		a.NotChecked = coverage.NotChecked
		a.Complete = coverage.Sure && len(a.NotChecked) == 0
	}
	for _, name := range s.Files {
		found, err := scanFile(c, scanner, name)
		a.Findings = append(a.Findings, found...)
		if c.ctx.Err() != nil {
			return fmt.Errorf("scan: %w", c.ctx.Err())
		}
		if err != nil {
			a.Unread = append(a.Unread, name)
			q.say("not scanned: %s", visible(err.Error()))
		}
	}
	a.Clean = len(a.Findings) == 0 && len(a.Unread) == 0 && (coverage == nil || coverage.Sure)
	if err := s.show(q, a); err != nil {
		return err
	}
	switch {
	case len(a.Findings) > 0:
		return errFound
	case len(a.Unread) > 0:
		return errUsage
	default:
		return nil
	}
}

func (s *ScanCmd) show(q *query, a scanAnswer) error {
	for _, n := range a.NotChecked {
		q.say("not checked: %s: %s", n.Place, n.Reason)
	}
	if s.JSON {
		return q.json(a)
	}
	if len(a.Findings) == 0 {
		return nil
	}
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "FILE\tLINE\tNAME\tKIND\tENCODING\tCOUNT")
	for _, f := range a.Findings {
		name := cmp.Or(f.Name, "(no name)")
		fmt.Fprintf(rows, "%s\t%d\t%s\t%s\t%s\t%d\n", visible(f.File), f.Line, name, f.Kind, f.Encoding, f.Count)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	return nil
}

var errDirectory = errors.New("it is a directory: name the files in it, as in `scrim scan DIR/*`")

// scanFile looks through one file. What it found before an error counts.
func scanFile(c *cli, scanner scan.Scanner, name string) ([]scanFinding, error) {
	if name == stdinName {
		return scanReader(c, scanner, name, "", c.stdin)
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		err = &os.PathError{Op: "read", Path: name, Err: errDirectory}
	}
	if err != nil {
		return nil, err
	}
	file, err := os.Open(name) //nolint:gosec // G304: reading what the user names is the feature
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return scanReader(c, scanner, name, filepath.ToSlash(filepath.Clean(name)), file)
}

// scanReader gathers what a stream holds. The path is for the rules that are
// for some files only.
func scanReader(c *cli, scanner scan.Scanner, name, path string, r io.Reader) ([]scanFinding, error) {
	type key struct {
		name     string
		kind     scan.Kind
		encoding redact.Encoding
	}
	var found []scanFinding
	index := map[key]int{}
	progress := newScanProgress(c.stderr, name)
	defer progress.end()
	err := scanner.Stream(c.ctx, path, progress.through(r), func(at scan.Located) {
		for _, secretName := range at.Names() {
			k := key{secretName, at.Kind, at.Encoding}
			i, ok := index[k]
			if !ok {
				i = len(found)
				index[k] = i
				found = append(found, scanFinding{File: name, Line: at.Line, Name: secretName, Kind: at.Kind, Encoding: at.Encoding})
			}
			found[i].add(at.Line)
		}
	})
	return found, err
}

// add counts one more place.
func (f *scanFinding) add(line int) {
	f.Count++
	if len(f.Lines) < maxLines && (len(f.Lines) == 0 || f.Lines[len(f.Lines)-1] != line) {
		f.Lines = append(f.Lines, line)
	}
}

// scanProgress says on a terminal how far a scan is, once it takes a second.
type scanProgress struct {
	out   *os.File // nil where nobody watches
	name  string
	since time.Time
	said  time.Time
	width int
	read  int64
}

func newScanProgress(stderr io.Writer, name string) *scanProgress {
	p := &scanProgress{name: visible(filepath.Base(name)), since: time.Now()}
	if f, ok := terminal(stderr); ok {
		p.out = f
	}
	return p
}

// through returns r with what is read of it counted.
func (p *scanProgress) through(r io.Reader) io.Reader { return &countedReader{r, p} }

type countedReader struct {
	io.Reader
	progress *scanProgress
}

// Read counts, and says how far it is.
func (r *countedReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.progress.advance(n)
	return n, err
}

func (p *scanProgress) advance(n int) {
	p.read += int64(n)
	now := time.Now()
	if p.out == nil || now.Sub(p.since) < time.Second || now.Sub(p.said) < 200*time.Millisecond {
		return
	}
	p.said = now
	p.put(fmt.Sprintf("scanning %s … %d MB", p.name, p.read>>20))
}

// end takes the words off the screen.
func (p *scanProgress) end() {
	if p.width > 0 {
		p.put("")
		fmt.Fprint(p.out, "\r")
	}
}

func (p *scanProgress) put(text string) {
	fmt.Fprint(p.out, "\r"+text+strings.Repeat(" ", max(0, p.width-cells(text))))
	p.width = cells(text)
}
