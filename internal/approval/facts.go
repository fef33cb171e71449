package approval

import (
	"fmt"
	"time"

	"scrim/internal/audit"
	"scrim/policy"
)

// Facts are what a question's Text says, each by itself, for whoever lays them
// out in another way. They are masked as Text is. Command, Dir, Program, Purpose
// and Waiting's Agent are untrusted text all the same.
type Facts struct {
	Project     string
	Environment string
	Secrets     []Place
	Delivery    string // how the value leaves, in words
	Warning     string // what a yes comes to, where that is more than Delivery says

	// What is to be run, where something is: every word so that no two look the same.
	Command       []string
	CommandLine   string // the same on one line, with quotes
	Dir           string
	Program       string
	ProgramSHA256 string

	Purpose string

	Way      policy.Delivery // what Delivery and Warning are about
	OnDisk   bool            // the file is not in memory
	FileTTL  time.Duration   // for which the file is there
	YesTTL   time.Duration   // for which a yes is good
	Patience time.Duration   // after which no answer counts as no
}

// Place is where one secret lies, in the vault.
type Place struct{ Name, Environment, Path string }

// facts returns what the question of p says.
func (g *Gate) facts(p *pending) Facts {
	s := p.about
	scope := s.request.Scope
	f := Facts{
		Project: g.say(scope.Project, maxAgent), Environment: g.say(scope.Environment, maxAgent), Purpose: s.purpose,
		Way: s.request.Delivery, OnDisk: g.options.FileOnDisk, FileTTL: g.options.FileTTL, YesTTL: p.needed.ttl, Patience: g.patience(p),
	}
	for _, ref := range s.request.Refs {
		f.Secrets = append(f.Secrets, Place{ref.Name(), ref.Environment(), ref.Path()})
	}
	if f.Way == policy.DeliverRun {
		f.Command, f.Dir, f.Program, f.ProgramSHA256 = s.command, s.dir, s.program, s.request.ProgramSHA256
	}
	return f.Worded()
}

// Worded returns f with what scrim says of its way: Delivery, Warning and
// CommandLine.
func (f Facts) Worded() Facts {
	f.CommandLine = line(f.Command)
	switch f.Way {
	case policy.DeliverRun:
		f.Delivery, f.Warning = "run, into the environment of one command", warningOfRun
	case policy.DeliverFile:
		f.Delivery, f.Warning = fmt.Sprintf("file, %s, removed after %s", where(f.OnDisk), words(f.FileTTL)), warningOfFile
	case policy.DeliverBase:
		f.Delivery, f.Warning = "base, out of the vault to the project's own path", warningOfBase
	default:
		f.Delivery, f.Warning = string(f.Way)+", into the agent's conversation and so to its model", ""
	}
	return f
}

// Shown puts on record that somebody looks at the page of the question with that
// id. Whoever has the page's address can.
func (g *Gate) Shown(id string) error { return g.note(audit.Shown, id, nil) }

// Reject puts on record that something was sent in the name of the question with
// that id which is no answer. The question stays open. The error is an
// ErrBadAnswer that says why.
func (g *Gate) Reject(id, why string) error {
	return g.note(audit.Refused, id, fmt.Errorf("%w: %s", ErrBadAnswer, why))
}

// note records what happened to the open question with that id, and returns
// outcome.
func (g *Gate) note(kind audit.Kind, id string, outcome error) error {
	if g == nil || g.options.Audit == nil {
		return errNoTrail
	}
	p, err := g.atDesk(id)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.record(p, kind, outcome); err != nil {
		return err
	}
	return outcome
}
