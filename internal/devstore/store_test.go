package devstore_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
)

// small returns a store with a vault, something shared and references.
func small() *devstore.Store {
	return devstore.New(devstore.Options{Seed: devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {
			"/alpha":       {"URL": "https://${prod.shared.HOST}/${WORD}", "WORD": "w"},
			"/alpha/vault": {"ROOT": "r"},
			"/shared":      {"HOST": "h.example.test"},
			"/empty":       {},
		}},
		Imports: map[string]map[string][]string{"prod": {"/empty": {"/shared", "/alpha"}}},
	}})
}

func TestListsShowOnlyWhatTheIdentityMayDescribe(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayNotSee("/alpha/vault/**"))

	wantEqual(t, c.list("/alpha/vault").wantStatus(t, 200).values(), nil)
	wantEqual(t, c.list("alpha/vault/").wantStatus(t, 200).values(), nil)
	denied := c.get("/alpha/vault", "ROOT").wantStatus(t, 403)
	wantEqual(t, denied.kind(), "PermissionDenied")
	if absent := c.get("/alpha/vault", "NOPE").wantStatus(t, 403); absent.message() != denied.message() {
		t.Error("a denied get tells whether the name is there")
	}
	wantEqual(t, c.list("/", "recursive", "true").wantStatus(t, 200).values(),
		[]string{"HOST=h.example.test", "URL=https://${prod.shared.HOST}/${WORD}", "WORD=w"})
	folders := c.do(http.MethodGet, c.at("/api/v1/folders", "prod", "/alpha"), nil).wantStatus(t, 200)
	wantEqual(t, names(folders.body), []string{"vault"}) // folders are not filtered
}

func TestDescribeOnlyOnOnePath(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayNotReadValues("/alpha/vault/**"))

	refused := c.list("/alpha/vault").wantStatus(t, 403)
	wantEqual(t, refused.message(), "You are not allowed to readValue on secrets")
	hidden := c.list("/alpha/vault", "viewSecretValue", "false").wantStatus(t, 200)
	wantEqual(t, hidden.values(), []string{"ROOT=<hidden-by-infisical>"})
	wantEqual(t, c.get("/alpha/vault", "ROOT").wantStatus(t, 403).kind(), "ForbiddenReadSecretError")
	wantEqual(t, c.get("/alpha/vault", "NOPE").wantStatus(t, 404).kind(), "NotFound")
	// Below the folder that is listed, what may not be read is left out.
	wantEqual(t, c.list("/alpha", "recursive", "true").wantStatus(t, 200).values(),
		[]string{"URL=https://${prod.shared.HOST}/${WORD}", "WORD=w"})
}

func TestPermissionsChangeUnderAToken(t *testing.T) {
	store := small()
	c := connect(t, store)
	c.list("/alpha").wantStatus(t, 403)
	store.Permit(c.id, devstore.MayRead("/alpha"))
	wantEqual(t, len(c.list("/alpha").wantStatus(t, 200).values()), 2)
	wantEqual(t, c.list("/alpha/vault").wantStatus(t, 200).values(), nil)
	store.Permit(c.id, devstore.MayRead("/alpha/**"))
	wantEqual(t, len(c.list("/alpha/vault").wantStatus(t, 200).values()), 1)
	wantEqual(t, c.list("/").wantStatus(t, 200).values(), nil)
}

func TestImports(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())

	wantEqual(t, c.list("/empty").wantStatus(t, 200).imports(), nil)
	on := c.list("/empty", "include_imports", "true", "expandSecretReferences", "true").wantStatus(t, 200)
	wantEqual(t, on.imports(), []string{"HOST=h.example.test", "URL=https://h.example.test/w", "WORD=w"})

	c.get("/empty", "HOST").wantStatus(t, 404)
	c.get("/empty", "HOST", "include_imports", "true").wantStatus(t, 200)
	c.get("/empty", "NOPE", "include_imports", "true").wantStatus(t, 404)

	store.Import("prod", "/shared", "prod", "/empty") // a circle
	wantEqual(t, c.list("/empty", "include_imports", "true").wantStatus(t, 200).imports(),
		[]string{
			"HOST=h.example.test", "URL=https://${prod.shared.HOST}/${WORD}", "WORD=w",
			"URL=https://${prod.shared.HOST}/${WORD}", "WORD=w",
		})

	store.Permit(c.id, slices.Concat(devstore.MayRead(), devstore.MayNotReadValues("/shared")))
	c.get("/empty", "HOST", "include_imports", "true").wantStatus(t, 403)
	seen := c.list("/empty", "include_imports", "true").wantStatus(t, 200)
	wantEqual(t, slices.Contains(seen.imports(), "HOST=h.example.test"), false)
	names := c.list("/empty", "include_imports", "true", "viewSecretValue", "false").wantStatus(t, 200)
	wantEqual(t, names.imports()[0], "HOST=<hidden-by-infisical>")
}

