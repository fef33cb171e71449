package rundir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scrim/internal/rundir"
)

// TestInMemory compares what is said of each filesystem that is mounted here with
// what the kernel's list says, and is not taken in by a name.
func TestInMemory(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{} // the last that is mounted at a point is what is seen there
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); len(fields) > 2 {
			kinds[fields[1]] = fields[2]
		}
	}
	compared := 0
	for point, kind := range kinds {
		if kind == "autofs" || strings.HasPrefix(kind, "fuse") || kind == "overlay" {
			continue // looking at one may mount another
		}
		if _, err := os.Stat(point); err != nil {
			continue
		}
		compared++
		want := kind == "tmpfs" || kind == "ramfs" || kind == "devtmpfs" || kind == "rootfs"
		if kind != "rootfs" && rundir.InMemory(point) != want {
			t.Errorf("%s (%s): in memory is %v", point, kind, !want)
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
	named := filepath.Join("/proc", "self", "cwd", "shm") // a name says nothing
	if rundir.InMemory(named) || rundir.InMemory("/proc") || rundir.InMemory("") {
		t.Error("what is no memory, or not there, counts as memory")
	}
}
