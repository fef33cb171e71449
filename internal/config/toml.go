package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"scrim/internal/secret"
)

// document is what scrim.toml and the user's file hold.
type document struct {
	Project   string `toml:"project"`
	ProjectID string `toml:"project_id"`
	SiteURL   string `toml:"site_url"`
	Env       struct {
		Default string `toml:"default"`
	} `toml:"env"`
	Paths struct {
		Vault   string `toml:"vault"`
		Staging string `toml:"staging"`
		Shared  string `toml:"shared"`
	} `toml:"paths"`
	Types    map[string]string     `toml:"types"`
	Projects map[string]registered `toml:"projects"`
	Shared   struct {
		Except map[string][]string `toml:"except"`
	} `toml:"shared"`
	Redact struct {
		Public []string `toml:"public"`
	} `toml:"redact"`
	Policy   map[string]any `toml:"policy"` // see policy.go
	Agent    []string       `toml:"agent"`
	Approval struct {
		Verifier string `toml:"verifier"`
		Browser  *bool  `toml:"browser"` // nil: yes
	} `toml:"approval"`
	Run struct {
		Allow    []string `toml:"allow"`
		Keychain []string `toml:"keychain"`
		Strict   bool     `toml:"strict"`
	} `toml:"run"`
	Identity struct {
		loginKeys
		Vault loginKeys `toml:"vault"`
	} `toml:"identity"`
}

// loginKeys is what a table that configures a login holds.
type loginKeys struct {
	Method        string `toml:"method"`
	IdentityID    string `toml:"identity_id"`
	TokenFile     string `toml:"token_file"`
	TokenVariable string `toml:"token_variable"`
	Resource      string `toml:"resource"`
	ClientID      string `toml:"client_id"`
	File          string `toml:"file"` // of [identity.vault] alone
}

// registered is what the user's file says about one project.
type registered struct {
	Path              string         `toml:"path"`
	VaultEnvironments []string       `toml:"vault_environments"`
	Policy            map[string]any `toml:"policy"`
}

// file is a document and the position of each key in it. The zero file is one
// that does not exist.
type file struct {
	path string // as errors name it
	doc  document
	at   map[string]string // dotted key to "path:line:column"
}

func (f file) project() setting     { return f.origin("project").with(f.doc.Project) }
func (f file) projectID() setting   { return f.origin("project_id").with(f.doc.ProjectID) }
func (f file) siteURL() setting     { return f.origin("site_url").with(f.doc.SiteURL) }
func (f file) environment() setting { return f.origin("env", "default").with(f.doc.Env.Default) }
func (f file) vault() setting       { return f.origin("paths", "vault").with(f.doc.Paths.Vault) }
func (f file) staging() setting     { return f.origin("paths", "staging").with(f.doc.Paths.Staging) }
func (f file) shared() setting      { return f.origin("paths", "shared").with(f.doc.Paths.Shared) }

func (f file) projectPath(name string) setting {
	return f.origin("projects", name, "path").with(f.doc.Projects[name].Path)
}

// origin returns a setting without a value, stated where the file has the key.
func (f file) origin(key ...string) setting { return setting{origin: f.at[strings.Join(key, ".")]} }

func (s setting) with(value string) setting {
	s.value = value
	return s
}

// parse reads data, the content of the file at path. A repository's file may
// say less than the user's own.
func parse(path string, data []byte, users bool) (file, error) {
	f := file{path: path, at: map[string]string{}}
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&f.doc)
	if decode, ok := errors.AsType[*toml.DecodeError](err); ok && !isStrict(err) {
		return file{}, decodeError(path, decode)
	}
	// The decoder takes a key in any case and loses the outer part of a key in
	// an inline table, so the keys are walked whether it complains or not.
	if err := f.walk(data, users); err != nil {
		return file{}, err
	}
	if err != nil {
		return file{}, &Error{path, "the file has a key or a value that scrim does not know", "compare it with the documentation"}
	}
	if err := f.checkProjects(); err != nil {
		return file{}, err
	}
	for _, check := range []func() error{f.checkPublic, f.checkRun, f.checkShared, f.checkTypes, f.identityTable().check, f.vaultTable().check, f.checkPolicy, f.checkApproval} {
		if err := check(); err != nil {
			return file{}, err
		}
	}
	return f, nil
}

