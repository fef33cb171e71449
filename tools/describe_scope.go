package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"scrim/internal/secret"
	"scrim/internal/session"
	"scrim/internal/store"
)

// DescribeArguments are what describe_scope takes: nothing.
type DescribeArguments struct{}

// LocationNote is one place of the scope and whether it can be read.
type LocationNote struct {
	Location    string `json:"location" jsonschema:"enum=injected,enum=staging,enum=vault,enum=shared"`
	Environment string `json:"environment"`
	Path        string `json:"path"`
	Readable    bool   `json:"readable"`
	Reason      string `json:"reason,omitempty" jsonschema_description:"Why it is not readable, or what is special about it."`
}

// ApprovalsNote counts this session's approvals.
type ApprovalsNote struct {
	Granted int `json:"granted"`
}

// SessionNote is what is known of the launched agent that asks.
type SessionNote struct {
	LaunchedAt string   `json:"launched_at" jsonschema_description:"RFC 3339."`
	Injected   int      `json:"injected" jsonschema_description:"How many secrets its environment got."`
	Relaunch   []string `json:"relaunch" jsonschema_description:"Names that are new or have another value since the launch: relaunch to get them."`
}

// DescribeAnswer is what describe_scope answers.
type DescribeAnswer struct {
	Project           string         `json:"project"`
	Environment       string         `json:"environment"`
	EnvironmentStated bool           `json:"environment_stated" jsonschema_description:"Whether somebody stated the environment. Where it is false, prod is assumed: names are listed, vault reads are refused."`
	Path              string         `json:"path"`
	Identity          string         `json:"identity" jsonschema_description:"The kind of machine identity that scrim uses."`
	VaultIdentity     string         `json:"vault_identity,omitempty" jsonschema_description:"The kind of another identity, which reads a vault secret after a person's yes and nothing else. Absent where there is none."`
	Locations         []LocationNote `json:"locations"`
	Conventions       []string       `json:"conventions"`
	AsOf              string         `json:"as_of" jsonschema_description:"RFC 3339."`
	Approvals         ApprovalsNote  `json:"approvals"`
	Session           *SessionNote   `json:"session,omitempty" jsonschema_description:"Absent where scrim did not launch the agent."`
}

// Text says the scope in a few lines.
func (a DescribeAnswer) Text() string {
	var b strings.Builder
	stated := ""
	if !a.EnvironmentStated {
		stated = " (assumed, not stated: vault reads are refused)"
	}
	vault := ""
	if a.VaultIdentity != "" {
		vault = ", and another for what a person approves of the vault: " + a.VaultIdentity
	}
	fmt.Fprintf(&b, "project %s, environment %s%s, path %s, identity %s%s\n", a.Project, a.Environment, stated, a.Path, a.Identity, vault)
	for _, l := range a.Locations {
		fmt.Fprintf(&b, "%s %s:%s readable=%t %s\n", l.Location, l.Environment, l.Path, l.Readable, l.Reason)
	}
	b.WriteString(strings.Join(a.Conventions, "\n"))
	if a.Session != nil {
		fmt.Fprintf(&b, "\nlaunched by scrim with %d secrets", a.Session.Injected)
		if len(a.Session.Relaunch) > 0 {
			fmt.Fprintf(&b, "; relaunch to get %s", strings.Join(a.Session.Relaunch, ", "))
		}
	}
	return b.String()
}

func describeScope(d Deps) server.ServerTool {
	return define(d, spec{
		name:        "describe_scope",
		title:       "Describe the scope",
		description: "Says which project, environment and path this server answers for, which locations can be read, and the conventions that decide where a secret belongs.",
		readOnly:    true, idempotent: true,
	}, func(ctx context.Context, _ mcp.CallToolRequest, _ DescribeArguments) (DescribeAnswer, error) {
		return d.Describe(ctx), nil
	})
}

// Describe answers describe_scope; the resource scrim://scope shares it.
func (d Deps) Describe(ctx context.Context) DescribeAnswer {
	snapshot := d.Store.Snapshot(ctx)
	answer := DescribeAnswer{
		Project: d.Scope.Project, Environment: d.Scope.Environment, EnvironmentStated: d.Scope.Stated,
		Path: d.Scope.Path, Identity: d.IdentityKind(), VaultIdentity: d.VaultKind, Locations: []LocationNote{},
		Conventions: append(conventions(d.Scope), limits(d.Gate.Policy(), d.Scope)...), AsOf: d.timestamp(snapshot.AsOf()),
	}
	answer.Approvals.Granted = d.Gate.Approvals()
	for _, view := range snapshot.Views {
		reason := d.unreadable(view)
		answer.Locations = append(answer.Locations, LocationNote{
			Location: view.Place.Location.String(), Environment: view.Place.Environment, Path: view.Place.Path,
			Readable: reason == "", Reason: d.reasonOrRemark(reason, view),
		})
	}
	if d.Session != nil {
		answer.Session = &SessionNote{
			LaunchedAt: d.timestamp(d.Session.LaunchedAt), Injected: len(d.Session.Injected), Relaunch: d.relaunch(snapshot),
		}
	}
	return answer
}

// relaunch lists the names whose value the agent would get if it were launched
// now, and has not.
func (d Deps) relaunch(s store.Snapshot) []string {
	names := []string{}
	seen := map[string]bool{}
	for _, view := range s.Views { // the strongest first
		if view.Place.Location != secret.Injected && view.Place.Location != secret.Staging {
			continue
		}
		for _, e := range view.Entries {
			name := e.Ref.Name()
			if seen[name] || d.Session.Refused(name) {
				continue
			}
			seen[name] = true
			if state := d.Session.State(e.Ref, e.Value()); state == session.No || state == session.Changed {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
