package devstore

import (
	"cmp"
	"slices"
)

// sortByName puts secrets in the order of a list.
func sortByName(secrets []readSecret) {
	slices.SortStableFunc(secrets, func(a, b readSecret) int { return cmp.Compare(a.SecretKey, b.SecretKey) })
}

// listImports returns what f imports, and where q is recursive what the folders
// below it import. Secrets that the identity may not see are left out without a
// word.
func (c *call) listImports(q reading, root *folder) []wireImport {
	out := []wireImport{}
	for f := range root.tree() {
		for _, from := range f.imports {
			out = append(out, c.listImport(q, from))
		}
		if !q.recursive {
			break
		}
	}
	return out
}

func (c *call) listImport(q reading, from place) wireImport {
	out := wireImport{SecretPath: from.path, Environment: from.env, Secrets: []importedSecret{}}
	if f := c.store.find(from.env, from.path); f != nil {
		out.FolderID = f.id
	}
	x := c.expander()
	for _, i := range c.imported(from, map[place]bool{}) {
		if !allows(c.rules, Describe, Secrets, i.at.path) || q.values && !allows(c.rules, ReadValue, Secrets, i.at.path) {
			continue
		}
		out.Secrets = append(out.Secrets, c.importedSecret(q, i, x))
	}
	return out
}

// importedSecret returns one secret of an import. As on the server a reference
// in it that the identity may not read stays as it is written.
func (c *call) importedSecret(q reading, i importedName, x *expander) importedSecret {
	head := c.head(i.at.env, i.secret, i.secret.value)
	head.Workspace = "" // the server says so
	switch {
	case !q.values:
		head.SecretValue = hiddenValue
	case q.expand:
		head.SecretValue = x.expand(source{env: i.at.env, path: i.at.path, name: i.secret.name}, i.secret.value)
	}
	return importedSecret{wireHead: head, wireHidden: wireHidden{!q.values}, wireMetadata: wireMetadata{[]struct{}{}}}
}

// importedName is a secret that came through an import, and where it lies.
type importedName struct {
	at     place
	secret *storedSecret
}

// imported returns the secrets at a place, then those of the places that it
// imports in turn, each name once and each place once.
func (c *call) imported(from place, seen map[place]bool) []importedName {
	f := c.store.find(from.env, from.path)
	if f == nil || seen[from] {
		return nil
	}
	seen[from] = true
	var out []importedName
	for _, s := range f.sorted() {
		out = append(out, importedName{from, s})
	}
	for _, deeper := range f.imports {
		for _, i := range c.imported(deeper, seen) {
			if !slices.ContainsFunc(out, func(o importedName) bool { return o.secret.name == i.secret.name }) {
				out = append(out, i)
			}
		}
	}
	return out
}

// getImported answers a get of a name that f does not hold itself: from its
// imports where they are asked for, of which the last one wins.
func (c *call) getImported(q reading, f *folder, name string) (any, error) {
	if !q.imports {
		return nil, notFound("NotFound", "Secret with name '%s' not found", name)
	}
	for _, from := range slices.Backward(f.imports) {
		for _, i := range c.imported(from, map[place]bool{}) {
			if i.secret.name != name || !allows(c.rules, Describe, Secrets, i.at.path) {
				continue
			}
			if q.values && !allows(c.rules, ReadValue, Secrets, i.at.path) {
				return nil, forbidden("ForbiddenReadSecretError",
					"You do not have permission to view secret import value on secret with name '"+name+"'", nil)
			}
			x := c.expander()
			got := c.read(reading{env: from.env, asked: from.path, path: i.at.path, expand: q.expand, values: q.values},
				c.store.find(i.at.env, i.at.path), i.secret, x)
			return map[string]readSecret{"secret": got}, nil
		}
	}
	return nil, notFound("NotFound", "Secret with name '%s' not found", name)
}
