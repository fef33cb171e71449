package config

import (
	"strings"
	"testing"

	"scrim/internal/ownfile"
	"scrim/internal/secret"
)

func TestTOMLMistakes(t *testing.T) {
	for _, tt := range []struct{ name, repo, user, want string }{
		{"unknown key", "projct = \"x\"\n", "", "~/code/alpha/scrim.toml:1:1: scrim does not know projct: did you mean \"project\"?"},
		{"unknown key in a table", "[env]\n  defalt = \"x\"\n", "", "~/code/alpha/scrim.toml:2:3: scrim does not know env.defalt: did you mean \"env.default\"?"},
		{"unknown key in an inline table", "env = { default = \"dev\", x = 3 }", "", "~/code/alpha/scrim.toml:1:26: scrim does not know env.x: remove it"},
		{"unknown key in the registry", "", "[projects.alpha]\npaht = \"/x\"", "~/.config/scrim/config.toml:2:1: scrim does not know projects.alpha.paht: did you mean \"projects.alpha.path\"?"},
		{"wrong case", "Project = \"x\"\n", "", "~/code/alpha/scrim.toml:1:1: scrim does not know Project: did you mean \"project\"?"},
		{"wrong case of a table", "", "[Projects.alpha]\npath = \"/x\"", "~/.config/scrim/config.toml:1:2: scrim does not know Projects: did you mean \"projects\"?"},
		{"unknown table", "[databases.main]\nurl = \"x\"\n", "", "~/code/alpha/scrim.toml:1:2: scrim does not know databases: remove it"},
		{"a key that looks like no key", "\"hunter2 is my password\" = 1\n", "", "~/code/alpha/scrim.toml:1:1: scrim does not know this key: remove it"},
		{"wrong type", "project = 3\n", "", "~/code/alpha/scrim.toml:1:11: project must be a string: "},
		{"wrong type of a table", "env = 3\n", "", "~/code/alpha/scrim.toml:1:7: env must be a table: "},
		{"wrong type of a list", "", "[projects.alpha]\nvault_environments = \"dev\"\n", "~/.config/scrim/config.toml:2:22: projects.alpha.vault_environments must be a list of strings: "},
		{"wrong type in a list", "", "[projects.alpha]\nvault_environments = [1]\n", "~/.config/scrim/config.toml:2:23: projects.alpha.vault_environments must be a list of strings: "},
		{"array of tables", "[[env]]\ndefault = \"dev\"\n", "", "~/code/alpha/scrim.toml:1:3: env must be a table: "},
		{"twice", "project = \"a\"\nproject = \"b\"\n", "", "~/code/alpha/scrim.toml:2:1: project is set twice: "},
		{"twice a table", "[env]\n[env]\n", "", "~/code/alpha/scrim.toml:2:2: env is set twice: "},
		{"syntax", "project = \"hunter2\n", "", "~/code/alpha/scrim.toml:1:19: this is not valid TOML: "},
		{"no text", "project = \"\xff\xfe\"\n", "", "~/code/alpha/scrim.toml:1:12: this is not valid TOML: "},
		{"empty value", "project = \"\"\n", "", "~/code/alpha/scrim.toml:1:1: a project's name has "},
		{"unknown type", "[types]\nA_URL = \"url\"\nA = \"hunter2\"\n", "", "~/code/alpha/scrim.toml:3:1: types.A is of a type that scrim does not know: write one of text, url, email, port, "},
		{"unknown type in the user's file", "", "[types]\nA = \"ulr\"\n", "~/.config/scrim/config.toml:2:1: types.A is of a type that scrim does not know: write one of text, url, "},
		{"type in capitals", "types.A = \"URL\"\n", "", "~/code/alpha/scrim.toml:1:1: types.A is of a type that scrim does not know: write one of "},
		{"no bytes", "[types]\nA = \"hex:hunter2\"\n", "", "~/code/alpha/scrim.toml:2:1: types.A has a type with something else behind the colon than belongs there: write how many bytes, as in hex:32"},
		{"no pattern", "[types]\nA = \"regex:(hunter2\"\n", "", "~/code/alpha/scrim.toml:2:1: types.A has a type with something else behind the colon than belongs there: write a pattern "},
		{"no prefix", "[types]\nA = \"prefix\"\n", "", "~/code/alpha/scrim.toml:2:1: types.A has a type with something else behind the colon than belongs there: write what "},
		{"a parameter too many", "[types]\nA = \"port:80\"\n", "", "~/code/alpha/scrim.toml:2:1: types.A is of a type that scrim does not know: write one of "},
		{"no type", "types = {A = \"\"}\n", "", "~/code/alpha/scrim.toml:1:10: types.A is of a type that scrim does not know: "},
		{"wrong type of types", "types = \"url\"\n", "", "~/code/alpha/scrim.toml:1:9: types must be a table of types by name: "},
		{"wrong type of a type", "[types]\nA = 3\n", "", "~/code/alpha/scrim.toml:2:5: types.A must be a string: "},
		{"a list as a type", "[types]\nA = [\"url\"]\n", "", "~/code/alpha/scrim.toml:2:5: types.A must be a string: "},
		{"a table as a type", "[types.A]\npattern = \"hunter2\"\n", "", "~/code/alpha/scrim.toml:"},
		{"a type with a parameter", "[types]\nA = {type = \"hex\", length = 32}\n", "", "~/code/alpha/scrim.toml:2:"},
		{"a name with a dot and no quotes", "[types]\na.b = \"url\"\n", "", "~/code/alpha/scrim.toml:2:"},
		{"a glob in types", "[types]\n\"A_*\" = \"url\"\n", "", "~/code/alpha/scrim.toml:2:1: a secret's name has letters, "},
		{"a value in types", "[types]\n\"A=hunter2 is it\" = \"url\"\n", "", "~/code/alpha/scrim.toml:2:1: a secret's name has letters, "},
		{"a value of a wrong type in types", "[types]\n\"A=hunter2 is it\" = 3\n", "", "~/code/alpha/scrim.toml:2:"},
		{"a type twice", "[types]\nA = \"url\"\nA = \"hex\"\n", "", "~/code/alpha/scrim.toml:3:1: A is set twice: "},
		{"wrong case of types", "[Types]\nA = \"url\"\n", "", "~/code/alpha/scrim.toml:1:2: scrim does not know Types: did you mean \"types\"?"},
		{"except without a project", "shared.except = [\"A\"]\n", "", "~/code/alpha/scrim.toml:1:17: shared.except must be a table of lists of names, by project: write it as one"},
		{"except of no project", "[shared.except]\n\"a/b\" = [\"A\"]\n", "", "~/code/alpha/scrim.toml:2:1: a project's name has letters, digits, '_' and '-': write it as alpha = [\"NAME\"]"},
		{"except of no name", "[shared.except]\nalpha = [\"A B\"]\n", "", "~/code/alpha/scrim.toml:2:1: a secret's name has letters, digits, '_', '-' and '.', and no '..': write exact names such as SMTP_URL"},
		{"empty agent", "", "agent = []\n", "~/.config/scrim/config.toml:1:1: agent is the command that `scrim run` starts, and it is empty: "},
		{"agent of no name", "", "agent = [\"\", \"x\"]\n", "~/.config/scrim/config.toml:1:1: agent is the command that `scrim run` starts, and it is empty: "},
		{"agent is no list", "", "agent = \"claude\"\n", "~/.config/scrim/config.toml:1:9: agent must be a list of strings: "},
		{"only the user's: run", "[run]\nallow = [\"A\"]\n", "", "~/code/alpha/scrim.toml:1:2: a file in a repository may not set run: "},
		{"only the user's: run.keychain", "run.keychain = [\"evil\"]\n", "", "~/code/alpha/scrim.toml:1:1: a file in a repository may not set run.keychain: "},
		{"keychain is no list", "", "[run]\nkeychain = true\n", "~/.config/scrim/config.toml:2:12: run.keychain must be a list of strings: "},
		{"no program in run.keychain", "", "[run]\nkeychain = [\"claude\", \"\"]\n", "~/.config/scrim/config.toml:2:1: a program is named without its folder: "},
		{"a path in run.keychain", "", "[run]\nkeychain = [\"/opt/hunter2\"]\n", "~/.config/scrim/config.toml:2:1: a program is named without its folder: "},
		{"unknown key of run", "", "[run]\nkeychains = []\n", "~/.config/scrim/config.toml:2:1: scrim does not know run.keychains: did you mean \"run.keychain\"?"},
		{"no name in run.allow", "", "[run]\nallow = [\"A B\"]\n", "~/.config/scrim/config.toml:2:1: a secret's name has "},
		{"only the user's: agent", "agent = [\"evil\"]\n", "", "~/code/alpha/scrim.toml:1:1: a file in a repository may not set agent: "},
		{"only the user's: projects", "[projects.alpha]\npath = \"/beta\"\n", "", "~/code/alpha/scrim.toml:1:2: a file in a repository may not set projects.alpha: "},
		{"only the user's: redact", "[redact]\npublic = [\"A\"]\n", "", "~/code/alpha/scrim.toml:1:2: a file in a repository may not set redact: "},
		{"only the user's: redact.public", "redact.public = [\"A\"]\n", "", "~/code/alpha/scrim.toml:1:1: a file in a repository may not set redact.public: "},
		{"only the user's: redact in a line", "redact = { public = [\"A\"] }\n", "", "~/code/alpha/scrim.toml:1:1: a file in a repository may not set redact: "},
		{"unknown key of redact", "", "[redact]\npubic = [\"A\"]\n", "~/.config/scrim/config.toml:2:1: scrim does not know redact.pubic: did you mean \"redact.public\"?"},
		{"unknown table of redact", "", "[redact.values]\nA = true\n", "~/.config/scrim/config.toml:1:2: scrim does not know redact.values: remove it"},
		{"wrong case of redact", "", "[redact]\nPublic = [\"A\"]\n", "~/.config/scrim/config.toml:2:1: scrim does not know redact.Public: did you mean \"redact.public\"?"},
		{"wrong type of redact", "", "redact = [\"A\"]\n", "~/.config/scrim/config.toml:1:10: redact must be a table: "},
		{"wrong type of public", "", "[redact]\npublic = \"A\"\n", "~/.config/scrim/config.toml:2:10: redact.public must be a list of strings: "},
		{"wrong type in public", "", "[redact]\npublic = [\"A\", 1]\n", "~/.config/scrim/config.toml:2:16: redact.public must be a list of strings: "},
		{"no name in public", "", "[redact]\npublic = [\"A\", \"\"]\n", "~/.config/scrim/config.toml:2:1: a secret's name has letters, "},
		{"a glob in public", "", "[redact]\npublic = [\"AWS_*\"]\n", "~/.config/scrim/config.toml:2:1: a secret's name has letters, "},
		{"a value in public", "", "[redact]\npublic = [\"A=hunter2\"]\n", "~/.config/scrim/config.toml:2:1: a secret's name has letters, "},
		{"registered name", "", "[projects.\"a b\"]\npath = \"/x\"\n", "~/.config/scrim/config.toml:1:2: a project's name has "},
		{"registered name with a dot", "", "[projects.\"a.b\"]\npath = \"/x\"\n", "~/.config/scrim/config.toml:1:2: scrim does not know this key: remove it"},
		{"registered path", "", "[projects.other]\npath = \"x/../y\"\n", "~/.config/scrim/config.toml:2:1: a path starts with '/' "},
		{"registered environments", "", "[projects.other]\nvault_environments = [\"de v\"]\n", "~/.config/scrim/config.toml:2:1: an environment is a slug "},
		{"too large", strings.Repeat("#", ownfile.MaxSize+1), "", "~/code/alpha/scrim.toml: this is larger than 64 KiB: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.env["SCRIM_PROJECT_ID"] = "p-1"
			w.scrimTOML(tt.repo)
			if tt.user != "" {
				w.userFile(tt.user)
			}
			got := w.refused(w.input())
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("error = %q\n want it to start with %q", got, tt.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Errorf("error quotes the file: %q", got)
			}
		})
	}
}

