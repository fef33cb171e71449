//go:build unix

package session

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxRecord bounds a record, in bytes.
const maxRecord = 8 << 20

// dirs lists where records may be, the best first: folders that are in memory,
// that are the user's own, and that are found without any variable, since some
// clients pass none to a server.
func dirs() []string {
	uid := strconv.Itoa(os.Getuid())
	return []string{
		filepath.Join("/run/user", uid, "scrim"),
		"/dev/shm/scrim-" + uid,
		"/tmp/scrim-" + uid,
	}
}

// makeDir returns the first of dirs that is there or can be made.
func makeDir() (string, error) {
	var failed []error
	for _, dir := range dirs() {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			failed = append(failed, err)
			continue
		}
		if err := checkDir(dir); err != nil {
			failed = append(failed, err)
			continue
		}
		return dir, nil
	}
	return "", fmt.Errorf("make a folder for the session's record: %w", errors.Join(failed...))
}

// checkDir reports whether dir is a folder that only this user has the use of.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !isOurs(info) || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a folder of yours with mode 0700", dir)
	}
	return nil
}

func isOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

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
	if !info.Mode().IsRegular() || !isOurs(info) || info.Mode().Perm() != 0o600 {
		return nil, errors.New("it is not a file of yours with mode 0600")
	}
	return io.ReadAll(io.LimitReader(f, maxRecord))
}
