package config

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"

	"scrim/internal/ownfile"
)

// vaultCredentialsFile is where the vault's identity has its credentials by default.
const vaultCredentialsFile = credentialsFile + "-vault"

// VaultIdentity is as whom the vault is read after a person's yes, where that is
// not who everything else is read as: [identity.vault] in the user's file. The
// zero VaultIdentity is nobody else.
//
// It holds no credential. They are looked for when there is something to read.
type VaultIdentity struct {
	Kind   Kind
	Source string // of its credentials: a file as people write it, or a file's "path:line:column"

	login Login
	file  string // absolute; of universal auth
	site  string // canonical, where a variable or the user's file states one
}

// Stated reports whether the vault has an identity of its own.
func (v VaultIdentity) Stated() bool { return v.Kind != NoCredentials }

// String names it for people. It is empty where the vault has none of its own.
func (v VaultIdentity) String() string {
	if !v.Stated() {
		return ""
	}
	return "the vault's own identity ([identity.vault]: " + v.Kind.String() + ", " + v.Source + ")"
}

// vaultTable is [identity.vault]. It takes the kinds of [identity], and universal
// auth by a file.
func (f file) vaultTable() loginTable {
	takes := maps.Clone(loginMethods())
	takes[UniversalAuth.String()] = []string{"file"}
	return loginTable{f, "identity.vault", f.doc.Identity.Vault, takes}
}

// vaultIdentity returns what the user's file says.
func (l *loader) vaultIdentity() (VaultIdentity, error) {
	t := l.user.vaultTable()
	if t.kind() == NoCredentials {
		return VaultIdentity{}, nil
	}
	stated, err := parsed(first(l.env(siteName), l.user.siteURL()))
	if err != nil {
		return VaultIdentity{}, err
	}
	v := VaultIdentity{Kind: t.kind(), Source: t.origin("method").origin, site: stated.value}
	if v.Kind != UniversalAuth {
		v.login, err = t.login(l.in.Home)
		return v, err
	}
	v.Source = cmp.Or(t.said.File, vaultCredentialsFile)
	v.file, err = t.path("file", v.Source, l.in.Home)
	if err == nil && l.in.Home != "" && filepath.Clean(v.file) == filepath.Join(l.in.Home, credentialsName) {
		return VaultIdentity{}, &Error{t.origin("file").origin, credentialsFile + " has the identity for everything else", "write another file, with the credentials of another identity"}
	}
	return v, err
}

// Credentials looks for the credentials now, for the site that the process is
// bound to. Those of another site are an *Error, and so is a file that is not
// the user's alone.
func (v VaultIdentity) Credentials(site string) (Credentials, error) {
	c := Credentials{Kind: v.Kind, Login: v.login, Source: v.Source}
	if v.Kind == UniversalAuth {
		var err error
		if c, err = v.read(); err != nil {
			return Credentials{}, err
		}
	}
	if belongs := cmp.Or(c.Site, v.site, defaultSite); belongs != site {
		return Credentials{}, &Error{v.Source, "the vault's identity belongs to " + belongs + ", and this process is bound to " + site, "use an identity of that site"}
	}
	c.Site = site
	return c, nil
}

// read reads the file, which must be a regular one that nobody else can read.
func (v VaultIdentity) read() (Credentials, error) {
	place := ownfile.Private{
		Path: v.file, Name: v.Source, Folder: "its folder",
		Anew: "write it again as docs/infisical.md says", Unowned: "use another method under [identity.vault]",
	}
	data, err := place.Read()
	if errors.Is(err, fs.ErrNotExist) {
		return Credentials{}, &Error{v.Source, "there is no such file, which is to hold the credentials of the vault's identity", "write it as docs/infisical.md says"}
	}
	if err != nil {
		return Credentials{}, refusal(err)
	}
	return parseCredentials(v.Source, data)
}
