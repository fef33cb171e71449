//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package errand

import (
	"os"
	"syscall"
)

const (
	nonBlocking = 0
	supported   = false
)

// Supervise starts nothing on this system: nothing here ends what a command has
// started.
func Supervise() int { return 126 }

func openDir(string) (*os.File, error) { return nil, ErrNotStarted }

func ownSession() *syscall.SysProcAttr { return nil }

func endGroup(int) {}

func slay(supervisor, _ int) {
	if p, err := os.FindProcess(supervisor); err == nil {
		_ = p.Kill()
	}
}

func endWriters(...*os.File) {}
