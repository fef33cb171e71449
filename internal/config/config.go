// Package config decides, when a process starts, what scrim may look at, on
// which site and with which credentials.
//
// A setting comes from the first of: a flag, the environment, the repository's
// scrim.toml, the user's scrim/config.toml, a default. The repository's file
// can be written by an agent, so it chooses among things that the user's own
// files allow and never adds to them.
package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"scrim/internal/secret"
	"scrim/policy"
)

// defaultEnvironment is what a process looks at when nobody says; its vault
// stays closed until somebody does.
const defaultEnvironment = "prod"

// Input is all that Load looks at.
type Input struct {
	Getenv func(string) string
	Dir    string // absolute; scrim.toml is looked for here and upwards
	Home   string // absolute; empty where the user has none
	Flags  Flags
	// Session is the scope of the launched agent that this process belongs to, or
	// nil. It is the process's scope: whoever asks for another is refused.
	Session *secret.Scope
	// LookPath finds a program as exec.LookPath does. Where it is nil, the login
	// of the Infisical CLI is not looked for.
	LookPath func(name string) (string, error)
}

// Flags are the settings that a command line can state; empty ones state
// nothing.
type Flags struct {
	Project   string // --project
	ProjectID string // --project-id
	Env       string // --env
}

// Config is what a process is bound to for as long as it runs.
type Config struct {
	Scope       secret.Scope
	Credentials Credentials // the first of Identities.Candidates
	Identities  Identities
	Vault       VaultIdentity // as whom the vault is read after a yes
	// Verifier is the socket of another user, who alone proves that a person is
	// there; empty: this user does. Only the user's own file can say it.
	Verifier string
	// Browser is whether a question's page may be opened in the person's browser
	// without a word. Only the user's own file can say no.
	Browser  bool
	Log      Log
	Redact   Redact
	Run      Run
	Types    map[string]secret.Type // what values are declared to be, by name
	OwnTypes map[string]secret.Type // those of Types that the user's own file declares
	Policy   []policy.Rule          // what narrows the policy, in both files
	UserFile string                 // where the user's own file is, or would be; empty where the user has no place for one
	origins  map[string]string
}

// Redact is what the user says of masking. Only the user's own file can say it.
type Redact struct {
	// Public is the names whose values are no secrets, such as a region, in
	// every project: sorted, each once.
	Public []string
}

// Run is what the user says of `scrim run`. Only the user's own file can say it.
type Run struct {
	Agent []string // the command that is started where the command line names none
	// Allow is the names that are put into an agent's environment although they
	// change how programs load or run code.
	Allow []string
	// Keychain is the programs, by base name, that keep their login in the macOS
	// keychain, which is locked over SSH. It is empty where the user turned that off.
	Keychain []string
	// Strict starts nothing where something is wrong with a secret.
	Strict bool
}

// Origin says where a setting came from: a flag, a variable, a file's
// "path:line:column", or "default". The settings are those of Settings; an
// unknown one has no origin. A declared type is "types.NAME".
func (c Config) Origin(setting string) string { return c.origins[setting] }

// VaultTypes returns Types for what lies in a vault. What a repository's file has
// behind a colon is not asked there: an agent can write that file, and could look
// for a value that nobody lit, answer by answer.
func (c Config) VaultTypes() map[string]secret.Type {
	types := BareTypes(c.Types)
	maps.Copy(types, c.OwnTypes)
	return types
}

// BareTypes returns types without their parameters, which are not for agents.
func BareTypes(types map[string]secret.Type) map[string]secret.Type {
	bare := make(map[string]secret.Type, len(types))
	for name, t := range types {
		bare[name] = t.Bare()
	}
	return bare
}

// Settings lists the names that Origin knows, in the order in which people
// read them.
func Settings() []string {
	return []string{
		"site_url", "project_id", "project", "path", "env",
		"paths.vault", "paths.staging", "paths.shared", "vault_environments", "types", "redact.public", "agent", "run.allow", "run.keychain", "run.strict", "credentials",
	}
}

// Load reads the configuration. What it refuses is an *Error. Missing
// credentials are not refused: they are of the kind NoCredentials and say why.
func Load(in Input) (Config, error) {
	log, err := ParseLog(in.Getenv)
	if err != nil {
		return Config{}, err
	}
	l, err := newLoader(in)
	if err != nil {
		return Config{}, err
	}
	scope, err := l.scope()
	if err != nil {
		return Config{}, err
	}
	return l.bind(scope, log)
}

