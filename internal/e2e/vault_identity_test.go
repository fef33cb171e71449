//go:build unix

package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scrim/internal/devstore"
)

// documented returns the permissions that docs/infisical.md gives one of the two
// identities, as the store takes them.
func documented(t *testing.T, identity string) []devstore.Rule {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "infisical.md"))
	if err != nil {
		t.Fatal(err)
	}
	words := regexp.MustCompile("`([^`]+)`")
	var rules []devstore.Rule
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.TrimSpace(cells[1]) != identity {
			continue
		}
		for _, path := range words.FindAllStringSubmatch(cells[3], -1) {
			rule := devstore.Rule{Subject: devstore.Secrets, Path: path[1]}
			for _, action := range words.FindAllStringSubmatch(cells[2], -1) {
				rule.Actions = append(rule.Actions, devstore.Action(action[1]))
			}
			rules = append(rules, rule)
		}
	}
	if len(rules) == 0 {
		t.Fatalf("docs/infisical.md has no permissions for the %s identity", identity)
	}
	return rules
}

// twoIdentities is a server whose everyday identity may describe the vault, as
// documented, and whose [identity.vault] has the rules and the client secret, or
// the right one where that is empty.
func twoIdentities(t *testing.T, rules []devstore.Rule, wrongSecret string) (rig, *devstore.Store) {
	t.Helper()
	store, server := serve(t)
	r := storeRig(t, store, server.URL(), documented(t, "everyday"), "PROJECT_ENV=prod")
	id, key := store.AddIdentity(devstore.Identity{Name: "vault", Rules: rules})
	if wrongSecret != "" {
		key = wrongSecret
	}
	r.forbidden = slices.Concat(r.forbidden, needles(map[string]string{"the vault's client id": id, "the vault's client secret": key}))
	file := filepath.Join(t.TempDir(), "vault-credentials") // outside the home that is searched for them
	lines := "INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=" + id + "\nINFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=" + key + "\n"
	config := filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim", "config.toml")
	if err := os.Mkdir(filepath.Dir(config), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		file:   lines,
		config: "[identity.vault]\nmethod = \"universal-auth\"\nfile = \"" + file + "\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r, store
}

// asked lists what an identity asked the store for, as "METHOD path name".
func asked(store *devstore.Store, identity string, include func(devstore.Request) bool) []string {
	var all []string
	for _, r := range store.Requests() {
		if r.Identity == identity && include(r) {
			what := r.SecretPath + " " + r.Name
			if r.SecretPath == "" {
				what = r.Path
			}
			all = append(all, r.Method+" "+what)
		}
	}
	return all
}

func anything(devstore.Request) bool { return true }

// Two identities with the permissions of the documentation: the everyday one
// sees names, and no value of the vault ever reaches it; the other one is there
// after a yes, and for what was said yes to.
func TestTwoIdentities(t *testing.T) {
	t.Parallel()
	r, store := twoIdentities(t, documented(t, "vault"), "")
	w := open(t, r, legacy, canAsk)

	list := w.call("list_secrets", map[string]any{})
	if !list.Facts.Complete || !slices.ContainsFunc(list.Facts.Secrets, func(l listed) bool { return l.Name == "PAYOUT_PHRASE" && l.Location == "vault" }) {
		t.Errorf("list_secrets: %+v", list.Facts)
	}
	for name, want := range map[string]string{"PAYOUT_PHRASE": "stored_in_vault", "MAILER_PHRASE": "injected", "NOWHERE_PHRASE": "missing"} {
		if got := w.find(name).Facts.Status; got != want {
			t.Errorf("find_secret %s: %s, want %s", name, got, want)
		}
	}
	described := w.reply(w.start("describe_scope", map[string]any{}))
	for _, want := range []string{`"identity":"universal-auth","vault_identity":"universal-auth"`, `as another identity`} {
		if !strings.Contains(string(described.raw), want) {
			t.Errorf("describe_scope says no %s: %s", want, described.raw)
		}
	}
	q := w.ask("RECOVERY_WORDS", "recover")
	if got := asked(store, "vault", anything); got != nil {
		t.Errorf("before a yes the vault's identity asked for %v", got)
	}
	if got := w.answer(q, deny); got.Facts.Status != "denied" {
		t.Errorf("%+v", got.Facts)
	}
	if got := asked(store, "vault", anything); got != nil {
		t.Errorf("after a no the vault's identity asked for %v", got)
	}

	if got := w.answer(w.ask("PAYOUT_PHRASE", "pay the people"), approve); got.Facts.Value != seeded["PAYOUT_PHRASE"] {
		t.Errorf("%+v", got.Facts)
	}
	ran := approvedRun(w, map[string]any{
		"names": []string{"SPARE_PHRASE"}, "command": []string{"sh", "-c", `echo "it is $SPARE_PHRASE"`}, "purpose": "run it",
	})
	if !strings.Contains(string(ran.raw), "it is [redacted:SPARE_PHRASE]") {
		t.Errorf("run_with_vault_secrets: %s", ran.raw)
	}
	w.call("list_secrets", map[string]any{})
	w.call("check_secrets", map[string]any{})

	want := []string{"POST /api/v1/auth/universal-auth/login", "GET /alpha/vault PAYOUT_PHRASE", "GET /alpha/vault SPARE_PHRASE"}
	if got := asked(store, "vault", anything); !slices.Equal(got, want) {
		t.Errorf("the vault's identity asked for %v, want %v", got, want)
	}
	values := func(r devstore.Request) bool {
		return strings.HasPrefix(r.SecretPath, "/alpha/vault") && !r.NamesOnly && r.Status != 403
	}
	if got := asked(store, "e2e", values); got != nil {
		t.Errorf("the everyday identity got values of the vault: %v", got)
	}
	if got := asked(store, "e2e", anything); len(got) == 0 {
		t.Error("the everyday identity asked for nothing")
	}
	w.end(disclosure{"PAYOUT_PHRASE", 1})
}

// approvedRun calls run_with_vault_secrets and says yes.
func approvedRun(w *wire, args map[string]any) frame {
	w.t.Helper()
	call := w.start("run_with_vault_secrets", args)
	f := w.await("the question of the run", func(f frame) bool { return f.Method == "elicitation/create" || f.answers(call) })
	w.respond(question{call: call, id: string(f.ID)}, approve)
	return w.reply(call)
}

// What the vault's identity cannot do is said as that identity's, and the
// everyday one does not step in.
func TestVaultIdentityFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		secret        string
		rules         []devstore.Rule
		message, logs string
	}{
		"wrong secret":  {"made-up-and-wrong-4417", documented(t, "vault"), "the vault's own identity could not log in to the store", "log in: "},
		"describes too": {"", devstore.MayDescribe("/alpha/vault"), "the vault's own identity is not allowed to read that", "get prod:/alpha/vault/PAYOUT_PHRASE: "},
		"no member":     {"", nil, "the vault's own identity is not allowed to read that", "get prod:/alpha/vault/PAYOUT_PHRASE: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, store := twoIdentities(t, c.rules, c.secret)
			w := open(t, r, legacy, canAsk)
			for _, name := range []string{"PAYOUT_PHRASE", "SPARE_PHRASE"} {
				got := w.answer(w.ask(name, "pay"), approve)
				if !got.IsError || got.Facts.Code != "identity_refused" || got.Facts.Message != c.message {
					t.Errorf("%+v", got.Facts)
				}
			}
			if c.secret != "" {
				refused := func(r devstore.Request) bool { return r.Status == 401 }
				if got := asked(store, "", refused); len(got) != 1 {
					t.Errorf("the wrong secret was shown %d times: %v", len(got), got)
				}
			}
			if found := w.find("PAYOUT_PHRASE"); found.Facts.Status != "stored_in_vault" {
				t.Errorf("find_secret afterwards: %+v", found.Facts)
			}
			w.end(nothing)
			logged := w.logged.String()
			if want := "the vault's own identity ([identity.vault]: universal-auth, "; !strings.Contains(logged, want) || !strings.Contains(logged, c.logs) {
				t.Errorf("the log does not say whose failure %q is: %s", c.logs, logged)
			}
		})
	}
}

