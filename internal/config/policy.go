package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"

	"scrim/internal/secret"
	"scrim/policy"
)

// minTTL is the least time that a yes can wait to be picked up: with less nobody
// would get what a person said yes to.
const minTTL = time.Second

// policyRules returns the rules of both files for scope. The stricter wins,
// whichever file it is from, so that nothing here has to take care of order. A rule
// about a project or an environment of this name in another case is a mistake: it
// would narrow nothing.
func (l *loader) policyRules(scope secret.Scope) ([]policy.Rule, error) {
	for _, name := range slices.Sorted(maps.Keys(l.user.doc.Projects)) {
		rules, _ := l.user.policiesAt("projects", name, "policy") // what is wrong in it kept the file from being read
		if inOtherCase(name, scope.Project) && len(rules) > 0 {
			return nil, &Error{rules[0].Origin, "this is about another project than " + scope.Project, fmt.Sprintf("did you mean %q?", "projects."+scope.Project)}
		}
	}
	var all []policy.Rule
	for _, table := range []struct {
		file
		key []string
	}{{l.user, []string{"policy"}}, {l.user, []string{"projects", scope.Project, "policy"}}, {l.repo, []string{"policy"}}} {
		rules, _ := table.policiesAt(table.key...)
		for _, r := range rules {
			for _, environment := range append([]string{scope.Environment}, scope.VaultEnvironments...) {
				if inOtherCase(r.Environment, environment) {
					return nil, &Error{r.Origin, "this is about another environment than " + environment, fmt.Sprintf("did you mean %q?", "policy.vault."+environment)}
				}
			}
		}
		all = append(all, table.policyRules(l.displayed(table.path), table.key...)...)
	}
	return all, nil
}

// inOtherCase reports whether two names differ in nothing but case.
func inOtherCase(name, other string) bool { return name != other && strings.EqualFold(name, other) }

// displayed names a file in few words: a repository's by its name, the user's own
// from the home directory.
func (l *loader) displayed(path string) string {
	if path == l.repo.path {
		return filepath.Base(path)
	}
	if below, err := filepath.Rel(l.in.Home, path); l.in.Home != "" && err == nil && filepath.IsLocal(below) {
		return "~/" + filepath.ToSlash(below)
	}
	return path
}

// policyRules returns the rules of the table under key. What is wrong in it kept
// the file from being read.
func (f file) policyRules(name string, key ...string) []policy.Rule {
	rules, _ := f.policiesAt(key...)
	for i, r := range rules {
		rules[i].Origin = name + strings.TrimPrefix(withoutColumn(r.Origin), f.path)
	}
	return rules
}

// withoutColumn returns "path:line" of "path:line:column".
func withoutColumn(where string) string { return where[:max(0, strings.LastIndexByte(where, ':'))] }

// checkPolicy checks every table of policy in the file, also those of projects
// that are none of today's.
func (f file) checkPolicy() error {
	if _, err := f.policiesAt("policy"); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(f.doc.Projects)) {
		if _, err := f.policiesAt("projects", name, "policy"); err != nil {
			return err
		}
	}
	return nil
}

// policiesAt returns the rules of the table under key, each with its whole
// position for an origin.
func (f file) policiesAt(key ...string) ([]policy.Rule, error) {
	table := f.doc.Policy
	if len(key) > 1 {
		table = f.doc.Projects[key[1]].Policy
	}
	key = append(slices.Clone(key), "vault")
	vault, ok := table["vault"].(map[string]any)
	if !ok && table["vault"] != nil {
		return nil, f.mistake(key, "must be a table", "write it as one")
	}
	rules, err := f.fields(vault, "", key)
	for _, environment := range slices.Sorted(maps.Keys(vault)) {
		if isPolicyField(environment) || err != nil {
			continue
		}
		var more []policy.Rule
		more, err = f.environmentRules(vault[environment], environment, append(slices.Clone(key), environment))
		rules = append(rules, more...)
	}
	if err != nil {
		return nil, err
	}
	return rules, nil
}

