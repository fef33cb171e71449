package infisical_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/secret"
)

// plain is a secret.Listed with everything on show.
type plain struct {
	Name, Value, Imported string
	Known                 bool
	Version               int
	Updated               time.Time
}

func show(l secret.Listing) []plain {
	var all []plain
	for _, s := range l.Secrets {
		all = append(all, plain{
			s.Entry.Ref.Name(), s.Value.Reveal(), s.Imported, !s.Value.IsZero(), s.Entry.Version, s.Entry.UpdatedAt,
		})
	}
	return all
}

func TestListKeepsWhatTheStoreSent(t *testing.T) {
	t.Parallel()
	a := recordings(t)["v3-list-alpha-prod"]
	var body struct {
		Secrets []struct {
			SecretKey, SecretValue string
			Version                int
			UpdatedAt              time.Time
		}
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatal(err)
	}
	var want []plain
	for _, s := range body.Secrets {
		want = append(want, plain{s.SecretKey, s.SecretValue, "", true, s.Version, s.UpdatedAt})
	}
	s := serve(t, always(a))
	got, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, show(got)); diff != "" {
		t.Error(diff)
	}
	if got.ETag == "" || got.Hidden || got.Unexpanded || got.NotModified || len(got.Refused) > 0 {
		t.Errorf("got %+v", got)
	}
	for _, s := range got.Secrets {
		if ref := s.Entry.Ref; ref.Environment() != "prod" || ref.Path() != "/alpha" || s.Entry.Location != 0 {
			t.Errorf("%v is not at the listed folder", ref)
		}
	}
	i := slices.IndexFunc(want, func(p plain) bool { return strings.HasSuffix(p.Value, "-----END PRIVATE KEY-----\n") })
	if i < 0 {
		t.Error("the recording has lost the newline at the end of its key")
	}
	query := map[string]string{
		"workspaceId": projectID, "workspaceSlug": "", "environment": "prod", "secretPath": "/alpha",
		"expandSecretReferences": "true", "include_imports": "true", "recursive": "false",
	}
	if diff := cmp.Diff(query, s.requests()[1].query); diff != "" {
		t.Error(diff)
	}
}

func TestImportsAreFlattened(t *testing.T) {
	t.Parallel()
	a := recordings(t)["v3-list-expand-true-imports-true"]
	// In the recording the folder has every name that it imports: take one away.
	var body map[string][]map[string]any
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatal(err)
	}
	body["secrets"] = slices.DeleteFunc(body["secrets"], func(s map[string]any) bool { return s["secretKey"] == "PIN" })
	a.Body, _ = json.Marshal(body)
	s := serve(t, always(a))
	got, err := newClient(t, s).List(t.Context(), "prod", "/gamma", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range got.Secrets {
		ref, want := listed.Entry.Ref, ""
		if ref.Name() == "PIN" {
			want = "prod:/shared"
		}
		if ref.Path() != "/gamma" || listed.Imported != want || listed.Value.IsZero() {
			t.Errorf("%v is imported from %q", ref, listed.Imported)
		}
	}
	if len(got.Secrets) != len(body["secrets"])+1 {
		t.Errorf("got %d secrets", len(got.Secrets))
	}
}

func TestWhichOfTheSameNameWins(t *testing.T) {
	t.Parallel()
	body := `{"secrets":[
		{"secretKey":"BOTH","secretValue":"mine-personal","type":"personal"},
		{"secretKey":"BOTH","secretValue":"shared","type":"shared"},
		{"secretKey":"ONLY_PERSONAL","secretValue":"mine","type":"personal"},
		{"secretKey":"OWN","secretValue":"own","type":"shared","secretComment":"a note","version":3,
		 "tags":[{"slug":"db","name":"Database"},{"name":"no slug"}],"updatedAt":"yesterday"}],
	"imports":[
		{"environment":"prod","secretPath":"/a","secrets":[{"secretKey":"OWN","secretValue":"a"},{"secretKey":"FROM","secretValue":"a"}]},
		{"environment":"prod","secretPath":"/b","secrets":[{"secretKey":"FROM","secretValue":"b"}]},
		{"environment":"odd env","secretPath":"../x","secrets":[{"secretKey":"ODD","secretValue":"c"}]}]}`
	s := serve(t, always(jsonAnswer(http.StatusOK, body)))
	got, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
	if err != nil {
		t.Fatal(err)
	}
	want := []plain{
		{Name: "BOTH", Value: "shared", Known: true},
		{Name: "FROM", Value: "b", Known: true, Imported: "prod:/b"},
		{Name: "ODD", Value: "c", Known: true, Imported: "elsewhere"},
		{Name: "ONLY_PERSONAL", Value: "mine", Known: true},
		{Name: "OWN", Value: "own", Known: true, Version: 3},
	}
	if diff := cmp.Diff(want, show(got)); diff != "" {
		t.Error(diff)
	}
	own := got.Secrets[4].Entry
	if own.Comment != "a note" || !slices.Equal(own.Tags, []string{"db", "no slug"}) || !own.UpdatedAt.IsZero() {
		t.Errorf("got %+v", own)
	}
}

func TestNamesThatCannotBeAddressed(t *testing.T) {
	t.Parallel()
	body := `{"secrets":[{"secretKey":"../../x?y=1#","secretValue":"v1"},{"secretKey":"with space","secretValue":"v2"},
		{"secretKey":"GOOD","secretValue":"v3"},{"secretKey":"\u202eEVIL","secretValueHidden":true,"secretValue":"v4"}],"imports":[]}`
	s := serve(t, always(jsonAnswer(http.StatusOK, body)))
	c := newClient(t, s)
	got, err := c.List(t.Context(), "prod", "/alpha", "")
	if err != nil {
		t.Fatal(err)
	}
	var refused []string
	for _, v := range got.Refused {
		refused = append(refused, v.Reveal())
	}
	if diff := cmp.Diff([]string{"v1", "v2", ""}, refused); diff != "" || len(got.Secrets) != 1 {
		t.Errorf("%s\n%v", diff, show(got))
	}
	bare, err := c.Names(t.Context(), "prod", "/alpha")
	if err != nil || len(bare.Refused) != 3 || !bare.Refused[0].IsZero() || !bare.Secrets[0].Value.IsZero() {
		t.Errorf("a names-only list keeps values: %+v, %v", bare, err)
	}
}

