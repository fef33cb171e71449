package infisical_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scrim/internal/infisical"
	"scrim/internal/secret"
)

// call is something that a test asks a client for.
type call func(context.Context, *infisical.Client) error

func list(path string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		_, err := c.List(ctx, "prod", path, "")
		return err
	}
}

func namesOf(path string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		_, err := c.Names(ctx, "prod", path)
		return err
	}
}

func get(path, name string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		ref, err := secret.ParseRef("prod", path, name)
		if err != nil {
			return err
		}
		_, err = c.Get(ctx, ref)
		return err
	}
}

func probe(path, name string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		ref, err := secret.ParseRef("prod", path, name)
		if err != nil {
			return err
		}
		return c.Probe(ctx, ref)
	}
}

func foldersOf(path string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		_, err := c.Folders(ctx, "prod", path)
		return err
	}
}

// recordedOutcomes says what becomes of every recorded answer.
var recordedOutcomes = []struct {
	name string
	call call
	want error
}{
	// Logins. Every one that is not a success is answered to the call.
	{"login-ok", list("/alpha"), nil},
	{"shortlived-login", list("/alpha"), nil},
	{"login-wrong-secret", list("/alpha"), secret.ErrUnauthenticated},
	{"login-wrong-secret-same-prefix", list("/alpha"), secret.ErrUnauthenticated},
	{"login-unknown-client-id", list("/alpha"), secret.ErrUnauthenticated},
	{"login-client-id-not-uuid", list("/alpha"), secret.ErrUnauthenticated},
	{"login-missing-secret-422", list("/alpha"), secret.ErrUnauthenticated},
	{"login-broken-json", list("/alpha"), secret.ErrUnavailable},
	{"login-lockout-try1", list("/alpha"), secret.ErrUnauthenticated},
	{"login-lockout-try2", list("/alpha"), secret.ErrUnauthenticated},
	{"login-lockout-try3", list("/alpha"), secret.ErrUnauthenticated},
	{"login-lockout-try4", list("/alpha"), secret.ErrUnauthenticated},
	{"login-lockout-right-secret", list("/alpha"), secret.ErrUnauthenticated},

	// Lists.
	{"v3-list-alpha-prod", list("/alpha"), nil},
	{"v3-list-alpha-vault-prod", list("/alpha/vault"), nil},
	{"v3-list-trailing-slash", list("/alpha"), nil},
	{"v3-list-no-leading-slash", list("/alpha"), nil},
	{"v3-list-empty-folder", list("/empty"), nil},
	{"v3-list-root", list("/"), nil},
	{"v3-list-alpha-only-ok", list("/alpha"), nil},
	{"v3-list-alpha-only-vault", list("/alpha/vault"), nil},
	{"v3-list-alpha-only-beta-denied", list("/beta"), nil}, // a denied folder looks empty
	{"v3-list-names-only-hidden", namesOf("/alpha"), nil},
	{"v3-list-view-value-false", namesOf("/alpha"), nil},
	{"v3-list-expand-true-imports-true", list("/gamma"), nil},
	{"v3-list-expand-false-imports-false", list("/gamma"), nil},
	{"v3-list-if-none-match-304", list("/alpha"), secret.ErrBadResponse}, // it was not asked
	{"v3-list-missing-path", list("/nope/nothing"), secret.ErrPathNotFound},
	{"v3-list-missing-env", list("/alpha"), secret.ErrPathNotFound},
	{"v3-list-missing-project", list("/alpha"), secret.ErrPathNotFound},
	{"v3-list-project-id-not-uuid", list("/alpha"), secret.ErrPathNotFound},
	{"v3-list-alpha-only-missing-path", list("/nope"), secret.ErrPathNotFound},
	{"v3-list-no-project-param", list("/alpha"), secret.ErrBadResponse},
	{"v3-list-no-env-param", list("/alpha"), secret.ErrBadResponse},
	{"v3-list-bad-bool-422", list("/alpha"), secret.ErrBadResponse},
	{"v3-list-outsider-403", list("/alpha"), secret.ErrForbidden},
	{"v3-list-names-only", list("/alpha"), secret.ErrForbidden}, // here to the names-only list too
	{"v3-list-alpha-only-expand-cross-folder-ref", list("/alpha"), secret.ErrForbidden},
	{"v3-list-garbage-token", list("/alpha"), secret.ErrUnauthenticated},
	{"v3-list-bad-signature-token", list("/alpha"), secret.ErrUnauthenticated},
	{"v3-list-no-token", list("/alpha"), secret.ErrUnauthenticated},
	{"list-expired-token", list("/alpha"), secret.ErrUnauthenticated},
	{"list-revoked-token", list("/alpha"), secret.ErrUnauthenticated},
	{"rate-limit-429", list("/alpha"), secret.ErrRateLimited},
	{"route-not-found", list("/alpha"), secret.ErrBadResponse},

	// One secret, with its value.
	{"v3-get-ok", get("/alpha", "WEBHOOK_SECRET"), nil},
	{"v3-get-pem", get("/alpha", "TLS_PRIVATE_KEY"), nil},
	{"v3-get-empty-value", get("/alpha", "EMPTY_VALUE"), nil},
	{"v3-get-reference-expanded", get("/alpha", "SHARED_DB_HOST_REF"), nil},
	{"v3-get-view-value-false", get("/alpha", "WEBHOOK_SECRET"), secret.ErrForbidden},
	{"v3-get-missing", get("/alpha", "NO_SUCH_SECRET"), secret.ErrNotFound},
	{"v3-get-missing-path", get("/nope", "WEBHOOK_SECRET"), secret.ErrPathNotFound},
	{"v3-get-missing-env", get("/alpha", "WEBHOOK_SECRET"), secret.ErrPathNotFound},
	{"v3-get-denied", get("/beta", "WEBHOOK_SECRET"), secret.ErrForbidden},
	{"v3-get-names-only", get("/alpha", "WEBHOOK_SECRET"), secret.ErrForbidden},
	{"v3-get-missing", get("/alpha", "ANOTHER_NAME"), secret.ErrBadResponse},
	{"v3-get-ok", get("/alpha", "ANOTHER_NAME"), secret.ErrBadResponse},
	{"v3-list-missing-project", get("/alpha", "NO_SUCH_SECRET"), secret.ErrPathNotFound},
	{"v3-update-missing", get("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse}, // not how a get says it
	{"v3-delete-missing", get("/alpha", "RIG_TMP_V3"), secret.ErrBadResponse},
	{"route-not-found", get("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse},

	// One secret, without its value.
	{"v3-get-view-value-false", probe("/alpha", "WEBHOOK_SECRET"), nil},
	{"v3-get-present-describe-only-value-hidden", probe("/alpha", "WEBHOOK_SECRET"), nil},
	{"v3-get-missing", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrNotFound},
	{"v3-get-absent-in-readable-empty-folder", probe("/empty", "NOPE_X"), secret.ErrNotFound},
	{"v3-get-absent-describe-only", probe("/alpha", "NOPE_X"), secret.ErrNotFound},
	{"v3-get-absent-in-denied-folder", probe("/beta", "NOPE_X"), secret.ErrForbidden},
	{"v3-get-absent-outsider", probe("/alpha", "NOPE_X"), secret.ErrForbidden},
	{"v3-get-denied", probe("/beta", "WEBHOOK_SECRET"), secret.ErrForbidden},
	{"v3-get-missing-path", probe("/nope", "WEBHOOK_SECRET"), secret.ErrPathNotFound},
	{"v3-get-missing-env", probe("/alpha", "WEBHOOK_SECRET"), secret.ErrPathNotFound},
	{"v3-get-missing", probe("/alpha", "NO_SUCH"), secret.ErrBadResponse},
	{"v3-list-missing-project", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrPathNotFound},
	{"v1-folders-missing-project", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrPathNotFound},
	{"route-not-found", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse},
	{"v3-list-root", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse},

	// Folders.
	{"v1-folders-root", foldersOf("/"), nil},
	{"v1-folders-alpha", foldersOf("/alpha"), nil},
	{"v1-folders-missing-path", foldersOf("/nope"), nil}, // as an empty one
	{"v1-folders-alpha-only-root", foldersOf("/"), nil},
	{"v1-folders-alpha-only-beta", foldersOf("/beta"), nil},
	{"v1-folders-missing-env", foldersOf("/"), secret.ErrPathNotFound},
	{"v1-folders-missing-project", foldersOf("/"), secret.ErrPathNotFound},
	{"v1-folders-outsider", foldersOf("/"), secret.ErrForbidden},
}

func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	recorded := recordings(t)
	unused := map[string]bool{}
	for name := range recorded {
		unused[name] = !strings.HasPrefix(name, "token-re") // those are TestRenewal's
	}
	for _, row := range recordedOutcomes {
		a, ok := recorded[row.name]
		if !ok {
			t.Fatalf("%s is not recorded", row.name)
		}
		delete(unused, row.name)
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(q asked, _ int) http.Handler {
				switch {
				case a.Path == loginPath && q.path == loginPath:
					return a
				case a.Path == loginPath:
					return jsonAnswer(http.StatusOK, emptyList)
				case q.path == loginPath:
					return recorded["login-ok"]
				default:
					return a
				}
			})
			c := newClient(t, s)
			err := row.call(t.Context(), c.Client)
			if row.want == nil && err != nil {
				t.Fatal(err)
			}
			if row.want == nil {
				return
			}
			mustFail(t, s, err, row.want)
			if id := requestID(a); id != "" && !strings.Contains(err.Error(), id) {
				t.Errorf("%v lacks the request id %s", err, id)
			}
		})
	}
	for name, left := range unused {
		if left {
			t.Errorf("%s is recorded, and no test says what becomes of it", name)
		}
	}
}

// requestID returns the store's id in an error's body.
func requestID(a answer) string {
	var c struct {
		ReqID string `json:"reqId"`
	}
	_ = json.Unmarshal(a.Body, &c)
	return c.ReqID
}

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
