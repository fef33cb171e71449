package devstore

// The parts that secrets on the wire are put together from. Which of them an
// answer has differs by route; the recordings are the reference.
type (
	wireHead struct {
		ID            string `json:"id"`
		OldID         string `json:"_id"`
		Workspace     string `json:"workspace"`
		Environment   string `json:"environment"`
		Version       int    `json:"version"`
		Type          string `json:"type"`
		SecretKey     string `json:"secretKey"`
		SecretValue   string `json:"secretValue"`
		SecretComment string `json:"secretComment"`
		SkipMultiline bool   `json:"skipMultilineEncoding"`
	}
	wireDates struct {
		ReminderNote *string `json:"secretReminderNote"`
		ReminderDays *int    `json:"secretReminderRepeatDays"`
		CreatedAt    string  `json:"createdAt"`
		UpdatedAt    string  `json:"updatedAt"`
	}
	wireRotation struct {
		IsRotatedSecret bool    `json:"isRotatedSecret"`
		RotationID      *string `json:"rotationId"`
	}
	wireHidden struct {
		SecretValueHidden bool `json:"secretValueHidden"`
	}
	wireMetadata struct {
		SecretMetadata []struct{} `json:"secretMetadata"`
	}
)

// The secrets of the answers.
type (
	readSecret struct {
		wireHead
		wireDates
		wireRotation
		wireHidden
		wireMetadata
		SecretPath string     `json:"secretPath"`
		Tags       []struct{} `json:"tags"`
	}
	importedSecret struct {
		wireHead
		wireRotation
		wireHidden
		wireMetadata
	}
	createdSecret struct {
		wireHead
		wireDates
		wireRotation
	}
	updatedSecret struct {
		createdSecret
		wireHidden
	}
	removedSecret struct {
		wireHead
		wireDates
		wireHidden
	}
)

// listing is the answer to a list.
type listing struct {
	Secrets []readSecret `json:"secrets"`
	Imports []wireImport `json:"imports"`
}

// wireImport is one imported folder of a listing.
type wireImport struct {
	SecretPath  string           `json:"secretPath"`
	Environment string           `json:"environment"`
	FolderID    string           `json:"folderId,omitempty"`
	Secrets     []importedSecret `json:"secrets"`
}

// reading is what a list or a get asks for, once it is checked.
type reading struct {
	env       string
	asked     string // the path as it was sent, which is how the answer spells it
	path      string // clean
	recursive bool
	expand    bool
	imports   bool
	values    bool
}

// readingOf checks the parameters of a list or a get.
func (c *call) readingOf() (reading, error) {
	imports := "include_imports"
	if c.v4 {
		imports = "includeImports"
	}
	defaults := map[string]bool{"viewSecretValue": true, "expandSecretReferences": c.v4, imports: c.v4}
	on, err := c.flags(defaults, "recursive", "expandSecretReferences", imports, "viewSecretValue")
	if err != nil {
		return reading{}, err
	}
	q := reading{
		env:       c.param("environment"),
		asked:     trimSlash(c.param("secretPath")),
		recursive: on["recursive"] || c.store.recursive,
		expand:    on["expandSecretReferences"],
		imports:   on[imports],
		values:    on["viewSecretValue"],
	}
	if q.asked == "" {
		q.asked = "/"
	}
	q.path = cleanPath(q.asked)
	return q, c.member()
}

// member returns nil if the call names this project and an environment, and its
// identity belongs to the project.
func (c *call) member() error {
	id, slug, env := c.projectParam()
	if !c.v4 && id == "" && slug == "" {
		return badRequest("You must provide projectSlug or workspaceId")
	}
	if id == "" && slug == "" || env == "" {
		return badRequest("Missing project id or environment")
	}
	if id == "" && slug != projectSlug {
		return notFound("NotFound", "Project with slug '%s' not found", slug)
	}
	if id != "" && id != c.store.projectID {
		return notFound("NotFound", "Project with ID '%s' not found during bot lookup. Are you sure you are using the correct project ID?", id)
	}
	return c.belongs()
}

// projectParam returns the parameters that name the project and the environment.
func (c *call) projectParam() (id, slug, env string) {
	if c.v4 {
		return c.param("projectId"), "", c.param("environment")
	}
	return c.param("workspaceId"), c.param("workspaceSlug"), c.param("environment")
}

