package main

import (
	"errors"
	"fmt"
	"slices"

	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
)

// VaultMvCmd is `scrim vault mv`.
type VaultMvCmd struct {
	scopeFlags `embed:""`

	Names  []string `arg:"" name:"name" help:"Exact names."`
	To     string   `required:"" enum:"vault,base" placeholder:"vault|base" help:"vault: stored only. base: to the project's own path, for every agent; needs an approval."`
	DryRun bool     `help:"Say what would be done, and write nothing."`
	Yes    bool     `help:"Do not ask. It is no approval: --to base asks all the same."`
}

// Help is shown by `scrim vault mv --help`.
func (VaultMvCmd) Help() string {
	return `Moves secrets between the project's own path and its vault. First the vault is probed (scrim vault probe). Then each secret is created where it is to be, with its comment; both are read again, as they are written, and compared by a keyed digest; and only then it is deleted where it was. At every moment it is at one place or at both. Stopped at any point, the same command goes on from there.

Examples:

  scrim vault mv DEPLOY_TOKEN --to vault --dry-run    say what would be done
  scrim vault mv DEPLOY_TOKEN --to vault              no agent has it from its next start on
  scrim vault mv OLD_KEY NEW_KEY --to vault --yes     for scripts
  scrim vault mv REGION --to base                     every agent has it, after an approval

--to base makes a stored secret readable by every agent of the project. So it is approved like a read: the policy may refuse it, a person is asked on the terminal, with the PIN or the passkey where one is enrolled and the environment is production or the policy says so, and it is on the audit trail. --yes does not answer that.

Nothing is touched where one of the secrets is at the other place with another value or comment, refers to one beside it (${NAME}), or is referred to.

Exit code 0: they are there. 1: one of them was not moved. 2: a mistake here. 3: the store or the identity refused. 4: not approved.`
}

// Run moves.
func (m *VaultMvCmd) Run(c *cli) error {
	hardenProcess()
	for _, name := range m.Names {
		if err := secret.CheckName(name); err != nil {
			return err
		}
	}
	slices.Sort(m.Names)
	m.Names = slices.Compact(m.Names)
	return keep(c, m.scopeFlags, m.move)
}

// mover returns what moves from one to the other, and the vault of the two.
func (m *VaultMvCmd) mover(k *keeping) (vaultkeep.Mover, secret.Place) {
	scope := k.deps.Scope
	base := secret.Place{Location: secret.Injected, Environment: scope.Environment, Path: scope.Path}
	vault := secret.Place{Location: secret.Vault, Environment: scope.Environment, Path: scope.VaultPath}
	mover := vaultkeep.Mover{Store: k.store, From: base, To: vault}
	if m.To == "base" {
		mover.From, mover.To = vault, base
	}
	for _, path := range []string{scope.StagingPath, scope.SharedPath} {
		if path != "" {
			mover.Beside = append(mover.Beside, secret.Place{Environment: scope.Environment, Path: path})
		}
	}
	return mover, vault
}

func (m *VaultMvCmd) move(c *cli, k *keeping) error {
	mover, vault := m.mover(k)
	waited := sayIfSlow(c.stderr, "reading the store …")
	items, err := mover.Plan(c.ctx, m.Names)
	waited()
	if err != nil {
		return noFolder(k.deps.Scope.Project, err)
	}
	todo, err := m.plan(k, mover, items)
	if err != nil || len(todo) == 0 || m.DryRun {
		return err
	}
	if m.To == "base" {
		err = m.approved(c, k, todo)
	} else {
		err = agreed(c, k.query, m.Yes, fmt.Sprintf("Move %s?", count(len(todo), "secret")))
	}
	if err != nil {
		return err
	}
	if err := m.probed(c, k, vault); err != nil {
		return err
	}
	return m.carryOut(c, k, mover, todo)
}

