//go:build unix

package ownfile

import (
	"io/fs"
	"os"
	"syscall"
)

const (
	openWithoutWaiting = syscall.O_NONBLOCK | syscall.O_CLOEXEC
	openNoLink         = syscall.O_NOFOLLOW
)

// knowsOwners reports whether this system can say who may read a file.
const knowsOwners = true

// ownership returns whose file this is.
func ownership(info fs.FileInfo) owner {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return unknowable
	case int(stat.Uid) != os.Geteuid():
		return theirs
	}
	return ours
}

// ChangeableByOthers reports whether somebody but this user and root can
// change the file.
func ChangeableByOthers(info fs.FileInfo) bool {
	if info.Mode().Perm()&0o022 != 0 {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return !ok || stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}
