package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const loggedIn = `{"loggedInUserEmail": "someone@example.test", "LoggedInUserDomain": "https://cli.example.test/api", "loggedInUsers": []}`

// installed makes the Infisical CLI one that is on PATH.
func (w *world) installed(in Input) Input {
	in.LookPath = func(name string) (string, error) {
		if name != "infisical" {
			w.t.Errorf("looked for %q", name)
		}
		return "/opt/infisical", nil
	}
	return in
}

// kinds loads and lists the candidates, as "kind source site".
func (w *world) kinds(in Input) []string {
	w.t.Helper()
	c, err := Load(in)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, candidate := range c.Identities.Candidates {
		source := strings.ReplaceAll(candidate.Source, w.home, "~")
		all = append(all, fmt.Sprintf("%s %s %s", candidate.Kind, source, candidate.Site))
	}
	return all
}

func (w *world) wantKinds(in Input, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.kinds(in)); diff != "" {
		w.t.Errorf("candidates (-want +got):\n%s", diff)
	}
}

// TestOrderOfIdentities has every source, and takes the first away each time.
func TestOrderOfIdentities(t *testing.T) {
	for _, variable := range []string{"", "SSH_CLIENT", "SSH_TTY", "SSH_CONNECTION"} {
		t.Run(variable, func(t *testing.T) {
			const site = "https://cli.example.test"
			w := newWorld(t)
			w.scrimTOML(minimal)
			w.userFile("[identity]\nmethod = \"oidc\"\nidentity_id = \"i-1\"\ntoken_variable = \"CI_JOB_JWT\"\n")
			w.write(".infisical/infisical-config.json", loggedIn, 0o600)
			w.write(".infisical-ua", goodFile, 0o600)
			w.env = map[string]string{siteName: site, tokenName: "made-up", clientIDName: "id", clientSecretName: "key", variable: "x"}
			in := w.installed(w.input())
			const (
				file       = "universal-auth ~/.infisical-ua " + site
				program    = "infisical-cli /opt/infisical " + site
				configured = "oidc ~/.config/scrim/config.toml:2:1 " + site
			)
			w.wantKinds(in, "access-token INFISICAL_TOKEN "+site)
			delete(w.env, tokenName)
			w.wantKinds(in, "universal-auth INFISICAL_UNIVERSAL_AUTH_CLIENT_ID "+site)
			delete(w.env, clientIDName)
			delete(w.env, clientSecretName)
			if variable != "" {
				w.wantKinds(in, file)
				w.remove(".infisical-ua")
				w.wantKinds(in, program, configured)
				w.remove(".infisical/infisical-config.json")
				w.wantKinds(in, configured)
				return
			}
			w.wantKinds(in, program, configured)
			w.userFile("")
			w.wantKinds(in, program, file)
			w.remove(".infisical/infisical-config.json")
			w.wantKinds(in, file)
			w.remove(".infisical-ua")
			w.wantKinds(in)
		})
	}
}

func (w *world) remove(path string) {
	w.t.Helper()
	if err := os.Remove(w.home + "/" + path); err != nil {
		w.t.Fatal(err)
	}
}

