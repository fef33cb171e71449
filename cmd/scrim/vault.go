package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"scrim/internal/config"
	"scrim/internal/identity"
	"scrim/internal/secret"
	"scrim/internal/vaultkeep"
	"scrim/tools"
)

// VaultCmd is `scrim vault`.
type VaultCmd struct {
	Ls    VaultLsCmd    `cmd:"" help:"List what the vault holds: names, versions, ages."`
	Probe VaultProbeCmd `cmd:"" help:"Prove that what is in the vault is not listed with the project."`
	Mv    VaultMvCmd    `cmd:"" help:"Move secrets into the vault, or out of it to the project's own path."`
}

// Help is shown by `scrim vault --help`.
func (VaultCmd) Help() string {
	return `What is in a project's vault (/alpha/vault) is listed by name, in no agent's environment, and read one by one after a yes.

Examples:

  scrim vault ls                            what is stored, and how old it is
  scrim vault probe                         prove that agents do not get it
  scrim vault mv DEPLOY_TOKEN --to vault    out of every agent's environment
  scrim vault mv DEPLOY_TOKEN --to base     back, after an approval`
}

// VaultLsCmd is `scrim vault ls`.
type VaultLsCmd struct {
	scopeFlags `embed:""`

	JSON bool `help:"Print the list as JSON."`
}

// Help is shown by `scrim vault ls --help`.
func (VaultLsCmd) Help() string {
	return `Examples:

  scrim vault ls
  scrim vault ls --project beta --env dev --json

Values are never shown. Exit code 3 says that a vault could not be read in whole.`
}

// vaultSecret is one secret of a vault, for scripts.
type vaultSecret struct {
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Path        string `json:"path"`
	Version     int    `json:"version,omitempty"`
	UpdatedAt   string `json:"updated_at,omitempty"`
	AgeDays     *int   `json:"age_days,omitempty"`

	age string
}

// Run lists the vault.
func (l *VaultLsCmd) Run(c *cli) error {
	return look(c, l.scopeFlags, func(q *query) error {
		all, err := (&ListCmd{Location: secret.Vault.String()}).everyPage(c, q)
		if err != nil {
			return err
		}
		list := vaultSecrets(all, time.Now())
		if l.JSON {
			err = q.json(struct {
				Project    string                 `json:"project"`
				Secrets    []vaultSecret          `json:"secrets"`
				Complete   bool                   `json:"complete"`
				Unreadable []tools.UnreadableNote `json:"unreadable"`
			}{q.deps.Scope.Project, list, all.Complete, all.Unreadable})
		} else {
			err = l.table(q, list, all)
		}
		if err != nil {
			return err
		}
		q.sayCause(q.deps.Store.Peek().Err())
		if !all.Complete {
			return errStore
		}
		return nil
	})
}

func vaultSecrets(all tools.ListAnswer, now time.Time) []vaultSecret {
	list := []vaultSecret{}
	for _, s := range all.Secrets {
		one := vaultSecret{Name: s.Name, Environment: s.Environment, Path: s.Path, Version: s.Version, UpdatedAt: s.UpdatedAt}
		if at, err := time.Parse(time.RFC3339, s.UpdatedAt); err == nil {
			age := max(0, now.Sub(at))
			days := int(age / (24 * time.Hour))
			one.AgeDays, one.age = &days, inWords(age)
		}
		list = append(list, one)
	}
	return list
}

// inWords says an age in its largest unit.
func inWords(age time.Duration) string {
	switch {
	case age >= 2*365*24*time.Hour:
		return count(int(age/(365*24*time.Hour)), "year")
	case age >= 24*time.Hour:
		return count(int(age/(24*time.Hour)), "day")
	case age >= time.Hour:
		return count(int(age/time.Hour), "hour")
	case age >= time.Minute:
		return count(int(age/time.Minute), "minute")
	default:
		return "new"
	}
}

func (l *VaultLsCmd) table(q *query, list []vaultSecret, all tools.ListAnswer) error {
	rows := [][]string{{"NAME", "VERSION", "AGE", "ENV", "PATH"}}
	for _, s := range list {
		version := ""
		if s.Version > 0 {
			version = fmt.Sprint(s.Version)
		}
		rows = append(rows, []string{s.Name, version, s.age, s.Environment, s.Path})
	}
	if len(rows) > 1 {
		if _, err := io.WriteString(q.out, strings.Join(aligned(rows), "\n")+"\n"); err != nil {
			return fmt.Errorf("print the list: %w", err)
		}
	}
	if len(list) == 0 && all.Complete {
		q.say("The vault of project %s is empty in environment %s.", all.Scope.Project, all.Scope.Environment)
	}
	q.sayUnread(all.Unreadable)
	return nil
}

// keeping is a query that may write to the store. Its store teaches the redactor
// what it shows.
type keeping struct {
	*query
	store keptStore
}

// keep opens the scope for writing and runs do. A hang-up ends it like an
// interrupt: what was begun is tidied up.
func keep(c *cli, flags scopeFlags, do func(*cli, *keeping) error) error {
	q := newQuery(c)
	ctx, stop := signal.NotifyContext(c.ctx, syscall.SIGHUP)
	defer stop()
	heedful := *c
	heedful.ctx = ctx
	cfg, inside, err := flags.load(c)
	if err != nil {
		return q.end(c, err)
	}
	q.open(c, cfg, inside)
	return q.end(&heedful, do(&heedful, &keeping{q, keptStore{q.source, q.deps.Redactor.Learn}}))
}

