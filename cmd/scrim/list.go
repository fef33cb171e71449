package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"scrim/internal/secret"
	"scrim/redact"
	"scrim/tools"
)

// ListCmd is `scrim list`.
type ListCmd struct {
	scopeFlags `embed:""`

	Match    string `arg:"" optional:"" placeholder:"GLOB" help:"Only names that match, such as 'STRIPE_*'."`
	Location string `enum:"injected,staging,vault,shared,all" default:"all" help:"injected, staging, vault, shared or all."`
	JSON     bool   `help:"Print what agents get, as JSON."`
}

// Help is shown by `scrim list --help`.
func (ListCmd) Help() string {
	return `Examples:

  scrim list                      every name in scope, and where it is
  scrim list 'STRIPE_*' --json    for scripts
  scrim list --location vault     what is stored and not injected

Values are never shown. Exit code 3 says that the list is incomplete.`
}

// Run lists the names.
func (l *ListCmd) Run(c *cli) error {
	q, err := openQuery(c, l.scopeFlags)
	if err != nil {
		return err
	}
	defer q.close()
	answer, err := l.everyPage(c, q)
	if err != nil {
		return err
	}
	if l.JSON {
		err = q.json(answer)
	} else {
		err = l.table(q, answer)
	}
	if err != nil {
		return err
	}
	if !answer.Complete {
		return errStore
	}
	return nil
}

// everyPage gathers what agents get in pages.
func (l *ListCmd) everyPage(c *cli, q *query) (tools.ListAnswer, error) {
	arguments := tools.ListArguments{Location: l.Location, Match: l.Match}
	all, err := q.deps.List(c.ctx, arguments)
	for err == nil && all.NextCursor != "" {
		arguments.Cursor = all.NextCursor
		var next tools.ListAnswer
		next, err = q.deps.List(c.ctx, arguments)
		all.Secrets = append(all.Secrets, next.Secrets...)
		all.NextCursor = next.NextCursor
	}
	return all, err
}

func (l *ListCmd) table(q *query, a tools.ListAnswer) error {
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	if len(a.Secrets) > 0 {
		fmt.Fprintln(rows, "NAME\tLOCATION\tENV\tPATH\tUPDATED")
	}
	for _, s := range a.Secrets {
		place := s.Location
		if s.Shared {
			place += " (shared)"
		}
		updated, _, _ := strings.Cut(s.UpdatedAt, "T")
		fmt.Fprintf(rows, "%s\t%s\t%s\t%s\t%s\n", s.Name, place, s.Environment, s.Path, updated)
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the list: %w", err)
	}
	if len(a.Secrets) == 0 {
		verb := "are"
		if l.Match != "" {
			verb = "match"
		}
		fmt.Fprintf(q.talk, "No names %s in project %s, environment %s.\n", verb, a.Scope.Project, a.Scope.Environment)
	}
	for _, u := range a.Unreadable {
		fmt.Fprintf(q.talk, "not read: %s: %s\n", u.Location, u.Reason)
	}
	if !a.Complete {
		fmt.Fprintln(q.talk, "The list is incomplete: a name that is not here may exist. Try `scrim find NAME`.")
	}
	return nil
}

// FindCmd is `scrim find`.
type FindCmd struct {
	scopeFlags `embed:""`

	Name string `arg:"" help:"The secret's exact name."`
	JSON bool   `help:"Print what agents get, as JSON."`
}

// Help is shown by `scrim find --help`.
func (FindCmd) Help() string {
	return `Examples:

  scrim find DATABASE_URL
  PROJECT_ENV=dev scrim find STRIPE_KEY --json

Exit code 0: it is there. 1: it is missing, for certain. 3: that cannot be known.`
}

// Run says where the secret is.
func (f *FindCmd) Run(c *cli) error {
	q, err := openQuery(c, f.scopeFlags)
	if err != nil {
		return err
	}
	defer q.close()
	if err := secret.CheckName(f.Name); err != nil {
		return err
	}
	answer, err := q.deps.Find(c.ctx, f.Name)
	if err != nil {
		return err
	}
	if f.JSON {
		err = q.json(answer)
	} else {
		_, err = io.WriteString(q.out, answer.Text())
	}
	if err != nil {
		return err
	}
	switch answer.Status {
	case "missing":
		return errFound
	case "hidden", "unknown":
		return errStore
	default:
		return nil
	}
}

// query is a look into the scope for a person. Like everything that leaves, its
// output passes a redactor.
type query struct {
	deps      tools.Deps
	out, talk io.WriteCloser
	waiting   func()
}

func openQuery(c *cli, flags scopeFlags) (*query, error) {
	cfg, err := flags.load(c)
	if err != nil {
		return nil, err
	}
	redactor := redact.New(redact.Options{})
	q := &query{out: redactor.Stream(c.stdout), talk: redactor.Stream(c.stderr)}
	log := newLog(q.talk, cfg.Log, c.getenv)
	secrets, err := openStore(cfg, redactor, log, nil)
	if err != nil {
		return nil, err
	}
	q.deps = tools.Deps{
		Scope: cfg.Scope, IdentityKind: cfg.Credentials.Kind.String(), Store: secrets,
		Redactor: redactor, Log: log, Now: time.Now,
	}
	q.waiting = sayIfSlow(c.stderr, "reading the store …")
	secrets.Snapshot(c.ctx)
	q.waiting()
	return q, nil
}

func (q *query) json(answer any) error {
	encoder := json.NewEncoder(q.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

func (q *query) close() {
	_ = q.out.Close()
	_ = q.talk.Close()
}

// sayIfSlow shows text on a terminal once a second has passed, until the
// returned function is called.
func sayIfSlow(stderr io.Writer, text string) (done func()) {
	f, ok := stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	shown := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() {
		defer close(shown)
		fmt.Fprint(f, text)
	})
	return func() {
		if timer.Stop() {
			return
		}
		<-shown
		fmt.Fprintf(f, "\r%s\r", strings.Repeat(" ", len(text)))
	}
}
