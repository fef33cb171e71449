package errand

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Why there is no program to run.
var (
	ErrNotFound = errors.New("no such program")
	ErrUnfit    = errors.New("it is no program that can be read and run")
	ErrTooLarge = errors.New("the program is too large to be hashed")
	ErrChanged  = errors.New("the program or its directory is another one now than when it was asked for")
	ErrNoDir    = errors.New("no such directory")
)

// maxProgram bounds the file that is hashed, while somebody waits.
const maxProgram = 1 << 30

// Program is a file to run, as it was found.
type Program struct {
	Path   string // absolute, links resolved
	SHA256 string // of what is in it, in hex
}

// Dir returns the directory that dir names, seen from base: absolute, with
// links resolved.
func Dir(base, dir string) (string, error) {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(base, dir)
	}
	if !filepath.IsAbs(dir) {
		return "", ErrNoDir
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoDir, cause(err))
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return "", ErrNoDir
	}
	return dir, nil
}

// Find returns the program that a shell in dir, whose PATH is path, would run
// for name. Unlike a shell it looks in no folder that PATH names relatively.
func Find(name, dir, path string) (Program, error) {
	file, err := Locate(name, dir, path)
	if err != nil {
		return Program{}, err
	}
	opened, sum, err := openHashed(file)
	if err != nil {
		return Program{}, err
	}
	_ = opened.Close()
	return Program{Path: file, SHA256: sum}, nil
}

// Locate returns the path of the program that Find finds, without looking into
// it.
func Locate(name, dir, path string) (string, error) {
	file, err := lookUp(name, dir, path)
	if err != nil {
		return "", err
	}
	file, err = filepath.EvalSymlinks(file)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNotFound, cause(err))
	}
	return file, nil
}

func lookUp(name, dir, path string) (string, error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", ErrNotFound
	}
	if strings.ContainsRune(name, filepath.Separator) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil
	}
	for _, folder := range filepath.SplitList(path) {
		file := filepath.Join(folder, name)
		if filepath.IsAbs(folder) && runnable(file) {
			return file, nil
		}
	}
	return "", ErrNotFound
}

func runnable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && fit(info)
}

func fit(info fs.FileInfo) bool { return info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 }

// open opens p once more, and returns it only while it is what it was: hashed
// from the very descriptor that is to be run.
func (p Program) open() (*os.File, error) {
	if p.Path == "" || p.SHA256 == "" {
		return nil, ErrChanged
	}
	file, sum, err := openHashed(p.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if sum != p.SHA256 {
		_ = file.Close()
		return nil, ErrChanged
	}
	return file, nil
}

// openHashed opens a program and hashes it from that descriptor.
func openHashed(path string) (file *os.File, sum string, err error) {
	info, err := os.Stat(path) // before it is opened, since opening a pipe waits
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", fmt.Errorf("%w: %w", ErrNotFound, cause(err))
	}
	if err != nil || !fit(info) {
		return nil, "", ErrUnfit
	}
	file, err = os.OpenFile(path, os.O_RDONLY|nonBlocking, 0) //nolint:gosec // G304: the program that an agent names is what is looked at
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrUnfit, cause(err))
	}
	sum, err = hash(file)
	if err != nil {
		_ = file.Close()
		return nil, "", err
	}
	return file, sum, nil
}

func hash(file *os.File) (string, error) {
	info, err := file.Stat()
	if err != nil || !fit(info) {
		return "", ErrUnfit
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(file, maxProgram+1))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnfit, cause(err))
	}
	if n > maxProgram {
		return "", ErrTooLarge
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// cause is err without the path in it: that is the agent's text, and what
// becomes of an error is no place for it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
