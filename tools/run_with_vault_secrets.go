package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/approval"
	"scrim/internal/errand"
	"scrim/internal/launch"
	"scrim/internal/secret"
	"scrim/policy"
)

// defaultTimeout is how many seconds a command has that names no other limit.
const defaultTimeout = 60

// RunArguments are what run_with_vault_secrets takes.
type RunArguments struct {
	Names          []string `json:"names" jsonschema:"minItems=1,maxItems=20,uniqueItems=true,minLength=1,maxLength=255" jsonschema_description:"The secrets' exact names. The command finds each in the environment variable of that name."`
	Command        []string `json:"command" jsonschema:"minItems=1,maxItems=200,maxLength=3000" jsonschema_description:"The program and its arguments, one an element. No shell is added: for $NAME, pipes or redirection pass [\"sh\", \"-c\", \"…\"]. A person reads all of it, so keep it short; what is long belongs into a script. A script that is run by its own name finds $0 at a descriptor: where it looks beside itself, pass its interpreter, as in [\"sh\", \"deploy.sh\"]."`
	Dir            string   `json:"dir,omitempty" jsonschema:"maxLength=1000" jsonschema_description:"The directory to run it in; else the server's working directory."`
	Purpose        string   `json:"purpose" jsonschema:"minLength=1,maxLength=500" jsonschema_description:"What you run it for, in one sentence. The person who decides reads it."`
	TimeoutSeconds int      `json:"timeout_seconds,omitempty" jsonschema:"minimum=1,maximum=600,default=60" jsonschema_description:"When the command and all that it started are ended. Your client may end the call sooner."`
	RequestID      string   `json:"request_id,omitempty" jsonschema:"maxLength=64" jsonschema_description:"request_id of an answer that was pending, to pick it up. Everything but the purpose must be as it was."`
}

// RunAnswer is what run_with_vault_secrets answers.
type RunAnswer struct {
	Status    string `json:"status" jsonschema:"enum=approved,enum=denied,enum=pending,enum=unavailable" jsonschema_description:"approved: the command has run; exit_code says how it went."`
	ExitCode  *int   `json:"exit_code,omitempty" jsonschema_description:"The command's own, or 128 and the number of the signal that ended it."`
	Stdout    string `json:"stdout,omitempty" jsonschema_description:"What it printed, with known values masked as [redacted:NAME], 64 KiB at most."`
	Stderr    string `json:"stderr,omitempty" jsonschema_description:"The same of its standard error."`
	Truncated bool   `json:"truncated,omitempty" jsonschema_description:"stdout or stderr is only the beginning of what it printed."`
	TimedOut  bool   `json:"timed_out,omitempty" jsonschema_description:"It was ended because its time was over."`
	ExpiresAt string `json:"expires_at,omitempty" jsonschema_description:"Until when request_id can be answered or picked up, RFC 3339."`
	RequestID string `json:"request_id"`
	NextStep  string `json:"next_step"`
}

