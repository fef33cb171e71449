package redact

import (
	"math/bits"
	"slices"
)

// maxDepth bounds how many encodings inside each other are undone.
const maxDepth = 4

// looker looks for known values in a text as it is written and as it is meant:
// where something shows that a value may be encoded, it undoes that and looks
// again. It holds the buffers for doing so, and is used by one goroutine at a
// time.
type looker struct {
	found
	levels [maxDepth + 1]level
	seams  [maxDepth]undone
	places offsets

	// copied gets what is looked at, piece by piece while that is in the nearest
	// cache, unless it is nil.
	copied []byte

	everywhere bool // for tests: undo all that is encoded, near a value or not
}

// level is the buffers for one depth.
type level struct {
	undone
	regions []region
	masks   *masks // made when first needed: most texts have few depths
}

// undone is the buffers for what a text means, and for where that differs from
// what is written.
type undone struct {
	view  []byte
	edits []edit
}

// region is a part of a text to be undone: what shows that it is encoded lies
// between lo and hi.
type region struct {
	kind   kindOfEdit
	lo, hi int
}

// trim lets go of the buffers that have grown large.
func (l *looker) trim() {
	l.matches, l.near = recycle(l.matches), recycle(l.near)
	for i := range l.levels {
		l.levels[i].regions = recycle(l.levels[i].regions)
		l.levels[i].trim()
	}
	for i := range l.seams {
		l.seams[i].trim()
	}
}

func (u *undone) trim() {
	u.view, u.edits = recycle(u.view), recycle(u.edits)
}

// stops returns masks that nothing else is in need of between two looks.
func (l *looker) stops() *masks { return l.masks(0) }

func (l *looker) masks(depth int) *masks {
	v := &l.levels[depth]
	if v.masks == nil {
		v.masks = new(masks)
	}
	return v.masks
}

// find adds every occurrence in text to l.matches, in no order; some may be in
// it twice.
func (l *looker) find(k *snapshot, text []byte, depth int) {
	if depth == maxDepth || k.matcher.longest == 0 {
		k.matcher.find(&l.found, text)
		return
	}
	first := len(l.near)
	l.sweep(k, text, depth)
	l.undoNear(k, text, first, depth)
	l.near = l.near[:first]
}

// sweep goes through text once: it finds what stands there as it is, notes where
// a value may be that is written in another way, and looks into runs of base64
// and hexadecimal digits at once.
func (l *looker) sweep(k *snapshot, text []byte, depth int) {
	var at places
	s := seams{k: k, m: k.matcher, l: l, text: text}
	r := runs{k: k, l: l, text: text, depth: depth}
	m := l.masks(depth)
	for from := 0; from < len(text); {
		words := m.classify(text[from:min(len(text), from+chunk)], k.matcher.inert)
		tiles := m.tiles(words)
		done := words
		if from+chunk < len(text) {
			done-- // the last word is looked at with what follows it
		}
		l.chunk(m, &s, &r, from, done, tiles)
		end := min(len(text), from+done*block)
		k.matcher.findTo(&l.found, text, &at, end)
		if depth == 0 && l.copied != nil {
			l.copied = append(l.copied, text[from:end]...)
		}
		from = end
	}
	s.flush()
}

// chunk looks at what the first words of m say of the text from from on.
func (l *looker) chunk(m *masks, s *seams, r *runs, from, words int, tiles uint64) {
	places := m.places(&l.places, words)
	for n, place := range places[:len(places)-1] {
		s.take(from+int(place), from+int(places[n+1]))
	}
	if l.everywhere {
		for _, place := range places[:len(places)-1] {
			l.near = append(l.near, from+int(place))
		}
	}
	for ; tiles != 0; tiles &= tiles - 1 {
		if w := bits.TrailingZeros64(tiles); w < words {
			r.tiles(m.starts[w], m.highs[w], from+w*block)
		}
	}
}

