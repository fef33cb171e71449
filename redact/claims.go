package redact

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"scrim/internal/secret"
)

// A claim is claimPrefix and claimRandom characters of base32: 130 random
// bits in a form that JSON never escapes.
const (
	claimPrefix = "scrim-claim-once-"
	claimRandom = 26
	claimLength = len(claimPrefix) + claimRandom
)

// claimLife is how long after Disclose a claim can be swapped, and how long a
// voided call stays void.
const claimLife = 60 * time.Second

// callKey is the context's key for the id of the call that it serves.
type callKey struct{}

// WithCall returns a context for serving the call with this JSON-RPC id, as its
// bytes stand in the frames that reach Frames. Without an id, or with null,
// what is disclosed under the context is never shown.
func WithCall(ctx context.Context, id json.RawMessage) context.Context {
	return context.WithValue(ctx, callKey{}, string(bytes.TrimSpace(id)))
}

// Disclose returns a claim on v for the answer to the call that ctx serves.
//
// Frames swaps the claim for v in the first frame that is a result with that
// call's id, and only at its two places there: /result/structuredContent/value,
// where it is the whole string, and one text block of /result/content, which
// mirrors it. That spends the claim. The value goes out whole, even where it
// holds other secrets: approved is approved. Bytes of v that are not UTF-8 go
// out as U+FFFD, since JSON cannot carry them.
//
// Seen in any other frame or place the claim is masked and dead: something
// carried it where it does not belong. It dies of itself after a minute, and
// where ctx is done or serves no call it never lives.
func (r *Redactor) Disclose(ctx context.Context, v secret.Value) string {
	s := r.state()
	if s == nil {
		return unnamed
	}
	s.learnUnnamed(v)
	text := claimPrefix + rand.Text()
	id, _ := ctx.Value(callKey{}).(string)
	if id != "" && id != "null" && ctx.Err() == nil {
		s.claims.issue(text, id, v, s.now())
	}
	return text
}

// Void kills the claims of a call that was cancelled, those that it has yet to
// make included.
func (r *Redactor) Void(id json.RawMessage) {
	if s := r.state(); s != nil {
		s.claims.void(string(bytes.TrimSpace(id)), s.now())
	}
}

// Reuse says that the id belongs to a new call now: what was disclosed to the
// one that was cancelled stays dead.
func (r *Redactor) Reuse(id json.RawMessage) {
	if s := r.state(); s != nil {
		s.claims.reuse(string(bytes.TrimSpace(id)))
	}
}

// claims are the live claims, by their text.
type claims struct {
	mu     *sync.Mutex
	live   map[string]claim
	voided map[string]time.Time // ids of cancelled calls
}

// claim is a value on its way to one call's answer.
type claim struct {
	id    string
	value secret.Value
	made  time.Time
}

func newClaims() claims {
	return claims{mu: new(sync.Mutex), live: make(map[string]claim), voided: make(map[string]time.Time)}
}

func (c *claims) issue(text, id string, v secret.Value, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	if _, void := c.voided[id]; !void {
		c.live[text] = claim{id: id, value: v, made: now}
	}
}

func (c *claims) void(id string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	c.voided[id] = now
	for text, claim := range c.live {
		if claim.id == id {
			delete(c.live, text)
		}
	}
}

func (c *claims) reuse(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.voided, id)
}

// isLive reports whether text is a claim that could still be swapped.
func (c *claims) isLive(text string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	_, ok := c.live[text]
	return ok
}

// spend takes the claim out of the live ones and returns its value if it was
// bound to id.
func (c *claims) spend(text, id string, now time.Time) (secret.Value, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	claim, ok := c.live[text]
	delete(c.live, text)
	return claim.value, ok && claim.id == id
}

// kill makes the claim dead.
func (c *claims) kill(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, text)
}

func (c *claims) expire(now time.Time) {
	for text, claim := range c.live {
		if now.Sub(claim.made) >= claimLife {
			delete(c.live, text)
		}
	}
	for id, since := range c.voided {
		if now.Sub(since) >= claimLife {
			delete(c.voided, id)
		}
	}
}

// claimPattern is what every claim starts with, as a pattern: the rest is to be
// looked at.
func claimPattern() pattern {
	return pattern{text: claimPrefix, claim: true, encoding: Plain, label: &label{marker: unnamed}, ascii: true}
}

