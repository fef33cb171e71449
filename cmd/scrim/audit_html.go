package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"strings"
	"sync"
	"time"

	"scrim/internal/config"
	"scrim/internal/estate"
)

//go:embed audit.html
var auditHTML string

// auditTemplate is parsed when it is first needed.
var auditTemplate = sync.OnceValue(func() *template.Template { return template.Must(template.New("audit").Parse(auditHTML)) })

// auditPage is what the page shows.
type auditPage struct {
	Shared, When string
	Environments []auditSection
}

type auditSection struct {
	Environment, Summary string
	Names                []string
	Rows                 []auditPageRow
}

type auditPageRow struct {
	Project string
	States  []estate.State
}

// writeAudit writes a page of its own, that needs nothing else, to a file. Like
// everything that leaves it is masked.
func (q *query) writeAudit(file string, e config.Estate, reports []estate.Report) error {
	page := auditPage{Shared: e.Shared, When: time.Now().UTC().Format("2006-01-02 15:04 MST")}
	for _, r := range reports {
		section := auditSection{Environment: r.Environment, Summary: standing(r), Names: r.Names}
		for _, row := range r.Rows {
			section.Rows = append(section.Rows, auditPageRow{row.Project.Name, row.States})
		}
		page.Environments = append(page.Environments, section)
	}
	var b strings.Builder
	if err := auditTemplate().Execute(&b, page); err != nil {
		return fmt.Errorf("lay out the page: %w", err)
	}
	if err := os.WriteFile(file, []byte(q.deps.Redactor.String(b.String())), 0o600); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	q.say("The page is in %s.", file)
	return nil
}