// keptStore is the store, and teaches the redactor what it shows.
type keptStore struct {
	*identity.Source
	learn func(secret.Ref, secret.Value)
}

func (s keptStore) learned(l secret.Listing, err error) (secret.Listing, error) {
	for _, one := range l.Secrets {
		s.learn(one.Entry.Ref, one.Value)
	}
	for _, v := range l.Refused {
		s.learn(secret.Ref{}, v)
	}
	return l, err
}

// List reads a folder; see infisical.Client.
func (s keptStore) List(ctx context.Context, environment, path, etag string) (secret.Listing, error) {
	return s.learned(s.Source.List(ctx, environment, path, etag))
}

// Own reads a folder as it was written; see infisical.Client.
func (s keptStore) Own(ctx context.Context, environment, path string) (secret.Listing, error) {
	return s.learned(s.Source.Own(ctx, environment, path))
}

// Get reads one secret; see infisical.Client.
func (s keptStore) Get(ctx context.Context, ref secret.Ref) (secret.Listed, error) {
	l, err := s.Source.Get(ctx, ref)
	if err == nil {
		s.learn(ref, l.Value)
	}
	return l, err
}

// prober returns what probes a vault of the scope.
func (k *keeping) prober(c *cli, vault secret.Place) vaultkeep.Prober {
	scope := k.deps.Scope
	apart := []secret.Place{}
	for _, place := range scope.Places() {
		if place.Location == secret.Injected || place.Location == secret.Staging {
			apart = append(apart, place)
		}
	}
	return vaultkeep.Prober{
		Store: k.store, Vault: vault, Apart: apart, Others: k.others(c),
		Owner: ownerHere(), Gone: endedHere, Learn: k.deps.Redactor.Learn,
	}
}

// others are the identities besides the one in use: the one in the user's file,
// which agents are launched with where nobody is logged in otherwise, and that of
// the vault.
func (k *keeping) others(c *cli) []vaultkeep.Other {
	var all []vaultkeep.Other
	options := identityOptions(c, k.cfg, k.deps.Session, k.deps.Redactor, k.deps.Log)
	if file, ok := k.inFile(); ok && options.Borrow == nil {
		options.Identities, options.Again = config.Identities{Candidates: []config.Credentials{file}}, nil
		all = append(all, vaultkeep.Other{Who: "the identity in " + file.Source, As: keptStore{identity.New(options), k.store.learn}})
	}
	if k.cfg.Vault.Stated() {
		options.Again = nil
		all = append(all, vaultkeep.Other{Who: "the vault's own identity", As: keptStore{identity.ForVault(options, k.cfg.Vault), k.store.learn}, Reads: true})
	}
	return all
}

// inFile returns the credentials in the user's file, where others are in use. The
// store has been asked by then.
func (k *keeping) inFile() (config.Credentials, bool) {
	var used *config.Credentials
	for _, c := range k.cfg.Identities.Candidates {
		if used == nil && (c.Kind == config.CommandLine) == (k.source.Kind() == config.CommandLine.String()) {
			used = &c
		}
		if c.InFile {
			return c, used != nil && !c.Equal(*used)
		}
	}
	return config.Credentials{}, false
}

// findings shows findings as they come.
func (k *keeping) findings(c *cli) func(vaultkeep.Finding) {
	f, onTerminal := terminal(c.stdout)
	coloured := onTerminal && colour(f, c.getenv)
	return func(found vaultkeep.Finding) {
		_, _ = io.WriteString(k.out, probeText(found, coloured))
		if held, ok := k.out.(interface{ Flush() error }); ok {
			_ = held.Flush() // whole lines, each at once
		}
	}
}

// probeText is a finding for people.
func probeText(f vaultkeep.Finding, coloured bool) string {
	word := f.Status.String()
	text := hung(fmt.Sprintf("%-8s", word), f.What, "        ")
	if !coloured {
		return text
	}
	code := map[vaultkeep.Status]string{vaultkeep.Failed: "31", vaultkeep.Proved: "32", vaultkeep.Note: "33"}[f.Status]
	return "\x1b[" + code + "m" + word + "\x1b[0m" + strings.TrimPrefix(text, word)
}

// noFolder makes a folder that is missing a mistake, with what makes it.
func noFolder(project string, err error) error {
	if missing, ok := errors.AsType[*vaultkeep.NoFolderError](err); ok {
		return usageError(missing.Error() + ": scrim project add " + project + " makes it")
	}
	return err
}

// agreed returns nil where whoever sits at the terminal says yes to question, or
// where --yes said so.
func agreed(c *cli, q *query, yes bool, question string) error {
	if yes {
		return nil
	}
	ask := newQuestions(c)
	if !ask.possible() {
		return usageError("nobody is at a terminal to agree to it, and nothing was written: with --yes nobody is asked")
	}
	said, err := ask.yes(question)
	if err == nil && !said {
		q.say("Nothing was written.")
		err = errNotApproved
	}
	return err
}
