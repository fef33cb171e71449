package infisical

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/go-resty/resty/v2"
	auth "github.com/infisical/go-sdk/packages/api/auth"
	"github.com/infisical/go-sdk/packages/util"

	"scrim/internal/secret"
)

// These logins prove an identity by what is there where scrim runs: a token in
// a file or a variable, or what a cloud says of its machine. The SDK has the
// requests; its own way to make them takes no context and follows redirects.

// TokenLogin is an identity that a token proves, which is read anew for each
// login.
type TokenLogin struct {
	IdentityID string
	Token      func() (secret.Value, error)
}

// OIDC returns the machine identity that a token of an OpenID provider proves.
func OIDC(l TokenLogin) Identity {
	return l.identity(kindOIDC, func(c *resty.Client, jwt string) (auth.MachineIdentityAuthLoginResponse, error) {
		return auth.CallOidcAuthLogin(c, auth.OidcAuthLoginRequest{IdentityID: l.IdentityID, JWT: jwt})
	})
}

// Kubernetes returns the machine identity that the token of a service account
// proves.
func Kubernetes(l TokenLogin) Identity {
	return l.identity(kindKubernetes, func(c *resty.Client, jwt string) (auth.MachineIdentityAuthLoginResponse, error) {
		return auth.CallKubernetesAuthLogin(c, auth.KubernetesAuthLoginRequest{IdentityID: l.IdentityID, JWT: jwt})
	})
}

// jwtCall is a login of the SDK that shows a JSON web token.
type jwtCall func(c *resty.Client, jwt string) (auth.MachineIdentityAuthLoginResponse, error)

func (l TokenLogin) identity(kind string, call jwtCall) Identity {
	return Identity{kind: kind, identityID: l.IdentityID, prove: func(_ context.Context, s *session) (proof, error) {
		token, err := l.Token()
		if err != nil {
			return proof{}, unproved(err)
		}
		s.learn(token)
		return proof{token, call.with(token)}, nil
	}}
}

func (call jwtCall) with(token secret.Value) func(*resty.Client) (auth.MachineIdentityAuthLoginResponse, error) {
	return func(c *resty.Client) (auth.MachineIdentityAuthLoginResponse, error) { return call(c, token.Reveal()) }
}

// Azure returns the machine identity that Azure's own token of this machine
// proves. Where resource is empty the token is for the SDK's; where clientID is
// empty it is of the machine's own identity.
func Azure(identityID, resource, clientID string) Identity {
	login := jwtCall(func(c *resty.Client, jwt string) (auth.MachineIdentityAuthLoginResponse, error) {
		return auth.CallAzureAuthLogin(c, auth.AzureAuthLoginRequest{IdentityID: identityID, JWT: jwt})
	})
	return machine(kindAzure, identityID, "169.254.169.254", login, func(c *resty.Client) (string, error) {
		return util.GetAzureMetadataToken(c, resource, clientID)
	})
}

// GCP returns the machine identity that Google Cloud's own token of this
// machine proves.
func GCP(identityID string) Identity {
	login := jwtCall(func(c *resty.Client, jwt string) (auth.MachineIdentityAuthLoginResponse, error) {
		return auth.CallGCPAuthLogin(c, auth.GCPAuthLoginRequest{IdentityID: identityID, JWT: jwt})
	})
	return machine(kindGCP, identityID, "metadata.google.internal", login, func(c *resty.Client) (string, error) {
		return util.GetGCPMetadataToken(c, identityID)
	})
}

// machine is an identity that the cloud's metadata service at host proves.
func machine(kind, identityID, host string, login jwtCall, ask func(*resty.Client) (string, error)) Identity {
	return Identity{kind: kind, identityID: identityID, prove: func(ctx context.Context, s *session) (proof, error) {
		token, err := ask(s.wire.metadata(ctx, host))
		token = strings.TrimSpace(token)
		if err != nil || !headerSafe(token) {
			if ctx.Err() != nil {
				return proof{}, interrupted(ctx)
			}
			return proof{}, unproved(errors.New("the metadata service of this machine's cloud gives no token"))
		}
		shown := secret.NewValue(token)
		s.learn(shown)
		return proof{call: login.with(shown)}, nil
	}}
}

