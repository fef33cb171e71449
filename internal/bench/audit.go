package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"scrim/internal/devstore"
)

// measureAudits measures `scrim audit` over few projects and over many, with a store
// that takes 20 ms for each answer: how long, beside one request after the other, and
// how much memory.
func measureAudits(out io.Writer, dir string) error {
	for _, projects := range []int{50, 500} {
		if err := measureAudit(out, dir, projects, 20, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func measureAudit(out io.Writer, dir string, projects, names int, delay time.Duration) error {
	shared := map[string]string{}
	for i := range names {
		shared["NAME_"+strconv.Itoa(i)] = fmt.Sprintf("made-up-value-%032x", i*7919)
	}
	folders := map[string]map[string]string{"/shared": shared}
	for i := range projects {
		folders["/p"+strconv.Itoa(i)] = shared
	}
	held := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": folders}}})
	id, key := held.AddIdentity(devstore.Identity{Name: "bench", Rules: devstore.MayRead()})
	served, err := devstore.Serve(context.Background(), "127.0.0.1:0", held)
	if err != nil {
		return err
	}
	defer served.Close()
	held.Faults().Add(devstore.Fault{Kind: devstore.Slow, Delay: delay})
	var took []time.Duration
	var memory float64
	for range 3 {
		held.ForgetRequests()
		cmd := exec.CommandContext(context.Background(), filepath.Join(dir, "scrim"), "audit") //nolint:gosec // G204: our own program
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=/usr/bin:/bin", "HOME=" + dir, "INFISICAL_API_URL=" + served.URL(), "SCRIM_PROJECT_ID=" + held.ProjectID(), "PROJECT_ENV=prod",
			"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
		}
		begun := time.Now()
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("scrim audit: %w: %s", err, said)
		}
		took = append(took, time.Since(begun))
		memory = max(memory, mostMemory(cmd.ProcessState))
	}
	requests := len(held.Requests())
	_, err = fmt.Fprintf(out, "scrim audit, %d projects x %d names, %v a request: %.1f s for %d requests, which take %.1f s one after the other; %.1f MB at most\n",
		projects, names, delay, slices.Min(took).Seconds(), requests, (time.Duration(requests) * delay).Seconds(), memory)
	return err
}
