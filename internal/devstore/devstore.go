// Package devstore is an in-memory Infisical that speaks the real wire format,
// for trying scrim without an account and for tests.
//
// A Store is one Infisical project behind an http.Handler. Its answers are held
// to recordings of a real server (testdata/transcripts.jsonl). It keeps values
// in plain text, since it is the store; it prints none of them.
package devstore

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Options makes a Store. The zero value is an empty project on the wall clock.
type Options struct {
	Seed      Seed             // what the project holds at first
	ProjectID string           // a random UUID where it is empty
	Now       func() time.Time // the clock of tokens and lockouts; nil: time.Now
	Recursive bool             // lists a folder with all that is below it, whatever is asked
	Log       *slog.Logger     // told method, route and status of each request, at debug; nil: nothing
}

// Store is one Infisical project in memory. It is safe for concurrent use.
type Store struct {
	now       func() time.Time
	log       *slog.Logger
	recursive bool
	projectID string
	orgID     string
	created   time.Time
	faults    *Faults
	requests  requestLog

	mu           sync.Mutex
	environments map[string]*environment // by slug
	auth         *authority
}

// New returns a Store that holds the seed and knows no identity yet.
func New(o Options) *Store {
	s := &Store{
		now:          o.Now,
		log:          o.Log,
		recursive:    o.Recursive,
		projectID:    o.ProjectID,
		orgID:        newUUID(),
		faults:       newFaults(o.Now),
		environments: map[string]*environment{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.projectID == "" {
		s.projectID = newUUID()
	}
	s.created = s.now()
	s.auth = newAuthority()
	s.load(o.Seed)
	return s
}

// ProjectID returns the id that clients must name.
func (s *Store) ProjectID() string { return s.projectID }

// Faults returns the switchboard of things that go wrong.
func (s *Store) Faults() *Faults { return s.faults }

// load puts everything that the seed names into the project.
func (s *Store) load(seed Seed) {
	for env, folders := range seed.Environments {
		s.AddEnvironment(env)
		for path, secrets := range folders {
			s.AddFolder(env, path)
			for name, value := range secrets {
				s.Set(env, path, name, value)
			}
		}
	}
	for env, folders := range seed.Imports {
		for path, sources := range folders {
			for _, source := range sources {
				s.Import(env, path, env, source)
			}
		}
	}
}

// AddEnvironment adds the environment called slug, empty but for its root
// folder, unless it is there.
func (s *Store) AddEnvironment(slug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.environmentOf(slug)
}

// AddFolder adds the folder at path in env, with its parents and the
// environment, unless it is there.
func (s *Store) AddFolder(env, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.environmentOf(env).ensure(path, s.now())
}

// Set gives the secret called name at path in env a value, as a write through
// the wire would: trimmed, in folders that are added where they are missing,
// and with the next version where the secret exists.
func (s *Store) Set(env, path, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.environmentOf(env).ensure(path, s.now()).set(name, trimValue(value), s.now())
}

// Delete removes the secret called name at path in env, if it is there.
func (s *Store) Delete(env, path, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.find(env, path); f != nil {
		f.remove(name, s.now())
	}
}

// DeleteFolder removes the folder at path in env with all that is below it.
func (s *Store) DeleteFolder(env, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.find(env, path); f != nil && f.parent != nil {
		delete(f.parent.folders, f.name)
	}
}

// Import makes the folder at path in env import the one at fromPath in fromEnv.
func (s *Store) Import(env, path, fromEnv, fromPath string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.environmentOf(env).ensure(path, s.now())
	f.imports = append(f.imports, place{env: fromEnv, path: cleanPath(fromPath)})
}

// environmentOf returns the environment called slug, which it adds where it is
// missing. The caller holds the lock.
func (s *Store) environmentOf(slug string) *environment {
	env, ok := s.environments[slug]
	if !ok {
		env = newEnvironment(slug, s.now())
		s.environments[slug] = env
	}
	return env
}

// find returns the folder at path in env, or nil. The caller holds the lock.
func (s *Store) find(env, path string) *folder {
	e, ok := s.environments[env]
	if !ok {
		return nil
	}
	return e.find(path)
}

// newUUID returns a random version 4 UUID, the shape of every id on the wire.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
