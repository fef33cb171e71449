package main

import (
	"fmt"
	"syscall"
)

// exitError is an error that only carries the process's exit code: whatever
// had to be said has been said.
type exitError int

// The exit codes that are scrim's own. A child's code passes through.
const (
	errFound exitError = 1 // the check found something
	errUsage exitError = 2 // usage, configuration, or whatever else kept a command from its work
	errStore exitError = 3 // the store or the identity refused

	errNotApproved exitError = 4 // a person did not say yes
)

// signalled is added to the number of a signal that ended the work.
const signalled = 128

const (
	errInterrupted = signalled + exitError(syscall.SIGINT)
	errNoReader    = signalled + exitError(syscall.SIGPIPE) // whoever read stdout has gone
)

// Error names the code.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