// environmentRules returns the rules of the table under key, which is that of an
// environment.
func (f file) environmentRules(value any, environment string, key []string) ([]policy.Rule, error) {
	table, ok := value.(map[string]any)
	if !ok {
		return nil, &Error{f.where(key), "scrim does not know " + printable(key), suggestion(key)}
	}
	if err := secret.CheckEnvironment(environment); err != nil {
		return nil, &Error{f.where(key), err.Error(), "write a slug such as dev"}
	}
	if meant := f.misspelt(environment); meant != "" {
		return nil, &Error{f.where(key), printable(key) + " is of no environment that is likely to be", fmt.Sprintf("did you mean %q?", meant)}
	}
	return f.fields(table, environment, key)
}

// misspelt returns the environment that slug is likely to be meant for: one with
// the same letters in another case or order.
func (f file) misspelt(slug string) string {
	likely := []string{"dev", "development", "test", "staging", "prod", "production", f.doc.Env.Default}
	for _, project := range f.doc.Projects {
		likely = append(likely, project.VaultEnvironments...)
	}
	if slices.Contains(likely, slug) {
		return ""
	}
	letters := func(s string) string { return string(slices.Sorted(slices.Values([]byte(strings.ToLower(s))))) }
	i := slices.IndexFunc(likely, func(known string) bool { return letters(known) == letters(slug) })
	if i < 0 {
		return ""
	}
	return likely[i]
}

// fields returns a rule for each field of a table.
func (f file) fields(table map[string]any, environment string, key []string) ([]policy.Rule, error) {
	var rules []policy.Rule
	for _, field := range policy.Fields() {
		value, ok := table[field.String()]
		if !ok {
			continue
		}
		at := append(slices.Clone(key), field.String())
		rule, err := f.rule(field, value, at)
		if err != nil {
			return nil, err
		}
		rule.Field, rule.Environment, rule.Origin = field, environment, f.where(at)
		rules = append(rules, rule)
	}
	return rules, nil
}

// rule returns what value says of field.
func (f file) rule(field policy.Field, value any, key []string) (policy.Rule, error) {
	var r policy.Rule
	var err error
	switch field {
	case policy.FieldEffect:
		r.Effect, err = f.effect(value, key)
	case policy.FieldStrength:
		r.Strength, err = f.strength(value, key)
	case policy.FieldDeliveries:
		r.Deliveries, err = f.deliveries(value, key)
	case policy.FieldMaxPerSession:
		r.Max, err = f.maxPerSession(value, key)
	case policy.FieldTTL:
		r.TTL, err = f.ttl(value, key)
	case policy.FieldCommands:
		r.Commands, err = f.commands(value, key)
	}
	return r, err
}

func (f file) effect(value any, key []string) (policy.Effect, error) {
	switch value {
	case policy.Ask.String():
		return policy.Ask, nil
	case policy.Deny.String():
		return policy.Deny, nil
	case policy.Allow.String():
		return policy.Deny, f.mistake(key, "cannot be allow: no value of the vault goes out without a person's yes to that one request", `write "ask" or "deny"`)
	default:
		return policy.Deny, f.oneOf(value, key, "ask", "deny")
	}
}

func (f file) strength(value any, key []string) (policy.Strength, error) {
	switch value {
	case policy.Client.String():
		return policy.Client, nil
	case policy.Verified.String():
		return policy.Verified, nil
	default:
		return policy.NoStrength, f.oneOf(value, key, "client", "verified")
	}
}

func (f file) deliveries(value any, key []string) ([]policy.Delivery, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, f.mistake(key, "must be a list of strings", `write it as one, such as ["run"]`)
	}
	if len(list) == 0 {
		return nil, f.mistake(key, "is empty", `name a delivery, such as "run", or write effect = "deny"`)
	}
	var ways []policy.Delivery
	for _, item := range list {
		word, _ := item.(string)
		way := policy.Delivery(word)
		if !slices.Contains([]policy.Delivery{policy.DeliverValue, policy.DeliverFile, policy.DeliverRun, policy.DeliverBase}, way) {
			return nil, f.oneOf(item, key, "value", "file", "run", "base")
		}
		ways = append(ways, way)
	}
	return ways, nil
}

