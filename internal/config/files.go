package config

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"scrim/internal/ownfile"
)

const (
	repoFileName      = "scrim.toml"
	infisicalFileName = ".infisical.json"
	credentialsName   = ".infisical-ua" //nolint:gosec // G101: the file's name
)

// readRepoFile reads the scrim.toml that SCRIM_CONFIG names, or else the
// nearest one at or above the working directory. There may be none.
func (l *loader) readRepoFile() (file, error) {
	named := l.env("SCRIM_CONFIG")
	path := named.value
	switch {
	case !named.stated():
		path = l.nearest(repoFileName)
	case !filepath.IsAbs(path):
		path = filepath.Join(l.in.Dir, path)
	}
	if path == "" {
		return file{}, nil
	}
	data, _, err := ownfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) && named.stated() {
		return file{}, &Error{"SCRIM_CONFIG", "the file that it names does not exist", "write the path of a scrim.toml, or unset it"}
	}
	if err != nil {
		return file{}, unreadable(path, err)
	}
	return parse(path, data, false)
}

// readUserFile reads the user's own file. There may be none. One that others
// may change is refused, since it says where credentials go.
func (l *loader) readUserFile() (file, error) {
	path := l.userFilePath()
	if path == "" {
		return file{}, nil
	}
	data, info, err := ownfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	if err != nil {
		return file{}, unreadable(path, err)
	}
	if ownfile.ChangeableByOthers(info) {
		return file{}, &Error{path, "others may change this file, which says where your credentials go", "make it yours alone: run chmod go-w on it, and chown if it is not yours"}
	}
	return parse(path, data, true)
}

// userFilePath returns where the user's own file would be.
func (l *loader) userFilePath() string {
	dir := UserDir(l.in.Getenv, l.in.Home)
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "config.toml")
}

// UserDir returns the folder of what scrim keeps for its user, whether or not
// it is there, or "" where nothing says where it is. A relative XDG_CONFIG_HOME
// is ignored, as its specification demands.
func UserDir(getenv func(string) string, home string) string {
	if dir := getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scrim")
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".config", "scrim")
}

// infisicalProjectID returns the project id that the Infisical CLI's own file
// gives. Nothing else in that file matters here.
func (l *loader) infisicalProjectID() (setting, error) {
	path := l.nearest(infisicalFileName)
	if path == "" {
		return setting{}, nil
	}
	data, _, err := ownfile.Read(path)
	if err != nil {
		return setting{}, unreadable(path, err)
	}
	id, err := parseInfisicalFile(data)
	if err != nil {
		return setting{}, &Error{path, err.Error(), "correct it, or set SCRIM_PROJECT_ID"}
	}
	if id == "" {
		return setting{}, nil
	}
	return setting{id, path}, nil
}

// parseInfisicalFile returns the workspaceId in data, or "" where it has none.
func parseInfisicalFile(data []byte) (string, error) {
	var content struct {
		WorkspaceID string `json:"workspaceId"`
	}
	if err := json.Unmarshal(data, &content); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return "", errors.New("this is not an object whose workspaceId is a string")
		}
		return "", errors.New("this is not valid JSON")
	}
	return content.WorkspaceID, nil
}

// nearest returns the path of the nearest file with that name at or above the
// working directory, or "". It looks no higher than the home directory.
func (l *loader) nearest(name string) string {
	for dir := l.in.Dir; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			return path
		}
		if dir == l.in.Home || dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// unreadable is the sentence for a file that is there and cannot be read.
func unreadable(path string, err error) *Error { return (*Error)(ownfile.Unreadable(path, err)) }