// undoNear undoes what is encoded near the places from first on where values
// may be.
func (l *looker) undoNear(k *snapshot, text []byte, first, depth int) {
	near := l.near[first:]
	if len(near) == 0 {
		return
	}
	slices.Sort(near)
	reach := min(window, 8*k.matcher.longest+256)
	for i := 0; i < len(near); {
		lo, hi := near[i]-reach, near[i]+reach
		for i++; i < len(near) && near[i]-reach <= hi; i++ {
			hi = near[i] + reach
		}
		lo, hi = max(0, lo), min(len(text), hi)
		for lo > 0 && text[lo-1] == '\\' {
			lo--
		}
		l.undoAll(k, text, lo, hi, depth)
	}
}

// undoAll looks for occurrences in what text[lo:hi] means, in each way of
// writing that shows there.
func (l *looker) undoAll(k *snapshot, text []byte, lo, hi, depth int) {
	v := &l.levels[depth]
	v.regions = v.regions[:0]
	for kind := range kindsOfEdit {
		reach := kind.reach(k)
		open := region{kind: kind, hi: -1}
		for at := lo; at < hi; {
			at += kind.next(text[at:hi])
			switch {
			case at == hi:
			case open.hi >= 0 && at-open.hi <= 2*reach:
				open.hi = at + 1
			default:
				if open.hi >= 0 {
					v.regions = append(v.regions, open)
				}
				open.lo, open.hi = at, at+1
			}
			at++
		}
		if open.hi >= 0 {
			v.regions = append(v.regions, open)
		}
	}
	for _, r := range v.regions {
		l.undo(k, text, r, lo, hi, depth)
	}
}

// undo looks for occurrences in what the region of text[lo:hi] means.
func (l *looker) undo(k *snapshot, text []byte, r region, lo, hi, depth int) {
	lo, hi = max(lo, r.lo-r.kind.reach(k)), min(hi, r.hi+r.kind.reach(k))
	v := &l.levels[depth]
	v.view, v.edits, _ = r.kind.decode(v.view[:0], v.edits[:0], text[lo:hi])
	if len(v.edits) == 0 {
		return
	}
	first := len(l.matches)
	l.find(k, v.view, r.kind.inside(depth))
	l.matches = r.kind.lift(k, l.matches, first, v.edits, lo)
}

// reach is how far from where something shows to be encoded a value may begin
// or end, in bytes of what is written.
func (k kindOfEdit) reach(s *snapshot) int {
	if k == lines {
		return 2*s.matcher.longest + 256 // lines may be indented
	}
	return s.matcher.longest
}

// lift turns the matches from first on, which are in a view, into matches in
// the text that it was made of, from lo on. Those that have nothing to do with
// an edit are there already.
func (k kindOfEdit) lift(s *snapshot, matches []match, first int, edits []edit, lo int) []match {
	kept := matches[:first]
	for _, m := range matches[first:] {
		p := s.matcher.pattern(m.pattern)
		start, startEdit, in := rawOf(edits, m.start)
		end, endEdit, _ := rawOf(edits, m.end-1)
		asWritten := !in && startEdit == endEdit
		if p.token && !k.keepsTokens() || asWritten && (!p.token || !besideEdit(edits, startEdit, m)) {
			continue
		}
		if m.via == "" && p.encoding == Plain {
			m.via = k.encoding()
		}
		m.start, m.end = lo+start.from, lo+end.to
		kept = append(kept, m)
	}
	return kept
}

// besideEdit reports whether an edit is next to m, which lies between the edit
// before and the one after: what is beside a token there says whether it is one.
func besideEdit(edits []edit, before int, m match) bool {
	return before >= 0 && edits[before].view+edits[before].size == m.start ||
		before+1 < len(edits) && edits[before+1].view == m.end
}

// extent is where one byte of a view comes from.
type extent struct{ from, to int }

// rawOf returns where the byte of the view at v comes from, the last edit
// before or around it, and whether it is in that one.
func rawOf(edits []edit, v int) (extent, int, bool) {
	i, _ := slices.BinarySearchFunc(edits, v+1, func(e edit, v int) int { return e.view - v })
	if i == 0 {
		return extent{v, v + 1}, -1, false
	}
	e := edits[i-1]
	if v < e.view+e.size {
		return extent{e.raw, e.raw + e.length}, i - 1, true
	}
	from := e.raw + e.length + v - (e.view + e.size)
	return extent{from, from + 1}, i - 1, false
}
