package approver

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// FileName is the file's name in the user's scrim folder.
const FileName = "approver.json"

// The versions of the file's format. The first had a PIN alone; it is read, and
// never written.
const (
	firstVersion = 1
	version      = 2
)

// The kinds of factors, in the file and on the audit trail.
const (
	PIN     = "pin"
	Passkey = "passkey"
)

// document is what the file holds. Each version has one encoding, byte for byte:
// whatever differs from it was not written by scrim.
type document struct {
	Version  int       `json:"version"`
	PIN      *pin      `json:"pin,omitempty"`
	Passkeys []passkey `json:"passkeys,omitempty"` // in the order in which they were enrolled
}

// firstDocument is the document of the first version.
type firstDocument struct {
	Version int        `json:"version"`
	Factors []firstPIN `json:"factors"`
}

type firstPIN struct {
	Kind string `json:"kind"`
	pin
}

// pin is what is kept of a PIN.
type pin struct {
	SetAt    time.Time `json:"set_at"`
	Argon2id cost      `json:"argon2id"`
	Salt     []byte    `json:"salt"`
	Hash     []byte    `json:"hash"` // see seal
}

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

// parse reads the file. It allocates no more than a multiple of data's size, and
// refuses whatever encode would not write and costs that bounds do not allow.
func parse(data []byte, allowed bounds) (document, error) {
	d, err := decode(data)
	if err != nil {
		return document{}, err
	}
	if !bytes.Equal(data, encode(d)) || d.empty() || len(d.Passkeys) > maxPasskeys {
		return document{}, errNotOurs
	}
	for i, p := range d.Passkeys {
		same := func(other passkey) bool { return other.Name == p.Name || bytes.Equal(other.ID, p.ID) }
		if !p.valid() || slices.ContainsFunc(d.Passkeys[:i], same) {
			return document{}, errNotOurs
		}
	}
	if d.PIN == nil {
		return d, nil
	}
	if len(d.PIN.Salt) != saltSize || len(d.PIN.Hash) != hashSize || !isStamp(d.PIN.SetAt) {
		return document{}, errNotOurs
	}
	if err := allowed.check(d.PIN.Argon2id); err != nil {
		return document{}, err
	}
	return d, nil
}

// decode reads a document of any version, which may be no valid one.
func decode(data []byte) (document, error) {
	var d document
	if json.Unmarshal(data, &d) != nil {
		return d, errNotOurs
	}
	switch {
	case d.Version > version:
		return d, errNewer
	case d.Version == version:
		return d, nil
	}
	var first firstDocument
	if json.Unmarshal(data, &first) != nil || first.Version != firstVersion || len(first.Factors) != 1 || first.Factors[0].Kind != PIN {
		return d, errNotOurs
	}
	return document{Version: firstVersion, PIN: &first.Factors[0].pin}, nil
}

// encode returns the file's text, or nil for what has none.
func encode(d document) []byte {
	if d.Version == firstVersion && d.PIN != nil {
		return encodeFirst(*d.PIN)
	}
	return indented(d)
}

// encodeFirst is encode for the first version.
func encodeFirst(p pin) []byte {
	return indented(firstDocument{firstVersion, []firstPIN{{PIN, p}}})
}

func indented(v any) []byte {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil
	}
	return append(text, '\n')
}

func (d document) empty() bool { return d.PIN == nil && len(d.Passkeys) == 0 }

// stamp returns t as the file has it: to the second, in UTC.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func isStamp(t time.Time) bool { return t.Equal(stamp(t)) && t.Location() == time.UTC }
