package e2e

import (
	"crypto/rand"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/audit"
	"scrim/internal/devstore"
	"scrim/internal/rundir"
)

// crash is a server that is killed between a person's yes and the answer.
type crash struct {
	t      *testing.T
	store  *devstore.Store
	wire   *wire
	value  string // of CRASH_PHRASE, and of nothing else
	needle []needle
}

const crashName = "CRASH_PHRASE"

// newCrash starts a server that can read a value which no other test has.
func newCrash(t *testing.T, version string) *crash {
	t.Helper()
	store, server := serve(t)
	c := &crash{t: t, store: store, value: "made-up crash+" + rand.Text()}
	store.Set("prod", "/alpha/vault", crashName, c.value)
	r := storeRig(t, store, server.URL(), devstore.MayRead(), "PROJECT_ENV=prod")
	c.needle = needles(map[string]string{crashName: c.value})
	r.forbidden = append(slices.Clone(r.forbidden), c.needle...)
	c.wire = open(t, r, version, canAsk)
	return c
}

// asks has the agent ask for the value in one of the ways in which it can come.
func (c *crash) asks(delivery, script string) question {
	c.t.Helper()
	if delivery == "run" {
		return c.wire.askBy("run_with_vault_secrets", map[string]any{"names": []string{crashName}, "command": []string{"sh", "-c", script}, "purpose": "crash"})
	}
	return c.wire.askBy("get_vault_secret", map[string]any{"name": crashName, "purpose": "crash", "delivery": delivery})
}

// until waits for what other processes do.
func (c *crash) until(what string, done func() bool) {
	c.t.Helper()
	for range 1500 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process's doing: nothing here can be waited on
	}
	c.wire.fatalf("waited in vain until %s", what)
}

func (c *crash) trailFile() string {
	return filepath.Join(c.wire.rig.home, "XDG_STATE_HOME", "scrim", "audit.jsonl")
}

// trail returns the kinds on the audit trail, and the id of the request.
func (c *crash) trail() (kinds []string, id string) {
	c.t.Helper()
	f, err := os.Open(c.trailFile())
	if err != nil {
		return nil, ""
	}
	defer func() { _ = f.Close() }()
	for record, err := range audit.Read(f) {
		if err != nil {
			break // it is being written
		}
		kinds, id = append(kinds, string(record.Kind)), record.RequestID
	}
	return kinds, id
}

func (c *crash) onTrail(kind string) func() bool {
	return func() bool { kinds, _ := c.trail(); return slices.Contains(kinds, kind) }
}

// read reports whether the value was asked of the store, with this outcome; zero
// is none yet.
func (c *crash) read(status int) func() bool {
	return func() bool {
		return slices.ContainsFunc(c.store.Requests(), func(r devstore.Request) bool {
			return r.Name == crashName && r.Status == status
		})
	}
}

// written reports whether a file holds the value.
func (c *crash) written() bool { return len(c.holding()) > 0 }

