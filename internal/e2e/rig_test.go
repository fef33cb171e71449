package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// seed is what the embedded store holds in these tests. Every value is made up
// and long enough to mask; their odd characters are there for the encodings.
var seed = map[string]map[string]map[string]string{
	"prod": {
		"/alpha": {
			"MAILER_PHRASE": "quiet-heron-4471-lantern-oriel",
			"LEDGER_URL":    "ledger://alpha:nettle%20stair@ledger.invalid:6101/main?mode=<rw>&wait=5",
		},
		"/alpha/vault": {
			"PAYOUT_PHRASE":  `brass"kettle\over <the> moor & heath 0917`,
			"SIGNING_SHEET":  "first line of the sheet 7702\nsecond line, tab\there\nthird line 1188\n",
			"RECOVERY_WORDS": "thimble gorse lattice plover añil 💡 wicket",
			"SPARE_PHRASE":   "umber+spindle/fathom=2209",
		},
		"/beta":  {"BETA_PHRASE": "another-projects-marl-and-sedge-55"},
		"/gamma": {"GAMMA_PHRASE": "gamma/keeps/its/own/counsel-801"},
		"/shared": {
			"STATUS_PHRASE": "shared:widdershins:0042:tansy",
		},
	},
	"dev": {
		"/alpha":         {"MAILER_PHRASE": "dev-heron-lower-pond-1180"},
		"/alpha/staging": {"MAILER_PHRASE": "staging-heron-on-stilts-9934", "STAGE_ONLY_PHRASE": "painted flats, 3 acts, 71 ropes"},
		"/alpha/vault":   {"DEV_VAULT_PHRASE": "a shed is a vault too 6630"},
		"/shared":        {"STATUS_PHRASE": "shared-dev:deosil:0043:yarrow"},
	},
}

// seeded is every value of seed, by a name that is unique: the bare one is that
// of production.
var seeded = func() map[string]string {
	values := make(map[string]string)
	for _, env := range []string{"prod", "dev"} {
		for _, path := range slices.Sorted(maps.Keys(seed[env])) {
			for name, value := range seed[env][path] {
				if _, taken := values[name]; taken {
					name = env + ":" + path + "/" + name
				}
				values[name] = value
			}
		}
	}
	return values
}()

// rig is a way to start the server: a command, its environment, and a home
// directory of its own, in which everything that it writes to disk ends up.
type rig struct {
	home string
	argv []string
	env  []string

	prepare  func(*exec.Cmd) // nil: the server is this user's
	patience time.Duration   // with the whole conversation, where it is more than usual

	forbidden []needle // what must not show: the seeded values and the rig's own credentials
}

// devRig runs "scrim dev --seed FILE -- scrim serve" with vars on top.
func devRig(t *testing.T, vars ...string) rig {
	t.Helper()
	b, err := json.Marshal(map[string]any{"environments": seed})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return newRig(t, []string{scrimBin, "dev", "--seed", file, "--", scrimBin, "serve"}, vars...)
}

// storeRig runs "scrim serve" against store at url, as an identity with rules.
func storeRig(t *testing.T, store *devstore.Store, url string, rules []devstore.Rule, vars ...string) rig {
	t.Helper()
	id, key := store.AddIdentity(devstore.Identity{Name: "e2e", Rules: rules})
	r := newRig(t, []string{scrimBin, "serve"}, append([]string{
		"INFISICAL_API_URL=" + url,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id,
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key,
		"SCRIM_PROJECT_ID=" + store.ProjectID(),
		"SCRIM_PROJECT=alpha",
	}, vars...)...)
	r.forbidden = slices.Concat(seededNeedles, needles(map[string]string{"client id": id, "client secret": key}))
	return r
}

// serve starts a store with the seed on a loopback address of its own.
func serve(t *testing.T) (*devstore.Store, *devstore.Server) {
	t.Helper()
	store := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: seed}})
	server, err := devstore.Serve(t.Context(), "127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return store, server
}

// newRig runs argv in an environment that has nothing of this process but PATH.
// Logs are at their most talkative, since they must not leak either.
func newRig(t *testing.T, argv []string, vars ...string) rig {
	t.Helper()
	home := t.TempDir()
	r := rig{home: home, argv: argv, forbidden: seededNeedles, env: []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"SCRIM_LOG=debug",
	}}
	for _, dir := range []string{"TMPDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"} {
		path := filepath.Join(home, dir)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		r.env = append(r.env, dir+"="+path)
	}
	r.env = append(r.env, vars...)
	return r
}

// check asserts what every test ends with: no seeded value anywhere in what
// the servers wrote, but the approved one in its answers.
func (r rig) check(t *testing.T, approved disclosure, servers ...transcript) {
	t.Helper()
	if len(servers) == 0 {
		t.Error("no server was recorded")
	}
	for _, s := range servers {
		checkOutput(t, s, approved, r.forbidden)
		if t.Failed() {
			t.Logf("the server %v", s)
		}
	}
	checkFiles(t, r.home, r.forbidden)
}
