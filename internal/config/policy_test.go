package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scrim/internal/ownfile"
	"scrim/internal/secret"
	"scrim/policy"
)

// saying returns rules as text, a line each.
func saying(rules []policy.Rule) string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "%s %q %v: %v %v %v %d %v %v\n", r.Origin, r.Environment, r.Field, r.Effect, r.Strength, r.Deliveries, r.Max, r.TTL, r.Commands)
	}
	return b.String()
}

func TestPolicyOfBothFiles(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal + `
[policy.vault]
deliveries = ["run", "file"]
ttl = "90s"

[policy.vault.prod]
effect = "deny"
`)
	w.userFile(`[policy.vault]
max_per_session = 5
prod = { strength = "verified" }
[policy.vault.dev]
commands = [["terraform", "apply", "*"], "/opt/deploy"]
[projects.alpha.policy.vault]
strength = "verified"
[projects.beta.policy.vault]
effect = "deny"
`)
	want := `~/.config/scrim/config.toml:2 "" max_per_session: deny  [] 5 0s []
~/.config/scrim/config.toml:5 "dev" commands: deny  [] 0 0s [terraform apply * /opt/deploy ...]
~/.config/scrim/config.toml:3 "prod" strength: deny verified [] 0 0s []
~/.config/scrim/config.toml:7 "" strength: deny verified [] 0 0s []
scrim.toml:5 "" deliveries: deny  [run file] 0 0s []
scrim.toml:6 "" ttl: deny  [] 0 1m30s []
scrim.toml:9 "prod" effect: deny  [] 0 0s []
`
	if got := saying(w.load().Policy); got != want {
		t.Errorf("got\n%s", got)
	}
	in := w.input()
	in.Session = &secret.Scope{Site: "https://app.infisical.com", ProjectID: "p-1", Project: "alpha", Environment: "dev", Stated: true, Path: "/alpha", VaultPath: "/alpha/vault"}
	inside, err := Load(in)
	if err != nil || saying(inside.Policy) != want {
		t.Errorf("inside a session: %v\n%s", err, saying(inside.Policy))
	}
}

