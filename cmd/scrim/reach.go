package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"scrim/internal/identity"
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
	for _, advice := range advise(scope, snapshot, beside, err, false) {
		q.say("%s", advice.text())
	}
	return nil
}

// advice is what is to be said of an identity's permissions, and what to change.
type advice struct {
	status    status
	what, fix string
}

func (a advice) text() string { return strings.TrimSpace(a.what + " " + a.fix) }

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

// lister is the part of a store that lists names.
type lister interface {
	Names(ctx context.Context, environment, path string) (secret.Listing, error)
	Folders(ctx context.Context, environment, path string) ([]string, error)
}

// neighbours returns the folders beside the scope's, in its environment, in
// which the identity sees names.
func neighbours(ctx context.Context, client lister, scope secret.Scope) ([]string, error) {
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

// advise says what to change in the identity's permissions, where the vault has
// an identity of its own or has not.
func advise(scope secret.Scope, s store.Snapshot, beside []string, noFolders error, ownVault bool) []advice {
	if errors.Is(noFolders, secret.ErrForbidden) {
		return []advice{{statusProblem, "Too little: it is no member of the project.", "Add it there, under access control, with a role as in docs/infisical.md."}}
	}
	var all []advice
	for _, v := range s.Views {
		if a, ok := advisePlace(v, ownVault); ok {
			all = append(all, a)
		}
		for _, gap := range v.Closed {
			all = append(all, advice{statusProblem, fmt.Sprintf("Too little: %s imports from %s, and it cannot list that.", v.Place, gap.Place), "Grant describeSecret and readValue there."})
		}
		if v.Unexpanded {
			all = append(all, advice{statusProblem, fmt.Sprintf("Too little: values in %s refer to others that it cannot read.", v.Place), "Grant readValue there."})
		}
	}
	if len(beside) > 0 {
		all = append(all, advice{statusProblem, fmt.Sprintf("Too much: it sees names in %s as well, which project %s does not need.", strings.Join(beside, ", "), scope.Project), "Limit its role to the paths in docs/infisical.md."})
	}
	if len(all) == 0 {
		all = append(all, advice{statusOK, "It sees what scrim needs in " + scope.Project + ", and no more that could be seen from here.", ""})
	}
	return all
}

// advisePlace says what to change for one place, if anything.
func advisePlace(v store.View, ownVault bool) (advice, bool) {
	place := v.Place
	vault := place.Location == secret.Vault
	switch {
	case v.State == store.Unread:
		return advice{statusUnknown, fmt.Sprintf("Not known: %s could not be read: %v.", place, v.Err), ""}, true
	case v.State == store.Denied && vault:
		return advice{statusProblem, fmt.Sprintf("Too little: it cannot list %s.", place), "Grant describeSecret there, so that scrim knows what is stored."}, true
	case v.State == store.Denied && place.Location == secret.Shared && !place.Stated:
		return advice{statusNote, fmt.Sprintf("It cannot list %s, so what is shared is out of scope.", place), "If the project has a part in it, grant describeSecret and readValue there."}, true
	case v.State == store.Denied:
		return advice{statusProblem, fmt.Sprintf("Too little: it cannot list %s.", place), "Grant describeSecret and readValue there."}, true
	case v.State == store.NamesOnly && !vault:
		return advice{statusProblem, fmt.Sprintf("Too little: it sees names in %s and no values, which then nothing masks.", place), "Grant readValue there."}, true
	case vault && ownVault && readsValues(v):
		return advice{statusProblem, fmt.Sprintf("Too much: it can read the values in %s, which has an identity of its own for that.", place), "Take readValue away there from this one."}, true
	case vault && readsValues(v):
		return advice{statusNote, fmt.Sprintf("Too much, unless agents are to get values from it after a yes: it can read the values in %s, where describing them would do.", place), "Take readValue away there."}, true
	default:
		return advice{}, false
	}
}

// readsValues reports whether a value of the place was shown.
func readsValues(v store.View) bool {
	return slices.ContainsFunc(v.Entries, func(e store.Entry) bool { return !e.Hidden() })
}

// adviseVault says what to change in the permissions of the vault's own identity:
// it needs the vault and nothing else. Whether it may read values is not tried.
func adviseVault(ctx context.Context, scope secret.Scope, client *identity.Source) []advice {
	var all []advice
	sees := func(what advice) { all = append(all, what) }
	for _, place := range scope.Places() {
		ref, err := place.Ref("SCRIM_PROBE_" + rand.Text())
		if err == nil {
			err = client.Probe(ctx, ref)
		}
		vault, may := place.Location == secret.Vault, err == nil || errors.Is(err, secret.ErrNotFound)
		switch {
		case errors.Is(err, secret.ErrUnauthenticated):
			return []advice{{statusProblem, err.Error(), "Correct the credentials, or what is under [identity.vault] in your scrim/config.toml."}}
		case vault && errors.Is(err, secret.ErrForbidden):
			sees(advice{statusProblem, fmt.Sprintf("Too little: it may not see into %s.", place), "Grant it describeSecret and readValue there."})
		case vault && !may:
			sees(advice{statusUnknown, fmt.Sprintf("Not known: %s could not be looked at: %v.", place, err), ""})
		case !vault && may:
			sees(advice{statusProblem, fmt.Sprintf("Too much: it sees into %s, and is asked for the vault alone.", place), "Limit its role to the vault, and to what values there refer to."})
		}
	}
	if beside, err := neighbours(ctx, client, scope); err == nil && len(beside) > 0 {
		sees(advice{statusProblem, fmt.Sprintf("Too much: it sees names in %s as well.", strings.Join(beside, ", ")), "Limit its role to the vault."})
	}
	return all
}
