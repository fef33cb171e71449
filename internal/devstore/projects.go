package devstore

import (
	"cmp"
	"maps"
	"slices"
)

// projectSlug is the slug of the one project that a Store is.
const projectSlug = "scrim-dev"

// maxTokenTTL is the longest life of a token that the server admits to, in
// seconds.
const maxTokenTTL = 7_776_000

// wireProject is a project on the wire.
type wireProject struct {
	ID                    string            `json:"id"`
	Name                  string            `json:"name"`
	Description           *string           `json:"description"`
	Type                  string            `json:"type"`
	DefaultProduct        *string           `json:"defaultProduct"`
	Slug                  string            `json:"slug"`
	AutoCapitalization    bool              `json:"autoCapitalization"`
	OrgID                 string            `json:"orgId"`
	CreatedAt             string            `json:"createdAt"`
	UpdatedAt             string            `json:"updatedAt"`
	Version               int               `json:"version"`
	UpgradeStatus         *string           `json:"upgradeStatus"`
	PitVersionLimit       int               `json:"pitVersionLimit"`
	KMSCertificateKeyID   *string           `json:"kmsCertificateKeyId"`
	AuditRetentionDays    *int              `json:"auditLogsRetentionDays"`
	HasDeleteProtection   bool              `json:"hasDeleteProtection"`
	SecretSharing         bool              `json:"secretSharing"`
	ShowSnapshotsLegacy   bool              `json:"showSnapshotsLegacy"`
	DetectionIgnoreValues *[]string         `json:"secretDetectionIgnoreValues"`
	EnforceEncrypted      *bool             `json:"enforceEncryptedSecretManagerSecretMetadata"`
	OldID                 string            `json:"_id"`
	Environments          []wireEnvironment `json:"environments"`
}

type wireEnvironment struct {
	Name string `json:"name"`
	Slug string `json:"slug"`
	ID   string `json:"id"`
}

// newerProject is a project as the routes called projects show it.
type newerProject struct {
	wireProject
	DeletedEnvironments []struct{} `json:"deletedEnvironments"`
}

// keyedProject is a project as version 2 of the workspace route shows it.
type keyedProject struct {
	wireProject
	KMSKeyID string `json:"kmsSecretManagerKeyId"`
}

func (s *Store) wire() wireProject {
	at := wireTime(s.created)
	p := wireProject{
		ID: s.projectID, OldID: s.projectID, Name: projectSlug, Slug: projectSlug, Type: "secret-manager", OrgID: s.orgID,
		CreatedAt: at, UpdatedAt: at, Version: 3, PitVersionLimit: 10, SecretSharing: true, Environments: []wireEnvironment{},
	}
	for _, e := range slices.SortedFunc(maps.Values(s.environments), func(a, b *environment) int { return cmp.Compare(a.slug, b.slug) }) {
		p.Environments = append(p.Environments, wireEnvironment{Name: environmentName(e.slug), Slug: e.slug, ID: e.id})
	}
	return p
}

func (s *Store) newer() newerProject { return newerProject{s.wire(), []struct{}{}} }

// projectByID returns nil if the call's {id} is this project and the identity
// belongs to it.
func (c *call) projectByID() error {
	if id := c.vars["id"]; id != c.store.projectID {
		return notFound("NotFound", "Project with ID '%s' not found", id)
	}
	return c.belongs()
}

func (c *call) projectBySlug() error {
	if slug := c.vars["slug"]; slug != projectSlug {
		return notFound("NotFound", "Project with slug '%s' not found", slug)
	}
	return c.belongs()
}

func (c *call) getProject() (any, error) {
	if err := c.projectByID(); err != nil {
		return nil, err
	}
	return map[string]newerProject{"project": c.store.newer()}, nil
}

func (c *call) getProjectBySlug() (any, error) {
	if err := c.projectBySlug(); err != nil {
		return nil, err
	}
	return c.store.newer(), nil
}

// listProjects lists the projects that the identity belongs to.
func (c *call) listProjects() (any, error) {
	list := []newerProject{}
	if c.belongs() == nil {
		list = append(list, c.store.newer())
	}
	return map[string][]newerProject{"projects": list}, nil
}

func (c *call) getWorkspace() (any, error) {
	if err := c.projectByID(); err != nil {
		return nil, err
	}
	return map[string]wireProject{"workspace": c.store.wire()}, nil
}

func (c *call) getWorkspaceBySlug() (any, error) {
	if err := c.projectBySlug(); err != nil {
		return nil, err
	}
	return keyedProject{c.store.wire(), c.store.orgID}, nil
}

// listWorkspaces is listProjects under its older name.
func (c *call) listWorkspaces() (any, error) {
	list := []wireProject{}
	if c.belongs() == nil {
		list = append(list, c.store.wire())
	}
	return map[string][]wireProject{"workspaces": list}, nil
}

// status answers GET /api/status, which needs no token.
func (c *call) status() (any, error) {
	return map[string]any{
		"date":                      wireTime(c.store.now()),
		"message":                   "Ok",
		"emailConfigured":           false,
		"inviteOnlySignup":          true,
		"redisConfigured":           true,
		"secretScanningConfigured":  false,
		"auditLogStorageDisabled":   false,
		"maxIdentityAccessTokenTTL": maxTokenTTL,
	}, nil
}

// environmentName returns what the server calls the environments that every
// project starts with. Any other is called as its slug is.
func environmentName(slug string) string {
	switch slug {
	case "dev":
		return "Development"
	case "staging":
		return "Staging"
	case "prod":
		return "Production"
	default:
		return slug
	}
}
