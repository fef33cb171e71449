// Package keychain tells whether the user's keychain of macOS is locked, as it
// is over SSH, and has the system's own program ask for its password.
//
// This process never has the password: it does not read it, pass it on or
// write it. What the program prints while its state is looked at is dropped.
package keychain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

// programName is the system's own program for keychains, security(1). A system
// without it has no keychain.
const programName = "security"

// interactionNotAllowed is the exit code for errSecInteractionNotAllowed
// (-25308, of which the system keeps the low eight bits): to answer, the
// program would have to ask for the password in a window, and over SSH there
// is none.
const interactionNotAllowed = 36

// How long the program may take to say whether the keychain is locked, and to
// end once it is asked to.
const (
	stateTime = 3 * time.Second
	endTime   = 2 * time.Second
)

// State is what is known of the keychain.
type State int

// The states.
const (
	Unknown State = iota // and an error says why
	Absent               // this system has none
	Unlocked
	Locked
)

// String returns the state in a word.
func (s State) String() string {
	switch s {
	case Absent:
		return "absent"
	case Unlocked:
		return "unlocked"
	case Locked:
		return "locked"
	default:
		return "unknown"
	}
}

// Options make a Keychain.
type Options struct {
	LookPath func(name string) (string, error) // as exec.LookPath
	Environ  []string                          // of this process
	Time     time.Duration                     // for State; stateTime where it is zero
}

// Keychain is the user's default keychain. The zero Keychain is absent.
type Keychain struct {
	program string // absolute; empty where there is none
	environ []string
	time    time.Duration
}

// New finds the keychain. A program in the working directory is not the
// system's.
func New(o Options) Keychain {
	path, err := o.LookPath(programName)
	if err != nil || !filepath.IsAbs(path) {
		return Keychain{}
	}
	return Keychain{path, passedOn(o.Environ), cmp.Or(o.Time, stateTime)}
}

// passedOn returns the variables that the program gets: those that say who and
// where the user is. No other is needed, and any other may hold a secret.
func passedOn(environ []string) []string {
	kept := []string{}
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains([]string{"PATH", "HOME", "USER", "LOGNAME", "TERM", "LANG", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY"}, name) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// State tells whether the keychain is locked, without asking anybody. An error
// comes with Unknown, and holds nothing of what the program printed.
func (k Keychain) State(ctx context.Context) (State, error) {
	if k.program == "" {
		return Absent, nil
	}
	ctx, cancel := context.WithTimeout(ctx, k.time)
	defer cancel()
	cmd := k.command(ctx, "show-keychain-info")
	alone(cmd)
	err := cmd.Run()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return Unlocked, nil
	case ctx.Err() != nil:
		return Unknown, fmt.Errorf("wait for %s: %w", cmd, ctx.Err())
	case !ended:
		return Unknown, fmt.Errorf("start %s: %w", cmd, err)
	case exit.ExitCode() != interactionNotAllowed:
		return Unknown, fmt.Errorf("run %s: %w", cmd, err)
	default:
		return Locked, nil
	}
}

// errAbsent says that there is nothing to unlock.
var errAbsent = errors.New("this system has no keychain")

// Unlock has the program ask for the password on the terminal, and returns nil
// where the keychain is unlocked then. Ctrl-C on the terminal and the end of ctx
// end the question. The terminal is left as it was.
func (k Keychain) Unlock(ctx context.Context, terminal *os.File) error {
	if k.program == "" {
		return errAbsent
	}
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		return fmt.Errorf("look at the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(terminal.Fd()), before) }() // a program that is killed leaves its echo off
	cmd := k.command(ctx, "unlock-keychain")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", cmd, err)
	}
	return nil
}

func (k Keychain) command(ctx context.Context, what string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, k.program, what) //nolint:gosec // G204: the system's program, with a fixed word
	cmd.Env, cmd.WaitDelay = k.environ, endTime
	return cmd
}
