package main

import (
	"context"
	"io"
)

// cli is the world as a command sees it. Commands write data to stdout and
// talk to stderr.
type cli struct {
	ctx    context.Context // ends on an interrupt
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	args   []string // the command line

	verbose bool // -v: say what is tried
}

// verboseFlag is -v.
type verboseFlag bool

// AfterApply notes that it was given.
func (verboseFlag) AfterApply(c *cli) error { //nolint:unparam // kong wants an error
	c.verbose = true
	return nil
}
