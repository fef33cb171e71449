package rundir

import "golang.org/x/sys/unix"

// InMemory reports whether what is in dir is kept in memory, by what the system
// says of its filesystem and not by its name. Memory can be swapped to disk.
func InMemory(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return false
	}
	return fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC
}