// FuzzTOML shows that no content of a file makes parse panic, or appear in its
// errors beyond names of keys.
func FuzzTOML(f *testing.F) {
	for _, seed := range []string{
		minimal, "[projects.alpha]\npath = \"/x\"\nvault_environments = [\"dev\"]", "env = {default = \"a\", b = {c = [1, {d = 2}]}}",
		"a.b.c = 1", "[[x]]", "project = '''\nx'''", "[paths]\nvault = \"v\"", "\"\" = 1", "\ufeffproject = 1", "redact.public = [\"A\", \"A\", \"a.b\"]", "[redact]\npublic = [\"../x\"]", "[types]\n[types.x]\ny = 1979-05-27", "types = {A = \"url\", \"a.b\" = \"hex:32\"}", "[types]\nA = \"regex:^a$\"", "[types]\nA = \"uri\"",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, users bool) {
		if len(data) > ownfile.MaxSize {
			return
		}
		parsed, err := parse("F", data, users)
		if err == nil {
			for name := range parsed.doc.Projects {
				if !isProjectName(name) {
					t.Errorf("accepted the project name %q", name)
				}
			}
			for name, typ := range parsed.doc.Types {
				if secret.CheckName(name) != nil || isUnknownType(typ) {
					t.Errorf("accepted the type %q of %q", typ, name)
				}
			}
			for _, name := range parsed.doc.Redact.Public {
				if secret.CheckName(name) != nil || !users {
					t.Errorf("accepted the public name %q", name)
				}
			}
			return
		}
		e, ok := err.(*Error) //nolint:errorlint // parse promises the type itself
		if !ok || !strings.HasPrefix(e.Where, "F") || e.Problem == "" || e.Next == "" || strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("error = %T %q, want a located sentence", err, err)
		}
	})
}

// FuzzInfisicalFile shows that any content is an id, nothing, or an error of
// fixed text.
func FuzzInfisicalFile(f *testing.F) {
	for _, seed := range []string{`{"workspaceId":"x"}`, `{"workspaceId":1e999}`, `[]`, `null`, `{"workspaceId":"\u0000"}`, `{{`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseInfisicalFile(data); err != nil && !strings.HasPrefix(err.Error(), "this is not ") {
			t.Errorf("error = %q", err)
		}
	})
}

func isUnknownType(text string) bool {
	_, err := secret.ParseType(text)
	return err != nil
}
