// Package ownfile reads the small files that are the user's own, and keeps
// those that nobody but the user may read.
package ownfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxSize is the size in bytes of the largest file that is read. Every one of
// them is a page of text at most.
const MaxSize = 64 << 10

// ErrNotRegular is what reading a directory, a pipe or a device gives.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge is what reading more than MaxSize bytes gives.
var ErrTooLarge = fmt.Errorf("larger than %d KiB", MaxSize>>10)

// Error is why a file is not used, and what to do about it.
type Error struct {
	Where   string // the file
	Problem string
	Next    string
}

// Error returns the sentence.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Where, e.Problem, e.Next) }

// Read returns the content and the state of one small regular file, and follows
// links. It never waits for a writer.
func Read(path string) ([]byte, fs.FileInfo, error) { return read(path, 0) }

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
		return nil, info, ErrNotRegular
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, info, err
	}
	if len(data) > MaxSize {
		return nil, info, ErrTooLarge
	}
	return data, info, nil
}

// Unreadable is the sentence for a file that is there and cannot be read.
func Unreadable(path string, err error) *Error {
	switch {
	case errors.Is(err, ErrNotRegular), errors.Is(err, ErrTooLarge):
		return &Error{path, "this is " + err.Error(), "replace it with a small text file, or remove it"}
	case errors.Is(err, fs.ErrPermission):
		return &Error{path, "you may not read this file", "change its permissions, or remove it"}
	default:
		return &Error{path, "this file cannot be read", "check that it is a file and that its disk is there"}
	}
}
