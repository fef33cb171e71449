package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// openAppend opens path to read and append, and creates it.
func openAppend(path string) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: move it away", path)
	}
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600) //nolint:gosec // G304: the trail's path comes from the user's own environment
}

// openRead opens path to read.
func openRead(path string) (*os.File, error) {
	return os.Open(path) //nolint:gosec // G304: as openAppend
}

// checkOwned accepts everything: the profile directory's access list guards
// the file here, and modes say nothing.
func checkOwned(string, fs.FileInfo, fs.FileMode) error { return nil }

// lockOffset is far behind any content, since a lock here keeps readers out.
const lockOffset = 1 << 30

// tryLock takes the lock on f, and reports false where another has it.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return true, nil
}

// unlock gives back what tryLock took.
func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: lockOffset})
}

// syncDir does nothing: directories cannot be synced here.
func syncDir(string) error { return nil }
