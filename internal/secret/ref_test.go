package secret_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode"

	"scrim/internal/secret"
)

func TestParseRefRefuses(t *testing.T) {
	t.Parallel()
	bad := map[string][3]string{
		"empty name":       {"prod", "/alpha", ""},
		"dot dot name":     {"prod", "/alpha", "A..B"},
		"slash in name":    {"prod", "/alpha", "A/B"},
		"query in name":    {"prod", "/alpha", "A?x=1#"},
		"escape in name":   {"prod", "/alpha", "A%2e"},
		"control in name":  {"prod", "/alpha", "A\n"},
		"nul in name":      {"prod", "/alpha", "A\x00"},
		"bidi in name":     {"prod", "/alpha", "A\u202eB"},
		"flag-like name":   {"prod", "/alpha", "-A"},
		"hidden name":      {"prod", "/alpha", ".A"},
		"long name":        {"prod", "/alpha", strings.Repeat("A", 256)},
		"relative path":    {"prod", "alpha", "A"},
		"empty path":       {"prod", "", "A"},
		"trailing slash":   {"prod", "/alpha/", "A"},
		"double slash":     {"prod", "/alpha//vault", "A"},
		"dot segment":      {"prod", "/alpha/../beta", "A"},
		"single dot":       {"prod", "/./alpha", "A"},
		"space in path":    {"prod", "/al pha", "A"},
		"backslash":        {"prod", `/alpha\vault`, "A"},
		"long path":        {"prod", "/" + strings.Repeat("a", 1024), "A"},
		"empty env":        {"", "/alpha", "A"},
		"env with slash":   {"prod/x", "/alpha", "A"},
		"env with control": {"prod\t", "/alpha", "A"},
	}
	for name, c := range bad {
		if ref, err := secret.ParseRef(c[0], c[1], c[2]); err == nil || !ref.IsZero() {
			t.Errorf("%s: accepted as %v", name, ref)
		} else if c[2] != "" && len(c[2]) > 3 && strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: the error echoes the input: %v", name, err)
		}
	}
	ref, err := secret.ParseRef("prod", "/alpha/vault", "2FA_KEY.old-1")
	if err != nil || ref.String() != "prod:/alpha/vault/2FA_KEY.old-1" {
		t.Errorf("got %v, %v", ref, err)
	}
	if root, err := secret.ParseRef("prod", "/", "A"); err != nil || root.String() != "prod:/A" {
		t.Errorf("got %v, %v", root, err)
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("prod", "/alpha/vault", "NAME")
	f.Add("prod", "/alpha/../x", "../../v1/auth?x=1#")
	f.Add("p", "/", ".")
	f.Fuzz(func(t *testing.T, env, path, key string) {
		ref, err := secret.ParseRef(env, path, key)
		if err != nil {
			if !ref.IsZero() {
				t.Fatal("an error with a Ref")
			}
			return
		}
		if ref.Environment() != env || ref.Path() != path || ref.Name() != key {
			t.Fatalf("%q %q %q came back as %v", env, path, key, ref)
		}
		for _, part := range []string{env, path, key} {
			if strings.Contains(part, "..") || strings.ContainsFunc(part, func(r rune) bool {
				return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' '
			}) {
				t.Fatalf("accepted %q", part)
			}
		}
		if strings.Contains(path, "//") || url.PathEscape(key) != key {
			t.Fatalf("accepted %q %q", path, key)
		}
	})
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	scope := secret.Scope{
		Environment: "dev", Path: "/alpha", VaultPath: "/alpha/vault",
		VaultEnvironments: []string{"prod", "dev"}, StagingPath: "/alpha/staging", SharedPath: "/shared",
	}
	var got []string
	for _, p := range scope.Places() {
		got = append(got, p.Location.String()+"="+p.String())
	}
	want := "staging=dev:/alpha/staging injected=dev:/alpha vault=dev:/alpha/vault vault=prod:/alpha/vault shared=dev:/shared"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	scope.Environment = "prod"
	for _, p := range scope.Places() {
		if p.Location == secret.Staging {
			t.Error("staging has no part in production")
		}
	}
}
