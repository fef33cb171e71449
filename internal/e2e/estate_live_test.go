package e2e

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// liveWorld is a server with a project that has the environment prod. Of its
// identities these tests want the keeper, which may do everything in it.
type liveWorld struct {
	SiteURL    string
	ProjectID  string
	Identities map[string]struct{ ClientID, ClientSecret string }
}

// TestEstateLive runs the commands that keep a store in order on a scratch project,
// which they make and which is removed: against the embedded store and, where
// SCRIM_LIVE_CREDS names a file with a world that has a keeper, against that one.
func TestEstateLive(t *testing.T) {
	t.Parallel()
	t.Run("devstore", func(t *testing.T) {
		t.Parallel()
		store := devstore.New(devstore.Options{Seed: devstore.Seed{Environments: seed}})
		server := httptest.NewServer(store) // until what the test made is removed
		t.Cleanup(server.Close)
		id, key := store.AddIdentity(devstore.Identity{Name: "keeper", Rules: slices.Concat(devstore.MayRead(), devstore.MayWrite())})
		newScratch(t, liveWorld{SiteURL: server.URL, ProjectID: store.ProjectID()}, id, key).story()
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
		var w liveWorld
		if err := json.Unmarshal(data, &w); err != nil {
			t.Fatalf("%s is not JSON of the right shape", path)
		}
		keeper, ok := w.Identities["keeper"]
		if !ok {
			t.Skip("there is no identity keeper: left out what writes")
		}
		newScratch(t, w, keeper.ClientID, keeper.ClientSecret).story()
	})
}

// scratch is a project of the test's own in a store, with a shared source of its
// own, and scrim beside it.
type scratch struct {
	rig
	t      *testing.T
	site   string
	id     string // the Infisical project's
	name   string
	client *infisical.Client
	values map[string]string // all that were ever written, by name
}

