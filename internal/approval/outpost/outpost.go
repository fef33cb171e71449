// Package outpost has questions answered by another user of this machine, who has
// what proves a person, where the user of the process that asks has it not.
//
// The other user serves a socket (Server); the process that asks dials it (Client)
// and says what is asked. A yes comes back over that connection. Whose the socket
// is decides who is believed, so that a process of the asking user can neither
// answer nor put a socket of its own in that place; the asking user is believed
// nothing, and is named to the person.
package outpost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/user"
	"strconv"
	"time"

	"scrim/internal/approval"
)

// The bounds of a conversation.
const (
	maxLine      = 64 << 10
	maxNames     = 64
	maxAgent     = 60  // runes
	maxPurpose   = 300 // runes
	writeTime    = 2 * time.Second
	helloTime    = time.Second      // for the other side to say that it hears
	idleTime     = 20 * time.Minute // for which who says nothing stays
	maxTheirs    = 1 << 20          // bytes of the questions of one user
	maxAll       = 4 << 20          // bytes of all questions, which is less than a desk carries
	maxOpen      = 16               // questions of one connection
	maxVisits    = 32               // connections of one user
	maxVisitors  = 128              // connections in all
	maxLife      = 15 * time.Minute // of a question
	burst        = 64               // lines of one user at once
	linesPerTime = 2                // and a second after that
)

// message is one line, in either direction. One of its fields is set.
type message struct {
	Hello    bool    `json:"hello,omitempty"` // the first word: who dialled may ask
	Ask      *ask    `json:"ask,omitempty"`
	Withdraw string  `json:"withdraw,omitempty"` // a nonce
	Answer   *answer `json:"answer,omitempty"`
	Refused  *no     `json:"refused,omitempty"`
}

// ask is a question. What is in it was masked by the process that asks; how it reads
// is written at the side that answers.
type ask struct {
	Nonce   string         `json:"nonce"` // made for this question on this connection
	ID      string         `json:"id"`
	Digest  string         `json:"digest"` // of the request, in hex
	Facts   approval.Facts `json:"facts"`
	Agent   string         `json:"agent"`
	Expires time.Time      `json:"expires"`
}

// answer is what the person said. Only with Yes, Factor is what proved them.
type answer struct {
	Nonce  string `json:"nonce"`
	Digest string `json:"digest"`
	Yes    bool   `json:"yes"`
	Factor string `json:"factor,omitempty"`
}

// no is a question that is not put before anybody, or without a nonce a visitor
// who may not ask.
type no struct {
	Nonce string `json:"nonce,omitempty"`
	Why   string `json:"why"`
}

// Gate is what the questions come from and the answers go to: an approval.Gate.
type Gate interface {
	Waiting() []approval.Waiting
	Prove(ctx context.Context, id string, proof approval.Proof) error
	Dismiss(id string) error
}

var (
	errMany   = errors.New("it says more than one thing, or nothing, in a line")
	errDigest = errors.New("its digest is none")
)

// decode reads a line. Fields that it does not know are refused.
func decode(line []byte) (message, error) {
	var m message
	words := json.NewDecoder(bytes.NewReader(line))
	words.DisallowUnknownFields()
	if err := words.Decode(&m); err != nil {
		return message{}, errMany
	}
	if _, err := words.Token(); !errors.Is(err, io.EOF) {
		return message{}, errMany
	}
	set := 0
	for _, is := range []bool{m.Hello, m.Ask != nil, m.Withdraw != "", m.Answer != nil, m.Refused != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return message{}, errMany
	}
	return m, nil
}

// send writes a line, or gives up soon on who does not read.
func send(c net.Conn, m message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err = c.Write(append(line, '\n'))
	return err
}

func parseDigest(text string) ([sha256.Size]byte, error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return [sha256.Size]byte{}, errDigest
	}
	return [sha256.Size]byte(raw), nil
}

// nameOf names a user of this machine, as "name (uid 1001)".
func nameOf(uid int) string {
	number := strconv.Itoa(uid)
	known, err := user.LookupId(number)
	if err != nil {
		return "uid " + number
	}
	return fmt.Sprintf("%s (uid %s)", known.Username, number)
}

// isWord reports whether s is lower-case letters, digits and hyphens, limit at most.
func isWord(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		letter, digit := 'a' <= s[i] && s[i] <= 'z', '0' <= s[i] && s[i] <= '9'
		if !letter && !digit && s[i] != '-' {
			return false
		}
	}
	return true
}
