package config

import (
	"strings"
	"testing"
)

// TestVaultTable is [identity.vault] in the user's file, and in a repository's.
func TestVaultTable(t *testing.T) {
	const id = "identity_id = \"i-1\"\n"
	for _, tt := range []struct{ name, repo, user, want string }{
		{"in a repository", minimal + "[identity.vault]\nmethod = \"aws\"\n" + id, "", "~/code/alpha/scrim.toml:3:2: a file in a repository may not set identity.vault: "},
		{"in a repository, in a line", minimal + "identity = { vault = { method = \"universal-auth\" } }\n", "", "~/code/alpha/scrim.toml:3:1: a file in a repository may not set identity: "},
		{"in a repository, dotted", minimal + "identity.vault.file = \"~/x\"\n", "", "~/code/alpha/scrim.toml:3:1: a file in a repository may not set identity.vault.file: "},
		{"empty", minimal, "[identity.vault]\n", "~/.config/scrim/config.toml:1:2: identity.vault.method is not one that scrim knows: "},
		{"unknown method", minimal, "[identity.vault]\nmethod = \"hunter2\"\n", "~/.config/scrim/config.toml:2:1: identity.vault.method is not one that scrim knows: write \"universal-auth\", \"oidc\", "},
		{"a token", minimal, "[identity.vault]\nmethod = \"access-token\"\n", "~/.config/scrim/config.toml:2:1: identity.vault.method is not "},
		{"a secret", minimal, "[identity.vault]\nmethod = \"universal-auth\"\nclient_secret = \"hunter2\"\n", "~/.config/scrim/config.toml:3:1: scrim does not know identity.vault.client_secret: "},
		{"relative file", minimal, "[identity.vault]\nmethod = \"universal-auth\"\nfile = \"x\"\n", "~/.config/scrim/config.toml:3:1: identity.vault.file is not an absolute path: "},
		{"the everyday file", minimal, "[identity.vault]\nmethod = \"universal-auth\"\nfile = \"~/./.infisical-ua\"\n", "~/.config/scrim/config.toml:3:1: ~/.infisical-ua has the identity for everything else: "},
		{"an id with a file", minimal, "[identity.vault]\nmethod = \"universal-auth\"\n" + id, "~/.config/scrim/config.toml:3:1: the method universal-auth takes no identity_id: "},
		{"a file with a cloud", minimal, "[identity.vault]\nmethod = \"gcp\"\n" + id + "file = \"~/x\"\n", "~/.config/scrim/config.toml:4:1: the method gcp takes no file: "},
		{"no identity", minimal, "[identity.vault]\nmethod = \"aws\"\n", "~/.config/scrim/config.toml:1:2: identity.vault.identity_id has to be "},
		{"a file for the everyday one", minimal, "[identity]\nmethod = \"aws\"\n" + id + "file = \"~/x\"\n", "~/.config/scrim/config.toml:4:1: scrim does not know identity.file: "},
		{"beside nothing", minimal, "[identity]\nidentity_id = \"i\"\n[identity.vault]\nmethod = \"universal-auth\"\n", "~/.config/scrim/config.toml:1:2: identity.method is not one that scrim knows: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.scrimTOML(tt.repo)
			w.userFile(tt.user)
			_, err := Load(w.input())
			if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), w.home, "~"), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestVaultIdentity says who reads the vault, in each way to write it, and looks
// for no credentials yet.
func TestVaultIdentity(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"[identity]\nmethod = \"gcp\"\nidentity_id = \"i\"\n":                                  "",
		"[identity.vault]\nmethod = \"universal-auth\"\n":                                      "universal-auth ~/.infisical-ua-vault",
		"identity.vault = { method = \"universal-auth\", file = \"~/x/y\" }\n":                 "universal-auth ~/x/y",
		"[identity]\nvault.method = \"aws\"\nvault.identity_id = \"i\"\n":                      "aws ~/.config/scrim/config.toml:2:1",
		"[identity]\n[identity.vault]\nmethod = \"kubernetes\"\nidentity_id = \"i\"\n":         "kubernetes ~/.config/scrim/config.toml:3:1",
		"[identity.vault]\nmethod = \"oidc\"\nidentity_id = \"i\"\ntoken_variable = \"JWT\"\n": "oidc ~/.config/scrim/config.toml:2:1",
	} {
		w := newWorld(t)
		w.scrimTOML(minimal)
		w.userFile(text)
		c := must(Load(w.input()))
		got := ""
		if c.Vault.Stated() {
			got = c.Vault.Kind.String() + " " + strings.ReplaceAll(c.Vault.Source, w.home, "~")
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
		if c.Vault.Stated() != strings.Contains(c.Vault.String(), "the vault's own identity") {
			t.Errorf("%q: %q", text, c.Vault)
		}
	}
}
