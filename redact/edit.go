package redact

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// editor writes a JSON text again with its values masked. It touches strings,
// keys and numbers that hold one and copies everything else.
type editor struct {
	words *vocabulary
	text  []byte
	spans []span // what to mask in the text, structure and all
	next  int    // of spans: those before it end before the token at hand
	swap  swap
	out   []byte
	done  int // out has the text up to here
	keys  map[int]*keySet
}

func (e *editor) visit(t jsonToken) {
	for e.next < len(e.spans) && e.spans[e.next].end <= t.start {
		e.next++
	}
	switch {
	case t.place == placeVerbatim && t.kind != keyToken:
	case t.kind == numberToken:
		if spans := e.within(t.start, t.end); len(spans) > 0 {
			e.put(t, `"`+spans[0].marker+`"`)
		}
	case e.swap.isFor(t, e.text):
		e.put(t, e.swapped(t))
	default:
		e.maskString(t)
	}
}

// maskString masks a key or a string, unless it is a public word.
func (e *editor) maskString(t jsonToken) {
	masked, ok := e.masked(t.start+1, t.end-1)
	if !ok || e.isWord(t) {
		return
	}
	if t.kind == keyToken {
		masked = e.keySet(t.object).unique(masked)
	}
	e.put(t, `"`+masked+`"`)
}

func (e *editor) isWord(t jsonToken) bool {
	if t.kind == keyToken {
		return e.words.isKey(t.content(e.text))
	}
	return e.words.isValue(t.field, t.content(e.text))
}

// masked returns the content between start and end masked, and whether there
// was anything to mask.
func (e *editor) masked(start, end int) (string, bool) {
	content := e.text[start:end]
	spans := e.within(start, end)
	if len(spans) == 0 {
		return "", false
	}
	snap(content, spans)
	return string(maskAll(nil, content, union(spans))), true
}

// within returns the parts of spans that lie in text[start:end], counted from
// start. What reaches over the end of a token is masked as far as it lies in it.
func (e *editor) within(start, end int) []span {
	var spans []span
	for _, s := range e.spans[e.next:] {
		if s.start >= end {
			break
		}
		if s.end <= start {
			continue
		}
		s.start, s.end = max(s.start, start)-start, min(s.end, end)-start
		spans = append(spans, s)
	}
	return spans
}

// swapped returns the string t with its claim swapped and the rest masked.
func (e *editor) swapped(t jsonToken) string {
	content := t.content(e.text)
	at := bytes.Index(content, []byte(e.swap.claim))
	from, to := t.start+1+at, t.start+1+at+claimLength
	value := e.swap.value
	if t.place == placeClaimText && isInJSON(unescape(content), e.swap.claim) {
		value = escapeJSON(value)
	}
	before, ok := e.masked(t.start+1, from)
	if !ok {
		before = string(e.text[t.start+1 : from])
	}
	after, ok := e.masked(to, t.end-1)
	if !ok {
		after = string(e.text[to : t.end-1])
	}
	return `"` + before + escapeJSON(value) + after + `"`
}

// isInJSON reports whether claim stands inside a string of JSON in text: a
// value that takes its place has to be escaped like its surroundings.
func isInJSON(text []byte, claim string) bool {
	return json.Valid(text) || bytes.Contains(text, []byte(`"`+claim+`"`))
}

// put replaces t.
func (e *editor) put(t jsonToken, replacement string) {
	e.out = append(e.out, e.text[e.done:t.start]...)
	e.out = append(e.out, replacement...)
	e.done = t.end
}

func (e *editor) finish() []byte { return append(e.out, e.text[e.done:]...) }

// keySet is the keys of one object, for telling masked ones apart.
type keySet struct {
	taken map[string]bool
	count map[string]int
}

// keySet returns the keys of the object that starts at start.
func (e *editor) keySet(start int) *keySet {
	if e.keys == nil {
		e.keys = make(map[int]*keySet)
	}
	set := e.keys[start]
	if set == nil {
		set = &keySet{taken: make(map[string]bool), count: make(map[string]int)}
		e.keys[start] = set
		w := walker{text: e.text, pos: start, v: &keyCollector{text: e.text, object: start, taken: set.taken}, stops: new(masks)}
		w.nested(placeOther, nil)
	}
	return set
}

// unique returns key, or key with the first number that no other key has.
func (s *keySet) unique(key string) string {
	free := key
	for s.taken[free] {
		s.count[key]++
		free = key + "~" + strconv.Itoa(s.count[key]+1)
	}
	s.taken[free] = true
	return free
}

// keyCollector collects the keys of one object, as written and as meant.
type keyCollector struct {
	text   []byte
	object int
	taken  map[string]bool
}

func (c *keyCollector) visit(t jsonToken) {
	if t.kind != keyToken || t.object != c.object {
		return
	}
	c.taken[string(t.content(c.text))] = true
	if t.escaped {
		c.taken[string(unescape(t.content(c.text)))] = true
	}
}

// escapeJSON returns s as encoding/json writes it, without the quotes.
func escapeJSON(s string) string {
	encoded, err := json.Marshal(s)
	if err != nil {
		return unnamed // a string always encodes
	}
	return string(encoded[1 : len(encoded)-1])
}