// newScratch makes the shared source. The project itself is the commands' to make.
func newScratch(t *testing.T, w liveWorld, clientID, clientSecret string) *scratch {
	t.Helper()
	s := &scratch{t: t, site: w.SiteURL, id: w.ProjectID, name: "scrim-test-" + strings.ToLower(rand.Text()[:10]), values: map[string]string{}}
	var err error
	s.client, err = infisical.New(infisical.Options{
		Site: w.SiteURL, ProjectID: w.ProjectID, Timeout: 30 * time.Second,
		Identity: infisical.UniversalAuth(secret.NewValue(clientID), secret.NewValue(clientSecret)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.rig = newRig(t, []string{scrimBin}, "INFISICAL_API_URL="+w.SiteURL, "SCRIM_PROJECT_ID="+w.ProjectID, "PROJECT_ENV=prod",
		"INFISICAL_UNIVERSAL_AUTH_CLIENT_ID="+clientID, "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET="+clientSecret)
	s.forbidden = append(slices.Clone(seededNeedles), needles(map[string]string{"client secret": clientSecret})...)
	own := filepath.Join(s.home, "XDG_CONFIG_HOME", "scrim")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "[paths]\nshared = \"" + s.shared() + "\"\n"
	if err := os.WriteFile(filepath.Join(own, "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.remove)
	if err := s.client.CreateFolder(t.Context(), "prod", s.shared()); err != nil {
		t.Fatal(err)
	}
	s.writes(s.shared(), "MAIL_RELAY")
	s.writes(s.shared(), "LOG_DRAIN")
	return s
}

func (s *scratch) shared() string { return "/" + s.name + "-shared" }
func (s *scratch) base() string   { return "/" + s.name }
func (s *scratch) vault() string  { return "/" + s.name + "/vault" }

// writes makes a secret with a value that nothing else has, which must not show from
// here on.
func (s *scratch) writes(at, name string) {
	s.t.Helper()
	value := "made-up " + strings.ToLower(rand.Text())
	s.values[name] = value
	s.forbidden = append(s.forbidden, needles(map[string]string{name: value})...)
	draft := secret.Draft{Name: name, Value: secret.NewValue(value), Comment: "of a test of scrim"}
	if err := s.client.Create(s.t.Context(), "prod", at, []secret.Draft{draft}); err != nil {
		s.t.Fatal(err)
	}
}

// has fails the test unless a folder holds exactly these names, with their values.
func (s *scratch) has(at string, names ...string) {
	s.t.Helper()
	own, err := s.client.Own(s.t.Context(), "prod", at)
	if err != nil {
		s.t.Fatal(err)
	}
	var got []string
	for _, one := range own.Secrets {
		name := one.Entry.Ref.Name()
		got = append(got, name)
		if one.Value.Reveal() != s.values[name] {
			s.t.Errorf("%s at %s has another value than was written", name, at)
		}
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		s.t.Errorf("%s holds %v, not %v", at, got, names)
	}
}

// ends runs scrim, and fails the test unless it ends so.
func (s *scratch) ends(code int, arguments ...string) ran {
	s.t.Helper()
	r := s.run(s.t, arguments...)
	if r.code != code {
		s.t.Fatalf("scrim %v ends with %d, not %d\n%s%s", arguments, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says fails the test unless text has all of these in it.
func (s *scratch) says(text string, wants ...string) {
	s.t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			s.t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// story is what is done to a scratch project, with every command.
func (s *scratch) story() {
	s.t.Helper()
	s.project()
	s.audit()
	s.probe()
	s.mv()
	s.check()
}

func (s *scratch) project() {
	s.t.Helper()
	added := s.ends(0, "project", "add", s.name, "--yes")
	s.says(added.stdout, "made the folder prod:"+s.base(), "made the folder prod:"+s.vault(), "copied MAIL_RELAY to", "proved that prod:"+s.vault()+" is a vault")
	s.has(s.base(), "MAIL_RELAY", "LOG_DRAIN")
	if again := s.ends(0, "project", "add", s.name, "--yes"); strings.Contains(again.stdout, "made the folder") || strings.Contains(again.stdout, "copied") {
		s.t.Errorf("a second time it does more than prove: %s", again.stdout)
	}
	listed := s.ends(0, "project", "list", "--json")
	var list struct {
		Projects []struct {
			Project         string
			Injected, Vault struct {
				State string
				Count int
			}
		}
	}
	if err := json.Unmarshal([]byte(listed.stdout), &list); err != nil {
		s.t.Fatal(err)
	}
	found := false
	for _, p := range list.Projects {
		found = found || p.Project == s.name && p.Injected.Count == 2 && p.Vault.State == "counted" && p.Vault.Count == 0
	}
	if !found {
		s.t.Errorf("it is not listed as it is: %s", listed.stdout)
	}
}

// audit takes one copy away and changes another: that is found, and mended.
func (s *scratch) audit() {
	s.t.Helper()
	only := []string{"audit", "--projects", s.name}
	s.ends(0, only...)
	ref, err := secret.ParseRef("prod", s.base(), "LOG_DRAIN")
	if err != nil {
		s.t.Fatal(err)
	}
	other := []secret.Draft{{Name: "MAIL_RELAY", Value: secret.NewValue("made-up, and another")}}
	if err := errors.Join(s.client.Delete(s.t.Context(), ref), s.client.Update(s.t.Context(), "prod", s.base(), other)); err != nil {
		s.t.Fatal(err)
	}
	s.says(s.ends(1, append(only, "--json")...).stdout, `"LOG_DRAIN": "missing"`, `"MAIL_RELAY": "differs"`)
	s.ends(0, append(only, "--fix", "--yes")...)
	s.has(s.base(), "MAIL_RELAY", "LOG_DRAIN")
	s.ends(0, only...)
}

func (s *scratch) probe() {
	s.t.Helper()
	s.says(s.ends(0, "vault", "probe", "--project", s.name).stdout, "paths match exactly", "its value is read back as it was written", "removed it again")
	s.says(s.ends(0, "vault", "probe", "--project", s.name, "--json").stdout, `"passed": true`)
	s.has(s.vault())
}

func (s *scratch) mv() {
	s.t.Helper()
	s.writes(s.base(), "DEPLOY_PHRASE")
	to := func(place string, more ...string) []string {
		return append([]string{"vault", "mv", "DEPLOY_PHRASE", "--project", s.name, "--to", place}, more...)
	}
	s.ends(0, to("vault", "--dry-run")...)
	s.has(s.vault())
	s.says(s.ends(0, to("vault", "--yes")...).stdout, "DEPLOY_PHRASE is at prod:"+s.vault())
	s.has(s.vault(), "DEPLOY_PHRASE")
	s.has(s.base(), "MAIL_RELAY", "LOG_DRAIN")
	s.says(s.ends(0, to("vault", "--yes")...).stderr, "nothing to do")
	s.says(s.ends(0, "vault", "ls", "--project", s.name, "--json").stdout, `"name": "DEPLOY_PHRASE"`, `"version": 1`)
	s.says(s.ends(4, to("base", "--yes")...).stderr, "Not approved, and nothing was moved")
	s.has(s.vault(), "DEPLOY_PHRASE")
}

func (s *scratch) check() {
	s.t.Helper()
	s.says(s.ends(0, "check", "--project", s.name, "--json").stdout, `"complete": true`)
}

// remove takes away what the test made, whatever came of it.
func (s *scratch) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, at := range []string{s.vault(), s.base(), s.shared()} {
		if own, err := s.client.Own(ctx, "prod", at); err == nil {
			for _, one := range own.Secrets {
				if err := s.client.Delete(ctx, one.Entry.Ref); err != nil {
					s.t.Errorf("%s is left: %v", one.Entry.Ref, err)
				}
			}
		}
		if err := s.removeFolder(ctx, at); err != nil {
			s.t.Errorf("the folder %s is left: %v", at, err)
		}
	}
	folders, err := s.client.Folders(ctx, "prod", "/")
	if err != nil || slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(f, s.name) }) {
		s.t.Errorf("a folder of %s is left (%v)", s.name, err)
	}
}

// removeFolder does what scrim has no call for.
func (s *scratch) removeFolder(ctx context.Context, at string) error {
	token, _, err := s.client.Lend(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"workspaceId": s.id, "environment": "prod", "path": filepath.ToSlash(filepath.Dir(at))})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodDelete, strings.TrimSuffix(strings.TrimSuffix(s.site, "/"), "/api")+"/api/v1/folders/"+filepath.Base(at), strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token.Reveal())
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNotFound {
		return errors.New(answer.Status)
	}
	return nil
}
