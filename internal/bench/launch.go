package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// launches is how often each is measured; the best counts.
const launches = 20

// measureLaunches measures `scrim run` with a store in another city, and with one
// that is farther away or takes longer.
func measureLaunches(out io.Writer, dir string) error {
	for _, delay := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond} {
		if err := measureLaunch(out, dir, delay); err != nil {
			return err
		}
	}
	return nil
}

// measureLaunch sets `scrim run`, to the end of a program that does nothing,
// beside the round trips to the store that it cannot do without: a login, and
// then the project's own path and staging at the same time. The store takes
// delay for each answer.
func measureLaunch(out io.Writer, dir string, delay time.Duration) error {
	seed := devstore.Seed{Environments: map[string]map[string]map[string]string{
		"dev": {"/alpha": {"NAME": "made-up-value-1"}, "/alpha/staging": {"OTHER": "made-up-value-2"}, "/alpha/vault": {}, "/shared": {}},
	}}
	held := devstore.New(devstore.Options{Seed: seed})
	id, key := held.AddIdentity(devstore.Identity{Name: "bench", Rules: devstore.MayRead()})
	served, err := devstore.Serve(context.Background(), "127.0.0.1:0", held)
	if err != nil {
		return err
	}
	defer served.Close()
	held.Faults().Add(devstore.Fault{Kind: devstore.Slow, Delay: delay})
	var trips, runs []time.Duration
	for range launches {
		trip, err := roundTrips(served.URL(), held.ProjectID(), id, key)
		if err != nil {
			return err
		}
		trips = append(trips, trip)
		cmd := exec.CommandContext(context.Background(), filepath.Join(dir, "scrim"), "run", "alpha", "--env", "dev", "--", "true") //nolint:gosec // G204: our own program
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=/usr/bin:/bin", "HOME=" + dir, "INFISICAL_API_URL=" + served.URL(), "SCRIM_PROJECT_ID=" + held.ProjectID(),
			"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
		}
		begun := time.Now()
		if said, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("scrim run: %w: %s", err, said)
		}
		runs = append(runs, time.Since(begun))
	}
	trip, run := slices.Min(trips), slices.Min(runs)
	_, err = fmt.Fprintf(out, "scrim run, %v a request: %.1f ms to the end of true; the store's own round trips: %.1f ms; %.2f times\n",
		delay, ms(run), ms(trip), ratio(run, trip))
	return err
}

// roundTrips returns how long a login and two lists at once take.
func roundTrips(site, project, id, key string) (time.Duration, error) {
	client, err := infisical.New(infisical.Options{
		Site: site, ProjectID: project, Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	var lists sync.WaitGroup
	var failed [2]error
	for i, path := range []string{"/alpha", "/alpha/staging"} {
		lists.Go(func() { _, failed[i] = client.List(context.Background(), "dev", path, "") })
	}
	lists.Wait()
	for _, err := range failed {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}
