package main

import (
	"os"
	"runtime"

	"scrim/internal/errand"
	"scrim/internal/handover"
	"scrim/internal/launch"
	"scrim/redact"
)

// errands is what a server runs commands with.
func errands(redactor *redact.Redactor) launch.Errands {
	dir, _ := os.Getwd() // without one every call must say where
	return launch.Errands{Supervisor: itself("errand"), Environ: os.Environ(), Dir: dir, Redactor: redactor}
}

// files are what a server hands values over in.
func files() *handover.Files { return &handover.Files{Keeper: itself("keep")} }

// itself is how this program is started for a part of a server's work. On Linux it
// is the very file that runs now, whatever has come to its path since.
func itself(part string) []string {
	self := "/proc/self/exe"
	if runtime.GOOS != "linux" {
		var err error
		if self, err = os.Executable(); err != nil {
			return nil // then no command is run, and no file written
		}
	}
	return []string{self, part}
}

// ErrandCmd is the hidden `scrim errand`, a part of `scrim serve`.
type ErrandCmd struct{}

// Run watches over the command until nothing of it is left.
func (ErrandCmd) Run(*cli) error { return exitError(errand.Supervise()) }

// KeepCmd is the hidden `scrim keep`, a part of `scrim serve`.
type KeepCmd struct{}

// Run removes one file with a value when its time is over or the server is gone.
func (KeepCmd) Run(*cli) error { return exitError(handover.Keep()) }
