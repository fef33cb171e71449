package main

import (
	"path"
	"slices"
	"strings"

	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
)

// VaultProbeCmd is `scrim vault probe`.
type VaultProbeCmd struct {
	scopeFlags `embed:""`

	Path string `arg:"" optional:"" help:"The vault's path, or a folder below the project's path (else the vault of the scope)."`
	JSON bool   `help:"Print what was found as JSON."`
}

// Help is shown by `scrim vault probe --help`.
func (VaultProbeCmd) Help() string {
	return `Makes a throw-away secret in the vault, with a name that nobody guesses and a made-up value, and looks at it from all sides: a list of the project's own path must not return it, nor may the store find it there by name; the identities with which agents are launched may know it by name at most; whoever is to read the vault must read what was written. Then it is removed, also after Ctrl-C; what a probe left that was killed, the next one removes.

Examples:

  scrim vault probe                    the vault of the scope
  scrim vault probe --env dev          in another environment
  scrim vault probe /alpha/archive     another folder below the project's path

The identity needs describeSecret, readValue, create and delete on the vault (docs/infisical.md).

Exit code 0: it is as it has to be. 1: it is not, and what is in the vault may go to agents. 2: there is no such folder. 3: the store or the identity refused.`
}

// Run probes.
func (v *VaultProbeCmd) Run(c *cli) error {
	return keep(c, v.scopeFlags, func(c *cli, k *keeping) error {
		vault, err := k.vaultAt(v.Path)
		if err != nil {
			return err
		}
		if err := k.folderIsThere(c, vault); err != nil {
			return err
		}
		return v.probe(c, k, vault)
	})
}

func (v *VaultProbeCmd) probe(c *cli, k *keeping, vault secret.Place) error {
	prober := k.prober(c, vault)
	all := []vaultkeep.Finding{}
	show := k.findings(c)
	prober.Say = func(f vaultkeep.Finding) {
		all = append(all, f)
		if !v.JSON {
			show(f)
		}
	}
	passed, err := prober.Probe(c.ctx)
	if v.JSON && err == nil {
		err = k.json(struct {
			Vault    string              `json:"vault"`
			Passed   bool                `json:"passed"`
			Findings []vaultkeep.Finding `json:"findings"`
		}{vault.String(), passed, all})
	}
	switch {
	case err != nil:
		return noFolder(k.deps.Scope.Project, err)
	case !passed:
		k.say("%s is NOT a vault: see what failed above.", vault)
		return errFound
	default:
		k.say("%s is a vault: what is in it is not injected.", vault)
		return nil
	}
}

// vaultAt returns the vault of the scope, or another folder below the project's
// path that is injected by nobody.
func (k *keeping) vaultAt(at string) (secret.Place, error) {
	scope := k.deps.Scope
	place := secret.Place{Location: secret.Vault, Environment: scope.Environment, Path: scope.VaultPath}
	if at == "" || at == scope.VaultPath {
		return place, nil
	}
	if !strings.HasPrefix(at, "/") {
		at = path.Join(scope.Path, at)
	}
	if err := secret.CheckPath(at); err != nil {
		return place, usageError("the path: " + err.Error())
	}
	place.Path = at
	if !secret.Under(at, scope.Path) && !secret.Under(at, scope.VaultPath) {
		return place, usageError("a vault of project " + scope.Project + " lies below " + scope.Path + ": give a path there, or another --project")
	}
	if slices.Contains([]string{scope.Path, scope.StagingPath, scope.SharedPath}, at) {
		return place, usageError(at + " is no vault but injected, and a throw-away secret there would be too")
	}
	return place, nil
}

// folderIsThere makes sure of a folder before anything is written.
func (k *keeping) folderIsThere(c *cli, place secret.Place) error {
	if place.Path == "/" {
		return nil
	}
	waited := sayIfSlow(c.stderr, "reading the store …")
	defer waited()
	var siblings []string
	err := estate.Pace{}.Patiently(c.ctx, func() (err error) {
		siblings, err = k.store.Folders(c.ctx, place.Environment, path.Dir(place.Path))
		return err
	})
	if err == nil && !slices.Contains(siblings, path.Base(place.Path)) {
		err = noFolder(k.deps.Scope.Project, &vaultkeep.NoFolderError{Place: place})
	}
	return err
}
