//go:build unix

package outpost

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// believed returns whose socket lies at path, and where that is with links
// resolved. It is an error where it is this user's own, or where this user or a
// third one could have put something else in its place.
func believed(link string) (path string, owner int, err error) {
	path, err = filepath.EvalSymlinks(link)
	if err != nil {
		return "", 0, fmt.Errorf("the verifier's socket: %w", cause(err))
	}
	info, err := os.Lstat(path)
	if err != nil {
		return "", 0, fmt.Errorf("the verifier's socket: %w", cause(err))
	}
	owner = uidOf(info)
	switch {
	case info.Mode().Type() != fs.ModeSocket:
		return "", 0, fmt.Errorf("the verifier %s is no socket", path)
	case owner == os.Geteuid():
		return "", 0, fmt.Errorf("the verifier's socket %s is this user's own, so that any process of this user could be behind it: it has to be another user's", path)
	}
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if err := checkFolder(dir, owner, dir == filepath.Dir(path)); err != nil {
			return "", 0, err
		}
		if dir == filepath.Dir(dir) {
			return path, owner, nil
		}
	}
}

// checkFolder refuses a folder in which somebody but owner and root may put things.
// Further up a folder such as /tmp will do, in which nobody moves what is not theirs.
func checkFolder(dir string, owner int, holds bool) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("the folder of the verifier's socket: %w", cause(err))
	}
	who, us := uidOf(info), os.Geteuid()
	sticky := info.Mode()&fs.ModeSticky != 0 && !holds
	switch {
	case who == us && (holds || us != 0):
		return fmt.Errorf("%s, on the way to the verifier's socket, is this user's own: it has to be of the user who serves, or root's", dir)
	case who != owner && who != 0:
		return fmt.Errorf("%s, on the way to the verifier's socket, belongs to a third user", dir)
	case info.Mode().Perm()&0o022 != 0 && !sticky:
		return fmt.Errorf("%s, on the way to the verifier's socket, may be written to by others: its owner has to run chmod go-w on it", dir)
	}
	return nil
}

// checkOwnFolder refuses a folder in which another user could put a socket in the
// place of this user's.
func checkOwnFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fmt.Errorf("the folder of the socket: %w", cause(err))
	case !info.IsDir() || uidOf(info) != os.Geteuid():
		return fmt.Errorf("%s is no folder of yours: make one that is, with mode 0755", dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write to %s: run chmod go-w on it", dir)
	}
	return nil
}

func uidOf(info fs.FileInfo) int {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return os.Geteuid() // and so refused
	}
	return int(stat.Uid)
}

// cause keeps the path, and drops the name of the system's call.
func cause(err error) error {
	if where, ok := err.(*fs.PathError); ok { //nolint:errorlint // as the system's calls give it
		return fmt.Errorf("%s: %w", where.Path, where.Err)
	}
	return err
}