// The commands look with the everyday identity alone, but for the doctor, which
// looks at the other one too and asks it for no value.
func TestTwoIdentitiesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	r, store := twoIdentities(t, documented(t, "vault"), "")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"list", "-v"}, "identity: after a yes the vault is read as the vault's own identity ([identity.vault]: universal-auth, "},
		{[]string{"list"}, "those of the vault from the first read after a yes on): prod:/alpha/vault"},
		{[]string{"find", "PAYOUT_PHRASE"}, "before it is first read after a yes"},
		{[]string{"find", "PAYOUT_PHRASE"}, "PAYOUT_PHRASE: stored_in_vault"},
		{[]string{"check"}, "PAYOUT_PHRASE"},
		{[]string{"run", "--", "sh", "-c", "echo has ${PAYOUT_PHRASE-none}"}, "has none"},
		{[]string{"mask", "--", "echo", "masking"}, "masking"},
	} {
		if got := command(t, r, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("scrim %s does not say %q: %s", strings.Join(c.args, " "), c.want, got)
		}
	}
	if got := asked(store, "vault", anything); got != nil {
		t.Errorf("the vault's identity asked for %v", got)
	}
	if got := command(t, r, "doctor"); !strings.Contains(got, "after a yes the vault is read as the vault's own identity") || strings.Contains(got, "Too ") {
		t.Errorf("doctor: %s", got)
	}
	values := func(q devstore.Request) bool { return q.Method == "GET" && !q.NamesOnly && q.Path != "/api/v1/folders" }
	if got := asked(store, "vault", values); got != nil {
		t.Errorf("the doctor asked for values: %v", got)
	}
}

