//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package errand

import (
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// harden keeps this process and the command from leaving values in a core dump.
func harden() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) }

// adopt does nothing: a process that leaves its session is nobody's here.
func adopt() error { return nil }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// program returns what to execute: the path, since these systems run no
// descriptor.
func program(path string) (string, []uintptr) { return path, []uintptr{0, 1, 2} }

// openDir opens the directory at path, which is absolute. A link that has got into
// it since is an error, unless it does in the very moment.
func openDir(path string) (*os.File, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if resolved != path {
		return nil, unix.ELOOP
	}
	return os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0) //nolint:gosec // G304: the directory that a person said yes to
}

// signalAll signals the command's process group.
func signalAll(command int, s unix.Signal) { _ = unix.Kill(-command, s) }

// endWriters does nothing: these systems do not say who has a pipe.
func endWriters(...*os.File) {}

// slay ends a supervisor that was kept from its work, and the command's group.
func slay(supervisor, command int) {
	if command > 0 {
		endGroup(command)
	}
	_ = unix.Kill(supervisor, unix.SIGKILL)
}
