// Package ledger changes files such that each change can be taken back: it
// knows which files may be written, writes them whole or not at all, and keeps
// a record of what was put in.
package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// maxFile is the size in bytes of the largest file that is edited.
const maxFile = 4 << 20

// RefusedError is why a file is left alone.
type RefusedError struct{ Problem, Next string }

// Error returns the problem and the next step.
func (e *RefusedError) Error() string { return e.Problem + ": " + e.Next }

// File is a place that may be written, whether there is a file or not. Only In
// and Own make one.
type File struct {
	Path string // absolute, without links
	top  string // nothing outside this folder is touched
	name string // below top
}

// In returns the file called name, slash-separated, below the folder top. A
// link may lead to another file of its kind in top; one that leads elsewhere,
// such as out of a repository that somebody prepared, is refused.
func In(top, name string) (File, error) {
	top, err := filepath.EvalSymlinks(top)
	if err != nil {
		return File{}, err
	}
	path, linked, err := resolve(filepath.Join(top, filepath.FromSlash(name)))
	if err != nil {
		return File{}, err
	}
	relative, err := filepath.Rel(top, path)
	if err != nil || !filepath.IsLocal(relative) {
		return File{}, &RefusedError{"a link leads out of the repository", "replace the link by a file, or remove it"}
	}
	inside := strings.Split(filepath.ToSlash(relative), "/")
	if linked && (filepath.Ext(path) != filepath.Ext(name) || slices.Contains(inside, ".git")) {
		return File{}, &RefusedError{"a link leads to a file of another kind", "replace the link by a file, or remove it"}
	}
	return File{Path: path, top: top, name: relative}, nil
}

// Own returns the file at path, which is the user's own and no repository's, so
// that links are followed wherever they lead.
func Own(path string) (File, error) {
	path, _, err := resolve(path)
	if err != nil {
		return File{}, err
	}
	return File{Path: path, top: filepath.Dir(path), name: filepath.Base(path)}, nil
}

// resolve returns path without links, and whether there were any. What is not
// there yet has none.
func resolve(path string) (resolved string, linked bool, err error) {
	var missing []string
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(at); err == nil {
			there, err := filepath.EvalSymlinks(at)
			if err != nil {
				return "", false, &RefusedError{"a link leads nowhere", "remove the link, or make what it leads to"}
			}
			return filepath.Join(append([]string{there}, missing...)...), there != at, nil
		} else if errors.Is(err, syscall.ENOTDIR) {
			return "", false, &RefusedError{"a file stands where a folder belongs", "move it away"}
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", false, err
		}
		missing = append([]string{filepath.Base(at)}, missing...)
		if at == filepath.Dir(at) {
			return path, false, nil
		}
	}
}

// Read returns the content, or nil and false where there is no file.
func (f File) Read() (data []byte, exists bool, err error) {
	root, err := os.OpenRoot(f.top)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = root.Close() }()
	data, _, err = read(root, f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// read returns a regular file's content and state.
func read(root *os.Root, name string) ([]byte, fs.FileInfo, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() { // and it does not wait for the writer of a pipe
		return nil, nil, &RefusedError{"this is not a regular file", "remove it"}
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = &RefusedError{"this is too large a file to edit", "edit it by hand"}
	}
	return data, info, err
}

// errChanged is what writing over a file gives that is not what was read.
var errChanged = errors.New("the file was changed by somebody else meanwhile: run this again")

// Write puts after in the place of before, which is nil where there was no
// file: at once, through a file beside it, with the mode kept. A new file gets
// mode. It returns the folders that it made.
func (f File) Write(before, after []byte, mode fs.FileMode) (made []string, err error) {
	if made, err = f.makeTop(mode); err != nil {
		return made, err
	}
	root, err := os.OpenRoot(f.top)
	if err != nil {
		return made, err
	}
	defer func() { _ = root.Close() }()
	folders, err := makeFolders(root, filepath.Dir(f.name), folderMode(mode))
	for _, folder := range folders {
		made = append(made, filepath.Join(f.top, folder))
	}
	if err != nil {
		return made, err
	}
	current, info, err := read(root, f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		info = nil
	case err != nil:
		return made, err
	case info.Mode().Perm()&0o200 == 0:
		return made, &RefusedError{"this file is read-only", "run chmod u+w on it"}
	}
	if (info == nil) != (before == nil) || !bytes.Equal(current, before) {
		return made, errChanged
	}
	if info != nil {
		mode = info.Mode().Perm()
	}
	return made, replace(root, f.name, after, mode, info != nil)
}

// folderMode is the mode of a folder for files of a mode.
func folderMode(mode fs.FileMode) fs.FileMode { return mode | mode&0o444>>2 }

// makeTop makes the folder that a file of the user's own lies in.
func (f File) makeTop(mode fs.FileMode) ([]string, error) {
	if _, err := os.Stat(f.top); !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(f.top))
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return []string{f.top}, root.Mkdir(filepath.Base(f.top), folderMode(mode))
}

// makeFolders makes what is missing of folder, and returns what it made, the
// outermost first.
func makeFolders(root *os.Root, folder string, mode fs.FileMode) (made []string, err error) {
	if folder == "." {
		return nil, nil
	}
	if made, err = makeFolders(root, filepath.Dir(folder), mode); err != nil {
		return made, err
	}
	err = root.Mkdir(folder, mode)
	if errors.Is(err, fs.ErrExist) {
		return made, nil
	}
	if err != nil {
		return made, err
	}
	return append(made, folder), nil
}

// replace writes a file beside the one called name and gives it that name. Where
// there was none, the mode is less what the process masks.
func replace(root *os.Root, name string, data []byte, mode fs.FileMode, exact bool) error {
	beside := filepath.Join(filepath.Dir(name), ".scrim-init-"+rand.Text())
	file, err := root.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() { _ = root.Remove(beside) }() // it has another name by then, if all went well
	if exact {
		err = file.Chmod(mode)
	}
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return root.Rename(beside, name)
}

// Remove removes the file, which holds before, and those of the folders that
// are empty then.
func (f File) Remove(before []byte, folders []string) error {
	root, err := os.OpenRoot(f.top)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	current, _, err := read(root, f.name)
	if err != nil {
		return err
	}
	if !bytes.Equal(current, before) {
		return errChanged
	}
	if err := root.Remove(f.name); err != nil {
		return err
	}
	for _, folder := range slices.Backward(folders) {
		if inside, err := filepath.Rel(folder, f.Path); err == nil && filepath.IsLocal(inside) {
			_ = os.Remove(folder) // which leaves one that has something in it
		}
	}
	return nil
}
