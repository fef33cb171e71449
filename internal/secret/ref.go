package secret

import (
	"errors"
	"fmt"
	"strings"
)

// The longest name, path and environment slug that scrim addresses, in bytes.
const (
	maxName        = 255
	maxPath        = 1024
	maxEnvironment = 64
)

// What ParseRef and its parts refuse. The messages never hold the input, since
// an agent may have put a value there.
var (
	ErrBadName        = errors.New("a secret's name has letters, digits, '_', '-' and '.', and no '..'")
	ErrBadPath        = errors.New("a path starts with '/' and its segments have letters, digits, '_' and '-'")
	ErrBadEnvironment = errors.New("an environment is a slug of letters, digits, '_' and '-'")
)

// Ref names one secret in one place of the store. It is comparable. Only
// ParseRef makes one, so a Ref that is not zero is valid and safe in a URL.
type Ref struct{ env, path, key string }

// ParseRef returns the Ref of the secret called key at path in env.
func ParseRef(env, path, key string) (Ref, error) {
	if err := CheckEnvironment(env); err != nil {
		return Ref{}, err
	}
	if err := CheckPath(path); err != nil {
		return Ref{}, err
	}
	if err := CheckName(key); err != nil {
		return Ref{}, err
	}
	return Ref{env: env, path: path, key: key}, nil
}

// Environment returns the environment's slug.
func (r Ref) Environment() string { return r.env }

// Path returns the absolute path without a trailing slash, "/" for the root.
func (r Ref) Path() string { return r.path }

// Name returns the secret's name.
func (r Ref) Name() string { return r.key }

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// String returns "env:/path/NAME" for people and logs.
func (r Ref) String() string {
	if r.IsZero() {
		return "(no secret)"
	}
	return fmt.Sprintf("%s:%s/%s", r.env, strings.TrimSuffix(r.path, "/"), r.key)
}

// CheckName reports whether key can be a secret's name.
func CheckName(key string) error {
	if key == "" || len(key) > maxName || key[0] == '.' || key[0] == '-' || strings.Contains(key, "..") {
		return ErrBadName
	}
	for i := range len(key) {
		if !isSlug(key[i]) && key[i] != '.' {
			return ErrBadName
		}
	}
	return nil
}

// CheckPath reports whether path is absolute, clean and plain: no empty
// segment, no dot segment, no trailing slash but for "/" itself.
func CheckPath(path string) error {
	if path == "/" {
		return nil
	}
	if path == "" || len(path) > maxPath || path[0] != '/' {
		return ErrBadPath
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if !isSlugWord(segment) {
			return ErrBadPath
		}
	}
	return nil
}

// CheckEnvironment reports whether slug can be an environment's slug.
func CheckEnvironment(slug string) error {
	if len(slug) > maxEnvironment || !isSlugWord(slug) {
		return ErrBadEnvironment
	}
	return nil
}

// Under reports whether path is root or lies below it.
func Under(path, root string) bool {
	return path == root || root == "/" || strings.HasPrefix(path, root+"/")
}

func isSlugWord(s string) bool {
	for i := range len(s) {
		if !isSlug(s[i]) {
			return false
		}
	}
	return s != ""
}

func isSlug(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
