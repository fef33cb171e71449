// Package redact is the way out: every byte that leaves scrim passes one
// Redactor, which knows each value in scope in its usual encodings and puts a
// marker in its place.
//
// What to hide (encodings.go, short.go) is apart from how to find it
// (matcher.go), and both are apart from where it stands: in plain bytes, in a
// stream (stream.go), or in a JSON-RPC message (frames.go).
package redact

import (
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scrim/internal/secret"
)

// Options are what a Redactor has to be told. The zero Options will do.
type Options struct {
	// Vocabulary is public words of the server's own, which Frames lets
	// through where they stand for themselves. The protocol's are built in. It
	// is called once, by the first message that has something to mask.
	Vocabulary func() Vocabulary
	// OnStray is told, masked, what was written to Frames and is no JSON-RPC
	// message: it went nowhere. It must not write to the same Frames.
	OnStray func(masked []byte)
	// MaxLine bounds a message to Frames, in bytes; 0 means 64 MiB. A longer
	// one goes nowhere and is reported to OnStray.
	MaxLine int
	// Now is the clock for the life of claims; nil means time.Now.
	Now func() time.Time
}

const defaultMaxLine = 64 << 20

// Redactor knows values and masks them. It is safe for concurrent use. A nil
// or zero Redactor knows nothing and lets nothing through: New makes one.
type Redactor struct {
	opaque
	// reveal is a closure, as in secret.Value: reflection that gets past opaque
	// (fmt on an unexported field, with a verb that does not fit) follows
	// pointers and meets no function's variables.
	reveal func() *state
}

type state struct {
	words   func() *vocabulary // made when first needed
	onStray func(masked []byte)
	maxLine int
	now     func() time.Time
	claims  claims

	stale   atomic.Bool // something was learned since current was built
	current atomic.Pointer[snapshot]
	lookers chan *looker // those that are not in use; they are large, and end with the Redactor

	mu     sync.Mutex // guards what follows, and building
	known  map[identity]*learned
	latest map[secret.Ref]*learned // the last value learned under a name
	order  []*learned
	exempt map[string]bool // names whose values are no secrets
	anew   bool            // what is known cannot be added to current
}

// identity tells learned values apart without keeping them as keys.
type identity struct {
	ref secret.Ref
	sum [sha256.Size]byte
}

// learned is one value under one name.
type learned struct {
	identity
	value secret.Value
}

