package outpost

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"scrim/internal/approval"
	"scrim/internal/audit"
	"scrim/internal/rundir"
	"scrim/internal/secret"
	"scrim/policy"
)

// Options say what a Server works with.
type Options struct {
	From     []int             // users who may ask, by uid; nobody else may
	Verifier approval.Verifier // of the person at this side
	Audit    approval.Audit    // what is not on record here is no yes
	Log      *slog.Logger
}

// Server shows a person the questions of other users' processes, and takes the
// answers back. It is a desk's Gate.
type Server struct {
	options Options

	here sync.WaitGroup // the visitors

	mu        sync.Mutex
	closed    bool // nobody comes in any more
	visitors  map[*visitor]bool
	questions []*question
	rates     map[int]*rate.Limiter // by user
}

// visitor is a process that asks.
type visitor struct {
	conn     net.Conn
	uid, pid int
}

// tell sends m to the visitor. One that does not read is sent away, since others
// wait meanwhile.
func (v *visitor) tell(m message) error {
	err := send(v.conn, m)
	if err != nil {
		_ = v.conn.Close()
	}
	return err
}

// question is one that a visitor asked.
type question struct {
	from   *visitor
	nonce  string
	digest [sha256.Size]byte
	shown  approval.Waiting
	size   int // of shown, in bytes, as a terminal hears of it
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
	if err := s.admit(v); err != nil {
		_ = v.tell(message{Refused: &no{Why: err.Error()}})
		return
	}
	defer s.leave(v)
	if v.tell(message{Hello: true}) != nil {
		return
	}
	lines := bufio.NewScanner(c)
	lines.Buffer(nil, maxLine)
	for c.SetReadDeadline(time.Now().Add(idleTime)) == nil && lines.Scan() {
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

// What keeps a visitor out.
var (
	errNotLet  = errors.New("that user may not ask here")
	errCrowded = errors.New("too many processes ask here")
)

func (s *Server) admit(v *visitor) error {
	if !slices.Contains(s.options.From, v.uid) {
		s.options.Log.Warn("somebody who may not ask is sent away", "of", nameOf(v.uid), "process", v.pid)
		return errNotLet
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	same := 0
	for other := range s.visitors {
		if other.uid == v.uid {
			same++
		}
	}
	if s.closed || same >= maxVisits || len(s.visitors) >= maxVisitors {
		return errCrowded
	}
	s.visitors[v] = true
	s.here.Add(1)
	if s.rates[v.uid] == nil {
		s.rates[v.uid] = rate.NewLimiter(linesPerTime, burst)
	}
	return nil
}

func (s *Server) rateOf(uid int) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rates[uid]
}

// leave forgets a visitor, and what it asked.
func (s *Server) leave(v *visitor) {
	defer s.here.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.visitors, v)
	for _, q := range slices.Clone(s.questions) {
		if q.from == v {
			s.end(q, audit.Withdrawn, approval.ErrWithdrawn)
		}
	}
}

// sendAway returns when everybody has left, and what they asked is on record as
// withdrawn.
func (s *Server) sendAway() {
	s.mu.Lock()
	s.closed = true
	for v := range s.visitors {
		_ = v.conn.Close()
	}
	s.mu.Unlock()
	s.here.Wait()
}

// What keeps a question from being put before the person.
var (
	errShape = errors.New("it is no question as scrim asks them")
	errOpen  = errors.New("too many questions wait")
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
		_ = v.tell(message{Refused: &no{Nonce: a.Nonce, Why: err.Error()}})
		return
	}
	s.questions = append(s.questions, q)
}

func (s *Server) fits(q *question) error {
	open, theirs, all := 0, 0, 0
	for _, other := range append(slices.Clone(s.questions), q) {
		all += other.size
		if other.from.uid == q.from.uid {
			theirs += other.size
		}
		switch {
		case other == q:
		case other.shown.ID == q.shown.ID || other.from == q.from && other.nonce == q.nonce:
			return errTaken
		case other.from == q.from:
			open++
		}
	}
	if open >= maxOpen || theirs > maxTheirs || all > maxAll {
		return errOpen
	}
	return nil
}