// The doctor finds what takes the sense out of two identities.
func TestDoctorOfTwoIdentities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		vault  []devstore.Rule
		secret string
		spoil  func(t *testing.T, r rig, store *devstore.Store)
		want   []string
	}{
		"the everyday one reads the vault": {documented(t, "vault"), "", func(_ *testing.T, r rig, store *devstore.Store) {
			store.Permit(r.variable("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID"), devstore.MayRead("/alpha/**", "/shared"))
		}, []string{"Too much: it can read the values in prod:/alpha/vault, which has an identity of its own for that.", "Take readValue away there from this one."}},
		"the vault's one reads everything": {devstore.MayRead(), "", nil, []string{
			"Too much: it sees into prod:/alpha, and is asked for the vault alone.", "Too much: it sees names in /beta, /gamma as well.", "Limit its role to the vault",
		}},
		"the vault's one sees nothing": {devstore.MayRead("/beta"), "", nil, []string{"Too little: it may not see into prod:/alpha/vault.", "Grant it describeSecret and readValue there."}},
		"a wrong secret":               {documented(t, "vault"), "made-up-and-wrong-4417", nil, []string{"log in: ", "Correct the credentials, or what is under [identity.vault]"}},
		"a file that others read": {documented(t, "vault"), "", func(t *testing.T, r rig, _ *devstore.Store) {
			if err := os.Chmod(r.vaultFile(t), 0o644); err != nil {
				t.Fatal(err)
			}
		}, []string{"its mode is 0644, so others may read it", "run chmod 600 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, store := twoIdentities(t, c.vault, c.secret)
			if c.spoil != nil {
				c.spoil(t, r, store)
			}
			got := command(t, r, "doctor", "--json")
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in %s", want, got)
				}
			}
			if found := leaks(got, r.forbidden); found != nil {
				t.Errorf("it shows %v", found)
			}
		})
	}
}

// variable returns what the rig's environment has under a name.
func (r rig) variable(name string) string {
	for _, entry := range r.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// vaultFile returns where the credentials of the vault's identity are.
func (r rig) vaultFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim", "config.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\"")[3]
}

// command runs scrim and returns all that it prints, in one line, whatever its exit
// code.
func command(t *testing.T, r rig, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), scrimBin, args...)
	cmd.Env, cmd.Dir = r.env, r.home
	out, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// A repository cannot choose as whom the vault is read.
func TestVaultIdentityOfARepository(t *testing.T) {
	t.Parallel()
	store, server := serve(t)
	r := storeRig(t, store, server.URL(), documented(t, "everyday"), "PROJECT_ENV=prod")
	text := "[identity.vault]\nmethod = \"universal-auth\"\nfile = \"/tmp/made-up\"\n"
	if err := os.WriteFile(filepath.Join(r.home, "scrim.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := dial(t, r)
	w.drain()
	if err := w.cmd.Wait(); err == nil {
		t.Error("the server starts")
	}
	if logged := w.logged.String(); !strings.Contains(logged, "a file in a repository may not set identity.vault") {
		t.Errorf("it says %q", logged)
	}
	if got := store.Requests(); len(got) != 0 {
		b, _ := json.Marshal(got)
		t.Errorf("it asked the store: %s", b)
	}
}
