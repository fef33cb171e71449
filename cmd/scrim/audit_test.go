package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// holdings is what a store has, by environment, path and name.
type holdings map[string]map[string]map[string]string

// auditWorld is a store with forty projects, of which some copies are missing and
// some differ, and the command beside it.
type auditWorld struct {
	t       *testing.T
	store   *devstore.Store
	client  *infisical.Client
	env     []string
	planted []string // "project name state"
	sound   holdings // what the store has once those are mended
	all     holdings // every value that it ever had
}

const auditedProjects = 40

func auditSeed() (seed, sound holdings, planted []string) {
	shared := map[string]string{}
	for i := range 6 {
		shared[fmt.Sprintf("SHARED_%d", i)] = word()
	}
	seed, sound = holdings{}, holdings{}
	for _, h := range []holdings{seed, sound} {
		h["prod"] = map[string]map[string]string{"/shared": shared, "/p00/deep": {"OTHER": word()}}
		h["dev"] = map[string]map[string]string{"/shared": {"SHARED_0": word()}, "/p00": {"SHARED_1": word()}}
	}
	sound["prod"]["/p00/deep"], sound["dev"] = seed["prod"]["/p00/deep"], seed["dev"]
	for i := range auditedProjects {
		name := fmt.Sprintf("p%02d", i)
		has := maps.Clone(shared)
		has["OWN_KEY"] = word()
		vault := map[string]string{"SHARED_5": word()}
		sound["prod"]["/"+name], sound["prod"]["/"+name+"/vault"] = maps.Clone(has), vault
		if i%3 == 0 {
			delete(has, "SHARED_2")
			planted = append(planted, name+" SHARED_2 missing")
		}
		if i%5 == 0 {
			has["SHARED_4"] = word()
			planted = append(planted, name+" SHARED_4 differs")
		}
		if i == 7 {
			has["SHARED_0"] = word() // on purpose
			sound["prod"]["/"+name]["SHARED_0"] = has["SHARED_0"]
		}
		seed["prod"]["/"+name], seed["prod"]["/"+name+"/vault"] = has, vault
	}
	return seed, sound, planted
}