func isStrict(err error) bool {
	_, ok := errors.AsType[*toml.StrictMissingError](err)
	return ok
}

// decodeError says what is wrong at a place, without the library's own words,
// which can quote the file.
func decodeError(path string, err *toml.DecodeError) *Error {
	row, column := err.Position()
	where := fmt.Sprintf("%s:%d:%d", path, row, column)
	key := []string(err.Key())
	switch {
	case len(key) == 0:
		return &Error{where, "this is not valid TOML", "check quotes, brackets and equals signs there"}
	case strings.Contains(err.Error(), "already"):
		return &Error{where, printable(key) + " is set twice", "remove one of the two"}
	}
	if rule, ok := ruleFor(key); ok && rule.holds != "" {
		return &Error{where, printable(key) + " must be " + rule.holds, "write it as one"}
	}
	return &Error{where, printable(key) + " holds a value of the wrong type", "compare it with the documentation"}
}

// walk notes where each key is and returns an error for the first one that
// does not belong there.
func (f file) walk(data []byte, users bool) error {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	for p.NextExpression() {
		node := p.Expression()
		var err error
		if node.Kind == unstable.KeyValue {
			err = f.walkValue(&p, node, table, users)
		} else {
			table = keyOf(node) // a table, or one of an array
			err = f.note(&p, node, table, users)
		}
		if err != nil {
			return err
		}
	}
	if p.Error() != nil {
		return &Error{f.path, "this is not valid TOML", "check quotes, brackets and equals signs there"}
	}
	return nil
}

// walkValue notes the key of a key-value node and those of an inline table.
func (f file) walkValue(p *unstable.Parser, node *unstable.Node, table []string, users bool) error {
	key := append(append([]string{}, table...), keyOf(node)...)
	if err := f.note(p, node, key, users); err != nil {
		return err
	}
	if node.Value().Kind != unstable.InlineTable {
		return nil
	}
	for it := node.Value().Children(); it.Next(); {
		if err := f.walkValue(p, it.Node(), key, users); err != nil {
			return err
		}
	}
	return nil
}

func keyOf(node *unstable.Node) []string {
	var key []string
	for it := node.Key(); it.Next(); {
		key = append(key, string(it.Node().Data))
	}
	return key
}

// note checks that key may stand in this file, and keeps its position.
func (f file) note(p *unstable.Parser, node *unstable.Node, key []string, users bool) error {
	it := node.Key()
	it.Next()
	start := p.Shape(it.Node().Raw).Start
	where := fmt.Sprintf("%s:%d:%d", f.path, start.Line, start.Column)
	rule, ok := ruleFor(key)
	switch {
	case !ok:
		key = unknownPart(key)
		return &Error{where, "scrim does not know " + printable(key), suggestion(key)}
	case rule.userOnly && !users:
		return &Error{where, "a file in a repository may not set " + printable(key), "remove it here, and set it in your own scrim/config.toml if you need it"}
	case rule.nothing != "":
		return &Error{where, printable(key) + " " + rule.nothing, rule.instead}
	}
	f.at[strings.Join(key, ".")] = where
	return nil
}

// unknownPart cuts an unknown key after the first of its parts that makes it so.
func unknownPart(key []string) []string {
	for n := range len(key) {
		if _, ok := ruleFor(key[:n+1]); !ok {
			return key[:n+1]
		}
	}
	return key
}

// suggestion is the next step for an unknown key.
func suggestion(key []string) string {
	if near := nearest(key); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	last := len(key) - 1
	if last > 0 && key[last-1] == "policy" && patternOf(key)[0] != "types" && printable(key) != "this key" {
		return fmt.Sprintf("did you mean %q?", printable(slices.Insert(slices.Clone(key), last, "vault")))
	}
	return "remove it"
}

