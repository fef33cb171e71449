//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package child

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// run runs the command on pipes: there are no terminals to be had here, so a
// program sees none, and leaves out colours and progress bars.
func run(ctx context.Context, c Command, path string) (int, error) { return runHere(ctx, c, path) }

// Lead is of no use on this system.
func Lead([]string) int { return NotExecutable }

func sideTerminal(*os.File) (ours, theirs *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

func copySize(_, _ *os.File) {}

// errHungUp is what reading a terminal would fail with.
const errHungUp = syscall.EIO
