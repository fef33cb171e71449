package main

import (
	"os"
	"runtime"

	"scrim/internal/errand"
	"scrim/internal/launch"
	"scrim/redact"
)

// errands is what a server runs commands with.
func errands(redactor *redact.Redactor) launch.Errands {
	dir, _ := os.Getwd() // without one every call must say where
	return launch.Errands{Supervisor: supervisor(), Environ: os.Environ(), Dir: dir, Redactor: redactor}
}

// supervisor is how this program is started to watch over a command. On Linux it
// is the very file that runs now, whatever has come to its path since.
func supervisor() []string {
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if self, err = os.Executable(); err != nil {
			return nil // then no command is run
		}
	}
	return []string{self, "errand"}
}

// ErrandCmd is the hidden `scrim errand`, a part of `scrim serve`.
type ErrandCmd struct{}

// Run watches over the command until nothing of it is left.
func (ErrandCmd) Run(*cli) error { return exitError(errand.Supervise()) }