func TestPolicyMistakes(t *testing.T) {
	const at = "~/code/alpha/scrim.toml:"
	for text, want := range map[string]string{
		"[policy.vault]\neffect = \"allow\"\n":                "2:1: policy.vault.effect cannot be allow: no value of the vault goes out without a person's yes to that one request: write \"ask\" or \"deny\"",
		"[policy.vault]\neffect = \"dney\"\n":                 "2:1: policy.vault.effect holds a word that scrim does not know: write one of \"ask\", \"deny\"",
		"[policy.vault]\neffect = \"Deny\"\n":                 "2:1: policy.vault.effect holds a word that scrim does not know: did you mean \"deny\"?",
		"[policy.vault]\neffect = \"\"\n":                     "2:1: policy.vault.effect holds a word that scrim does not know: write one of ",
		"[policy.vault]\neffect = true\n":                     "2:1: policy.vault.effect holds something else than a string: ",
		"[policy.vault]\n  effct = \"deny\"\n":                "2:3: scrim does not know policy.vault.effct: did you mean \"policy.vault.effect\"?",
		"[policy.vault]\nEffect = \"deny\"\n":                 "2:1: scrim does not know policy.vault.Effect: did you mean \"policy.vault.effect\"?",
		"[policy.vault.prod]\nstrengt = \"verified\"\n":       "2:1: scrim does not know policy.vault.prod.strengt: did you mean \"policy.vault.prod.strength\"?",
		"[policy.vault]\nstrength = \"verifed\"\n":            "2:1: policy.vault.strength holds a word that scrim does not know: did you mean \"verified\"?",
		"[policy.vault.pord]\neffect = \"deny\"\n":            "1:2: policy.vault.pord is of no environment that is likely to be: did you mean \"prod\"?",
		"[policy.vault.Prod]\neffect = \"deny\"\n":            "1:2: policy.vault.Prod is of no environment that is likely to be: did you mean \"prod\"?",
		"[env]\ndefault=\"qa-1\"\n[policy.vault.\"QA-1\"]\n":  "3:2: policy.vault.QA-1 is of no environment that is likely to be: did you mean \"qa-1\"?",
		"[policy.vault.\"pr od\"]\neffect = \"deny\"\n":       "1:2: an environment is a slug ",
		"[policy.vault.\"\"]\neffect = \"deny\"\n":            "1:2: an environment is a slug ",
		"[policy.vault.\"a.b\"]\neffect = \"deny\"\n":         "1:2: scrim does not know this key: remove it",
		"[policy.vualt]\neffect = \"deny\"\n":                 "1:2: scrim does not know policy.vualt: did you mean \"policy.vault\"?",
		"[policy.prod]\neffect = \"deny\"\n":                  "1:2: scrim does not know policy.prod: did you mean \"policy.vault.prod\"?",
		"[policy]\neffect = \"deny\"\n":                       "2:1: scrim does not know policy.effect: did you mean \"policy.vault.effect\"?",
		"[policy.injected]\neffect = \"deny\"\n":              "1:2: policy.injected narrows nothing: values are read from the vault alone, and these are not in it: remove it, or write policy.vault",
		"policy.shared.prod.effect = \"deny\"\n":              "1:1: policy.shared.prod.effect narrows nothing: ",
		"[policy.vault.prod.east]\neffect = \"deny\"\n":       "1:2: scrim does not know policy.vault.prod.east: ",
		"policy = \"deny\"\n":                                 "1:10: policy must be a table: ",
		"policy.vault = \"deny\"\n":                           "1:1: policy.vault must be a table: ",
		"[[policy.vault]]\neffect = \"deny\"\n":               "1:3: policy.vault must be a table: ",
		"[Policy.vault]\neffect = \"deny\"\n":                 "1:2: scrim does not know Policy: did you mean \"policy\"?",
		"[policy.vault]\neffect=\"ask\"\neffect=\"deny\"\n":   "3:1: effect is set twice: ",
		"[policy.vault]\ndeliveries = []\n":                   "2:1: policy.vault.deliveries is empty: name a delivery, such as \"run\", or write effect = \"deny\"",
		"[policy.vault]\ndeliveries = \"run\"\n":              "2:1: policy.vault.deliveries must be a list of strings: ",
		"[policy.vault]\ndeliveries = [\"run\", 1]\n":         "2:1: policy.vault.deliveries holds something else than a string: ",
		"[policy.vault]\ndeliveries = [\"runs\"]\n":           "2:1: policy.vault.deliveries holds a word that scrim does not know: did you mean \"run\"?",
		"[policy.vault]\nmax_per_session = 0\n":               "2:1: policy.vault.max_per_session is less than 1: write effect = \"deny\"",
		"[policy.vault]\nmax_per_session = -3\n":              "2:1: policy.vault.max_per_session is less than 1: ",
		"[policy.vault]\nmax_per_session = 21\n":              "2:1: policy.vault.max_per_session is more than 20, which is all that a session gives: ",
		"[policy.vault]\nmax_per_session = \"5\"\n":           "2:1: policy.vault.max_per_session must be a number: ",
		"[policy.vault]\nmax_per_session = 5.0\n":             "2:1: policy.vault.max_per_session must be a number: ",
		"[policy.vault]\nttl = 60\n":                          "2:1: policy.vault.ttl must be a string: write a time such as \"90s\" or \"5m\"",
		"[policy.vault]\nttl = \"11m\"\n":                     "2:1: policy.vault.ttl is more than ten minutes, which is all that a yes waits: ",
		"[policy.vault]\nttl = \"-1s\"\n":                     "2:1: policy.vault.ttl is less than a second",
		"[policy.vault]\nttl = \"1500ms\"\n":                  "2:1: policy.vault.ttl is no time in minutes and seconds: ",
		"[policy.vault]\nttl = \"hunter2\"\n":                 "2:1: policy.vault.ttl is no time in minutes and seconds: ",
		"[policy.vault]\ncommands = []\n":                     "2:1: policy.vault.commands is empty: ",
		"[policy.vault]\ncommands = \"/bin/x\"\n":             "2:1: policy.vault.commands must be a list of commands: ",
		"[policy.vault]\ncommands = [\"terraform apply\"]\n":  "2:1: policy.vault.commands has an entry that is none: a command's program is a name that PATH finds, or an absolute path: ",
		"[policy.vault]\ncommands = [\"./hunter2\"]\n":        "2:1: policy.vault.commands has an entry that is none: a command's program is ",
		"[policy.vault]\ncommands = [[]]\n":                   "2:1: policy.vault.commands has an entry that is none: a command is ",
		"[policy.vault]\ncommands = [[\"x\", 1]]\n":           "2:1: policy.vault.commands has an entry that is none: a command is ",
		"[policy.vault]\ncommands = [{run = \"x\"}]\n":        "2:1: policy.vault.commands has an entry that is none: a command is ",
		"[policy.vault]\ncommands = [[\"x\", \"-v=*\"]]\n":    "2:1: policy.vault.commands has an entry that is none: a command's arguments are matched whole: ",
		"[policy.vault]\ncommands = [[\"x\",\"...\",\"y\"]]":  "2:1: policy.vault.commands has an entry that is none: in a command, \"...\" stands at the end, ",
		"[projects.alpha.policy.vault]\neffect = \"deny\"\n":  "1:2: a file in a repository may not set projects.alpha.policy.vault: ",
		"[policy.vault.dev]\nmax_per_session = 1979-05-27\n":  "2:1: policy.vault.dev.max_per_session must be a number: ",
		"[policy.vault.dev.ttl]\nx = 1\n":                     "2:1: scrim does not know policy.vault.dev.ttl.x: ",
		"[policy.vault]\ndev = \"deny\"\n":                    "2:1: scrim does not know policy.vault.dev: ",
		"policy.vault = { prod = { effect = \"allow\" } }\n":  "1:27: policy.vault.prod.effect cannot be allow: ",
		"[policy.vault]\n\"hunter2 is it\" = 1\n":             "2:1: scrim does not know this key: ",
		"[policy.vault.hunter2]\nttl = \"1m\"\nmade_up = 1\n": "3:1: scrim does not know policy.vault.hunter2.made_up: ",
	} {
		w := newWorld(t)
		w.env["SCRIM_PROJECT_ID"], w.env["SCRIM_PROJECT"] = "p-1", "alpha"
		w.scrimTOML(text)
		if got := w.refused(w.input()); !strings.HasPrefix(got, at+want) || strings.Contains(text, "\"hunter2") && strings.Contains(got, "hunter2") {
			t.Errorf("%s\n got %q\nwant %q", text, got, at+want)
		}
	}
}

