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
	Map                  []auditPlace
}

// auditPlace is what one project has at its places.
type auditPlace struct {
	Project   string
	Locations [3]auditLocation // injected, staging, vault
}

// auditLocation is the names at one place, or why there are none.
type auditLocation struct {
	Names []string
	Why   string
}

type auditPageRow struct {
	Project string
	States  []estate.State
}

// placesOf is the map of one environment: which names each project has, and where.
func placesOf(tallies []estate.Tally, wants func(project string) bool) []auditPlace {
	var places []auditPlace
	for _, t := range tallies {
		if !wants(t.Project.Name) {
			continue
		}
		p := auditPlace{Project: t.Project.Name}
		for i, count := range []estate.Count{t.Injected, t.Staging, t.Vault} {
			p.Locations[i] = auditLocation{Names: count.Names}
			switch {
			case count.Sight == estate.Counted && count.N == 0:
				p.Locations[i].Why = "empty"
			case count.Sight != estate.Counted:
				p.Locations[i].Why = count.Sight.String()
			}
		}
		places = append(places, p)
	}
	return places
}

// writeAudit writes a page of its own, that needs nothing else, to a file: the reports,
// and which names are where. Like everything that leaves it is masked.
func (q *query) writeAudit(c *cli, file string, e config.Estate, auditor estate.Auditor, reports []estate.Report, wants func(project string) bool) error {
	page := auditPage{Shared: e.Shared, When: time.Now().UTC().Format("2006-01-02 15:04 MST")}
	for _, r := range reports {
		section := auditSection{Environment: r.Environment, Summary: standing(r), Names: r.Names}
		for _, row := range r.Rows {
			section.Rows = append(section.Rows, auditPageRow{row.Project.Name, row.States})
		}
		line := newProgress(c, "listing "+r.Environment)
		tallies, err := estate.Census{Store: q.source, Layout: auditor.Layout, Pace: auditor.Pace, Progress: line.show}.Take(c.ctx, r.Environment)
		line.end()
		if err != nil {
			return err
		}
		section.Map = placesOf(tallies, wants)
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
