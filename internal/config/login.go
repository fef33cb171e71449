package config

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// loginMethods lists the values of method under [identity], and the keys that
// each of them takes besides identity_id.
func loginMethods() map[string][]string {
	return map[string][]string{
		OIDC.String():       {"token_file", "token_variable"},
		Kubernetes.String(): {"token_file"},
		AWS.String():        {},
		Azure.String():      {"resource", "client_id"},
		GCP.String():        {},
	}
}

// loginTable is a table of the user's file that configures a login.
type loginTable struct {
	file  file
	name  string // dotted
	said  loginKeys
	takes map[string][]string // by method, the keys besides identity_id
}

// identityTable is [identity], without the table in it.
func (f file) identityTable() loginTable {
	return loginTable{f, "identity", f.doc.Identity.loginKeys, loginMethods()}
}

// origin returns a setting without a value, stated where the table has the key.
func (t loginTable) origin(key string) setting { return t.file.origin(t.name, key) }

// where is the table's place, or that of the file where it has no header.
func (t loginTable) where() string { return t.file.origin(t.name).or(t.file.path) }

// keys lists the keys that the table has, those of tables in it aside.
func (t loginTable) keys() []string {
	var all []string
	for _, key := range []string{"method", "identity_id", "token_file", "token_variable", "resource", "client_id", "file"} {
		if t.origin(key).stated() {
			all = append(all, key)
		}
	}
	return all
}

// stated reports whether somebody wrote the table. A header with nothing below
// it but another table is none.
func (t loginTable) stated() bool {
	holds := func(key string) bool { return strings.HasPrefix(key, t.name+".") }
	return len(t.keys()) > 0 || t.file.origin(t.name).stated() && !slices.ContainsFunc(slices.Collect(maps.Keys(t.file.at)), holds)
}

// kind returns the kind of login that the table configures, if any.
func (t loginTable) kind() Kind {
	for _, kind := range []Kind{UniversalAuth, OIDC, Kubernetes, AWS, Azure, GCP} {
		if _, known := t.takes[kind.String()]; known && t.said.Method == kind.String() {
			return kind
		}
	}
	return NoCredentials
}

// check checks the table: a method, the identity, and nothing that the method
// does nothing with.
func (t loginTable) check() error {
	if !t.stated() {
		return nil
	}
	if t.kind() == NoCredentials {
		return &Error{t.origin("method").or(t.where()), t.name + ".method is not one that scrim knows", "write " + t.methods()}
	}
	takes := t.takes[t.said.Method]
	if t.kind() != UniversalAuth {
		takes = append([]string{"identity_id"}, takes...)
	}
	for _, key := range t.keys() {
		if key != "method" && !slices.Contains(takes, key) {
			return &Error{t.origin(key).origin, "the method " + t.said.Method + " takes no " + key, "remove it"}
		}
	}
	if t.kind() != UniversalAuth && !isWord(t.said.IdentityID, 64) {
		return &Error{t.origin("identity_id").or(t.where()), t.name + ".identity_id has to be the id of a machine identity", "copy it from the identity's page in Infisical"}
	}
	return t.checkProof()
}

// methods lists the methods that the table can have, for people.
func (t loginTable) methods() string {
	var words []string
	for _, kind := range []Kind{UniversalAuth, OIDC, Kubernetes, AWS, Azure, GCP} {
		if _, known := t.takes[kind.String()]; known {
			words = append(words, strconv.Quote(kind.String()))
		}
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// checkProof checks the keys that say where a token or a secret is.
func (t loginTable) checkProof() error {
	path, variable := t.origin("token_file"), t.origin("token_variable")
	switch {
	case path.stated() && variable.stated():
		return &Error{variable.origin, "the token is in token_file already", "remove one of the two"}
	case t.kind() == OIDC && !path.stated() && !variable.stated():
		return &Error{t.where(), "the method oidc needs a token", "write token_file or token_variable"}
	case variable.stated() && secret.CheckName(t.said.TokenVariable) != nil:
		return &Error{variable.origin, t.name + ".token_variable is not the name of a variable", "write a name such as CI_JOB_JWT"}
	}
	for _, key := range []struct{ name, value string }{{"token_file", t.said.TokenFile}, {"file", t.said.File}} {
		if s := t.origin(key.name); s.stated() && !filepath.IsAbs(key.value) && !strings.HasPrefix(key.value, "~/") {
			return &Error{s.origin, t.name + "." + key.name + " is not an absolute path", "write it from / or from ~/ on"}
		}
	}
	for _, key := range []struct{ name, value string }{{"resource", t.said.Resource}, {"client_id", t.said.ClientID}} {
		if s := t.origin(key.name); s.stated() && !isCredential(key.value) {
			return &Error{s.origin, t.name + "." + key.name + " has characters that do not belong there", "copy it again"}
		}
	}
	return nil
}

// login returns what the table configures, for the kinds that are proved by
// what is there where scrim runs.
func (t loginTable) login(home string) (Login, error) {
	login := Login{
		IdentityID: t.said.IdentityID, TokenFile: t.said.TokenFile, TokenVariable: t.said.TokenVariable,
		Resource: t.said.Resource, ClientID: t.said.ClientID,
	}
	if t.kind() == Kubernetes && login.TokenFile == "" {
		login.TokenFile = kubernetesToken
	}
	var err error
	login.TokenFile, err = t.path("token_file", login.TokenFile, home)
	return login, err
}

// path returns the absolute path that a key says.
func (t loginTable) path(key, said, home string) (string, error) {
	rest, ok := strings.CutPrefix(said, "~/")
	switch {
	case !ok:
		return said, nil
	case home == "":
		return "", &Error{t.origin(key).or(t.where()), "there is no home directory", "write an absolute path"}
	default:
		return filepath.Join(home, rest), nil
	}
}

// loginCredentials returns the login that the user's file configures, if any.
func (l *loader) loginCredentials() (Credentials, error) {
	t := l.user.identityTable()
	if t.kind() == NoCredentials {
		return Credentials{}, nil
	}
	login, err := t.login(l.in.Home)
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{Kind: t.kind(), Login: login, Source: t.origin("method").or(l.user.path)}, nil
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
