package infisical

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"

	"github.com/go-resty/resty/v2"
	folders "github.com/infisical/go-sdk/packages/api/folders"
	secrets "github.com/infisical/go-sdk/packages/api/secrets"

	"scrim/internal/secret"
)

// What is written is sent once: where the connection breaks or the time runs out,
// the error is ErrUnavailable or the context's, and the store may have done it or
// not. Who writes looks afterwards.

// Create adds secrets to the folder at in environment, all of them or none. One
// that is there already is ErrExists; it may be one that this identity does not
// see. The store trims values, but for one newline at the end.
func (c *Client) Create(ctx context.Context, environment, at string, drafts []secret.Draft) error {
	return c.write(ctx, "create secrets in", environment, at, drafts, func(p place) request {
		body := secrets.BatchCreateSecretsV3RawRequest{Environment: p.env, ProjectID: c.project, SecretPath: p.path}
		for _, d := range drafts {
			body.Secrets = append(body.Secrets, secrets.BatchCreateSecret{
				SecretKey: d.Name, SecretValue: d.Value.Reveal(), SecretComment: d.Comment,
			})
		}
		return func(client *resty.Client) error {
			_, err := secrets.CallBatchCreateSecretV3(client, body)
			return err
		}
	})
}

// Update changes the values of secrets in the folder at in environment, of all of
// them or of none. One that is not there is ErrNotFound. Comments stay as they are.
func (c *Client) Update(ctx context.Context, environment, at string, drafts []secret.Draft) error {
	return c.write(ctx, "update secrets in", environment, at, drafts, func(p place) request {
		type change struct {
			Name  string `json:"secretKey"`
			Value string `json:"secretValue"`
		}
		var changes []change
		for _, d := range drafts {
			changes = append(changes, change{d.Name, d.Value.Reveal()})
		}
		body := map[string]any{"workspaceId": c.project, "environment": p.env, "secretPath": p.path, "secrets": changes}
		return func(client *resty.Client) error { // the SDK has no such call
			_, err := client.R().SetBody(body).Patch("/v3/secrets/batch/raw")
			return err
		}
	})
}

// Delete removes the secret at ref. Where none is there it is ErrNotFound.
func (c *Client) Delete(ctx context.Context, ref secret.Ref) error {
	if ref.IsZero() {
		return fmt.Errorf("delete a secret: %w", secret.ErrBadName)
	}
	return c.change(ctx, "delete "+ref.String(), ref.Name(), func(client *resty.Client) error {
		_, err := secrets.CallDeleteSecretV3(client, secrets.DeleteSecretV3RawRequest{
			SecretKey: ref.Name(), ProjectID: c.project, Environment: ref.Environment(), SecretPath: ref.Path(), Type: "shared",
		})
		return err
	})
}

// CreateFolder makes the folder at in environment, in a folder that is there. One
// that is there already is ErrExists.
func (c *Client) CreateFolder(ctx context.Context, environment, at string) error {
	p, err := newPlace(environment, at)
	if err != nil {
		return fmt.Errorf("create a folder: %w", err)
	}
	return c.change(ctx, "create the folder "+p.String(), "", func(client *resty.Client) error {
		_, err := folders.CallCreateFolderV1(client, folders.CreateFolderV1Request{
			ProjectID: c.project, Environment: p.env, Name: path.Base(p.path), Path: path.Dir(p.path),
		})
		return err
	})
}

// write sends drafts to a folder.
func (c *Client) write(ctx context.Context, verb, environment, at string, drafts []secret.Draft, run func(place) request) error {
	p, err := newPlace(environment, at)
	if err != nil {
		return fmt.Errorf("%s a folder: %w", verb, err)
	}
	for _, d := range drafts {
		if err := secret.CheckName(d.Name); err != nil {
			return fmt.Errorf("%s %s: %w", verb, p, err)
		}
		if d.Value.IsZero() {
			return fmt.Errorf("%s %s: %s has no value to write", verb, p, d.Name)
		}
	}
	if len(drafts) == 0 {
		return nil
	}
	name := ""
	if len(drafts) == 1 {
		name = drafts[0].Name
	}
	return c.change(ctx, verb+" "+p.String(), name, run(p))
}

// change makes a request that changes the store. name is the one secret that it is
// about, or "".
func (c *Client) change(ctx context.Context, what, name string, run request) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	r, err := c.ask(ctx, what, run)
	switch {
	case err != nil:
	case r.status != http.StatusOK:
		err = refusedWrite(r, name)
	default:
		err = written(r.body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// written tells what was done from what was only asked for.
func written(body []byte) error {
	var w struct {
		Secret   json.RawMessage `json:"secret"`
		Secrets  json.RawMessage `json:"secrets"`
		Folder   json.RawMessage `json:"folder"`
		Approval json.RawMessage `json:"approval"`
	}
	switch err := json.Unmarshal(body, &w); {
	case err != nil:
		return badResponse("it cannot be decoded")
	case isThere(w.Approval):
		return secret.ErrAwaitsApproval
	case isThere(w.Secret), isThere(w.Secrets), isThere(w.Folder):
		return nil
	default:
		return badResponse("it does not say that anything was written")
	}
}

func isThere(field json.RawMessage) bool { return len(field) > 0 && string(field) != "null" }
