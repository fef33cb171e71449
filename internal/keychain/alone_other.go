//go:build !unix

package keychain

import "os/exec"

// alone leaves cmd as it is: this system has no sessions.
func alone(*exec.Cmd) {}