// TestPolicyOfAnotherProjectIsChecked: a mistake shows before the day on which it
// matters.
func TestPolicyOfAnotherProjectIsChecked(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	w.userFile("[projects.beta.policy.vault.dev]\neffect = \"allow\"\n")
	if got := w.refused(w.input()); !strings.HasPrefix(got, "~/.config/scrim/config.toml:2:1: projects.beta.policy.vault.dev.effect cannot be allow: ") {
		t.Error(got)
	}
	w.userFile("[projects.beta.policy.vault]\neffct = \"deny\"\n")
	if got := w.refused(w.input()); !strings.HasSuffix(got, `did you mean "projects.beta.policy.vault.effect"?`) {
		t.Error(got)
	}
	w.userFile("[projects.beta]\nvault_environments = [\"prep\"]\n[policy.vault.perp]\neffect = \"deny\"\n")
	if got := w.refused(w.input()); !strings.HasSuffix(got, `did you mean "prep"?`) {
		t.Error(got)
	}
}

// TestPolicyInAnotherCase: a rule that its author means for what is looked at is not
// left aside in silence.
func TestPolicyInAnotherCase(t *testing.T) {
	const deny = "effect = \"deny\"\n"
	for user, want := range map[string]string{
		"[projects.Alpha.policy.vault]\n" + deny:                                          `2:1: this is about another project than alpha: did you mean "projects.alpha"?`,
		"[projects.ALPHA.policy.vault.prod]\n" + deny:                                     `2:1: this is about another project than alpha: did you mean "projects.alpha"?`,
		"[policy.vault.QA]\n" + deny:                                                      `2:1: this is about another environment than qa: did you mean "policy.vault.qa"?`,
		"[projects.alpha.policy.vault.Qa]\n" + deny:                                       `2:1: this is about another environment than qa: did you mean "policy.vault.qa"?`,
		"[projects.alpha]\nvault_environments = [\"Live\"]\n[policy.vault.liVe]\n" + deny: `3:2: policy.vault.liVe is of no environment that is likely to be: did you mean "Live"?`,
		"[projects.Alpha]\npath = \"/other\"\n[policy.vault.qa2]\n" + deny:                "",
	} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		w.env["PROJECT_ENV"] = "qa"
		w.userFile(user)
		if want == "" {
			w.load()
		} else if got := w.refused(w.input()); got != "~/.config/scrim/config.toml:"+want {
			t.Errorf("%s\n got %q\nwant %q", user, got, want)
		}
	}
}

