package approver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// A passkey signs what one page asks: the request's challenge, where the page
// is, and that the authenticator made sure of who holds it. What is kept of it is
// no secret: whoever reads it can verify, and not sign.

// The bounds on what is kept of passkeys. WebAuthn has the one on ids; a key of
// 4096 bits has less than 600 bytes.
const (
	maxPasskeys   = 8
	maxID         = 1023
	maxKey        = 2 << 10
	maxTransports = 8
	maxTransport  = 32
	maxName       = 40 // characters
	handleSize    = 16
)

// maxResponse bounds, in bytes, what a browser gives for a passkey.
const maxResponse = 64 << 10

// relyingParty is whom passkeys are made for: pages of this machine. Which of
// them asks is in what is signed, and compared.
const relyingParty = "localhost"

// passkey is what is kept of one.
type passkey struct {
	Name           string    `json:"name"` // by which the person knows it
	SetAt          time.Time `json:"set_at"`
	ID             []byte    `json:"id"`
	PublicKey      []byte    `json:"public_key"`           // COSE
	Handle         []byte    `json:"handle"`               // the user that it was made for: a random one each time
	SignCount      uint32    `json:"sign_count,omitempty"` // when it was made
	BackupEligible bool      `json:"backup_eligible,omitempty"`
	Transports     []string  `json:"transports,omitempty"` // how a browser reaches it
}

// Why a passkey proves nothing.
var (
	ErrNoPasskey      = errors.New("no passkey is enrolled: run scrim enroll --passkey")
	ErrNoChallenge    = errors.New("no passkey was asked for this, or it was answered before or more than five minutes ago: load the page anew")
	ErrBadResponse    = errors.New("this is not what a browser gives for a passkey: load the page anew")
	ErrUnknownPasskey = errors.New("this passkey is not enrolled here: use one that scrim enroll --list shows")
	ErrOtherRequest   = errors.New("the passkey said yes to something else, or to a page that was loaded anew since: load the page anew")
	ErrOtherOrigin    = errors.New("the passkey said yes to another page than this one: use the address that scrim gave")
	ErrNotVerified    = errors.New("the passkey did not make sure of who holds it: use one with a PIN, a fingerprint or a face")
	ErrOldCounter     = errors.New("the passkey counts fewer signatures than were seen of it, so it may be a copy: remove it with scrim enroll, and enrol another one")
	ErrBadSignature   = errors.New("the passkey's signature is not good")
)

// HasPIN reports whether a PIN is enrolled, so that Verify can succeed.
func (a *Approver) HasPIN() bool { return a != nil && a.turn != nil && a.held.PIN != nil }

// HasPasskey reports whether a passkey is enrolled, so that VerifyPasskey can
// succeed.
func (a *Approver) HasPasskey() bool {
	return a != nil && a.turn != nil && len(a.held.Passkeys) > 0
}

// Challenge returns what a browser at origin, such as http://localhost:4711, is
// to ask for a passkey's yes to the request with that digest: the JSON of
// PublicKeyCredentialRequestOptions, as parseRequestOptionsFromJSON takes it. It
// is good for five minutes, once, and until the next one for that digest.
func (a *Approver) Challenge(digest [sha256.Size]byte, origin string) (options []byte, err error) {
	if err := a.canUsePasskey(); err != nil {
		return nil, err
	}
	if !isOrigin(origin) {
		return nil, errNoOrigin
	}
	return json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge:          a.asked.put(digest, origin),
		Timeout:            int(challengeTTL.Milliseconds()),
		RelyingPartyID:     relyingParty,
		AllowedCredentials: a.held.descriptors(),
		UserVerification:   protocol.VerificationRequired,
	})
}

// VerifyPasskey returns nil where response proves that a person said yes to the
// request with that digest, at origin. Response is the JSON of the browser's
// PublicKeyCredential.toJSON(). Whatever comes of it, the digest's challenge is
// used up. Its errors are this package's, and hold nothing of response.
func (a *Approver) VerifyPasskey(ctx context.Context, digest [sha256.Size]byte, origin string, response []byte) error {
	if err := a.canUsePasskey(); err != nil {
		return err
	}
	asked, ok := a.asked.take(digest)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("verify a passkey: %w", context.Cause(ctx))
	case !ok:
		return ErrNoChallenge
	case asked.origin != origin:
		return ErrOtherOrigin
	}
	said, ok := parseAssertion(response)
	if !ok {
		return ErrBadResponse
	}
	p, ok := a.held.byID(said.RawID)
	if !ok {
		return ErrUnknownPasskey
	}
	if err := asked.answeredBy(said); err != nil {
		return err
	}
	if !p.signed(asked, said) {
		return ErrBadSignature
	}
	return a.count(p, said.Response.AuthenticatorData.Counter)
}

// canUsePasskey says why none can be asked for, or nil.
func (a *Approver) canUsePasskey() error {
	if _, err := a.State(); err != nil {
		return err
	}
	if !a.HasPasskey() {
		return ErrNoPasskey
	}
	return nil
}

var errNoOrigin = errors.New("a passkey is asked for by a page of this machine, at http://localhost:PORT")

// isOrigin reports whether origin is http://localhost:PORT, as a browser writes it.
func isOrigin(origin string) bool {
	port, ok := strings.CutPrefix(origin, "http://"+relyingParty+":")
	number, err := strconv.ParseUint(port, 10, 16)
	return ok && err == nil && number > 0 && strconv.FormatUint(number, 10) == port
}

