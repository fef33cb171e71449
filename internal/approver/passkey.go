package approver

import (
	"context"
	"crypto/sha256"
	"errors"
)

// ErrNoPasskey is what a passkey is answered where none is enrolled.
var ErrNoPasskey = errors.New("no passkey is enrolled: run scrim enroll --passkey")

// HasPIN reports whether a PIN is enrolled, so that Verify can succeed.
func (a *Approver) HasPIN() bool { return a != nil && a.turn != nil && a.pin != nil }

// HasPasskey reports whether a passkey is enrolled, so that VerifyPasskey can
// succeed.
func (a *Approver) HasPasskey() bool { return false }

// Challenge returns what a browser at origin, such as http://localhost:4711, is
// to ask for a passkey's yes to the request with that digest: the JSON of
// PublicKeyCredentialRequestOptions, as parseRequestOptionsFromJSON takes it. It
// is good for five minutes, once, and until the next one for that digest.
func (a *Approver) Challenge(digest [sha256.Size]byte, origin string) (options []byte, err error) {
	return nil, a.noPasskey()
}

// VerifyPasskey returns nil where response proves that a person said yes to the
// request with that digest, at origin. Response is the JSON of the browser's
// PublicKeyCredential.toJSON(). Whatever comes of it, the digest's challenge is
// used up.
func (a *Approver) VerifyPasskey(ctx context.Context, digest [sha256.Size]byte, origin string, response []byte) error {
	return a.noPasskey()
}

// noPasskey says why none can be asked for.
func (a *Approver) noPasskey() error {
	if _, err := a.State(); err != nil {
		return err
	}
	return ErrNoPasskey
}