func TestExpansionIsRefusedForTheWholeList(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayNotSee("/shared"))

	wantEqual(t, len(c.list("/alpha").wantStatus(t, 200).values()), 2)
	refused := c.list("/alpha", "expandSecretReferences", "true").wantStatus(t, 403)
	wantEqual(t, refused.kind(), "ForbiddenError")
	c.get("/alpha", "URL").wantStatus(t, 200)
	c.get("/alpha", "URL", "expandSecretReferences", "true").wantStatus(t, 403)
	c.get("/alpha", "WORD", "expandSecretReferences", "true").wantStatus(t, 200)
}

func TestReferencesEnd(t *testing.T) {
	store := devstore.New(devstore.Options{})
	for name, value := range map[string]string{
		"A": "a${B}", "B": "b${A}", // a circle
		"SELF": "${SELF}", "NONE": "${NOPE}${other.NOPE}", "EMPTY": "", "TO_EMPTY": "<${EMPTY}>", "DOLLARS": "$${B }${}$${",
	} {
		store.Set("prod", "/x", name, value)
	}
	for i := range 20 {
		store.Set("prod", "/deep", fmt.Sprint("D", i), fmt.Sprintf("%d ${D%d}", i, i+1))
		store.Set("prod", "/wide", fmt.Sprint("W", i), strings.Repeat(fmt.Sprintf("${W%d}", i+1), 1000))
	}
	c := connect(t, store, devstore.MayRead())
	wantEqual(t, c.list("/x", "expandSecretReferences", "true").wantStatus(t, 200).values(), []string{
		"A=aba${B}", "B=bab${A}", "DOLLARS=$${B }${}$${", "EMPTY=", "NONE=${NOPE}${other.NOPE}", "SELF=${SELF}", "TO_EMPTY=<${EMPTY}>",
	})
	deep := c.get("/deep", "D0", "expandSecretReferences", "true").wantStatus(t, 200).body["secret"].(map[string]any)
	wantEqual(t, deep["secretValue"], any("0 1 2 3 4 5 6 7 8 9 10 11 ${D12}"))
	wide := c.get("/wide", "W0", "expandSecretReferences", "true").wantStatus(t, 200).body["secret"].(map[string]any)
	if n := len(text(wide["secretValue"])); n > 32<<20 {
		t.Errorf("a reference grew to %d bytes", n)
	}
}

func TestWrites(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite("/alpha"))
	raw := "/api/v3/secrets/raw/"

	c.write("POST", raw+"NEW", map[string]any{"secretValue": " v\n\n", "secretComment": "why"}).wantStatus(t, 200)
	got := c.get("/alpha", "NEW").wantStatus(t, 200).body["secret"].(map[string]any)
	wantEqual(t, []any{got["secretValue"], got["secretComment"], got["version"]}, []any{"v\n", "why", 1.0})

	c.write("PATCH", raw+"NEW", map[string]any{"skipMultilineEncoding": true}).wantStatus(t, 200)
	got = c.get("/alpha", "NEW").wantStatus(t, 200).body["secret"].(map[string]any)
	wantEqual(t, []any{got["secretValue"], got["skipMultilineEncoding"], got["version"]}, []any{"v\n", true, 2.0})

	c.write("POST", raw+"NEW", map[string]any{"secretValue": "x", "secretPath": "/shared"}).wantStatus(t, 403)
	c.write("PATCH", raw+"NEW", map[string]any{"secretPath": "/nope"}).wantStatus(t, 404)
	c.write("DELETE", raw+"NEW", nil).wantStatus(t, 200)
	c.get("/alpha", "NEW").wantStatus(t, 404)
	c.write("POST", raw+"A%2FB", map[string]any{"secretValue": "x"}).wantStatus(t, 422)
	c.write("POST", raw+"N", map[string]any{"secretValue": 5, "environment": nil}).wantStatus(t, 422)
}

