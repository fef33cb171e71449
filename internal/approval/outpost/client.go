package outpost

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"scrim/internal/approval"
	"scrim/internal/rundir"
)

// How often a verifier that is not there is looked for.
const (
	dialTime  = 500 * time.Millisecond
	dialPause = 500 * time.Millisecond
	lookEvery = time.Second
	keepTime  = 2 * time.Second // after which a connection that nothing is asked over is given up
)

// Client is the approval.Verifier of a process that has its questions answered by
// another user. Nothing that this user could know proves anything to it: a yes is
// what came back from the other user's socket for a question that this process
// asked there, once.
type Client struct {
	path  string
	log   *slog.Logger
	nudge chan struct{}

	mu      sync.Mutex
	link    *link // nil: nobody is there
	tried   time.Time
	why     error
	tickets map[string]ticket // answers that are on their way through the gate
}

// link is a connection to the other user's process.
type link struct {
	conn  net.Conn
	lines *bufio.Scanner // what comes over it
	uid   int
	open  map[string]string // ids of what was asked over it, by nonce
	used  time.Time         // when something waited last, or it was made
}

// newLink returns a link over conn to a process of the user uid.
func newLink(conn net.Conn, uid int) *link {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxLine)
	return &link{conn: conn, lines: lines, uid: uid, used: time.Now()}
}

// greeted waits until the other side says that it hears. Whose process hangs, or
// lets this user not ask, answers nothing.
func (l *link) greeted() error {
	if err := l.conn.SetReadDeadline(time.Now().Add(helloTime)); err != nil {
		return err
	}
	if !l.lines.Scan() {
		return errors.New("the process there says nothing: it hangs, or has just ended")
	}
	m, err := decode(l.lines.Bytes())
	switch {
	case err == nil && m.Refused != nil:
		return fmt.Errorf("the user who decides lets nobody of this user ask: scrim approvals --serve has to run with --from %d there (it says %.200q)", os.Geteuid(), m.Refused.Why)
	case err != nil || !m.Hello:
		return errors.New("the process there is no scrim approvals --serve, or one of another version")
	default:
		return l.conn.SetReadDeadline(time.Time{})
	}
}

// ticket is a yes.
type ticket struct {
	digest [sha256.Size]byte
	factor string
}

// New returns a Client of the socket at path. It dials when there is something to
// ask, or somebody wants to know whether it could.
func New(path string, log *slog.Logger) *Client {
	return &Client{path: path, log: log, nudge: make(chan struct{}, 1), tickets: map[string]ticket{}}
}

// Away returns why nobody could be asked now, or nil.
func (c *Client) Away() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connect(context.Background())
}

// Who names the user who decides, as "name (uid 1001)".
func (c *Client) Who() (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.connect(context.Background()); err != nil {
		return "", err
	}
	return nameOf(c.link.uid), nil
}

// Enrolled reports whether the other user's process is there.
func (c *Client) Enrolled() bool { return c.Away() == nil }

// Required reports true: who says that another user is to answer does not mean
// "unless that user is away".
func (c *Client) Required() bool { return true }

// What is no yes of the other user.
var (
	errNotTheirs = errors.New("the yes to this is given by another user, with scrim approve there")
	errOtherYes  = errors.New("the other user's yes was to another request")
)

// Verify takes a ticket of the Client's own, once. A PIN or a passkey of this user
// proves nothing.
func (c *Client) Verify(_ context.Context, digest [sha256.Size]byte, proof approval.Proof) (factor string, err error) {
	c.mu.Lock()
	t, ok := c.tickets[proof.Ticket]
	delete(c.tickets, proof.Ticket)
	c.mu.Unlock()
	switch {
	case !ok || proof.Ticket == "":
		return "", errNotTheirs
	case t.digest != digest:
		return "", errOtherYes
	default:
		return t.factor, nil
	}
}

// Nudge says that other questions may wait now. It never blocks.
func (c *Client) Nudge() {
	select {
	case c.nudge <- struct{}{}:
	default:
	}
}

// Attend carries the questions that wait at g's desk to the other user, and the
// answers back, until ctx ends.
func (c *Client) Attend(ctx context.Context, g Gate) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if l := c.carry(ctx, g); l != nil {
			go c.listen(ctx, g, l)
		}
		select {
		case <-ctx.Done():
			c.hangUp(nil)
			return
		case <-c.nudge:
		case <-look.C:
		}
	}
}

// carry tells the other user what waits and what does not any more. It returns a
// connection that nobody listens on yet.
func (c *Client) carry(ctx context.Context, g Gate) (fresh *link) {
	waiting := atDesk(g.Waiting())
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(waiting) == 0 {
		if c.link != nil && time.Since(c.link.used) > keepTime {
			c.drop(c.link) // who asks nothing takes nobody's place
		}
		return nil
	}
	if c.connect(ctx) != nil {
		return nil
	}
	c.link.used = time.Now()
	if c.link.open == nil {
		fresh, c.link.open = c.link, map[string]string{}
	}
	if err := c.tell(waiting); err != nil {
		c.log.Warn("the user who decides cannot be asked", "verifier", c.path, "error", err)
		c.drop(c.link)
		return nil
	}
	return fresh
}

