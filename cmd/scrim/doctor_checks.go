package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"scrim/internal/approval/outpost"
	"scrim/internal/approver"
	"scrim/internal/audit"
	"scrim/internal/config"
	"scrim/internal/dotenv"
	"scrim/internal/identity"
	"scrim/internal/infisical"
	"scrim/internal/keychain"
	"scrim/internal/ownfile"
	"scrim/internal/secret"
	"scrim/internal/setup"
	"scrim/internal/store"
)

// examination looks at one thing after the other. A check that needs what an
// earlier one found wrong says that it could not look.
type examination struct {
	c     *cli
	q     *query
	flags scopeFlags
	found func(diagnosis) error

	configured bool
	reached    bool
	snapshot   store.Snapshot
}

// checks are all of them, in the order in which one builds on the other.
func (e *examination) checks() []func() error {
	return []func() error{
		e.configuration, e.credentialsFile, e.store, e.identity, e.places, e.permissions, e.vaultIdentity, e.values,
		e.clients, e.instructions, e.keychain, e.envFiles, e.approver, e.trail,
	}
}

func (e *examination) ok(check, format string, a ...any) error {
	return e.found(diagnosis{check, statusOK, fmt.Sprintf(format, a...), ""})
}

func (e *examination) unknown(check, why string) error {
	return e.found(diagnosis{check, statusUnknown, why, ""})
}

// configuration loads what every command would.
func (e *examination) configuration() error {
	const check = "configuration"
	cfg, inside, err := e.flags.load(e.c)
	if mistake, ok := errors.AsType[*config.Error](err); ok {
		return e.found(diagnosis{check, statusProblem, mistake.Where + ": " + mistake.Problem, mistake.Next})
	}
	if err != nil {
		return e.found(diagnosis{check, statusProblem, err.Error(), ""})
	}
	e.configured = true
	e.q.open(e.c, cfg, inside)
	if err := e.ok(check, "project %s (%s), environment %s (%s), at %s (%s)", cfg.Scope.Project, cfg.Origin("project"),
		cfg.Scope.Environment, cfg.Origin("env"), cfg.Scope.Site, cfg.Origin("site_url")); err != nil {
		return err
	}
	if !cfg.Scope.Stated {
		if err := e.found(diagnosis{check, statusNote, "nobody stated the environment, so that a server gives no vault value", "set PROJECT_ENV, or [env] default in scrim.toml, or start agents with scrim run"}); err != nil {
			return err
		}
	}
	if inside != nil {
		return e.found(diagnosis{check, statusNote, "this is inside a session of scrim run, which fixes the scope", ""})
	}
	return nil
}

// credentialsFile looks at ~/.infisical-ua, whether or not an identity before it
// serves.
func (e *examination) credentialsFile() error {
	const check = "credentials file"
	home, _ := os.UserHomeDir()
	there, err := config.ExamineCredentialsFile(home)
	if mistake, ok := errors.AsType[*config.Error](err); ok {
		return e.found(diagnosis{check, statusProblem, mistake.Where + ": " + mistake.Problem, mistake.Next})
	}
	switch {
	case err != nil:
		return e.found(diagnosis{check, statusProblem, err.Error(), ""})
	case there:
		return e.ok(check, "%s is a file that only you can read", config.CredentialsFilePath)
	default:
		return e.ok(check, "there is no %s", config.CredentialsFilePath)
	}
}

// maxSkew is how far clocks may be apart: what lives for minutes, such as a
// token, is judged by both.
const maxSkew = 30 * time.Second

