package e2e

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// vaultWorld is a store with a vault, what stands before it, and scrim beside it.
type vaultWorld struct {
	rig
	t     *testing.T
	store *devstore.Store
	value string // of MOVED_KEY

	mu      sync.Mutex
	served  int
	stop    int           // hangs at this request; 0: at none
	after   bool          // and not before it was done
	hanging chan struct{} // closed then
}

const movedKey = "MOVED_KEY"

func newVaultWorld(t *testing.T, o devstore.Options) *vaultWorld {
	t.Helper()
	k := &vaultWorld{t: t, value: "made-up moved+" + rand.Text(), hanging: make(chan struct{})}
	o.Seed = devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": {
		"/alpha": {movedKey: k.value, "OTHER": "made-up other+" + rand.Text()}, "/alpha/vault": {},
	}}}
	k.store = devstore.New(o)
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	k.rig = storeRig(t, k.store, server.URL, slices.Concat(devstore.MayRead(), devstore.MayWrite()), "PROJECT_ENV=prod")
	k.forbidden = append(k.forbidden, needles(map[string]string{movedKey: k.value})...)
	for _, secrets := range o.Seed.Environments["prod"] {
		k.forbidden = append(k.forbidden, needles(secrets)...)
	}
	return k
}

// ServeHTTP has the store answer, or hangs until whoever asked is dead.
func (k *vaultWorld) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/login") {
		k.store.ServeHTTP(w, r)
		return
	}
	k.mu.Lock()
	k.served++
	hangs, after := k.served == k.stop, k.after
	k.mu.Unlock()
	if !hangs {
		k.store.ServeHTTP(w, r)
		return
	}
	if after {
		k.store.ServeHTTP(&unsent{header: http.Header{}}, r)
	}
	_, _ = io.Copy(io.Discard, r.Body) // before that nobody notices that the other side is gone
	close(k.hanging)
	<-r.Context().Done()
	panic(http.ErrAbortHandler)
}

// unsent is an answer that nobody gets.
type unsent struct {
	header http.Header
	body   bytes.Buffer
}

func (u *unsent) Header() http.Header         { return u.header }
func (u *unsent) WriteHeader(int)             {}
func (u *unsent) Write(b []byte) (int, error) { return u.body.Write(b) }

// held returns a folder's values by name, past what stands before the store.
func (k *vaultWorld) held(path string) map[string]string {
	k.t.Helper()
	direct := httptest.NewServer(k.store)
	defer direct.Close()
	id, key := k.store.AddIdentity(devstore.Identity{Name: "looker", Rules: devstore.MayRead()})
	c, err := infisical.New(infisical.Options{
		Site: direct.URL, ProjectID: k.store.ProjectID(), Timeout: 10 * time.Second,
		Identity: infisical.UniversalAuth(secret.NewValue(id), secret.NewValue(key)),
	})
	if err != nil {
		k.t.Fatal(err)
	}
	own, err := c.Own(k.t.Context(), "prod", path)
	if err != nil {
		k.t.Fatal(err)
	}
	held := map[string]string{}
	for _, s := range own.Secrets {
		held[s.Entry.Ref.Name()] = s.Value.Reveal()
	}
	return held
}

// whole fails if the secret is lost, or is not what it was, and returns where it is.
func (k *vaultWorld) whole() (base, vault bool) {
	k.t.Helper()
	for path, at := range map[string]*bool{"/alpha": &base, "/alpha/vault": &vault} {
		value, there := k.held(path)[movedKey]
		if *at = there; there && value != k.value {
			k.t.Errorf("at %s it is another value", path)
		}
	}
	if !base && !vault {
		k.t.Error("it is LOST: at neither place")
	}
	return base, vault
}

// hangsAt has the store hang at that request from now on, before it did it or after.
func (k *vaultWorld) hangsAt(request int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.served, k.stop, k.after = 0, request, after
}

