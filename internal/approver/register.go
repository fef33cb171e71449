package approver

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// What keeps a passkey from being enrolled.
var (
	ErrTooManyPasskeys = fmt.Errorf("%d passkeys are enrolled, and no more than that: remove one with scrim enroll --remove --passkey NAME", maxPasskeys)
	ErrNameTaken       = errors.New("another passkey has that name: choose another one")
	ErrNotMade         = errors.New("the browser made no passkey that can be enrolled: load the page anew")
)

// Registration is a passkey that a browser is about to make. It is good once, for
// five minutes.
type Registration struct {
	// Options is the JSON of PublicKeyCredentialCreationOptions, as the browser's
	// parseCreationOptionsFromJSON takes it.
	Options []byte

	change  Change
	library *webauthn.WebAuthn
	holder  holder
	until   time.Time

	mu      sync.Mutex
	session *webauthn.SessionData // nil once it was used
}

// Registration begins to make a passkey with that name, in a browser at origin.
func (c Change) Registration(origin, name string) (*Registration, error) {
	if c.a == nil {
		return nil, errNoLeave
	}
	if err := c.mayAdd(name); err != nil {
		return nil, err
	}
	if !isOrigin(origin) {
		return nil, errNoOrigin
	}
	library, err := newLibrary(origin)
	if err != nil {
		return nil, fmt.Errorf("prepare a passkey: %w", err)
	}
	r := &Registration{change: c, library: library, until: time.Now().Add(challengeTTL)}
	// A handle of its own keeps it from taking the place of another one, such as
	// that of a machine with which it is synchronised.
	r.holder = holder{passkey{Name: name, Handle: make([]byte, handleSize)}}
	_, _ = rand.Read(r.holder.Handle) // which never fails
	options, session, err := library.BeginRegistration(r.holder, r.wants)
	if err != nil {
		return nil, fmt.Errorf("prepare a passkey: %w", err)
	}
	r.session = session
	r.Options, err = json.Marshal(options.Response)
	return r, err
}

// mayAdd returns why no passkey with that name can be added, or nil.
func (c Change) mayAdd(name string) error {
	before := c.before()
	switch {
	case CheckName(name) != nil:
		return ErrBadName
	case before.named(name) >= 0:
		return ErrNameTaken
	case len(before.Passkeys) >= maxPasskeys:
		return ErrTooManyPasskeys
	}
	return nil
}

// wants says which passkeys are good: those that make sure of who holds them, and
// are not enrolled yet. Who built them is not asked.
func (r *Registration) wants(o *protocol.PublicKeyCredentialCreationOptions) error {
	o.Timeout = int(challengeTTL.Milliseconds())
	o.Attestation = protocol.PreferNoAttestation
	o.AuthenticatorSelection = protocol.AuthenticatorSelection{
		ResidentKey:      protocol.ResidentKeyRequirementPreferred,
		UserVerification: protocol.VerificationRequired,
	}
	o.Parameters = nil
	for _, algorithm := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256} {
		o.Parameters = append(o.Parameters, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: algorithm})
	}
	o.CredentialExcludeList = r.change.before().descriptors()
	return nil
}

// AddPasskey enrols what the browser made, on the audit trail first. Response is
// the JSON of its PublicKeyCredential.toJSON(). What was loaded stays as it was.
func (r *Registration) AddPasskey(response []byte) error {
	made, err := r.take(response)
	if err != nil {
		return err
	}
	next := r.change.before()
	if _, known := next.byID(made.ID); known || !made.valid() {
		return ErrNotMade
	}
	next.Passkeys = append(next.Passkeys, made)
	return r.change.to(next, enrolled(Passkey, made.print()))
}

// take returns the passkey that the browser made, once.
func (r *Registration) take(response []byte) (passkey, error) {
	r.mu.Lock()
	session := r.session
	r.session = nil
	r.mu.Unlock()
	if session == nil || !time.Now().Before(r.until) {
		return passkey{}, ErrNoChallenge
	}
	if len(response) > maxResponse {
		return passkey{}, ErrNotMade
	}
	said, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return passkey{}, ErrNotMade
	}
	if page := said.Response.CollectedClientData; page.Origin != r.library.Config.RPOrigins[0] {
		return passkey{}, ErrOtherOrigin
	}
	if !said.Response.AttestationObject.AuthData.Flags.HasUserVerified() {
		return passkey{}, ErrNotVerified
	}
	made, err := r.library.CreateCredential(r.holder, *session, said)
	if err != nil {
		return passkey{}, ErrNotMade
	}
	p := r.holder.passkey
	p.SetAt = stamp(time.Now())
	p.ID, p.PublicKey = made.ID, made.PublicKey
	p.SignCount, p.BackupEligible = made.Authenticator.SignCount, made.Flags.BackupEligible
	p.Transports = usable(words(made.Transport))
	return p, nil
}

func words(transports []protocol.AuthenticatorTransport) []string {
	var all []string
	for _, t := range transports {
		all = append(all, string(t))
	}
	return all
}
