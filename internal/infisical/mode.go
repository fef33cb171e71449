package infisical

import (
	"slices"
	"strings"
	"sync"
	"time"

	"scrim/internal/secret"
)

// mode is how much of a folder is asked for. A list that the store refuses in
// one mode is asked for again in a lesser one.
type mode byte

const (
	full       mode = 'x' // values, references expanded
	unexpanded mode = 'u' // values as they were written
	names      mode = 'n' // no values
)

// fullAgain is how long a lesser mode is taken for granted.
const fullAgain = 5 * time.Minute

// lesser returns the mode to list in after m was refused with err, and false
// where err is not about what m asked for.
func (m mode) lesser(err error) (mode, bool) {
	switch kindOf(err) {
	case kindExpansion:
		return unexpanded, m == full
	case kindPermission, kindReadValue:
		return names, m != names
	default:
		return m, false
	}
}

// tag makes the store's ETag the opaque one that callers hold, which is good
// for the mode that it was got in and for no other.
func (m mode) tag(etag string) string {
	if etag == "" {
		return ""
	}
	return string(rune(m)) + ":" + etag
}

// untag returns the store's ETag out of one made by m.tag, or "" where tag is
// anything else.
func (m mode) untag(tag string) string {
	etag, ok := strings.CutPrefix(tag, string(rune(m))+":")
	if !ok || !headerSafe(etag) {
		return ""
	}
	return etag
}

// modes remembers which folders are refused in full, so that not every list
// begins with a refusal. The zero modes remembers none.
type modes struct {
	mu   sync.Mutex
	seen map[place]refusedInFull
}

type refusedInFull struct {
	since time.Time
	works mode
}

// first returns the mode to begin with at p.
func (s *modes) first(p place) mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	note, ok := s.seen[p]
	if !ok || time.Since(note.since) >= fullAgain {
		return full
	}
	return note.works
}

// worked remembers that a list of p that began in one mode ended well in
// another.
func (s *modes) worked(p place, began, ended mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended == full {
		delete(s.seen, p)
		return
	}
	note := s.seen[p]
	if began == full {
		note.since = time.Now()
	}
	note.works = ended
	if s.seen == nil {
		s.seen = map[place]refusedInFull{}
	}
	s.seen[p] = note
}

// mark sets what m says about all of l.
func (m mode) mark(l secret.Listing) secret.Listing {
	shown := slices.ContainsFunc(l.Secrets, func(s secret.Listed) bool { return !s.Value.IsZero() })
	l.Unexpanded = m == unexpanded
	l.Hidden = m == names || len(l.Secrets) > 0 && !shown
	return l
}
