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

	command []string
	dir     string
	purpose string
	agent   string
}

// The most runes that are shown and kept of what an agent wrote.
const (
	maxPurpose = 300
	maxAgent   = 60
	maxWord    = 300
	maxID      = 40
)

func (g *Gate) subject(r Request) subject {
	r.Refs = slices.Clone(r.Refs)
	s := subject{
		request: r,
		digest:  r.Digest(),
		core:    r.core(),
		dir:     g.say(r.Dir, maxWord),
		purpose: g.say(r.Purpose, maxPurpose),
		agent:   g.say(r.Agent, maxAgent),
	}
	for _, word := range r.Command {
		s.command = append(s.command, g.say(word, maxWord))
	}
	s.request.Command, s.request.Dir, s.request.Purpose, s.request.Agent = nil, "", "", ""
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
		Purpose:     s.purpose,
		Agent:       s.agent,
		Digest:      fmt.Sprintf("%x", s.digest),
	}
}
