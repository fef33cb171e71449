package approval

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"scrim/internal/audit"
	"scrim/internal/secret"
)

// subject is a request as the gate keeps it: with its digests, and with what
// the agent wrote masked and cleaned for people and for the audit trail.
type subject struct {
	request Request // without what the agent wrote
	digest  [sha256.Size]byte
	core    [sha256.Size]byte

	command []string // each word as shown writes it
	dir     string
	program string
	purpose string
	agent   string
}

// The most runes that are shown and kept of what an agent wrote.
const (
	maxPurpose = 300
	maxAgent   = 60
	maxID      = 40
)

func (g *Gate) subject(r Request) subject {
	r.Refs = slices.Clone(r.Refs)
	s := subject{
		request: r,
		digest:  r.Digest(),
		core:    r.core(),
		dir:     g.shown(r.Dir),
		program: g.shown(r.Program),
		purpose: g.say(r.Purpose, maxPurpose),
		agent:   g.say(r.Agent, maxAgent),
	}
	for _, word := range r.Command {
		s.command = append(s.command, g.shown(word))
	}
	s.request.Command, s.request.Dir, s.request.Program = nil, "", ""
	s.request.Purpose, s.request.Agent = "", ""
	return s
}

// say makes untrusted text fit to be shown and kept.
func (g *Gate) say(text string, limit int) string {
	if text == "" {
		return ""
	}
	if g.options.Mask == nil {
		return "(not shown: nothing masks it)"
	}
	return secret.Untrusted(text, limit, g.options.Mask)
}

// event returns the record of kind about s.
func (s subject) event(kind audit.Kind, id string) audit.Event {
	names := make([]string, len(s.request.Refs))
	for i, ref := range s.request.Refs {
		names[i] = ref.String()
	}
	return audit.Event{
		Time:        time.Now(),
		Kind:        kind,
		RequestID:   id,
		Project:     s.request.Scope.Project,
		Environment: s.request.Scope.Environment,
		Names:       names,
		Delivery:    string(s.request.Delivery),
		Command:     s.command,
		Dir:         s.dir,
		Program:     s.program,
		ProgramHash: s.request.ProgramSHA256,
		Purpose:     s.purpose,
		Agent:       s.agent,
		Digest:      fmt.Sprintf("%x", s.digest),
	}
}
