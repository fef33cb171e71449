package approver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"
)

// challengeTTL is for how long a passkey may be asked.
const challengeTTL = 5 * time.Minute

// maxChallenges is how many are open at most: more than a gate has questions.
const maxChallenges = 64

// challenge is what a passkey was asked to sign.
type challenge struct {
	sum    [sha256.Size]byte
	origin string
	until  time.Time
}

// text returns it as browsers write it.
func (c challenge) text() string { return base64.RawURLEncoding.EncodeToString(c.sum[:]) }

// challenges are those that are open, by the digest of the request. The zero value
// has none.
type challenges struct {
	mu   sync.Mutex
	open map[[sha256.Size]byte]challenge
}

// put opens a challenge for digest in the place of the one before, and returns it.
// Where too many are open, the oldest is closed.
func (c *challenges) put(digest [sha256.Size]byte, origin string) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	delete(c.open, digest)
	c.makeRoom(now)
	if c.open == nil {
		c.open = map[[sha256.Size]byte]challenge{}
	}
	made := challenge{sum: bind(digest), origin: origin, until: now.Add(challengeTTL)}
	c.open[digest] = made
	return made.sum[:]
}

// makeRoom closes what is too old, and the oldest of too many.
func (c *challenges) makeRoom(now time.Time) {
	var oldest [sha256.Size]byte
	for digest, one := range c.open {
		if !now.Before(one.until) {
			delete(c.open, digest)
		}
		if first, ok := c.open[oldest]; !ok || one.until.Before(first.until) {
			oldest = digest
		}
	}
	if len(c.open) >= maxChallenges {
		delete(c.open, oldest)
	}
}

// take closes digest's challenge, and returns it if it was open.
func (c *challenges) take(digest [sha256.Size]byte) (challenge, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, ok := c.open[digest]
	delete(c.open, digest)
	return one, ok && time.Now().Before(one.until)
}

// bind returns a challenge that is digest's and nobody knows beforehand.
func bind(digest [sha256.Size]byte) [sha256.Size]byte {
	var nonce [sha256.Size]byte
	_, _ = rand.Read(nonce[:]) // which never fails
	text := append([]byte("scrim passkey challenge\x00"), nonce[:]...)
	return sha256.Sum256(append(text, digest[:]...))
}
