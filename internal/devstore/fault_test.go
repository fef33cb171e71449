package devstore_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/devstore"
)

// serve serves a store on loopback for the length of a test.
func serve(t *testing.T, addr string, store *devstore.Store) *devstore.Server {
	t.Helper()
	server, err := devstore.Serve(t.Context(), addr, store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// fetch asks for /api/status over a connection of its own.
func fetch(ctx context.Context, base string) (*http.Response, string, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/status", nil)
	if err != nil {
		return nil, "", err
	}
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

// awaitRequest returns once the store has seen a request.
func awaitRequest(t *testing.T, store *devstore.Store) {
	t.Helper()
	for len(store.Requests()) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("no request arrived")
		}
		runtime.Gosched()
	}
}

func TestFaultsOnTheWire(t *testing.T) {
	store := small()
	server := serve(t, "127.0.0.1:0", store)

	store.Faults().Add(devstore.Fault{Kind: devstore.Dropped, Times: 1})
	if _, _, err := fetch(t.Context(), server.URL()); !errors.Is(err, io.EOF) {
		t.Errorf("dropped: %v, want EOF", err)
	}

	store.Faults().Add(devstore.Fault{Kind: devstore.HTMLPage, Times: 1})
	res, body, err := fetch(t.Context(), server.URL())
	if err != nil || res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(body, "<!doctype") {
		t.Errorf("page: %v %v", res, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	store.ForgetRequests()
	store.Faults().Add(devstore.Fault{Kind: devstore.Silent, Times: 1})
	hung := make(chan error)
	go func() {
		_, _, err := fetch(ctx, server.URL())
		hung <- err
	}()
	awaitRequest(t, store)
	cancel()
	if err := <-hung; !errors.Is(err, context.Canceled) {
		t.Errorf("silent: %v, want no answer", err)
	}
	if res, _, err := fetch(t.Context(), server.URL()); err != nil || res.StatusCode != 200 {
		t.Errorf("after the faults: %v", err)
	}
}

func TestCloseEndsASilentRequestAndTheAddressCanBeServedAgain(t *testing.T) {
	store := small()
	server := serve(t, "127.0.0.1:0", store)
	store.Faults().Add(devstore.Fault{Kind: devstore.Silent, Times: 1})
	hung := make(chan error)
	go func() {
		_, _, err := fetch(t.Context(), server.URL())
		hung <- err
	}()
	awaitRequest(t, store)
	server.Close()
	if err := <-hung; err == nil {
		t.Error("a request outlived the server")
	}
	if _, _, err := fetch(t.Context(), server.URL()); err == nil {
		t.Error("a closed server answers")
	}

	again := serve(t, server.Addr(), store)
	if again.URL() != server.URL() {
		t.Errorf("serves %s, want %s again", again.URL(), server.URL())
	}
	if _, _, err := fetch(t.Context(), again.URL()); err != nil {
		t.Error(err)
	}
	again.Close()
	again.Close() // twice does no harm
}

func TestAServerEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server, err := devstore.Serve(ctx, "localhost:0", small())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	server.Close()
	if _, _, err := fetch(t.Context(), server.URL()); err == nil {
		t.Error("the server outlived its context")
	}
}

func TestServeListensOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.test:0", "127.0.0.1", "", "127.0.0.1.example.test:0"} {
		server, err := devstore.Serve(t.Context(), addr, small())
		if err == nil {
			server.Close()
			t.Errorf("serves on %q", addr)
			continue
		}
		if !strings.Contains(err.Error(), "loopback only") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestRefusalsAreSpelledAsRecorded(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	faults := store.Faults()

	faults.Add(devstore.Fault{Kind: devstore.RateLimited, Times: 1, RetryAfter: 1500 * time.Millisecond})
	limited := c.list("/alpha").wantStatus(t, 429)
	wantEqual(t, []string{limited.kind(), limited.header.Get("Retry-After")}, []string{"RateLimitExceeded", "2"})

	faults.Add(devstore.Fault{Kind: devstore.ServerError, Times: 1, Status: 500})
	wantEqual(t, c.list("/alpha").wantStatus(t, 500).kind(), "InternalServerError")
	c.list("/alpha").wantStatus(t, 200)
}

func TestFaultsFitRoutesAndFolders(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	folders := c.at("/api/v1/folders", "prod", "/alpha")
	faults := store.Faults()

	faults.Add(
		devstore.Fault{Kind: devstore.RateLimited, Route: "/api/v1/"},
		devstore.Fault{Kind: devstore.ServerError, SecretPath: "/alpha/vault/", Status: 500, Times: 2},
		devstore.Fault{},
	)
	c.do("GET", folders, nil).wantStatus(t, 429)
	c.list("/alpha").wantStatus(t, 200)
	c.list("/alpha/vault").wantStatus(t, 500)
	c.get("alpha/vault", "ROOT").wantStatus(t, 500)
	c.list("/alpha/vault").wantStatus(t, 200)
	c.do("GET", folders, nil).wantStatus(t, 429)
	faults.Clear()
	c.do("GET", folders, nil).wantStatus(t, 200)
}

func TestChance(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	store.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500, Chance: 0.5})
	seen := map[int]int{}
	for range 200 {
		seen[c.list("/alpha").status]++
	}
	if seen[200] < 50 || seen[500] < 50 { // by chance once in 10^12 runs
		t.Errorf("statuses %v", seen)
	}
}

func TestSlowThenRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := small()
		c := connect(t, store, devstore.MayRead())
		store.Faults().Add(
			devstore.Fault{Kind: devstore.Slow, Delay: time.Minute, Times: 2},
			devstore.Fault{Kind: devstore.ServerError, Status: 500, Times: 1},
		)
		start := time.Now()
		c.list("/alpha").wantStatus(t, 500)
		wantEqual(t, time.Since(start), time.Minute)
		c.list("/alpha").wantStatus(t, 200)
		wantEqual(t, time.Since(start), 2*time.Minute)
		c.list("/alpha").wantStatus(t, 200)
		wantEqual(t, time.Since(start), 2*time.Minute)
	})
}

func TestTheLimitIsPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := small()
		c := connect(t, store, devstore.MayRead())
		store.Faults().Limit(2)
		wantEqual(t, c.list("/alpha").wantStatus(t, 200).header.Get("X-Ratelimit-Remaining"), "1")
		time.Sleep(20 * time.Second) // the bubble's clock
		c.get("/alpha", "WORD").wantStatus(t, 200)
		wantEqual(t, c.list("/alpha").wantStatus(t, 429).header.Get("Retry-After"), "40")
		c.do("GET", c.at("/api/v1/folders", "prod", "/"), nil).wantStatus(t, 200)
		time.Sleep(40 * time.Second) // the bubble's clock
		c.list("/alpha").wantStatus(t, 200)
	})
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	store := small()
	server := serve(t, "127.0.0.1:0", store)
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				c.list("/alpha", "recursive", "true")
				c.write("PATCH", "/api/v3/secrets/raw/WORD", map[string]any{"secretValue": "x"})
				_, _, _ = fetch(t.Context(), server.URL())
			}
		})
		all.Go(func() {
			for range 20 {
				store.Faults().Add(devstore.Fault{Kind: devstore.ServerError, Status: 500, Times: 1})
				store.Set("prod", "/alpha", "WORD", "y")
				store.Permit(c.id, devstore.MayRead())
				_ = store.Requests()
				store.Faults().Limit(1000)
			}
		})
	}
	all.Wait()
	store.Faults().Clear()
	c.list("/alpha").wantStatus(t, 200)
}

// TestWritesByApproval: the store asks somebody, and writes nothing. What it
// answers otherwise is as ever.
func TestWritesByApproval(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite())
	store.Faults().Add(devstore.Fault{Kind: devstore.ByApproval, SecretPath: "/alpha"})
	before := c.list("/alpha").wantStatus(t, 200).body
	asked := c.do("POST", "/api/v3/secrets/raw/NEW", map[string]any{
		"workspaceId": store.ProjectID(), "environment": "prod", "secretPath": "/alpha", "secretValue": "made-up",
	}).wantStatus(t, 200)
	if asked.body["approval"] == nil || asked.body["secret"] != nil {
		t.Errorf("answered %v", asked.body)
	}
	wantEqual(t, c.list("/alpha").wantStatus(t, 200).body, before)
}

// TestStoreThatMatchesRecursively lists what lies below a folder with it.
func TestStoreThatMatchesRecursively(t *testing.T) {
	seed := devstore.Seed{Environments: map[string]map[string]map[string]string{
		"prod": {"/alpha": {"NAME": "made-up-1"}, "/alpha/vault": {"STORED": "made-up-2"}},
	}}
	for recursive, want := range map[bool]int{false: 1, true: 2} {
		c := connect(t, devstore.New(devstore.Options{Seed: seed, Recursive: recursive}), devstore.MayRead())
		if got, _ := c.list("/alpha").wantStatus(t, 200).body["secrets"].([]any); len(got) != want {
			t.Errorf("recursive %v: %d secrets", recursive, len(got))
		}
	}
}
