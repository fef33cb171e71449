package infisical_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

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

func create(name string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		return c.Create(ctx, "prod", "/beta", drafts(name, "made-up"))
	}
}

func update(name string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		return c.Update(ctx, "prod", "/beta", drafts(name, "made-up"))
	}
}

func remove(name string) call {
	return func(ctx context.Context, c *infisical.Client) error {
		ref, err := secret.ParseRef("prod", "/beta", name)
		if err != nil {
			return err
		}
		return c.Delete(ctx, ref)
	}
}

func makeFolder(path string) call {
	return func(ctx context.Context, c *infisical.Client) error { return c.CreateFolder(ctx, "prod", path) }
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
	{"v3-list-missing-project", list("/alpha"), secret.ErrNoProject},
	{"v3-list-project-id-not-uuid", list("/alpha"), secret.ErrNoProject},
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
	{"v3-list-missing-project", get("/alpha", "NO_SUCH_SECRET"), secret.ErrNoProject},
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
	{"v3-list-missing-project", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrNoProject},
	{"v1-folders-missing-project", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrNoProject},
	{"route-not-found", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse},
	{"v3-list-root", probe("/alpha", "NO_SUCH_SECRET"), secret.ErrBadResponse},

	// Folders.
	{"v1-folders-root", foldersOf("/"), nil},
	{"v1-folders-alpha", foldersOf("/alpha"), nil},
	{"v1-folders-missing-path", foldersOf("/nope"), nil}, // as an empty one
	{"v1-folders-alpha-only-root", foldersOf("/"), nil},
	{"v1-folders-alpha-only-beta", foldersOf("/beta"), nil},
	{"v1-folders-missing-env", foldersOf("/"), secret.ErrPathNotFound},
	{"v1-folders-missing-project", foldersOf("/"), secret.ErrNoProject},
	{"v1-folders-outsider", foldersOf("/"), secret.ErrForbidden},

	// Writes.
	{"v3-create-ok", create("RIG_TMP_V3"), nil},
	{"v3-create-exists", create("RIG_TMP_V3"), secret.ErrExists},
	{"v3-create-missing-path", create("RIG_TMP_V3"), secret.ErrPathNotFound},
	{"v3-create-viewer-denied", create("RIG_TMP_V3"), secret.ErrForbidden},
	{"v3-create-bad-name", create("RIG_TMP_V3"), secret.ErrBadResponse},
	{"v3-update-ok", update("RIG_TMP_V3"), nil},
	{"v3-update-missing", update("NO_SUCH_SECRET"), secret.ErrNotFound},
	{"v3-update-missing", update("OTHER"), secret.ErrBadResponse},
	{"v3-delete-ok", remove("RIG_TMP_V3"), nil},
	{"v3-delete-missing", remove("RIG_TMP_V3"), secret.ErrNotFound},
	{"v1-folder-create-ok", makeFolder("/beta/rigtmpv1"), nil},
	{"v1-folder-create-exists", makeFolder("/beta/rigtmpv1"), secret.ErrExists},
	{"v1-folder-create-viewer-denied", makeFolder("/beta/rigtmpv1"), secret.ErrForbidden},
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
