// Package session is the record of one launched agent: its scope, and which
// secrets its environment got, by name and keyed digest. The launcher keeps the
// record while the agent lives; a server that the agent starts finds it by
// descent, since some clients pass a server only a few variables.
package session

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"scrim/internal/rundir"
	"scrim/internal/secret"
)

// Record is what is known of a launched agent. It holds no value.
type Record struct {
	Launcher   Process             `json:"launcher"`
	Scope      secret.Scope        `json:"scope"`
	LaunchedAt time.Time           `json:"launched_at"`
	Identity   string              `json:"identity"`    // its kind, such as "universal-auth"
	Lends      bool                `json:"lends"`       // the launcher hands out short-lived tokens
	Key        [32]byte            `json:"key"`         // of the digests
	Injected   map[string]Injected `json:"injected"`    // by name
	NotAllowed []string            `json:"not_allowed"` // names that were there and could not be injected
	dir        string
}

// Injected is one secret of the agent's environment.
type Injected struct {
	Location    string   `json:"location"`
	Environment string   `json:"environment"`
	Path        string   `json:"path"`
	Digest      [32]byte `json:"digest"`
}

// New returns the record of an agent that this process is about to launch.
func New(scope secret.Scope, identity string, now time.Time) (*Record, error) {
	self, err := processOf(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("find this process: %w", err)
	}
	r := &Record{Launcher: self, Scope: scope, Identity: identity, LaunchedAt: now, Injected: map[string]Injected{}}
	_, _ = rand.Read(r.Key[:]) // it never fails
	return r, nil
}

// Add notes that the environment got the value of ref, which is at location.
func (r *Record) Add(ref secret.Ref, location secret.Location, v secret.Value) {
	r.Injected[ref.Name()] = Injected{
		Location: location.String(), Environment: ref.Environment(), Path: ref.Path(), Digest: v.Digest(r.Key),
	}
}

// Keep writes the record where the agent's descendants find it, and returns what
// removes it again.
func (r *Record) Keep() (remove func(), err error) {
	dir, err := rundir.Make()
	if err != nil {
		return nil, err
	}
	sweep(dir)
	r.dir = dir
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the session's record: %w", err)
	}
	name := r.file(".json")
	if err := writeFile(name, data); err != nil {
		return nil, fmt.Errorf("write the session's record: %w", err)
	}
	return func() { _ = os.Remove(name) }, nil
}

// Socket is where the launcher answers its agent's descendants.
func (r *Record) Socket() string { return r.file(".sock") }

func (r *Record) file(suffix string) string { return filepath.Join(r.dir, r.Launcher.String()+suffix) }

// Refused reports whether a secret of that name was there and could not be
// injected: to launch again would not help.
func (r *Record) Refused(name string) bool { return slices.Contains(r.NotAllowed, name) }

// State is whether an environment holds a secret.
type State string

// The states, a closed set of public words.
const (
	Yes     State = "yes"
	No      State = "no"      // it was added after the launch, or is not of those that are injected
	Changed State = "changed" // it has another value now
	Unknown State = "unknown"
)

// State says whether the agent's environment holds the secret ref, whose value
// is v now. The zero Value is one that this identity may not see.
func (r *Record) State(ref secret.Ref, v secret.Value) State {
	if r == nil {
		return Unknown
	}
	i, ok := r.Injected[ref.Name()]
	switch {
	case !ok || i.Environment != ref.Environment() || i.Path != ref.Path():
		return No
	case v.IsZero():
		return Unknown
	case v.Digest(r.Key) != i.Digest:
		return Changed
	default:
		return Yes
	}
}

// Find returns the record of the agent that this process descends from, or nil
// where there is none. Where agents were launched inside each other, their scopes
// have to be the same.
func Find() (*Record, error) {
	ancestors, err := ancestry(os.Getpid())
	if err != nil {
		return nil, fmt.Errorf("find the processes that this one descends from: %w", err)
	}
	var nearest *Record
	for _, p := range ancestors[1:] {
		r, err := read(p)
		if err != nil {
			return nil, err
		}
		switch {
		case r == nil:
		case nearest == nil:
			nearest = r
		case !sameScope(r.Scope, nearest.Scope):
			return nil, fmt.Errorf("the session %s, which this is inside of, is of project %s in environment %s, and a nearer one says otherwise: end the nearer one", r.Launcher, r.Scope.Project, r.Scope.Environment)
		}
	}
	return nearest, nil
}

func sameScope(a, b secret.Scope) bool {
	return a.Site == b.Site && a.ProjectID == b.ProjectID && a.Project == b.Project && a.Path == b.Path && a.Environment == b.Environment
}

// read returns the record that the process p keeps, or nil.
func read(p Process) (*Record, error) {
	for _, dir := range rundir.All() {
		if rundir.Check(dir) != nil {
			continue // nobody keeps records there, or it is somebody else's
		}
		name := filepath.Join(dir, p.String()+".json")
		data, err := readFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the session's record %s: %w", name, err)
		}
		r := &Record{dir: dir}
		if err := json.Unmarshal(data, r); err != nil || r.Launcher != p {
			return nil, fmt.Errorf("read the session's record %s: it is not one: remove it", name)
		}
		return r, nil
	}
	return nil, nil
}

// sweep removes what launchers left behind that were killed.
func sweep(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		name, _, _ := strings.Cut(e.Name(), ".")
		p, ok := parseProcess(name)
		if !ok {
			continue
		}
		if now, err := processOf(p.PID); err != nil || now != p {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
