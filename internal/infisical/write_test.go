package infisical_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/devstore"
	"scrim/internal/secret"
)

func drafts(pairs ...string) []secret.Draft {
	var all []secret.Draft
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, secret.Draft{Name: pairs[i], Value: secret.NewValue(pairs[i+1]), Comment: "of " + pairs[i]})
	}
	return all
}

// writer starts a store and a client that may do anything in it.
func writer(t *testing.T) (*devstore.Store, testClient) {
	t.Helper()
	store, h, _ := sample(t)
	id, key := store.AddIdentity(devstore.Identity{Name: "writer", Rules: slices.Concat(devstore.MayRead(), devstore.MayWrite())})
	c, _ := world{h.URL(), store.ProjectID(), map[string]credentials{"writer": {id, key}}}.client(t, "writer")
	return store, c
}

// TestWrite writes, reads back, and is refused in the store's own words.
func TestWrite(t *testing.T) {
	t.Parallel()
	_, c := writer(t)
	ctx := t.Context()
	name := func(n string) secret.Ref { return mustRef(t, "/alpha/vault/deep", n) }
	text := `q"uo\te <b> ` + "línea\nend\n"
	for _, step := range []struct {
		what string
		do   func() error
		want error
	}{
		{"into nothing", func() error { return c.Create(ctx, "prod", "/alpha/vault", drafts("A", "1")) }, secret.ErrPathNotFound},
		{"a folder", func() error { return c.CreateFolder(ctx, "prod", "/alpha/vault") }, nil},
		{"a folder in it", func() error { return c.CreateFolder(ctx, "prod", "/alpha/vault/deep") }, nil},
		{"again", func() error { return c.CreateFolder(ctx, "prod", "/alpha/vault/deep") }, secret.ErrExists},
		{"nothing", func() error { return c.Create(ctx, "prod", "/alpha/vault/deep", nil) }, nil},
		{"two", func() error { return c.Create(ctx, "prod", "/alpha/vault/deep", drafts("A", "made-up-a", "B", text)) }, nil},
		{"all or none", func() error { return c.Create(ctx, "prod", "/alpha/vault/deep", drafts("C", "made-up-c", "B", "x")) }, secret.ErrExists},
		{"none was", func() error { return c.Probe(ctx, name("C")) }, secret.ErrNotFound},
		{"update one", func() error { return c.Update(ctx, "prod", "/alpha/vault/deep", drafts("A", "made-up-a2")) }, nil},
		{"update nothing", func() error { return c.Update(ctx, "prod", "/alpha/vault/deep", drafts("Z", "x")) }, secret.ErrNotFound},
		{"update all or none", func() error { return c.Update(ctx, "prod", "/alpha/vault/deep", drafts("A", "x", "Z", "x")) }, secret.ErrNotFound},
		{"delete nothing", func() error { return c.Delete(ctx, name("Z")) }, secret.ErrNotFound},
		{"without a value", func() error { return c.Create(ctx, "prod", "/alpha", []secret.Draft{{Name: "Q"}}) }, errNoValue},
		{"a name that is a route", func() error { return c.Create(ctx, "prod", "/alpha", drafts("../../x", "made-up")) }, secret.ErrBadName},
	} {
		err := step.do()
		if errors.Is(step.want, errNoValue) {
			if err == nil || !strings.Contains(err.Error(), "no value") {
				t.Errorf("%s: %v", step.what, err)
			}
			continue
		}
		if !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.what, err, step.want)
		}
	}
	own, err := c.Own(ctx, "prod", "/alpha/vault/deep")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range own.Secrets {
		got[s.Entry.Ref.Name()+" "+s.Entry.Comment] = s.Value.Reveal()
	}
	if diff := cmp.Diff(map[string]string{"A of A": "made-up-a2", "B of B": text}, got); diff != "" {
		t.Error(diff)
	}
	if err := errors.Join(c.Delete(ctx, name("A")), c.Probe(ctx, name("B"))); err != nil {
		t.Error(err)
	}
	if err := c.Delete(ctx, name("A")); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

var errNoValue = errors.New("no value")

// TestOwnFollowsNothing: imports and references are not followed.
func TestOwnFollowsNothing(t *testing.T) {
	t.Parallel()
	_, c := writer(t)
	own, err := c.Own(t.Context(), "prod", "/beta")
	if err != nil || len(own.Secrets) != 2 || own.Secrets[1].Value.Reveal() != "${prod.alpha.NAME}" {
		t.Errorf("%+v, %v", own.Secrets, err)
	}
}

// TestAnswersToAWrite: only what says that it was written was written.
func TestAnswersToAWrite(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]struct {
		answer answer
		want   error
	}{
		"a request": {jsonAnswer(http.StatusOK, `{"approval":{"id":"x"}}`), secret.ErrAwaitsApproval},
		"both":      {jsonAnswer(http.StatusOK, `{"secrets":[],"approval":{"id":"x"}}`), secret.ErrAwaitsApproval},
		"nothing":   {jsonAnswer(http.StatusOK, `{}`), secret.ErrBadResponse},
		"null":      {jsonAnswer(http.StatusOK, `{"secrets":null}`), secret.ErrBadResponse},
		"no object": {jsonAnswer(http.StatusOK, `[]`), secret.ErrBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, always(step.answer))
			if err := create("NAME")(t.Context(), newClient(t, s).Client); !errors.Is(err, step.want) {
				t.Errorf("%v, want %v", err, step.want)
			} else if err != nil && strings.Contains(err.Error(), "made-up") {
				t.Errorf("it has the value: %v", err)
			}
		})
	}
}

// TestWritesAreSentOnce: in doubt a write is not repeated.
func TestWritesAreSentOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []devstore.FaultKind{devstore.Dropped, devstore.ServerError, devstore.RateLimited} {
		store, c := writer(t)
		mustList(t, c)
		store.Faults().Add(devstore.Fault{Kind: kind, Times: 1, Route: "/api/v3/secrets/batch"})
		if err := c.Create(t.Context(), "prod", "/alpha", drafts("N", "made-up")); err == nil {
			t.Errorf("%v: sent again", kind)
		}
		if err := c.Create(t.Context(), "prod", "/alpha", drafts("N", "made-up")); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
}
