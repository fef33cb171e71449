package infisical_test

import (
	"strings"
	"testing"
	"time"

	"scrim/internal/devstore"
	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// sample starts an embedded store with one identity that reads everything, and
// a client for it.
func sample(t *testing.T, options ...func(*infisical.Options)) (*devstore.Store, *devstore.Server, testClient) {
	t.Helper()
	store := devstore.New(devstore.Options{Seed: devstore.Seed{
		Environments: map[string]map[string]map[string]string{
			"prod": {"/alpha": {"NAME": "made-up-1"}, "/beta": {"OTHER": "made-up-2", "REF": "${prod.alpha.NAME}"}},
		},
		Imports: map[string]map[string][]string{"prod": {"/beta": {"/alpha"}}},
	}})
	h, err := devstore.Serve(t.Context(), "127.0.0.1:0", store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	clientID, clientSecret := store.AddIdentity(devstore.Identity{Name: "viewer", Rules: devstore.MayRead()})
	w := world{h.URL(), store.ProjectID(), map[string]credentials{"viewer": {clientID, clientSecret}}}
	c, _ := w.client(t, "viewer", options...)
	return store, h, c
}

func TestFaultsOfTheStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault devstore.Fault
		want  error
	}{
		"limited":  {devstore.Fault{Kind: devstore.RateLimited, RetryAfter: time.Minute}, secret.ErrRateLimited},
		"503":      {devstore.Fault{Kind: devstore.ServerError}, secret.ErrUnavailable},
		"500":      {devstore.Fault{Kind: devstore.ServerError, Status: 500}, secret.ErrUnavailable},
		"dropped":  {devstore.Fault{Kind: devstore.Dropped}, secret.ErrUnavailable},
		"page":     {devstore.Fault{Kind: devstore.HTMLPage}, secret.ErrBadResponse},
		"one 503":  {devstore.Fault{Kind: devstore.ServerError, Times: 1}, nil},
		"one drop": {devstore.Fault{Kind: devstore.Dropped, Times: 1}, nil},
		"one 429":  {devstore.Fault{Kind: devstore.RateLimited, RetryAfter: time.Second, Times: 1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, h, client := sample(t)
			mustList(t, client) // a login is never repeated: have it behind us
			for _, kind := range []string{"list", "probe"} {
				do := everyCall[kind]
				store.Faults().Add(c.fault)
				err := do(t.Context(), client.Client)
				if c.want == nil && err != nil {
					t.Errorf("%s: %v", kind, err)
				} else if c.want != nil {
					mustFail(t, &server{url: h.URL()}, err, c.want)
				}
				store.Faults().Clear()
			}
			mustList(t, client)
		})
	}
}

func TestSilentStore(t *testing.T) {
	t.Parallel()
	store, h, c := sample(t, withTimeout(300*time.Millisecond))
	for _, fault := range []devstore.Fault{{Kind: devstore.Silent}, {Kind: devstore.Slow, Delay: time.Hour}} {
		store.Faults().Add(fault)
		mustFail(t, &server{url: h.URL()}, list("/alpha")(t.Context(), c.Client), secret.ErrUnavailable)
		store.Faults().Clear()
	}
}

func TestLostTokensAreReplaced(t *testing.T) {
	t.Parallel()
	store, _, c := sample(t)
	for _, lose := range []func(){func() {}, store.ExpireTokens, store.RevokeTokens} {
		lose()
		for kind, do := range everyCall {
			if err := do(t.Context(), c.Client); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	logins := 0
	for _, r := range store.Requests() {
		if strings.HasSuffix(r.Path, "/login") {
			logins++
		}
	}
	if logins != 3 {
		t.Errorf("%d logins", logins)
	}
}

func TestChangedPermissions(t *testing.T) {
	t.Parallel()
	store, h, c := sample(t)
	clientID := (*c.learned)[0]
	beta := mustRef(t, "/beta", "NAME")

	got, err := c.Get(t.Context(), beta)
	if err != nil || got.Imported != "prod:/alpha" || got.Value.Reveal() != "made-up-1" || got.Entry.Ref != beta {
		t.Errorf("got %+v, %v", got, err)
	}
	store.Permit(clientID, devstore.MayRead("/beta"))
	list, err := c.List(t.Context(), "prod", "/beta", "")
	if err != nil || !list.Unexpanded || len(list.Secrets) != 2 {
		t.Errorf("got %+v, %v", show(list), err)
	}
	ref, err := c.Get(t.Context(), mustRef(t, "/beta", "REF"))
	if err != nil || ref.Value.Reveal() != "${prod.alpha.NAME}" {
		t.Errorf("got %+v, %v", ref, err)
	}
	store.Permit(clientID, nil)
	_, err = c.List(t.Context(), "prod", "/beta", list.ETag)
	mustFail(t, &server{url: h.URL()}, err, secret.ErrForbidden)
}
