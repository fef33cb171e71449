// Package tracked looks through the files of a working tree that git tracks: for
// known values, in every encoding that the redactor knows, and for the names that
// somebody refers to.
package tracked

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"

	"scrim/internal/secret"
	"scrim/redact"
)

// How much is looked through, in bytes: of one file, and of all.
const (
	maxFile  = 4 << 20
	maxTotal = 512 << 20
)

// ErrNoTree is the answer where there is nothing to look through: no working tree,
// or no git.
var ErrNoTree = errors.New("there is no working tree of git here")

// Spot is a place in a file.
type Spot struct {
	File string // below the tree's root, with slashes
	Line int    // from 1
}

// Hit is a known value in the files, however it is written there.
type Hit struct {
	Refs  []secret.Ref // its names; none where it has no name
	Spots []Spot       // in order, each once
}

// Report is what the files hold.
type Report struct {
	Files   int      // that were looked through
	Skipped []string // that were not: too large, or not to be read
	Hits    []Hit    // in the order of their first spots

	names names
}

// Refers reports whether some file has name, as a word, in any of the ways in
// which programs write one. Where files were skipped, nobody knows, so it is true.
func (r Report) Refers(name string) bool { return len(r.Skipped) > 0 || r.names.have(name) }

// Look looks through the files of the tree that dir lies in, for what redactor
// knows and for these names. What only configures scrim refers to nothing.
func Look(ctx context.Context, dir string, redactor *redact.Redactor, wanted []string) (Report, error) {
	root, files, err := list(ctx, dir)
	if err != nil {
		return Report{}, err
	}
	tree, err := os.OpenRoot(root)
	if err != nil {
		return Report{}, fmt.Errorf("look through the working tree: %w", err)
	}
	defer func() { _ = tree.Close() }()
	r := Report{names: newNames(wanted)}
	hits := hitSet{index: map[string]int{}}
	total := 0
	for _, name := range files {
		if ctx.Err() != nil {
			return Report{}, fmt.Errorf("look through the working tree: %w", ctx.Err())
		}
		text, err := read(tree, name, maxTotal-total)
		switch {
		case errors.Is(err, errNoFile):
			continue
		case err != nil:
			r.Skipped = append(r.Skipped, name)
			continue
		}
		total += len(text)
		r.Files++
		hits.add(name, text, redactor)
		if base := path.Base(name); base != "scrim.toml" {
			r.names.note(text)
		}
	}
	r.Hits = hits.all
	return r, nil
}

var (
	errNoFile   = errors.New("it is no file of the tree's own")
	errTooLarge = errors.New("it is too large")
)

// read reads a regular file. A link is none: what it leads to is looked through
// where it lies, or is not of the tree.
func read(tree *os.Root, name string, left int) ([]byte, error) {
	info, err := tree.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular():
		return nil, errNoFile
	case err != nil:
		return nil, err
	case info.Size() > int64(min(maxFile, left)):
		return nil, errTooLarge
	}
	f, err := tree.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// list asks git for the root of the tree and the names of its files. Whatever the
// repository says in its own configuration, git runs no other program for it.
func list(ctx context.Context, dir string) (root string, files []string, err error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return "", nil, ErrNoTree
	}
	ask := func(dir string, words ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, git, append([]string{"-C", dir, "-c", "core.fsmonitor=false"}, words...)...) //nolint:gosec // G204: git, at our own words
		cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
		return cmd.Output()
	}
	top, err := ask(dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", nil, ErrNoTree
	}
	root = strings.TrimRight(string(top), "\r\n")
	if root == "" {
		return "", nil, ErrNoTree
	}
	out, err := ask(root, "ls-files", "-z")
	if err != nil {
		return "", nil, fmt.Errorf("ask git for the files of the working tree: %w", errors.Join(err, ctx.Err()))
	}
	for name := range bytes.SplitSeq(out, []byte{0}) {
		if len(name) > 0 {
			files = append(files, string(name))
		}
	}
	return root, files, nil
}

// hitSet gathers hits by the names of their values.
type hitSet struct {
	all   []Hit
	index map[string]int
}

func (s *hitSet) add(file string, text []byte, redactor *redact.Redactor) {
	_, found := redactor.Bytes(nil, text)
	at, line := 0, 1
	for _, h := range found {
		line += bytes.Count(text[at:h.Start], []byte("\n"))
		at = h.Start
		if len(h.Refs) == 0 {
			continue
		}
		key := fmt.Sprint(h.Refs)
		i, ok := s.index[key]
		if !ok {
			i = len(s.all)
			s.index[key] = i
			s.all = append(s.all, Hit{Refs: h.Refs})
		}
		spots := &s.all[i].Spots
		if spot := (Spot{file, line}); len(*spots) == 0 || (*spots)[len(*spots)-1] != spot {
			*spots = append(*spots, spot)
		}
	}
}
