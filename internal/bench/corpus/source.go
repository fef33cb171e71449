// Package corpus is the made-up secrets and texts that the redactor is measured
// on. The same call gives the same bytes on every machine.
package corpus

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
)

// source is where a text's variety comes from.
type source struct{ *rand.Rand }

// The characters that tokens are made of.
const (
	letters      = "abcdefghijklmnopqrstuvwxyz"
	alphanumeric = letters + "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// newSource returns a source of its own for each purpose, so that a change to
// one text changes no other.
func newSource(purpose uint64) source {
	return source{rand.New(rand.NewPCG(purpose, 20261123))} //nolint:gosec // G404: the same text each time is the purpose
}

func (s source) pick(words ...string) string { return words[s.IntN(len(words))] }

// between returns a number from low to high, both included.
func (s source) between(low, high int) int { return low + s.IntN(high-low+1) }

func (s source) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.IntN(256)) //nolint:gosec // G115: it is less than 256
	}
	return b
}

// text returns n characters of alphabet.
func (s source) text(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.IntN(len(alphabet))]
	}
	return string(b)
}

// hex returns n digits.
func (s source) hex(n int) string { return hex.EncodeToString(s.bytes((n + 1) / 2))[:n] }

func (s source) base64(n int) string { return base64.StdEncoding.EncodeToString(s.bytes(n)) }

func (s source) uuid() string {
	h := s.hex(32)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}

func (s source) address() string {
	return fmt.Sprintf("10.%d.%d.%d", s.IntN(256), s.IntN(256), s.IntN(256))
}
