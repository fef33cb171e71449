package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An agent is not told which values are too short, too common or unreadable to
// be masked: on two stores that differ in nothing but that, a server says the
// same, whatever it is asked. People are told, on stderr.
func TestAgentsAreNotToldWhatIsNotMasked(t *testing.T) {
	t.Parallel()
	weak := map[string]map[string]string{
		"/alpha":       {"PIN": "4417", "MODE": "production", "TWIN": "VAULT_PIN"},
		"/alpha/vault": {"VAULT_PIN": "902", "VAULT_MODE": "localhost"},
		"/shared":      {"SHARED_PIN": "77"},
	}
	sound := make(map[string]map[string]string)
	for path, secrets := range weak {
		sound[path] = make(map[string]string)
		for name := range secrets {
			sound[path][name] = "moorland-" + strings.ToLower(name) + "-larch-5521"
		}
	}
	for _, describeOnly := range []string{"", "/alpha/vault", "/shared"} {
		for _, version := range []string{legacy, modern} {
			t.Run("names only in "+describeOnly+" "+version, func(t *testing.T) {
				t.Parallel()
				told, log := interrogate(t, weak, describeOnly, version)
				want, quiet := interrogate(t, sound, describeOnly, version)
				if diff := cmp.Diff(want, told); diff != "" {
					t.Errorf("weak values change what an agent is told (-sound +weak):\n%s", diff)
				}
				for _, name := range []string{"PIN", "MODE", "TWIN"} {
					if !strings.Contains(log, "cannot be masked") || !strings.Contains(log, name) {
						t.Errorf("the log does not name %s:\n%s", name, log)
					}
				}
				if strings.Contains(quiet, "cannot be masked in output") {
					t.Errorf("the log of sound values warns:\n%s", quiet)
				}
			})
		}
	}
}

// interrogate asks a server on prod's secrets all that can be asked, and returns
// what it said, without what differs between two runs, and its log.
func interrogate(t *testing.T, prod map[string]map[string]string, describeOnly, version string) (told []string, log string) {
	t.Helper()
	seed := map[string]any{"environments": map[string]any{"prod": prod}}
	if describeOnly != "" {
		seed["describe_only"] = []string{describeOnly}
	}
	w := open(t, seedRig(t, seed), version, canAsk)
	say := func(f frame) { told = append(told, withoutChance(string(f.raw))) }
	ask := func(method string, params map[string]any) { say(w.reply(w.request(method, params))) }
	tool := func(name string, args map[string]any) { say(w.reply(w.start(name, args))) }

	tool("list_secrets", map[string]any{}) // the scope is read from here on
	for _, offered := range w.tools() {
		if !slices.Contains([]string{"list_secrets", "find_secret", "get_vault_secret", "describe_scope", "check_text", "check_secrets", "run_with_vault_secrets"}, offered.Name) {
			t.Errorf("this test does not call %s", offered.Name)
		}
	}
	tool("check_text", map[string]any{"text": "4417 and production, VAULT_PIN or 902; localhost 77"})
	for _, method := range []string{"tools/list", "resources/list", "resources/templates/list", "prompts/list"} {
		ask(method, map[string]any{})
	}
	ask("logging/setLevel", map[string]any{"level": "debug"})
	tool("describe_scope", map[string]any{})
	for _, location := range []string{"all", "injected", "staging", "vault", "shared"} {
		tool("list_secrets", map[string]any{"location": location, "match": "*"})
		tool("check_secrets", map[string]any{"location": location})
		ask("resources/read", map[string]any{"uri": "scrim://secrets/" + location})
	}
	ask("resources/read", map[string]any{"uri": "scrim://scope"})
	ask("completion/complete", map[string]any{
		"ref":      map[string]any{"type": "ref/resource", "uri": "scrim://secrets/{location}"},
		"argument": map[string]any{"name": "location", "value": ""},
	})
	for _, name := range namesOf(prod) {
		tool("find_secret", map[string]any{"name": name})
		ask("prompts/get", map[string]any{"name": "find-a-secret", "arguments": map[string]any{"name": name}})
		ask("completion/complete", map[string]any{
			"ref":      map[string]any{"type": "ref/prompt", "name": "find-a-secret"},
			"argument": map[string]any{"name": "name", "value": name[:2]},
		})
		if _, inVault := prod["/alpha/vault"][name]; !inVault || describeOnly == "/alpha/vault" {
			tool("get_vault_secret", map[string]any{"name": name, "purpose": "to know"}) // nobody is asked
			tool("run_with_vault_secrets", map[string]any{"names": []string{name}, "command": []string{"true"}, "purpose": "to know"})
			continue
		}
		q := w.ask(name, "to know")
		no, err := json.Marshal(w.answer(q, deny).Facts)
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, withoutChance(q.text), withoutChance(string(no)))
	}
	for _, f := range w.end(nothing) {
		if f.Method == "notifications/message" {
			t.Errorf("a log line for the agent: %s", f.raw)
		}
	}
	for _, text := range told {
		if strings.Contains(text, "cannot be masked") || strings.Contains(text, "too short") {
			t.Errorf("an agent is told: %s", text)
		}
	}
	return told, w.logged.String()
}

// chance is what differs between two runs of the same conversation: times, and
// the ids that requests to a person get.
var chance = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|("request_id":"|\brequest )[a-z0-9]{10}\b`)

func withoutChance(text string) string { return chance.ReplaceAllString(text, "$1#") }

func namesOf(prod map[string]map[string]string) []string {
	var names []string
	for _, secrets := range prod {
		for name := range secrets {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// seedRig runs "scrim dev --seed FILE -- scrim serve" on a seed of its own.
func seedRig(t *testing.T, seed map[string]any) rig {
	t.Helper()
	b, err := json.Marshal(seed)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "seed.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return newRig(t, []string{scrimBin, "dev", "--seed", file, "--", scrimBin, "serve"})
}

// What a person calls public is not masked, unless another name has it too, and
// leaves the vault after a yes like any other.
func TestPublicNames(t *testing.T) {
	t.Parallel()
	const region, both, vaulted = "harbour-northwest-1177", "estuary-southeast-2290", "headland-midmost-3318"
	r := seedRig(t, map[string]any{"environments": map[string]any{"prod": map[string]map[string]string{
		"/alpha":       {"REGION": region, "OTHER_REGION": both, "TOKEN": both},
		"/alpha/vault": {"VAULT_REGION": vaulted},
	}}})
	config := filepath.Join(r.home, "XDG_CONFIG_HOME", "scrim")
	if err := os.Mkdir(config, 0o700); err != nil {
		t.Fatal(err)
	}
	public := []byte("[redact]\npublic = [\"REGION\", \"OTHER_REGION\", \"VAULT_REGION\"]\n")
	if err := os.WriteFile(filepath.Join(config, "config.toml"), public, 0o600); err != nil {
		t.Fatal(err)
	}
	w := open(t, r, legacy, canAsk)
	w.call("list_secrets", map[string]any{})
	for text, want := range map[string]string{region: region, both: "[redacted:TOKEN]", vaulted: vaulted} {
		if got := w.find(text).Facts.Name; got != want {
			t.Errorf("%s came back as %s, want %s", text, got, want)
		}
	}
	if read := w.answer(w.ask("VAULT_REGION", "to know"), approve); read.Facts.Value != vaulted {
		t.Errorf("after a yes: %+v", read.Facts)
	}
	w.end(nothing)
}
