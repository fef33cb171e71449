package e2e

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"
)

// ran is a command that has ended.
type ran struct {
	code           int
	stdout, stderr string
}

// command returns scrim with arguments, in a rig's environment.
func (r rig) command(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), scrimBin, arguments...)
	cmd.Env, cmd.Dir = r.env, r.home
	alone(cmd)
	return cmd
}

// run runs scrim to its end, and fails the test if what it wrote, or left on disk,
// has in it what must not show.
func (r rig) run(t *testing.T, arguments ...string) ran {
	t.Helper()
	cmd := r.command(t, arguments...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	r.silent(t, out.String(), talk.String())
	return ran{cmd.ProcessState.ExitCode(), out.String(), talk.String()}
}

// silent fails the test if the texts, or the files of the rig, have in them what must
// not show.
func (r rig) silent(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, one := range append(strands([]byte(text)), text) {
			if found := leaks(one, r.forbidden); found != nil {
				t.Errorf("%v shows in %.400q", found, one)
				break
			}
		}
	}
	checkFiles(t, r.home, r.forbidden)
}
