package validate_test

import (
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"scrim/internal/secret"
	"scrim/internal/validate"
)

// FuzzJudge shows that no name, type or value makes a rule panic, or say
// anything but its own fixed sentence.
func FuzzJudge(f *testing.F) {
	f.Add("TLS_KEY", "prod", "pem:private-key", goodPEM)
	f.Add("HOOK", "dev", "hex:4", "00ff00ff")
	f.Add("DB", "dev", "url:postgres", "postgres+x://a:b@c")
	f.Add("ID", "dev", "regex:[a-z]+$|^x", "a\nb")
	for name, value := range made(f) {
		f.Add(name, "prod", "", value)
	}
	for i, value := range append(canaries(), goodPEM, goodJWT, goodUUID, "", "\x00", "\xff\xfe", "\u200b", "-----BEGIN ", "data:;base64,", "a://[", "://", "http://", "x:", "\\n") {
		f.Add([]string{"API_KEY", "A_URL", "A_PEM", "aJwt", "A_PORT", "A_JSON", "A_BASE64", "_"}[i%8], []string{"prod", "dev", "main"}[i%3], string(secret.Types()[i%len(secret.Types())]), value)
	}
	sentences := map[string]bool{}
	for _, r := range validate.Table() {
		sentences[r.ID+r.Sentence] = true
	}
	for _, name := range []string{"API_KEY", "X_URL", "X_EMAIL", "X_PORT", "X_UUID", "X_HEX", "X_BASE64", "X_JSON", "X_JWT", "X_PEM"} {
		for _, environment := range []string{"prod", "dev"} {
			for _, typ := range append(secret.Types(), "") {
				for _, value := range append(canaries(), "", " ") {
					for _, p := range judge(f, name, environment, typ, value) {
						sentences[p.Rule+p.Detail] = true
					}
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, name, environment, typ, value string) {
		if _, err := secret.ParseRef(environment, "/alpha", name); err != nil {
			return
		}
		declared, _ := secret.ParseType(typ)
		problems := judge(t, name, environment, declared, value)
		for _, p := range problems {
			if !sentences[p.Rule+p.Detail] {
				t.Errorf("%q is told in words of its own: %s, %q", value, p.Rule, p.Detail)
			}
		}
		if value == "" != slices.ContainsFunc(problems, func(p secret.Problem) bool { return p.Rule == "empty" }) {
			t.Errorf("%q: empty or not? %v", value, problems)
		}
	})
}

func judge(t testing.TB, name, environment string, typ secret.Type, value string) []secret.Problem {
	t.Helper()
	c := validate.Checker{}
	if typ != "" {
		c.Types = map[string]secret.Type{name: typ}
	}
	return c.Judge(ref(t, environment, name), secret.NewValue(value))
}

// FuzzHost shows that the host of a URL that the standard library can read is
// found as it finds it. That of one behind a second scheme, as jdbc has it, the
// library does not look for.
func FuzzHost(f *testing.F) {
	for _, value := range []string{"https://a.internal:80/x?y#z", "postgres://u:p@h/d", "http://[::1]:80", "http://h", "a://u:p%40@H.:1", "http://a@b@c", "http://@", "x://?", "http://u:p/a@h"} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		parsed, err := url.Parse(value)
		if err != nil || parsed.Opaque != "" || !utf8.ValidString(value) || strings.Contains(value, ",") {
			return
		}
		got := validate.Host(value)
		if got == "" {
			return // in doubt, nothing
		}
		if want := strings.TrimSuffix(strings.ToLower(parsed.Hostname()), "."); got != want {
			t.Errorf("the host of %q is %q, and not %q", value, got, want)
		}
	})
}

// FuzzForms shows that what a type takes, it takes with white space around it,
// which is a fault of its own.
func FuzzForms(f *testing.F) {
	types := secret.Types()
	for _, value := range []string{"https://x", "a@b.c", "1", "true", goodUUID, "0xff", "bWFkZQ==", "{}", goodJWT, goodPEM} {
		for which := range types {
			f.Add(value, uint8(which))
		}
	}
	f.Fuzz(func(t *testing.T, value string, which uint8) {
		typ := types[int(which)%len(types)]
		if strings.TrimSpace(value) == "" || len(value) > 1<<10 { // longer ones are of the same forms
			return
		}
		if bare, padded := forms(t, typ, value), forms(t, typ, " "+value+"\n"); bare != padded {
			t.Errorf("%s: %q is of it: %t, with white space: %t", typ, value, bare, padded)
		}
	})
}

// forms reports whether a value is of a type, whatever else is wrong with it.
func forms(t testing.TB, typ secret.Type, value string) bool {
	t.Helper()
	return !slices.ContainsFunc(judge(t, "NAME", "main", typ, value), func(p secret.Problem) bool { return p.Rule == string(typ) })
}

// FuzzEnds shows that whatever stands in a block or in a token's claims, at most
// one of its two ends is told, and only of what is whole.
func FuzzEnds(f *testing.F) {
	for _, value := range made(f) {
		if block, _ := pem.Decode([]byte(value)); block != nil {
			f.Add(block.Type, block.Bytes, int64(0))
		}
	}
	f.Add("JWT", []byte(`{"exp": 1.5e300}`), int64(1))
	f.Add("JWT", []byte(`{"exp": "1"}`), int64(1))
	f.Add("JWT", []byte(`{"exp": -1}`), int64(-1<<40))
	f.Add("CERTIFICATE", []byte{0x30, 0x80, 0, 0}, int64(1<<40))
	f.Fuzz(func(t *testing.T, label string, content []byte, at int64) {
		value := string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: content}))
		if label == "JWT" {
			value = "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(content) + ".bWFkZS11cA"
		}
		c := validate.Checker{Now: func() time.Time { return time.Unix(at%(1<<41), 0) }}
		got := broken(t, c, "main", "X", value)
		for _, pair := range [][2]string{{"certificate_expired", "certificate_expires"}, {"token_expired", "token_expires"}} {
			if slices.Contains(got, pair[0]) && slices.Contains(got, pair[1]) {
				t.Errorf("%q breaks %v", value, got)
			}
		}
		if ends := slices.ContainsFunc(got, func(rule string) bool { return strings.HasPrefix(rule, "certificate_") }); ends && slices.Contains(got, "pem") {
			t.Errorf("%q breaks %v", value, got)
		}
	})
}
