package devstore_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"scrim/internal/devstore"
)

func TestParseSeed(t *testing.T) {
	got, err := devstore.ParseSeed(strings.NewReader(`{
	  "imports": {"prod": {"/gamma": ["/shared"]}},
	  "environments": {"prod": {"/alpha/vault": {"NAME": "va\u006cue", "odd name!": ""}, "/shared": {}, "/gamma": {}}, "dev": {}},
	  "deny": ["/alpha", "/"], "describe_only": ["/shared"]
	}`))
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, got, devstore.Seed{
		Environments: map[string]map[string]map[string]string{
			"prod": {"/alpha/vault": {"NAME": "value", "odd name!": ""}, "/shared": {}, "/gamma": {}}, "dev": {},
		},
		Imports:      map[string]map[string][]string{"prod": {"/gamma": {"/shared"}}},
		Deny:         []string{"/alpha", "/"},
		DescribeOnly: []string{"/shared"},
	})
}

// canary stands where a value may stand, in seeds that are refused.
const canary = "made-up-canary"

var badSeeds = []struct{ seed, want string }{
	{``, "line 1, column 1: this is not JSON"},
	{`null`, "line 1, column 1: this must be an object"},
	{`[]`, "line 1, column 1: this must be an object"},
	{`{}`, "the seed has no environments: write it like"},
	{`{"environments":null}`, "environments (line 1, column 17): this must be an object"},
	{`{"environments":{"prod":{"/alpha":{"A":"made-up-canary"`, "environments.prod./alpha (line 1, column 56): this is not JSON"},
	{`{"environments":{"prod":{"/alpha":{"A":"made-up-canary}}}}`, "environments.prod./alpha.A (line 1, column 40): this is not JSON"},
	{`{"environments":{"prod":{"/alpha":{"A" "made-up-canary"}}}}`, "this is not JSON"},
	{"{\"environments\":\n {\"prod\":\n  {\"/älpha\": {}}}}", "environments.prod./älpha (line 3, column 4): a path starts with"},
	{`{"environments":{"prod":{"/alpha":{"A":"made-up-canary"}}}} {}`, "line 1, column 61: there is text after the seed"},
	{`{"environments":{},"secrets":{"A":"made-up-canary"}}`, "secrets (line 1, column 20): unknown key: the keys are environments, imports, deny and describe_only"},
	{`{"environments":{},"environments":{}}`, "environments (line 1, column 20): this key is there twice"},
	{`{"environments":{"prod":{"/alpha":{"A":"x","A":"made-up-canary"}}}}`, "environments.prod./alpha.A (line 1, column 44): this key is there twice"},
	{`{"environments":{"prod":{"/alpha":{"A":17}}}}`, "environments.prod./alpha.A (line 1, column 40): this must be a string"},
	{`{"environments":{"prod":{"/alpha":{"A":{"value":"made-up-canary"}}}}}`, "environments.prod./alpha.A (line 1, column 40): this must be a string"},
	{`{"environments":{"prod":{"A":"made-up-canary"}}}`, "environments.prod.A (line 1, column 26): a path starts with"},
	{`{"environments":{"prod":{"/alpha":"made-up-canary"}}}`, "environments.prod./alpha (line 1, column 35): this must be an object"},
	{`{"environments":{"prod":{"/alpha/":{}}}}`, "a path starts with"},
	{`{"environments":{"prod":{"/alpha/../x":{}}}}`, "a path starts with"},
	{`{"environments":{"pr od":{}}}`, "environments.pr od (line 1, column 18): an environment is a slug"},
	{`{"environments":{"prod":{"/alpha":{"A/B":"made-up-canary"}}}}`, "a secret's name is not empty"},
	{`{"environments":{"prod":{"/alpha":{"":"made-up-canary"}}}}`, "a secret's name is not empty"},
	{`{"environments":{"prod":{}},"deny":"/alpha"}`, "deny (line 1, column 36): this must be a list"},
	{`{"environments":{"prod":{}},"deny":["/alpha",7]}`, "deny.1 (line 1, column 46): this must be a string"},
	{`{"environments":{"prod":{}},"deny":["alpha"]}`, "deny.0 (line 1, column 37): a path starts with"},
	{`{"environments":{"prod":{"/alpha":{}}},"deny":["/alpha/vault"]}`, "deny.0: no environment has the path /alpha/vault"},
	{`{"environments":{"prod":{"/alpha":{}}},"describe_only":["/a"]}`, "describe_only.0: no environment has the path /a"},
	{`{"environments":{"prod":{"/alpha":{}}},"imports":{"dev":{"/alpha":[]}}}`, "imports.dev./alpha: the environment dev has no path /alpha"},
	{`{"environments":{"prod":{"/alpha":{}}},"imports":{"prod":{"/alpha":["/shared"]}}}`, "imports.prod./alpha: the environment prod has no path /shared"},
	{"{\"environments\":{\"prod\":{\"/alpha\":{\"A\":\"\xff\"}}}}", "a seed is UTF-8 text"},
	{`{"environments":{"` + strings.Repeat("x\\n", 200) + `":{}}}`, "an environment is a slug"},
}

