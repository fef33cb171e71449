//go:build unix

package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openAppend opens path to read and append, creates it, and follows no link.
func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW, 0o600) //nolint:gosec // G304: the trail's path comes from the user's own environment
}

// openRead opens path to read, follows no link, and does not wait for the other
// end of a pipe.
func openRead(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) //nolint:gosec // G304: as openAppend
}

// checkOwned refuses what belongs to somebody else or has a mode but want.
func checkOwned(path string, info fs.FileInfo, want fs.FileMode) error {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to you: move it away", path, stat.Uid)
	}
	if mode := info.Mode().Perm(); mode != want {
		return fmt.Errorf("%s has mode %04o: run chmod %o %s", path, mode, want, path)
	}
	return nil
}

// tryLock takes the advisory lock on f, and reports false where another has it.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return true, nil
}

// unlock gives back what tryLock took.
func unlock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_UN)
}

// syncDir makes a new file's name durable.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // G304: as openAppend
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
