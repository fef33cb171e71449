package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	repoFileName      = "scrim.toml"
	infisicalFileName = ".infisical.json"
	credentialsName   = ".infisical-ua" //nolint:gosec // G101: the file's name
)

// maxFile is the size in bytes of the largest file that is read. Every one of
// them is a page of text at most.
const maxFile = 64 << 10

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
	data, _, err := read(path, 0)
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
	data, info, err := read(path, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	if err != nil {
		return file{}, unreadable(path, err)
	}
	if changeableByOthers(info) {
		return file{}, &Error{path, "others may change this file, which says where your credentials go", "make it yours alone: run chmod go-w on it, and chown if it is not yours"}
	}
	return parse(path, data, true)
}

// userFilePath returns where the user's own file would be. A relative
// XDG_CONFIG_HOME is ignored, as its specification demands.
func (l *loader) userFilePath() string {
	if dir := l.in.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "scrim", "config.toml")
	}
	if l.in.Home == "" {
		return ""
	}
	return filepath.Join(l.in.Home, ".config", "scrim", "config.toml")
}

// infisicalProjectID returns the project id that the Infisical CLI's own file
// gives. Nothing else in that file matters here.
func (l *loader) infisicalProjectID() (setting, error) {
	path := l.nearest(infisicalFileName)
	if path == "" {
		return setting{}, nil
	}
	data, _, err := read(path, 0)
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

// errNotRegular is what reading a directory, a pipe or a device gives.
var errNotRegular = errors.New("not a regular file")

// errTooLarge is what reading more than maxFile bytes gives.
var errTooLarge = fmt.Errorf("larger than %d KiB", maxFile>>10)

// read returns the content and the state of one small regular file. It never
// waits for a writer.
func read(path string, flags int) ([]byte, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openWithoutWaiting|flags, 0) //nolint:gosec // G304: the user's own configuration says which file
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, info, err
	}
	if len(data) > maxFile {
		return nil, info, errTooLarge
	}
	return data, info, nil
}

// unreadable is the sentence for a file that is there and cannot be read.
func unreadable(path string, err error) *Error {
	switch {
	case errors.Is(err, errNotRegular), errors.Is(err, errTooLarge):
		return &Error{path, "this is " + err.Error(), "replace it with a small text file, or remove it"}
	case errors.Is(err, fs.ErrPermission):
		return &Error{path, "you may not read this file", "change its permissions, or remove it"}
	default:
		return &Error{path, "this file cannot be read", "check that it is a file and that its disk is there"}
	}
}
