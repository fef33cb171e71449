package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const goodFile = "# made by scrim\n\n" + clientIDName + "=id-1\r\n" + clientSecretName + "=key-1"

func TestCredentialsInOrder(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	check := func(kind Kind, source, id, key, token string) {
		t.Helper()
		c := w.load()
		got := []any{c.Credentials.Kind, c.Credentials.Source, c.Credentials.ClientID.Reveal(), c.Credentials.ClientSecret.Reveal(), c.Credentials.Token.Reveal(), c.Origin("credentials")}
		if want := []any{kind, source, id, key, token, source}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("credentials = %v, want %v", got, want)
		}
		if c.Credentials.Reason != "" {
			t.Errorf("reason = %q", c.Credentials.Reason)
		}
	}
	w.write(".infisical-ua", goodFile, 0o400)
	check(UniversalAuth, "~/.infisical-ua", "id-1", "key-1", "")
	w.env[clientIDName], w.env[clientSecretName] = "id-2", "key-2"
	w.write(".infisical-ua", "broken, and not read", 0o644)
	check(UniversalAuth, clientIDName, "id-2", "key-2", "")
	w.env[tokenName] = "made-up-token"
	check(AccessToken, tokenName, "", "", "made-up-token")
}

func TestHalfAPairIsRefused(t *testing.T) {
	w := newWorld(t)
	w.scrimTOML(minimal)
	w.env[clientIDName] = "id-hunter2"
	if got, want := w.refused(w.input()), clientSecretName+": not set, while "+clientIDName+" is: set both or neither"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
	w.env[clientIDName], w.env[clientSecretName] = "", "key-hunter2"
	if got, want := w.refused(w.input()), clientIDName+": not set, while "+clientSecretName+" is: set both or neither"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
	w.env[clientIDName] = "id hunter2"
	if got := w.refused(w.input()); !strings.HasPrefix(got, clientIDName+": a credential has ") || strings.Contains(got, "hunter2") {
		t.Errorf("error = %q", got)
	}
}

func TestParseCredentials(t *testing.T) {
	const id, key = clientIDName + "=id\n", clientSecretName + "=key\n"
	for _, tt := range []struct{ name, content, want string }{
		{"empty", "", "~/.infisical-ua: there is no line " + clientIDName + "=…: add it"},
		{"half", id, "~/.infisical-ua: there is no line " + clientSecretName + "=…: add it"},
		{"no sign", id + "hunter2\n" + key, "~/.infisical-ua:2: a line is NAME=value, "},
		{"unknown name", id + key + "HUNTER2=hunter2\n", "~/.infisical-ua:3: a line starts with "},
		{"export", "export " + id + key, "~/.infisical-ua:1: a line starts with "},
		{"space", id + clientSecretName + "= hunter2\n", "~/.infisical-ua:2: a credential has "},
		{"quotes", id + clientSecretName + "=\"hunter2\"\n", "~/.infisical-ua:2: a credential has "},
		{"no value", id + clientSecretName + "=\n", "~/.infisical-ua:2: a credential has "},
		{"control", id + clientSecretName + "=hunter2\x00\n", "~/.infisical-ua:2: a credential has "},
		{"twice", id + id + key, "~/.infisical-ua:2: this name has a line already: "},
		{"mark of byte order", "\ufeff" + id + key, "~/.infisical-ua:1: a line starts with "},
		{"site", id + key + siteName + "=http://hunter2.example\n", "~/.infisical-ua:3: a site is reached by https; "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parseCredentials(credentialsFile, []byte(tt.content))
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) || strings.Contains(strings.ToLower(err.Error()), "hunter2") {
				t.Errorf("error = %v\n want it to start with %q", err, tt.want)
			}
		})
	}
	c, err := parseCredentials(credentialsFile, []byte(goodFile+"\n"+siteName+"=https://c.example/api"))
	if err != nil || c.Site != "https://c.example" || c.ClientSecret.Reveal() != "key-1" {
		t.Errorf("parseCredentials = %+v, %v", c, err)
	}
}

// FuzzCredentials shows that an error never holds what a line holds, and that
// accepted credentials can go into a header as they are.
func FuzzCredentials(f *testing.F) {
	located := regexp.MustCompile(`^~/\.infisical-ua(:\d+)?$`)
	problems := []string{"there is no line " + clientIDName + "=…", "there is no line " + clientSecretName + "=…"}
	for _, err := range []error{errNoLine, errUnknownLine, errTwice, errBadCredential, errBadSite, errPlainSite} {
		problems = append(problems, err.Error())
	}
	f.Add([]byte(goodFile))
	f.Add([]byte(goodFile + "\n" + siteName + "=https://c.example\n"))
	f.Add([]byte("a=b=c\n=\n#\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseCredentials(credentialsFile, data)
		if err == nil {
			for _, v := range []string{c.ClientID.Reveal(), c.ClientSecret.Reveal()} {
				if v == "" || strings.ContainsAny(v, " \t\r\n\"\\\x00") {
					t.Errorf("accepted %q", v)
				}
			}
			return
		}
		e, ok := err.(*Error) //nolint:errorlint // parseCredentials promises the type itself
		if !ok || !located.MatchString(e.Where) || !slices.Contains(problems, e.Problem) || e.Next != "correct the line" && e.Next != "add it" {
			t.Errorf("error %q holds more than a line's number and fixed text", err)
		}
	})
}