func TestBatchIsAllOrNothing(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite())
	route := "/api/v3/secrets/batch/raw"
	batch := func(secrets ...map[string]any) map[string]any { return map[string]any{"secrets": secrets} }
	a, b := map[string]any{"secretKey": "A", "secretValue": "1"}, map[string]any{"secretKey": "B", "secretValue": "2"}
	word := map[string]any{"secretKey": "WORD", "secretValue": "3"}

	exists := c.write("POST", route, batch(a, word)).wantStatus(t, 400)
	wantEqual(t, exists.message(), "Secret already exists: WORD")
	c.get("/alpha", "A").wantStatus(t, 404)
	wantEqual(t, c.write("POST", route, batch(a, b)).wantStatus(t, 200).values(), []string{"A=1", "B=2"})
	b["secretValue"] = "22"
	wantEqual(t, c.write("PATCH", route, batch(b)).wantStatus(t, 200).values(), []string{"B=22"})
	c.write("PATCH", route, batch(b, map[string]any{"secretKey": "C"})).wantStatus(t, 404)
	wantEqual(t, c.write("DELETE", route, batch(a, b)).wantStatus(t, 200).values(), []string{"A=1", "B=22"})
	c.write("DELETE", route, batch(a)).wantStatus(t, 404)
	c.write("POST", route, batch()).wantStatus(t, 422)
	c.write("POST", route, map[string]any{"secrets": []any{"A", nil, 5}}).wantStatus(t, 422)
}

func TestAWriterWhoMayNotReadSeesNoValue(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayDescribe(), devstore.MayWrite())
	got := c.write("PATCH", "/api/v3/secrets/raw/WORD", nil).wantStatus(t, 200).body["secret"].(map[string]any)
	wantEqual(t, got["secretValue"], any("<hidden-by-infisical>"))
}

func TestETagsFollowTheContent(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	target := c.at("/api/v3/secrets/raw", "prod", "/alpha")
	tag := c.list("/alpha").header.Get("ETag")

	for _, header := range []string{tag, "W/" + tag, `"other", ` + tag} {
		c.do("GET", target, nil, "If-None-Match", header).wantStatus(t, 304)
	}
	c.do("GET", target, nil, "If-None-Match", `"other"`).wantStatus(t, 200)
	store.Set("prod", "/alpha/vault", "OTHER", "x")
	c.do("GET", target, nil, "If-None-Match", tag).wantStatus(t, 304)
	store.Set("prod", "/alpha", "WORD", "x")
	c.do("GET", target, nil, "If-None-Match", tag).wantStatus(t, 200)
	if requests := store.Requests(); !requests[len(requests)-1].Conditional {
		t.Error("the conditional request is not recorded as one")
	}
}

func TestFolders(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite())
	target := func(path string, more ...string) string { return c.at("/api/v1/folders", "prod", path, more...) }

	made := c.write("POST", "/api/v1/folders", map[string]any{"path": "/new/deep", "name": "leaf"}).wantStatus(t, 200)
	wantEqual(t, made.body["folder"].(map[string]any)["path"], any("/new/deep/leaf"))
	wantEqual(t, names(c.do("GET", target("/new", "recursive", "true"), nil).body), []string{"deep", "leaf"})
	c.write("DELETE", "/api/v1/folders/deep", map[string]any{"path": "/new"}).wantStatus(t, 200)
	wantEqual(t, names(c.do("GET", target("/new"), nil).body), nil)
	c.write("DELETE", "/api/v1/folders/deep", map[string]any{"path": "/new"}).wantStatus(t, 404)
	c.write("DELETE", "/api/v1/folders/deep", map[string]any{"path": "/nope"}).wantStatus(t, 404)
	c.write("DELETE", "/api/v1/folders/alpha", map[string]any{"path": "/"}).wantStatus(t, 200)
	c.list("/alpha/vault").wantStatus(t, 404)
}

func TestRoutesTakePathsAsTheyAreSent(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	for target, status := range map[string]int{
		c.at("/api/v3/secrets/raw/", "prod", "/alpha"):                         200, // the list
		c.at("/api/v3/secrets/raw/%57ORD", "prod", "/alpha"):                   200,
		c.at("/api/v3/secrets/raw/%2E%2E", "prod", "/alpha"):                   404,
		c.at("/api/v3/secrets/raw/../../../v1/folders", "prod", "/alpha"):      404,
		c.at("/api/v3//secrets/raw", "prod", "/alpha"):                         404,
		c.at("/api/v3/secrets/raw/%2E%2E%2F%2E%2E%2Fv1%2Fx", "prod", "/alpha"): 404,
		c.at("/api/v3/secrets/raw", "prod", "//alpha//"):                       200,
		c.at("/api/v3/secrets/raw", "prod", "/alpha/../shared"):                404,
		c.at("/api/v3/secrets/raw", "prod", "/ALPHA"):                          404,
	} {
		if got := c.do("GET", target, nil); got.status != status {
			t.Errorf("GET %s: status %d, want %d", target, got.status, status)
		}
	}
	c.do("PUT", c.at("/api/v3/secrets/raw", "prod", "/alpha"), nil).wantStatus(t, 404)
}

