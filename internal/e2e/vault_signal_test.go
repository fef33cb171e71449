//go:build unix

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// TestVaultProbeInterrupted sends a probe each signal that asks it to end, while its
// throw-away secret is there: it removes it first. Killed, the next probe does.
func TestVaultProbeInterrupted(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			k := newVaultWorld(t, devstore.Options{})
			k.hangsAt(4, false) // the list of the project
			cmd := k.command(t, "vault", "probe")
			var out strings.Builder
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-k.hanging:
			case <-time.After(time.Minute):
				t.Fatal("it does not get that far")
			}
			if k.throwAways() != 1 {
				t.Error("there is no throw-away secret yet")
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 130 || k.throwAways() != 0 || !strings.Contains(out.String(), "removed it again") {
				t.Errorf("it ends with %d, and leaves %d throw-away secrets\n%s", code, k.throwAways(), &out)
			}
			k.silent(t, out.String())
		})
	}
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		k := newVaultWorld(t, devstore.Options{})
		k.killed(5, true, "vault", "probe")
		if k.throwAways() != 1 {
			t.Fatalf("%d throw-away secrets", k.throwAways())
		}
		lookalike := "SCRIM_PROBE_" + strings.Repeat("B", 26)
		k.store.Set("prod", "/alpha/vault", lookalike, "made-up, and a person's own")
		r := k.run(t, "vault", "probe")
		if r.code != 0 || strings.Count(r.stdout, "note    removed prod:/alpha/vault/SCRIM_PROBE_") != 1 || k.held("/alpha/vault")[lookalike] == "" || k.throwAways() != 1 {
			t.Errorf("%+v", r)
		}
	})
}
