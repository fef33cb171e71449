package handover_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrim/internal/rundir"
)

// TestMemoryIsPreferred: a place in memory is taken before one on a disk that is
// named first, and a disk is said to be one.
func TestMemoryIsPreferred(t *testing.T) {
	t.Parallel()
	memory, err := os.MkdirTemp("/dev/shm", "scrim-test-") //nolint:usetesting // in memory, wherever TMPDIR is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(memory) })
	if !rundir.InMemory(memory) {
		t.Fatal("/dev/shm is not in memory here")
	}
	disk := filepath.Join(onDisk(t), "scrim")
	f := filesAt(disk, memory)
	if file := put(t, f, value); file.OnDisk || !strings.HasPrefix(file.Path, memory) {
		t.Errorf("with memory: %+v", file)
	}
	f.Close()
	f = filesAt(disk)
	if file := put(t, f, value); !file.OnDisk || !strings.HasPrefix(file.Path, disk) {
		t.Errorf("without memory: %+v", file)
	}
	f.Close()
}

// onDisk returns a folder that is not in memory: the one of this test's source,
// where temporary folders are in memory.
func onDisk(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"", "."} {
		made, err := os.MkdirTemp(dir, "scrim-test-") //nolint:usetesting // or beside this file
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(made) })
		if !rundir.InMemory(made) {
			return made
		}
	}
	t.Fatal("there is no disk here")
	return ""
}