// killed runs a command and kills it at its request with that number, before the
// store did it or after.
func (k *vaultWorld) killed(at int, after bool, arguments ...string) {
	k.t.Helper()
	k.hangsAt(at, after)
	cmd := k.command(k.t, arguments...)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-k.hanging:
		_ = cmd.Process.Kill()
		if err := <-ended; err == nil {
			k.t.Fatalf("it ended before it was killed: %s%s", &out, &talk)
		}
	case err := <-ended:
		k.t.Fatalf("it ended before its request %d: %v\n%s%s", at, err, &out, &talk)
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		k.t.Fatalf("it did not get to its request %d\n%s%s", at, &out, &talk)
	}
	k.silent(k.t, out.String(), talk.String())
}

func (k *vaultWorld) throwAways() (n int) {
	for _, path := range []string{"/alpha", "/alpha/vault"} {
		for name := range k.held(path) {
			if strings.HasPrefix(name, "SCRIM_PROBE_") {
				n++
			}
		}
	}
	return n
}

// TestVaultMvKilled kills `scrim vault mv` with SIGKILL at each of its requests in
// turn, before the store did it and after. The secret is at one place or at both,
// and never at none; the same command then ends the move; and what the probe left
// is removed by the next one.
func TestVaultMvKilled(t *testing.T) {
	t.Parallel()
	move := []string{"vault", "mv", movedKey, "--to", "vault", "--yes"}
	whole := newVaultWorld(t, devstore.Options{})
	if r := whole.run(t, move...); r.code != 0 {
		t.Fatalf("undisturbed it ends with %d\n%s", r.code, r.stderr)
	}
	if base, vault := whole.whole(); base || !vault {
		t.Fatal("undisturbed it is not moved")
	}
	whole.mu.Lock()
	requests := whole.served
	whole.mu.Unlock()
	t.Logf("%d requests", requests)
	var mu sync.Mutex
	seen := map[string]int{}
	t.Run("each", func(t *testing.T) {
		for at := 1; at <= requests; at++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d,done=%v", at, after), func(t *testing.T) {
					t.Parallel()
					k := newVaultWorld(t, devstore.Options{})
					k.killed(at, after, move...)
					base, vault := k.whole()
					mu.Lock()
					seen[fmt.Sprint(base, vault)]++
					mu.Unlock()
					if r := k.run(t, move...); r.code != 0 {
						t.Errorf("run again it ends with %d\n%s%s", r.code, r.stdout, r.stderr)
					}
					if base, vault := k.whole(); base || !vault {
						t.Errorf("run again it is at base %v, at vault %v", base, vault)
					}
					if r := k.run(t, "vault", "probe"); r.code != 0 || k.throwAways() != 0 {
						t.Errorf("probed with %d, and %d throw-away secrets are left\n%s", r.code, k.throwAways(), r.stdout)
					}
				})
			}
		}
	})
	t.Logf("seen after the kill, as (at base, at vault): %v", seen)
	for _, state := range []string{"true false", "true true", "false true"} {
		if seen[state] == 0 {
			t.Errorf("no kill left it at %s: these are not all steps", state)
		}
	}
}

// TestVaultProbeRecursive: a store that matches recursively fails loudly, and has
// nothing left in it. Nothing is moved there.
func TestVaultProbeRecursive(t *testing.T) {
	t.Parallel()
	k := newVaultWorld(t, devstore.Options{Recursive: true})
	r := k.run(t, "vault", "probe")
	if r.code != 1 || !strings.Contains(r.stdout, "failed  a list of prod:/alpha returns it: this store does not match paths") || !strings.Contains(r.stderr, "prod:/alpha/vault is NOT a vault") {
		t.Errorf("%+v", r)
	}
	if r := k.run(t, "vault", "mv", movedKey, "--to", "vault", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "nothing was moved") {
		t.Errorf("%+v", r)
	}
	if base, vault := k.whole(); !base || vault {
		t.Error("it was moved")
	}
	if n := k.throwAways(); n != 0 {
		t.Errorf("%d throw-away secrets are left", n)
	}
}
