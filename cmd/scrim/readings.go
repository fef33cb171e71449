package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"scrim/internal/config"
	"scrim/internal/estate"
	"scrim/internal/secret"
	"scrim/internal/store"
	"scrim/internal/validate"
	"scrim/tools"
)

// reading is the scope of one project in one environment, as it was read.
type reading struct {
	deps     tools.Deps
	checker  validate.Checker
	snapshot store.Snapshot
	list     tools.ListAnswer // what could be read, in the words of the list
	failed   error            // why there is no snapshot
}

// readings is all that a command read.
type readings struct {
	all      []reading
	estate   bool   // of all projects
	location string // what of it counts, or "all"
	here     string // the project that the working tree is of, or empty
}

func (r readings) wanted(v store.View) bool {
	return r.location == "all" || r.location == v.Place.Location.String()
}

// has reports whether some place lists name.
func (r readings) has(name string) bool {
	return slices.ContainsFunc(r.all, func(one reading) bool { return one.snapshot.Has(name) })
}

// err returns why something is unread, or nil.
func (r readings) err() error {
	for _, one := range r.all {
		if err := errors.Join(one.failed, one.snapshot.Err()); err != nil {
			return err
		}
	}
	return nil
}

// readProject reads one project in these environments: for none, in the one that
// the configuration says. A scope that is not in the store is an error.
func readProject(c *cli, q *query, project string, environments []string, location string) (readings, error) {
	read := readings{location: location}
	if len(environments) == 0 {
		environments = []string{""}
	}
	for i, environment := range environments {
		cfg, inside, err := scopeFlags{Project: project, Env: environment}.load(c)
		if err != nil {
			return readings{}, err
		}
		if i == 0 {
			q.open(c, cfg, inside)
		}
		if cfg.Origin("project") != "--project" {
			read.here = cfg.Scope.Project
		}
		waited := sayIfSlow(c.stderr, "reading the store …")
		r := q.readScope(c.ctx, cfg, cfg.Scope, location)
		waited()
		if err := errors.Join(c.ctx.Err(), r.failed); err != nil {
			return readings{}, err
		}
		read.all = append(read.all, r)
	}
	return read, nil
}

// readScope reads one scope of the store that q has open. What limits the rate is
// waited for.
func (q *query) readScope(ctx context.Context, cfg config.Config, scope secret.Scope, location string) reading {
	cfg.Scope = scope
	r := reading{deps: q.deps, checker: checkerOf(cfg)}
	r.deps.Scope = scope
	r.deps.Store = store.New(store.Options{Scope: scope, Source: q.source, Learner: q.deps.Redactor, Judge: r.checker, Log: q.deps.Log, Now: q.deps.Now})
	_ = estate.Pace{}.Patiently(ctx, func() error {
		r.snapshot = r.deps.Store.Snapshot(ctx)
		return r.limited()
	})
	if r.failed = r.snapshot.ScopeError(); r.failed == nil {
		r.list, r.failed = r.deps.List(ctx, tools.ListArguments{Location: location})
	}
	return r
}

// limited returns the error of a place whose rate is limited, or nil.
func (r reading) limited() error {
	for _, v := range r.snapshot.Views {
		if errors.Is(v.Err, secret.ErrRateLimited) {
			return v.Err
		}
	}
	return nil
}

// readEstate reads every project in these environments: for none, in the one that
// the configuration says. One that cannot be read keeps no other from it.
func readEstate(c *cli, q *query, environments []string, location string) (readings, error) {
	var flags scopeFlags
	if len(environments) > 0 {
		flags.Env = environments[0]
	}
	all, err := flags.loadEstate(c)
	if err != nil {
		return readings{}, err
	}
	q.open(c, all.Config, nil)
	read := readings{estate: true, location: location, here: all.Here}
	if len(environments) == 0 {
		environments = []string{all.Config.Scope.Environment}
	}
	for _, environment := range environments {
		if err := secret.CheckEnvironment(environment); err != nil {
			return readings{}, usageError("--env: " + err.Error())
		}
		some, err := q.readProjects(c, all, environment, location)
		if err != nil {
			return readings{}, err
		}
		read.all = append(read.all, some...)
	}
	return read, nil
}

// readProjects reads every project of one environment, some at a time. The shared
// source is read with the first.
func (q *query) readProjects(c *cli, all config.Estate, environment, location string) ([]reading, error) {
	layout := estate.Layout{Shared: all.Shared, Vault: all.Vault, Staging: all.Staging, Registered: all.Registered}
	pace := estate.Pace{Parallel: 4} // each reads up to four places
	var projects []estate.Project
	err := pace.Patiently(c.ctx, func() (err error) {
		projects, err = layout.Projects(c.ctx, q.source, environment)
		return err
	})
	if errors.Is(err, secret.ErrPathNotFound) {
		err = &store.NoEnvironmentError{Environment: environment}
	}
	if err != nil {
		return nil, err
	}
	read := make([]reading, len(projects))
	waited := sayIfSlow(c.stderr, fmt.Sprintf("reading %s in %s …", count(len(projects), "project"), environment))
	defer waited()
	pace.Each(c.ctx, len(projects), func(i int) {
		scope, err := all.Scope(projects[i].Name, environment)
		if i > 0 {
			scope.SharedPath = ""
		}
		if err != nil {
			read[i] = reading{deps: tools.Deps{Scope: secret.Scope{Project: projects[i].Name, Environment: environment}}, failed: err}
			return
		}
		read[i] = q.readScope(c.ctx, all.Config, scope, location)
	})
	return read, c.ctx.Err()
}