func TestLockout(t *testing.T) {
	clock := newClock()
	store := devstore.New(devstore.Options{Now: clock.Now})
	id, key := store.AddIdentity(devstore.Identity{Name: "test"})
	try := func(key string) answer {
		c := &client{t: t, store: store}
		return c.do("POST", "/api/v1/auth/universal-auth/login", map[string]string{"clientId": id, "clientSecret": key})
	}
	try("wrong").wantStatus(t, 401)
	try("wrong").wantStatus(t, 401)
	clock.Advance(31 * time.Second) // the count is over
	try("wrong").wantStatus(t, 401)
	try("wrong").wantStatus(t, 401)
	try(key).wantStatus(t, 200) // and starts over
	for range 3 {
		wantEqual(t, try("wrong").wantStatus(t, 401).message(), "Invalid credentials")
	}
	clock.Advance(299 * time.Second)
	if got := try(key).wantStatus(t, 401); !strings.Contains(got.message(), "temporarily locked") {
		t.Errorf("message %q", got.message())
	}
	clock.Advance(2 * time.Second)
	try(key).wantStatus(t, 200)
}

func TestTokensEnd(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	c.list("/alpha").wantStatus(t, 200)
	store.ExpireTokens()
	wantEqual(t, c.list("/alpha").wantStatus(t, 403).kind(), "TokenError")
	c.token = login(t, store, c.pair)
	c.list("/alpha").wantStatus(t, 200)
	store.RevokeTokens()
	c.list("/alpha").wantStatus(t, 401)
	for _, token := range []string{"a.b", "a.!.c", "a.e30.c", "a.bnVsbA.c", strings.Repeat("x", 9999)} {
		c.token = token
		wantEqual(t, c.list("/alpha").wantStatus(t, 403).kind(), "TokenError")
	}
}

// TestNothingPrintsAValue looks for values and credentials where they could
// slip out: the log, the requests, and the store and its seed under every verb.
func TestNothingPrintsAValue(t *testing.T) {
	const value = "made-up-value-that-must-not-show"
	seed := devstore.Seed{Environments: map[string]map[string]map[string]string{"prod": {"/alpha": {"NAME": value}}}}
	var out strings.Builder
	store := devstore.New(devstore.Options{
		Seed: seed, Log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	c := connect(t, store, devstore.MayRead(), devstore.MayWrite())
	c.list("/alpha").wantStatus(t, 200)
	c.write("POST", "/api/v3/secrets/raw/OTHER", map[string]any{"secretValue": value}).wantStatus(t, 200)
	c.get("/alpha", "NOPE").wantStatus(t, 404)
	if !strings.Contains(out.String(), "route=/api/v3/secrets/raw/{name} status=404") {
		t.Errorf("the log has no line for the request:\n%s", out.String())
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, store, seed, store.Requests(), devstore.Options{Seed: seed})
	}
	for name, leak := range map[string]string{"value": value, "client secret": c.pair[1], "token": c.token} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the %s shows", name)
		}
	}
}

func TestRequestsAreRemembered(t *testing.T) {
	store := small()
	c := connect(t, store, devstore.MayRead())
	store.ForgetRequests()
	c.get("/alpha", "WORD", "viewSecretValue", "false").wantStatus(t, 200)
	c.write("POST", "/api/v3/secrets/raw/NEW", map[string]any{"secretValue": "x"}).wantStatus(t, 403)
	wantEqual(t, store.Requests(), []devstore.Request{
		{Method: "GET", Path: "/api/v3/secrets/raw/WORD", Environment: "prod", SecretPath: "/alpha", Name: "WORD", NamesOnly: true, Identity: "test", Status: 200},
		{Method: "POST", Path: "/api/v3/secrets/raw/NEW", Environment: "prod", SecretPath: "/alpha", Name: "NEW", Identity: "test", Status: 403},
	})
}
