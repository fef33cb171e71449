package rules

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// found returns what the rules find in text, as "rule: secret".
func found(t testing.TB, s *Set, name, text string) []string {
	t.Helper()
	findings, err := s.Find(context.Background(), name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{}
	for _, f := range findings {
		all = append(all, f.Rule+": "+text[f.Start:f.End])
	}
	return all
}

// token is made up, and of the form of a provider's. No file of ours holds it.
func token() string { return "gh" + "p_" + "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R" }

func TestFind(t *testing.T) {
	t.Parallel()
	s := New()
	const generic = "Zx81-kQ29vT4-pLm7"
	for text, want := range map[string][]string{
		"":                                       {},
		"nothing is here, no key, no token\n":    {},
		"x " + token() + "\n":                    {"github-pat: " + token()},
		"x " + token():                           {"github-pat: " + token()},
		"x " + token() + " # gitleaks:allow":     {},
		"allowed # gitleaks:allow\n" + token():   {"github-pat: " + token()},
		"api_key = \"" + generic + "\"\n":        {"generic-api-key: " + generic},
		"api_key = \"" + token() + "\"\n":        {"github-pat: " + token()}, // the generic rule steps back
		"api_key = \"aaaaaaaaaaaaaaaa\"\n":       {},                         // not random
		"api_key = \"Zx81-EXAMPLE29vT4-pLm7\"\n": {},                         // a stop word
		token() + "\n" + token() + "\n":          {"github-pat: " + token(), "github-pat: " + token()},

		"é\xff" + strings.ToUpper("api") + "_key='" + generic + "'": {"generic-api-key: " + generic},
	} {
		if diff := cmp.Diff(want, found(t, s, "", text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if got := found(t, s, "web/node_modules/x.js", token()); len(got) > 0 {
		t.Errorf("in a file that has no secrets: %v", got)
	}
	for name, want := range map[string][]string{"": nil, "a.go": nil, "keys/store.p12": {"pkcs12-file"}, "node_modules/store.p12": nil} {
		got, err := s.ByName(name)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

// TestEveryRule compiles every pattern, and has most rules find a text that was
// made from theirs. That they find what gitleaks finds is shown in upstream.
func TestEveryRule(t *testing.T) {
	t.Parallel()
	s := New()
	f, err := s.load()
	if err != nil {
		t.Fatal(err)
	}
	quiet := []string{}
	for _, r := range f.Rules {
		if r.ID == "" || r.Regex == "" && r.Path == "" || strings.ContainsAny(r.ID, ": \"\\") {
			t.Errorf("rule %q has no use", r.ID)
		}
		for _, a := range slices.Concat(r.Allowlists, []allowlist{f.Allow}) {
			for _, compiled := range []func() *regexp.Regexp{a.regex, a.path} {
				if compiled != nil {
					compiled()
				}
			}
		}
		r.path()
		if r.Regex == "" || r.Path != "" {
			continue
		}
		samples := rapid.StringMatching(r.Regex)
		hit := false
		for seed := range 20 {
			text := samples.Example(seed) + "\n"
			hit = hit || slices.ContainsFunc(found(t, s, "", text), func(found string) bool { return strings.HasPrefix(found, r.ID+": ") })
		}
		if !hit {
			quiet = append(quiet, r.ID)
		}
	}
	if len(f.Rules) < 200 || len(quiet) > 15 {
		t.Errorf("%d rules, and nothing found by %v", len(f.Rules), quiet)
	}
}

// TestOrdinaryTextNeedsFewRules keeps ordinary texts cheap: a pattern is compiled
// when a text has its keyword.
func TestOrdinaryTextNeedsFewRules(t *testing.T) {
	t.Parallel()
	f, err := New().load()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range f.about([]byte("an ordinary text")) {
		ids = append(ids, r.ID)
	}
	if len(ids) > 8 {
		t.Errorf("an ordinary text asks for %v", ids)
	}
}

// TestKeywords compares the one pass with a look for each word.
func TestKeywords(t *testing.T) {
	t.Parallel()
	f, err := New().load()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, r := range f.Rules {
		words = append(words, r.Keywords...)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.OneOf(rapid.SampledFrom(words), rapid.StringN(0, 3, 6), rapid.Map(rapid.SampledFrom(words), strings.ToUpper))).Draw(t, "text"), "")
		got := f.about([]byte(text))
		for _, r := range f.Rules {
			want := len(r.Keywords) == 0 || slices.ContainsFunc(r.Keywords, func(w string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(w)) })
			if slices.Contains(got, r) != want {
				t.Fatalf("%s for %q: %t", r.ID, text, !want)
			}
		}
	})
}

func TestFindEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New().Find(ctx, "", []byte(token())); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	s := New()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			text := fmt.Sprintf("%d %s\n", i, token())
			if got := found(t, s, "", text); len(got) != 1 {
				t.Errorf("got %v", got)
			}
		})
	}
	all.Wait()
}

func FuzzFind(f *testing.F) {
	s := New()
	f.Add("a.go", "api_key = \""+token()+"\"\n")
	f.Add("", "\n\n-----BEGIN PRIVATE KEY-----\n\xff\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		findings, err := s.Find(t.Context(), name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			if f.Start < 0 || f.Start > f.End || f.End > len(text) {
				t.Fatalf("%+v in %d bytes", f, len(text))
			}
		}
	})
}
