package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/infisical"
	"scrim/internal/secret"
	"scrim/internal/store"
)

// maxNeighbours bounds how many other folders an identity is tried on: the free
// cloud tier allows 40 secret calls a minute.
const maxNeighbours = 8

// showReach lists the names that an identity sees in the scope, and says what
// to grant where it sees too little, and what to take away where it sees more
// than scrim needs.
func showReach(c *cli, q *query, scope secret.Scope, client *infisical.Client) error {
	options := store.Options{Scope: scope, Source: client, Learner: q.deps.Redactor, Now: time.Now}
	waited := sayIfSlow(c.stderr, "reading the store …")
	snapshot := store.New(options).Snapshot(c.ctx)
	beside, err := neighbours(c.ctx, client, scope)
	waited()
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	if absent := snapshot.ScopeError(); absent != nil {
		_, next := consequence(absent)
		q.say("What the identity sees was not looked at: %v%s", absent, next)
		return nil
	}
	if err := namesTable(q, snapshot); err != nil {
		return err
	}
	for _, advice := range advise(scope, snapshot, beside, err) {
		q.say("%s", advice)
	}
	return nil
}

// namesTable prints the names, and where each is.
func namesTable(q *query, s store.Snapshot) error {
	if s.Len() == 0 {
		return nil
	}
	rows := tabwriter.NewWriter(q.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(rows, "NAME\tLOCATION\tENV\tPATH")
	for _, v := range s.Views {
		for _, e := range v.Entries {
			fmt.Fprintf(rows, "%s\t%s\t%s\t%s\n", e.Ref.Name(), v.Place.Location, v.Place.Environment, v.Place.Path)
		}
	}
	if err := rows.Flush(); err != nil {
		return fmt.Errorf("print the names: %w", err)
	}
	return nil
}

// neighbours returns the folders beside the scope's, in its environment, in
// which the identity sees names.
func neighbours(ctx context.Context, client *infisical.Client, scope secret.Scope) ([]string, error) {
	folders, err := client.Folders(ctx, scope.Environment, "/")
	if err != nil {
		return nil, err
	}
	var seen []string
	tried := 0
	for _, name := range folders {
		at := path.Join("/", name)
		if secret.CheckPath(at) != nil || holdsPlace(scope, at) || tried == maxNeighbours {
			continue
		}
		tried++
		listing, err := client.Names(ctx, scope.Environment, at)
		if err == nil && len(listing.Secrets) > 0 {
			seen = append(seen, at)
		}
	}
	return seen, nil
}

// holdsPlace reports whether a place of the scope is at or below folder.
func holdsPlace(scope secret.Scope, folder string) bool {
	return slices.ContainsFunc(scope.Places(), func(p secret.Place) bool { return secret.Under(p.Path, folder) })
}

// advise says what to change in the identity's permissions, a sentence each.
func advise(scope secret.Scope, s store.Snapshot, beside []string, noFolders error) []string {
	if errors.Is(noFolders, secret.ErrForbidden) {
		return []string{"Too little: it is no member of the project. Add it there, under access control, with a role as in docs/infisical.md."}
	}
	var all []string
	for _, v := range s.Views {
		if advice := advisePlace(v); advice != "" {
			all = append(all, advice)
		}
		for _, gap := range v.Closed {
			all = append(all, fmt.Sprintf("Too little: %s imports from %s, and it cannot list that. Grant describeSecret and readValue there.", v.Place, gap.Place))
		}
		if v.Unexpanded {
			all = append(all, fmt.Sprintf("Too little: values in %s refer to others that it cannot read. Grant readValue there.", v.Place))
		}
	}
	if len(beside) > 0 {
		all = append(all, fmt.Sprintf("Too much: it sees names in %s as well, which project %s does not need. Limit its role to the paths in docs/infisical.md.", strings.Join(beside, ", "), scope.Project))
	}
	if len(all) == 0 {
		all = append(all, "It sees what scrim needs in "+scope.Project+", and no more that could be seen from here.")
	}
	return all
}

// advisePlace says what to change for one place, or nothing.
func advisePlace(v store.View) string {
	place := v.Place
	vault := place.Location == secret.Vault
	switch {
	case v.State == store.Unread:
		return fmt.Sprintf("Not known: %s could not be read: %v.", place, v.Err)
	case v.State == store.Denied && vault:
		return fmt.Sprintf("Too little: it cannot list %s. Grant describeSecret there, so that scrim knows what is stored.", place)
	case v.State == store.Denied && place.Location == secret.Shared && !place.Stated:
		return fmt.Sprintf("It cannot list %s, so what is shared is out of scope. If the project has a part in it, grant describeSecret and readValue there.", place)
	case v.State == store.Denied:
		return fmt.Sprintf("Too little: it cannot list %s. Grant describeSecret and readValue there.", place)
	case v.State == store.NamesOnly && !vault:
		return fmt.Sprintf("Too little: it sees names in %s and no values, which then nothing masks. Grant readValue there.", place)
	case vault && slices.ContainsFunc(v.Entries, func(e store.Entry) bool { return !e.Hidden() }):
		return fmt.Sprintf("Too much, unless agents are to get values from it after a yes: it can read the values in %s, where describing them would do. Take readValue away there.", place)
	default:
		return ""
	}
}
