// Package audit keeps the trail of what was asked, decided and granted.
//
// The trail is a file of JSON lines that is only appended to. Each record
// carries a number, the hash of the record before it, and its own hash, which
// covers every byte of its line before the hash. Editing, deleting, inserting
// or moving a line therefore breaks the chain at a line that Verify names.
//
// What the chain cannot show: that records are missing from the end, since a
// shorter chain is a whole chain too, and that somebody who may write the file
// wrote it anew from the start, since the hashes have no key. Whoever needs
// that copies the last hash elsewhere.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind says what happened.
type Kind string

// The kinds of event.
const (
	Asked       Kind = "asked"       // a request that a person is to decide
	Shown       Kind = "shown"       // its page was opened, by whoever has the address
	Approved    Kind = "approved"    // the person said yes
	Denied      Kind = "denied"      // the person said no
	Cancelled   Kind = "cancelled"   // the person closed the question without an answer
	Unavailable Kind = "unavailable" // nobody could be asked
	Expired     Kind = "expired"     // no answer in time, or a yes that was not picked up in time
	Withdrawn   Kind = "withdrawn"   // the call that asked has ended
	Refused     Kind = "refused"     // scrim said no without asking
	Granted     Kind = "granted"     // a yes was picked up: the value may leave once
	Ended       Kind = "ended"       // a command that was given values has ended
	Found       Kind = "found"       // a text that an agent had checked holds what Findings lists
	Enrolled    Kind = "enrolled"    // Factor is what proves from now on that a person is there
	Unenrolled  Kind = "unenrolled"  // Factor no longer proves anything
	Torn        Kind = "torn"        // the lines before this one were cut short, by a crash or a full disk
)

// Event is what a caller puts on record. It has no field for a secret's value.
// Text that an agent wrote (Command, Dir, Program, Purpose, Agent) is masked by the
// caller.
type Event struct {
	Time        time.Time `json:"time"` // zero: when it is appended
	Kind        Kind      `json:"kind"`
	RequestID   string    `json:"request_id,omitempty"`
	Project     string    `json:"project,omitempty"`
	Environment string    `json:"environment,omitempty"`
	Names       []string  `json:"names,omitempty"` // "env:/path/NAME"
	Delivery    string    `json:"delivery,omitempty"`
	Command     []string  `json:"command,omitempty"`
	Dir         string    `json:"dir,omitempty"`
	Program     string    `json:"program,omitempty"`        // the file that was or would have been run
	ProgramHash string    `json:"program_sha256,omitempty"` // of that file, in hex
	ExitCode    *int      `json:"exit_code,omitempty"`      // only with Kind Ended
	TimedOut    bool      `json:"timed_out,omitempty"`      // only with Kind Ended
	Purpose     string    `json:"purpose,omitempty"`
	Agent       string    `json:"agent,omitempty"`
	Strength    string    `json:"strength,omitempty"`
	Factor      string    `json:"factor,omitempty"` // its kind, such as "pin"
	Rule        string    `json:"rule,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Findings    []Finding `json:"findings,omitempty"`
	Digest      string    `json:"digest,omitempty"` // in hex: of the request or, where a factor is enrolled, of what makes it this one
	PID         int       `json:"pid"`              // zero: this process
}

// Finding is what a text held, by name. It has no room for the text.
type Finding struct {
	Name     string `json:"name,omitempty"` // the secret's, or "gitleaks:ID"; empty for a value without a name
	Kind     string `json:"kind"`
	Encoding string `json:"encoding"`
	Count    int    `json:"count"`
}

// Record is an Event in its place in the chain.
type Record struct {
	Seq  uint64 `json:"seq"`  // 1 for the first
	Prev string `json:"prev"` // Hash of the record before; 64 zeros for the first
	Event
	Cut  *Cut   `json:"cut,omitempty"` // only with Kind Torn
	Hash string `json:"-"`             // SHA-256 in hex of the line up to `,"hash"`

	line []byte
}

// Cut describes what lies between the record before and a Torn one.
type Cut struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Line returns the record as it stands in the file, without the newline.
func (r Record) Line() []byte { return r.line }

// The shape of a line's end, and the bound on a line.
const (
	sealStart = `,"hash":"`
	sealEnd   = `"}`
	sealSize  = len(sealStart) + 2*sha256.Size + len(sealEnd)
	maxLine   = 64 << 10
)

// genesis is the Prev of the first record.
var genesis = strings.Repeat("0", 2*sha256.Size)

var (
	errTooLong   = fmt.Errorf("it is longer than %d bytes", maxLine)
	errNotRecord = errors.New("it is not a whole record")
	errHash      = errors.New("its hash does not match its content")
)

// follow returns the record of e after prev, ready to be written.
func follow(prev Record, e Event, cut *Cut) (Record, error) {
	r := Record{Seq: prev.Seq + 1, Prev: prev.Hash, Event: e, Cut: cut}
	if r.Seq == 1 {
		r.Prev = genesis
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return Record{}, fmt.Errorf("encode an audit record: %w", err)
	}
	body := printable(bytes.TrimSuffix(b.Bytes(), []byte("}\n")))
	r.Hash = hash(body)
	r.line = append(body, sealStart+r.Hash+sealEnd...)
	if len(r.line) > maxLine {
		return Record{}, fmt.Errorf("encode an audit record: %w", errTooLong)
	}
	return r, nil
}

// parse reads one line, without its newline. Fields that it does not know are
// allowed, since a newer scrim may share the file; the hash covers them.
func parse(line []byte) (Record, error) {
	if len(line) > maxLine {
		return Record{}, errTooLong
	}
	cut := len(line) - sealSize
	if cut < 0 || !bytes.HasPrefix(line[cut:], []byte(sealStart)) || !bytes.HasSuffix(line, []byte(sealEnd)) {
		return Record{}, errNotRecord
	}
	sum := hash(line[:cut])
	if sealStart+sum+sealEnd != string(line[cut:]) {
		return Record{}, errHash
	}
	var r Record
	if err := json.Unmarshal(line, &r); err != nil || r.Seq == 0 || len(r.Prev) != 2*sha256.Size || r.Kind == "" {
		return Record{}, errNotRecord
	}
	r.Hash, r.line = sum, line
	return r, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// printable escapes what JSON leaves alone and a terminal may obey or hide:
// C1 controls, bidirectional marks, zero-width runes. In JSON such runes stand
// only inside strings.
func printable(encoded []byte) []byte {
	out := make([]byte, 0, len(encoded)+sealSize)
	for len(encoded) > 0 {
		r, size := utf8.DecodeRune(encoded)
		switch {
		case unicode.IsPrint(r):
			out = append(out, encoded[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		encoded = encoded[size:]
	}
	return out
}
