// Package credentials stands in for Google's package of that name, which the
// Infisical SDK links for a login that scrim does not have: see
// docs/decisions/0007-start.md.
package credentials

import (
	"context"
	"errors"

	"cloud.google.com/go/iam/credentials/apiv1/credentialspb"
)

var errLeftOut = errors.New("Google's IAM client is not in this program") //nolint:staticcheck // ST1005: a name

// IamCredentialsClient is a client that there is none of.
type IamCredentialsClient struct{}

// NewIamCredentialsClient refuses. It sends nothing and reads nothing.
func NewIamCredentialsClient[Option any](context.Context, ...Option) (*IamCredentialsClient, error) {
	return nil, errLeftOut
}

// SignJwt refuses.
func (*IamCredentialsClient) SignJwt(context.Context, *credentialspb.SignJwtRequest) (*credentialspb.SignJwtResponse, error) {
	return nil, errLeftOut
}

// Close does nothing.
func (*IamCredentialsClient) Close() error { return nil }
