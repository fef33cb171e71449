//go:build linux || darwin

package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
)

// sgr is what colours.
var sgr = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestAuditOnATerminal is a matrix in 80 columns, and a question that a no and an
// interrupt answer with nothing written.
func TestAuditOnATerminal(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	d := sitBy(t, w.cmd(t.Context(), "--projects", "p0?"))
	d.sees(`PROJECT +1 2 3 4 5 6\s`)
	d.sees(`p00 .*=.*=.*-.*=.*x.*=`)
	d.sees(`p07 .*s.*=.*=.*=.*=.*=`)
	d.sees(`6 SHARED_5`)
	d.sees(`missing`)
	d.leaves(1)
	for line := range strings.SplitSeq(d.text(), "\r\n") {
		if cells(sgr.ReplaceAllString(line, "")) > 80 {
			t.Errorf("%q is wide", line)
		}
	}
	for keys, code := range map[string]int{"\n": 4, "no\n": 4, "\x03": 130} {
		d := sitBy(t, w.cmd(t.Context(), "--fix"))
		d.sees(`SHARED_2 +created`)
		d.sees(`Write \d+ secrets\? \[y/N\] `)
		d.types(keys)
		d.leaves(code)
		w.noTrace(d.text())
	}
	if w.writes() != 0 {
		t.Errorf("%d writes without a yes", w.writes())
	}
	d = sitBy(t, w.cmd(t.Context(), "--fix", "--projects", "p00"))
	d.sees(`Write 2 secrets\? \[y/N\] `)
	d.types("y\n")
	d.sees(`SHARED_4 +written`)
	d.leaves(0)
	w.noTrace(d.text())
}

// TestAuditIsInterrupted: after Ctrl-C it says what became of each copy, and is run
// again.
func TestAuditIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	w.store.Faults().Add(devstore.Fault{Kind: devstore.Slow, Delay: 20 * time.Millisecond})
	cmd := w.cmd(t.Context(), "--fix", "--yes")
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); w.writes() == 0 && time.Since(begun) < 20*time.Second; {
		time.Sleep(time.Millisecond) // the other process writes: nothing here can be waited on
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its exit code is looked at
	w.noTrace(out.String() + talk.String())
	if code := cmd.ProcessState.ExitCode(); code != 130 || strings.Count(out.String(), "\n") != len(w.planted)+1 || !strings.Contains(out.String(), "as it was") {
		t.Errorf("exit code %d: %s%s", code, &out, &talk)
	}
	w.store.Faults().Clear()
	if _, stderr, code := w.run("--fix", "--yes"); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(w.sound, w.holds()); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
}
