//go:build unix

package e2e

import (
	"os/exec"
	"syscall"
)

// alone starts cmd without the terminal that go test may have.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
