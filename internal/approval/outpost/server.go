package outpost

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/rundir"
	"scrim/internal/secret"
	"scrim/policy"
)

// Options say what a Server works with.
type Options struct {
	Verifier approval.Verifier // of the person at this side
	Audit    approval.Audit    // what is not on record here is no yes
	Log      *slog.Logger
}

// Server shows a person the questions of other users' processes, and takes the
// answers back. It is a desk's Gate.
type Server struct {
	options Options

	mu        sync.Mutex
	visitors  map[*visitor]bool
	questions []*question
	rates     map[int]*rate.Limiter // by user
}

// visitor is a process that asks.
type visitor struct {
	conn     net.Conn
	uid, pid int
}

// question is one that a visitor asked.
type question struct {
	from   *visitor
	nonce  string
	digest [sha256.Size]byte
	shown  approval.Waiting
}

// Serve listens at path, which other users may reach, until the returned function
// is called. The folder must be this user's, and nobody else may write to it.
func Serve(ctx context.Context, path string, o Options) (*Server, func(), error) {
	if err := checkOwnFolder(filepath.Dir(path)); err != nil {
		return nil, nil, err
	}
	if err := makeRoom(ctx, path); err != nil {
		return nil, nil, err
	}
	var listening net.ListenConfig
	l, err := listening.Listen(ctx, "unix", path)
	if err != nil {
		return nil, nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o666); err != nil { //nolint:gosec // G302: other users are to reach it; what they say is believed nothing
		_ = l.Close()
		return nil, nil, fmt.Errorf("let other users reach %s: %w", path, err)
	}
	s := &Server{options: o, visitors: map[*visitor]bool{}, rates: map[int]*rate.Limiter{}}
	rundir.Serve(l, s.receive)
	return s, func() { _ = l.Close(); s.sendAway() }, nil
}

// makeRoom removes the socket of a process that has ended, and nothing else.
func makeRoom(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket: name another path", path)
	}
	var d net.Dialer
	if c, err := d.DialContext(ctx, "unix", path); err == nil {
		_ = c.Close()
		return fmt.Errorf("another process serves %s: end that one first", path)
	}
	return os.Remove(path)
}

// receive hears out one connection.
func (s *Server) receive(c net.Conn) {
	defer func() { _ = c.Close() }()
	uid, pid, err := rundir.Who(c)
	if err != nil {
		return
	}
	v := &visitor{c, uid, pid}
	if !s.admit(v) {
		return
	}
	defer s.leave(v)
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if !s.rateOf(uid).Allow() {
			s.options.Log.Warn("a process that says too much is sent away", "of", nameOf(uid))
			return
		}
		m, err := decode(lines.Bytes())
		switch {
		case err == nil && m.Ask != nil:
			s.ask(v, *m.Ask)
		case err == nil && m.Withdraw != "":
			s.withdraw(v, m.Withdraw)
		default:
			return
		}
	}
}

func (s *Server) admit(v *visitor) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := 0
	for other := range s.visitors {
		if other.uid == v.uid {
			same++
		}
	}
	if same >= maxVisits || len(s.visitors) >= maxVisitors {
		return false
	}
	s.visitors[v] = true
	if s.rates[v.uid] == nil && len(s.rates) < 10*maxVisitors {
		s.rates[v.uid] = rate.NewLimiter(linesPerTime, burst)
	}
	return s.rates[v.uid] != nil
}

func (s *Server) rateOf(uid int) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rates[uid]
}

// leave forgets a visitor, and what it asked.
func (s *Server) leave(v *visitor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.visitors, v)
	for _, q := range slices.Clone(s.questions) {
		if q.from == v {
			s.end(q, audit.Withdrawn, approval.ErrWithdrawn)
		}
	}
}

func (s *Server) sendAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.visitors {
		_ = v.conn.Close()
	}
}

// What keeps a question from being put before the person.
var (
	errShape = errors.New("it is no question as scrim asks them")
	errOpen  = errors.New("too many questions of this process wait")
	errTaken = errors.New("a question with that id waits already")
)

// ask puts a question before the person.
func (s *Server) ask(v *visitor, a ask) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	q, err := newQuestion(v, a, time.Now())
	if err == nil {
		err = s.fits(q)
	}
	if err == nil {
		err = s.record(q, audit.Asked, "", nil)
	}
	if err != nil {
		_ = send(v.conn, message{Refused: &no{Nonce: a.Nonce, Why: err.Error()}})
		return
	}
	s.questions = append(s.questions, q)
}

func (s *Server) fits(q *question) error {
	open := 0
	for _, other := range s.questions {
		if other.shown.ID == q.shown.ID || other.from == q.from && other.nonce == q.nonce {
			return errTaken
		}
		if other.from == q.from {
			open++
		}
	}
	if open >= maxOpen {
		return errOpen
	}
	return nil
}

