package main

import (
	"slices"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
)

// estateIn opens the store for all projects, and returns the environments that are
// meant, each once: those that were stated, or what the configuration says.
func estateIn(c *cli, q *query, stated []string) ([]string, config.Estate, error) {
	var environments []string
	for _, environment := range stated {
		if err := secret.CheckEnvironment(environment); err != nil {
			return nil, config.Estate{}, usageError("--env: " + err.Error())
		}
		if !slices.Contains(environments, environment) {
			environments = append(environments, environment)
		}
	}
	var flags scopeFlags
	if len(environments) > 0 {
		flags.Env = environments[0]
	}
	e, err := flags.loadEstate(c)
	if err != nil {
		return nil, e, err
	}
	q.open(c, e.Config, nil)
	if len(environments) == 0 {
		environments = []string{e.Config.Scope.Environment}
	}
	return environments, e, nil
}

// layoutOf is where things lie in the estate of e.
func layoutOf(e config.Estate) estate.Layout {
	return estate.Layout{Shared: e.Shared, Vault: e.Vault, Staging: e.Staging, Registered: e.Registered}
}
