package approver

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// FileName is the file's name in the user's scrim folder.
const FileName = "approver.json"

// version is that of the file's format.
const version = 1

// document is what the file holds. It has one encoding, byte for byte: whatever
// differs from it was not written by scrim.
type document struct {
	Version int      `json:"version"`
	Factors []factor `json:"factors"` // a PIN now; a list, since there can be passkeys beside it
}

// factor is one way to prove that a person is there.
type factor struct {
	Kind     string    `json:"kind"`
	SetAt    time.Time `json:"set_at"`
	Argon2id cost      `json:"argon2id"`
	Salt     []byte    `json:"salt"`
	Hash     []byte    `json:"hash"` // see seal
}

// The kinds of factors, in the file and on the audit trail.
const (
	PIN     = "pin"
	Passkey = "passkey"
)

// The sizes in bytes of what is random and of what is derived.
const (
	saltSize = 16
	hashSize = 32
)

// What is wrong with a file. None of them says what the file holds.
var (
	errNotOurs   = errors.New("this is not what scrim wrote there")
	errNewer     = errors.New("a newer scrim wrote this")
	errWeakCost  = errors.New("its hash is cheaper to guess than scrim makes it")
	errLargeCost = errors.New("its hash would take more memory or time than scrim gives it")
)

// parse reads the file. It allocates no more than data's size, and refuses
// whatever encode would not write and costs that bounds do not allow.
func parse(data []byte, allowed bounds) (document, error) {
	var d document
	if json.Unmarshal(data, &d) != nil {
		return document{}, errNotOurs
	}
	if d.Version > version {
		return document{}, errNewer
	}
	if d.Version != version || len(d.Factors) != 1 || !bytes.Equal(data, encode(d)) {
		return document{}, errNotOurs
	}
	f := d.Factors[0]
	if f.Kind != PIN || len(f.Salt) != saltSize || len(f.Hash) != hashSize || !f.SetAt.Equal(stamp(f.SetAt)) {
		return document{}, errNotOurs
	}
	if err := allowed.check(f.Argon2id); err != nil {
		return document{}, err
	}
	return d, nil
}

// encode returns the file's text, or nil for what has none.
func encode(d document) []byte {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil
	}
	return append(text, '\n')
}

// stamp returns t as the file has it: to the second, in UTC.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
