package secret_test

import (
	"errors"
	"strings"
	"testing"

	"scrim/internal/secret"
)

func TestParseType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]secret.Type{
		"hex": secret.Hex, "hex:32": "hex:32", "base64:1": "base64:1", "int": secret.Integer, "bool": secret.Boolean, "integer": secret.Integer,
		"pem:private-key": "pem:private-key", "pem:certificate": "pem:certificate", "url:POSTGRES": "url:postgres", "url:mongodb+srv": "url:mongodb+srv",
		"prefix:pay_live_": "prefix:pay_live_", "prefix:a:b": "prefix:a:b", "regex:[a-z]{3}:x": "regex:[a-z]{3}:x", "text": secret.Text,
	} {
		got, err := secret.ParseType(text)
		if err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
		if got.Bare() != got.Kind() || strings.Contains(string(got.Bare()), ":") {
			t.Errorf("%q without its parameter is %q", text, got.Bare())
		}
	}
	for _, text := range []string{"", "hexx", "text:", "text:x", "port:80", "jwt:x", ":", "Hex", "hex :32", "prefi:x"} {
		if got, err := secret.ParseType(text); got != "" || !errors.Is(err, secret.ErrUnknownType) {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"hex:", "hex:0", "hex:-1", "hex:+4", "hex:04", "hex:70000", "hex:kanari", "base64:3.5", "pem:", "pem:key", "url:", "url:x", "url:post gres", "url:postgres://",
		"prefix", "prefix:", "prefix:a b", "prefix:" + strings.Repeat("kanari", 99), "regex", "regex:", "regex:(kanari", "regex:a{9999}", "regex:" + strings.Repeat("kanari", 200),
	} {
		got, err := secret.ParseType(text)
		if got != "" || err == nil || errors.Is(err, secret.ErrUnknownType) || strings.Contains(err.Error(), "kanari") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// FuzzParseType shows that what is taken is read again as the same, and that
// what is refused is in no error.
func FuzzParseType(f *testing.F) {
	for _, text := range append(secret.TypeForms(), "hex:32", "url:postgres", "regex:^a$", "int", "prefix:x", "regex:\xff") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := secret.ParseType(text)
		if err != nil {
			if _, parameter, _ := strings.Cut(text, ":"); parsed != "" || len(parameter) > 12 && strings.Contains(err.Error(), parameter) {
				t.Errorf("%q: %q, %v", text, parsed, err)
			}
			return
		}
		if again, err := secret.ParseType(string(parsed)); err != nil || again != parsed {
			t.Errorf("%q is %q, and that is %q, %v", text, parsed, again, err)
		}
	})
}
