//go:build unix

package keychain

import (
	"os/exec"
	"syscall"
)

// alone starts cmd in a session of its own, without this process's terminal,
// and ends whatever it started with it.
func alone(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
