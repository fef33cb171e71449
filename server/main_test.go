package server_test

import (
	"os"
	"testing"

	"scrim/internal/errand"
)

// TestMain lets this program watch over a command, as scrim does.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == supervise {
		os.Exit(errand.Supervise())
	}
	os.Exit(m.Run())
}

const supervise = "supervise"
