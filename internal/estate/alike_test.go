package estate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/estate"
	"scrim/internal/secret"
)

func TestAlike(t *testing.T) {
	t.Parallel()
	var all []estate.Holding
	for _, h := range [][4]string{
		{"alpha", "/alpha", "KEY", "made-up-1"}, {"alpha", "/alpha/vault", "SAME_KEY", "made-up-1"}, // two names
		{"alpha", "/alpha", "TOKEN", "made-up-2"}, {"beta", "/beta", "TOKEN", "made-up-2"}, // two projects
		{"", "/shared", "MAIL", "made-up-3"}, {"alpha", "/alpha", "MAIL", "made-up-3"}, {"beta", "/beta", "MAIL", "made-up-3"}, // copies
		{"", "/shared", "HOOK", "made-up-4"}, {"beta", "/beta", "OWN_HOOK", "made-up-4"}, // a copy under another name
		{"alpha", "/alpha", "OVER", "made-up-5"}, {"alpha", "/alpha/staging", "OVER", "made-up-5"}, // one name at two places of one project
		{"beta", "/beta", "ALONE", "made-up-6"},
	} {
		ref, err := secret.ParseRef("prod", h[1], h[2])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, estate.Holding{Project: h[0], Ref: ref, Value: secret.NewValue(h[3])})
	}
	elsewhere, err := secret.ParseRef("dev", "/beta", "DEV_ALONE")
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, estate.Holding{Project: "beta", Ref: elsewhere, Value: secret.NewValue("made-up-6")})
	var got []string
	for _, group := range estate.Alike(all) {
		var names []string
		for _, h := range group {
			names = append(names, h.Ref.String())
		}
		if estate.SeveralProjects(group) {
			names = append(names, "several projects")
		}
		got = append(got, strings.Join(names, " "))
	}
	want := []string{
		"prod:/alpha/KEY prod:/alpha/vault/SAME_KEY",
		"prod:/alpha/TOKEN prod:/beta/TOKEN several projects",
		"prod:/beta/OWN_HOOK prod:/shared/HOOK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
