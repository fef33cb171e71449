package ownfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Private is a place for a file that nobody but the user may read: regular, the
// user's own, mode 0600. Its errors are *Error and never hold what is in it.
type Private struct {
	Path    string // absolute
	Name    string // as people write it, such as ~/.infisical-ua
	Folder  string // what people call the folder that it is in
	Anew    string // how it is made anew, such as "run scrim login"
	Unowned string // what to do where the system cannot tell who may read a file
}

// owner is whose a file is.
type owner int

const (
	unknowable owner = iota
	theirs
	ours
)

// Read returns what is in the file. Without one the error is fs.ErrNotExist.
func (p Private) Read() ([]byte, error) {
	data, info, err := read(p.Path, openNoLink)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fs.ErrNotExist
	case isLink(p.Path):
		name := p.quoted()
		return nil, p.mistake("this is a link", fmt.Sprintf(`put a regular file of yours there: cp --remove-destination "$(readlink -f %s)" %s && chmod 600 %s`, name, name, name))
	case info != nil && info.Mode().IsRegular():
		if err := p.checkOwner(info); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, p.unreadable(info, err)
	}
	return data, nil
}

// Check returns why the file cannot be written, or nil. What lies there may only
// be a regular file of the user's own: a link would lead the content elsewhere.
func (p Private) Check() error {
	if !knowsOwners {
		return p.mistake("this system cannot tell scrim who may read it", p.Unowned)
	}
	info, err := os.Lstat(p.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return p.mistake("it cannot be looked at", "check the permissions of "+p.Folder)
	case info.Mode()&fs.ModeSymlink != 0:
		return p.mistake("this is a link, and scrim does not write through one", "remove it: rm "+p.quoted())
	case !info.Mode().IsRegular():
		return p.unreadable(info, ErrNotRegular)
	case ownership(info) != ours:
		return p.mistake("this file belongs to another user", p.chown())
	}
	return nil
}

// Write puts data in the file's place, whole or not at all: a new file, which
// only the user may read from the first moment on, takes the place of the old
// one.
func (p Private) Write(data []byte) error {
	if err := p.replace(data); err != nil {
		if mistake, ok := errors.AsType[*Error](err); ok {
			return mistake
		}
		return p.mistake("it cannot be written", "check that "+p.Folder+" is yours and its disk has room")
	}
	return nil
}

func (p Private) replace(data []byte) (err error) {
	temporary := p.Path + "." + strings.ToLower(rand.Text()[:12])
	w, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openNoLink, 0o600) //nolint:gosec // G304: beside the file
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary)
		}
	}()
	_, written := w.Write(data)
	if err := errors.Join(w.Chmod(0o600), written, w.Sync(), w.Close()); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	if err := os.Rename(temporary, p.Path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(p.Path))
}

// syncDirectory makes a change of names outlast a loss of power.
func syncDirectory(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the folder that was written to
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Remove removes what lies there, a link and not what it leads to. It removes
// no folder.
func (p Private) Remove() error {
	if info, err := os.Lstat(p.Path); err == nil && info.IsDir() {
		return p.unreadable(info, ErrNotRegular)
	}
	err := os.Remove(p.Path)
	if err == nil {
		err = syncDirectory(filepath.Dir(p.Path))
	}
	if err != nil {
		return p.mistake("it cannot be removed", "check the permissions of "+p.Folder)
	}
	return nil
}

// checkOwner refuses a file that is not the user's, or that somebody else may
// read.
func (p Private) checkOwner(info fs.FileInfo) error {
	switch ownership(info) {
	case ours:
	case theirs:
		return p.mistake("this file belongs to another user", p.chown())
	default:
		return p.mistake("this system cannot tell scrim who may read it", "remove it, and "+p.Unowned)
	}
	if mode := info.Mode().Perm(); mode&^0o600 != 0 {
		return p.mistake(fmt.Sprintf("its mode is %04o, so others may read it", mode), "run chmod 600 "+p.quoted())
	}
	return nil
}

// unreadable is the sentence for a file that cannot be read, with the command
// that makes room for one that can.
func (p Private) unreadable(info fs.FileInfo, err error) error {
	e := Unreadable(p.Name, err)
	switch {
	case errors.Is(err, ErrNotRegular) && info != nil && info.IsDir():
		e.Problem, e.Next = "this is a folder", "move it away: mv "+p.quoted()+" "+quoted(p.Name+".old")+", and "+p.Anew
	case errors.Is(err, ErrNotRegular), errors.Is(err, ErrTooLarge):
		e.Next = "remove it: rm " + p.quoted() + ", and " + p.Anew
	case errors.Is(err, fs.ErrPermission):
		e.Next = p.chown() + " && chmod 600 " + p.quoted()
	}
	return e
}

func (p Private) mistake(problem, next string) *Error { return &Error{p.Name, problem, next} }

func (p Private) chown() string { return `make it yours: sudo chown "$(id -un)" ` + p.quoted() }

func (p Private) quoted() string { return quoted(p.Name) }

// quoted returns name as a shell takes it for one word.
func quoted(name string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("~/._-", r)
	}
	if strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