// addClaim adds what starts with a claim's prefix: a claim, or one that may be
// written in another way.
func (f *found) addClaim(text []byte, start int) {
	switch end := start + claimShape(text[start:]); {
	case end == start+claimLength:
		f.matches = append(f.matches, match{start: start, end: end})
	case end < len(text) && (isTrigger(text[end]) || text[end] < ' ' || text[end] == '='):
		f.near = append(f.near, start)
	}
}

// eachClaim calls visit for each place in text where a claim starts, and how
// much of one is there. It looks for the prefix from its first byte on that is
// rare in text.
func eachClaim(text []byte, visit func(start, length int)) {
	rare := strings.IndexByte(claimPrefix, '-')
	for from := rare; from < len(text); {
		i := bytes.Index(text[from:], []byte(claimPrefix[rare:]))
		if i < 0 {
			return
		}
		start := from + i - rare
		if length := claimShape(text[start:]); length >= len(claimPrefix) {
			visit(start, length)
		}
		from += i + 1
	}
}

// pendingClaim returns where a tail of text starts that could become a claim,
// or len(text). What is the same in every claim may be shown.
func pendingClaim(text []byte, wait patience) int {
	last := len(text)
	if wait == forAWhile {
		last -= len(claimPrefix)
	}
	for i := max(0, len(text)-claimLength+1); i < last; i++ {
		if text[i] == claimPrefix[0] && claimShape(text[i:]) == len(text)-i {
			return i
		}
	}
	return len(text)
}

// claimShape returns how much of a claim text starts with.
func claimShape(text []byte) int {
	n := min(len(text), claimLength)
	for i := range n {
		if i < len(claimPrefix) && text[i] != claimPrefix[i] || i >= len(claimPrefix) && !isBase32(text[i]) {
			return i
		}
	}
	return n
}

func isBase32(c byte) bool { return 'A' <= c && c <= 'Z' || '2' <= c && c <= '7' }

// swap is a claim that was spent on the message at hand and what to put in its
// place. The zero swap is none.
type swap struct{ claim, value string }

// isFor reports whether t is a string to swap the claim in.
func (s swap) isFor(t jsonToken, text []byte) bool {
	return s.claim != "" && t.kind == stringToken &&
		(t.place == placeClaimValue || t.place == placeClaimText) && bytes.Contains(t.content(text), []byte(s.claim))
}

// settle looks for live claims in a message and spends the one that is where
// it belongs. It fails closed: if there is anything else about them, a second
// claim, a third place, another id, a message that is no result, then all die.
func (s *state) settle(text []byte, head header) swap {
	seen := sightings{text: text}
	if walk(text, placeTop, &seen); len(seen.found) == 0 {
		return swap{}
	}
	now := s.now()
	live := seen.found[:0]
	for _, sighting := range seen.found {
		if s.claims.isLive(sighting.claim, now) {
			live = append(live, sighting)
		}
	}
	if len(live) == 0 {
		return swap{}
	}
	if !head.isResult() || !inPlace(live) {
		for _, sighting := range live {
			s.claims.kill(sighting.claim)
		}
		return swap{}
	}
	value, ok := s.claims.spend(live[0].claim, string(head.id), now)
	if !ok {
		return swap{}
	}
	return swap{claim: live[0].claim, value: value.Reveal()}
}

// inPlace reports whether sightings are of one claim, at most once at each of
// its places.
func inPlace(sightings []sighting) bool {
	var atValue, atText int
	for _, s := range sightings {
		switch {
		case s.claim != sightings[0].claim:
			return false
		case s.place == placeClaimValue:
			atValue++
		case s.place == placeClaimText:
			atText++
		default:
			return false
		}
	}
	return atValue <= 1 && atText <= 1
}

// sighting is one occurrence of something that looks like a claim.
type sighting struct {
	claim string
	place place // placeOther unless it stands there as it should
}

// sightings collects what looks like a claim in a message.
type sightings struct {
	text  []byte
	found []sighting
}

func (s *sightings) visit(t jsonToken) {
	if t.kind == numberToken {
		return
	}
	content := t.content(s.text)
	meant := content
	if t.escaped {
		meant = unescape(content)
	}
	eachClaim(meant, func(start, length int) {
		if length < claimLength {
			return
		}
		claim := meant[start : start+length]
		at := t.place
		if t.kind == keyToken || !bytes.Contains(content, claim) || at == placeClaimValue && !bytes.Equal(content, claim) {
			at = placeOther
		}
		s.found = append(s.found, sighting{claim: string(claim), place: at})
	})
}
