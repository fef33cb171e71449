//go:build unix

package session

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"scrim/internal/rundir"
)

// maxRecord bounds a record, in bytes.
const maxRecord = 8 << 20

// writeFile makes the file name with data, in one step.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// readFile returns the content of a file that only this user can write.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // G304: in a folder of our own
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || !rundir.IsOurs(info) || info.Mode().Perm() != 0o600 {
		return nil, errors.New("it is not a file of yours with mode 0600")
	}
	return io.ReadAll(io.LimitReader(f, maxRecord))
}