// checkProjects checks the registry, every project of it, so that a mistake
// shows before the day on which it matters.
func (f file) checkProjects() error {
	for _, name := range slices.Sorted(maps.Keys(f.doc.Projects)) {
		project := f.doc.Projects[name]
		at := f.origin("projects", name).or(f.path)
		if !isProjectName(name) {
			return &Error{at, "a project's name has letters, digits, '_' and '-'", "rename it"}
		}
		if s := f.projectPath(name); s.stated() {
			if err := secret.CheckPath(project.Path); err != nil {
				return &Error{s.origin, err.Error(), "write a path such as /" + name}
			}
		}
		for _, env := range project.VaultEnvironments {
			if err := secret.CheckEnvironment(env); err != nil {
				return &Error{f.origin("projects", name, "vault_environments").or(at), err.Error(), "write slugs such as dev"}
			}
		}
	}
	return nil
}

// checkPublic checks the names whose values are not secret. A name that cannot
// be one would exempt nothing, and its author would not know.
func (f file) checkPublic() error {
	for _, name := range f.doc.Redact.Public {
		if err := secret.CheckName(name); err != nil {
			return &Error{f.origin("redact", "public").or(f.path), err.Error(), "write exact names such as AWS_REGION"}
		}
	}
	return nil
}

// checkShared checks which copies are not held to the shared source.
func (f file) checkShared() error {
	for _, project := range slices.Sorted(maps.Keys(f.doc.Shared.Except)) {
		at := f.origin("shared", "except", project).or(f.path)
		if !isProjectName(project) {
			return &Error{at, "a project's name has letters, digits, '_' and '-'", `write it as alpha = ["NAME"]`}
		}
		for _, name := range f.doc.Shared.Except[project] {
			if err := secret.CheckName(name); err != nil {
				return &Error{at, err.Error(), "write exact names such as SMTP_URL"}
			}
		}
	}
	return nil
}

// checkRun checks what `scrim run` starts, which names it may not refuse, and
// which programs keep their login in the keychain.
func (f file) checkRun() error {
	if at := f.origin("agent"); at.stated() && (len(f.doc.Agent) == 0 || f.doc.Agent[0] == "") {
		return &Error{at.origin, "agent is the command that `scrim run` starts, and it is empty", `write it as agent = ["claude"]`}
	}
	for _, name := range f.doc.Run.Allow {
		if err := secret.CheckName(name); err != nil {
			return &Error{f.origin("run", "allow").or(f.path), err.Error(), "write exact names such as NODE_OPTIONS"}
		}
	}
	for _, name := range f.doc.Run.Keychain {
		if name == "" || strings.ContainsAny(name, `/\`) {
			return &Error{f.origin("run", "keychain").or(f.path), "a program is named without its folder", "write names such as claude"}
		}
	}
	return nil
}

// checkApproval checks where another user's verifier is.
func (f file) checkApproval() error {
	at := f.origin("approval", "verifier")
	if path := f.doc.Approval.Verifier; at.stated() && (!filepath.IsAbs(path) || filepath.Clean(path) != path) {
		return &Error{at.origin, "approval.verifier is not an absolute path", "write the path of the socket of scrim approvals --serve, from / on"}
	}
	return nil
}

// opensBrowser reports whether nothing speaks against it.
func (f file) opensBrowser() bool { return f.doc.Approval.Browser == nil || *f.doc.Approval.Browser }

// checkTypes checks the declared types. A type that scrim does not know would
// check nothing.
func (f file) checkTypes() error {
	for _, name := range slices.Sorted(maps.Keys(f.doc.Types)) {
		at := f.origin("types", name).or(f.path)
		if err := secret.CheckName(name); err != nil {
			return &Error{at, err.Error(), "write the exact name of a secret"}
		}
		_, err := secret.ParseType(f.doc.Types[name])
		switch {
		case errors.Is(err, secret.ErrUnknownType):
			return &Error{at, printable([]string{"types", name}) + " is of a type that scrim does not know", "write one of " + strings.Join(secret.TypeForms(), ", ")}
		case err != nil:
			return &Error{at, printable([]string{"types", name}) + " has a type with something else behind the colon than belongs there", err.Error()}
		}
	}
	return nil
}