// store asks the site whether it is there, as nobody, and what time it is.
func (e *examination) store() error {
	const check = "store"
	if !e.configured {
		return e.unknown(check, "not asked, since the configuration has a mistake")
	}
	site := e.q.cfg.Scope.Site
	waited := sayIfSlow(e.c.stderr, "asking the store …")
	reached, err := infisical.Reach(e.c.ctx, site, e.q.deps.Log)
	waited()
	if e.c.ctx.Err() != nil {
		return e.c.ctx.Err()
	}
	if err != nil {
		return e.found(diagnosis{check, statusProblem, fmt.Sprintf("%s: %v", site, err), "check INFISICAL_API_URL, and the network from here to there"})
	}
	e.reached = true
	if err := e.ok(check, "%s answers, in %v", site, reached.Took.Round(time.Millisecond)); err != nil {
		return err
	}
	if reached.Date.IsZero() {
		return e.unknown(check, "its clock: it does not say what time it has")
	}
	skew := time.Since(reached.Date).Truncate(time.Second)
	if skew.Abs() <= maxSkew {
		return e.ok(check, "its clock and this machine's agree")
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return e.found(diagnosis{check, statusProblem, fmt.Sprintf("this machine's clock is %v %s the store's, so that tokens end too early or too late", skew.Abs(), direction), "set it by the network: timedatectl set-ntp true, or the system's settings"})
}

// identity reads the scope, and says of each place what came of it.
func (e *examination) identity() error {
	const check = "identity"
	if !e.configured {
		return e.unknown(check, "not tried, since the configuration has a mistake")
	}
	if e.reached {
		waited := sayIfSlow(e.c.stderr, "reading the store …")
		e.snapshot = e.q.deps.Store.Snapshot(e.c.ctx)
		waited()
	}
	attempts := e.q.cfg.Identities.Attempts
	if tried := e.q.source.Attempts(); len(tried) > 0 {
		attempts = tried
	}
	for _, a := range attempts {
		if err := e.found(diagnosis{check, statusNote, a.String(), ""}); err != nil {
			return err
		}
	}
	err := e.snapshot.Err()
	if none, ok := errors.AsType[*identity.NoneError](err); ok {
		return e.found(diagnosis{check, statusProblem, none.Error(), "scrim login"})
	}
	switch {
	case !e.reached:
		return e.unknown(check, fmt.Sprintf("the store was not asked whether it lets %s in", e.q.deps.IdentityKind()))
	case errors.Is(err, secret.ErrUnauthenticated):
		return e.found(diagnosis{check, statusProblem, err.Error(), "correct the credentials where they come from, or run scrim login"})
	default:
		return e.ok(check, "the store lets it in: %s", e.q.deps.IdentityKind())
	}
}

// read reports whether there is a reading of the scope, and says so for check
// where there is none.
func (e *examination) read(check string) (bool, error) {
	switch {
	case !e.configured:
		return false, e.unknown(check, "not looked at, since the configuration has a mistake")
	case !e.reached:
		return false, e.unknown(check, "not looked at, since the store was not reached")
	case errors.Is(e.snapshot.Err(), secret.ErrUnauthenticated):
		return false, e.unknown(check, "not looked at, since the store let nobody in")
	default:
		return true, nil
	}
}

// places says of each place of the scope what is known of it.
func (e *examination) places() error {
	const check = "places"
	if there, err := e.read(check); !there {
		return err
	}
	if absent := e.snapshot.ScopeError(); absent != nil {
		_, next := consequence(absent)
		return e.found(diagnosis{check, statusProblem, absent.Error(), strings.TrimPrefix(next, ": ")})
	}
	for _, v := range e.snapshot.Views {
		if err := e.found(placeDiagnosis(check, v)); err != nil {
			return err
		}
	}
	return nil
}

func placeDiagnosis(check string, v store.View) diagnosis {
	where := fmt.Sprintf("%s, %s", v.Place, v.Place.Location)
	switch v.State {
	case store.Readable:
		return diagnosis{check, statusOK, fmt.Sprintf("%s: %s", where, count(len(v.Entries), "secret")), ""}
	case store.NamesOnly:
		return diagnosis{check, statusOK, fmt.Sprintf("%s: %s, names only", where, count(len(v.Entries), "secret")), ""}
	case store.Absent:
		return diagnosis{check, statusNote, where + ": is not there, which is no mistake", ""}
	case store.Denied:
		return diagnosis{check, statusNote, where + ": this identity may not see into it", ""}
	default:
		_, next := consequence(v.Err)
		return diagnosis{check, statusProblem, fmt.Sprintf("%s: %v", where, v.Err), strings.TrimPrefix(next, ": ")}
	}
}

// permissions says where the identity may see too little, or more than scrim
// needs. Whether it may write would show only by writing.
func (e *examination) permissions() error {
	const check = "permissions"
	if there, err := e.read(check); !there {
		return err
	}
	scope := e.q.cfg.Scope
	if e.snapshot.ScopeError() != nil {
		return e.unknown(check, "not looked at, since the scope is not in the store")
	}
	beside, err := neighbours(e.c.ctx, e.q.source, scope)
	for _, a := range advise(scope, e.snapshot, beside, err, e.q.cfg.Vault.Stated()) {
		if err := e.found(diagnosis{check, a.status, a.what, a.fix}); err != nil {
			return err
		}
	}
	return e.found(diagnosis{check, statusNote, "whether it may write shows only by writing, which was not tried: scrim needs no role that does", ""})
}

// vaultIdentity lets the vault's own identity log in, and says where it may see too
// little, or more than it needs. It asks for names, and for no value.
func (e *examination) vaultIdentity() error {
	const check = "vault identity"
	if !e.configured {
		return e.unknown(check, "not tried, since the configuration has a mistake")
	}
	vault := e.q.cfg.Vault
	if !vault.Stated() {
		return e.found(diagnosis{check, statusNote, "the vault has none of its own: after a yes it is read as everything else is", ""})
	}
	_, err := vault.Credentials(e.q.cfg.Scope.Site)
	if mistake, ok := errors.AsType[*config.Error](err); ok {
		return e.found(diagnosis{check, statusProblem, mistake.Where + ": " + mistake.Problem, mistake.Next})
	}
	if !e.reached {
		return e.unknown(check, "the store was not asked whether it lets it in")
	}
	client := identity.ForVault(identityOptions(e.c, e.q.cfg, e.q.deps.Session, e.q.deps.Redactor, e.q.deps.Log), vault)
	all := adviseVault(e.c.ctx, e.q.cfg.Scope, client)
	if len(all) == 0 {
		all = []advice{{statusOK, fmt.Sprintf("after a yes the vault is read as %s, which the store lets in, and which sees no more that could be seen from here", vault), ""}}
	}
	for _, a := range all {
		if err := e.found(diagnosis{check, a.status, a.what, a.fix}); err != nil {
			return err
		}
	}
	return e.found(diagnosis{check, statusNote, "whether it may read a value shows at the first yes: none was read", ""})
}

// values says which values look wrong, and which nothing masks, by name.
func (e *examination) values() error {
	const check = "values"
	if there, err := e.read(check); !there {
		return err
	}
	judge := e.q.judge()
	var bare, wrong []string
	for _, v := range e.snapshot.Views {
		for _, entry := range v.Entries {
			name := v.Place.String() + "/" + entry.Ref.Name()
			problems, err := e.q.deps.Problems(v, entry)
			if err != nil {
				return err
			}
			if len(problems) > 0 {
				wrong = append(wrong, name)
			} else if judge.judge(entry) == cannotMask {
				bare = append(bare, name)
			}
		}
	}
	if len(wrong) > 0 {
		if err := e.found(diagnosis{check, statusProblem, "look wrong: " + some(wrong), "scrim check says what is wrong with each"}); err != nil {
			return err
		}
	}
	if len(bare) > 0 {
		return e.found(diagnosis{check, statusProblem, string(cannotMask) + " (" + weakness + "): " + some(bare), "make them longer, or, where they are no secrets, add their names to public under [redact] in " + e.q.userFile()})
	}
	if len(wrong) > 0 {
		return nil
	}
	return e.ok(check, "all that could be read look right and can be masked")
}

// clients says which MCP clients start this scrim here.
func (e *examination) clients() error {
	const check = "clients"
	s, err := newSite(e.c)
	if err != nil {
		return e.unknown(check, err.Error())
	}
	starts, err := findStarts()
	if err != nil {
		return e.unknown(check, err.Error())
	}
	clients := (&InitCmd{}).clients(e.c, s)
	if len(clients) == 0 {
		return e.found(diagnosis{check, statusNote, "there is no trace of an MCP client that scrim knows", "scrim init --client NAME registers one: " + clientNames()})
	}
	for i, f := range s.registrations(e.c, starts, clients) {
		if err := e.found(clientDiagnosis(check, clients[i], f)); err != nil {
			return err
		}
	}
	return nil
}

func clientDiagnosis(check string, client setup.Client, f planned) diagnosis {
	fix := "scrim init --client " + client.ID
	switch {
	case f.err != nil:
		return diagnosis{check, statusProblem, fmt.Sprintf("%s: %s: %v", client.Title, f.shown, cause(f.err)), "mend the file, then " + fix}
	case len(f.edits) > 0:
		return diagnosis{check, statusProblem, fmt.Sprintf("%s does not start this scrim (%s)", client.Title, f.shown), fix}
	case f.note != "":
		return diagnosis{check, statusNote, fmt.Sprintf("%s starts scrim (%s): %s", client.Title, f.shown, f.note), ""}
	default:
		return diagnosis{check, statusOK, fmt.Sprintf("%s starts scrim (%s)", client.Title, f.shown), ""}
	}
}

// instructions says whether agents are told how scrim is used.
func (e *examination) instructions() error {
	const check = "instructions"
	s, err := newSite(e.c)
	if err != nil {
		return e.unknown(check, err.Error())
	}
	for _, f := range s.teaching() {
		finding := diagnosis{check, statusOK, f.shown + " tells agents how to use scrim", ""}
		switch {
		case f.err != nil:
			finding = diagnosis{check, statusProblem, fmt.Sprintf("%s: %v", f.shown, cause(f.err)), "mend the file, then scrim init"}
		case len(f.edits) > 0:
			finding = diagnosis{check, statusNote, f.shown + " does not tell agents what this scrim would", "scrim init"}
		}
		if err := e.found(finding); err != nil {
			return err
		}
	}
	return nil
}

// keychain says whether agents find their login, where it lies in the keychain of
// macOS. Elsewhere there is nothing to say.
func (e *examination) keychain() error {
	const check = "keychain"
	k := keychain.New(keychain.Options{LookPath: exec.LookPath, Environ: os.Environ()})
	state, err := k.State(e.c.ctx)
	switch state {
	case keychain.Absent:
		return nil
	case keychain.Unlocked:
		return e.ok(check, "it is unlocked, so that agents find their login in it")
	case keychain.Locked:
		return e.found(diagnosis{check, statusNote, "it is locked, as it is over SSH: scrim run asks for its password before it starts " + some(e.q.cfg.Run.Keychain), "security unlock-keychain, for a program that is started without scrim run"})
	default:
		return e.unknown(check, fmt.Sprintf("whether it is locked: %v", err))
	}
}

// envFiles looks for .env files in the repository and in its history, by name.
func (e *examination) envFiles() error {
	const check = ".env files"
	s, err := newSite(e.c)
	if err != nil {
		return e.unknown(check, err.Error())
	}
	if !slices.ContainsFunc([]string{settingsFile, ".git"}, func(name string) bool { return there(filepath.Join(s.root, name)) }) {
		return e.unknown(check, "not looked for: this is no repository (there is neither .git nor scrim.toml)")
	}
	waited := sayIfSlow(e.c.stderr, "looking through the repository …")
	defer waited()
	if err := e.lying(check, s.root); err != nil {
		return err
	}
	return e.committed(check, s.root)
}

func (e *examination) lying(check, root string) error {
	files, unread, err := dotenv.Lying(e.c.ctx, root)
	if err != nil {
		return e.unknown(check, err.Error())
	}
	if len(unread) > 0 {
		if err := e.unknown(check, "could not be looked into: "+some(unread)); err != nil {
			return err
		}
	}
	if len(files) > 0 {
		return e.found(diagnosis{check, statusProblem, "lie here, where agents read them: " + some(files), "put their values into the store, remove them, and start programs with scrim run"})
	}
	return e.ok(check, "none lies in the repository")
}

func (e *examination) committed(check, root string) error {
	names, err := dotenv.Committed(e.c.ctx, root)
	switch {
	case errors.Is(err, dotenv.ErrNoGit):
		return e.found(diagnosis{check, statusNote, err.Error(), ""})
	case err != nil:
		return e.unknown(check, err.Error())
	case len(names) > 0:
		return e.found(diagnosis{check, statusProblem, "in the git history: " + some(names), "replace the secrets that were in them: whoever has a clone has them"})
	default:
		return e.ok(check, "none is in the git history")
	}
}

// approver says whether somebody can prove to be there, and so how hard a yes is
// to fake.
func (e *examination) approver() error {
	const check = "approval"
	if e.configured && e.q.cfg.Verifier != "" {
		return e.verifier(check, e.q.cfg.Verifier)
	}
	enrolled, err := loadApprover(e.c)
	if err == nil {
		_, err = enrolled.State()
	}
	if mistake, ok := errors.AsType[*ownfile.Error](err); ok {
		return e.found(diagnosis{check, statusProblem, mistake.Where + ": " + mistake.Problem, mistake.Next})
	}
	if gone, ok := errors.AsType[*approver.GoneError](err); ok {
		return e.found(diagnosis{check, statusProblem, gone.Error(), "until then no value of production's vault is given"})
	}
	if err != nil {
		return e.found(diagnosis{check, statusProblem, err.Error(), "until it can be read, no value of production's vault is given"})
	}
	factors := enrolled.Factors()
	if len(factors) == 0 {
		return e.found(diagnosis{check, statusNote, "nobody is enrolled: the yes of the MCP client is enough for every vault, and a client that cannot ask gets none", "scrim enroll"})
	}
	kinds := make([]string, len(factors))
	for i, f := range factors {
		kinds[i] = f.Kind
	}
	return e.ok(check, "a yes can be proved (%s), and for production's vault must be", strings.Join(kinds, ", "))
}

// trail follows the audit trail's chain.
func (e *examination) trail() error {
	const check = "audit trail"
	home, _ := os.UserHomeDir()
	path := audit.DefaultPath(e.c.getenv, home)
	sum, err := audit.Verify(path)
	switch {
	case path == "":
		return e.found(diagnosis{check, statusProblem, "it has no place, so that no vault value is given", "set HOME or XDG_STATE_HOME"})
	case errors.Is(err, fs.ErrNotExist):
		return e.ok(check, "nothing is on record yet (%s)", path)
	case err != nil:
		return e.found(diagnosis{check, statusProblem, fmt.Sprintf("%s: %v", path, err), "scrim log --verify says where; keep the file, and find out who wrote to it"})
	}
	if err := audit.New(path).Check(); err != nil {
		return e.found(diagnosis{check, statusProblem, fmt.Sprintf("%s cannot be written, so that no vault value is given: %v", path, err), "chmod 600 " + path})
	}
	return e.ok(check, "%s, chain intact (%s)", count(sum.Records, "record"), path)
}

// verifier says whether the other user who decides is there, and can be believed.
// Nothing is asked.
func (e *examination) verifier(check, socket string) error {
	who, err := outpost.New(socket, e.q.deps.Log).Who()
	if err != nil {
		return e.found(diagnosis{check, statusProblem, err.Error(), "mend that, or remove verifier under [approval] from your scrim/config.toml; until then no value of production's vault is given"})
	}
	return e.ok(check, "another user decides, %s, at %s, and for production's vault alone can", who, socket)
}
