package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/ownfile"
	"scrim/internal/secret"
)

// world is a home directory with a repository in it, and an environment.
type world struct {
	t    *testing.T
	home string
	repo string
	env  map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	home := t.TempDir()
	w := &world{t: t, home: home, repo: filepath.Join(home, "code", "alpha"), env: map[string]string{}}
	if err := os.MkdirAll(w.repo, 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

// write puts content at a path below the home directory.
func (w *world) write(path, content string, mode os.FileMode) string {
	w.t.Helper()
	path = filepath.Join(w.home, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) scrimTOML(content string) {
	w.t.Helper()
	w.write("code/alpha/scrim.toml", content, 0o644)
}

func (w *world) userFile(content string) string {
	return w.write(".config/scrim/config.toml", content, 0o600)
}

func (w *world) input() Input {
	return Input{Getenv: func(name string) string { return w.env[name] }, Dir: w.repo, Home: w.home}
}

func (w *world) load() Config {
	w.t.Helper()
	c, err := Load(w.input())
	if err != nil {
		w.t.Fatalf("Load: %v", err)
	}
	return c
}

// refused loads, expects an *Error, and returns its text with the home
// directory as "~".
func (w *world) refused(in Input) string {
	w.t.Helper()
	c, err := Load(in)
	if err == nil {
		w.t.Fatalf("Load = %+v, want an error", c.Scope)
	}
	if _, ok := err.(*Error); !ok { //nolint:errorlint // Load promises the type itself
		w.t.Errorf("error is a %T, want *Error", err)
	}
	if strings.ContainsAny(err.Error(), "\n\r") {
		w.t.Errorf("error has several lines: %q", err)
	}
	return strings.ReplaceAll(err.Error(), w.home, "~")
}

const minimal = "project = \"alpha\"\nproject_id = \"p-1\"\n"

func TestLoadDefaults(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	got := w.load()
	want := secret.Scope{
		Site: "https://app.infisical.com", ProjectID: "p-1", Environment: "prod", Stated: false,
		Project: "alpha", Path: "/alpha", VaultPath: "/alpha/vault", StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
	if diff := cmp.Diff(want, got.Scope); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
	if got.Credentials.Kind != NoCredentials || !strings.Contains(got.Credentials.Reason, "INFISICAL_TOKEN") {
		t.Errorf("credentials = %v %q, want none with a reason", got.Credentials.Kind, got.Credentials.Reason)
	}
	if got.Credentials.Site != want.Site {
		t.Errorf("credentials' site = %q, want %q", got.Credentials.Site, want.Site)
	}
	origins := map[string]string{}
	for _, s := range Settings() {
		origins[s] = strings.ReplaceAll(got.Origin(s), w.home, "~")
	}
	wantOrigins := map[string]string{
		"project": "~/code/alpha/scrim.toml:1:1", "project_id": "~/code/alpha/scrim.toml:2:1",
		"path": "default", "env": "default", "site_url": "default", "vault_environments": "default",
		"paths.vault": "default", "paths.staging": "default", "paths.shared": "default", "types": "default", "redact.public": "default", "agent": "default", "run.allow": "default", "run.keychain": "default", "run.strict": "default", "credentials": "",
	}
	if diff := cmp.Diff(wantOrigins, origins); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
}

// TestKeychainPrograms is a list that the user's own file replaces, or empties.
func TestKeychainPrograms(t *testing.T) {
	for file, want := range map[string][]string{
		"":                       {"claude"},
		"[run]\nstrict = true\n": {"claude"},
		"[run]\nkeychain = [\"codex\", \"claude\"]\n": {"codex", "claude"},
		"[run]\nkeychain = []\n":                      nil,
	} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		if file != "" {
			w.userFile(file)
		}
		got := w.load()
		if !slices.Equal(got.Run.Keychain, want) {
			t.Errorf("%q: %q, want %q", file, got.Run.Keychain, want)
		}
		if stated := got.Origin("run.keychain") != "default"; stated != strings.Contains(file, "keychain") {
			t.Errorf("%q: it comes from %s", file, got.Origin("run.keychain"))
		}
	}
}

// TestTypes gathers declared types from both files. What a person declares in
// their own, a repository does not undo.
func TestTypes(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal + "[types]\nSALT = \"hex\"\nLIMIT = \"text\"\n\"tls.key\" = \"pem\"\n")
	w.userFile("types = { LIMIT = \"integer\", HOOK = \"url\" }\n")
	got := w.load()
	want := map[string]secret.Type{"SALT": secret.Hex, "LIMIT": secret.Integer, "tls.key": secret.PEM, "HOOK": secret.URL}
	if diff := cmp.Diff(want, got.Types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	own := map[string]secret.Type{"LIMIT": secret.Integer, "HOOK": secret.URL}
	if diff := cmp.Diff(own, got.OwnTypes); diff != "" {
		t.Errorf("the user's own types (-want +got):\n%s", diff)
	}
	for setting, origin := range map[string]string{
		"types": "~/.config/scrim/config.toml:1:30", "types.SALT": "~/code/alpha/scrim.toml:4:1",
		"types.LIMIT": "~/.config/scrim/config.toml:1:11", "types.tls.key": "~/code/alpha/scrim.toml:6:1", "types.OTHER": "",
	} {
		if at := strings.ReplaceAll(got.Origin(setting), w.home, "~"); at != origin {
			t.Errorf("%s is from %q, want %q", setting, at, origin)
		}
	}
}

// TestParameters: what stands behind a colon is not for who may be an agent. What
// a repository says there does not hold in a vault, and inside a session nothing
// does.
func TestParameters(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal + "[types]\nHOOK = \"hex:32\"\nKEY = \"regex:a.*\"\nPAY = \"prefix:pay_\"\nN = \"int\"\n")
	w.userFile("types = { KEY = \"regex:b.*\", DB = \"url:Postgres\" }\n")
	got := w.load()
	all := map[string]secret.Type{"HOOK": "hex:32", "KEY": "regex:b.*", "PAY": "prefix:pay_", "N": secret.Integer, "DB": "url:postgres"}
	inVault := map[string]secret.Type{"HOOK": secret.Hex, "KEY": "regex:b.*", "PAY": secret.Prefix, "N": secret.Integer, "DB": "url:postgres"}
	bare := map[string]secret.Type{"HOOK": secret.Hex, "KEY": secret.Regex, "PAY": secret.Prefix, "N": secret.Integer, "DB": secret.URL}
	if diff := cmp.Diff(all, got.Types); diff != "" {
		t.Errorf("types (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(inVault, got.VaultTypes()); diff != "" {
		t.Errorf("types in a vault (-want +got):\n%s", diff)
	}
	in := w.input()
	in.Session = &secret.Scope{Site: got.Scope.Site, ProjectID: "p", Environment: "dev", Project: "alpha", Path: "/alpha", VaultPath: "/alpha/vault"}
	inside, err := Load(in)
	if err != nil {
		t.Fatal(err)
	}
	for what, types := range map[string]map[string]secret.Type{"types": inside.Types, "types in a vault": inside.VaultTypes()} {
		if diff := cmp.Diff(bare, types); diff != "" {
			t.Errorf("%s inside a session (-want +got):\n%s", what, diff)
		}
	}
	if diff := cmp.Diff(map[string]secret.Type{"KEY": secret.Regex, "DB": secret.URL}, inside.OwnTypes); diff != "" {
		t.Errorf("the user's own types inside a session (-want +got):\n%s", diff)
	}
}

func TestPrecedence(t *testing.T) {
	w := newWorld(t)
	in := func(flags Flags) Input { i := w.input(); i.Flags = flags; return i }
	step := func(flags Flags, project, id, env, origin string) {
		t.Helper()
		c, err := Load(in(flags))
		if err != nil {
			t.Fatal(err)
		}
		got := []string{c.Scope.Project, c.Scope.ProjectID, c.Scope.Environment, strings.ReplaceAll(c.Origin("env"), w.home, "~")}
		if diff := cmp.Diff([]string{project, id, env, origin}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !c.Scope.Stated {
			t.Error("the environment is stated, and Stated is false")
		}
	}

	w.userFile("project = \"beta\"\nproject_id = \"p-user\"\n[env]\ndefault = \"test\"\n")
	step(Flags{}, "beta", "p-user", "test", "~/.config/scrim/config.toml:4:1")
	w.scrimTOML("project = \"gamma\"\nproject_id = \"p-repo\"\nenv.default = \"staging\"\n")
	step(Flags{}, "gamma", "p-repo", "staging", "~/code/alpha/scrim.toml:3:1")
	w.env["SCRIM_PROJECT"], w.env["SCRIM_PROJECT_ID"], w.env["PROJECT_ENV"] = "delta", "p-env", "dev"
	step(Flags{}, "delta", "p-env", "dev", "PROJECT_ENV")
	step(Flags{Project: "alpha", Env: "qa"}, "alpha", "p-env", "qa", "--env")
}

func TestRepositoryFileIsTheNearest(t *testing.T) {
	w := newWorld(t)
	w.write("scrim.toml", "project = \"home\"\nproject_id = \"p\"", 0o644)
	in := w.input()
	in.Dir = filepath.Join(w.repo, "deep", "er")
	load := func() string {
		c, err := Load(in)
		if err != nil {
			t.Fatal(err)
		}
		return c.Scope.Project
	}
	if got := load(); got != "home" {
		t.Errorf("project = %q, want that of the home directory's file", got)
	}
	w.scrimTOML(minimal)
	if got := load(); got != "alpha" {
		t.Errorf("project = %q, want that of the nearer file", got)
	}
	w.write("other.toml", "project = \"named\"\nproject_id = \"p\"", 0o644)
	w.env["SCRIM_CONFIG"] = "../../../../other.toml"
	if got := load(); got != "named" {
		t.Errorf("project = %q, want that of the file in SCRIM_CONFIG", got)
	}
}

func TestNothingAboveHomeIsRead(t *testing.T) {
	w := newWorld(t)
	w.write("scrim.toml", minimal, 0o644)
	in := w.input()
	in.Home = w.repo
	if got, want := w.refused(in), "project: nothing says which project this is: "; !strings.HasPrefix(got, want) {
		t.Errorf("error = %q, want it to start with %q", got, want)
	}
}

func TestInfisicalFileGivesTheIDLast(t *testing.T) {
	w := newWorld(t)
	w.env["SCRIM_PROJECT"] = "alpha"
	w.write("code/.infisical.json", `{"workspaceId": "p-json", "defaultEnvironment": "dev", "gitBranchToEnvironmentMapping": null}`, 0o644)
	c := w.load()
	if c.Scope.ProjectID != "p-json" || c.Scope.Environment != "prod" || c.Scope.Stated {
		t.Errorf("scope = %+v, want only the project id from .infisical.json", c.Scope)
	}
	w.scrimTOML(minimal)
	if c := w.load(); c.Scope.ProjectID != "p-1" {
		t.Errorf("project id = %q, want that of scrim.toml", c.Scope.ProjectID)
	}
	w.write("code/.infisical.json", `{`, 0o644)
	w.load() // a file that is not needed is not read
	w.scrimTOML(`project = "alpha"`)
	for content, want := range map[string]string{
		`{`:                             "~/code/.infisical.json: this is not valid JSON: ",
		`{"workspaceId": 7}`:            "~/code/.infisical.json: this is not an object whose workspaceId is a string: ",
		`{"workspaceId": "../x"}`:       "~/code/.infisical.json: an Infisical project id has ",
		`{"workspaceId": ""}`:           "project id: nothing says which Infisical project to read: ",
		`{"workspaceId": "p"} trailing`: "~/code/.infisical.json: this is not valid JSON: ",
		strings.Repeat(" ", ownfile.MaxSize) + `{}`: "~/code/.infisical.json: this is larger than 64 KiB: ",
	} {
		w.write("code/.infisical.json", content, 0o644)
		if got := w.refused(w.input()); !strings.HasPrefix(got, want) {
			t.Errorf("error = %q, want it to start with %q", got, want)
		}
	}
}

func TestBadSettingsNameTheirOrigin(t *testing.T) {
	for _, tt := range []struct {
		name, variable, value string
		flags                 Flags
		want                  string
	}{
		{name: "project flag", flags: Flags{Project: "/alpha"}, want: "--project: a project's name has letters, digits, '_' and '-', and is no path: write a name such as alpha"},
		{name: "env flag", flags: Flags{Env: "pr od"}, want: "--env: an environment is a slug of letters, digits, '_' and '-': write a slug such as dev"},
		{variable: "SCRIM_PROJECT", value: "../x", want: "SCRIM_PROJECT: a project's name "},
		{variable: "PROJECT_ENV", value: "prod\n", want: "PROJECT_ENV: an environment is a slug "},
		{variable: "SCRIM_PROJECT_ID", value: "a/b", want: "SCRIM_PROJECT_ID: an Infisical project id "},
		{variable: "SCRIM_CONFIG", value: "nowhere.toml", want: "SCRIM_CONFIG: the file that it names does not exist: "},
		{variable: "SCRIM_CONFIG", value: ".", want: "~/code/alpha: this is not a regular file: "},
		{variable: "SCRIM_LOG", value: "loud", want: "SCRIM_LOG: no such level: write debug, info or warn"},
		{variable: "SCRIM_LOG_FORMAT", value: "xml", want: "SCRIM_LOG_FORMAT: no such format: write json or text"},
		{variable: "INFISICAL_API_URL", value: "http://secrets.example.org", want: "INFISICAL_API_URL: a site is reached by https; "},
	} {
		t.Run(tt.name+tt.variable, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(minimal)
			if tt.variable != "" {
				w.env[tt.variable] = tt.value
			}
			in := w.input()
			in.Flags = tt.flags
			if got := w.refused(in); !strings.HasPrefix(got, tt.want) {
				t.Errorf("error = %q\n want it to start with %q", got, tt.want)
			}
		})
	}
}

func TestUserFile(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	w.userFile("[projects.alpha]\npath = \"/teams/alpha\"\nvault_environments = [\"prod\", \"dev\"]\n")
	c := w.load()
	want := secret.Scope{
		Site: "https://app.infisical.com", ProjectID: "p-1", Environment: "prod", Project: "alpha",
		Path: "/teams/alpha", VaultPath: "/teams/alpha/vault", StagingPath: "/teams/alpha/staging", SharedPath: "/shared",
		VaultEnvironments: []string{"prod", "dev"},
	}
	if diff := cmp.Diff(want, c.Scope); diff != "" {
		t.Errorf("scope (-want +got):\n%s", diff)
	}
	if got := strings.ReplaceAll(c.Origin("path"), w.home, "~"); got != "~/.config/scrim/config.toml:2:1" {
		t.Errorf("origin of path = %q", got)
	}

	elsewhere := w.write("xdg/scrim/config.toml", "[projects.alpha]\npath = \"/x\"\n", 0o600)
	w.env["XDG_CONFIG_HOME"] = filepath.Dir(filepath.Dir(elsewhere))
	if got := w.load().Scope.Path; got != "/x" {
		t.Errorf("path = %q, want that of the file in XDG_CONFIG_HOME", got)
	}
	w.env["XDG_CONFIG_HOME"] = "relative"
	if got := w.load().Scope.Path; got != "/teams/alpha" {
		t.Errorf("path = %q, want a relative XDG_CONFIG_HOME ignored", got)
	}
}

func TestPublicNames(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	got := w.load()
	if len(got.Redact.Public) > 0 || got.UserFile != filepath.Join(w.home, ".config", "scrim", "config.toml") {
		t.Errorf("public = %q, user's file = %q", got.Redact.Public, got.UserFile)
	}
	path := w.userFile("[redact]\npublic = [\"PORT\", \"AWS_REGION\", \"aws_region\", \"PORT\"]\n")
	got = w.load()
	if diff := cmp.Diff([]string{"AWS_REGION", "PORT", "aws_region"}, got.Redact.Public); diff != "" {
		t.Errorf("public (-want +got):\n%s", diff)
	}
	if got.UserFile != path || got.Origin("redact.public") != path+":2:1" {
		t.Errorf("user's file = %q, origin = %q", got.UserFile, got.Origin("redact.public"))
	}
	in := w.input()
	in.Home = ""
	if c, err := Load(in); err != nil || c.UserFile != "" || len(c.Redact.Public) > 0 {
		t.Errorf("without a home: %q, %q, %v", c.UserFile, c.Redact.Public, err)
	}
}

func TestUserFileThatOthersMayChangeIsRefused(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	path := w.userFile("site_url = \"https://secrets.example.org\"\n")
	for _, mode := range []os.FileMode{0o620, 0o602} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if got, want := w.refused(w.input()), "~/.config/scrim/config.toml: others may change this file"; !strings.HasPrefix(got, want) {
			t.Errorf("mode %o: error = %q, want it to start with %q", mode, got, want)
		}
	}
}

func TestParseLog(t *testing.T) {
	env := map[string]string{"SCRIM_LOG": "debug", "SCRIM_LOG_FORMAT": "json"}
	got, err := ParseLog(func(name string) string { return env[name] })
	if err != nil || !got.JSON || got.Level.String() != "DEBUG" {
		t.Errorf("ParseLog = %+v, %v", got, err)
	}
}
