package main

import "fmt"

// exitStatus is an error that only carries the process's exit code: whatever
// had to be said has been said.
type exitStatus int

// The exit codes that are scrim's own. A child's code passes through.
const (
	exitFound   exitStatus = 1 // the check found something
	exitUsage   exitStatus = 2 // usage or configuration
	exitStore   exitStatus = 3 // the store or the identity refused
	exitDenied  exitStatus = 4 // not approved
	exitSignals exitStatus = 128
)

// Error names the code.
func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