// drawPolicy draws a file's [policy], valid or not, as an agent might write it.
func drawPolicy(t *rapid.T, label string) string {
	field := rapid.OneOf(
		rapid.SampledFrom([]string{`effect = "ask"`, `effect = "deny"`, `effect = "allow"`, `strength = "client"`, `strength = "verified"`, `strength = "none"`}),
		rapid.Map(rapid.SampledFrom([]string{`["value"]`, `["file"]`, `["run"]`, `["value", "run"]`, `["value", "file", "run"]`, `[]`}), func(s string) string { return "deliveries = " + s }),
		rapid.Map(rapid.IntRange(-1, 25), func(n int) string { return fmt.Sprintf("max_per_session = %d", n) }),
		rapid.Map(rapid.IntRange(-1, 700), func(n int) string { return fmt.Sprintf("ttl = \"%ds\"", n) }),
		rapid.SampledFrom([]string{`commands = [["tool", "..."]]`, `commands = [["tool", "a", "*"], "/usr/bin/tool"]`, `commands = ["/bin/sh"]`, `commands = [["*"]]`}),
	)
	var b strings.Builder
	for _, table := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"policy.vault", "policy.vault.dev", "policy.vault.prod"}), 0, 3, rapid.ID[string]).Draw(t, label) {
		b.WriteString("[" + table + "]\n")
		for _, line := range rapid.SliceOfNDistinct(field, 0, 3, func(line string) string { name, _, _ := strings.Cut(line, " "); return name }).Draw(t, table) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// TestRepositoryPolicyNeverWeakens lets an agent write any [policy] into
// scrim.toml, beside any of the user's own: no decision gets weaker.
func TestRepositoryPolicyNeverWeakens(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(rt *rapid.T) {
		users, err := parse("config.toml", []byte(drawPolicy(rt, "the user's")), true)
		if err != nil {
			return // then nothing starts
		}
		repo, err := parse("scrim.toml", []byte(drawPolicy(rt, "the repository's")), false)
		if err != nil {
			return
		}
		accepted++
		wantNarrower(rt, users.policyRules("config.toml", "policy"), repo.policyRules("scrim.toml", "policy"))
	})
	if accepted == 0 {
		t.Error("no file was accepted")
	}
}

// wantNarrower holds the decisions of before against those of before and more.
func wantNarrower(t rapid.TB, before, more []policy.Rule) {
	t.Helper()
	scope := secret.Scope{Project: "alpha", Environment: "dev", Stated: true, Path: "/alpha", VaultPath: "/alpha/vault", VaultEnvironments: []string{"prod"}}
	for _, p := range []*policy.Policy{policy.ForScope(scope), policy.ForScope(scope).WithProof()} {
		for _, environment := range []string{"dev", "prod"} {
			ref, err := secret.ParseRef(environment, "/alpha/vault", "A")
			if err != nil {
				t.Fatal(err)
			}
			plain, old, now := p.Decide(policy.ReadVault, ref), p.With(before...).Decide(policy.ReadVault, ref), p.With(before...).With(more...).Decide(policy.ReadVault, ref)
			if isWeaker(now, old) || isWeaker(old, plain) {
				t.Fatalf("%s: %+v, then %+v, then %+v", environment, plain, old, now)
			}
		}
	}
}

// isWeaker reports whether now lets anything happen that old does not.
func isWeaker(now, old policy.Decision) bool {
	if now.Effect == policy.Deny {
		return false
	}
	weaker := old.Effect != policy.Ask || now.Effect != policy.Ask || now.Strength < old.Strength || now.TTL > old.TTL ||
		len(now.Limits) < len(old.Limits) || len(now.Commands) < len(old.Commands)
	for _, way := range now.Deliveries {
		weaker = weaker || !old.Delivers(way)
	}
	for i, limit := range old.Limits {
		weaker = weaker || now.Limits[i] != limit
	}
	return weaker
}

// FuzzPolicy shows that whatever a repository's file says, it is refused in one
// sentence or narrows.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{
		"[policy.vault]\neffect = \"ask\"\nstrength = \"verified\"\ndeliveries = [\"run\"]\nmax_per_session = 3\nttl = \"2m\"",
		"[policy.vault.prod]\ncommands = [[\"terraform\", \"apply\", \"*\"], \"/opt/x\", [\"a\", \"...\"]]",
		"policy = {vault = {dev = {effect = \"deny\"}}}", "[policy.vault.pord]\n[policy.vault.prod]\nttl=\"1h\"", "policy.vault.dev.ttl = \"1s\"\npolicy.vault.ttl = \"600s\"",
		"[policy.vault]\n\"\" = {effect = \"ask\"}", "[policy.\"vault\".'dev']\neffect = '''deny'''", "[[policy.vault.dev]]\nttl = 1", "[policy.vault]\ncommands = [{a = [1]}, [[\"x\"]]]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > ownfile.MaxSize {
			return
		}
		parsed, err := parse("F", data, false)
		if err != nil {
			e, ok := err.(*Error) //nolint:errorlint // parse promises the type itself
			if !ok || !strings.HasPrefix(e.Where, "F") || strings.ContainsAny(e.Error(), "\n\r") {
				t.Errorf("error = %T %q, want a located sentence", err, err)
			}
			return
		}
		rules := parsed.policyRules("F", "policy")
		for _, r := range rules {
			if r.Origin == "F" || !strings.HasPrefix(r.Origin, "F:") || r.Effect == policy.Allow || r.Max > policy.MaxPerSession || r.TTL > policy.MaxTTL || r.TTL%time.Second != 0 {
				t.Errorf("accepted %+v", r)
			}
			if r.Environment != "" && secret.CheckEnvironment(r.Environment) != nil {
				t.Errorf("accepted the environment %q", r.Environment)
			}
		}
		wantNarrower(t, nil, rules)
	})
}
