//go:build !linux

package e2e

// listenUp is of no use on this system.
func listenUp() int { return 1 }
