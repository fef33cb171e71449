package approver_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"scrim/internal/approver"
)

// origin is where the page of these tests is.
const origin = "http://localhost:4711"

// The flags of authenticator data (WebAuthn, 6.1).
const (
	userPresent  = 1 << 0
	userVerified = 1 << 2
	eligible     = 1 << 3
	backedUp     = 1 << 4
	attested     = 1 << 6
)

// key is an authenticator with one passkey, and the browser around it.
type key struct {
	testing.TB
	id      []byte
	handle  string
	private *ecdsa.PrivateKey
	count   uint32
	flags   byte
}

func newKey(t testing.TB) *key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &key{TB: t, id: id, private: private, flags: userPresent | userVerified | eligible | backedUp}
}

// said is what an authenticator and its browser say. A test changes it before it
// is signed.
type said struct {
	kind, challenge, origin string
	crossOrigin             bool
	party                   string
	flags                   byte
	count                   uint32
	id                      []byte
	handle                  string
}

func (s said) client() []byte {
	text, _ := json.Marshal(map[string]any{"type": s.kind, "challenge": s.challenge, "origin": s.origin, "crossOrigin": s.crossOrigin})
	return text
}

func (s said) authenticator() []byte {
	party := sha256.Sum256([]byte(s.party))
	return binary.BigEndian.AppendUint32(append(party[:], s.flags), s.count)
}

func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// answer is what the browser gives, with response in it.
func answer(id []byte, response map[string]any) []byte {
	text, _ := json.Marshal(map[string]any{
		"id": base64URL(id), "rawId": base64URL(id), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, "response": response,
	})
	return text
}

// says is what the key says to a challenge, before changes.
func (k *key) says(kind, challenge string, changes []func(*said)) said {
	s := said{kind, challenge, origin, false, "localhost", k.flags, k.count, k.id, k.handle}
	for _, change := range changes {
		change(&s)
	}
	return s
}

// make makes the passkey, as options ask.
func (k *key) make(options []byte, changes ...func(*said)) []byte {
	k.Helper()
	var o struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		k.Fatal(err)
	}
	if k.handle == "" {
		k.handle = o.User.ID
	}
	s := k.says("webauthn.create", o.Challenge, changes)
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		k.Fatal(err)
	}
	s.flags |= attested
	data := append(s.authenticator(), make([]byte, 16)...) // no AAGUID
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(s.id))), s.id...)
	// A COSE key: {1: 2, 3: -7, -1: 1, -2: x, -3: y}.
	data = append(data, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32)
	data = append(data, point[1:33]...)
	data = append(data, 0x22, 0x58, 32)
	data = append(data, point[33:]...)
	// {"fmt": "none", "attStmt": {}, "authData": data}.
	object := slices.Concat([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), []byte{byte(len(data))}, data)
	return answer(s.id, map[string]any{
		"clientDataJSON": base64URL(s.client()), "attestationObject": base64URL(object), "transports": []string{"internal", "hybrid"},
	})
}

// sign answers a challenge. Each answer counts one more.
func (k *key) sign(options []byte, changes ...func(*said)) []byte {
	k.Helper()
	var o struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(options, &o); err != nil {
		k.Fatal(err)
	}
	k.count++
	s := k.says("webauthn.get", o.Challenge, changes)
	client := sha256.Sum256(s.client())
	sum := sha256.Sum256(append(s.authenticator(), client[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		k.Fatal(err)
	}
	return answer(s.id, map[string]any{
		"clientDataJSON": base64URL(s.client()), "authenticatorData": base64URL(s.authenticator()),
		"signature": base64URL(signature), "userHandle": s.handle,
	})
}

// enrol makes the passkey and enrols it.
func (k *key) enrol(d desk, leave approver.Change, name string) {
	k.Helper()
	r, err := leave.Registration(origin, name)
	if err == nil {
		err = r.AddPasskey(k.make(r.Options))
	}
	if err != nil {
		d.Fatal(err)
	}
}

// leave is leave to change, of whoever has the passkey.
func (k *key) leave(d desk) approver.Change {
	k.Helper()
	a := d.load()
	options, err := a.ChangeChallenge(origin)
	if err != nil {
		k.Fatal(err)
	}
	change, err := a.ChangeByPasskey(d.Context(), origin, k.sign(options))
	if err != nil {
		k.Fatal(err)
	}
	return change
}
