package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"scrim/internal/secret"
)

// The variables of Infisical's own command line.
const (
	tokenName        = "INFISICAL_TOKEN" //nolint:gosec // G101: the variable's name
	clientIDName     = "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"
	clientSecretName = "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET" //nolint:gosec // G101: the variable's name
	siteName         = "INFISICAL_API_URL"
)

// credentialsFile is the credentials file as people write it.
const credentialsFile = "~/" + credentialsName

// Kind is how an identity proves itself to the store. The zero Kind is not at
// all.
type Kind int

// The kinds of credentials.
const (
	NoCredentials Kind = iota
	AccessToken        // Token is set
	UniversalAuth      // ClientID and ClientSecret are set
)

// String returns the public word for k.
func (k Kind) String() string {
	switch k {
	case AccessToken:
		return "access-token"
	case UniversalAuth:
		return "universal-auth"
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
	Site         string // canonical base URL
	Source       string // a variable or a file
	InFile       bool   // Source is the user's credentials file, which every process of the user finds
	Reason       string // with NoCredentials: a sentence on what was looked for, and the next step
}

// credentials returns the first credentials that are there. Their Site is set
// only where they come with one.
func (l *loader) credentials() (Credentials, error) {
	c, err := l.environmentCredentials()
	if err == nil && c.Kind == NoCredentials {
		c, err = l.fileCredentials()
	}
	if err != nil {
		return Credentials{}, err
	}
	l.origins["credentials"] = c.Source
	return c, nil
}

func (l *loader) environmentCredentials() (Credentials, error) {
	token, id, key := l.env(tokenName), l.env(clientIDName), l.env(clientSecretName)
	for _, s := range []setting{token, id, key} {
		if s.stated() && !isCredential(s.value) {
			return Credentials{}, &Error{s.origin, errBadCredential.Error(), "copy it again"}
		}
	}
	switch {
	case token.stated():
		return Credentials{Kind: AccessToken, Token: secret.NewValue(token.value), Source: tokenName}, nil
	case id.stated() && !key.stated():
		return Credentials{}, &Error{clientSecretName, "not set, while " + clientIDName + " is", "set both or neither"}
	case key.stated() && !id.stated():
		return Credentials{}, &Error{clientIDName, "not set, while " + clientSecretName + " is", "set both or neither"}
	case id.stated():
		return universalAuth(id.value, key.value, clientIDName), nil
	}
	return Credentials{}, nil
}

func universalAuth(id, key, source string) Credentials {
	return Credentials{
		Kind:         UniversalAuth,
		ClientID:     secret.NewValue(id),
		ClientSecret: secret.NewValue(key),
		Source:       source,
	}
}

// fileCredentials reads ~/.infisical-ua, which must be a regular file that
// nobody else can read.
func (l *loader) fileCredentials() (Credentials, error) {
	none := Credentials{Reason: fmt.Sprintf("no credentials: %s is not set, %s and %s are not set, and there is no %s: set one of them",
		tokenName, clientIDName, clientSecretName, credentialsFile)}
	if l.in.Home == "" {
		return none, nil
	}
	path := filepath.Join(l.in.Home, credentialsName)
	data, info, err := read(path, openNoLink)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return none, nil
	case isLink(path):
		return Credentials{}, &Error{credentialsFile, "this is a link", "put a regular file of yours there: cp --remove-destination \"$(readlink -f " + credentialsFile + ")\" " + credentialsFile + " && chmod 600 " + credentialsFile}
	case info != nil && info.Mode().IsRegular():
		if err := checkOwner(info); err != nil {
			return Credentials{}, err
		}
	}
	if err != nil {
		e := unreadable(path, err)
		e.Where = credentialsFile
		return Credentials{}, e
	}
	return parseCredentials(data)
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// owner is whose a file is.
type owner int

const (
	unknowable owner = iota
	theirs
	ours
)

// checkOwner refuses a credentials file that is not the user's, or that
// somebody else may read.
func checkOwner(info fs.FileInfo) error {
	switch ownership(info) {
	case ours:
	case theirs:
		return &Error{credentialsFile, "this file belongs to another user", "make it yours: sudo chown \"$(id -un)\" " + credentialsFile}
	default:
		return &Error{credentialsFile, "this system cannot tell scrim who may read it", "remove it, and set " + clientIDName + " and " + clientSecretName}
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return &Error{credentialsFile, fmt.Sprintf("its mode is %04o, so others may read it", mode), "run chmod 600 " + credentialsFile}
	}
	return nil
}

// parseCredentials reads the content of the credentials file: one NAME=value a
// line, empty lines and lines that start with '#' aside. Its errors name a
// line's number and never its content.
func parseCredentials(data []byte) (Credentials, error) {
	values := map[string]string{}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, err := parseLine(line)
		if _, twice := values[name]; err == nil && twice {
			err = errTwice
		}
		if err != nil {
			return Credentials{}, &Error{fmt.Sprintf("%s:%d", credentialsFile, number), err.Error(), "correct the line"}
		}
		values[name] = value
	}
	for _, name := range []string{clientIDName, clientSecretName} {
		if _, ok := values[name]; !ok {
			return Credentials{}, &Error{credentialsFile, "there is no line " + name + "=…", "add it"}
		}
	}
	c := universalAuth(values[clientIDName], values[clientSecretName], credentialsFile)
	c.InFile = true
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
