package devstore

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// wireFolder is a folder on the wire. A recursive list adds its path one way,
// a creation another.
type wireFolder struct {
	ID           string  `json:"id"`
	Name         string  `json:"name"`
	Version      int     `json:"version"`
	CreatedAt    string  `json:"createdAt"`
	UpdatedAt    string  `json:"updatedAt"`
	EnvID        string  `json:"envId"`
	ParentID     string  `json:"parentId"`
	IsReserved   bool    `json:"isReserved"`
	Description  *string `json:"description"`
	LastModified *string `json:"lastSecretModified"`
	RelativePath string  `json:"relativePath,omitempty"`
	Path         string  `json:"path,omitempty"`
}

func (f *folder) wire(e *environment) wireFolder {
	w := wireFolder{
		ID: f.id, Name: f.name, Version: 1, EnvID: e.id, ParentID: f.parent.id,
		CreatedAt: wireTime(f.created), UpdatedAt: wireTime(f.updated),
	}
	if !f.lastModified.IsZero() {
		at := wireTime(f.lastModified)
		w.LastModified = &at
	}
	return w
}

// folderEnvironment checks what all folder routes need and returns the
// environment that the call names.
func (c *call) folderEnvironment() (*environment, error) {
	id := c.param("workspaceId", "projectId")
	if id != c.store.projectID {
		return nil, notFound("NotFound", "Project with %s not found", id)
	}
	if err := c.belongs(); err != nil {
		return nil, err
	}
	slug := c.param("environment")
	e, ok := c.store.environments[slug]
	if !ok {
		return nil, notFound("NotFound", "Environment with slug '%s' not found", slug)
	}
	return e, nil
}

// listFolders answers GET /folders. It does not ask what the identity may see,
// and has nothing to say of a path that is not there.
func (c *call) listFolders() (any, error) {
	on, err := c.flags(nil, "recursive")
	if err != nil {
		return nil, err
	}
	e, err := c.folderEnvironment()
	if err != nil {
		return nil, err
	}
	out := []wireFolder{}
	if f := e.find(c.param("path")); f != nil {
		out = listed(e, f, on["recursive"])
	}
	return map[string][]wireFolder{"folders": out}, nil
}

// listed returns the folders in root, or below it, by name.
func listed(e *environment, root *folder, recursive bool) []wireFolder {
	out := []wireFolder{}
	if !recursive {
		for _, name := range slices.Sorted(maps.Keys(root.folders)) {
			out = append(out, root.folders[name].wire(e))
		}
		return out
	}
	base := strings.TrimSuffix(root.path(), "/")
	for f := range root.tree() {
		if f == root {
			continue
		}
		w := f.wire(e)
		w.RelativePath = strings.TrimPrefix(f.path(), base)
		out = append(out, w)
	}
	slices.SortStableFunc(out, func(a, b wireFolder) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// createFolder answers POST /folders. Missing parents are made too.
func (c *call) createFolder() (any, error) {
	if issues := need(c.body, nil, "name"); issues != nil {
		return nil, invalid(issues...)
	}
	name, path := c.param("name"), c.param("path", "directory")
	if !isFolderName(name) {
		return nil, invalid(issue{
			Code: "custom", Path: []any{"name"},
			Message: "Invalid folder name. Only alphanumeric characters, dashes, and underscores are allowed.",
		})
	}
	e, err := c.folderEnvironment()
	if err != nil {
		return nil, err
	}
	if err := require(c.rules, Create, Folders, cleanPath(path)); err != nil {
		return nil, err
	}
	at := cleanPath(path + "/" + name)
	if e.find(at) != nil {
		return nil, badRequest("Folder with name '" + name + "' already exists in path '" + path + "'")
	}
	f := e.ensure(at, c.store.now())
	w := f.wire(e)
	w.Path = at
	return map[string]wireFolder{"folder": w}, nil
}

// removeFolder answers DELETE /folders/{id or name}.
func (c *call) removeFolder() (any, error) {
	e, err := c.folderEnvironment()
	if err != nil {
		return nil, err
	}
	path := c.param("path", "directory")
	if err := require(c.rules, Remove, Folders, cleanPath(path)); err != nil {
		return nil, err
	}
	parent := e.find(path)
	if parent == nil {
		return nil, missingFolder("DeleteFolder", path, e.slug)
	}
	for name, f := range parent.folders {
		if f.id == c.vars["folder"] || name == c.vars["folder"] {
			delete(parent.folders, name)
			return map[string]wireFolder{"folder": f.wire(e)}, nil
		}
	}
	return nil, notFound("DeleteFolder", "Failed to delete folder with ID '%s', not found", c.vars["folder"])
}

func isFolderName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}