func (f file) maxPerSession(value any, key []string) (int, error) {
	n, ok := value.(int64)
	switch {
	case !ok:
		return 0, f.mistake(key, "must be a number", fmt.Sprintf("write one from 1 to %d, without quotes", policy.MaxPerSession))
	case n < 1:
		return 0, f.mistake(key, "is less than 1", `write effect = "deny" to have nobody asked`)
	case n > policy.MaxPerSession:
		return 0, f.mistake(key, fmt.Sprintf("is more than %d, which is all that a session gives", policy.MaxPerSession), "write less, or remove it")
	default:
		return int(n), nil
	}
}

func (f file) ttl(value any, key []string) (time.Duration, error) {
	const next = `write a time such as "90s" or "5m"`
	text, ok := value.(string)
	if !ok {
		return 0, f.mistake(key, "must be a string", next)
	}
	ttl, err := time.ParseDuration(text)
	switch {
	case err != nil || ttl%time.Second != 0:
		return 0, f.mistake(key, "is no time in minutes and seconds", next)
	case ttl < minTTL:
		return 0, f.mistake(key, "is less than a second, in which nobody picks anything up", next)
	case ttl > policy.MaxTTL:
		return 0, f.mistake(key, "is more than ten minutes, which is all that a yes waits", next)
	default:
		return ttl, nil
	}
}

func (f file) commands(value any, key []string) ([]policy.Command, error) {
	const next = `write patterns such as ["terraform", "apply", "*"], or absolute paths of programs`
	list, ok := value.([]any)
	if !ok {
		return nil, f.mistake(key, "must be a list of commands", next)
	}
	if len(list) == 0 {
		return nil, f.mistake(key, "is empty", `name a command, or leave "run" out of deliveries`)
	}
	var commands []policy.Command
	for _, item := range list {
		command, err := parseCommand(item)
		if err != nil {
			return nil, f.mistake(key, "has an entry that is none: "+err.Error(), next)
		}
		commands = append(commands, command)
	}
	return commands, nil
}

// parseCommand reads one entry of commands: a program's path, or a list of words.
func parseCommand(item any) (policy.Command, error) {
	if path, ok := item.(string); ok {
		return policy.ParseProgram(path)
	}
	list, ok := item.([]any)
	if !ok {
		return policy.Command{}, policy.ErrNoCommand
	}
	words := make([]string, len(list))
	for i, word := range list {
		if words[i], ok = word.(string); !ok {
			return policy.Command{}, policy.ErrNoCommand
		}
	}
	return policy.ParseCommand(words)
}

// oneOf is the mistake of a value that is none of words.
func (f file) oneOf(value any, key []string, words ...string) *Error {
	given, ok := value.(string)
	if !ok {
		return f.mistake(key, "holds something else than a string", `write one of "`+strings.Join(words, `", "`)+`"`)
	}
	for _, word := range words {
		if levenshtein.ComputeDistance(strings.ToLower(given), word) <= len(word)/3 {
			return f.mistake(key, "holds a word that scrim does not know", fmt.Sprintf("did you mean %q?", word))
		}
	}
	return f.mistake(key, "holds a word that scrim does not know", `write one of "`+strings.Join(words, `", "`)+`"`)
}

func (f file) mistake(key []string, problem, next string) *Error {
	return &Error{f.where(key), printable(key) + " " + problem, next}
}

// where returns the position of key, or of the nearest table around it that has
// one.
func (f file) where(key []string) string {
	for n := len(key); n > 0; n-- {
		if s := f.origin(key[:n]...); s.stated() {
			return s.origin
		}
	}
	return f.path
}

func isPolicyField(key string) bool {
	return slices.ContainsFunc(policy.Fields(), func(f policy.Field) bool { return f.String() == key })
}
