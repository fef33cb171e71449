package config

import "path/filepath"

// Stated is what is said already where a repository is set up, complete or not.
type Stated struct {
	RepoFile    string // the scrim.toml that is read; empty where there is none
	Project     Setting
	ProjectID   Setting
	Environment Setting // of a flag or of RepoFile; a variable is for one process
}

// Setting is a value and where it comes from. Nobody states one without origin.
type Setting struct {
	Value  string
	Origin string
	InFile bool // RepoFile says one, whether or not it is this
}

// ReadStated reads what Load would, and does not mind what is missing. What it
// refuses is an *Error.
func ReadStated(in Input) (Stated, error) {
	l := loader{in: in, origins: map[string]string{}}
	var err error
	if l.user, err = l.readUserFile(); err != nil {
		return Stated{}, err
	}
	if l.repo, err = l.readRepoFile(); err != nil {
		return Stated{}, err
	}
	project, err := l.statedProject()
	if err != nil {
		return Stated{}, err
	}
	id, err := l.statedProjectID()
	if err != nil {
		return Stated{}, err
	}
	if _, _, err := l.environment(); err != nil {
		return Stated{}, err
	}
	return Stated{
		RepoFile:    l.repo.path,
		Project:     project.public(l.repo.project()),
		ProjectID:   id.public(l.repo.projectID()),
		Environment: first(flag("--env", in.Flags.Env), l.repo.environment()).public(l.repo.environment()),
	}, nil
}

// public returns s for others; inFile is what the repository's file says.
func (s setting) public(inFile setting) Setting {
	return Setting{Value: s.value, Origin: s.origin, InFile: inFile.stated()}
}

// FromInfisical reports whether s comes from the Infisical CLI's own file.
func (s Setting) FromInfisical() bool { return filepath.Base(s.Origin) == infisicalFileName }

// CheckFlags checks settings that somebody typed. What it refuses is an *Error.
func CheckFlags(f Flags) error {
	l := loader{in: Input{Getenv: func(string) string { return "" }, Flags: f}, origins: map[string]string{}}
	if _, err := l.statedProject(); err != nil {
		return err
	}
	if f.ProjectID != "" { // and then no file is asked
		if _, err := l.statedProjectID(); err != nil {
			return err
		}
	}
	_, _, err := l.environment()
	return err
}
