package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"scrim/internal/ownfile"
	"scrim/internal/secret"
)

// The variables of Infisical's own command line.
const (
	tokenName        = "INFISICAL_TOKEN" //nolint:gosec // G101: the variable's name
	clientIDName     = "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"
	clientSecretName = "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET" //nolint:gosec // G101: the variable's name
	siteName         = "INFISICAL_API_URL"
)

// CredentialsFilePath is the credentials file as people write it.
const CredentialsFilePath = "~/" + credentialsName

const credentialsFile = CredentialsFilePath

// Kind is how an identity proves itself to the store. The zero Kind is not at
// all.
type Kind int

// The kinds of credentials.
const (
	NoCredentials Kind = iota
	AccessToken        // Token is set
	UniversalAuth      // ClientID and ClientSecret are set
	CommandLine        // Program is set: the Infisical CLI has the token
	OIDC               // Login is set, as for the kinds below
	Kubernetes
	AWS
	Azure
	GCP
)

// String returns the public word for k.
func (k Kind) String() string {
	switch k {
	case AccessToken:
		return "access-token"
	case UniversalAuth:
		return "universal-auth"
	case CommandLine:
		return "infisical-cli"
	case OIDC:
		return "oidc"
	case Kubernetes:
		return "kubernetes"
	case AWS:
		return "aws"
	case Azure:
		return "azure"
	case GCP:
		return "gcp"
	default:
		return "none"
	}
}

// Credentials are what an identity has to show, and the one site that may see
// it.
type Credentials struct {
	Kind         Kind
	ClientID     secret.Value
	ClientSecret secret.Value
	Token        secret.Value
	Program      string // absolute path of the Infisical CLI
	Login        Login
	Site         string // canonical base URL
	Source       string // a variable, a file or a program
	InFile       bool   // Source is the user's credentials file, which every process of the user finds
	Reason       string // with NoCredentials: a sentence on what was looked for, and the next step
}

// Equal reports whether c and other show the store the same thing. What is
// fetched anew for each login is the same where it comes from the same place.
func (c Credentials) Equal(other Credentials) bool {
	return c.Kind == other.Kind && c.Site == other.Site && c.Program == other.Program && c.Login == other.Login &&
		c.ClientID.Equal(other.ClientID) && c.ClientSecret.Equal(other.ClientSecret) && c.Token.Equal(other.Token)
}

// tokenCredentials returns the access token in the environment, if any.
func (l *loader) tokenCredentials() (Credentials, error) {
	token := l.env(tokenName)
	if err := checkCredentials(token); err != nil || !token.stated() {
		return Credentials{}, err
	}
	return Credentials{Kind: AccessToken, Token: secret.NewValue(token.value), Source: tokenName}, nil
}

// pairCredentials returns the universal-auth pair in the environment, if any.
func (l *loader) pairCredentials() (Credentials, error) {
	id, key := l.env(clientIDName), l.env(clientSecretName)
	if err := checkCredentials(id, key); err != nil {
		return Credentials{}, err
	}
	switch {
	case id.stated() && !key.stated():
		return Credentials{}, &Error{clientSecretName, "not set, while " + clientIDName + " is", "set both or neither"}
	case key.stated() && !id.stated():
		return Credentials{}, &Error{clientIDName, "not set, while " + clientSecretName + " is", "set both or neither"}
	case id.stated():
		return universalAuth(id.value, key.value, clientIDName), nil
	}
	return Credentials{}, nil
}

// checkCredentials refuses a variable that cannot hold a credential.
func checkCredentials(settings ...setting) error {
	for _, s := range settings {
		if s.stated() && !isCredential(s.value) {
			return &Error{s.origin, errBadCredential.Error(), "copy it again"}
		}
	}
	return nil
}

func universalAuth(id, key, source string) Credentials {
	return Credentials{
		Kind:         UniversalAuth,
		ClientID:     secret.NewValue(id),
		ClientSecret: secret.NewValue(key),
		Source:       source,
	}
}

// readCredentials reads ~/.infisical-ua, which must be a regular file that
// nobody else can read. Without one there are no credentials.
func readCredentials(home string) (Credentials, error) {
	if home == "" {
		return Credentials{}, nil
	}
	data, err := privateCredentials(home).Read()
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, nil
	}
	if err != nil {
		return Credentials{}, refusal(err)
	}
	c, err := parseCredentials(credentialsFile, data)
	c.InFile = err == nil
	return c, err
}

// privateCredentials is the place of the credentials file in home.
func privateCredentials(home string) ownfile.Private {
	return ownfile.Private{
		Path: filepath.Join(home, credentialsName), Name: credentialsFile, Folder: "your home directory",
		Anew: "run scrim login", Unowned: "set " + clientIDName + " and " + clientSecretName + " instead",
	}
}

// refusal returns err as an error of this package.
func refusal(err error) error {
	if mistake, ok := errors.AsType[*ownfile.Error](err); ok {
		return (*Error)(mistake)
	}
	return err
}

// ExamineCredentialsFile reports whether there is a credentials file in home, and
// returns why it cannot be used.
func ExamineCredentialsFile(home string) (there bool, err error) {
	c, err := readCredentials(home)
	return c.Kind != NoCredentials || err != nil, err
}

// parseCredentials reads the content of the credentials file called name: one
// NAME=value a line, empty lines and lines that start with '#' aside. Its errors
// name a line's number and never its content.
func parseCredentials(name string, data []byte) (Credentials, error) {
	values := map[string]string{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, err := parseLine(line)
		if _, twice := values[key]; err == nil && twice {
			err = errTwice
		}
		if err != nil {
			return Credentials{}, &Error{fmt.Sprintf("%s:%d", name, number), err.Error(), "correct the line"}
		}
		values[key] = value
	}
	for _, key := range []string{clientIDName, clientSecretName} {
		if _, ok := values[key]; !ok {
			return Credentials{}, &Error{name, "there is no line " + key + "=…", "add it"}
		}
	}
	c := universalAuth(values[clientIDName], values[clientSecretName], name)
	c.Site = values[siteName]
	return c, nil
}

// What a line of the credentials file can get wrong.
var (
	errNoLine        = errors.New("a line is NAME=value, without spaces, quotes or export")
	errUnknownLine   = fmt.Errorf("a line starts with %s=, %s= or %s=", clientIDName, clientSecretName, siteName)
	errTwice         = errors.New("this name has a line already")
	errBadCredential = errors.New("a credential has printable characters without spaces or quotes")
)

// parseLine returns the name and the value of one line; a site is canonical.
func parseLine(line string) (name, value string, err error) {
	name, value, ok := strings.Cut(line, "=")
	switch {
	case !ok:
		return "", "", errNoLine
	case name == siteName:
		value, err = parseSite(value)
		return name, value, err
	case name != clientIDName && name != clientSecretName:
		return "", "", errUnknownLine
	case !isCredential(value):
		return "", "", errBadCredential
	}
	return name, value, nil
}

// isCredential reports whether s can be an id, a secret or a token: it goes
// into a header or a JSON string as it is.
func isCredential(s string) bool {
	if s == "" || len(s) > 8<<10 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '"' || s[i] == '\'' || s[i] == '\\' {
			return false
		}
	}
	return true
}