func TestGetKeepsTheValue(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	for name, want := range map[string]string{
		"v3-get-pem":                "-----END PRIVATE KEY-----\n",
		"v3-get-empty-value":        "",
		"v3-get-reference-expanded": "db.shared.prod.internal.example.test",
	} {
		a := recorded[name]
		s := serve(t, always(a))
		ref := mustRef(t, "/alpha", a.Path[strings.LastIndex(a.Path, "/")+1:])
		got, err := newClient(t, s).Get(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(got.Value.Reveal(), want) || got.Value.IsZero() || got.Entry.Ref != ref ||
			got.Entry.UpdatedAt.IsZero() || got.Entry.Version != 1 || got.Imported != "" {
			t.Errorf("%s: got %+v", name, got)
		}
		query := map[string]string{
			"workspaceId": projectID, "environment": "prod", "secretPath": "/alpha", "type": "shared",
			"expandSecretReferences": "true", "include_imports": "true",
		}
		if diff := cmp.Diff(query, s.requests()[1].query); diff != "" {
			t.Error(diff)
		}
	}
}

func TestGetFallsBackToTheValueAsWritten(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	s := serve(t, afterLogin("made-up-token-1", func(a asked, _ int) http.Handler {
		if a.query["expandSecretReferences"] == "true" {
			return recorded["v3-list-alpha-only-expand-cross-folder-ref"]
		}
		return jsonAnswer(http.StatusOK, `{"secret":{"secretKey":"REDIS_URL","secretValue":"${prod.shared.X}",
			"environment":"prod","secretPath":"/shared"}}`)
	}))
	got, err := newClient(t, s).Get(t.Context(), mustRef(t, "/alpha", "REDIS_URL"))
	if err != nil || got.Value.Reveal() != "${prod.shared.X}" || got.Imported != "prod:/shared" {
		t.Errorf("got %+v, %v", got, err)
	}
	if s.count("") != 3 {
		t.Errorf("%d requests", s.count(""))
	}
}

func TestProbeNeverAsksForTheValue(t *testing.T) {
	t.Parallel()
	s := serve(t, always(recordings(t)["v3-get-view-value-false"]))
	if err := newClient(t, s).Probe(t.Context(), mustRef(t, "/alpha", "WEBHOOK_SECRET")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"workspaceId": projectID, "environment": "prod", "secretPath": "/alpha", "type": "shared",
		"expandSecretReferences": "false", "include_imports": "true", "viewSecretValue": "false",
	}
	if diff := cmp.Diff(want, s.requests()[1].query); diff != "" {
		t.Error(diff)
	}
}

func TestNamesKeepsNoValue(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	// An old server may not know the flag and send values all the same.
	for _, name := range []string{"v3-list-names-only-hidden", "v3-list-alpha-prod"} {
		s := serve(t, always(recorded[name]))
		got, err := newClient(t, s).Names(t.Context(), "prod", "/alpha")
		if err != nil || len(got.Secrets) < 5 || got.Hidden {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		for _, listed := range got.Secrets {
			if !listed.Value.IsZero() {
				t.Errorf("%s: %v has a value", name, listed.Entry.Ref)
			}
		}
		if q := s.requests()[1].query; q["viewSecretValue"] != "false" || q["include_imports"] != "true" {
			t.Errorf("asked %v", q)
		}
	}
}

func TestFolders(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	for name, want := range map[string][]string{
		"v1-folders-alpha":        {"staging", "vault"},
		"v1-folders-missing-path": {},
	} {
		s := serve(t, always(recorded[name]))
		got, err := newClient(t, s).Folders(t.Context(), "prod", "/alpha")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		q := map[string]string{"workspaceId": projectID, "environment": "prod", "path": "/alpha"}
		if diff := cmp.Diff(q, s.requests()[1].query); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRateLimitSaysForHowLong(t *testing.T) {
	t.Parallel()
	s := serve(t, always(recordings(t)["rate-limit-429"]))
	_, err := newClient(t, s).List(t.Context(), "prod", "/alpha", "")
	limited, ok := errors.AsType[*secret.RateLimitedError](err)
	if !ok || limited.After != time.Minute || s.count("/api/v3/secrets/raw") != 1 {
		t.Errorf("got %v after %d requests", err, s.count(""))
	}
}

func TestWhatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	s := serve(t, always(jsonAnswer(http.StatusOK, emptyList)))
	c := newClient(t, s)
	_, badPath := c.List(t.Context(), "prod", "/alpha/../made-up", "")
	_, badEnv := c.Names(t.Context(), "prod&made-up=1", "/")
	_, badFolder := c.Folders(t.Context(), "prod", "made-up")
	_, noRef := c.Get(t.Context(), secret.Ref{})
	for err, want := range map[error]error{
		badPath: secret.ErrBadPath, badEnv: secret.ErrBadEnvironment, badFolder: secret.ErrBadPath,
		noRef: secret.ErrBadName, c.Probe(t.Context(), secret.Ref{}): secret.ErrBadName,
	} {
		if !errors.Is(err, want) || strings.Contains(err.Error(), "made-up") {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if s.count("") != 0 {
		t.Errorf("asked %v", s.requests())
	}
}
