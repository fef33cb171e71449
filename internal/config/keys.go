package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"scrim/internal/secret"
	"scrim/policy"
)

// keyRule is what a file may say under a key.
type keyRule struct {
	holds    string // what the value is, for people: "a string"
	userOnly bool   // a repository's file may not say it
	nothing  string // why it would say nothing, where somebody may think that it does
	instead  string // what to do instead, where it would say nothing
}

// rules is every key of both files. To accept another one and ignore it would be to
// pretend: someone who narrows a policy must not believe that it holds.
func rules() map[string]keyRule {
	all := map[string]keyRule{
		"project":       {holds: "a string"},
		"project_id":    {holds: "a string"},
		"site_url":      {holds: "a string"},
		"env":           {holds: "a table"},
		"env.default":   {holds: "a string"},
		"paths":         {holds: "a table"},
		"paths.vault":   {holds: "a string"},
		"paths.staging": {holds: "a string"},
		"paths.shared":  {holds: "a string"},

		"projects":                      {holds: "a table of projects", userOnly: true},
		"projects.*":                    {holds: "a table", userOnly: true},
		"projects.*.path":               {holds: "a string", userOnly: true},
		"projects.*.vault_environments": {holds: "a list of strings", userOnly: true},

		"redact":        {holds: "a table", userOnly: true},
		"redact.public": {holds: "a list of strings", userOnly: true},

		"agent":        {holds: "a list of strings", userOnly: true},
		"run":          {holds: "a table", userOnly: true},
		"run.allow":    {holds: "a list of strings", userOnly: true},
		"run.keychain": {holds: "a list of strings", userOnly: true},
		"run.strict":   {holds: "true or false", userOnly: true},

		"types":   {holds: "a table of types by name"},
		"types.*": {holds: "a string"},

		"identity":                {holds: "a table", userOnly: true},
		"identity.method":         {holds: "a string", userOnly: true},
		"identity.identity_id":    {holds: "a string", userOnly: true},
		"identity.token_file":     {holds: "a string", userOnly: true},
		"identity.token_variable": {holds: "a string", userOnly: true},
		"identity.resource":       {holds: "a string", userOnly: true},
		"identity.client_id":      {holds: "a string", userOnly: true},

		"identity.vault":                {holds: "a table", userOnly: true},
		"identity.vault.method":         {holds: "a string", userOnly: true},
		"identity.vault.file":           {holds: "a string", userOnly: true},
		"identity.vault.identity_id":    {holds: "a string", userOnly: true},
		"identity.vault.token_file":     {holds: "a string", userOnly: true},
		"identity.vault.token_variable": {holds: "a string", userOnly: true},
		"identity.vault.resource":       {holds: "a string", userOnly: true},
		"identity.vault.client_id":      {holds: "a string", userOnly: true},

		"shared":          {holds: "a table"},
		"shared.except":   {holds: "a table of lists of names, by project"},
		"shared.except.*": {holds: "a list of strings"},

		"approval":          {holds: "a table", userOnly: true},
		"approval.verifier": {holds: "a string", userOnly: true},
		"approval.browser":  {holds: "true or false", userOnly: true},
	}
	maps.Copy(all, policyKeys("policy", false))
	maps.Copy(all, policyKeys("projects.*.policy", true))
	return all
}

// policyKeys is what may stand under the table of a policy.
func policyKeys(table string, userOnly bool) map[string]keyRule {
	keys := map[string]keyRule{
		table:              {holds: "a table", userOnly: userOnly},
		table + ".vault":   {holds: "a table", userOnly: userOnly},
		table + ".vault.*": {holds: "a table", userOnly: userOnly}, // an environment's
	}
	for _, field := range policy.Fields() {
		keys[table+".vault."+field.String()] = keyRule{userOnly: userOnly}
		keys[table+".vault.*."+field.String()] = keyRule{userOnly: userOnly}
	}
	for _, location := range []secret.Location{secret.Injected, secret.Staging, secret.Shared} {
		keys[table+"."+location.String()] = keyRule{
			userOnly: userOnly,
			nothing:  "narrows nothing: values are read from the vault alone, and these are not in it",
			instead:  "remove it, or write policy.vault",
		}
	}
	return keys
}

// ruleFor returns the rule for the key with these parts.
func ruleFor(key []string) (keyRule, bool) {
	all := rules()
	pattern := patternOf(key)
	if key[0] == "types" && len(key) == 2 {
		return all["types.*"], true // a secret's name may have dots, in quotes
	}
	for _, part := range key {
		if strings.Contains(part, ".") {
			return keyRule{}, false
		}
	}
	for n := range len(pattern) { // below what says nothing nothing is said either
		if rule := all[strings.Join(pattern[:n+1], ".")]; rule.nothing != "" {
			return rule, true
		}
	}
	rule, ok := all[strings.Join(pattern, ".")]
	return rule, ok
}

// patternOf returns key with a "*" for each part that its author chooses.
func patternOf(key []string) []string {
	pattern := slices.Clone(key)
	if len(key) > 1 && (key[0] == "projects" || key[0] == "types") {
		pattern[1] = "*"
	}
	if len(key) > 2 && key[0] == "shared" {
		pattern[2] = "*"
	}
	at := slices.Index(pattern, "policy")
	inPolicy := at == 0 || at == 2 && key[0] == "projects"
	if inPolicy && len(key) > at+2 && key[at+1] == "vault" && !isPolicyField(key[at+2]) {
		pattern[at+2] = "*"
	}
	return pattern
}

// nearest returns the key of this version that is most like key in its last
// part and like it otherwise, or "" where none is much like it.
func nearest(key []string) string {
	if printable(key) != strings.Join(key, ".") {
		return ""
	}
	last := len(key) - 1
	best, least := "", len(key[last])/3+2
	for _, pattern := range slices.Sorted(maps.Keys(rules())) {
		parts := strings.Split(pattern, ".")
		if len(parts) != len(key) || parts[last] == "*" {
			continue
		}
		candidate := append(slices.Clone(key[:last]), parts[last])
		_, ok := ruleFor(candidate)
		if d := levenshtein.ComputeDistance(strings.ToLower(key[last]), parts[last]); ok && d < least {
			best, least = strings.Join(candidate, "."), d
		}
	}
	return best
}

// printable returns the key as an error may show it. A key that no file could
// mean is not shown: it may be a value that lost its way.
func printable(key []string) string {
	for _, part := range key {
		if !isWord(part, 40) {
			return "this key"
		}
	}
	return strings.Join(key, ".")
}

func isProjectName(s string) bool { return isWord(s, 64) }

func isProjectID(s string) bool { return isWord(s, 64) }

// isWord reports whether s is a slug of at most limit bytes.
func isWord(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if !isSlug(s[i]) {
			return false
		}
	}
	return true
}

func isSlug(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
