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
	Delivery  string `json:"delivery,omitempty" jsonschema:"enum=value,enum=file,default=value" jsonschema_description:"How the value comes: value puts it into this conversation. file is not in this version."`
	RequestID string `json:"request_id,omitempty" jsonschema:"maxLength=64" jsonschema_description:"request_id of an answer that was pending, to pick it up."`
}

// GetAnswer is what get_vault_secret answers.
type GetAnswer struct {
	Status    string `json:"status" jsonschema:"enum=approved,enum=denied,enum=pending,enum=unavailable"`
	Value     string `json:"value,omitempty" jsonschema_description:"The value, where a person approved it. Shown once: do not print, log or commit it."`
	File      string `json:"file,omitempty" jsonschema_description:"A file that holds the value, where delivery is file."`
	ExpiresAt string `json:"expires_at,omitempty" jsonschema_description:"Until when request_id can be answered or picked up, RFC 3339."`
	RequestID string `json:"request_id"`
	NextStep  string `json:"next_step"`
}

// Text mirrors the answer, the value's stand-in included.
func (a GetAnswer) Text() string {
	if a.Value != "" {
		return fmt.Sprintf("approved (request %s). %s\n%s", a.RequestID, a.NextStep, a.Value)
	}
	return fmt.Sprintf("%s (request %s). %s", a.Status, a.RequestID, a.NextStep)
}

func getVaultSecret(d Deps) server.ServerTool {
	return define(d, spec{
		name:  "get_vault_secret",
		title: "Read one vault secret, after a person's yes",
		description: "Where a command needs the secret, call run_with_vault_secrets instead: it keeps the value out of this conversation. " +
			"This asks a person whether you may have the value of one secret that is stored in the vault, and returns it once if they say yes. " +
			"Use it only for what find_secret calls stored_in_vault, and only when you need to see the value itself.",
		needsPerson: true,
	}, d.getVaultSecret)
}

func (d Deps) getVaultSecret(ctx context.Context, call mcp.CallToolRequest, a GetArguments) (GetAnswer, error) {
	if !d.Scope.Stated {
		return GetAnswer{}, errNotStated()
	}
	if a.Delivery == string(policy.DeliverFile) {
		return GetAnswer{}, CallError{"invalid_argument", "delivery file is not in this version", "Call again with delivery value, or without it."}
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
	return GetAnswer{
		Status: "approved", Value: d.Redactor.Disclose(ctx, values[0]), RequestID: grant.ID(),
		NextStep: "Use the value where it is needed and do not repeat it; from now on it is masked as [redacted:" + a.Name + "].",
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
