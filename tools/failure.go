package tools

import (
	"context"
	"errors"
	"fmt"

	"github.com/invopop/jsonschema"
	"github.com/mark3labs/mcp-go/mcp"

	"scrim/internal/approval"
	"scrim/internal/errand"
	"scrim/internal/handover"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// CallError is the structured content of a result with isError.
type CallError struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	NextStep string `json:"next_step"`
}

// Codes lists every code that a CallError can have.
func Codes() []string {
	return []string{
		"invalid_argument", "not_in_vault", "missing", "hidden", "store_unavailable", "rate_limited",
		"identity_refused", "environment_not_stated", "denied", "approval_unavailable", "too_many_requests",
		"too_large", "internal",
	}
}

// JSONSchemaExtend closes the set of codes in a CallError's schema.
func (CallError) JSONSchemaExtend(schema *jsonschema.Schema) {
	code, _ := schema.Properties.Get("code")
	for _, word := range Codes() {
		code.Enum = append(code.Enum, word)
	}
}

// Error makes a CallError an error, for handlers that know best what to say.
func (f CallError) Error() string { return f.Code + ": " + f.Message }

// Text is the failure for clients that read only text.
func (f CallError) Text() string { return fmt.Sprintf("%s (%s). %s", f.Message, f.Code, f.NextStep) }

var errPanicked = errors.New("a tool panicked")

// failure is the one way from an error to what an agent is told. What it does
// not know is internal: its text goes to the log and not to the agent.
func failure(err error) *mcp.CallToolResult {
	f := explain(err)
	result := mcp.NewToolResultStructured(f, f.Text())
	result.IsError = true
	return result
}

// explain maps an error to its code, one sentence, and the next step.
func explain(err error) CallError {
	if f, ok := errors.AsType[CallError](err); ok {
		return f
	}
	if e, ok := errors.AsType[*approval.PolicyError](err); ok {
		return refusedByPolicy(e)
	}
	if e, ok := errors.AsType[*store.NoEnvironmentError](err); ok {
		return CallError{"environment_not_stated", e.Error(), "Tell the person that PROJECT_ENV (or [env] default in scrim.toml) names an environment that does not exist; scrim must be started again with the right one."}
	}
	if e, ok := errors.AsType[*store.NoPathError](err); ok {
		return CallError{"store_unavailable", e.Error(), "Tell the person that the project's name or path looks mistyped (SCRIM_PROJECT, or project in scrim.toml), or that its folder was never created in this environment."}
	}
	if f, ok := explainRun(err); ok {
		return f
	}
	if e, ok := errors.AsType[*store.VaultError](err); ok {
		return explainVault(e.Err)
	}
	switch {
	case errors.Is(err, secret.ErrNoProject):
		return CallError{"store_unavailable", secret.ErrNoProject.Error(), "Tell the person that the project id looks wrong (SCRIM_PROJECT_ID, project_id in scrim.toml, or .infisical.json)."}
	case errors.Is(err, secret.ErrBadName):
		return CallError{"invalid_argument", "name: " + secret.ErrBadName.Error(), "Pass the secret's name alone, such as DATABASE_URL; list_secrets has the names."}
	case errors.Is(err, secret.ErrRateLimited):
		return CallError{"rate_limited", "the store limits the rate of requests", "Wait a minute, then call again."}
	case errors.Is(err, secret.ErrUnauthenticated):
		return CallError{"identity_refused", "the store does not accept scrim's own credentials, or scrim has none", "Tell the person to renew the machine identity's credentials; nothing that you can pass changes this."}
	case errors.Is(err, secret.ErrForbidden):
		return CallError{"identity_refused", "this machine identity is not allowed to read that", "Tell the person which name you need; the identity needs the permission readValue there."}
	case errors.Is(err, secret.ErrNotFound):
		return CallError{"missing", "the secret was there when it was looked for, and is gone now", "Call find_secret with its name."}
	case errors.Is(err, secret.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, store.ErrNotRead):
		return CallError{"store_unavailable", "the store cannot be reached", "This says nothing about whether the secret exists. Call again in a moment; if it lasts, tell the person to run `scrim list`, which names the cause."}
	case errors.Is(err, secret.ErrBadResponse), errors.Is(err, secret.ErrPathNotFound):
		return CallError{"store_unavailable", "the store does not answer as it should", "This says nothing about whether the secret exists. Tell the person to run `scrim list`, which names the cause."}
	case errors.Is(err, handover.ErrNoPlace):
		return CallError{"invalid_argument", "delivery: this system has no folder for a file that only its user can read", "Call run_with_vault_secrets, or again with delivery value."}
	case errors.Is(err, handover.ErrNotWritten):
		return CallError{"internal", "the file could not be written, so nothing was handed over", "Tell the person, who has to be asked again: scrim's log names the cause."}
	case errors.Is(err, approval.ErrTooMany):
		return CallError{"too_many_requests", "too many requests wait for a person, or were approved in this session", "Wait for the open ones, or ask the person to start a new session."}
	case errors.Is(err, approval.ErrUnrecorded):
		return CallError{"approval_unavailable", "the decision could not be written to the audit trail, so nothing was released", "Tell the person to check the audit file with `scrim log --verify`."}
	case errors.Is(err, approval.ErrBadAnswer), errors.Is(err, approval.ErrNotGranted):
		return CallError{"denied", "that approval does not belong to this request, was used before, or has expired", "Call again without request_id, so that the person is asked anew."}
	default:
		return CallError{"internal", "internal error", "Call again; if it lasts, tell the person to look at scrim's log."}
	}
}

