package approval

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// state is what travels through the client and back with a question. The
// client can read it and cannot make or change one: its last bytes are an
// HMAC over the others, under a key that only this process has.
type state struct {
	id      string
	digest  [sha256.Size]byte
	expires time.Time
	nonce   [nonceSize]byte
}

const (
	stateVersion = 1
	idSize       = 10
	nonceSize    = 16
	bodySize     = 1 + idSize + sha256.Size + 8 + nonceSize
	stateSize    = bodySize + sha256.Size
)

// seal returns s as the text that a client carries.
func (g *Gate) seal(s state) string {
	b := make([]byte, 0, stateSize)
	b = append(b, stateVersion)
	b = append(b, s.id...)
	b = append(b, s.digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.expires.UnixMilli()))
	b = append(b, s.nonce[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, g.sign(b)...))
}

// unseal returns the state in text, and false where this gate did not seal
// exactly that text.
func (g *Gate) unseal(text string) (state, bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(stateSize) {
		return state{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != stateSize || b[0] != stateVersion {
		return state{}, false
	}
	body, mac := b[:bodySize], b[bodySize:]
	if subtle.ConstantTimeCompare(mac, g.sign(body)) != 1 {
		return state{}, false
	}
	rest := body[1:]
	s := state{id: string(rest[:idSize])}
	rest = rest[idSize:]
	copy(s.digest[:], rest)
	rest = rest[sha256.Size:]
	s.expires = time.UnixMilli(int64(binary.BigEndian.Uint64(rest))) //nolint:gosec // G115: as sealed
	copy(s.nonce[:], rest[8:])
	return s, true
}

func (g *Gate) sign(body []byte) []byte {
	h := hmac.New(sha256.New, g.key[:])
	h.Write(body)
	return h.Sum(nil)
}
