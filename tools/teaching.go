package tools

import (
	"fmt"
	"strings"

	"scrim/internal/secret"
	"scrim/internal/store"
)

// Instructions are what a client gets to tell its model at the start.
func Instructions(scope secret.Scope) string {
	return fmt.Sprintf(`scrim shows which secrets the project %q has, by name, and never their values.
Before you say that a secret is missing, call find_secret with its name: a secret that is not in your environment may be stored in the vault. Only the status "missing" means that it does not exist; "hidden" and "unknown" do not.
%s
Where a program does not accept a secret, call check_secrets: it says which values look wrong, and not what they are.
Use secrets by name ($NAME). Never print, log, commit or repeat a value; scrim masks known values as [redacted:NAME].`,
		scope.Project, strings.Join(conventions(scope), " "))
}

// Guide is what Instructions say, for a file in a repository that agents read.
// It holds for every environment and names no path, so that it stays true where
// those change.
func Guide() string {
	var table strings.Builder
	for _, tool := range All(Deps{}) {
		fmt.Fprintf(&table, "| `%s` | %s |\n", tool.Tool.Name, tool.Tool.Title)
	}
	return `## Secrets

The MCP server scrim shows which secrets this project has, by name, and never
their values.

- Before you say that a secret is missing, call ` + "`find_secret`" + ` with its name:
  one that is not in your environment may be stored in the vault. Only the
  status ` + "`missing`" + ` means that it does not exist; ` + "`hidden` and `unknown`" + `
  do not.
- Secrets at the project's own path are injected into the environment of what
  scrim launches. Those in its vault are stored only: they exist and are not
  injected. ` + "`run_with_vault_secrets`" + ` runs one command with them after a
  person's yes, and keeps the values out of the conversation: prefer it to
  ` + "`get_vault_secret`" + `, which hands one over in a file or, last of all, in
  the conversation.
- Use secrets by name (` + "`$NAME`" + `). Never print, log, commit or repeat a value;
  scrim masks known values as ` + "`[redacted:NAME]`" + `.

| tool | what it does |
|---|---|
` + table.String()
}

// conventions says in words what the paths mean.
func conventions(s secret.Scope) []string {
	lines := []string{fmt.Sprintf("Secrets at %s are injected into the environment of what scrim launches.", s.Path)}
	if s.VaultPath != "" {
		lines = append(lines, fmt.Sprintf("Secrets at %s are stored only: they exist and are not injected. After a person's yes run_with_vault_secrets runs one command with them; prefer that to get_vault_secret, which hands one over in a file or, last of all, in the conversation.", s.VaultPath))
	}
	if s.StagingPath != "" && !secret.Production(s.Environment) {
		lines = append(lines, fmt.Sprintf("Secrets at %s win over those at %s in this environment.", s.StagingPath, s.Path))
	}
	if s.SharedPath != "" {
		lines = append(lines, fmt.Sprintf("%s is the source of secrets that several projects have copies of.", s.SharedPath))
	}
	return lines
}

// reasonOrRemark returns reason, or what an agent should know of a place that
// can be read.
func (d Deps) reasonOrRemark(reason string, v store.View) string {
	switch {
	case reason != "":
		return reason
	case v.State == store.Absent:
		return "no such folder, so it holds nothing"
	case v.State == store.NamesOnly && v.Place.Location == secret.Vault && d.VaultKind != "":
		return "names only: values are read one by one after a person's yes, as another identity"
	case v.State == store.NamesOnly:
		return "names only: this identity may not read values here"
	case v.Unexpanded:
		return "references to other places are not followed, since this identity may not read one of them"
	default:
		return ""
	}
}
