package tools

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/approval"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/policy"
)

// GetArguments are what get_vault_secret takes.
type GetArguments struct {
	Name      string `json:"name" jsonschema:"minLength=1,maxLength=255" jsonschema_description:"The secret's exact name."`
	Purpose   string `json:"purpose" jsonschema:"minLength=1,maxLength=500" jsonschema_description:"What you need the value for, in one sentence. The person who decides reads it."`
	Delivery  string `json:"delivery,omitempty" jsonschema:"enum=value,enum=file,default=value" jsonschema_description:"How the value comes. file: a file that only this user can read, there for five minutes, whose path you get; prefer it wherever a program can read the value from a file. value: into this conversation, for when you must see it."`
	RequestID string `json:"request_id,omitempty" jsonschema:"maxLength=64" jsonschema_description:"request_id of an answer that was pending, to pick it up."`
}

// GetAnswer is what get_vault_secret answers.
type GetAnswer struct {
	Status    string `json:"status" jsonschema:"enum=approved,enum=denied,enum=pending,enum=unavailable"`
	Value     string `json:"value,omitempty" jsonschema_description:"The value, where a person approved it. Shown once: do not print, log or commit it."`
	File      string `json:"file,omitempty" jsonschema_description:"Where delivery is file: the path of a file that holds exactly the value, without a newline at its end. It is removed at expires_at."`
	ExpiresAt string `json:"expires_at,omitempty" jsonschema_description:"Until when file is there, or else until when request_id can be answered or picked up, RFC 3339."`
	RequestID string `json:"request_id"`
	NextStep  string `json:"next_step"`
}

// Text mirrors the answer, the value's stand-in included.
func (a GetAnswer) Text() string {
	if given := cmp.Or(a.Value, a.File); given != "" {
		return fmt.Sprintf("approved (request %s). %s\n%s", a.RequestID, a.NextStep, given)
	}
	return fmt.Sprintf("%s (request %s). %s", a.Status, a.RequestID, a.NextStep)
}

func getVaultSecret(d Deps) server.ServerTool {
	return define(d, spec{
		name:  "get_vault_secret",
		title: "Read one vault secret, after a person's yes",
		description: "Where a command needs the secret, call run_with_vault_secrets instead: it keeps the value out of this conversation. " +
			"Where a program reads the secret from a file, pass delivery file: you get a path, and the value stays out of it too. " +
			"This asks a person whether you may have the value of one secret that is stored in the vault, and hands it over once if they say yes. " +
			"Use it only for what find_secret calls stored_in_vault, and delivery value only when you need to see the value itself.",
		needsPerson: true,
	}, d.getVaultSecret)
}

func (d Deps) getVaultSecret(ctx context.Context, call mcp.CallToolRequest, a GetArguments) (GetAnswer, error) {
	if !d.Scope.Stated {
		return GetAnswer{}, errNotStated()
	}
	if a.Delivery == string(policy.DeliverFile) {
		if _, err := d.Files.Ready(); err != nil {
			return GetAnswer{}, err // nobody is asked in vain
		}
	}
	if err := d.admitName(a.Name); err != nil {
		return GetAnswer{}, err
	}
	ref, err := d.vaultRef(ctx, a.Name)
	if err != nil {
		return GetAnswer{}, err
	}
	request := approval.Request{
		Scope: d.Scope, Refs: []secret.Ref{ref}, Delivery: delivery(a.Delivery),
		Purpose: a.Purpose, Agent: agent(ctx),
	}
	grant, outcome, err := d.ask(ctx, call, request, a.RequestID)
	if err != nil || outcome != nil {
		return outcome.answer(), err
	}
	values, err := d.Store.Read(ctx, grant)
	if err != nil {
		return GetAnswer{}, err
	}
	if request.Delivery == policy.DeliverFile {
		return d.handOver(ctx, grant, values[0])
	}
	return GetAnswer{
		Status: "approved", Value: d.Redactor.Disclose(ctx, values[0]), RequestID: grant.ID(),
		NextStep: "Use the value where it is needed and do not repeat it; from now on it is masked as [redacted:" + a.Name + "].",
	}, nil
}

// handOver puts a value that was granted into a file.
func (d Deps) handOver(ctx context.Context, grant approval.Grant, value secret.Value) (GetAnswer, error) {
	file, err := d.Files.Put(ctx, value)
	if err != nil {
		return GetAnswer{}, grant.Void(err)
	}
	place := ""
	if file.OnDisk {
		place = " It is on a disk, since this system has no place in memory for it: tell the person."
	}
	until := file.Expires.UTC().Format(time.RFC3339)
	return GetAnswer{
		Status: "approved", File: file.Path, ExpiresAt: until, RequestID: grant.ID(),
		NextStep: "Give the path to the program that needs the value. Do not read, print or copy the file: nothing masks what is read from it by other tools. It is gone at " + until + ", and when this server ends." + place,
	}, nil
}

func errNotStated() CallError {
	return CallError{"environment_not_stated", "nobody stated the environment, so vault secrets cannot be read", "Ask the person to set PROJECT_ENV, or [env] default in scrim.toml, and to start scrim again."}
}

// vaultRef returns where name lies in the vault. A name that is somewhere else,
// or nowhere, is told so, and nobody is asked.
func (d Deps) vaultRef(ctx context.Context, name string) (secret.Ref, error) {
	finding, err := d.Store.Find(ctx, name)
	if err != nil {
		return secret.Ref{}, err
	}
	if err := d.Store.Peek().Err(); err != nil {
		return secret.Ref{}, err // the redactor could not mask what it has not seen
	}
	switch finding.Status {
	case store.StoredInVault:
		if !d.Store.CanRead(finding.Entry) {
			return secret.Ref{}, fmt.Errorf("read %s: %w", name, secret.ErrForbidden)
		}
		return finding.Place.Ref(name)
	case store.Injected, store.StagingOverride, store.SharedNotPropagated:
		return secret.Ref{}, CallError{"not_in_vault", fmt.Sprintf("%s needs no read: it is %s (%s)", name, finding.Status, location(*finding.Place)), d.nextStep(finding)}
	case store.Missing:
		return secret.Ref{}, CallError{"missing", name + " is in no place of this scope", d.nextStep(finding)}
	case store.Hidden:
		return secret.Ref{}, CallError{"hidden", "this identity may not see whether " + name + " is at " + location(*finding.Place), d.nextStep(finding)}
	case store.Unknown:
	}
	return secret.Ref{}, cmp.Or(finding.Err, secret.ErrUnavailable)
}

func delivery(word string) policy.Delivery {
	if word == "" {
		return policy.DeliverValue
	}
	return policy.Delivery(word)
}

// answer is the outcome as an agent gets it; a nil outcome is no answer.
func (o *outcome) answer() GetAnswer {
	if o == nil {
		return GetAnswer{}
	}
	return GetAnswer{Status: o.status, ExpiresAt: o.expiresAt(), RequestID: o.id, NextStep: o.nextStep}
}

// expiresAt is o.expires as an agent gets it, empty where nothing is open.
func (o *outcome) expiresAt() string {
	if o.expires.IsZero() {
		return ""
	}
	return o.expires.UTC().Format(time.RFC3339)
}