// metadata returns a client for one metadata service of a cloud, which answers
// to the machine itself: never by a proxy, and never elsewhere.
func (w *wire) metadata(ctx context.Context, host string) *resty.Client {
	base := w.base
	if t, ok := base.(*http.Transport); ok {
		t = t.Clone()
		t.Proxy, t.DisableKeepAlives = nil, true
		base = t
	}
	return resty.NewWithClient(&http.Client{
		Transport:     &metadataTransport{ctx, base, host},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}).SetLogger(silent{}).SetDisableWarn(true)
}

// metadataTransport sends requests to one host, for as long as ctx lives.
type metadataTransport struct {
	ctx  context.Context
	base http.RoundTripper
	host string
}

// RoundTrip answers req with at most 64 KiB.
func (m *metadataTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != m.host {
		return nil, errors.New("the request is not for the metadata service")
	}
	res, err := m.base.RoundTrip(req.WithContext(m.ctx))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, errors.New("the metadata service refuses")
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, 64<<10), res.Body}
	return res, nil
}

// AWS returns the machine identity that a signed question to AWS proves, by
// which the store asks AWS who signed it.
func AWS(identityID string) Identity {
	return Identity{kind: kindAWS, identityID: identityID, prove: func(ctx context.Context, _ *session) (proof, error) {
		found, err := awsCredentials(ctx)
		if err != nil {
			return proof{}, err
		}
		question, err := found.question(ctx, identityID, time.Now())
		if err != nil {
			return proof{}, unproved(errors.New("this machine's AWS credentials cannot sign"))
		}
		return proof{call: func(c *resty.Client) (auth.MachineIdentityAuthLoginResponse, error) {
			return auth.CallAWSIamAuthLogin(c, question)
		}}, nil
	}}
}

// awsIdentity is as whom AWS knows this machine or this user, and where.
type awsIdentity struct {
	keys   aws.Credentials
	region string
}

// awsCredentials returns AWS's own credentials as AWS's programs find them.
// What looks for them takes no context; it is left behind where that takes too
// long.
func awsCredentials(ctx context.Context) (awsIdentity, error) {
	type result struct {
		awsIdentity
		err error
	}
	done := make(chan result, 1)
	go func() {
		keys, region, err := util.RetrieveAwsCredentials()
		done <- result{awsIdentity{keys, region}, err}
	}()
	select {
	case found := <-done:
		if found.err != nil {
			return awsIdentity{}, unproved(errors.New("AWS credentials are not found here"))
		}
		return found.awsIdentity, nil
	case <-ctx.Done():
		return awsIdentity{}, interrupted(ctx)
	}
}

// question returns the signed question of who asks, as the store passes it on.
func (a awsIdentity) question(ctx context.Context, identityID string, now time.Time) (auth.AwsIamAuthLoginRequest, error) {
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	host := "sts." + a.region + ".amazonaws.com"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	if err != nil {
		return auth.AwsIamAuthLoginRequest{}, err
	}
	req.Header.Set("X-Amz-Date", now.UTC().Format("20060102T150405Z"))
	digest := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, a.keys, req, hex.EncodeToString(digest[:]), "sts", a.region, now); err != nil {
		return auth.AwsIamAuthLoginRequest{}, err
	}
	headers := map[string]string{
		"Host": host, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8", "Content-Length": strconv.Itoa(len(body)),
	}
	for name := range req.Header {
		if name != "Content-Length" {
			headers[name] = req.Header.Get(name)
		}
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return auth.AwsIamAuthLoginRequest{}, err
	}
	return auth.AwsIamAuthLoginRequest{
		HTTPRequestMethod: http.MethodPost,
		IamRequestBody:    base64.StdEncoding.EncodeToString([]byte(body)),
		IamRequestHeaders: base64.StdEncoding.EncodeToString(text),
		IdentityId:        identityID,
	}, nil
}

// unproved is why there is nothing to show to the store. The store was not
// asked.
func unproved(why error) error { return &unprovedError{why} }

// unprovedError is secret.ErrUnauthenticated before the store was asked.
type unprovedError struct{ why error }

func (e *unprovedError) Error() string { return "nothing proves the identity: " + e.why.Error() }

func (e *unprovedError) Unwrap() []error { return []error{secret.ErrUnauthenticated, e.why} }
