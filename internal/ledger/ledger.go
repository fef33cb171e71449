package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"scrim/internal/setup"
)

// Ledger is the record of what was put into files. It holds what was put in,
// and nothing else of those files.
type Ledger struct {
	path    string
	entries map[string]*Entry
}

// Entry is what was done to one file, the first step first.
type Entry struct {
	Steps   []Step   `json:"steps"`
	Folders []string `json:"folders,omitempty"` // made for the file, the outermost first
	Users   []string `json:"users,omitempty"`   // repositories that rely on a file that is for all of them
}

// Step is one change.
type Step struct {
	Created bool         `json:"created,omitempty"` // there was no file before
	Edits   []setup.Edit `json:"edits"`
	After   string       `json:"after"` // the SHA-256 of what it left, in hex
}

// Open reads the ledger at path, which need not be there.
func Open(path string) (*Ledger, error) {
	l := &Ledger{path: path, entries: map[string]*Entry{}}
	data, err := os.ReadFile(path) //nolint:gosec // G304: in the user's own state folder
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the record of changes: %w", err)
	}
	if json.Unmarshal(data, &l.entries) != nil {
		return nil, fmt.Errorf("the record of changes %s is damaged: move it away", path)
	}
	for path, entry := range l.entries {
		if entry == nil {
			delete(l.entries, path)
		}
	}
	return l, nil
}

// Knows reports whether anything is on record for a file.
func (l *Ledger) Knows(file File) bool { return l.entries[file.Path] != nil }

// Join notes that the repository at root relies on what is on record for file.
func (l *Ledger) Join(file File, root string) error {
	entry := l.entries[file.Path]
	if entry == nil || slices.Contains(entry.Users, root) {
		return nil
	}
	entry.Users = append(entry.Users, root)
	return l.save()
}

// Leave is the end of Join.
func (l *Ledger) Leave(file File, root string) error {
	entry := l.entries[file.Path]
	if entry == nil || !slices.Contains(entry.Users, root) {
		return nil
	}
	entry.Users = slices.DeleteFunc(entry.Users, func(user string) bool { return user == root })
	return l.save()
}

// Others returns the repositories but root that rely on file.
func (l *Ledger) Others(file File, root string) []string {
	entry := l.entries[file.Path]
	if entry == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(entry.Users), func(user string) bool { return user == root })
}

// Change makes edits to a file that holds before, or is not there where exists
// is false. The record comes first: one of a change that did not happen does no
// harm, since no file has its digest.
func (l *Ledger) Change(file File, before []byte, exists bool, edits []setup.Edit, mode fs.FileMode) error {
	after := setup.Apply(before, edits)
	entry := l.entries[file.Path]
	if entry == nil || !exists {
		entry = &Entry{}
		l.entries[file.Path] = entry
	}
	entry.Steps = append(entry.Steps, Step{Created: !exists, Edits: edits, After: digest(after)})
	if err := l.save(); err != nil {
		return err
	}
	if exists && before == nil {
		before = []byte{}
	}
	made, err := file.Write(before, after, mode)
	if len(made) > 0 {
		entry.Folders = append(entry.Folders, made...)
		if err == nil {
			err = l.save()
		}
	}
	return err
}

// Undoing is how a file goes back to what it was.
type Undoing struct {
	Data    []byte       // what it held before
	Edits   []setup.Edit // from what it holds to that
	Removed bool         // there was no file
	Exact   bool         // these are its own bytes: nobody edited the file in between
	Rest    []setup.Edit // where they are not, what is on record beyond that
}

// Before returns what a file held before everything that is on record, given
// what it holds. Where somebody edited it in between, it goes back as far as
// the record leads and is not exact.
func (l *Ledger) Before(file File, data []byte) Undoing {
	back := Undoing{Data: data}
	entry := l.entries[file.Path]
	if entry == nil {
		return back
	}
	taken := 0
	for _, step := range slices.Backward(entry.Steps) {
		reverted, ok := setup.Revert(back.Data, step.Edits)
		if !ok || step.After != digest(back.Data) {
			back.Exact = false
			back.Rest = append(slices.Clone(step.Edits), back.Rest...)
			continue
		}
		// Steps after this one did not happen, or were taken back.
		back = Undoing{Data: reverted, Edits: setup.Inverse(step.Edits), Removed: step.Created, Exact: true}
		taken++
	}
	if taken > 1 {
		back.Edits = setup.Difference(data, back.Data)
	}
	return back
}

// Created reports whether the file was made, rather than edited.
func (l *Ledger) Created(file File) bool {
	entry := l.entries[file.Path]
	return entry != nil && len(entry.Steps) > 0 && entry.Steps[0].Created
}

// Undo puts after in the place of before, or removes the file, and forgets it.
func (l *Ledger) Undo(file File, before, after []byte, remove bool) error {
	var folders []string
	if entry := l.entries[file.Path]; entry != nil {
		folders = entry.Folders
	}
	var err error
	if remove {
		err = file.Remove(before, folders)
	} else {
		_, err = file.Write(before, after, 0)
	}
	if err != nil {
		return err
	}
	return l.Forget(file)
}

// Forget takes a file off the record.
func (l *Ledger) Forget(file File) error {
	if l.entries[file.Path] == nil {
		return nil
	}
	delete(l.entries, file.Path)
	return l.save()
}

// save writes the record, for its owner only.
func (l *Ledger) save() error {
	data, err := json.MarshalIndent(l.entries, "", "  ")
	if err != nil {
		return fmt.Errorf("write the record of changes: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return fmt.Errorf("write the record of changes: %w", err)
	}
	file, err := Own(l.path)
	if err != nil {
		return fmt.Errorf("write the record of changes: %w", err)
	}
	before, exists, err := file.Read()
	if err != nil {
		return fmt.Errorf("write the record of changes: %w", err)
	}
	if !exists {
		before = nil
	}
	if _, err := file.Write(before, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the record of changes: %w", err)
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