// plan shows what is to be done, and returns the names of what there is to do.
// Where one of them cannot be moved, none is.
func (m *VaultMvCmd) plan(k *keeping, mover vaultkeep.Mover, items []vaultkeep.Item) ([]string, error) {
	var todo, stuck []string
	for _, item := range items {
		switch item.Stage {
		case vaultkeep.Moved:
			k.say("%s is at %s: nothing to do.", item.Name, mover.To)
		case vaultkeep.Here:
			k.say("%s: from %s to %s.", item.Name, mover.From, mover.To)
			todo = append(todo, item.Name)
		case vaultkeep.Copied:
			k.say("%s: it is at %s already, with the same value; to be removed at %s.", item.Name, mover.To, mover.From)
			todo = append(todo, item.Name)
		default:
			k.say("%s cannot be moved to %s: %s.", item.Name, mover.To, item.Why)
			stuck = append(stuck, item.Name)
		}
		for _, note := range item.Notes {
			k.say("%s: %s.", item.Name, note)
		}
	}
	switch {
	case len(stuck) > 0:
		k.say("Nothing was moved.")
		return nil, errFound
	case m.DryRun && len(todo) > 0:
		k.say("It would be done so: probe the vault with a throw-away secret; create at %s; read both and compare; delete at %s. Nothing was written.", mover.To, mover.From)
	case len(todo) > 0:
		k.say("The vault is probed before that, with a throw-away secret.")
	}
	return todo, nil
}

// probed probes the vault, and says no more than it must where all is well.
func (m *VaultMvCmd) probed(c *cli, k *keeping, vault secret.Place) error {
	prober := k.prober(c, vault)
	prober.Say = func(f vaultkeep.Finding) {
		if f.Status != vaultkeep.Proved {
			k.tell(probeText(f, false))
		}
	}
	waited := sayIfSlow(c.stderr, "probing the vault …")
	passed, err := prober.Probe(c.ctx)
	waited()
	switch {
	case err != nil:
		return fmt.Errorf("probe the vault, before anything is moved: %w", err)
	case !passed:
		k.say("%s is NOT a vault: nothing was moved.", vault)
		return errFound
	default:
		k.say("Probed: what is in %s is not injected.", vault)
		return nil
	}
}

// carryOut moves one secret after the other, and goes on past one that fails.
func (m *VaultMvCmd) carryOut(c *cli, k *keeping, mover vaultkeep.Mover, names []string) error {
	var outcome error
	for _, name := range names {
		if c.ctx.Err() != nil {
			k.say("%s and what comes after it is as it was: run the same command again.", name)
			return c.ctx.Err()
		}
		stage, err := mover.Move(c.ctx, name)
		if err == nil {
			if _, err := fmt.Fprintf(k.out, "%s is at %s\n", name, mover.To); err != nil {
				return fmt.Errorf("print what was moved: %w", err)
			}
			continue
		}
		k.say("%s was not moved to its end: %v. %s", name, err, whereIs(mover, stage, err))
		outcome = worst(outcome, err)
	}
	return outcome
}

// whereIs says where a secret is that did not come to its end, and what to do.
func whereIs(m vaultkeep.Mover, stage vaultkeep.Stage, err error) string {
	switch {
	case errors.Is(err, secret.ErrAwaitsApproval) && stage == vaultkeep.Copied:
		return fmt.Sprintf("It is at both places. Once it is approved in the store it is at %s alone.", m.To)
	case errors.Is(err, secret.ErrAwaitsApproval):
		return fmt.Sprintf("It is at %s. Once it is approved in the store, run the same command again.", m.From)
	case stage == vaultkeep.Here:
		return fmt.Sprintf("It is at %s: run the same command again.", m.From)
	case stage == vaultkeep.Copied:
		return "It is at both places: run the same command again."
	default:
		return "Look at both places (scrim find), and run the same command again."
	}
}

// worst is the exit code of what failed so far and of err.
func worst(so, err error) error {
	code := errFound
	for _, refused := range []error{secret.ErrForbidden, secret.ErrUnauthenticated, secret.ErrUnavailable, secret.ErrBadResponse, secret.ErrAwaitsApproval, secret.ErrRateLimited} {
		if errors.Is(err, refused) {
			code = errStore
		}
	}
	for _, known := range []error{so, err} {
		if said, ok := errors.AsType[exitError](known); ok {
			code = max(code, said)
		}
	}
	return code
}