// TestAttemptsSayWhatCameOfThem is what -v and a doctor show.
func TestAttemptsSayWhatCameOfThem(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	attempts := func(in Input) []string {
		t.Helper()
		var all []string
		for _, a := range must(Load(in)).Identities.Attempts {
			all = append(all, a.Kind.String()+": "+a.String())
		}
		return all
	}
	want := []string{
		"access-token: INFISICAL_TOKEN is not set",
		"universal-auth: INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET are not set",
		"infisical-cli: the login of the Infisical CLI is not there: nobody ran infisical login",
		"none: [identity] in your scrim/config.toml is not set",
		"universal-auth: ~/.infisical-ua does not exist",
	}
	in := w.installed(w.input())
	if diff := cmp.Diff(want, attempts(in)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.write(".infisical/infisical-config.json", loggedIn, 0o600)
	w.write(".infisical-ua", goodFile, 0o644)
	want[2] = "infisical-cli: the login of the Infisical CLI may serve, and is asked when the store is"
	want[4] = "universal-auth: ~/.infisical-ua cannot be used: ~/.infisical-ua: its mode is 0644, so others may read it: run chmod 600 ~/.infisical-ua"
	if diff := cmp.Diff(want, attempts(in)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.env[tokenName] = "made-up-token"
	got := attempts(in)
	if got[0] != "access-token: INFISICAL_TOKEN serves" || !strings.HasSuffix(got[4], inVain) || strings.Contains(fmt.Sprint(got), "made-up") {
		t.Errorf("attempts %q", got)
	}
}

func must(c Config, err error) Config {
	if err != nil {
		panic(err)
	}
	return c
}

// TestProgramIsForItsSite uses the Infisical CLI's login where it belongs.
func TestProgramIsForItsSite(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	in := w.installed(w.input())
	for content, want := range map[string]string{
		`{`:                         "is not used: ~/.infisical/infisical-config.json is not what it was",
		`{}`:                        "is not there: nobody is logged in",
		`{"loggedInUserEmail":"x"}`: "is not used: ~/.infisical/infisical-config.json does not say to which site it belongs",
		`{"loggedInUserEmail":"x","LoggedInUserDomain":"http://cli.example.test"}`: "is not used: ~/.infisical/infisical-config.json does not say to which site it belongs",
	} {
		w.write(".infisical/infisical-config.json", content, 0o600)
		if got := must(Load(in)).Identities.Attempts[2].Outcome; got != want {
			t.Errorf("%s: %q", content, got)
		}
	}
	w.write(".infisical/infisical-config.json", loggedIn, 0o666)
	if got := must(Load(in)).Identities.Attempts[2].Outcome; !strings.HasPrefix(got, "is not used: others may change ") {
		t.Errorf("changeable by others: %q", got)
	}
	w.write(".infisical/infisical-config.json", loggedIn, 0o600)
	if c := must(Load(in)); c.Scope.Site != "https://cli.example.test" || c.Credentials.Kind != CommandLine {
		t.Errorf("site %q, %v", c.Scope.Site, c.Credentials.Kind)
	}
	// What comes after it belongs to another site, where nobody says otherwise.
	w.write(".infisical-ua", goodFile, 0o600)
	w.wantKinds(in, "infisical-cli /opt/infisical https://cli.example.test")
	w.env[siteName] = "https://else.example.test"
	w.wantKinds(in, "universal-auth ~/.infisical-ua https://else.example.test")
	if got, want := must(Load(in)).Identities.Attempts[2].Outcome, "is for https://cli.example.test, and INFISICAL_API_URL says https://else.example.test"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w.env[siteName] = ""
	in.LookPath = func(string) (string, error) { return "infisical", nil } // from the working directory
	w.wantKinds(in, "universal-auth ~/.infisical-ua https://app.infisical.com")
	in.LookPath = func(string) (string, error) { return "", errors.New("not there") }
	w.wantKinds(in, "universal-auth ~/.infisical-ua https://app.infisical.com")
	// A repository cannot send it elsewhere.
	w.remove(".infisical-ua")
	w.scrimTOML(minimal + "site_url = \"https://evil.example.test\"\n")
	if got := w.refused(w.installed(in)); !strings.Contains(got, "your credentials belong to https://cli.example.test") {
		t.Errorf("error = %q", got)
	}
}

// TestIdentitiesAreLookedForAgain finds what changed, at the same site only.
func TestIdentitiesAreLookedForAgain(t *testing.T) {
	w := newWorld(t)
	again := func() []Credentials {
		t.Helper()
		found, err := LoadIdentities(w.input(), "https://app.infisical.com")
		if err != nil {
			t.Fatal(err)
		}
		return found.Candidates
	}
	if got := again(); len(got) != 0 {
		t.Errorf("%d candidates", len(got))
	}
	w.write(".infisical-ua", goodFile, 0o600)
	first := again()
	if len(first) != 1 || !first[0].Equal(again()[0]) {
		t.Errorf("the same file is not the same: %d", len(first))
	}
	w.write(".infisical-ua", strings.ReplaceAll(goodFile, "key-1", "key-2"), 0o600)
	if second := again(); len(second) != 1 || first[0].Equal(second[0]) {
		t.Error("another secret is the same")
	}
	w.write(".infisical-ua", goodFile+"\n"+siteName+"=https://else.example.test\n", 0o600)
	if got := again(); len(got) != 0 {
		t.Error("credentials of another site")
	}
}

// TestLoginTable is [identity] in the user's file.
func TestLoginTable(t *testing.T) {
	const id = "identity_id = \"i-1\"\n"
	for _, tt := range []struct{ name, repo, user, want string }{
		{"in a repository", minimal + "[identity]\nmethod = \"aws\"\n" + id, "", "~/code/alpha/scrim.toml:3:2: a file in a repository may not set identity: "},
		{"in a repository, in a line", minimal + "identity.method = \"aws\"\n", "", "~/code/alpha/scrim.toml:3:1: a file in a repository may not set identity.method: "},
		{"no method", minimal, "[identity]\n" + id, "~/.config/scrim/config.toml:1:2: identity.method is not one that scrim knows: "},
		{"empty", minimal, "[identity]\n", "~/.config/scrim/config.toml:1:2: identity.method is not one that scrim knows: "},
		{"unknown method", minimal, "[identity]\nmethod = \"hunter2\"\n" + id, "~/.config/scrim/config.toml:2:1: identity.method is not one that scrim knows: "},
		{"wrong case", minimal, "[identity]\nmethod = \"AWS\"\n" + id, "~/.config/scrim/config.toml:2:1: identity.method is not "},
		{"universal auth", minimal, "[identity]\nmethod = \"universal-auth\"\n" + id, "~/.config/scrim/config.toml:2:1: identity.method is not "},
		{"no identity", minimal, "[identity]\nmethod = \"aws\"\n", "~/.config/scrim/config.toml:1:2: identity.identity_id has to be "},
		{"bad identity", minimal, "[identity]\nmethod = \"aws\"\nidentity_id = \"hunter2 x\"\n", "~/.config/scrim/config.toml:3:1: identity.identity_id has to be "},
		{"a secret", minimal, "[identity]\nmethod = \"aws\"\nclient_secret = \"hunter2\"\n", "~/.config/scrim/config.toml:3:1: scrim does not know identity.client_secret: "},
		{"oidc without a token", minimal, "[identity]\nmethod = \"oidc\"\n" + id, "~/.config/scrim/config.toml:1:2: the method oidc needs a token: "},
		{"two tokens", minimal, "[identity]\nmethod = \"oidc\"\n" + id + "token_file = \"/x\"\ntoken_variable = \"X\"\n", "~/.config/scrim/config.toml:5:1: the token is in token_file already: "},
		{"relative file", minimal, "[identity]\nmethod = \"kubernetes\"\n" + id + "token_file = \"x\"\n", "~/.config/scrim/config.toml:4:1: identity.token_file is not an absolute path: "},
		{"bad variable", minimal, "[identity]\nmethod = \"oidc\"\n" + id + "token_variable = \"A=hunter2\"\n", "~/.config/scrim/config.toml:4:1: identity.token_variable is not "},
		{"aws with a file", minimal, "[identity]\nmethod = \"aws\"\n" + id + "token_file = \"/x\"\n", "~/.config/scrim/config.toml:4:1: the method aws takes no token_file: remove it"},
		{"kubernetes with a variable", minimal, "[identity]\nmethod = \"kubernetes\"\n" + id + "token_variable = \"X\"\n", "~/.config/scrim/config.toml:4:1: the method kubernetes takes no token_variable: "},
		{"gcp with a resource", minimal, "[identity]\nmethod = \"gcp\"\n" + id + "resource = \"https://x\"\n", "~/.config/scrim/config.toml:4:1: the method gcp takes no resource: "},
		{"bad resource", minimal, "[identity]\nmethod = \"azure\"\n" + id + "resource = \"hunter2 x\"\n", "~/.config/scrim/config.toml:4:1: identity.resource has characters "},
		{"wrong type", minimal, "[identity]\nmethod = 3\n", "~/.config/scrim/config.toml:2:10: identity.method must be a string: "},
		{"no table", minimal, "identity = \"aws\"\n", "~/.config/scrim/config.toml:1:12: identity must be a table: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(tt.repo)
			w.userFile(tt.user)
			got := w.refused(w.input())
			if !strings.HasPrefix(got, tt.want) || strings.Contains(got, "hunter2") {
				t.Errorf("error = %q\n want it to start with %q", got, tt.want)
			}
		})
	}
}

func TestLoginsOfTheTable(t *testing.T) {
	const id = "identity_id = \"i-1\"\n"
	for user, want := range map[string]Login{
		"identity = { method = \"aws\", identity_id = \"i-1\" }\n":                                 {IdentityID: "i-1"},
		"[identity]\nmethod = \"gcp\"\n" + id:                                                      {IdentityID: "i-1"},
		"[identity]\nmethod = \"azure\"\n" + id:                                                    {IdentityID: "i-1"},
		"[identity]\nmethod = \"azure\"\n" + id + "resource = \"https://r/\"\nclient_id = \"c\"\n": {IdentityID: "i-1", Resource: "https://r/", ClientID: "c"},
		"[identity]\nmethod = \"kubernetes\"\n" + id:                                               {IdentityID: "i-1", TokenFile: kubernetesToken},
		"[identity]\nmethod = \"kubernetes\"\n" + id + "token_file = \"/x\"\n":                     {IdentityID: "i-1", TokenFile: "/x"},
		"[identity]\nmethod = \"oidc\"\n" + id + "token_file = \"~/x\"\n":                          {IdentityID: "i-1", TokenFile: "HOME/x"},
		"[identity]\nmethod = \"oidc\"\n" + id + "token_variable = \"X\"\n":                        {IdentityID: "i-1", TokenVariable: "X"},
	} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		w.userFile(user)
		c := w.load()
		want.TokenFile = strings.ReplaceAll(want.TokenFile, "HOME", w.home)
		if c.Credentials.Login != want || !strings.Contains(user, `"`+c.Credentials.Kind.String()+`"`) {
			t.Errorf("%s: %v %+v", user, c.Credentials.Kind, c.Credentials.Login)
		}
	}
}

