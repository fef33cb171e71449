package infisical

import (
	"context"
	"errors"
	"time"

	"scrim/internal/secret"
)

// The kinds of identity, as describe_scope shows them.
const (
	kindUniversalAuth = "universal-auth"
	kindAccessToken   = "access-token"
)

// Identity is whom a Client speaks as. The zero Identity is nobody, and New
// refuses it.
type Identity struct {
	kind         string
	clientID     secret.Value
	clientSecret secret.Value
	token        secret.Value
	borrow       func(context.Context) (secret.Value, time.Duration, error)
}

// UniversalAuth returns the machine identity with these credentials. It logs
// in when the first call is made.
func UniversalAuth(clientID, clientSecret secret.Value) Identity {
	return Identity{kind: kindUniversalAuth, clientID: clientID, clientSecret: clientSecret}
}

// AccessToken returns whatever identity the token was issued to. It never logs
// in and never renews.
func AccessToken(token secret.Value) Identity {
	return Identity{kind: kindAccessToken, token: token}
}

// Kind returns "universal-auth", "access-token", or "" for the zero Identity.
func (i Identity) Kind() string { return i.kind }

func (i Identity) check() error {
	switch {
	case i.kind == kindUniversalAuth && i.clientID.Reveal() == "":
		return errors.New("the client id is empty")
	case i.kind == kindUniversalAuth && i.clientSecret.Reveal() == "":
		return errors.New("the client secret is empty")
	case i.kind == kindAccessToken && !headerSafe(i.token.Reveal()):
		return errors.New("the access token is empty, or has a space or a control character in it")
	case i.kind == "":
		return errors.New("there are no credentials")
	default:
		return nil
	}
}

// credentials returns what the redactor has to know of i.
func (i Identity) credentials() []secret.Value {
	switch i.kind {
	case kindAccessToken:
		return []secret.Value{i.token}
	case kindBorrowed:
		return nil
	}
	return []secret.Value{i.clientID, i.clientSecret}
}

// headerSafe reports whether s can stand in a header as one word.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}
