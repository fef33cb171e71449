package launch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scrim/internal/errand"
	"scrim/internal/secret"
	"scrim/redact"
)

// Errands is what commands with vault secrets are run with. The zero Errands
// runs none.
type Errands struct {
	Supervisor []string // see errand.Command
	Environ    []string // of this process, as os.Environ has it; little of it is passed on
	Dir        string   // of this process: where a command runs that names no other
	Redactor   *redact.Redactor
}

// Errand is one command that a person is asked about, as it was found.
type Errand struct {
	Program errand.Program
	Args    []string
	Dir     string // absolute, links resolved
	Timeout time.Duration
}

// Printed is how a command ended, and what it printed, masked.
type Printed struct {
	ExitCode       int
	TimedOut       bool
	Left           bool // something that it started could not be ended
	Truncated      bool // Stdout or Stderr is not all of it
	Withheld       bool // Stdout and Stderr are empty, since nothing masks one of the values
	Stdout, Stderr string
}

// RefusedError says that a secret is not put into a command's environment.
type RefusedError struct{ Refusal }

// Error says which, and why.
func (e *RefusedError) Error() string { return e.Ref.Name() + " is not injected: " + e.Reason }

// Find returns the errand of a command in dir, which is seen from the working
// directory of this process, as its environment would have it found.
func (e Errands) Find(command []string, dir string, timeout time.Duration) (Errand, error) {
	if len(e.Supervisor) == 0 {
		return Errand{}, fmt.Errorf("%w: no supervisor", errand.ErrNotStarted)
	}
	dir, err := errand.Dir(e.Dir, dir)
	if err != nil {
		return Errand{}, err
	}
	if len(command) == 0 {
		return Errand{}, errand.ErrNotFound
	}
	program, err := errand.Find(command[0], dir, e.path())
	if err != nil {
		return Errand{}, err
	}
	return Errand{program, slices.Clone(command), dir, timeout}, nil
}

// Locate returns the file that a program's name or absolute path comes to in a
// command, absolute, with links resolved, or "" where there is none.
func (e Errands) Locate(program string) string {
	file, err := errand.Locate(program, e.Dir, e.path())
	if err != nil {
		return ""
	}
	return file
}

// MayInject returns a *RefusedError for a name that no command is given.
func MayInject(ref secret.Ref) error {
	switch name := ref.Name(); {
	case isOwn(name):
		return &RefusedError{Refusal{ref, ownName}}
	case runsCode(name):
		return &RefusedError{Refusal{ref, "it changes how programs load or run code"}}
	default:
		return nil
	}
}

// Prepare opens the errand's program. errand.ErrChanged says that it is not any
// more what was found.
func (e Errands) Prepare(what Errand) (*Ready, error) {
	ready, err := errand.Prepare(errand.Command{
		Supervisor: e.Supervisor, Program: what.Program, Args: what.Args, Dir: what.Dir, Timeout: what.Timeout,
	})
	if err != nil {
		return nil, err
	}
	return &Ready{e, what, ready}, nil
}

// Ready is an errand whose program is open and is what it was.
type Ready struct {
	with  Errands
	what  Errand
	ready *errand.Ready
}

// Close lets go of the program.
func (r *Ready) Close() { r.ready.Close() }

// Run runs the command with the values of refs, in their order, in its
// environment. The redactor knows them by now.
func (r *Ready) Run(ctx context.Context, refs []secret.Ref, values []secret.Value) (Printed, error) {
	env, err := r.environment(refs, values)
	if err != nil {
		return Printed{}, err
	}
	result, err := r.ready.Run(ctx, env)
	if err != nil {
		return Printed{}, err
	}
	printed := Printed{ExitCode: result.ExitCode, TimedOut: result.TimedOut, Left: result.Left}
	if r.with.shows(refs) {
		printed.show(r.with.Redactor, result)
	} else {
		printed.Withheld = true
	}
	return printed, nil
}

// environment is the command's whole environment.
func (r *Ready) environment(refs []secret.Ref, values []secret.Value) ([]string, error) {
	if len(refs) != len(values) {
		return nil, fmt.Errorf("%w: %d secrets and %d values", errand.ErrNotStarted, len(refs), len(values))
	}
	own := r.with.own(r.what.Dir)
	for i, ref := range refs {
		if err := MayInject(ref); err != nil {
			return nil, err
		}
		if reason := refuseValue(values[i]); reason != "" {
			return nil, &RefusedError{Refusal{ref, reason}}
		}
		own[ref.Name()] = values[i].Reveal()
	}
	env := make([]string, 0, len(own))
	for name, value := range own {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env, nil
}

// own is what a command gets besides secrets: what a program needs to find its
// way about, and nothing that could be a credential.
func (e Errands) own(dir string) map[string]string {
	own := map[string]string{}
	for _, variable := range e.Environ {
		if name, value, ok := strings.Cut(variable, "="); ok && passes(name) {
			own[name] = value
		}
	}
	own["PATH"], own["TERM"], own["PWD"] = e.path(), "dumb", dir
	return own
}

func passes(name string) bool {
	return strings.HasPrefix(name, "LC_") || slices.Contains([]string{"HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TMPDIR", "TZ"}, name)
}

// path is the PATH of this process, in which a command is found and which it
// gets.
func (e Errands) path() string {
	found := ""
	for _, variable := range e.Environ {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			found = value
		}
	}
	return cmp.Or(found, "/usr/local/bin:/usr/bin:/bin")
}
