//go:build unix

package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVaultCredentials looks for them when they are needed: each time anew, in a
// file that only the user can read, for the process's own site alone.
func TestVaultCredentials(t *testing.T) {
	const site = "https://store.example.test"
	w := newWorld(t)
	w.scrimTOML(minimal)
	w.userFile("site_url = \"" + site + "\"\n[identity.vault]\nmethod = \"universal-auth\"\n")
	c := must(Load(w.input()))
	refused := func(want string) {
		t.Helper()
		got, err := c.Vault.Credentials(c.Scope.Site)
		if err == nil || !strings.Contains(err.Error(), want) || got.Kind != NoCredentials {
			t.Errorf("got %v, %v; want %s", got.Kind, err, want)
		}
	}
	path := filepath.Join(w.home, ".infisical-ua-vault")
	refused("~/.infisical-ua-vault: there is no such file")

	w.write(".infisical-ua-vault", goodFile, 0o644)
	refused("~/.infisical-ua-vault: its mode is 0644, so others may read it: run chmod 600 ~/.infisical-ua-vault")
	w.write(".infisical-ua-vault", "hunter2", 0o600)
	refused("~/.infisical-ua-vault:1: a line is NAME=value")

	elsewhere := w.write("elsewhere", goodFile, 0o600)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, path); err != nil {
		t.Fatal(err)
	}
	refused("~/.infisical-ua-vault: this is a link")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	w.write(".infisical-ua-vault", goodFile+"\n"+siteName+"=https://other.example.test\n", 0o600)
	refused("belongs to https://other.example.test, and this process is bound to " + site)

	w.write(".infisical-ua-vault", goodFile, 0o600)
	got, err := c.Vault.Credentials(c.Scope.Site)
	if err != nil || got.Kind != UniversalAuth || got.Site != site || got.Source != "~/.infisical-ua-vault" || got.InFile {
		t.Errorf("got %v at %s of %s, %v", got.Kind, got.Site, got.Source, err)
	}
	if _, err := c.Vault.Credentials("https://another.example.test"); err == nil {
		t.Error("the credentials go to another site")
	}
}
