package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Attempt is one place that was looked at for an identity, and what came of it.
// It holds no credential.
type Attempt struct {
	Kind    Kind
	Source  string // a variable, a file or a program
	Outcome string // the rest of a sentence that starts with Source, such as "is not set"
}

// String returns the sentence, without its full stop.
func (a Attempt) String() string { return a.Source + " " + a.Outcome }

// Outcomes that several places share.
const (
	notSet   = "is not set"
	serves   = "serves"
	mayServe = "may serve, and is asked when the store is"
	inVain   = "is not looked at, since an earlier one serves"
)

// Identities are the ways in which this process may prove itself to its site,
// the first first, and every place that was looked at for one.
//
// Whether the Infisical CLI is logged in shows only when it is asked, which
// takes a while; what comes after it stands by.
type Identities struct {
	Candidates []Credentials
	Attempts   []Attempt
}

// LoadIdentities looks for identities again, since people change credentials
// while a process runs. Those that belong to another site than the one that
// the process is bound to are left out.
func LoadIdentities(in Input, site string) (Identities, error) {
	l := loader{in: in, origins: map[string]string{}}
	var err error
	if l.user, err = l.readUserFile(); err != nil {
		return Identities{}, err
	}
	found, err := l.identities()
	if err != nil {
		return Identities{}, err
	}
	return l.atSite(found, site), nil
}

// look looks at one place: for credentials, for why there are none, or for an
// error that keeps the process from starting.
type look struct {
	kind   Kind
	source string
	find   func() (Credentials, string, error)
}

// order is where identities are looked for. Over SSH a keyring is locked, so
// the file comes before the Infisical CLI's login; elsewhere it is for where
// nothing else serves.
func (l *loader) order() []look {
	token := look{AccessToken, tokenName, l.without(notSet, l.tokenCredentials)}
	pair := look{UniversalAuth, clientIDName + " and " + clientSecretName, l.without("are not set", l.pairCredentials)}
	file := look{UniversalAuth, credentialsFile, l.without("does not exist", l.fileCredentials)}
	program := look{CommandLine, "the login of the Infisical CLI", l.programCredentials}
	configured := look{l.user.identityTable().kind(), "[identity] in your scrim/config.toml", l.without(notSet, l.loginCredentials)}
	if OverSSH(l.in.Getenv) {
		return []look{token, pair, file, program, configured}
	}
	return []look{token, pair, program, configured, file}
}

// without says outcome where find finds nothing.
func (l *loader) without(outcome string, find func() (Credentials, error)) func() (Credentials, string, error) {
	return func() (Credentials, string, error) {
		c, err := find()
		return c, outcome, err
	}
}

// OverSSH reports whether a process with these variables runs in a session of
// SSH, where keyrings and the keychain are locked.
func OverSSH(getenv func(string) string) bool {
	return slices.ContainsFunc([]string{"SSH_CLIENT", "SSH_TTY", "SSH_CONNECTION"}, func(name string) bool {
		return getenv(name) != ""
	})
}

// identities looks at every place until one serves for certain. A place that
// cannot be used is an error, unless an earlier one may serve.
func (l *loader) identities() (Identities, error) {
	var found Identities
	certain := false
	for _, place := range l.order() {
		attempt := Attempt{place.kind, place.source, inVain}
		if !certain {
			c, outcome, err := place.find()
			switch {
			case err != nil && len(found.Candidates) == 0:
				return Identities{}, err
			case err != nil:
				outcome = "cannot be used: " + err.Error()
			case c.Kind == CommandLine:
				found.Candidates, outcome = append(found.Candidates, c), mayServe
			case c.Kind != NoCredentials:
				found.Candidates, outcome, certain = append(found.Candidates, c), serves, true
			}
			attempt.Outcome = outcome
		}
		found.Attempts = append(found.Attempts, attempt)
	}
	return found, nil
}

// first returns the first of the candidates, or credentials of no kind that
// say why.
func (i Identities) first() Credentials {
	if len(i.Candidates) > 0 {
		return i.Candidates[0]
	}
	return Credentials{Reason: NoIdentity(i.Attempts)}
}

// NoIdentity says for people that nothing of what was looked at serves, and the
// next step.
func NoIdentity(attempts []Attempt) string {
	looks := make([]string, len(attempts))
	for i, a := range attempts {
		looks[i] = a.String()
	}
	return fmt.Sprintf("no credentials: %s: run scrim login", strings.Join(looks, ", "))
}

// atSite gives each candidate its site, and leaves out those of another one.
func (l *loader) atSite(found Identities, site string) Identities {
	stated, _ := parsed(first(l.env(siteName), l.user.siteURL())) // one that is none has kept the process from starting
	at := Identities{Attempts: slices.Clone(found.Attempts)}
	for _, c := range found.Candidates {
		belongs := cmp.Or(c.Site, stated.value, defaultSite)
		if belongs == site {
			c.Site = site
			at.Candidates = append(at.Candidates, c)
			continue
		}
		for i, a := range at.Attempts {
			if a.Kind == c.Kind && (a.Outcome == serves || a.Outcome == mayServe) {
				at.Attempts[i].Outcome = "belongs to " + belongs + ", and this process is bound to " + site
			}
		}
	}
	return at
}

func (l *loader) fileCredentials() (Credentials, error) { return readCredentials(l.in.Home) }

// programName is the Infisical CLI.
const programName = "infisical"

// programCredentials returns the login of the Infisical CLI where that program
// is installed and its own file says that somebody is logged in, and where.
func (l *loader) programCredentials() (Credentials, string, error) {
	if l.in.LookPath == nil || l.in.Home == "" {
		return Credentials{}, "is not looked for", nil
	}
	path, _ := l.in.LookPath(programName) // an error comes without an absolute path, or with one from the working directory
	if !filepath.IsAbs(path) {
		return Credentials{}, "is not there: the program " + programName + " is not on PATH", nil
	}
	site, outcome := programSite(l.in.Home)
	if outcome != "" {
		return Credentials{}, outcome, nil
	}
	stated, err := parsed(first(l.env(siteName), l.user.siteURL()))
	if err != nil {
		return Credentials{}, "", err
	}
	if stated.stated() && stated.value != site {
		return Credentials{}, "is for " + site + ", and " + stated.origin + " says " + stated.value, nil
	}
	return Credentials{Kind: CommandLine, Program: path, Site: site, Source: path}, "", nil
}