// Text mirrors the answer.
func (a RunAnswer) Text() string {
	if a.ExitCode == nil {
		return fmt.Sprintf("%s (request %s). %s", a.Status, a.RequestID, a.NextStep)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s (request %s), exit code %d. %s", a.Status, a.RequestID, *a.ExitCode, a.NextStep)
	for _, stream := range []struct{ name, text string }{{"stdout", a.Stdout}, {"stderr", a.Stderr}} {
		if stream.text != "" {
			fmt.Fprintf(&b, "\n%s:\n%s", stream.name, stream.text)
		}
	}
	return b.String()
}

func runWithVaultSecrets(d Deps) server.ServerTool {
	return define(d, spec{
		name:  "run_with_vault_secrets",
		title: "Run a command with vault secrets, after a yes",
		description: "Asks a person whether one command may run with secrets from the vault in its environment, runs it if they say yes, and returns what it printed, with the values masked. " +
			"Prefer this to get_vault_secret: the values never enter this conversation. " +
			"Use it for what find_secret calls stored_in_vault. The person sees the exact command, the program, the directory and the names; their yes is good for one run of exactly that. " +
			"The command gets a clean environment with the named secrets only, no input and no terminal, and everything that it starts ends with it.",
		needsPerson: true, destructive: true, openWorld: true,
	}, d.runWithVaultSecrets)
}

func (d Deps) runWithVaultSecrets(ctx context.Context, call mcp.CallToolRequest, a RunArguments) (RunAnswer, error) {
	if !d.Scope.Stated {
		return RunAnswer{}, errNotStated()
	}
	refs, err := d.injectable(ctx, a.Names)
	if err != nil {
		return RunAnswer{}, err
	}
	what, err := d.Errands.Find(a.Command, a.Dir, time.Duration(cmp.Or(a.TimeoutSeconds, defaultTimeout))*time.Second)
	if err != nil {
		return RunAnswer{}, err
	}
	if !approval.Readable(what.Args, what.Dir, what.Program.Path) {
		return RunAnswer{}, CallError{"invalid_argument", "the command is too long for a person to read", "Put the work into a script, and call again with a command that runs it."}
	}
	request := approval.Request{
		Scope: d.Scope, Refs: refs, Delivery: policy.DeliverRun, Purpose: a.Purpose, Agent: agent(ctx),
		Command: what.Args, Dir: what.Dir, Program: what.Program.Path, ProgramSHA256: what.Program.SHA256,
	}
	grant, outcome, err := d.ask(ctx, call, request, a.RequestID)
	if err != nil {
		return RunAnswer{}, err
	}
	if outcome != nil {
		return RunAnswer{Status: outcome.status, ExpiresAt: outcome.expiresAt(), RequestID: outcome.id, NextStep: outcome.nextStep}, nil
	}
	return d.runErrand(ctx, grant, refs, what)
}

// injectable returns where names lie in the vault. Nobody is asked about a name
// that is not there, or that no command may be given.
func (d Deps) injectable(ctx context.Context, names []string) ([]secret.Ref, error) {
	refs := make([]secret.Ref, len(names))
	for i, name := range names {
		if err := d.admitName(name); err != nil {
			return nil, err
		}
		ref, err := d.vaultRef(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := launch.MayInject(ref); err != nil {
			return nil, err
		}
		refs[i] = ref
	}
	return refs, nil
}

// runErrand uses a grant. The program is opened and hashed once more before the
// values are read, and what was hashed is what runs.
func (d Deps) runErrand(ctx context.Context, grant approval.Grant, refs []secret.Ref, what launch.Errand) (RunAnswer, error) {
	ready, err := d.Errands.Prepare(what)
	if err != nil {
		return RunAnswer{}, grant.Void(err)
	}
	defer ready.Close()
	values, err := d.Store.Read(ctx, grant)
	if err != nil {
		return RunAnswer{}, err
	}
	stop := stayAlive(ctx, "the command is running")
	printed, err := ready.Run(ctx, refs, values)
	stop()
	if _, refused := errors.AsType[*launch.RefusedError](err); refused || errors.Is(err, errand.ErrNotStarted) {
		return RunAnswer{}, grant.Void(err)
	}
	d.recordEnd(grant, printed, err)
	if err != nil {
		return RunAnswer{}, err
	}
	return RunAnswer{
		Status: "approved", ExitCode: &printed.ExitCode, Stdout: printed.Stdout, Stderr: printed.Stderr,
		Truncated: printed.Truncated, TimedOut: printed.TimedOut, RequestID: grant.ID(), NextStep: afterRun(printed),
	}, nil
}

// unknownExit is on record where nobody knows how a command ended.
const unknownExit = -1

// recordEnd puts the command's end on record. That it was to run is there
// already, so that a record that fails now withholds nothing.
func (d Deps) recordEnd(grant approval.Grant, printed launch.Printed, err error) {
	code := printed.ExitCode
	if err != nil {
		code = unknownExit
	}
	if err := grant.Ended(code, printed.TimedOut); err != nil {
		d.Log.Error("the end of a command is not on record", "request", grant.ID(), "error", err)
	}
}

// afterRun says what to make of a run.
func afterRun(p launch.Printed) string {
	var said []string
	switch {
	case p.TimedOut:
		said = append(said, "Its time was over, so it was ended with everything that it had started: have it do less, or pass a larger timeout_seconds (600 at most).")
	case p.ExitCode != 0:
		said = append(said, "It failed: read stderr before you run it again, since each run asks a person.")
	default:
		said = append(said, "It has run. Do not try to get at what is masked.")
	}
	if p.Truncated {
		said = append(said, "Only the beginning of what it printed is here: have it print less.")
	}
	if p.Withheld {
		said = append(said, "What it printed is not shown, since nothing could mask one of these secrets in it; go by the exit code.")
	}
	if p.Left {
		said = append(said, "A process that it started could not be ended: tell the person.")
	}
	return strings.Join(said, " ")
}
