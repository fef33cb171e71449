// Command scrim lets an AI agent see which secrets a project has, by name, and
// asks a person before it hands one over.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"scrim/internal/config"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/tools"
)

// commands is the whole command line.
type commands struct {
	Demo      DemoCmd      `cmd:"" help:"Show the whole story in one terminal: no account, nothing installed."`
	Init      InitCmd      `cmd:"" help:"Set a repository up: scrim.toml, the MCP clients found, AGENTS.md."`
	Serve     ServeCmd     `cmd:"" help:"Serve MCP on stdin and stdout, for an AI client."`
	Run       RunCmd       `cmd:"" help:"Start a program with a project's secrets in its environment."`
	List      ListCmd      `cmd:"" help:"List the secrets of the scope by name."`
	Find      FindCmd      `cmd:"" help:"Say where one secret is: injected, in the vault, missing, or not known."`
	Check     CheckCmd     `cmd:"" help:"Check the secrets of the scope: which values look wrong, by name."`
	Audit     AuditCmd     `cmd:"" help:"Compare every project with the shared source, and mend copies."`
	Diff      DiffCmd      `cmd:"" help:"Compare a project's environments: which names are where."`
	Project   ProjectCmd   `cmd:"" help:"List the projects of the store, and add one."`
	Vault     VaultCmd     `cmd:"" help:"Keep the vault: what is in it, whether it is one, and moves in and out."`
	Mask      MaskCmd      `cmd:"" help:"Run a command with its output masked, or mask stdin."`
	Scan      ScanCmd      `cmd:"" help:"Find secrets in files, known ones and what looks like one."`
	Login     LoginCmd     `cmd:"" help:"Keep a machine identity's credentials in ~/.infisical-ua, verified."`
	Enroll    EnrollCmd    `cmd:"" help:"Set the PIN, or add a passkey, that proves that a person is there."`
	Approvals ApprovalsCmd `cmd:"" help:"List what agents ask for and a person is to decide."`
	Approve   ApproveCmd   `cmd:"" help:"Look at one question of an agent, and answer it with your PIN."`
	Policy    PolicyCmd    `cmd:"" help:"Show the policy in force, and where each line of it is from."`
	Log       LogCmd       `cmd:"" help:"Show the audit trail."`
	Doctor    DoctorCmd    `cmd:"" help:"Check everything that scrim depends on here, with the fix for each."`
	Dev       DevCmd       `cmd:"" help:"Run an embedded store with sample data on loopback."`
	Lead      LeadCmd      `cmd:"" hidden:"" help:"Lead the session of a terminal for scrim mask."`
	Errand    ErrandCmd    `cmd:"" hidden:"" help:"Watch over one command of run_with_vault_secrets."`
	Keep      KeepCmd      `cmd:"" hidden:"" help:"Remove one file of get_vault_secret in time."`
	Docs      DocsCmd      `cmd:"" hidden:"" help:"Write the generated pages of the documentation."`

	Verbose verboseFlag      `short:"v" help:"Say what is tried, such as each identity (else SCRIM_LOG=debug)."`
	Version kong.VersionFlag `help:"Print the version."`
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main with the world passed in. It returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends a command that does not heed the first
	c := &cli{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, getenv: os.Getenv, args: args}
	exited := exitError(-1)
	parser := newParser(c, func(code int) { exited = exitError(code) })
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help and --version have done their work
		return int(exited)
	}
	if err != nil {
		fmt.Fprintf(stderr, "scrim: %v. See `scrim --help`.\n", err)
		return int(errUsage)
	}
	return report(stderr, command.Run(c))
}

func newParser(c *cli, exit func(int)) *kong.Kong {
	return kong.Must(&commands{},
		kong.Name("scrim"),
		kong.Description("Shows an AI agent the outlines of a team's secrets, and lets a person decide when a value is lit."),
		kong.Writers(c.stdout, c.stderr),
		kong.Exit(exit),
		kong.Bind(c),
		kong.Vars{"version": version(), "clients": clientNames()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 80}),
	)
}

// report says what went wrong on stderr, in one sentence, and returns the exit
// code for it.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if status, ok := errors.AsType[exitError](err); ok {
		return int(status)
	}
	if refusal, ok := errors.AsType[tools.CallError](err); ok {
		fmt.Fprintf(stderr, "scrim: %s. %s\n", refusal.Message, refusal.NextStep)
		return int(refused(refusal.Code))
	}
	code, next := consequence(err)
	fmt.Fprintf(stderr, "scrim: %v%s\n", err, next)
	return int(code)
}

// refused returns the exit code for what an agent would be told under code.
func refused(code string) exitError {
	switch code {
	case "store_unavailable", "rate_limited", "identity_refused", "hidden":
		return errStore
	default:
		return errUsage
	}
}

// consequence returns the exit code that scripts rely on, and the next step
// for a person where the error does not say it itself.
func consequence(err error) (exitError, string) {
	if _, ok := errors.AsType[*config.Error](err); ok {
		return errUsage, ""
	}
	if _, ok := errors.AsType[*store.NoEnvironmentError](err); ok {
		return errUsage, ": check --env, PROJECT_ENV, or [env] default in scrim.toml"
	}
	if _, ok := errors.AsType[*store.NoPathError](err); ok {
		return errUsage, ": check --project, SCRIM_PROJECT, or project in scrim.toml, or create the folder"
	}
	switch {
	case errors.Is(err, secret.ErrBadName):
		return errUsage, ""
	case errors.Is(err, secret.ErrNoProject):
		return errUsage, ": check SCRIM_PROJECT_ID, project_id in scrim.toml, or .infisical.json"
	case errors.Is(err, secret.ErrUnauthenticated):
		return errStore, ": correct its credentials, with scrim login or where they come from"
	case errors.Is(err, secret.ErrForbidden):
		return errStore, ": the identity needs more permissions in the store"
	case errors.Is(err, secret.ErrRateLimited):
		return errStore, "" // it says when to try again
	case errors.Is(err, secret.ErrUnavailable):
		return errStore, ": check INFISICAL_API_URL, or try again in a moment"
	case errors.Is(err, secret.ErrAwaitsApproval):
		return errStore, ""
	case errors.Is(err, secret.ErrBadResponse), errors.Is(err, secret.ErrPathNotFound):
		return errStore, ": check INFISICAL_API_URL"
	default:
		return errUsage, "" // and not errFound: nothing was found
	}
}
