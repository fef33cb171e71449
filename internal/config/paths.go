package config

import (
	"slices"
	"strings"

	"scrim/internal/secret"
)

// vaultName is the last segment of a vault path by convention, and no segment
// of any other path. [paths] in the user's file can add a name and not take
// this one away.
const vaultName = "vault"

// byDefault is the origin of what nobody stated.
const byDefault = "default"

// layout is where the secrets of one project lie.
type layout struct{ project, vault, staging, shared string }

// layout decides where project's secrets lie, and refuses whatever would let a
// stored-only secret, or another project's, pass for one of its own.
func (l *loader) layout(project string) (layout, error) {
	own := first(l.user.projectPath(project), setting{"/" + project, byDefault})
	vault := first(l.repo.vault(), l.user.vault(), setting{vaultName, byDefault})
	staging := first(l.repo.staging(), l.user.staging(), setting{"staging", byDefault})
	shared := first(l.repo.shared(), l.user.shared(), setting{"/shared", byDefault})

	l.origins["path"] = own.origin
	l.origins["paths.vault"] = vault.origin
	l.origins["paths.staging"] = staging.origin
	l.origins["paths.shared"] = shared.origin
	if own.origin == byDefault {
		own.origin = l.origins["project"]
	}

	p := layout{own.value, join(own.value, vault.value), join(own.value, staging.value), shared.value}
	for _, s := range []struct {
		setting
		path string
	}{{own, p.project}, {vault, p.vault}, {staging, p.staging}, {shared, p.shared}} {
		if err := secret.CheckPath(s.path); err != nil {
			return layout{}, &Error{s.origin, err.Error(), "write a path such as /alpha or, for vault and staging, one segment below the project's"}
		}
	}
	if err := l.narrows(p); err != nil {
		return layout{}, err
	}
	if err := l.apart(p, own, vault, staging, shared); err != nil {
		return layout{}, err
	}
	if p.shared == p.project {
		p.shared = "" // the shared source itself is the project
	}
	return p, nil
}

// narrows checks that the repository's file only chooses among paths that are
// the project's anyway.
func (l *loader) narrows(p layout) error {
	for _, s := range []struct {
		setting
		path string
	}{{l.repo.vault(), p.vault}, {l.repo.staging(), p.staging}} {
		if s.stated() && !l.ownedBy(p.project, s.path) {
			return &Error{s.origin, "a repository's vault and staging paths lie below its project's own path, outside other projects", "write one segment such as vault, or set it in your own scrim/config.toml"}
		}
	}
	return l.sharedNarrows(p.shared)
}

// sharedNarrows checks that a repository's shared path is of the user's own.
func (l *loader) sharedNarrows(shared string) error {
	theirs := first(l.user.shared(), setting{"/shared", byDefault}).value
	if s := l.repo.shared(); s.stated() && !secret.Under(shared, theirs) {
		return &Error{s.origin, "a repository's shared path is, or lies below, the one that you use", "remove it, or set it in your own scrim/config.toml"}
	}
	return nil
}

// ownedBy reports whether path lies below project's path and in no other
// registered project that lies there too. Below the root is everybody's.
func (l *loader) ownedBy(project, path string) bool {
	if project == "/" || path == project || !secret.Under(path, project) {
		return false
	}
	for _, other := range l.user.doc.Projects {
		if other.Path != "" && other.Path != project && secret.Under(other.Path, project) && secret.Under(path, other.Path) {
			return false
		}
	}
	return true
}

// apart checks that no path but the vault's is in a vault, and that no two
// roles have the same path.
func (l *loader) apart(p layout, own, vault, staging, shared setting) error {
	in := l.vaults(p)
	switch {
	case in.hold(p.project):
		return &Error{stating(own, vault), "a project cannot be or lie under a vault", "choose a project path with no vault in it"}
	case in.hold(p.staging):
		return &Error{stating(staging, vault), "staging secrets cannot be or lie under a vault", "choose another path"}
	case in.hold(p.shared):
		return &Error{stating(shared, vault, own), "shared secrets cannot be or lie under a vault", "choose another path"}
	case p.staging == p.project, p.staging == p.shared:
		return &Error{stating(staging, shared, own), "the staging path is also the project's or the shared one", "choose another path"}
	}
	return nil
}

// stating returns the origin to blame: the first that is not a default.
func stating(settings ...setting) string {
	for _, s := range settings {
		if s.origin != byDefault {
			return s.origin
		}
	}
	return byDefault
}

// vaults is every path that counts as a vault, whatever a repository says.
type vaults struct {
	names []string // a path with such a segment is in a vault
	paths []string // and so is what lies under these
}

func (l *loader) vaults(p layout) vaults {
	v := vaults{names: []string{vaultName}, paths: []string{p.vault}}
	users := l.user.vault()
	switch {
	case !users.stated():
	case strings.HasPrefix(users.value, "/"):
		v.paths = append(v.paths, users.value)
	case !strings.Contains(users.value, "/"):
		v.names = append(v.names, users.value)
	default:
		v.paths = append(v.paths, join(p.project, users.value))
	}
	return v
}

// hold reports whether path is or lies under a vault.
func (v vaults) hold(path string) bool {
	for _, vault := range v.paths {
		if secret.Under(path, vault) {
			return true
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if slices.Contains(v.names, segment) {
			return true
		}
	}
	return false
}

// join returns path, taken from root where it is relative.
func join(root, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return strings.TrimSuffix(root, "/") + "/" + path
}
