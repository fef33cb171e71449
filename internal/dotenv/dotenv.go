// Package dotenv finds the .env files of a working tree and of its git history,
// by name. It reads none of them.
package dotenv

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// IsOne reports whether a file of this name, without folders, is one that holds
// values: .env, .env.local, prod.env and the like, and not the example beside it.
func IsOne(name string) bool {
	name = strings.ToLower(name)
	if name != ".env" && name != ".envrc" && !strings.HasPrefix(name, ".env.") && !strings.HasSuffix(name, ".env") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(name, "."), func(part string) bool {
		return slices.Contains([]string{"example", "sample", "template", "dist", "defaults", "schema", "tpl", "vault"}, part) // .env.vault is encrypted
	})
}

// isDull reports whether a folder holds what others made: dependencies and git's
// own.
func isDull(name string) bool {
	return slices.Contains([]string{".git", "node_modules", "vendor", ".venv", "venv"}, name)
}

// Lying returns the files below root, slash-separated and relative to it, in
// order. What may not be looked into is left out and said in unread.
func Lying(ctx context.Context, root string) (found, unread []string, err error) {
	err = filepath.WalkDir(root, func(at string, entry fs.DirEntry, walkErr error) error {
		name, relErr := filepath.Rel(root, at)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case relErr != nil:
			return relErr
		case walkErr != nil:
			unread = append(unread, filepath.ToSlash(name))
			return fs.SkipDir
		case entry.IsDir() && at != root && isDull(entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && IsOne(entry.Name()):
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("look for .env files in %s: %w", root, err)
	}
	return found, unread, nil
}

// ErrNoGit is the answer where there is no history to look into: no repository,
// or no git.
var ErrNoGit = errors.New("there is no git history here")

// Committed returns the names that some commit of the repository at root has,
// sorted. Whatever the repository says in its own configuration, git runs no
// other program for it and asks no server.
func Committed(ctx context.Context, root string) ([]string, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, ErrNoGit
	}
	if _, err := os.Lstat(filepath.Join(root, ".git")); err != nil {
		return nil, ErrNoGit
	}
	cmd := exec.CommandContext(ctx, git, "-C", root, //nolint:gosec // G204: git, at our own words
		"-c", "log.showSignature=false", "-c", "log.showRoot=true", "-c", "core.fsmonitor=false", "--no-pager",
		"log", "--all", "--full-history", "-m", "--no-renames", "--no-ext-diff", "--no-textconv", "--diff-filter=A", "--name-only", "--format=", "-z",
		"--", ":(icase)*.env*")
	cmd.Env = append(os.Environ(), "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("ask git: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start git: %w", err)
	}
	names := map[string]bool{}
	lines := bufio.NewScanner(out)
	lines.Split(splitNames)
	for lines.Scan() {
		if name := lines.Text(); IsOne(path.Base(name)) {
			names[name] = true
		}
	}
	if err := errors.Join(lines.Err(), cmd.Wait()); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("look into the git history: %w", ctx.Err())
		}
		return nil, fmt.Errorf("look into the git history: %w", err)
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// splitNames splits at the NUL behind each name.
func splitNames(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
