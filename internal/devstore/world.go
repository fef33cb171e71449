package devstore

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
)

// environment is one environment of the project: a tree of folders.
type environment struct {
	id, slug string
	root     *folder
}

// folder holds secrets, folders and imports.
type folder struct {
	id, name     string
	parent       *folder
	created      time.Time
	updated      time.Time
	lastModified time.Time // when a secret in it was last written; zero: never

	folders map[string]*folder
	secrets map[string]*storedSecret
	imports []place // in order; a later one wins
}

// place is a folder by name.
type place struct{ env, path string }

// storedSecret is a secret as the store keeps it.
type storedSecret struct {
	id      string
	name    string
	value   string
	comment string
	skip    bool // skipMultilineEncoding
	version int
	created time.Time
	updated time.Time
}

func newEnvironment(slug string, now time.Time) *environment {
	return &environment{id: newUUID(), slug: slug, root: newFolder(nil, "root", now)}
}

func newFolder(parent *folder, name string, now time.Time) *folder {
	return &folder{
		id: newUUID(), name: name, parent: parent, created: now, updated: now,
		folders: map[string]*folder{}, secrets: map[string]*storedSecret{},
	}
}

// segments yields the names of a path. Like the server it does not mind where
// the slashes are, and gives no meaning to dots.
func segments(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for segment := range strings.SplitSeq(path, "/") {
			if segment != "" && !yield(segment) {
				return
			}
		}
	}
}

// cleanPath returns path with one slash before each segment and none after,
// "/" for the root.
func cleanPath(path string) string {
	return "/" + strings.Join(slices.Collect(segments(path)), "/")
}

// trimSlash returns path as the server echoes it: less one trailing slash.
func trimSlash(path string) string {
	if path == "/" {
		return path
	}
	return strings.TrimSuffix(path, "/")
}

// find returns the folder at path, or nil.
func (e *environment) find(path string) *folder {
	f := e.root
	for segment := range segments(path) {
		if f = f.folders[segment]; f == nil {
			return nil
		}
	}
	return f
}

// ensure returns the folder at path, and adds what is missing on the way.
func (e *environment) ensure(path string, now time.Time) *folder {
	f := e.root
	for segment := range segments(path) {
		next := f.folders[segment]
		if next == nil {
			next = newFolder(f, segment, now)
			f.folders[segment] = next
		}
		f = next
	}
	return f
}

// path returns where f is, "/" for a root.
func (f *folder) path() string {
	if f.parent == nil {
		return "/"
	}
	return strings.TrimSuffix(f.parent.path(), "/") + "/" + f.name
}

// tree yields f and every folder below it, parents first, names in order.
func (f *folder) tree() iter.Seq[*folder] {
	return func(yield func(*folder) bool) { f.walk(yield) }
}

func (f *folder) walk(yield func(*folder) bool) bool {
	if !yield(f) {
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(f.folders)) {
		if !f.folders[name].walk(yield) {
			return false
		}
	}
	return true
}

// sorted returns the secrets of f by name.
func (f *folder) sorted() []*storedSecret {
	return slices.SortedFunc(maps.Values(f.secrets), func(a, b *storedSecret) int {
		return cmp.Compare(a.name, b.name)
	})
}

// set creates the secret called name or gives it the next version.
func (f *folder) set(name, value string, now time.Time) *storedSecret {
	s, ok := f.secrets[name]
	if !ok {
		s = &storedSecret{id: newUUID(), name: name, created: now}
		f.secrets[name] = s
	}
	s.value, s.updated = value, now
	s.version++
	f.touch(now)
	return s
}

// remove deletes the secret called name and returns it, or nil.
func (f *folder) remove(name string, now time.Time) *storedSecret {
	s, ok := f.secrets[name]
	if !ok {
		return nil
	}
	delete(f.secrets, name)
	f.touch(now)
	return s
}

func (f *folder) touch(now time.Time) { f.updated, f.lastModified = now, now }

// trimValue returns value as the server stores it: without white space around
// it, but for one newline at the end.
func trimValue(value string) string {
	trimmed := strings.TrimFunc(value, isScriptSpace)
	if strings.HasSuffix(value, "\n") {
		return trimmed + "\n"
	}
	return trimmed
}

// isScriptSpace reports whether JavaScript's trim takes r away, which is what
// the server trims with: Go's set, less NEL, and the byte order mark.
func isScriptSpace(r rune) bool {
	return r == '\ufeff' || r != '\u0085' && unicode.IsSpace(r)
}