// bind settles what a process on scope is bound to: the site, and as whom.
func (l *loader) bind(scope secret.Scope, log Log) (Config, error) {
	identities, err := l.identities()
	if err != nil {
		return Config{}, err
	}
	credentials := identities.first()
	l.origins["credentials"] = credentials.Source
	if scope.Site, err = l.siteOf(scope, credentials); err != nil {
		return Config{}, err
	}
	credentials.Site = scope.Site
	vault, err := l.vaultIdentity()
	if err != nil {
		return Config{}, err
	}
	rules, err := l.policyRules(scope)
	if err != nil {
		return Config{}, err
	}
	types, own := l.types()
	return Config{
		Scope: scope, Credentials: credentials, Identities: l.atSite(identities, scope.Site), Vault: vault, Verifier: l.user.doc.Approval.Verifier, Browser: l.user.opensBrowser(), Log: log,
		Redact: l.redact(), Run: l.run(), Types: types, OwnTypes: own, Policy: rules, UserFile: l.userFilePath(), origins: l.origins,
	}, nil
}

// LoadScope returns what a process would look at on site, whoever it speaks as.
func LoadScope(in Input, site string) (secret.Scope, error) {
	l, err := newLoader(in)
	if err != nil {
		return secret.Scope{}, err
	}
	scope, err := l.scope()
	scope.Site = site
	return scope, err
}

// newLoader reads the user's file and the repository's.
func newLoader(in Input) (*loader, error) {
	l := &loader{in: in, origins: map[string]string{}}
	var err error
	if l.user, err = l.readUserFile(); err != nil {
		return nil, err
	}
	l.repo, err = l.readRepoFile()
	return l, err
}

// loader gathers settings, and where each came from.
type loader struct {
	in         Input
	repo, user file
	origins    map[string]string
}

// setting is one value and the place that states it. Nobody states the zero
// setting.
type setting struct{ value, origin string }

func (s setting) stated() bool { return s.origin != "" }

// env returns the setting that the variable called name states. An empty
// variable states nothing.
func (l *loader) env(name string) setting {
	if value := l.in.Getenv(name); value != "" {
		return setting{value, name}
	}
	return setting{}
}

func flag(name, value string) setting {
	if value == "" {
		return setting{}
	}
	return setting{value, name}
}

func first(settings ...setting) setting {
	for _, s := range settings {
		if s.stated() {
			return s
		}
	}
	return setting{}
}

// scope fills in everything but the site.
func (l *loader) scope() (secret.Scope, error) {
	if l.in.Session != nil {
		return l.sessionScope(*l.in.Session)
	}
	project, err := l.project()
	if err != nil {
		return secret.Scope{}, err
	}
	id, err := l.projectID()
	if err != nil {
		return secret.Scope{}, err
	}
	environment, stated, err := l.environment()
	if err != nil {
		return secret.Scope{}, err
	}
	return l.scopeOf(project, secret.Scope{ProjectID: id, Environment: environment, Stated: stated})
}

// scopeOf returns the scope of a project, the rest of which is as in base.
func (l *loader) scopeOf(project string, base secret.Scope) (secret.Scope, error) {
	paths, err := l.layout(project)
	if err != nil {
		return secret.Scope{}, err
	}
	return secret.Scope{
		Site:              base.Site,
		ProjectID:         base.ProjectID,
		Environment:       base.Environment,
		Stated:            base.Stated,
		Project:           project,
		Path:              paths.project,
		VaultPath:         paths.vault,
		VaultEnvironments: l.vaultEnvironments(project),
		StagingPath:       paths.staging,
		SharedPath:        paths.shared,
		SharedStated:      paths.shared != "" && l.origins["paths.shared"] != byDefault,
	}, nil
}

func (l *loader) project() (string, error) {
	s, err := l.statedProject()
	if err != nil {
		return "", err
	}
	if !s.stated() {
		return "", &Error{
			Where:   "project",
			Problem: "nothing says which project this is",
			Next:    `set SCRIM_PROJECT, or write project = "NAME" in ` + filepath.Join(l.in.Dir, repoFileName),
		}
	}
	l.origins["project"] = s.origin
	return s.value, nil
}

// statedProject returns the project that somebody states, if anybody does.
func (l *loader) statedProject() (setting, error) {
	s := first(flag("--project", l.in.Flags.Project), l.env("SCRIM_PROJECT"), l.repo.project(), l.user.project())
	if s.stated() && !isProjectName(s.value) {
		return setting{}, &Error{s.origin, "a project's name has letters, digits, '_' and '-', and is no path", "write a name such as alpha"}
	}
	return s, nil
}

