package infisical

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-resty/resty/v2"
	folders "github.com/infisical/go-sdk/packages/api/folders"
	secrets "github.com/infisical/go-sdk/packages/api/secrets"

	"scrim/internal/secret"
)

// List reads the folder path in environment, with values, references expanded
// and imports included. Where the store will not expand a reference, it lists
// unexpanded; where this identity may not read values, names only.
//
// etag is the ETag of an earlier Listing of the same folder, or "": with it, a
// folder that has not changed is only said to be NotModified.
//
// An empty Listing is not proof of an empty folder: the store answers the same
// for one whose secrets are denied. Imports from a folder that this identity
// may not read are left out by the store in the same silence.
func (c *Client) List(ctx context.Context, environment, path, etag string) (secret.Listing, error) {
	at, err := newPlace(environment, path)
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list: %w", err)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	began := c.modes.first(at)
	for m := began; ; {
		listing, err := c.listAs(ctx, m, at, etag)
		if lesser, ok := m.lesser(err); ok {
			m = lesser
			continue
		}
		if err != nil {
			return secret.Listing{}, fmt.Errorf("list %s: %w", at, err)
		}
		c.modes.worked(at, began, m)
		return listing, nil
	}
}

// Own reads what the folder path in environment itself holds, as it was written:
// no import and no reference is followed, and what the store says to lie in another
// folder is left out. It needs an identity that may read the values.
func (c *Client) Own(ctx context.Context, environment, path string) (secret.Listing, error) {
	at, err := newPlace(environment, path)
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list as written: %w", err)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	r, err := c.ask(ctx, "list "+at.String()+" as written", func(client *resty.Client) error {
		_, err := secrets.CallListSecretsV3(nil, client, secrets.ListSecretsV3RawRequest{
			ProjectID: c.project, Environment: at.env, SecretPath: at.path,
		})
		return err
	})
	if err == nil && r.status != http.StatusOK {
		err = refusal(r, "")
	}
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list %s as written: %w", at, err)
	}
	listing, err := decodeOwn(r.body, at)
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list %s as written: %w", at, err)
	}
	return listing, nil
}

// Names reads the folder path in environment without asking for a value, which
// an identity that may only describe secrets is allowed to do. Hidden says
// nothing here.
func (c *Client) Names(ctx context.Context, environment, path string) (secret.Listing, error) {
	at, err := newPlace(environment, path)
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list names: %w", err)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	listing, err := c.listAs(ctx, names, at, "")
	if err != nil {
		return secret.Listing{}, fmt.Errorf("list names of %s: %w", at, err)
	}
	listing.Hidden = false
	return listing, nil
}

// Folders returns the names of the folders in path, untrusted text. The store
// answers for a path that does not exist as for an empty one: an empty list. A
// missing environment is ErrPathNotFound.
func (c *Client) Folders(ctx context.Context, environment, path string) ([]string, error) {
	at, err := newPlace(environment, path)
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	r, err := c.ask(ctx, "list folders of "+at.String(), func(client *resty.Client) error {
		_, err := folders.CallListFoldersV1(client, folders.ListFoldersV1Request{
			ProjectID: c.project, Environment: at.env, Path: at.path,
		})
		return err
	})
	if err == nil && r.status != http.StatusOK {
		err = refusal(r, "")
	}
	if err != nil {
		return nil, fmt.Errorf("list folders of %s: %w", at, err)
	}
	found, err := decodeFolders(r.body)
	if err != nil {
		return nil, fmt.Errorf("list folders of %s: %w", at, err)
	}
	return found, nil
}

// listAs lists at in the mode m.
func (c *Client) listAs(ctx context.Context, m mode, at place, etag string) (secret.Listing, error) {
	run := c.listValues(at, m == full, m.untag(etag))
	if m == names {
		run = c.listNames(at, m.untag(etag))
	}
	r, err := c.ask(ctx, "list "+at.String(), run)
	switch {
	case err != nil:
		return secret.Listing{}, err
	case r.status == http.StatusNotModified:
		return secret.Listing{ETag: etag, NotModified: true}, nil
	case r.status != http.StatusOK:
		return secret.Listing{}, refusal(r, "")
	}
	listing, err := decodeListing(r.body, at, m != names)
	if err != nil {
		return secret.Listing{}, err
	}
	listing.ETag = m.tag(r.etag)
	return m.mark(listing), nil
}

