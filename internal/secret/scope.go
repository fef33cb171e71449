package secret

import "slices"

// Scope fixes, when a process starts, what it may look at. Its fields are
// checked by the configuration that makes it.
type Scope struct {
	Site        string // base URL of the store, such as https://app.infisical.com
	ProjectID   string // the store's id for the Infisical project
	Environment string // environment slug
	Stated      bool   // a person or a launcher stated the environment; else it is the default
	Project     string // scrim's project name
	Path        string // the project's path, such as /alpha

	VaultPath         string   // such as /alpha/vault
	VaultEnvironments []string // environments besides Environment whose vault is in scope
	StagingPath       string   // such as /alpha/staging
	SharedPath        string   // such as /shared
	SharedStated      bool     // somebody configured SharedPath: being denied there is worth a word, not normal
}

// Place is one folder that a scope reads, and the role that it has there.
type Place struct {
	Location    Location
	Environment string
	Path        string
	Stated      bool // somebody configured the path: it is no convention that it may or may not follow
}

// String returns "env:/path" for people and logs.
func (p Place) String() string { return p.Environment + ":" + p.Path }

// Ref returns the Ref of the secret called name at p.
func (p Place) Ref(name string) (Ref, error) { return ParseRef(p.Environment, p.Path, name) }

// Production reports whether env is a production environment, in which staging
// secrets play no part.
func Production(env string) bool { return env == "prod" || env == "production" }

// Places lists the folders of the scope, strongest role first: staging (not in
// production), injected, vault (one an environment), shared.
func (s Scope) Places() []Place {
	var places []Place
	if !Production(s.Environment) && s.StagingPath != "" {
		places = append(places, Place{Staging, s.Environment, s.StagingPath, s.StagingPath != s.Path+"/staging"})
	}
	places = append(places, Place{Injected, s.Environment, s.Path, true})
	for _, env := range s.vaultEnvironments() {
		places = append(places, Place{Vault, env, s.VaultPath, s.VaultPath != s.Path+"/vault"})
	}
	if s.SharedPath != "" {
		places = append(places, Place{Shared, s.Environment, s.SharedPath, s.SharedStated})
	}
	return places
}

func (s Scope) vaultEnvironments() []string {
	if s.VaultPath == "" {
		return nil
	}
	envs := []string{s.Environment}
	for _, env := range s.VaultEnvironments {
		if !slices.Contains(envs, env) {
			envs = append(envs, env)
		}
	}
	return envs
}
