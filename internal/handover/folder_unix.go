//go:build unix

package handover

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"scrim/internal/rundir"
)

func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// claim makes a folder, and locks it for as long as what is returned is open,
// here or in a child that has it.
func claim(path string) (*os.File, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	return lockFolder(path)
}

// lockFolder locks a folder that is there, is the user's, and is nobody's.
func lockFolder(path string) (*os.File, error) {
	folder, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0) //nolint:gosec // G304: in a folder of our own
	if err != nil {
		return nil, err
	}
	if err := holds(folder, path); err != nil {
		_ = folder.Close()
		return nil, err
	}
	return folder, nil
}

// holds locks folder, and checks that it is what is at path: another process may
// have removed it until it was locked.
func holds(folder *os.File, path string) error {
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return os.NewSyscallError("flock", err)
	}
	opened, err := folder.Stat()
	if err != nil {
		return err
	}
	there, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !os.SameFile(opened, there) || !rundir.IsOurs(opened) || opened.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a folder of yours with mode 0700", path)
	}
	return nil
}

// create makes a file that was not there, whatever the process's mask says.
func create(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600) //nolint:gosec // G304: in a folder of our own
	if err != nil {
		return nil, err
	}
	if err := file.Chmod(0o600); err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// reopen opens a file of the user's to be overwritten. One that has another name
// as well may be anything: it is only removed.
func reopen(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // G304: in a folder of our own
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Nlink != 1 || !info.Mode().IsRegular() || !rundir.IsOurs(info) {
			err = errors.New("it is not a file of yours alone")
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}