// parseAssertion reads what a browser gives for a passkey that signs.
func parseAssertion(response []byte) (*protocol.ParsedCredentialAssertionData, bool) {
	if len(response) > maxResponse {
		return nil, false
	}
	said, err := protocol.ParseCredentialRequestResponseBytes(response)
	return said, err == nil
}

// answeredBy returns why said is no answer to what was asked, as far as the
// passkey says so itself. Its signature is another question.
func (c challenge) answeredBy(said *protocol.ParsedCredentialAssertionData) error {
	page, flags := said.Response.CollectedClientData, said.Response.AuthenticatorData.Flags
	switch {
	case page.Type != protocol.AssertCeremony, page.Challenge != c.text():
		return ErrOtherRequest
	case page.Origin != c.origin, page.CrossOrigin, page.TopOrigin != "":
		return ErrOtherOrigin
	case !flags.HasUserPresent(), !flags.HasUserVerified():
		return ErrNotVerified
	}
	return nil
}

// signed reports whether p signed said in answer to c. The library looks at all of
// it once more.
func (p passkey) signed(c challenge, said *protocol.ParsedCredentialAssertionData) bool {
	library, err := newLibrary(c.origin)
	if err != nil {
		return false
	}
	session := webauthn.SessionData{
		Challenge:            c.text(),
		RelyingPartyID:       relyingParty,
		Origin:               c.origin,
		UserID:               p.Handle,
		AllowedCredentialIDs: [][]byte{p.ID},
		UserVerification:     protocol.VerificationRequired,
	}
	_, err = library.ValidateLogin(holder{p}, session, said)
	return err == nil
}

// newLibrary returns what checks ceremonies of the page at origin. What a browser
// says of extensions is not looked at, since none is asked for; some password
// managers say something all the same.
func newLibrary(origin string) (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID:                              relyingParty,
		RPDisplayName:                     "scrim",
		RPOrigins:                         []string{origin},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// holder is the user of one passkey, as the library wants it.
type holder struct{ passkey }

func (h holder) WebAuthnID() []byte          { return h.Handle }
func (h holder) WebAuthnName() string        { return "scrim: " + h.Name }
func (h holder) WebAuthnDisplayName() string { return "scrim: " + h.Name }

// WebAuthnCredentials returns the passkey, or nothing where it is yet to be made.
func (h holder) WebAuthnCredentials() []webauthn.Credential {
	if len(h.ID) == 0 {
		return nil
	}
	return []webauthn.Credential{{
		ID: h.ID, PublicKey: h.PublicKey,
		Flags:         webauthn.CredentialFlags{BackupEligible: h.BackupEligible},
		Authenticator: webauthn.Authenticator{SignCount: h.SignCount},
	}}
}

// count notes how many signatures p says to have made. One that did not grow is
// that of a copy, but for passkeys that do not count and always say zero.
func (a *Approver) count(p passkey, now uint32) error {
	a.counting.Lock()
	defer a.counting.Unlock()
	most := max(p.SignCount, a.counts[string(p.ID)])
	if now <= most && (now != 0 || most != 0) {
		return ErrOldCounter
	}
	if a.counts == nil {
		a.counts = map[string]uint32{}
	}
	a.counts[string(p.ID)] = now
	return nil
}

// byID returns the passkey with that id.
func (d document) byID(id []byte) (passkey, bool) {
	i := slices.IndexFunc(d.Passkeys, func(p passkey) bool { return bytes.Equal(p.ID, id) })
	if i < 0 {
		return passkey{}, false
	}
	return d.Passkeys[i], true
}

// named returns where the passkey with that name is, or -1.
func (d document) named(name string) int {
	return slices.IndexFunc(d.Passkeys, func(p passkey) bool { return p.Name == name })
}

// descriptors tell a browser which passkeys there are.
func (d document) descriptors() []protocol.CredentialDescriptor {
	var all []protocol.CredentialDescriptor
	for _, p := range d.Passkeys {
		one := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.ID}
		for _, t := range p.Transports {
			one.Transport = append(one.Transport, protocol.AuthenticatorTransport(t))
		}
		all = append(all, one)
	}
	return all
}

// valid reports whether p can be what scrim wrote.
func (p passkey) valid() bool {
	if len(p.PublicKey) > maxKey {
		return false
	}
	_, err := webauthncose.ParsePublicKey(p.PublicKey)
	return err == nil && CheckName(p.Name) == nil && isStamp(p.SetAt) &&
		len(p.ID) > 0 && len(p.ID) <= maxID && len(p.Handle) == handleSize &&
		slices.Equal(p.Transports, usable(p.Transports))
}

// usable returns those of transports that are words, and not too many of them.
func usable(transports []string) []string {
	isWord := func(s string) bool {
		other := func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' }
		return s != "" && len(s) <= maxTransport && !strings.ContainsFunc(s, other)
	}
	var words []string
	for _, t := range transports {
		if isWord(t) && len(words) < maxTransports {
			words = append(words, t)
		}
	}
	return words
}

// ErrBadName is what every name gives that no passkey can have.
var ErrBadName = fmt.Errorf("this cannot be the name of a passkey: choose one of 1 to %d characters, without space around it", maxName)

// CheckName returns why a passkey cannot have that name, or nil.
func CheckName(name string) error {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	n := utf8.RuneCountInString(name)
	if n == 0 || n > maxName || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, hidden) {
		return ErrBadName
	}
	return nil
}