// newQuestion writes the question that a asks. What a says is not believed, but is
// one of few things where it can be, and is shown as what the visitor says.
func newQuestion(v *visitor, a ask, now time.Time) (*question, error) {
	digest, err := parseDigest(a.Digest)
	if err != nil || len(a.Nonce) > 64 || a.Nonce == "" || !isWord(a.ID, 10) || !a.Expires.After(now) {
		return nil, errShape
	}
	if a.Expires.After(now.Add(maxLife)) {
		a.Expires = now.Add(maxLife)
	}
	f, names, err := checked(a.Facts)
	if err != nil {
		return nil, err
	}
	agent, who := secret.Untrusted(a.Agent, maxAgent, asItIs), nameOf(v.uid)
	q := &question{from: v, nonce: a.Nonce, digest: digest, shown: approval.Waiting{
		ID: a.ID, Text: text(v, f.Text(agent)), Names: names, Delivery: string(f.Way), Facts: f, Digest: digest,
		Agent: agent + ", asked by user " + who, Needs: policy.Verified, AtDesk: true, Expires: a.Expires,
	}}
	listed, err := json.Marshal(q.shown)
	q.size = len(listed)
	return q, err
}

// text says who asks, before and after what they ask.
func text(v *visitor, asked string) string {
	who := fmt.Sprintf("user %s, process %d", nameOf(v.uid), v.pid)
	return fmt.Sprintf("Asked by %s.\nNothing of what it says is checked here.\n\n%s\n\nA yes goes to %s, and to nothing else.\n", who, asked, who)
}

// checked returns f in scrim's words, and the names in it. Only facts that scrim
// could have are taken, each anew.
func checked(f approval.Facts) (clean approval.Facts, names []string, err error) {
	clean = approval.Facts{
		Project: secret.Untrusted(f.Project, maxAgent, asItIs), Environment: secret.Untrusted(f.Environment, maxAgent, asItIs),
		Purpose: secret.Untrusted(f.Purpose, maxPurpose, asItIs), Way: f.Way, OnDisk: f.OnDisk, FileTTL: f.FileTTL, YesTTL: f.YesTTL, Patience: f.Patience,
	}
	for _, d := range []time.Duration{f.FileTTL, f.YesTTL, f.Patience} {
		if d <= 0 || d > maxLife {
			return clean, nil, errShape
		}
	}
	if len(f.Secrets) == 0 || len(f.Secrets) > maxNames {
		return clean, nil, errShape
	}
	for _, place := range f.Secrets {
		ref, err := secret.ParseRef(place.Environment, place.Path, place.Name)
		if err != nil {
			return clean, nil, fmt.Errorf("%w: %w", errShape, err)
		}
		clean.Secrets, names = append(clean.Secrets, place), append(names, ref.String())
	}
	switch f.Way {
	case policy.DeliverValue, policy.DeliverFile, policy.DeliverBase:
	case policy.DeliverRun:
		_, err := parseDigest(f.ProgramSHA256)
		if err = errors.Join(err, approval.CheckShown(append(slices.Clone(f.Command), f.Dir, f.Program)...)); err != nil || len(f.Command) == 0 {
			return clean, nil, fmt.Errorf("%w: %w", errShape, err)
		}
		clean.Command, clean.Dir, clean.Program, clean.ProgramSHA256 = f.Command, f.Dir, f.Program, f.ProgramSHA256
	default:
		return clean, nil, errShape
	}
	return clean.Worded(), names, nil
}

// asItIs stands for a mask: what is asked was masked where it comes from.
func asItIs(s string) string { return s }

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
	if err == nil {
		err = context.Cause(ctx) // they took it back
	}
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
		_ = q.from.tell(message{Answer: q.answer("")})
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
	if err := q.from.tell(message{Answer: a}); err != nil {
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
