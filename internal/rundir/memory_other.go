//go:build !linux && !darwin && !freebsd && !dragonfly

package rundir

// InMemory cannot tell on this system.
func InMemory(string) bool { return false }