// TestProof reads a token where it lies, each time anew.
func TestProof(t *testing.T) {
	w := newWorld(t)
	path := w.write("token", "made-up-one\n", 0o600)
	login := Login{TokenFile: path}
	for _, want := range []string{"made-up-one", "made-up-two"} {
		w.write("token", want+"\n", 0o644)
		if got, err := login.Proof(nil); err != nil || got.Reveal() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for content, mode := range map[string]os.FileMode{"": 0o600, "hunter2 x": 0o600, "hunter2\nx": 0o600, "hunter2": 0o666} {
		w.write("token", content, mode)
		if _, err := login.Proof(nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", content, err)
		}
	}
	w.remove("token")
	if _, err := login.Proof(nil); err == nil || !strings.Contains(err.Error(), "there is no such file") {
		t.Errorf("absent: %v", err)
	}
	variable := Login{TokenVariable: "JWT"}
	if got, err := variable.Proof(func(string) string { return "made-up" }); err != nil || got.Reveal() != "made-up" {
		t.Error(err)
	}
	if _, err := variable.Proof(func(string) string { return "" }); err == nil || !strings.HasPrefix(err.Error(), "JWT: there is no token") {
		t.Error(err)
	}
}

// FuzzProgramFile shows that any content is a site or a reason of fixed text.
func FuzzProgramFile(f *testing.F) {
	f.Add([]byte(loggedIn))
	f.Add([]byte(`{"loggedInUserEmail":"x","LoggedInUserDomain":"https://a/../b"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		site, outcome := parseProgramFile(data)
		if (site == "") == (outcome == "") {
			t.Errorf("%q and %q", site, outcome)
		}
		if again, err := parseSite(site); site != "" && (err != nil || again != site) {
			t.Errorf("site %q", site)
		}
		if outcome != "" && !strings.HasPrefix(outcome, "is not ") {
			t.Errorf("outcome %q", outcome)
		}
	})
}
