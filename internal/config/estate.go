package config

import (
	"fmt"
	"maps"

	"scrim/internal/secret"
)

// Estate is what a process is bound to that looks at all projects. Its Scope has
// no project and no paths.
type Estate struct {
	Config
	Shared     string              // the path of the shared source
	Vault      string              // a project's vault: a path below the project's, or an absolute one
	Staging    string              // its staging secrets, likewise
	Registered map[string]string   // projects whose path is not "/NAME", by name
	Except     map[string][]string // by project, the shared names that have a value of their own there
	Here       string              // the project that the files, or SCRIM_PROJECT, say this is; or empty

	loader *loader
}

// LoadEstate reads the configuration for all projects, whether or not something
// says which project this is. Inside a session it is refused.
func LoadEstate(in Input) (Estate, error) {
	if in.Session != nil {
		return Estate{}, &Error{
			Where:   "all projects",
			Problem: fmt.Sprintf("this is inside a session of project %s in environment %s, and other projects were asked for", in.Session.Project, in.Session.Environment),
			Next:    "do that outside the session, in a terminal of your own",
		}
	}
	log, err := ParseLog(in.Getenv)
	if err != nil {
		return Estate{}, err
	}
	l, err := newLoader(in)
	if err != nil {
		return Estate{}, err
	}
	return l.estate(log)
}

func (l *loader) estate(log Log) (Estate, error) {
	e := Estate{
		Vault:      first(l.repo.vault(), l.user.vault(), setting{vaultName, byDefault}).value,
		Staging:    first(l.repo.staging(), l.user.staging(), setting{"staging", byDefault}).value,
		Registered: map[string]string{}, Except: l.except(), loader: l,
	}
	for name, p := range l.user.doc.Projects {
		if p.Path != "" {
			e.Registered[name] = p.Path
		}
	}
	here, err := l.statedProject()
	if err != nil {
		return Estate{}, err
	}
	e.Here = here.value
	if e.Shared, err = l.sharedSource(); err != nil {
		return Estate{}, err
	}
	id, err := l.projectID()
	if err != nil {
		return Estate{}, err
	}
	environment, stated, err := l.environment()
	if err != nil {
		return Estate{}, err
	}
	e.Config, err = l.bind(secret.Scope{ProjectID: id, Environment: environment, Stated: stated}, log)
	return e, err
}

// except joins what both files say. A repository can keep a copy from being written.
func (l *loader) except() map[string][]string {
	all := map[string][]string{}
	for _, f := range []file{l.user, l.repo} {
		for project, names := range f.doc.Shared.Except {
			all[project] = append(all[project], names...)
		}
	}
	return all
}

// sharedSource returns the path of the shared source where no project says more.
func (l *loader) sharedSource() (string, error) {
	s := first(l.repo.shared(), l.user.shared(), setting{"/shared", byDefault})
	l.origins["paths.shared"] = s.origin
	if err := secret.CheckPath(s.value); err != nil {
		return "", &Error{s.origin, err.Error(), "write a path such as /shared"}
	}
	return s.value, l.sharedNarrows(s.value)
}

// Scope returns the scope of one of the projects in an environment, as a process
// that looks at that project alone would have it. It is safe for concurrent use.
func (e Estate) Scope(project, environment string) (secret.Scope, error) {
	if !isProjectName(project) {
		return secret.Scope{}, &Error{"the store", "a folder at the root has a name that no project can have", "rename it there"}
	}
	base := e.Config.Scope
	base.Environment = environment
	l := *e.loader
	l.origins = maps.Clone(l.origins)
	return l.scopeOf(project, base)
}
