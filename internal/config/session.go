package config

import (
	"fmt"

	"scrim/internal/secret"
)

// bySession is the origin of what the session of a launched agent fixes.
const bySession = "the session"

// sessionScope is the scope of the session, where nobody asks for another.
func (l *loader) sessionScope(s secret.Scope) (secret.Scope, error) {
	for _, asked := range []struct {
		setting
		is string
	}{
		{flag("--project", l.in.Flags.Project), s.Project},
		{flag("--env", l.in.Flags.Env), s.Environment},
		{l.env("SCRIM_PROJECT"), s.Project},
		{l.env("PROJECT_ENV"), s.Environment},
	} {
		if asked.stated() && asked.value != asked.is {
			return secret.Scope{}, &Error{
				Where:   asked.origin,
				Problem: fmt.Sprintf("this is inside a session of project %s in environment %s, and another was asked for", s.Project, s.Environment),
				Next:    "do that outside the session, in a terminal of your own",
			}
		}
	}
	for _, name := range []string{"project", "project_id", "path", "env", "paths.vault", "paths.staging", "paths.shared", "vault_environments"} {
		l.origins[name] = bySession
	}
	return s, nil
}

// siteOf returns the site that the credentials belong to. Inside a session that
// is the session's, or an error.
func (l *loader) siteOf(scope secret.Scope, c Credentials) (string, error) {
	if l.in.Session == nil {
		return l.site(c)
	}
	if c.Kind == NoCredentials {
		l.origins["site_url"] = bySession
		return scope.Site, nil
	}
	site, err := l.site(c)
	if err == nil && site != scope.Site {
		err = &Error{l.origins["site_url"], "this is " + site + ", and this is inside a session on " + scope.Site, "do that outside the session, in a terminal of your own"}
	}
	return site, err
}
