package main

import "fmt"

// exitError is an error that only carries the process's exit code: whatever
// had to be said has been said.
type exitError int

// The exit codes that are scrim's own. A child's code passes through.
const (
	errFound exitError = 1 // the check found something
	errUsage exitError = 2 // usage or configuration
	errStore exitError = 3 // the store or the identity refused
)

// signalled is added to the number of the signal that ended a child.
const signalled = 128

// Error names the code.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
