// Package handover keeps an approved value in a file for a short while, for the
// programs of its user to read.
//
// Each file is in a folder of its own that only the user may enter, in memory
// where the system has such. A process of scrim's own, the keeper, is there
// before the value is: it removes the file when its time is over, and when the
// server has ended, however that came. What a keeper that was killed as well
// leaves behind is removed by Sweep.
package handover

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"scrim/internal/rundir"
	"scrim/internal/secret"
)

// Lifetime is how long a file is there: long enough to start the program that
// reads it, and to try that again.
const Lifetime = 5 * time.Minute

// Why there is no file.
var (
	// ErrNoPlace says that there is no folder that nobody but the user may enter, or
	// that the system has none such.
	ErrNoPlace = errors.New("there is no folder for a file that only its user may read")
	// ErrNotWritten says that there is a folder, and that the file could not be made.
	ErrNotWritten = errors.New("the file could not be written")
)

// Files are the files of one process. Without a Keeper none is written.
type Files struct {
	Keeper   []string      // the program and the first arguments that end up in a call of Keep
	Lifetime time.Duration // of each file; zero is Lifetime
	Places   []string      // where their folders may be, the best first; nil is rundir.All

	mu    sync.Mutex
	kept  map[*kept]bool
	ended bool
}

// File is where a value can be read.
type File struct {
	Path    string
	Expires time.Time // when it is removed
	OnDisk  bool      // this system has no place in memory for it
}

// Ready reports why no file could be written, before anybody is asked for a
// value, and whether one would be on a disk.
func (f *Files) Ready() (onDisk bool, err error) {
	_, onDisk, err = f.place()
	return onDisk, err
}

// Put writes v into a new file, byte for byte. The end of ctx before that is
// an error, and then there is no file.
func (f *Files) Put(ctx context.Context, v secret.Value) (File, error) {
	place, onDisk, err := f.place()
	if err != nil {
		return File{}, err
	}
	if v.IsZero() {
		return File{}, fmt.Errorf("%w: there is no value", ErrNotWritten)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return File{}, fmt.Errorf("%w: this process is ending", ErrNotWritten)
	}
	k, err := f.prepare(ctx, place)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	if err := k.fill(ctx, v); err != nil {
		k.remove()
		return File{}, fmt.Errorf("%w: %w", ErrNotWritten, err)
	}
	if f.kept == nil {
		f.kept = map[*kept]bool{}
	}
	f.kept[k] = true
	go func() {
		k.await(k.removed)
		f.forget(k)
	}()
	return File{Path: k.file.Name(), Expires: k.expires, OnDisk: onDisk}, nil
}

// Close removes every file, and lets none be written any more. It returns when
// they are gone.
func (f *Files) Close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	for k := range f.kept {
		k.remove()
	}
	clear(f.kept)
}

// forget removes a file whose time is over.
func (f *Files) forget(k *kept) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept[k] {
		delete(f.kept, k)
		k.remove()
	}
}

// place returns the first place in memory, or else the first that is fit for use.
func (f *Files) place() (dir string, onDisk bool, err error) {
	if f == nil || len(f.Keeper) == 0 {
		return "", false, fmt.Errorf("%w: nothing would remove it", ErrNoPlace)
	}
	failed := []error{ErrNoPlace}
	for _, at := range f.places() {
		switch err := rundir.Use(at); {
		case err != nil:
			failed = append(failed, err)
		case rundir.InMemory(at):
			return at, false, nil
		case dir == "":
			dir = at
		}
	}
	if dir == "" {
		return "", false, errors.Join(failed...)
	}
	return dir, true, nil
}

func (f *Files) places() []string {
	if f.Places == nil {
		return rundir.All()
	}
	return f.Places
}

const (
	folderStart = "handover-" // of a folder's name; the rest is random
	fileName    = "value"
	attempts    = 3
)

// kept is one file, its folder and its keeper.
type kept struct {
	place, folder string
	lock          *os.File // the folder, locked for as long as it is somebody's
	file          *os.File // to write
	expires       time.Time
	keeper        *keeper
	removed       chan struct{}
}

// prepare makes an empty file that is kept. A folder is new to others until it is
// locked, so that a sweep may take it for one that was left behind.
func (f *Files) prepare(ctx context.Context, place string) (*kept, error) {
	lifetime := f.Lifetime
	if lifetime <= 0 {
		lifetime = Lifetime
	}
	k := &kept{place: place, removed: make(chan struct{})}
	var err error
	for range attempts {
		k.folder = folderStart + strings.ToLower(rand.Text())
		if k.lock, err = claim(k.path()); err == nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	if k.file, err = create(filepath.Join(k.path(), fileName)); err == nil {
		k.expires = time.Now().Add(lifetime)
		k.keeper, err = hire(ctx, f.Keeper, k, lifetime)
	}
	if err != nil {
		k.remove()
		return nil, err
	}
	return k, nil
}

func (k *kept) path() string { return filepath.Join(k.place, k.folder) }

// fill writes the value.
func (k *kept) fill(ctx context.Context, v secret.Value) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := k.file.WriteString(v.Reveal()); err != nil {
		return err
	}
	return ctx.Err()
}

// glance is how often the time is looked at: a laptop that slept has lost count.
const glance = 5 * time.Second

// await returns when the file's time is over, by whichever clock is further, or
// when sooner is closed.
func (k *kept) await(sooner <-chan struct{}) {
	for {
		left := min(time.Until(k.expires), k.expires.Round(0).Sub(time.Now().Round(0)))
		if left <= 0 {
			return
		}
		select {
		case <-time.After(min(left, glance)):
		case <-sooner:
			return
		}
	}
}

// remove overwrites the file, by what was opened and not by what is at its path
// now, and removes it with its folder. What cannot be removed is left to the
// keeper and to Sweep.
func (k *kept) remove() {
	close(k.removed)
	if k.file != nil {
		overwrite(k.file)
		_ = k.file.Close()
	}
	discard(k.place, k.folder)
	k.keeper.dismiss()
	_ = k.lock.Close()
}

// maxOverwritten bounds what is overwritten of a file that somebody made large,
// in bytes.
const maxOverwritten = 8 << 20

// overwrite leaves nothing in the file. On a disk, whatever that has copied
// stays.
func overwrite(file *os.File) {
	if info, err := file.Stat(); err == nil {
		_, _ = file.WriteAt(make([]byte, min(info.Size(), maxOverwritten)), 0)
		_ = file.Sync()
	}
	_ = file.Truncate(0)
}

// discard removes a folder of place with what is in it, and follows no link.
func discard(place, folder string) {
	root, err := os.OpenRoot(place)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	_ = root.RemoveAll(folder)
}

// Sweep removes what processes left in places that were killed together with
// their keepers. What is somebody's is locked, and stays.
func Sweep(places []string) {
	for _, place := range places {
		if rundir.Check(place) != nil {
			continue // nobody keeps files there, or it is somebody else's
		}
		entries, _ := os.ReadDir(place)
		for _, e := range entries {
			if e.IsDir() && strings.HasPrefix(e.Name(), folderStart) {
				sweep(place, e.Name())
			}
		}
	}
}

// sweep removes one folder that nobody has locked.
func sweep(place, folder string) {
	path := filepath.Join(place, folder)
	lock, err := lockFolder(path)
	if err != nil {
		return
	}
	defer func() { _ = lock.Close() }()
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if file, err := reopen(filepath.Join(path, e.Name())); err == nil {
			overwrite(file)
			_ = file.Close()
		}
	}
	discard(place, folder)
}