func atDesk(all []approval.Waiting) map[string]approval.Waiting {
	waiting := map[string]approval.Waiting{}
	for _, w := range all {
		if w.AtDesk {
			waiting[w.ID] = w
		}
	}
	return waiting
}

func (c *Client) tell(waiting map[string]approval.Waiting) error {
	asked := map[string]bool{}
	for nonce, id := range c.link.open {
		asked[id] = true
		if _, waits := waiting[id]; waits {
			continue
		}
		delete(c.link.open, nonce)
		if err := send(c.link.conn, message{Withdraw: nonce}); err != nil {
			return err
		}
	}
	for id, w := range waiting {
		if asked[id] {
			continue
		}
		nonce := rand.Text()
		c.link.open[nonce] = id
		if err := send(c.link.conn, message{Ask: &ask{
			Nonce: nonce, ID: id, Digest: hex.EncodeToString(w.Digest[:]), Facts: w.Facts, Agent: w.Agent, Expires: w.Expires,
		}}); err != nil {
			return err
		}
	}
	return nil
}

// connect makes sure that there is a connection to a process of the user whose the
// socket is. The caller holds the lock.
func (c *Client) connect(ctx context.Context) error {
	if c.link != nil {
		return nil
	}
	if c.why != nil && time.Since(c.tried) < dialPause {
		return c.why
	}
	c.tried = time.Now()
	c.link, c.why = dial(ctx, c.path)
	return c.why
}

// dial reaches the process behind the socket, which must be of the user whose the
// socket is, and that user another one than this.
func dial(ctx context.Context, path string) (*link, error) {
	path, owner, err := believed(path)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTime}
	conn, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("the verifier behind %s does not answer: scrim approvals --serve has to run there", path)
	}
	uid, _, err := rundir.Who(conn)
	l := newLink(conn, uid)
	if err == nil {
		err = checkPeer(owner, uid)
	}
	if err == nil {
		err = l.greeted()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the verifier behind %s: %w", path, err)
	}
	return l, nil
}

func checkPeer(owner, uid int) error {
	if uid != owner || uid == os.Geteuid() {
		return fmt.Errorf("its process is of %s, and the socket is of %s: it is not believed", nameOf(uid), nameOf(owner))
	}
	return nil
}

// listen takes the answers that come over l.
func (c *Client) listen(ctx context.Context, g Gate, l *link) {
	for l.lines.Scan() {
		m, err := decode(l.lines.Bytes())
		switch {
		case err == nil && m.Answer != nil:
			c.take(ctx, g, l, *m.Answer)
		case err == nil && m.Refused != nil:
			c.log.Warn("the user who decides is not asked", "verifier", c.path, "reason", fmt.Sprintf("%.200q", m.Refused.Why))
		default:
			c.log.Warn("the verifier says what is none of its words", "verifier", c.path)
		}
	}
	if c.hangUp(l) {
		c.log.Info("the process of the user who decides has ended", "verifier", c.path)
	}
	c.Nudge()
}

// take gives an answer to the gate, if it is to a question that was asked over this
// connection and has had none.
func (c *Client) take(ctx context.Context, g Gate, l *link, a answer) {
	c.mu.Lock()
	id, asked := l.open[a.Nonce]
	delete(l.open, a.Nonce)
	c.mu.Unlock()
	if !asked {
		c.log.Warn("an answer to nothing that waits is not believed", "verifier", c.path)
		return
	}
	err := c.pass(ctx, g, l, id, a)
	if err != nil {
		c.log.Info("the other user's answer changes nothing", "request", id, "error", err)
	}
	c.Nudge()
}

func (c *Client) pass(ctx context.Context, g Gate, l *link, id string, a answer) error {
	if !a.Yes {
		return g.Dismiss(id)
	}
	digest, err := parseDigest(a.Digest)
	if err != nil || !isWord(a.Factor, 20) {
		a.Factor = "" // goes on record as a yes that is none
	}
	t := ticket{digest: digest}
	if a.Factor != "" {
		t.factor = a.Factor + " of " + nameOf(l.uid)
	}
	name := rand.Text()
	c.mu.Lock()
	c.tickets[name] = t
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tickets, name)
	}()
	return g.Prove(ctx, id, approval.Proof{Ticket: name})
}

// hangUp ends l, or with nil whatever connection there is. It reports whether that
// was the one in use.
func (c *Client) hangUp(l *link) (used bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l == nil {
		l = c.link
	}
	used = l != nil && l == c.link
	c.drop(l)
	return used
}

// drop is hangUp for who holds the lock.
func (c *Client) drop(l *link) {
	if l == nil {
		return
	}
	_ = l.conn.Close()
	if c.link == l {
		c.link = nil
	}
}
