package infisical

import (
	"context"
	"errors"
	"time"

	"github.com/go-resty/resty/v2"
	auth "github.com/infisical/go-sdk/packages/api/auth"

	"scrim/internal/secret"
)

// The kinds of identity, as describe_scope shows them.
const (
	kindUniversalAuth = "universal-auth"
	kindAccessToken   = "access-token"
	kindProgram       = "infisical-cli"
	kindOIDC          = "oidc"
	kindKubernetes    = "kubernetes"
	kindAWS           = "aws"
	kindAzure         = "azure"
	kindGCP           = "gcp"
)

// Identity is whom a Client speaks as. The zero Identity is nobody, and New
// refuses it.
type Identity struct {
	kind         string
	clientID     secret.Value
	clientSecret secret.Value
	token        secret.Value
	borrow       func(context.Context) (secret.Value, time.Duration, error)

	identityID string
	// prove makes what the next login shows, for the kinds that are proved by
	// what is there where scrim runs.
	prove func(ctx context.Context, s *session) (proof, error)
}

// proof is what one login shows to the store.
type proof struct {
	// shown is the secret in it, or the zero Value where it is made anew for
	// each login, so that to be refused once says nothing of the next.
	shown secret.Value
	call  func(*resty.Client) (auth.MachineIdentityAuthLoginResponse, error)
}

// UniversalAuth returns the machine identity with these credentials. It logs
// in when the first call is made.
func UniversalAuth(clientID, clientSecret secret.Value) Identity {
	i := Identity{kind: kindUniversalAuth, clientID: clientID, clientSecret: clientSecret}
	i.prove = func(context.Context, *session) (proof, error) {
		return proof{clientSecret, func(c *resty.Client) (auth.MachineIdentityAuthLoginResponse, error) {
			return auth.CallUniversalAuthLogin(c, auth.UniversalAuthLoginRequest{
				ClientID: clientID.Reveal(), ClientSecret: clientSecret.Reveal(),
			})
		}}, nil
	}
	return i
}

// AccessToken returns whatever identity the token was issued to. It never logs
// in and never renews.
func AccessToken(token secret.Value) Identity {
	return Identity{kind: kindAccessToken, token: token}
}

// ProgramToken is AccessToken for a token that the Infisical CLI handed over.
func ProgramToken(token secret.Value) Identity {
	return Identity{kind: kindProgram, token: token}
}

// Kind returns the public word for the kind, or "" for the zero Identity.
func (i Identity) Kind() string { return i.kind }

// fixed reports whether the identity is a token and nothing to get another
// with.
func (i Identity) fixed() bool { return i.kind == kindAccessToken || i.kind == kindProgram }

func (i Identity) check() error {
	switch {
	case i.kind == kindUniversalAuth && i.clientID.Reveal() == "":
		return errors.New("the client id is empty")
	case i.kind == kindUniversalAuth && i.clientSecret.Reveal() == "":
		return errors.New("the client secret is empty")
	case i.fixed() && !headerSafe(i.token.Reveal()):
		return errors.New("the access token is empty, or has a space or a control character in it")
	case i.kind == kindBorrowed && i.borrow == nil:
		return errors.New("there is nobody to borrow from")
	case i.kind == kindBorrowed:
		return nil
	case i.kind == "":
		return errors.New("there are no credentials")
	case i.kind != kindUniversalAuth && !i.fixed() && !headerSafe(i.identityID):
		return errors.New("the id of the machine identity is empty, or has a space or a control character in it")
	default:
		return nil
	}
}

// credentials returns what the redactor has to know of i before it is used.
func (i Identity) credentials() []secret.Value {
	switch {
	case i.fixed():
		return []secret.Value{i.token}
	case i.kind == kindUniversalAuth:
		return []secret.Value{i.clientID, i.clientSecret}
	default:
		return nil
	}
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