func TestParseSeedSaysWhatIsWrongAndWhere(t *testing.T) {
	for _, bad := range badSeeds {
		_, err := devstore.ParseSeed(strings.NewReader(bad.seed))
		if err == nil {
			t.Errorf("takes %s", bad.seed)
			continue
		}
		message := err.Error()
		if !strings.Contains(message, bad.want) {
			t.Errorf("%s\n says %s\nwant %s", bad.seed, message, bad.want)
		}
		if strings.Contains(message, canary) || strings.Contains(message, "\n") || len(message) > 400 {
			t.Errorf("%s\n says %q", bad.seed, message)
		}
	}
}

func TestASeedDeniesToTheDevelopmentIdentity(t *testing.T) {
	seed := devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {
			"/alpha": {"A": "a"}, "/alpha/vault": {"B": "b"}, "/alpha/vault/deep": {"C": "c"}, "/shared": {"D": "d"},
		}},
		Deny: []string{"/alpha/vault"}, DescribeOnly: []string{"/shared"},
	}
	c := connect(t, devstore.New(devstore.Options{Seed: seed}), seed.Rules())
	wantEqual(t, c.list("/alpha").wantStatus(t, 200).values(), []string{"A=a"})
	wantEqual(t, c.list("/alpha/vault").wantStatus(t, 200).values(), nil)
	wantEqual(t, c.list("/alpha/vault/deep").wantStatus(t, 200).values(), nil)
	c.get("/alpha/vault", "B").wantStatus(t, 403)
	c.list("/shared").wantStatus(t, 403)
	wantEqual(t, c.list("/shared", "viewSecretValue", "false").wantStatus(t, 200).values(), []string{"D=<hidden-by-infisical>"})
	c.write("POST", "/api/v3/secrets/raw/NEW", map[string]any{"secretValue": "x"}).wantStatus(t, 403)

	all := devstore.Seed{Environments: seed.Environments, Deny: []string{"/"}}
	c = connect(t, devstore.New(devstore.Options{Seed: all}), all.Rules())
	wantEqual(t, c.list("/", "recursive", "true").wantStatus(t, 200).values(), nil)
}

