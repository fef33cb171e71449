//go:build unix

package rundir

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// All lists where the folder may be, the best first: folders that are in memory,
// that are the user's own, and that are found without any variable, since some
// clients pass none to a server. Not all are there, or fit for use: see Check.
func All() []string {
	uid := strconv.Itoa(os.Getuid())
	return []string{
		filepath.Join("/run/user", uid, "scrim"),
		"/dev/shm/scrim-" + uid,
		"/tmp/scrim-" + uid,
	}
}

// Make returns the first of All that is there or can be made.
func Make() (string, error) {
	var failed []error
	for _, dir := range All() {
		if err := Use(dir); err != nil {
			failed = append(failed, err)
			continue
		}
		return dir, nil
	}
	return "", fmt.Errorf("make a folder for what runs: %w", errors.Join(failed...))
}

// Use makes dir where it is not there, and checks it.
func Use(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return Check(dir)
}

// Check reports whether dir is a folder that only this user has the use of.
func Check(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || !IsOurs(info) || info.Mode().Perm() != 0o700 {
		return fmt.Errorf("%s is not a folder of yours with mode 0700", dir)
	}
	return nil
}

// IsOurs reports whether a file belongs to this user.
func IsOurs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// Listen listens on a socket at path, which is in the folder and whose old one is
// replaced.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	_ = os.Remove(path)
	var listening net.ListenConfig
	l, err := listening.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// Peer returns the process of this user at the other end of c. Another user's
// is an error.
func Peer(c net.Conn) (pid int, err error) {
	uid, pid, err := Who(c)
	if err != nil {
		return 0, err
	}
	if uid != os.Getuid() {
		return 0, errors.New("another user is at the other end")
	}
	return pid, nil
}

// Who returns whose process is at the other end of c, whoever that is: of one that
// was dialled, who began to listen there.
func Who(c net.Conn) (uid, pid int, err error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return peer(socket)
}
