//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
)

// mostMemory returns the most that an ended process had resident, in MB, or 0 where
// the system does not say.
func mostMemory(ended *os.ProcessState) float64 {
	usage, ok := ended.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin": // bytes there, and KiB elsewhere
		return float64(usage.Maxrss) / (1 << 20)
	default:
		return float64(usage.Maxrss) / (1 << 10)
	}
}
