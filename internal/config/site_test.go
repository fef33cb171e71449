package config

import (
	"strings"
	"testing"
)

func TestParseSite(t *testing.T) {
	for address, want := range map[string]string{
		"https://app.infisical.com":        "https://app.infisical.com",
		"https://App.Infisical.com:443/":   "https://app.infisical.com",
		"https://app.infisical.com/api":    "https://app.infisical.com",
		"https://app.infisical.com/api/":   "https://app.infisical.com",
		"https://example.org:8443/secrets": "https://example.org:8443/secrets",
		"https://example.org/secrets/api":  "https://example.org/secrets",
		"http://127.0.0.1:8080":            "http://127.0.0.1:8080",
		"http://localhost:80":              "http://localhost",
		"http://[::1]:8080/":               "http://[::1]:8080",
		"http://[::1]":                     "http://[::1]",
		"https://10.0.0.1":                 "https://10.0.0.1",
	} {
		if got, err := parseSite(address); err != nil || got != want {
			t.Errorf("parseSite(%q) = %q, %v, want %q", address, got, err, want)
		}
	}
	for _, address := range []string{
		"", "app.infisical.com", "https://", "https:///x", "ftp://example.org", "http://example.org", "http://127.0.0.1.example.org",
		"http://localhost.example.org", "https://user:hunter2@example.org", "https://user@example.org", "https://example.org?x=1",
		"https://example.org/?", "https://example.org#x", "https://example.org/#", "https://example.org/a/../b", "https://example.org/a%2fb",
		"https://example.org//a", "https://exa mple.org", "https://example.org:0", "https://example.org:99999", "https://example.org:",
		"https://example.org\n.evil.example", "https://exämple.org", "https://[fe80::1%25eth0]", "https:example.org", "https://-a.example", "https://example..org",
		"https://example.org:443:443", "javascript:alert(1)", "//example.org",
	} {
		if got, err := parseSite(address); err == nil {
			t.Errorf("parseSite(%q) = %q, want an error", address, got)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("parseSite(%q): the error quotes it: %v", address, err)
		}
	}
}

func FuzzSite(f *testing.F) {
	for _, seed := range []string{"https://app.infisical.com/api", "http://[::1]:80", "https://a:b@c", "https://a.b:8443/x/y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		site, err := parseSite(address)
		if err != nil {
			return
		}
		again, err := parseSite(site)
		if err != nil || again != site {
			t.Errorf("parseSite(%q) = %q, which becomes %q, %v", address, site, again, err)
		}
		if !strings.HasPrefix(site, "https://") && !strings.HasPrefix(site, "http://") || strings.ContainsAny(site, " @?#\\\n\"%") {
			t.Errorf("parseSite(%q) = %q", address, site)
		}
	})
}

func TestCredentialsGoWhereTheyBelong(t *testing.T) {
	const file = clientIDName + "=id-1\n" + clientSecretName + "=key-1\n"
	for _, tt := range []struct {
		name, repo, user, env, file string
		site, origin, refused       string
	}{
		{name: "default", site: defaultSite, origin: "default"},
		{name: "environment", env: "https://a.example", site: "https://a.example", origin: "INFISICAL_API_URL"},
		{name: "user", user: "https://b.example/api", site: "https://b.example", origin: "~/.config/scrim/config.toml:1:1"},
		{name: "environment before user", env: "https://a.example", user: "https://b.example", site: "https://a.example", origin: "INFISICAL_API_URL"},
		{name: "file", file: file + "INFISICAL_API_URL=https://c.example\n", site: "https://c.example", origin: "~/.infisical-ua"},
		{name: "file without a site", file: file, env: "https://a.example", site: "https://a.example", origin: "INFISICAL_API_URL"},
		{name: "file and environment agree", file: file + "INFISICAL_API_URL=https://c.example/api\n", env: "https://C.example:443/", site: "https://c.example", origin: "~/.infisical-ua"},
		{
			name: "file and environment differ", file: file + "INFISICAL_API_URL=https://c.example\n", env: "https://a.example",
			refused: "INFISICAL_API_URL: this is https://a.example and the credentials in ~/.infisical-ua belong to https://c.example: ",
		},
		{
			name: "file and user differ", file: file + "INFISICAL_API_URL=https://c.example\n", user: "https://b.example",
			refused: "~/.config/scrim/config.toml:1:1: this is https://b.example and the credentials in ~/.infisical-ua belong to https://c.example: ",
		},
		{name: "repository agrees", repo: "https://a.example/api", env: "https://a.example", site: "https://a.example", origin: "INFISICAL_API_URL"},
		{
			name: "repository differs from the default", repo: "https://evil.example",
			refused: "~/code/alpha/scrim.toml:3:1: site_url is https://evil.example and your credentials belong to https://app.infisical.com: ",
		},
		{
			name: "repository differs from the file", repo: "https://evil.example", file: file + "INFISICAL_API_URL=https://c.example\n",
			refused: "~/code/alpha/scrim.toml:3:1: site_url is https://evil.example and your credentials belong to https://c.example: ",
		},
		{
			name: "repository differs from the environment", repo: "https://evil.example", env: "https://a.example",
			refused: "~/code/alpha/scrim.toml:3:1: site_url is https://evil.example and your credentials belong to https://a.example: ",
		},
		{name: "repository by another port", repo: "https://a.example:8443", env: "https://a.example", refused: "~/code/alpha/scrim.toml:3:1: site_url is "},
		{name: "repository is no site", repo: "https://u:hunter2@a.example", refused: "~/code/alpha/scrim.toml:3:1: a site is https://HOST "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			repo := minimal
			if tt.repo != "" {
				repo += "site_url = \"" + tt.repo + "\"\n"
			}
			w.scrimTOML(repo)
			if tt.user != "" {
				w.userFile("site_url = \"" + tt.user + "\"\n")
			}
			if tt.file != "" {
				w.write(".infisical-ua", tt.file, 0o600)
			}
			w.env["INFISICAL_API_URL"] = tt.env
			if tt.refused != "" {
				if got := w.refused(w.input()); !strings.HasPrefix(got, tt.refused) || strings.Contains(got, "hunter2") {
					t.Errorf("error = %q\n want it to start with %q", got, tt.refused)
				}
				return
			}
			c := w.load()
			if origin := strings.ReplaceAll(c.Origin("site_url"), w.home, "~"); c.Scope.Site != tt.site || c.Credentials.Site != tt.site || origin != tt.origin {
				t.Errorf("site = %q, credentials' %q, from %q, want %q from %q", c.Scope.Site, c.Credentials.Site, origin, tt.site, tt.origin)
			}
		})
	}
}