// belongs returns nil if the identity is a member of the project.
func (c *call) belongs() error {
	if len(c.rules) > 0 {
		return nil
	}
	return forbidden("ProjectMembershipNotFound", "You are not a member of this project with ID "+c.store.projectID+
		". Please assign this identity to the project with the appropriate permissions, then try again.", nil)
}

// list answers GET /secrets.
func (c *call) list() (any, error) {
	q, err := c.readingOf()
	if err != nil {
		return nil, err
	}
	if err := require(c.rules, Describe, Secrets, ""); err != nil {
		return nil, err
	}
	f := c.store.find(q.env, q.path)
	if f == nil {
		return nil, notFound("SecretPathNotFound",
			"Folder with path '%s' in environment '%s' was not found. Please ensure the environment slug and secret path is correct.", q.asked, q.env)
	}
	out := listing{Secrets: []readSecret{}, Imports: []wireImport{}}
	if out.Secrets, err = c.listTree(q, f); err != nil {
		return nil, err
	}
	if q.imports {
		out.Imports = c.listImports(q, f)
	}
	return out, nil
}

// listTree returns the secrets that a list shows, by name: of the folder, and
// where it is recursive of all below it. What the identity may not describe is
// left out without a word; a value that it may not read refuses the whole list
// in the folder itself, and is left out below it.
func (c *call) listTree(q reading, root *folder) ([]readSecret, error) {
	out := []readSecret{}
	x := c.expander()
	for f := range root.tree() {
		path := f.path()
		for _, s := range f.sorted() {
			if !allows(c.rules, Describe, Secrets, path) {
				continue
			}
			if q.values && !allows(c.rules, ReadValue, Secrets, path) {
				if f == root {
					return nil, require(c.rules, ReadValue, Secrets, path)
				}
				continue
			}
			out = append(out, c.read(q, f, s, x))
		}
		if !q.recursive {
			break
		}
	}
	if len(x.refused) > 0 {
		return nil, forbidden("ForbiddenError", "Failed to expand one or more secret references", x.refused)
	}
	sortByName(out)
	return out, nil
}

// read returns one secret as a list or a get shows it.
func (c *call) read(q reading, f *folder, s *storedSecret, x *expander) readSecret {
	path := f.path()
	head := c.head(q.env, s, s.value)
	switch {
	case !q.values:
		head.SecretValue = hiddenValue
	case q.expand:
		head.SecretValue = x.expand(source{env: q.env, path: path, name: s.name}, s.value)
	}
	if path == q.path {
		path = q.asked
	}
	return readSecret{
		wireHead: head, wireDates: datesOf(s), wireHidden: wireHidden{!q.values},
		wireMetadata: wireMetadata{[]struct{}{}}, SecretPath: path, Tags: []struct{}{},
	}
}

// head returns the part that every secret on the wire has.
func (c *call) head(env string, s *storedSecret, value string) wireHead {
	return wireHead{
		ID: s.id, OldID: s.id, Workspace: c.store.projectID, Environment: env, Version: s.version, Type: "shared",
		SecretKey: s.name, SecretValue: value, SecretComment: s.comment, SkipMultiline: s.skip,
	}
}

func datesOf(s *storedSecret) wireDates {
	return wireDates{CreatedAt: wireTime(s.created), UpdatedAt: wireTime(s.updated)}
}

// get answers GET /secrets/{name}.
func (c *call) get() (any, error) {
	q, err := c.readingOf()
	if err != nil {
		return nil, err
	}
	name := c.vars["name"]
	f := c.store.find(q.env, q.path)
	if f == nil {
		return nil, missingFolder("GetSecretByName", q.asked, q.env)
	}
	if err := require(c.rules, Describe, Secrets, q.path); err != nil {
		return nil, err
	}
	s, ok := f.secrets[name]
	if !ok {
		return c.getImported(q, f, name)
	}
	x := c.expander()
	out := c.read(q, f, s, x)
	if len(x.refused) > 0 {
		return nil, forbidden("ForbiddenError", x.refused[0], nil)
	}
	if q.values && !allows(c.rules, ReadValue, Secrets, q.path) {
		return nil, forbidden("ForbiddenReadSecretError",
			"You do not have permission to view secret value on secret with name '"+name+"'", nil)
	}
	return map[string]readSecret{"secret": out}, nil
}

// missingFolder is the refusal of everything but a list at a folder, or in an
// environment, that is not there.
func missingFolder(kind, path, env string) error {
	return notFound(kind, "Folder with path '%s' in environment with slug '%s' not found", path, env)
}