// holding lists the files that hold the value in any form, of all that the server
// could have written.
func (c *crash) holding() []string {
	var found []string
	for _, dir := range append(rundir.All(), c.wire.rig.home) {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // other processes remove files of theirs meanwhile
			}
			if text, err := os.ReadFile(path); err == nil && leaks(string(text), c.needle) != nil { //nolint:gosec // G304: of this user's
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// stall stops reading what the server says and has it say more than a pipe holds,
// so that the next answer stays in it.
func (c *crash) stall() (release func()) {
	c.t.Helper()
	hold := make(chan struct{})
	c.wire.hold.Store(&hold)
	for range 150 {
		c.wire.start("list_secrets", map[string]any{})
	}
	return func() { close(hold) }
}

// kill ends the server as a crash would.
func (c *crash) kill() {
	c.t.Helper()
	if err := c.wire.cmd.Process.Kill(); err != nil {
		c.t.Fatal(err)
	}
}

// after checks what is left of it all: no value, a trail that holds, and no yes
// that a new server would honour.
func (c *crash) after(q question, kinds ...string) {
	c.t.Helper()
	_ = c.wire.stdin.Close()
	if slices.ContainsFunc(c.wire.drain(), func(f frame) bool { return f.answers(q.call) }) {
		c.t.Error("the answer came: nothing was shown")
	}
	_ = c.wire.cmd.Wait()
	for _, said := range []string{c.wire.received.String(), c.wire.logged.String()} {
		if found := leaks(said, c.wire.rig.forbidden); found != nil {
			c.t.Errorf("the server said %v", found)
		}
	}
	for range 1000 {
		if !c.written() {
			break
		}
		time.Sleep(10 * time.Millisecond) // the keeper's doing: nothing here can be waited on
	}
	if found := c.holding(); len(found) > 0 {
		c.t.Errorf("the value is in %v", found)
	}
	got, id := c.trail()
	if diff := cmp.Diff(kinds, got); diff != "" {
		c.t.Errorf("on record (-want +got):\n%s", diff)
	}
	verify := exec.CommandContext(c.t.Context(), scrimBin, "log", "--verify")
	verify.Env, verify.Dir = c.wire.rig.env, c.wire.rig.home
	if said, err := verify.CombinedOutput(); err != nil || !strings.Contains(string(said), "intact") {
		c.t.Errorf("scrim log --verify: %v: %s", err, said)
	}
	c.notHonoured(q, id)
}

// notHonoured has the same agent come back to a new server with what it has.
func (c *crash) notHonoured(q question, id string) {
	c.t.Helper()
	c.store.Faults().Clear()
	w := open(c.t, c.wire.rig, c.wire.version, canAsk)
	if w.version == modern {
		if r := w.reply(w.retryBy(q, approve)).tool(c.t); !r.IsError || r.Facts.Code != "denied" {
			c.t.Errorf("the old state: %+v", r)
		}
	}
	args := map[string]any{"request_id": id}
	maps.Copy(args, q.args)
	if r := w.answer(w.askBy(q.tool, args), deny); r.Facts.Status != "denied" { // it asks anew
		c.t.Errorf("the old request id: %+v", r.Facts)
	}
	w.end(nothing)
}

// TestCrashBetweenYesAndAnswer kills the server while it reads the value for a
// request that a person said yes to, and when it has done everything but
// answer.
func TestCrashBetweenYesAndAnswer(t *testing.T) {
	t.Parallel()
	for _, delivery := range []string{"value", "file", "run"} {
		t.Run("reading "+delivery, func(t *testing.T) {
			t.Parallel()
			c := newCrash(t, legacy)
			q := c.asks(delivery, "echo $CRASH_PHRASE > ran")
			c.store.ForgetRequests()
			c.store.Faults().Add(devstore.Fault{Kind: devstore.Silent})
			c.wire.respond(q, approve)
			c.until("it reads", c.read(0))
			c.kill()
			c.after(q, "asked", "approved", "granted")
		})
	}
	for _, delivery := range []string{"value", "file", "run"} {
		t.Run("answering "+delivery, func(t *testing.T) {
			t.Parallel()
			c := newCrash(t, modern)
			q := c.asks(delivery, "echo $CRASH_PHRASE")
			c.store.ForgetRequests()
			release := c.stall()
			q.call = c.wire.retryBy(q, approve)
			want := []string{"asked", "approved", "granted"}
			c.until("it has read", c.read(200))
			switch delivery {
			case "file":
				c.until("the file is there", c.written)
			case "run":
				want = append(want, "ended")
				c.until("the command has ended", c.onTrail("ended"))
			}
			c.kill()
			release()
			c.after(q, want...)
		})
	}
	t.Run("running", func(t *testing.T) {
		t.Parallel()
		c := newCrash(t, legacy)
		q := c.asks("run", "echo $$ > pid; setsid sleep 300 & echo $! > left; wait")
		c.wire.respond(q, approve)
		pids := map[string]int{"pid": 0, "left": 0}
		for name := range pids {
			c.until("the command runs", func() bool {
				text, _ := os.ReadFile(filepath.Join(c.wire.rig.home, name))
				pids[name], _ = strconv.Atoi(strings.TrimSpace(string(text)))
				return pids[name] > 0
			})
		}
		c.kill()
		for name, pid := range pids {
			c.until("the process in "+name+" has ended", func() bool { return ended(pid) })
		}
		c.after(q, "asked", "approved", "granted")
	})
}

// ended reports whether a process is gone, or waits for somebody to notice.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
