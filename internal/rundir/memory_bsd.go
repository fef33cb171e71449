//go:build darwin || freebsd || dragonfly

package rundir

import "golang.org/x/sys/unix"

// InMemory reports whether what is in dir is kept in memory, by what the system
// says of its filesystem and not by its name. Memory can be swapped to disk. A
// disk that somebody made of memory counts as one of disk: nothing tells it.
func InMemory(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return false
	}
	return unix.ByteSliceToString(fs.Fstypename[:]) == "tmpfs"
}
