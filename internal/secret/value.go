package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"regexp"
	"strings"
)

// redacted is what every printer, encoder and logger gets to see of a Value.
const redacted = "[redacted]"

// Value holds a plaintext that only Reveal returns. The plaintext is behind a
// closure, so that reflection (fmt on a struct with an unexported Value, a
// debugger's dump, an encoder) meets a code pointer and no bytes of it.
//
// The zero Value is empty.
type Value struct{ reveal func() string }

// NewValue returns a Value that reveals plaintext.
func NewValue(plaintext string) Value {
	return Value{reveal: func() string { return plaintext }}
}

// Reveal returns the plaintext. Only redact, launch, handover, validate and
// infisical may call it; internal/arch holds them to that.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether v was never given a plaintext (not whether the
// plaintext is empty).
func (v Value) IsZero() bool { return v.reveal == nil }

// Equal reports whether v and w hold the same plaintext, in constant time for
// plaintexts of one length.
func (v Value) Equal(w Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(w.Reveal())) == 1
}

// Digest returns a digest of the plaintext under key (HMAC-SHA-256): two values
// that are digested under one key, which nobody else has, can be compared without
// being kept.
func (v Value) Digest(key [32]byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, key[:])
	_, _ = io.WriteString(mac, v.Reveal())
	return [sha256.Size]byte(mac.Sum(nil))
}

// Refers reports whether the plaintext holds a ${reference} to another secret.
func (v Value) Refers() bool { return strings.Contains(v.Reveal(), "${") }

// RefersBeside reports whether the plaintext holds a ${NAME}, which is whatever has
// that name beside it: moved elsewhere, it would be another one.
func (v Value) RefersBeside() bool {
	for name := range v.references() {
		if !strings.Contains(name, ".") {
			return true
		}
	}
	return false
}

// RefersTo reports whether the plaintext, as that of a secret at from, holds a
// reference to the secret to: ${NAME} beside it, or ${env.path.NAME}.
func (v Value) RefersTo(from Place, to Ref) bool {
	beside := from.Environment == to.env && from.Path == to.path
	absolute := to.env + strings.ReplaceAll(strings.TrimSuffix(to.path, "/"), "/", ".") + "." + to.key
	for name := range v.references() {
		if name == absolute || beside && name == to.key {
			return true
		}
	}
	return false
}

// references yields what is between the braces of each ${reference}, as the store
// reads them.
func (v Value) references() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, found := range reference.FindAllStringSubmatch(v.Reveal(), -1) {
			if !yield(found[1]) {
				return
			}
		}
	}
}

var reference = regexp.MustCompile(`\$\{([A-Za-z0-9_.-]+)\}`)

// String returns a constant that says nothing about the plaintext.
func (Value) String() string { return redacted }

// GoString returns the constant that String returns.
func (Value) GoString() string { return redacted }

// Format prints the constant for every verb and flag.
func (Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// LogValue is what slog sees.
func (Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON encodes the constant.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText encodes the constant.
func (Value) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalBinary encodes the constant (gob uses it).
func (Value) MarshalBinary() ([]byte, error) { return []byte(redacted), nil }
