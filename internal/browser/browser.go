// Package browser shows a page to the person at this machine.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Why nobody can be shown a page.
var (
	ErrRemote    = errors.New("this is another machine's terminal, over SSH")
	ErrNoDisplay = errors.New("this machine has no display here")
)

// Here returns why a browser that is started now shows nothing to the person who
// types, or nil. A page of this machine is no page of the one that they sit at.
func Here(getenv func(string) string) error { return here(runtime.GOOS, getenv) }

func here(system string, getenv func(string) string) error {
	if getenv("SSH_CONNECTION") != "" || getenv("SSH_TTY") != "" {
		return ErrRemote
	}
	switch system {
	case "windows", "darwin":
		return nil
	}
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return ErrNoDisplay
	}
	return nil
}

// openTime is how long the system's opener is waited for. One that takes longer
// has become the browser.
const openTime = 5 * time.Second

// Open has the system open address in the person's browser. It returns when the
// system took it, which is before anything is seen. The browser outlives ctx.
func Open(ctx context.Context, address string) error {
	name, args := opener(runtime.GOOS, address)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...) //nolint:gosec // G204: the system's own program, and an address that scrim made
	cmd.Env = slices.DeleteFunc(os.Environ(), isCredential)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open a browser: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("open a browser: %s: %w", name, err)
		}
		return nil
	case <-time.After(openTime):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// isCredential reports whether a variable is one that a process needs to read
// secrets, and a browser does not.
func isCredential(variable string) bool { return strings.HasPrefix(variable, "INFISICAL_") }

// opener is the system's command for it.
func opener(system, address string) (name string, args []string) {
	switch system {
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler", address}
	case "darwin":
		return "open", []string{address}
	default:
		return "xdg-open", []string{address}
	}
}