// listValues is a list by the SDK, without its cache and without its way to
// put values into this process's environment.
func (c *Client) listValues(at place, expand bool, etag string) request {
	return func(client *resty.Client) error {
		_, err := secrets.CallListSecretsV3(nil, client, secrets.ListSecretsV3RawRequest{
			ProjectID:              c.project,
			Environment:            at.env,
			SecretPath:             at.path,
			ExpandSecretReferences: expand,
			IncludeImports:         true,
			IfNoneMatch:            etag,
		})
		return err
	}
}

// listNames is a list that the SDK cannot ask for.
func (c *Client) listNames(at place, etag string) request {
	return func(client *resty.Client) error {
		req := client.R().SetQueryParams(c.describe(at))
		if etag != "" {
			req.SetHeader("If-None-Match", etag)
		}
		_, err := req.Get("/v3/secrets/raw")
		return err
	}
}

// describe is the query that names what is at a place without its values.
func (c *Client) describe(at place) map[string]string {
	return map[string]string{
		"workspaceId":            c.project,
		"environment":            at.env,
		"secretPath":             at.path,
		"viewSecretValue":        "false",
		"expandSecretReferences": "false",
		"include_imports":        "true",
	}
}

// Get reads one secret, fresh. Its references are expanded, or left as they
// were written where the store will not expand them. A name that path has only
// by an import is found too, as in List, and says where it comes from. A value
// that this identity may not read is ErrForbidden.
func (c *Client) Get(ctx context.Context, ref secret.Ref) (secret.Listed, error) {
	if ref.IsZero() {
		return secret.Listed{}, fmt.Errorf("get: %w", secret.ErrBadName)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	listed, err := c.getValue(ctx, ref, true)
	if kindOf(err) == kindExpansion {
		listed, err = c.getValue(ctx, ref, false)
	}
	if err != nil {
		return secret.Listed{}, fmt.Errorf("get %s: %w", ref, err)
	}
	return listed, nil
}

func (c *Client) getValue(ctx context.Context, ref secret.Ref, expand bool) (secret.Listed, error) {
	listed, err := c.get(ctx, "get "+ref.String(), ref, func(client *resty.Client) error {
		_, err := secrets.CallRetrieveSecretV3(nil, client, secrets.RetrieveSecretV3RawRequest{
			SecretKey:              ref.Name(),
			ProjectID:              c.project,
			Environment:            ref.Environment(),
			SecretPath:             ref.Path(),
			IncludeImports:         true,
			ExpandSecretReferences: expand,
		})
		return err
	})
	if err == nil && listed.Value.IsZero() {
		return secret.Listed{}, fmt.Errorf("%w: its value is hidden", secret.ErrForbidden)
	}
	return listed, err
}

// Probe asks for the secret at ref and never for its value. It returns nil
// where there is one (its own or imported), and ErrNotFound only where the
// store itself says that this very name is not there, which it says only to an
// identity that may describe the place. A missing folder, environment or
// project is ErrNoProject.
func (c *Client) Probe(ctx context.Context, ref secret.Ref) error {
	if ref.IsZero() {
		return fmt.Errorf("look for a secret: %w", secret.ErrBadName)
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	_, err := c.get(ctx, "look for "+ref.String(), ref, func(client *resty.Client) error {
		_, err := client.R().
			SetQueryParams(c.describe(place{ref.Environment(), ref.Path()})).
			SetQueryParam("type", "shared").
			Get("/v3/secrets/raw/" + ref.Name())
		return err
	})
	if err != nil {
		return fmt.Errorf("look for %s: %w", ref, err)
	}
	return nil
}

// get makes a request that is answered with the secret at ref.
func (c *Client) get(ctx context.Context, what string, ref secret.Ref, run request) (secret.Listed, error) {
	r, err := c.ask(ctx, what, run)
	if err != nil {
		return secret.Listed{}, err
	}
	if r.status != http.StatusOK {
		return secret.Listed{}, refusal(r, ref.Name())
	}
	return decodeSecret(r.body, ref)
}
