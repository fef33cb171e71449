//go:build unix

package main

import "runtime/debug"

// hardenFilter is hardenProcess for a process that runs commands: a limit on
// core dumps would be the command's too.
func hardenFilter() {
	debug.SetTraceback("none")
	denyInspection()
}