func newAuditWorld(t *testing.T) *auditWorld {
	t.Helper()
	seed, sound, planted := auditSeed()
	w := &auditWorld{t: t, planted: planted, sound: sound, all: seed}
	w.store = devstore.New(devstore.Options{Seed: devstore.Seed{Environments: seed}})
	served, err := devstore.Serve(t.Context(), "127.0.0.1:0", w.store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(served.Close)
	id, key := w.store.AddIdentity(devstore.Identity{Name: "auditor", Rules: slices.Concat(devstore.MayRead(), devstore.MayWrite())})
	w.client, err = infisical.New(infisical.Options{
		Site: served.URL(), ProjectID: w.store.ProjectID(), Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.MkdirAll(home+"/scrim", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home+"/scrim/config.toml", []byte("[shared.except]\np07 = [\"SHARED_0\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home, "SCRIM_CONFIG=", "SCRIM_PROJECT=", "PROJECT_ENV=prod", tokenVar+"=",
		"INFISICAL_API_URL="+served.URL(), "SCRIM_PROJECT_ID="+w.store.ProjectID(),
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+key)
	return w
}

// cmd is scrim audit with these words.
func (w *auditWorld) cmd(ctx context.Context, words ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "scrim", append([]string{"audit"}, words...)...)
	cmd.Dir, cmd.Env = w.t.TempDir(), w.env
	return cmd
}

// run returns what the command printed, and its exit code.
func (w *auditWorld) run(words ...string) (stdout, stderr string, code int) {
	w.t.Helper()
	cmd := w.cmd(w.t.Context(), words...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	_ = cmd.Run() // its exit code is looked at
	w.noTrace(out.String() + talk.String())
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

func (w *auditWorld) noTrace(text string) {
	w.t.Helper()
	for _, h := range []holdings{w.all, w.sound} {
		for _, folders := range h {
			for _, secrets := range folders {
				for name, value := range secrets {
					wantNoTrace(w.t, name, value, text)
				}
			}
		}
	}
}

// holds reads the store over the wire, as it is written.
func (w *auditWorld) holds() holdings {
	w.t.Helper()
	now := holdings{}
	for env, folders := range w.sound {
		now[env] = map[string]map[string]string{}
		for path := range folders {
			own, err := w.client.Own(w.t.Context(), env, path)
			if err != nil {
				w.t.Fatal(err)
			}
			now[env][path] = map[string]string{}
			for _, s := range own.Secrets {
				now[env][path][s.Entry.Ref.Name()] = s.Value.Reveal()
			}
		}
	}
	return now
}

// off returns what an audit finds, as planted.
func (w *auditWorld) off() []string {
	w.t.Helper()
	stdout, stderr, _ := w.run("--json")
	var raw struct {
		Environments []struct {
			Projects []struct {
				Project string
				States  map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &raw); err != nil {
		w.t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	var found []string
	for _, e := range raw.Environments {
		for _, p := range e.Projects {
			for name, state := range p.States {
				if state == "missing" || state == "differs" || state == "unknown" {
					found = append(found, p.Project+" "+name+" "+state)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// writes counts the requests that were to change something.
func (w *auditWorld) writes() int {
	n := 0
	for _, r := range w.store.Requests() {
		if r.Method != "GET" && strings.Contains(r.Path, "/secrets") {
			n++
		}
	}
	return n
}

// TestAudit finds exactly what was planted, mends it and touches nothing else, and
// then has nothing to do.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	if diff := cmp.Diff(slices.Sorted(slices.Values(w.planted)), w.off()); diff != "" {
		t.Fatalf("found (-want +got):\n%s", diff)
	}
	stdout, _, code := w.run()
	if code != 1 || strings.Count(stdout, "\n") != len(w.planted)+1 {
		t.Errorf("exit code %d, %d lines for %d findings", code, strings.Count(stdout, "\n"), len(w.planted))
	}
	page := filepath.Join(t.TempDir(), "audit.html")
	if _, stderr, code := w.run("--html", page, "--projects", "p07"); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const (
		own    = `<td><ul><li>OWN_KEY</li></ul><div class="shared">shared: SHARED_0, SHARED_1, SHARED_2, SHARED_3, SHARED_4, SHARED_5</div></td>`
		stored = `<td><div class="shared">shared: SHARED_5</div></td>`
		absent = `<span class="none">absent</span>`
	)
	for piece, times := range map[string]int{
		`class="shadowed" title="shadowed"`: 1, `class="ok" title="ok"`: 5, own: 1, stored: 1, absent: 1,
		"Staging: not injected here": 1, "p08": 0, "<script": 0, "://": 0,
	} {
		if n := strings.Count(string(html), piece); n != times {
			t.Errorf("%q is in the page %d times: %s", piece, n, html)
		}
	}
	w.noTrace(string(html))
	if _, stderr, code := w.run("--fix"); code != 2 || !strings.Contains(stderr, "--yes") || w.writes() != 0 {
		t.Errorf("without anybody to ask: exit code %d, %d writes: %s", code, w.writes(), stderr)
	}
	stdout, stderr, code := w.run("--fix", "--yes", "--projects", "p0[0-4]")
	if code != 0 || strings.Count(stdout, "written") != 3 {
		t.Errorf("some projects: exit code %d: %s%s", code, stdout, stderr)
	}
	if stdout, stderr, code = w.run("--fix", "--yes"); code != 0 || strings.Count(stdout, "written") != len(w.planted)-3 {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if diff := cmp.Diff(w.sound, w.holds()); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
	w.store.ForgetRequests()
	if _, stderr, code := w.run("--fix", "--yes"); code != 0 || w.writes() != 0 || !strings.Contains(stderr, "nothing was written") {
		t.Errorf("once more: exit code %d, %d writes: %s", code, w.writes(), stderr)
	}
	if found := w.off(); found != nil {
		t.Errorf("still off: %v", found)
	}
}

// TestAuditIsKilled: wherever it is cut off, it can be run again, and loses nothing.
func TestAuditIsKilled(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	w.store.Faults().Add(devstore.Fault{Kind: devstore.Slow, Delay: 3 * time.Millisecond})
	killed := 0
	for range 50 {
		for i := range auditedProjects { // there is always something to do
			path := fmt.Sprintf("/p%02d", i)
			switch rand.IntN(4) {
			case 0:
				w.store.Delete("prod", path, "SHARED_2")
			case 1:
				w.store.Set("prod", path, "SHARED_4", w.all["prod"][path]["OWN_KEY"])
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond+time.Duration(rand.IntN(int(200*time.Millisecond))))
		cmd := w.cmd(ctx, "--fix", "--yes")
		out, _ := cmd.CombinedOutput()
		cancel()
		w.noTrace(string(out))
		if cmd.ProcessState.ExitCode() == -1 {
			killed++
		}
	}
	if killed < 10 {
		t.Errorf("it was killed %d times", killed)
	}
	if _, stderr, code := w.run("--fix", "--yes"); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if diff := cmp.Diff(w.sound, w.holds()); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
}

// TestAuditOfABadStore: one request in ten fails, and two people mend it at once.
func TestAuditOfABadStore(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	w.store.Faults().Add(
		devstore.Fault{Kind: devstore.ServerError, Chance: 0.05, Route: "/api/v3"}, devstore.Fault{Kind: devstore.Dropped, Chance: 0.05, Route: "/api/v3"},
		devstore.Fault{Kind: devstore.RateLimited, Times: 3, RetryAfter: time.Second, Route: "/api/v3"},
	)
	for range 5 {
		done := make(chan int)
		for range 2 {
			go func() {
				cmd := w.cmd(t.Context(), "--fix", "--yes")
				_ = cmd.Run()
				done <- cmd.ProcessState.ExitCode()
			}()
		}
		if <-done+<-done == 0 {
			break
		}
	}
	w.store.Faults().Clear()
	if diff := cmp.Diff(w.sound, w.holds()); diff != "" {
		t.Errorf("the store (-want +got):\n%s", diff)
	}
}

// TestAuditByApproval: what somebody has to approve in the store is not written, and
// is said not to be. What this identity may not see is not missing.
func TestAuditByApproval(t *testing.T) {
	t.Parallel()
	w := newAuditWorld(t)
	w.store.Faults().Add(devstore.Fault{Kind: devstore.ByApproval, SecretPath: "/p00"})
	stdout, stderr, code := w.run("--fix", "--yes")
	if code != 1 || strings.Count(stdout, "awaits approval") != 2 || !strings.Contains(stderr, "has to approve") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	w.store.Faults().Clear()
	if diff := cmp.Diff([]string{"p00 SHARED_2 missing", "p00 SHARED_4 differs"}, w.off()); diff != "" {
		t.Error(diff)
	}
	id, key := w.store.AddIdentity(devstore.Identity{Name: "half", Rules: slices.Concat(devstore.MayRead(), devstore.MayNotSee("/p01"))})
	w.env = append(w.env, "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+id, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+key)
	stdout, stderr, code = w.run()
	if code != 3 || strings.Count(stdout, "unknown") != 6 || !strings.Contains(stderr, "not known: prod:/p01: "+secret.ErrForbidden.Error()) {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
}