func TestSampleSeed(t *testing.T) {
	seed := devstore.SampleSeed()
	store := devstore.New(devstore.Options{Seed: seed})
	c := connect(t, store, seed.Rules())
	for _, env := range []string{"dev", "prod"} {
		for _, path := range []string{"/alpha", "/alpha/vault", "/beta", "/beta/vault", "/gamma", "/gamma/vault", "/shared"} {
			q := c.at("/api/v3/secrets/raw", env, path, "expandSecretReferences", "true", "include_imports", "true")
			for _, value := range c.do("GET", q, nil).wantStatus(t, 200).values() {
				if strings.Contains(value, "${") {
					t.Errorf("%s:%s: a reference to nothing", env, path)
				}
			}
		}
	}
	if imported := c.list("/gamma", "include_imports", "true").imports(); len(imported) == 0 {
		t.Error("gamma imports nothing")
	}
	block, _ := pem.Decode([]byte(seed.Environments["prod"]["/alpha"]["TLS_PRIVATE_KEY"]))
	if block == nil {
		t.Fatal("the key is no PEM")
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
}

// TestSampleValuesAreNewEachTime lists the names whose values are fixed because
// they are no secrets; all else is random.
func TestSampleValuesAreNewEachTime(t *testing.T) {
	fixed := []string{"ADMIN_EMAIL", "BUCKET", "DB_HOST", "FEATURE_FLAGS", "PUBLIC_URL", "SENTRY_DSN", "SMTP_USER", "WEBHOOK_URL"}
	one, two := devstore.SampleSeed(), devstore.SampleSeed()
	for env, folders := range one.Environments {
		for path, secrets := range folders {
			for name, value := range secrets {
				if two.Environments[env][path][name] == value && !slices.Contains(fixed, name) {
					t.Errorf("%s:%s/%s is the same twice", env, path, name)
				}
			}
		}
	}
}

func FuzzParseSeed(f *testing.F) {
	for _, bad := range badSeeds {
		f.Add(bad.seed)
	}
	f.Add(`{"environments":{"prod":{"/alpha":{"A":"made-up-canary"},"/":{}}},"imports":{"prod":{"/":["/alpha"]}},"deny":["/alpha"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		seed, err := devstore.ParseSeed(strings.NewReader(text))
		if err != nil {
			if message := err.Error(); strings.Contains(message, "\n") || len(message) > 1000 {
				t.Errorf("message %q", message)
			}
			return
		}
		store := devstore.New(devstore.Options{Seed: seed})
		id, key := store.AddIdentity(devstore.Identity{Rules: devstore.MayRead()})
		c := &client{t: t, store: store, token: login(t, store, [2]string{id, key})}
		for env, folders := range seed.Environments {
			for path, secrets := range folders {
				got := c.do("GET", c.at("/api/v3/secrets/raw", env, path), nil).wantStatus(t, 200)
				if len(got.values()) != len(secrets) {
					t.Errorf("%d secrets of %d", len(got.values()), len(secrets))
				}
			}
		}
	})
}

func FuzzExpansion(f *testing.F) {
	for _, value := range []string{"${B}", "${prod.x.B}", "${prod.B}", "a${A}b${B}", "${", "${}", "$${B}}", "${.}", "${..}", "${B", "${${B}}", "\x00${B}"} {
		f.Add(value, "${A}-${A}")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		store := devstore.New(devstore.Options{})
		store.Set("prod", "/x", "A", a)
		store.Set("prod", "/x", "B", b)
		c := connect(t, store, devstore.MayRead())
		stored := c.list("/x").wantStatus(t, 200).values()
		got := c.list("/x", "expandSecretReferences", "true").wantStatus(t, 200)
		if !strings.Contains(stored[0], "${") && got.values()[0] != stored[0] {
			t.Error("a value without references changed")
		}
		if len(got.values()[0]) > 1<<26 {
			t.Error("an expansion without end")
		}
	})
}

// FuzzPaths sends any path as the folder, the name and the route itself. The
// store answers all of it, finds nothing but what is there, and resolves no dots.
func FuzzPaths(f *testing.F) {
	for _, path := range []string{"/alpha", "alpha/", "//alpha", "/alpha/..", "..", "/a/../alpha", "%2e%2e", "\x00", "/alpha\n", strings.Repeat("/a", 600)} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		store := devstore.New(devstore.Options{})
		store.Set("prod", "/alpha", "A", "x")
		c := connect(t, store, devstore.MayRead())

		segments := slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
		want := 404
		if len(segments) == 0 || slices.Equal(segments, []string{"alpha"}) {
			want = 200
		}
		c.list(path).wantStatus(t, want)

		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://store.test/"+path, http.NoBody)
		if err != nil {
			return
		}
		r.RequestURI = r.URL.RequestURI()
		rec := httptest.NewRecorder()
		store.ServeHTTP(rec, r)
		if rec.Code/100 == 3 || rec.Code == 500 {
			t.Errorf("status %d", rec.Code)
		}
	})
}
