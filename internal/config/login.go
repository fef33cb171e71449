package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"scrim/internal/ownfile"
	"scrim/internal/secret"
)

// Login is a login that the user's file configures under [identity]: the
// identity is proved by what the place has where scrim runs.
type Login struct {
	IdentityID    string
	TokenFile     string // OIDC, Kubernetes: absolute path of the file with the token
	TokenVariable string // OIDC: the variable with the token
	Resource      string // Azure: for what its token is asked; empty is the SDK's own
	ClientID      string // Azure: of a user-assigned identity; empty is the machine's own
}

// kubernetesToken is where Kubernetes puts the token of a pod.
const kubernetesToken = "/var/run/secrets/kubernetes.io/serviceaccount/token" //nolint:gosec // G101: a path

// loginMethods lists the values of [identity] method, and the keys that each of
// them takes besides identity_id.
func loginMethods() map[string][]string {
	return map[string][]string{
		OIDC.String():       {"token_file", "token_variable"},
		Kubernetes.String(): {"token_file"},
		AWS.String():        {},
		Azure.String():      {"resource", "client_id"},
		GCP.String():        {},
	}
}

// loginKind returns the kind of login that the file configures, if any.
func (f file) loginKind() Kind {
	for _, kind := range []Kind{OIDC, Kubernetes, AWS, Azure, GCP} {
		if f.doc.Identity.Method == kind.String() {
			return kind
		}
	}
	return NoCredentials
}

// checkIdentity checks [identity]: a method, the identity, and nothing that the
// method does nothing with.
func (f file) checkIdentity() error {
	at := f.origin("identity")
	if !at.stated() && !f.hasIdentity() {
		return nil
	}
	where := at.or(f.path)
	takes, known := loginMethods()[f.doc.Identity.Method]
	if !known {
		return &Error{f.origin("identity", "method").or(where), "identity.method is not one that scrim knows", `write "oidc", "kubernetes", "aws", "azure" or "gcp"`}
	}
	for _, key := range []string{"token_file", "token_variable", "resource", "client_id"} {
		if s := f.origin("identity", key); s.stated() && !slices.Contains(takes, key) {
			return &Error{s.origin, "the method " + f.doc.Identity.Method + " takes no " + key, "remove it"}
		}
	}
	if !isWord(f.doc.Identity.IdentityID, 64) {
		return &Error{f.origin("identity", "identity_id").or(where), "identity.identity_id has to be the id of a machine identity", "copy it from the identity's page in Infisical"}
	}
	return f.checkProof(where)
}

func (f file) hasIdentity() bool {
	for key := range f.at {
		if strings.HasPrefix(key, "identity.") {
			return true
		}
	}
	return false
}

// checkProof checks the keys that say where a token is.
func (f file) checkProof(where string) error {
	path, variable := f.origin("identity", "token_file"), f.origin("identity", "token_variable")
	identity := f.doc.Identity
	switch {
	case path.stated() && variable.stated():
		return &Error{variable.origin, "the token is in token_file already", "remove one of the two"}
	case identity.Method == OIDC.String() && !path.stated() && !variable.stated():
		return &Error{where, "the method oidc needs a token", "write token_file or token_variable"}
	case path.stated() && !filepath.IsAbs(identity.TokenFile) && !strings.HasPrefix(identity.TokenFile, "~/"):
		return &Error{path.origin, "identity.token_file is not an absolute path", "write it from / or from ~/ on"}
	case variable.stated() && secret.CheckName(identity.TokenVariable) != nil:
		return &Error{variable.origin, "identity.token_variable is not the name of a variable", "write a name such as CI_JOB_JWT"}
	}
	for _, key := range []struct{ name, value string }{{"resource", identity.Resource}, {"client_id", identity.ClientID}} {
		if s := f.origin("identity", key.name); s.stated() && !isCredential(key.value) {
			return &Error{s.origin, "identity." + key.name + " has characters that do not belong there", "copy it again"}
		}
	}
	return nil
}

// loginCredentials returns the login that the user's file configures, if any.
func (l *loader) loginCredentials() (Credentials, error) {
	kind, identity := l.user.loginKind(), l.user.doc.Identity
	if kind == NoCredentials {
		return Credentials{}, nil
	}
	login := Login{
		IdentityID: identity.IdentityID, TokenFile: identity.TokenFile, TokenVariable: identity.TokenVariable,
		Resource: identity.Resource, ClientID: identity.ClientID,
	}
	if kind == Kubernetes && login.TokenFile == "" {
		login.TokenFile = kubernetesToken
	}
	if rest, ok := strings.CutPrefix(login.TokenFile, "~/"); ok {
		if l.in.Home == "" {
			return Credentials{}, &Error{l.user.origin("identity", "token_file").origin, "there is no home directory", "write an absolute path"}
		}
		login.TokenFile = filepath.Join(l.in.Home, rest)
	}
	return Credentials{Kind: kind, Login: login, Source: l.user.origin("identity", "method").or(l.user.path)}, nil
}

// Proof reads the token that proves an OIDC or a Kubernetes identity now: such
// tokens live for minutes, and are replaced where they lie.
func (l Login) Proof(getenv func(string) string) (secret.Value, error) {
	token, where := "", l.TokenVariable
	if l.TokenVariable != "" {
		token = getenv(l.TokenVariable)
	} else {
		where = l.TokenFile
		data, info, err := ownfile.Read(l.TokenFile)
		switch {
		case os.IsNotExist(err):
			return secret.Value{}, &Error{where, "there is no such file, which is to hold the identity's token", "correct token_file under [identity]"}
		case err != nil:
			return secret.Value{}, unreadable(where, err)
		case ownfile.ChangeableByOthers(info):
			return secret.Value{}, &Error{where, "others may change this file, which is to prove who you are", "make it yours alone: run chmod go-w on it, and chown if it is not yours"}
		}
		token = string(data)
	}
	proof, ok := ParseToken(token)
	if !ok {
		return secret.Value{}, &Error{where, "there is no token in it", "let what makes the token run first"}
	}
	return proof, nil
}

// ParseToken returns the token that text is, but for spaces and line ends
// around it.
func ParseToken(text string) (secret.Value, bool) {
	text = strings.TrimSpace(text)
	if !isCredential(text) {
		return secret.Value{}, false
	}
	return secret.NewValue(text), true
}