// New returns a Redactor that knows no value yet.
func New(o Options) *Redactor {
	s := &state{
		words:   sync.OnceValue(func() *vocabulary { return newVocabulary(o.Vocabulary) }),
		onStray: o.OnStray,
		maxLine: o.MaxLine,
		now:     o.Now,
		claims:  newClaims(),
		lookers: make(chan *looker, spareLookers),
		known:   make(map[identity]*learned),
		latest:  make(map[secret.Ref]*learned),
	}
	if s.maxLine <= 0 {
		s.maxLine = defaultMaxLine
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.stale.Store(true)
	return &Redactor{reveal: func() *state { return s }}
}

// spareLookers bounds how many lookers are kept for later.
const spareLookers = 4

// Learn makes v known as the value of ref, from the next read on. Values that
// ref had before stay known. The zero Ref is for a value without a name: its
// marker is "[redacted]". To learn what is known costs nothing.
func (r *Redactor) Learn(ref secret.Ref, v secret.Value) {
	if s := r.state(); s != nil {
		s.learn(ref, v)
	}
}

// Exempt says which names have values that are no secrets, such as a region: a
// person said so. What they hold is not masked, unless another name holds it
// too, and Unredactable does not list them. It replaces what was said before.
func (r *Redactor) Exempt(names []string) {
	s := r.state()
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exempt = make(map[string]bool, len(names))
	for _, name := range names {
		s.exempt[name] = true
	}
	s.anew = true
	s.stale.Store(true)
}

// Bytes appends src to dst with every known value masked, and returns it with
// what was masked, in order. dst must not overlap src.
func (r *Redactor) Bytes(dst, src []byte) ([]byte, []Hit) {
	k := r.snapshot()
	if k == nil {
		return appendRefusal(dst, src), nil
	}
	l := r.state().looker()
	defer r.state().release(l)
	l.copied = slices.Grow(dst, len(src)) // most texts hold nothing
	spans := union(k.sorted(l, src))
	copied := l.copied
	l.copied = nil
	if len(spans) == 0 {
		return append(copied, src[len(copied)-len(dst):]...), nil
	}
	hits := make([]Hit, 0, len(spans))
	for _, s := range spans {
		hits = append(hits, Hit{Refs: slices.Clone(s.refs), Start: s.start, End: s.end, Encoding: s.encoding})
	}
	return maskAll(dst, src, spans), hits
}

// String returns text with every known value masked.
func (r *Redactor) String(text string) string {
	masked, _ := r.Bytes(nil, []byte(text))
	return string(masked)
}

// Unredactable lists, sorted, the names whose last learned value is too short
// or too common to be masked, or is itself a name that discovery must be able
// to say. It is for people: to an agent it would tell about the value.
func (r *Redactor) Unredactable() []secret.Ref {
	k := r.snapshot()
	if k == nil {
		return nil
	}
	return r.state().unredactable(k)
}

func (s *state) unredactable(k *snapshot) []secret.Ref {
	s.mu.Lock()
	defer s.mu.Unlock()
	var refs []secret.Ref
	for ref, l := range s.latest {
		plaintext := trim(l.value.Reveal())
		if plaintext != "" && !s.exempt[ref.Name()] && (k.says(plaintext) || classify(plaintext) == never) {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, compareRefs)
	return refs
}

func (r *Redactor) state() *state {
	if r == nil || r.reveal == nil {
		return nil
	}
	return r.reveal()
}

func (r *Redactor) snapshot() *snapshot {
	s := r.state()
	if s == nil {
		return nil
	}
	return s.snapshot()
}

func (s *state) learn(ref secret.Ref, v secret.Value) {
	plaintext := v.Reveal()
	id := identity{ref: ref, sum: sha256.Sum256([]byte(plaintext))}
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.known[id]
	if !ok {
		l = &learned{identity: id, value: v}
		s.known[id] = l
		s.order = append(s.order, l)
	}
	if !ref.IsZero() {
		s.latest[ref] = l
	}
	if !ok {
		s.stale.Store(true)
	}
}

// learnUnnamed learns v unless it is known under some name.
func (s *state) learnUnnamed(v secret.Value) {
	sum := sha256.Sum256([]byte(v.Reveal()))
	s.mu.Lock()
	known := slices.ContainsFunc(s.order, func(l *learned) bool { return l.sum == sum })
	s.mu.Unlock()
	if !known {
		s.learn(secret.Ref{}, v)
	}
}

// snapshot returns what is known now. A batch of Learn calls costs one build,
// on the first read after it.
func (s *state) snapshot() *snapshot {
	if !s.stale.Load() {
		return s.current.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stale.Load() {
		s.current.Store(s.build())
		s.stale.Store(false)
	}
	return s.current.Load()
}

// build makes the snapshot of what is known: of the last one and what was
// learned since, which takes microseconds, or from nothing.
func (s *state) build() *snapshot {
	if last := s.current.Load(); last != nil && !s.anew {
		if k := last.with(s.order, s.exempt); k != nil {
			return k
		}
	}
	s.anew = false
	return newSnapshot(s.order, s.exempt)
}

// looker returns one that nobody else uses, until release gets it back.
func (s *state) looker() *looker {
	select {
	case l := <-s.lookers:
		return l
	default:
		return new(looker)
	}
}

// release takes l back, less what has grown large.
func (s *state) release(l *looker) {
	l.trim()
	select {
	case s.lookers <- l:
	default: // there are enough
	}
}

// appendRefusal is what a Redactor that New did not make puts for src.
func appendRefusal(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	return append(dst, unnamed...)
}