// explainVault maps what keeps the vault's own identity from reading.
func explainVault(err error) CallError {
	switch {
	case errors.Is(err, secret.ErrUnauthenticated):
		return CallError{"identity_refused", "the vault's own identity could not log in to the store", "Tell the person that the yes was used up, and that `scrim doctor` says what is wrong with [identity.vault]; nothing that you can pass changes this."}
	case errors.Is(err, secret.ErrForbidden):
		return CallError{"identity_refused", "the vault's own identity is not allowed to read that", "Tell the person which name you need; the identity under [identity.vault] needs describeSecret and readValue there."}
	default:
		return explain(err)
	}
}

// explainRun maps what keeps a command from running. No sentence holds a part of
// the command: an agent may have put a value there.
func explainRun(err error) (CallError, bool) {
	if e, ok := errors.AsType[*launch.RefusedError](err); ok {
		return CallError{"denied", e.Error(), "Leave that name out, or tell the person: the secret needs another name or another value in the store."}, true
	}
	switch {
	case errors.Is(err, errand.ErrChanged):
		return CallError{"denied", "the program or its directory is not any more what the person said yes to, so nothing was started", "Call again without request_id, so that the person is asked about the command as it is now."}, true
	case errors.Is(err, errand.ErrNoDir):
		return CallError{"invalid_argument", "dir: there is no such directory", "Pass a directory that exists, or leave dir out for the server's working directory."}, true
	case errors.Is(err, errand.ErrNotFound):
		return CallError{"invalid_argument", "command: there is no such program, in the server's PATH or at that path seen from dir", "Check its name, or pass its path."}, true
	case errors.Is(err, errand.ErrUnfit), errors.Is(err, errand.ErrTooLarge):
		return CallError{"invalid_argument", "command: it is no program that scrim may read and run, or larger than 1 GiB", "Pass a program that is executable and readable; for a script without that, pass its interpreter first."}, true
	case errors.Is(err, errand.ErrNotStarted):
		return CallError{"invalid_argument", "command: the system did not start it", "Check that it is a program for this system, that what its first line names is there, and that names and arguments are not too large; nothing was run."}, true
	case errors.Is(err, errand.ErrLost):
		return CallError{"internal", "the process that watches over the command was ended, so how the command ended is not known", "Tell the person before you run it again: it may have done its work."}, true
	default:
		return CallError{}, false
	}
}
