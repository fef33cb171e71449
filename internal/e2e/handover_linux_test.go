package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/rundir"
)

// handedOver has a value delivered in a file, and returns the file's path.
func (w *wire) handedOver(name, value string) string {
	w.t.Helper()
	q := w.askBy("get_vault_secret", map[string]any{"name": name, "purpose": "pay the people", "delivery": "file"})
	if !strings.Contains(q.text, "every process of yours can read that file") {
		w.t.Errorf("the question does not say who can read it: %q", q.text)
	}
	read := w.answer(q, approve)
	if read.Facts.Status != "approved" || read.Facts.Value != "" || read.Facts.File == "" || read.Facts.ExpiresAt == "" {
		w.fatalf("no file: %+v", read.Facts)
	}
	got, err := os.ReadFile(read.Facts.File)
	if err != nil || string(got) != value {
		w.t.Errorf("the file holds %q, want %q: %v", got, value, err)
	}
	return read.Facts.File
}

// wantGone expects a file to go, with its folder, within a while.
func wantGone(t *testing.T, path string) {
	t.Helper()
	for range 1000 {
		if _, err := os.Lstat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	t.Errorf("%s is there", path)
}

// TestFileDelivery: the file has the value byte for byte and is the user's alone,
// in memory; the server says the value nowhere; at its end the file is gone.
func TestFileDelivery(t *testing.T) {
	t.Parallel()
	for _, version := range []string{legacy, modern} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := open(t, devRig(t), version, canAsk)
			var paths []string
			for _, name := range []string{"SIGNING_SHEET", "PAYOUT_PHRASE", "RECOVERY_WORDS"} {
				path := w.handedOver(name, seeded[name])
				for path, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
					if info, err := os.Lstat(path); err != nil || info.Mode() != want {
						t.Errorf("%s: %v %v", path, info.Mode(), err)
					}
				}
				if !rundir.InMemory(path) {
					t.Errorf("%s is on a disk", path)
				}
				w.echo(seeded[name])
				paths = append(paths, path)
			}
			if denied := w.answer(w.askBy("get_vault_secret", map[string]any{"name": "SPARE_PHRASE", "purpose": "p", "delivery": "file"}), deny); denied.Facts.Status != "denied" || denied.Facts.File != "" {
				t.Errorf("a no: %+v", denied.Facts)
			}
			w.end(nothing)
			for _, path := range paths {
				wantGone(t, path)
			}
		})
	}
}

// TestFileAtTheServersEnd ends the server in every way that it can tell, and in
// one that it cannot.
func TestFileAtTheServersEnd(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := open(t, storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod"), legacy, canAsk)
			path := w.handedOver("PAYOUT_PHRASE", seeded["PAYOUT_PHRASE"])
			if err := w.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			wantGone(t, path)
			_ = w.stdin.Close()
			w.drain()
			_ = w.cmd.Wait() // each signal has its own code
			w.check(nothing)
		})
	}
}

// TestFilesOfOthers: a server that starts removes what one left behind that was
// killed with its keeper, and nothing of one that lives.
func TestFilesOfOthers(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	start := func() *wire {
		return open(t, storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod"), legacy, canAsk)
	}
	lives, dies := start(), start()
	kept := lives.handedOver("PAYOUT_PHRASE", seeded["PAYOUT_PHRASE"])
	left := dies.handedOver("SPARE_PHRASE", seeded["SPARE_PHRASE"])
	keepers := children(t, dies.cmd.Process.Pid, "keep")
	if len(keepers) != 1 {
		t.Fatalf("%d keepers", len(keepers))
	}
	for _, pid := range append(keepers, dies.cmd.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	dies.drain()
	_ = dies.cmd.Wait()
	next := start()
	wantGone(t, left)
	if got, err := os.ReadFile(kept); err != nil || string(got) != seeded["PAYOUT_PHRASE"] {
		t.Errorf("the file of a server that lives holds %q: %v", got, err)
	}
	next.end(nothing)
	lives.end(nothing)
	wantGone(t, kept)
	dies.check(nothing)
}

// children returns the processes that a process started with this as their last
// argument.
func children(t *testing.T, parent int, argument string) []int {
	t.Helper()
	var found []int
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it has ended
		}
		var state string
		var ppid int
		if _, err := fmt.Sscan(string(stat[bytes.LastIndexByte(stat, ')')+1:]), &state, &ppid); err != nil || ppid != parent {
			continue
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if words := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00"); words[len(words)-1] == argument {
			found = append(found, pid)
		}
	}
	slices.Sort(found)
	return found
}
