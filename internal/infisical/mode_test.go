package infisical_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"scrim/internal/secret"
)

// guarded is a server that answers lists as for an identity which may not
// expand a reference, or may not read values; allowed lifts both.
type guarded struct {
	recorded    map[string]answer
	noExpansion bool
	noValues    bool
	allowed     bool
}

func (g *guarded) answer(a asked, _ int) http.Handler {
	name := "v3-list-alpha-only-ok"
	switch {
	case a.path == loginPath:
		return g.recorded["login-ok"]
	case a.query["viewSecretValue"] == "false":
		name = "v3-list-names-only-hidden"
	case g.allowed:
		name = "v3-list-alpha-prod"
	case a.query["expandSecretReferences"] == "true" && g.noExpansion:
		return g.recorded["v3-list-alpha-only-expand-cross-folder-ref"]
	case g.noValues:
		return g.recorded["v3-list-names-only"]
	}
	list := g.recorded[name]
	etag := `"` + name + `"`
	if a.ifNoneMatch == etag {
		return answer{Status: http.StatusNotModified, Body: []byte(`""`)}
	}
	list.Headers = map[string]string{"Content-Type": "application/json", "ETag": etag}
	return list
}

// modes are the kinds of list that a server was asked for, each with "*" where
// it was conditional.
func modes(s *server) string {
	var all []string
	for _, a := range s.requests() {
		kind := "unexpanded"
		switch {
		case a.path == loginPath:
			continue
		case a.query["viewSecretValue"] == "false":
			kind = "names"
		case a.query["expandSecretReferences"] == "true":
			kind = "full"
		}
		if a.ifNoneMatch != "" {
			kind += "*"
		}
		all = append(all, kind)
	}
	return strings.Join(all, " ")
}

func TestRefusedExpansion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &guarded{recorded: recordings(t), noExpansion: true}
		s := serveInMemory(t, g.answer)
		c := newClient(t, s)
		first, err := c.List(t.Context(), "prod", "/alpha", "")
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(first.Secrets, func(l secret.Listed) bool { return l.Entry.Ref.Name() == "SHARED_DB_HOST_REF" })
		if !first.Unexpanded || first.Hidden || i < 0 || first.Secrets[i].Value.Reveal() != "${prod.shared.DB_HOST}" {
			t.Errorf("got %+v", first)
		}
		second, err := c.List(t.Context(), "prod", "/alpha", first.ETag)
		if err != nil || !second.NotModified || second.ETag != first.ETag || second.Secrets != nil {
			t.Errorf("got %+v, %v", second, err)
		}
		sleep(5 * time.Minute)
		third, err := c.List(t.Context(), "prod", "/alpha", first.ETag)
		if err != nil || !third.NotModified {
			t.Errorf("got %+v, %v", third, err)
		}
		if got, want := modes(s), "full unexpanded unexpanded* full unexpanded*"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		g.allowed = true
		sleep(5 * time.Minute)
		fourth, err := c.List(t.Context(), "prod", "/alpha", first.ETag)
		if err != nil || fourth.Unexpanded || fourth.NotModified || fourth.ETag == first.ETag {
			t.Errorf("got %+v, %v", fourth, err)
		}
		fifth, err := c.List(t.Context(), "prod", "/alpha", fourth.ETag)
		if err != nil || !fifth.NotModified || !strings.HasSuffix(modes(s), " full full*") {
			t.Errorf("got %+v, %v, asked %s", fifth, err, modes(s))
		}
	})
}

func TestRefusedValues(t *testing.T) {
	t.Parallel()
	for _, noExpansion := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			g := &guarded{recorded: recordings(t), noValues: true, noExpansion: noExpansion}
			s := serveInMemory(t, g.answer)
			c := newClient(t, s)
			first, err := c.List(t.Context(), "prod", "/alpha", "")
			if err != nil || !first.Hidden || first.Unexpanded || len(first.Secrets) < 5 {
				t.Fatalf("got %+v, %v", first, err)
			}
			for _, listed := range first.Secrets {
				if !listed.Value.IsZero() || listed.Entry.Version == 0 || listed.Entry.UpdatedAt.IsZero() {
					t.Errorf("got %+v", listed)
				}
			}
			second, err := c.List(t.Context(), "prod", "/alpha", first.ETag)
			if err != nil || !second.NotModified {
				t.Errorf("got %+v, %v", second, err)
			}
			// Another folder is not known to be refused.
			if _, err := c.List(t.Context(), "prod", "/beta", first.ETag); err != nil {
				t.Error(err)
			}
			want := "full names names* full names*"
			if noExpansion {
				want = "full unexpanded names names* full unexpanded names*"
			}
			if got := modes(s); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestValuesHiddenOneByOne(t *testing.T) {
	t.Parallel()
	for body, hidden := range map[string]bool{
		`{"secrets":[{"secretKey":"A","secretValue":"<hidden-by-infisical>","secretValueHidden":true},{"secretKey":"B","secretValue":"b"}],"imports":[]}`: false,
		`{"secrets":[{"secretKey":"A","secretValue":"<hidden-by-infisical>","secretValueHidden":true}],"imports":[]}`:                                     true,
		emptyList: false,
	} {
		s := serve(t, always(jsonAnswer(http.StatusOK, body)))
		got, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
		if err != nil || got.Hidden != hidden || got.ETag != "" {
			t.Errorf("got %+v, %v", got, err)
		}
		if len(got.Secrets) > 0 && !got.Secrets[0].Value.IsZero() {
			t.Errorf("a hidden value became %q", got.Secrets[0].Value.Reveal())
		}
	}
}

func TestETagsThatAreNoETags(t *testing.T) {
	t.Parallel()
	g := &guarded{recorded: recordings(t)}
	s := serve(t, g.answer)
	c := newClient(t, s)
	for _, etag := range []string{
		`"v3-list-alpha-only-ok"`, `u:"v3-list-alpha-only-ok"`, "x:", "x:a\r\nX-Evil: 1", "x:\x00", ":", "x", `X:"a"`, "made-up",
	} {
		got, err := c.List(t.Context(), "prod", "/alpha", etag)
		if err != nil || got.NotModified || got.ETag != `x:"v3-list-alpha-only-ok"` {
			t.Errorf("%q: got %+v, %v", etag, got, err)
		}
	}
	if got := modes(s); strings.Contains(got, "*") {
		t.Errorf("asked %s", got)
	}
	got, err := c.List(t.Context(), "prod", "/alpha", `x:"v3-list-alpha-only-ok"`)
	if err != nil || !got.NotModified {
		t.Errorf("got %+v, %v", got, err)
	}
}
