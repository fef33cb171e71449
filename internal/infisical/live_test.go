package infisical_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// credentials is one identity of a world.
type credentials struct{ ClientID, ClientSecret string }

// world is a server with a project in which the environment prod has the
// folders /alpha, /alpha/vault and /beta with a secret each at least, and these
// identities, of which a real server may lack all but viewer:
//
//	viewer     reads everything
//	namesOnly  may describe secrets everywhere, and read no value
//	alphaOnly  reads /alpha and below, and nothing else
//	outsider   is no member of the project
type world struct {
	SiteURL    string
	ProjectID  string
	Identities map[string]credentials
}

// TestLive holds the adapter to what it promises, against the embedded store
// and, where SCRIM_LIVE_CREDS names a file with a world, against that one.
func TestLive(t *testing.T) {
	t.Parallel()
	t.Run("devstore", func(t *testing.T) {
		t.Parallel()
		checkWorld(t, embedded(t))
	})
	path := os.Getenv("SCRIM_LIVE_CREDS")
	if path == "" {
		t.Log("SCRIM_LIVE_CREDS is not set: left out a real server")
		return
	}
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w world
		if err := json.Unmarshal(data, &w); err != nil {
			t.Fatalf("%s is not JSON of the right shape", path)
		}
		checkWorld(t, w)
	})
}

// embedded is a world in memory.
func embedded(t *testing.T) world {
	t.Helper()
	store := devstore.New(devstore.Options{Seed: devstore.Seed{
		Environments: map[string]map[string]map[string]string{"prod": {
			"/alpha":       {"A": "made-up-a", "REF": "x-${prod.alpha.A}", "EMPTY": "", "PEM": "-----BEGIN X-----\nmade-up\n-----END X-----\n"},
			"/alpha/vault": {"V": "made-up-v", "GREETING": "Grüße \"aus\" 東京 🚀 \\"},
			"/beta":        {"B": "made-up-b"},
			"/empty":       {},
			"/gamma":       {"G": "made-up-g", "FOREIGN": "${prod.beta.B}"},
		}},
		Imports: map[string]map[string][]string{"prod": {"/gamma": {"/beta", "/alpha/vault"}}},
	}})
	h, err := devstore.Serve(t.Context(), "127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	w := world{SiteURL: h.URL(), ProjectID: store.ProjectID(), Identities: map[string]credentials{}}
	for name, rules := range map[string][]devstore.Rule{
		"viewer":    devstore.MayRead(),
		"namesOnly": devstore.MayDescribe(),
		"alphaOnly": devstore.MayRead("/alpha/**"),
		"outsider":  nil,
	} {
		id, key := store.AddIdentity(devstore.Identity{Name: name, Rules: rules})
		w.Identities[name] = credentials{id, key}
	}
	return w
}

// client returns a client for the identity called name, and false where w has
// none. Names are the same with and without capitals and dashes.
func (w world) client(t *testing.T, name string, options ...func(*infisical.Options)) (testClient, bool) {
	t.Helper()
	plain := func(s string) string { return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s)) }
	for key, c := range w.Identities {
		if plain(key) != plain(name) {
			continue
		}
		return newClient(t, &server{url: w.SiteURL}, append([]func(*infisical.Options){func(o *infisical.Options) {
			o.ProjectID = w.ProjectID
			o.Identity = infisical.UniversalAuth(secret.NewValue(c.ClientID), secret.NewValue(c.ClientSecret))
		}}, options...)...), true
	}
	t.Logf("no identity %s: left out what it may do", name)
	return testClient{}, false
}

func checkWorld(t *testing.T, w world) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, world, testClient){
		"viewer": checkViewer, "namesOnly": checkNamesOnly, "alphaOnly": checkAlphaOnly, "outsider": checkOutsider,
	} {
		if c, ok := w.client(t, name); ok {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(t, w, c)
			})
		}
	}
}

