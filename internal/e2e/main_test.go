package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// scrimBin is the binary under test. TestMain sets it before any test runs.
var scrimBin string

// TestMain builds scrim once. Started as "e2e.test tee FILE" the same binary is
// the recorder that clients start in the server's place, and with forge-session
// it is a session that no launcher began.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == teeMode {
		os.Exit(tee(os.Args[2]))
	}
	if len(os.Args) > 4 && os.Args[1] == forgeMode {
		os.Exit(forge(os.Args[2:]))
	}
	if len(os.Args) == 2 && os.Args[1] == listenMode {
		os.Exit(listenUp())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "scrim-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: make a directory for the binary:", err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory

	if scrimBin, err = binary(dir); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	for _, line := range leftOut() {
		fmt.Fprintln(os.Stderr, "e2e: left out:", line)
	}
	return m.Run()
}

func binary(dir string) (string, error) {
	if bin := os.Getenv("SCRIM_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	bin := filepath.Join(dir, "scrim")
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	build := exec.Command("go", "build", "-o", bin, "scrim/cmd/scrim") //nolint:noctx // go test's own time limit bounds it
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build scrim: %w", err)
	}
	return bin, nil
}