func (l *loader) projectID() (string, error) {
	s, err := l.statedProjectID()
	if err != nil {
		return "", err
	}
	if !s.stated() {
		return "", &Error{
			Where:   "project id",
			Problem: "nothing says which Infisical project to read",
			Next:    "set SCRIM_PROJECT_ID, or project_id in scrim.toml, to the id that Infisical shows in the project's settings",
		}
	}
	l.origins["project_id"] = s.origin
	return s.value, nil
}

// statedProjectID returns the id that somebody states, if anybody does.
func (l *loader) statedProjectID() (setting, error) {
	s := first(flag("--project-id", l.in.Flags.ProjectID), l.env("SCRIM_PROJECT_ID"), l.repo.projectID(), l.user.projectID())
	if !s.stated() {
		var err error
		if s, err = l.infisicalProjectID(); err != nil {
			return setting{}, err
		}
	}
	if s.stated() && !isProjectID(s.value) {
		return setting{}, &Error{s.origin, "an Infisical project id has letters, digits, '_' and '-'", "copy it from the project's settings in Infisical"}
	}
	return s, nil
}

func (l *loader) environment() (slug string, stated bool, err error) {
	s := first(flag("--env", l.in.Flags.Env), l.env("PROJECT_ENV"), l.repo.environment(), l.user.environment())
	if !s.stated() {
		l.origins["env"] = byDefault
		return defaultEnvironment, false, nil
	}
	if err := secret.CheckEnvironment(s.value); err != nil {
		return "", false, &Error{s.origin, err.Error(), "write a slug such as dev"}
	}
	l.origins["env"] = s.origin
	return s.value, true, nil
}

func (l *loader) vaultEnvironments(project string) []string {
	l.origins["vault_environments"] = l.user.origin("projects", project, "vault_environments").or(byDefault)
	return l.user.doc.Projects[project].VaultEnvironments
}

func (l *loader) redact() Redact {
	l.origins["redact.public"] = l.user.origin("redact", "public").or(byDefault)
	return Redact{Public: slices.Compact(slices.Sorted(slices.Values(l.user.doc.Redact.Public)))}
}

func (l *loader) run() Run {
	l.origins["agent"] = l.user.origin("agent").or(byDefault)
	l.origins["run.allow"] = l.user.origin("run", "allow").or(byDefault)
	l.origins["run.keychain"] = l.user.origin("run", "keychain").or(byDefault)
	l.origins["run.strict"] = l.user.origin("run", "strict").or(byDefault)
	said := l.user.doc.Run
	run := Run{Agent: l.user.doc.Agent, Allow: said.Allow, Keychain: said.Keychain, Strict: said.Strict}
	if !l.user.origin("run", "keychain").stated() {
		run.Keychain = []string{"claude"}
	}
	return run
}

// types gathers the declared types of both files, and those of the user's own. The user's own win, so that a
// repository cannot undo a check that a person wants. The origin of the setting
// is that of the first name. Inside a session an agent may be asking, so that
// types have no parameters there.
func (l *loader) types() (types, own map[string]secret.Type) {
	types, own = map[string]secret.Type{}, map[string]secret.Type{}
	l.origins["types"] = byDefault
	for _, f := range []file{l.repo, l.user} {
		for name, typ := range f.doc.Types {
			types[name], _ = secret.ParseType(typ) // checkTypes has
			if l.in.Session != nil {
				types[name] = types[name].Bare()
			}
			l.origins["types."+name] = f.origin("types", name).or(f.path)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(types))[:min(1, len(types))] {
		l.origins["types"] = l.origins["types."+name]
	}
	for name := range l.user.doc.Types {
		own[name] = types[name]
	}
	return types, own
}

// or returns the origin of s, or fallback where nobody states s.
func (s setting) or(fallback string) string {
	if s.stated() {
		return s.origin
	}
	return fallback
}

// Error is a mistake in what scrim was told. It is one sentence: where it is,
// what is wrong there, what to do. It never holds what was read from a file or
// a variable, but for names, paths and sites that were found to be such.
type Error struct {
	Where   string // a flag, a variable, a file, or a file's path:line:column
	Problem string
	Next    string
}

// Error returns the sentence.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Where, e.Problem, e.Next) }