// walk calls visit for path and every folder below it.
func walk(t *testing.T, c testClient, path string, visit func(path string)) {
	t.Helper()
	visit(path)
	folders, err := c.Folders(t.Context(), "prod", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range folders {
		walk(t, c, strings.TrimSuffix(path, "/")+"/"+name, visit)
	}
}

func checkViewer(t *testing.T, w world, c testClient) {
	folders := 0
	walk(t, c, "/", func(path string) {
		folders++
		checkReadable(t, c, path)
	})
	if folders < 4 {
		t.Errorf("%d folders: this is not the world that the test is for", folders)
	}
	checkAbsences(t, w, c)
}

// checkReadable checks that all ways to look at a folder agree.
func checkReadable(t *testing.T, c testClient, path string) {
	t.Helper()
	list, err := c.List(t.Context(), "prod", path, "")
	if err != nil || list.Hidden || list.Unexpanded {
		t.Fatalf("got %+v, %v", list, err)
	}
	again, err := c.List(t.Context(), "prod", path, list.ETag)
	if err != nil || list.ETag == "" || !again.NotModified || again.ETag != list.ETag {
		t.Errorf("%s: got %+v, %v", path, again, err)
	}
	bare, err := c.Names(t.Context(), "prod", path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(names(list), names(bare)); diff != "" {
		t.Error(diff)
	}
	for _, want := range list.Secrets[:min(5, len(list.Secrets))] {
		ref := want.Entry.Ref
		got, err := c.Get(t.Context(), ref)
		if err != nil || got.Value.Reveal() != want.Value.Reveal() || got.Imported != want.Imported ||
			got.Entry.Version != want.Entry.Version || want.Imported == "" && !got.Entry.UpdatedAt.Equal(want.Entry.UpdatedAt) {
			t.Errorf("listed as %+v, and got as %+v, %v", want, got, err)
		}
		if err := c.Probe(t.Context(), ref); err != nil {
			t.Error(err)
		}
	}
	if err := c.Probe(t.Context(), mustRef(t, path, "NO_SUCH_NAME")); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("%s: got %v", path, err)
	}
}

func names(l secret.Listing) []string {
	var all []string
	for _, s := range l.Secrets {
		all = append(all, s.Entry.Ref.Name()+" "+s.Imported)
	}
	slices.Sort(all)
	return all
}

// checkAbsences checks that what does not exist is told apart.
func checkAbsences(t *testing.T, w world, c testClient) {
	t.Helper()
	s := &server{url: w.SiteURL}
	elsewhere, _ := w.client(t, "viewer", func(o *infisical.Options) { o.ProjectID = "00000000-0000-4000-8000-000000000000" })
	for kind, do := range map[string]call{
		"list": list("/no/such/path"), "names": namesOf("/no/such/path"),
		"get": get("/no/such/path", "A"), "probe": probe("/no/such/path", "A"),
	} {
		t.Log(kind)
		mustFail(t, s, do(t.Context(), c.Client), secret.ErrPathNotFound)
	}
	for kind, do := range everyCall {
		t.Log(kind)
		mustFail(t, s, do(t.Context(), elsewhere.Client), secret.ErrNoProject)
	}
	_, err := c.List(t.Context(), "no-such-environment", "/alpha", "")
	mustFail(t, s, err, secret.ErrPathNotFound)
	_, err = c.Folders(t.Context(), "no-such-environment", "/")
	mustFail(t, s, err, secret.ErrPathNotFound)
	none, err := c.Folders(t.Context(), "prod", "/no/such/path")
	if err != nil || len(none) > 0 {
		t.Errorf("got %v, %v", none, err)
	}
	mustFail(t, s, get("/alpha", "NO_SUCH_NAME")(t.Context(), c.Client), secret.ErrNotFound)
}

func checkNamesOnly(t *testing.T, w world, c testClient) {
	s := &server{url: w.SiteURL}
	list, err := c.List(t.Context(), "prod", "/alpha", "")
	if err != nil || !list.Hidden || len(list.Secrets) == 0 {
		t.Fatalf("got %+v, %v", list, err)
	}
	again, err := c.List(t.Context(), "prod", "/alpha", list.ETag)
	if err != nil || !again.NotModified {
		t.Errorf("got %+v, %v", again, err)
	}
	for _, listed := range list.Secrets {
		if !listed.Value.IsZero() {
			t.Errorf("%v has a value", listed.Entry.Ref)
		}
	}
	ref := list.Secrets[0].Entry.Ref
	_, err = c.Get(t.Context(), ref)
	mustFail(t, s, err, secret.ErrForbidden)
	if err := c.Probe(t.Context(), ref); err != nil {
		t.Error(err)
	}
	mustFail(t, s, probe("/alpha", "NO_SUCH_NAME")(t.Context(), c.Client), secret.ErrNotFound)
}

func checkAlphaOnly(t *testing.T, w world, c testClient) {
	s := &server{url: w.SiteURL}
	own, err := c.List(t.Context(), "prod", "/alpha", "")
	if err != nil || own.Hidden || len(own.Secrets) == 0 {
		t.Errorf("got %+v, %v", own, err)
	}
	denied, err := c.List(t.Context(), "prod", "/beta", "")
	if err != nil || len(denied.Secrets) > 0 {
		t.Errorf("got %+v, %v", denied, err)
	}
	mustFail(t, s, probe("/beta", "NO_SUCH_NAME")(t.Context(), c.Client), secret.ErrForbidden)
	mustFail(t, s, get("/beta", "NO_SUCH_NAME")(t.Context(), c.Client), secret.ErrForbidden)
}

func checkOutsider(t *testing.T, w world, c testClient) {
	for kind, do := range everyCall {
		t.Log(kind)
		mustFail(t, &server{url: w.SiteURL}, do(t.Context(), c.Client), secret.ErrForbidden)
	}
}
