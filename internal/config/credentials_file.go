package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"scrim/internal/ownfile"
)

// CredentialsFile is a credentials file that is to be written. Like the values
// in it, its content cannot be printed.
type CredentialsFile struct {
	Credentials Credentials

	place ownfile.Private
	text  func() string
}

// NewCredentialsFile returns the file in home that holds a client's id and
// secret, and the site that they belong to where that is not empty. It writes
// nothing. Its errors do not hold what it was given.
func NewCredentialsFile(home, id, key, site string) (*CredentialsFile, error) {
	for _, s := range []struct{ name, value string }{{"client id", id}, {"client secret", key}} {
		if !isCredential(s.value) {
			return nil, &Error{s.name, errBadCredential.Error(), "copy it again"}
		}
	}
	text := clientIDName + "=" + id + "\n" + clientSecretName + "=" + key + "\n"
	if site != "" {
		text += siteName + "=" + site + "\n"
	}
	c := universalAuth(id, key, credentialsFile)
	c.Site = site
	return &CredentialsFile{Credentials: c, place: privateCredentials(home), text: func() string { return text }}, nil
}

// CheckCredentialsFile returns why a credentials file cannot be put into home,
// or nil. What lies there may only be a regular file of the user's own: a link
// would lead the secret elsewhere.
func CheckCredentialsFile(home string) error {
	if home == "" {
		return &Error{credentialsFile, "there is no home directory to put it in", "set HOME"}
	}
	at, err := os.Stat(home)
	if err != nil || !at.IsDir() {
		return &Error{credentialsFile, "the home directory cannot be read", "set HOME to a directory of yours"}
	}
	return refusal(privateCredentials(home).Check())
}

// Write puts the file in its place, whole or not at all.
func (f *CredentialsFile) Write() error { return refusal(f.place.Write([]byte(f.text()))) }

// DescribeCredentialsFile says what lies where the credentials file belongs, or
// "" where nothing does. It shows none of its content but the site.
func DescribeCredentialsFile(home string) string {
	path := filepath.Join(home, credentialsName)
	info, err := os.Lstat(path)
	switch {
	case home == "" || errors.Is(err, fs.ErrNotExist):
		return ""
	case err != nil:
		return "something that cannot be looked at"
	case info.Mode()&fs.ModeSymlink != 0:
		return "a link, of which only the link is removed"
	case !info.Mode().IsRegular():
		return "no regular file"
	}
	since := info.ModTime().Format("2006-01-02")
	c, err := readCredentials(home)
	if err != nil {
		return fmt.Sprintf("a file of %s that scrim does not use (%v)", since, err)
	}
	return fmt.Sprintf("universal-auth credentials for %s, kept since %s", cmp.Or(c.Site, "the site that is configured"), since)
}

// RemoveCredentialsFile removes what lies there, a link and not what it leads
// to. It removes no folder.
func RemoveCredentialsFile(home string) error { return refusal(privateCredentials(home).Remove()) }

// LoginSite returns the site to log in to: that of the flag --site, of
// INFISICAL_API_URL, of the user's file, of the credentials file that is to be
// replaced, or else the cloud, which nobody stated. A repository has no say.
func LoginSite(in Input, flagged string) (site string, stated bool, err error) {
	l := loader{in: in, origins: map[string]string{}}
	if l.user, err = l.readUserFile(); err != nil {
		return "", false, err
	}
	s := first(flag("--site", flagged), l.env(siteName), l.user.siteURL())
	if !s.stated() {
		if old, err := readCredentials(in.Home); err == nil && old.Site != "" {
			s = setting{old.Site, credentialsFile}
		}
	}
	if s, err = parsed(s); err != nil {
		return "", false, err
	}
	return cmp.Or(s.value, defaultSite), s.stated(), nil
}

// PairFromEnvironment returns the client's id and secret in the environment.
// Both have to be there.
func PairFromEnvironment(getenv func(string) string) (id, key string, err error) {
	id, key = getenv(clientIDName), getenv(clientSecretName)
	for _, v := range []setting{{id, clientIDName}, {key, clientSecretName}} {
		if v.value == "" {
			return "", "", &Error{v.origin, "not set", "set it, or leave --from-env out to be asked"}
		}
	}
	return id, key, nil
}
