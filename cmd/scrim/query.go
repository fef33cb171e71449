package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"scrim/internal/config"
	"scrim/internal/identity"
	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
	"scrim/redact"
	"scrim/tools"
)

// query is a look into the scope for a person. Like everything that leaves, its
// output passes a redactor.
type query struct {
	deps      tools.Deps
	cfg       config.Config
	source    *identity.Source
	out, talk io.WriteCloser
}

// look runs answer on a scope that was read, and says what went wrong, masked,
// which main's own stderr is not. What it returns only carries an exit code.
func look(c *cli, flags scopeFlags, answer func(*query) error) error {
	q := newQuery(c)
	return q.end(c, q.run(c, flags, answer))
}

// newQuery returns a query that knows no scope yet.
func newQuery(c *cli) *query {
	redactor := redact.New(redact.Options{})
	q := &query{out: redactor.Stream(c.stdout), talk: redactor.Stream(c.stderr)}
	q.deps.Redactor = redactor
	return q
}

// end says what went wrong and returns the exit code.
func (q *query) end(c *cli, err error) error {
	if c.ctx.Err() != nil {
		err = errInterrupted
	}
	if held := q.out.Close(); err == nil && held != nil {
		err = fmt.Errorf("print the answer: %w", held)
	}
	code := report(q.talk, err)
	_ = q.talk.Close()
	if code == 0 {
		return nil
	}
	return exitError(code)
}

// run reads the scope and answers. A scope that is not in the store has no
// answer.
func (q *query) run(c *cli, flags scopeFlags, answer func(*query) error) error {
	if _, err := q.read(c, flags); err != nil {
		return err
	}
	return answer(q)
}

// read opens the store and reads the scope. A scope that is not in the store is
// an error.
func (q *query) read(c *cli, flags scopeFlags) (store.Snapshot, error) {
	cfg, inside, err := flags.load(c)
	if err != nil {
		return store.Snapshot{}, err
	}
	q.open(c, cfg, inside)
	waited := sayIfSlow(c.stderr, "reading the store …")
	snapshot := q.deps.Store.Snapshot(c.ctx)
	waited()
	if err := c.ctx.Err(); err != nil {
		return store.Snapshot{}, fmt.Errorf("read the store: %w", err)
	}
	return snapshot, snapshot.ScopeError()
}

func (q *query) open(c *cli, cfg config.Config, inside *session.Record) {
	log := newLog(q.talk, cfg.Log, c.getenv)
	options, from := storeOptions(c, cfg, inside, q.deps.Redactor, log)
	q.cfg, q.source = cfg, from
	q.deps = tools.Deps{
		Scope: cfg.Scope, IdentityKind: from.Kind, VaultKind: vaultKind(cfg), Store: store.New(options), Session: inside,
		Redactor: q.deps.Redactor, Log: log, Now: time.Now,
	}
}

// say puts text on stderr, in lines that fit a terminal. It is whole, and is
// there before whatever comes next.
func (q *query) say(format string, arguments ...any) {
	q.tell(wrapped(fmt.Sprintf(format, arguments...)))
}

// tell is say for lines that are laid out already. What was answered so far is whole
// too, and comes first.
func (q *query) tell(lines string) {
	flush(q.out)
	_, _ = io.WriteString(q.talk, lines)
	flush(q.talk)
}

// flush lets out what a masked stream holds back, since what was written is whole.
func flush(w io.Writer) {
	if held, ok := w.(interface{ Flush() error }); ok {
		_ = held.Flush()
	}
}

// sayCause says why the store was not read, and what to check. It is called
// once, since one cause often closes every place.
func (q *query) sayCause(err error) {
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*identity.NoneError](err); ok {
		q.say("%v", err)
		return
	}
	_, next := consequence(err)
	q.say("the store at %s: %v%s", q.deps.Scope.Site, err, next)
}

// sayUnread says which places were not read, and why.
func (q *query) sayUnread(unreadable []tools.UnreadableNote) {
	var unread []closedPlace
	for _, u := range unreadable {
		unread = append(unread, closedPlace{u.Location, u.Reason})
	}
	for _, line := range byReason(unread) {
		q.say("not read: %s", line)
	}
}

// sayUnmasked says which of the listed secrets have a value that nothing masks.
func (q *query) sayUnmasked(listed []tools.SecretNote) {
	shown := make(map[string]bool, len(listed))
	for _, s := range listed {
		shown[s.Environment+":"+s.Path+"/"+s.Name] = true
	}
	found := q.judge().of(q.deps.Store.Peek(), func(e store.Entry) bool {
		return shown[e.Ref.Environment()+":"+e.Ref.Path()+"/"+e.Ref.Name()]
	})
	if len(found.names) > 0 {
		q.say("%s in output (%s): %s", cannotMask, weakness, strings.Join(found.names, ", "))
	}
	if len(found.places) > 0 {
		q.say("%s: %s", unread(q.cfg.Vault), strings.Join(found.places, ", "))
	}
}

func (q *query) judge() maskJudge { return newMaskJudge(q.cfg.Redact.Public, q.deps.Redactor) }

// userFile names the user's own file, whether or not it is there.
func (q *query) userFile() string { return cmp.Or(q.cfg.UserFile, "your own scrim/config.toml") }

func (q *query) json(answer any) error {
	encoder := json.NewEncoder(q.out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(answer); err != nil {
		return fmt.Errorf("print the answer: %w", err)
	}
	return nil
}

// closedPlace is somewhere that was not read, and why.
type closedPlace struct{ where, reason string }

// byReason says each reason once, after the places that have it.
func byReason(places []closedPlace) []string {
	var reasons []string
	where := map[string][]string{}
	for _, p := range places {
		if where[p.reason] == nil {
			reasons = append(reasons, p.reason)
		}
		if !slices.Contains(where[p.reason], p.where) {
			where[p.reason] = append(where[p.reason], p.where)
		}
	}
	lines := make([]string, len(reasons))
	for i, reason := range reasons {
		lines[i] = strings.Join(where[reason], ", ") + ": " + reason
	}
	return lines
}

// reasonFor is why a place was not read, in few words: the whole cause is said
// once, for all places.
func reasonFor(gap store.Gap) string {
	switch {
	case !errors.Is(gap.Reason, secret.ErrForbidden):
	case gap.Place.Location == secret.Shared && !gap.Place.Stated:
		return "this identity may not see into it, so it is out of scope"
	default:
		return "this identity may not see into it"
	}
	if absent, ok := errors.AsType[*store.NoPathError](gap.Reason); ok {
		return absent.Error()
	}
	if _, ok := errors.AsType[*identity.NoneError](gap.Reason); ok {
		return "there are no credentials"
	}
	for _, known := range []error{secret.ErrUnauthenticated, secret.ErrRateLimited, secret.ErrUnavailable, secret.ErrBadResponse} {
		if errors.Is(gap.Reason, known) {
			return known.Error()
		}
	}
	return "it could not be read"
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
