package config

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// CredentialsFile is a credentials file that is to be written. Like the values
// in it, its content cannot be printed.
type CredentialsFile struct {
	Credentials Credentials

	path string
	text func() string
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
	return &CredentialsFile{Credentials: c, path: filepath.Join(home, credentialsName), text: func() string { return text }}, nil
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
	if ownership(at) == unknowable {
		return &Error{credentialsFile, "this system cannot tell scrim who may read it", "set " + clientIDName + " and " + clientSecretName + " instead"}
	}
	path := filepath.Join(home, credentialsName)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &Error{credentialsFile, "it cannot be looked at", "check the permissions of your home directory"}
	case info.Mode()&fs.ModeSymlink != 0:
		return &Error{credentialsFile, "this is a link, and scrim does not write through one", "remove it: rm " + credentialsFile}
	case !info.Mode().IsRegular():
		return unreadableCredentials(path, info, errNotRegular)
	case ownership(info) != ours:
		return &Error{credentialsFile, "this file belongs to another user", "make it yours: sudo chown \"$(id -un)\" " + credentialsFile}
	}
	return nil
}

// Write puts the file in its place, whole or not at all: a new file, which only
// the user may read from the first moment on, takes the place of the old one.
func (f *CredentialsFile) Write() error {
	if err := f.replace(); err != nil {
		if mistake, ok := errors.AsType[*Error](err); ok {
			return mistake
		}
		return &Error{credentialsFile, "it cannot be written", "check that your home directory is yours and its disk has room"}
	}
	return nil
}

func (f *CredentialsFile) replace() (err error) {
	temporary := f.path + "." + strings.ToLower(rand.Text()[:12])
	w, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openNoLink, 0o600) //nolint:gosec // G304: beside the credentials file
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary)
		}
	}()
	_, written := w.WriteString(f.text())
	if err := errors.Join(w.Chmod(0o600), written, w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := CheckCredentialsFile(filepath.Dir(f.path)); err != nil {
		return err
	}
	if err := os.Rename(temporary, f.path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(f.path))
}

// syncDirectory makes a rename outlast a loss of power.
func syncDirectory(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the user's home directory
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

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
func RemoveCredentialsFile(home string) error {
	path := filepath.Join(home, credentialsName)
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return unreadableCredentials(path, info, errNotRegular)
	}
	if err := os.Remove(path); err != nil {
		return &Error{credentialsFile, "it cannot be removed", "check the permissions of your home directory"}
	}
	return nil
}

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
