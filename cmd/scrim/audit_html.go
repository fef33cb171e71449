package main

import (
	_ "embed"
	"fmt"
	"html/template"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
)

//go:embed audit.html
var auditHTML string

// auditTemplate is parsed when it is first needed.
var auditTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("audit").Funcs(template.FuncMap{"sign": sign}).Parse(auditHTML))
})

// auditPage is what the page shows.
type auditPage struct {
	Shared, When string
	Environments []auditSection
	Words        []auditWord
}

// auditSection is one environment.
type auditSection struct {
	Environment, Summary string
	Unread               []string // what is not known, and why
	Names                []string // of the shared source
	Rows                 []auditPageRow
	Injected             bool // staging is
	Map                  []auditPlace
}

type auditPageRow struct {
	Project string
	States  []estate.State
}

// auditPlace is what one project has at its places.
type auditPlace struct {
	Project   string
	Locations [3]auditLocation // injected, staging, vault
}

// auditLocation is the names at one place, or why there are none.
type auditLocation struct {
	Names  []string // that the shared source does not have
	Shared []string // that it has, too
	Why    string
}

// auditWord is a state, and what it means.
type auditWord struct {
	State estate.State
	Means string
}

func auditWords() []auditWord {
	return []auditWord{
		{estate.OK, "a copy with the source's value"},
		{estate.Imported, "the project imports the source: there is nothing to copy"},
		{estate.Shadowed, "the project has its own value on purpose"},
		{estate.Missing, "the store says that it is not there"},
		{estate.Differs, "there, with another value"},
		{estate.Unknown, "this identity cannot see it, or the store did not say"},
	}
}

// sign is a state at a glance, for a page whose words say it as well.
func sign(s estate.State) string {
	switch s {
	case estate.OK:
		return "✓"
	case estate.Imported:
		return "↧"
	case estate.Shadowed:
		return "◆"
	case estate.Missing:
		return "✗"
	case estate.Differs:
		return "≠"
	default:
		return "?"
	}
}

// writeAudit writes a page of its own, that needs nothing else, to a file: the reports,
// and which names are where. Like everything that leaves it is masked.
func (q *query) writeAudit(c *cli, file string, e config.Estate, auditor estate.Auditor, reports []estate.Report, wants func(project string) bool) error {
	page := auditPage{Shared: e.Shared, When: time.Now().UTC().Format("2006-01-02 15:04 MST"), Words: auditWords()}
	for _, r := range reports {
		section := sectionOf(e.Shared, r)
		line := newProgress(c, "listing "+r.Environment)
		census := estate.Census{Store: q.source, Layout: auditor.Layout, Pace: estate.Pace{Waits: line.waits}, Progress: line.show, Wanted: wants}
		tallies, err := census.Take(c.ctx, r.Environment)
		line.end()
		if err != nil {
			return err
		}
		section.Map = placesOf(tallies, r.Names)
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

// sectionOf is one environment without its map.
func sectionOf(shared string, r estate.Report) auditSection {
	section := auditSection{
		Environment: r.Environment, Summary: standing(r), Unread: byReason(unreadIn(shared, r)), Names: r.Names,
		Injected: !secret.Production(r.Environment),
	}
	for _, row := range r.Rows {
		section.Rows = append(section.Rows, auditPageRow{row.Project.Name, row.States})
	}
	return section
}

// placesOf is the map of one environment: which names each project has, and where.
func placesOf(tallies []estate.Tally, shared []string) []auditPlace {
	var places []auditPlace
	for _, t := range tallies {
		p := auditPlace{Project: t.Project.Name}
		for i, count := range []estate.Count{t.Injected, t.Staging, t.Vault} {
			p.Locations[i] = locationOf(count, shared)
		}
		places = append(places, p)
	}
	return places
}

func locationOf(count estate.Count, shared []string) auditLocation {
	var at auditLocation
	for _, name := range count.Names {
		if slices.Contains(shared, name) {
			at.Shared = append(at.Shared, name)
		} else {
			at.Names = append(at.Names, name)
		}
	}
	switch {
	case count.Sight != estate.Counted:
		at.Why = count.Sight.String()
	case count.N == 0:
		at.Why = "empty"
	}
	return at
}