// newQuestion makes a's words fit to be shown. Nothing of them is believed.
func newQuestion(v *visitor, a ask, now time.Time) (*question, error) {
	digest, err := parseDigest(a.Digest)
	deliveries := []string{string(policy.DeliverValue), string(policy.DeliverFile), string(policy.DeliverRun)}
	if err != nil || len(a.Nonce) > 64 || a.Nonce == "" || !isWord(a.ID, 10) || len(a.Text) > maxText || len(a.Names) == 0 || len(a.Names) > maxNames ||
		!slices.Contains(deliveries, a.Delivery) || !a.Expires.After(now) {
		return nil, errShape
	}
	plain := func(s string) string { return s }
	names := make([]string, len(a.Names))
	for i, name := range a.Names {
		names[i] = secret.Untrusted(name, maxName, plain)
	}
	if a.Expires.After(now.Add(maxLife)) {
		a.Expires = now.Add(maxLife)
	}
	who := nameOf(v.uid)
	return &question{from: v, nonce: a.Nonce, digest: digest, shown: approval.Waiting{
		ID: a.ID, Text: text(v, a.Text), Names: names, Delivery: a.Delivery, Digest: digest,
		Agent: secret.Untrusted(a.Agent, 60, plain) + ", asked by user " + who, Needs: policy.Verified, AtDesk: true, Expires: a.Expires,
	}}, nil
}

// text says who asks, and then what they say, behind a bar.
func text(v *visitor, words string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "asked by user %s, process %d. Behind the bar is what that process says; nothing here checks it.\n\n", nameOf(v.uid), v.pid)
	for line := range strings.Lines(words) {
		b.WriteString("| " + strings.Map(printable, strings.TrimRight(line, "\r\n")) + "\n")
	}
	return b.String()
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '\uFFFD'
	}
	return r
}

// withdraw forgets a question that its visitor takes back.
func (s *Server) withdraw(v *visitor, nonce string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range slices.Clone(s.questions) {
		if q.from == v && q.nonce == nonce {
			s.end(q, audit.Withdrawn, approval.ErrWithdrawn)
		}
	}
}

// expire forgets what nobody answered in time.
func (s *Server) expire() {
	now := time.Now()
	for _, q := range slices.Clone(s.questions) {
		if !now.Before(q.shown.Expires) {
			s.end(q, audit.Expired, approval.ErrExpired)
		}
	}
}

// end takes q off the list, and puts that on record.
func (s *Server) end(q *question, kind audit.Kind, outcome error) {
	s.remove(q)
	if err := s.record(q, kind, "", outcome); err != nil {
		s.options.Log.Error("the end of a question is not on record", "request", q.shown.ID, "error", err)
	}
}

func (s *Server) remove(q *question) {
	s.questions = slices.DeleteFunc(s.questions, func(other *question) bool { return other == q })
}

// Waiting returns what waits for the person.
func (s *Server) Waiting() []approval.Waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	var all []approval.Waiting
	for _, q := range s.questions {
		all = append(all, q.shown)
	}
	return all
}

// find returns the question with that id, if it waits.
func (s *Server) find(id string) (*question, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	i := slices.IndexFunc(s.questions, func(q *question) bool { return q.shown.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("%w: no question is open under that id", approval.ErrBadAnswer)
	}
	return s.questions[i], nil
}

// Prove takes the person's yes to the question with that id, and sends it to who
// asked once it is on record.
func (s *Server) Prove(ctx context.Context, id string, proof approval.Proof) error {
	q, err := s.find(id)
	if err != nil {
		return err
	}
	factor, err := s.options.Verifier.Verify(ctx, q.digest, proof)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || factor == "" {
		err = fmt.Errorf("%w: %w", approval.ErrNotProved, err)
		return errors.Join(err, s.record(q, audit.Refused, "", err))
	}
	if !slices.Contains(s.questions, q) || !time.Now().Before(q.shown.Expires) {
		return fmt.Errorf("%w: who asked has taken it back, or ended", approval.ErrWithdrawn)
	}
	s.remove(q)
	if err := s.record(q, audit.Approved, factor, nil); err != nil {
		_ = send(q.from.conn, message{Answer: q.answer("")})
		return err
	}
	return s.tell(q, q.answer(factor))
}

// Dismiss takes a no to the question with that id.
func (s *Server) Dismiss(id string) error {
	q, err := s.find(id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.questions, q) {
		return approval.ErrWithdrawn
	}
	s.end(q, audit.Denied, approval.ErrDenied)
	return s.tell(q, q.answer(""))
}

// answer is a yes that the factor proves, or without one a no.
func (q *question) answer(factor string) *answer {
	return &answer{Nonce: q.nonce, Digest: hex.EncodeToString(q.digest[:]), Yes: factor != "", Factor: factor}
}

func (s *Server) tell(q *question, a *answer) error {
	if err := send(q.from.conn, message{Answer: a}); err != nil {
		return fmt.Errorf("%w: who asked has ended", approval.ErrWithdrawn)
	}
	return nil
}

// record puts what came of q on this user's own trail.
func (s *Server) record(q *question, kind audit.Kind, factor string, outcome error) error {
	e := audit.Event{
		Kind: kind, RequestID: q.shown.ID, Names: q.shown.Names, Delivery: q.shown.Delivery, Agent: q.shown.Agent,
		Digest: hex.EncodeToString(q.digest[:]), Factor: factor,
	}
	if outcome != nil {
		e.Reason = outcome.Error()
	}
	if factor != "" {
		e.Strength = policy.Verified.String()
	}
	if err := s.options.Audit.Append(e); err != nil {
		return fmt.Errorf("%w: %w", approval.ErrUnrecorded, err)
	}
	return nil
}
