package redact

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Most of what starts a decoding has nothing to do with any value: the escaped
// quotes of JSON, the percent signs of a query, the colours of a log. To undo
// all of it would cost more than all else. So text is undone only near what may
// be a value written in another way, and there are two signs of one:
//
//   - a window of a pattern stands in the text as it is, and the pattern stops
//     being the text where something is encoded (mayGoOn);
//   - a window stands in what the text means, across something that is encoded
//     (seams).
//
// Whatever is written in an encoding that is undone shows one of the two, since
// its window is either cut by it or not.

// The distances, in bytes, at which two places of a text have to do with each
// other.
const (
	// crossing is more than any window has.
	crossing = 16
	// unitReach is more than the bytes that stand for a few others have, but for
	// control sequences, which start with a trigger wherever they end.
	unitReach = 48
	// strayReach is how far a pattern can go on by chance within such bytes.
	strayReach = 8
)

// mayGoOn reports whether a pattern that starts at text[start:], if it is
// there, and of which text[from:to] is a window, stops being the text only
// where something is encoded.
func mayGoOn(text []byte, start, from, to int, pattern string) bool {
	i := to
	for i < len(text) && i-start < len(pattern) && text[i] == pattern[i-start] {
		i++
	}
	if i-start < len(pattern) && (i == len(text) || !goesOn(text, i, pattern[i-start])) {
		return false
	}
	i = from - 1
	for i >= 0 && i >= start && text[i] == pattern[i-start] {
		i--
	}
	return i < start || i >= 0 && comesFrom(text, i, pattern[i-start])
}

// mayBeToken reports whether text[start:end], which has letters beside it, may
// be a token of what text means.
func mayBeToken(text []byte, start, end int) bool {
	return hasTrigger(text[max(0, start-unitReach):start]) || hasTrigger(text[end:min(len(text), end+1)])
}

// goesOn reports whether what is encoded in text around i may mean next.
func goesOn(text []byte, i int, next byte) bool {
	if hasTrigger(text[max(0, i-strayReach):min(len(text), i+2)]) {
		return true
	}
	end := i + bytes.IndexByte(text[i:min(len(text), i+3)], '\n')
	if end < i {
		return false
	}
	before, after := breakAt(text, end)
	return before <= i && after < len(text) && (text[after] == next || text[after] == '\n' || text[after] == '\r' || text[after] == '=' || isTrigger(text[after]))
}

// comesFrom is goesOn for what is before text[i+1:].
func comesFrom(text []byte, i int, last byte) bool {
	if hasTrigger(text[max(0, i-unitReach):min(len(text), i+strayReach)]) {
		return true
	}
	end := len(bytes.TrimRight(text[:i+1], " \t")) - 1
	if end < 0 || text[end] != '\n' {
		return false
	}
	before, _ := breakAt(text, end)
	return before > 0 && (text[before-1] == last || blank(text, before) < before || text[before-1] == '\n')
}

func hasTrigger(text []byte) bool { return slices.ContainsFunc(text, isTrigger) }

// seams looks for windows in what a text means, across what is encoded in it.
// It takes the units that are, in order, and those close to each other as one.
type seams struct {
	k       *snapshot
	m       *matcher // k's
	l       *looker
	text    []byte
	units   int // how many are taken and not looked at yet
	lo      int // where the first of them starts
	hi      int // where the last of them ends
	escaped int // where the last escape with a backslash ends
	sign    int // where the last sign is, plus one
	last    meaning
}

// meaning is what one unit means, as far as it fits; a longer one is undone to see.
type meaning struct {
	meant [utf8.UTFMax]byte
	size  int
	alone bool // there is no more to it, and what it means means itself
}

// take takes the byte at i, which starts a unit if anything does, or is in the
// end of a line; the next of those is at next. What no window can have in it is
// left out.
func (s *seams) take(i, next int) {
	c := s.text[i]
	switch {
	case c == '\\' && i < s.escaped: // it belongs to the escape before
	case c == '\n' && s.isBare(i, next):
		s.takeBare(i)
	case c == '\n':
		if before, after := breakAt(s.text, i); s.mayCross(before, after) || s.mayCross(blank(s.text, before), after) {
			s.add(before, after, meaning{alone: s.isApart(before)})
		}
	case c >= ' ':
		s.sign = i + 1
		if !s.isCommon(i) {
			s.takeMeaning(i)
		}
	default:
		length := styleLength(s.text[i:])
		switch {
		case length <= 0:
		case c == '\b':
			s.add(max(0, i-1), i+length, meaning{}) // what is before it may belong to it
		case s.mayCross(i, i+length) || s.units > 0 && s.hi == i:
			s.add(i, i+length, meaning{alone: s.isApart(i)})
		}
	}
}

// isApart reports whether no sign is so close before i that what is behind a cut
// there may belong to it.
func (s *seams) isApart(i int) bool { return s.sign == 0 || i-s.sign >= maxEscape }

// isBare reports whether the line feed at i is all there is to the line's end,
// and is far from all that may be encoded: most are.
func (s *seams) isBare(i, next int) bool {
	if !s.isApart(i) || s.units > 0 && i-s.hi < 2*crossing || next-i <= 2*crossing || i < crossing || i+1+crossing > len(s.text) {
		return false
	}
	before, after := s.text[i-1], s.text[i+1]
	return before > ' ' && before != '=' && after != ' ' && after != '\t'
}

// takeBare takes and looks at the bare line feed at i.
func (s *seams) takeBare(i int) {
	if s.units > 0 {
		s.flush()
	}
	if s.m.mayCross(load(s.text[i-8:]), load(s.text[i+1:])) && s.joins(i, i+1) {
		s.l.near = append(s.l.near, i)
	}
}

// joins reports whether a window stands across text[lo:hi], which means nothing.
func (s *seams) joins(lo, hi int) bool {
	var around [2 * crossing]byte
	copy(around[:], s.text[lo-crossing:lo])
	copy(around[crossing:], s.text[hi:hi+crossing])
	return s.m.hasWindow(around[:])
}

// blank returns where the white space before text[i:] starts, if that is all of a
// line, or i.
func blank(text []byte, i int) int {
	at := i
	for at > 0 && (text[at-1] == ' ' || text[at-1] == '\t') {
		at--
	}
	if at > 0 && text[at-1] == '\n' {
		return at
	}
	return i
}

// isCommon reports whether the trigger at i is of the most common ones, which
// have nothing to do with a window: a backslash before a sign that stands for
// itself, a percent sign or an ampersand that stands for itself.
func (s *seams) isCommon(i int) bool {
	switch s.text[i] {
	case '\\':
		if i+1 < len(s.text) && s.text[i+1] == '\\' && !s.m.inWindow['\\'] {
			i++ // in JSON inside JSON
		}
		return s.isCommonEscape(i)
	case '%':
		if i+2 >= len(s.text) {
			return true
		}
		high, low := hexCode.digits[s.text[i+1]], hexCode.digits[s.text[i+2]]
		return high|low == noDigit || high<<4|low != '\n' && !s.m.matters[high<<4|low]
	case '&':
		end := i + entityEnd(s.text[i:])
		return end == len(s.text) || s.text[end] != ';'
	default:
		return false
	}
}

// isCommonEscape reports whether the escape at i, with a backslash, means a
// visible character that no window has, and nothing else.
func (s *seams) isCommonEscape(i int) bool {
	if i+6 > len(s.text) {
		return false
	}
	meant := s.text[i+1]
	if meant == 'u' {
		digits := &hexCode.digits
		high, low := digits[s.text[i+4]], digits[s.text[i+5]]
		if s.text[i+2] != '0' || s.text[i+3] != '0' || high|low == noDigit {
			return false
		}
		meant = high<<4 | low
	}
	return meant > ' ' && meant < utf8.RuneSelf && !s.m.matters[meant]
}

// takeMeaning takes a unit at i that means something.
func (s *seams) takeMeaning(i int) {
	var buffer [16]byte
	meant, length := kindFor(s.text[i]).unit(buffer[:0], s.text[i:])
	if length <= 0 {
		return
	}
	if s.text[i] == '\\' {
		s.escaped = i + length
	}
	if string(meant) == "\\" && !s.mayNest(i) {
		return
	}
	if string(meant) == "\n" {
		if s.mayCross(i, indented(s.text, i+length)) {
			s.add(i, i+length, meaning{alone: !s.m.inWindow['\n'] && s.text[i+length] > ' '})
		}
		return
	}
	if slices.ContainsFunc(meant, s.mayMatter) {
		u := meaning{size: len(meant), alone: len(meant) <= utf8.UTFMax && !hasTrigger(meant) && !hasTrigger(s.text[max(0, i-maxEscape):i])}
		copy(u.meant[:], meant)
		s.add(i, i+length, u)
	}
}

// mayMatter reports whether c is in a window, or may be a part of what is undone
// next.
func (s *seams) mayMatter(c byte) bool { return s.m.matters[c] }

// mayNest reports whether the backslash that the escape at i means, alone or
// with what follows it, means what a window may have: JSON inside JSON has many
// that do not.
func (s *seams) mayNest(i int) bool {
	if s.m.inWindow['\\'] {
		return true
	}
	var once, twice [3 * maxEscape]byte
	meant, length := simplyNested(twice[:0], s.text[i+1:])
	if length == 0 {
		var edits [3 * maxEscape]edit
		text, _, _ := escapes.decode(once[:0], edits[:0], s.text[i:min(len(s.text), i+3*maxEscape)])
		meant, length = escapeUnit(twice[:0], text)
	}
	if length <= 0 {
		return length == incomplete
	}
	return len(meant) == 0 || string(meant) == "\n" || slices.ContainsFunc(meant, s.mayMatter)
}

// simplyNested reads the escape that text, which follows a backslash, starts with,
// if its other bytes stand for themselves: most do.
func simplyNested(dst, text []byte) ([]byte, int) {
	text = text[:min(len(text), maxEscape)]
	if len(text) < 2 || text[0] != '\\' {
		return dst, 0
	}
	if end := bytes.IndexByte(text[1:], '\\'); end >= 0 {
		text = text[:1+end]
	}
	meant, length := escapeUnit(dst, text)
	return meant, max(0, length)
}

// mayCross reports whether a window may go on across text[lo:hi], which means
// nothing.
func (s *seams) mayCross(lo, hi int) bool {
	return lo > 0 && hi < len(s.text) && s.m.beside[s.text[lo-1]] && s.m.beside[s.text[hi]]
}

// add takes a unit.
func (s *seams) add(lo, hi int, u meaning) {
	apart, alone := lo-s.hi, s.last.alone && u.alone
	switch {
	case s.units == 0:
	case s.units == 1 && alone && apart == 0 && s.last.size+u.size == 0 && !s.m.inWindow[s.text[s.lo]] && !s.m.inWindow[s.text[lo]]:
		s.hi = hi // one cut
		return
	case apart < crossing || !alone && apart < 2*crossing:
		s.hi = max(s.hi, hi)
		s.last.alone = alone
		s.units++
		return
	}
	s.flush()
	s.lo, s.hi, s.units, s.last = lo, hi, 1, u
}

// flush looks at what was taken.
func (s *seams) flush() {
	if s.units > 0 && s.crosses() {
		for i := s.lo; i < s.hi; i += unitReach { // units close to each other go on for long at times
			s.l.near = append(s.l.near, i)
		}
	}
	s.units = 0
}

func (s *seams) crosses() bool {
	if s.units > 1 || !s.last.alone || s.lo < crossing || s.hi+crossing > len(s.text) {
		reach := unitReach
		if s.last.alone {
			reach = crossing
		}
		return s.l.means(s.k, s.text[max(0, s.lo-reach):min(len(s.text), s.hi+reach)], 0)
	}
	m := s.m
	if s.last.size == 0 {
		return m.mayCross(load(s.text[s.lo-8:]), load(s.text[s.hi:])) && s.joins(s.lo, s.hi)
	}
	// Nothing else here can be in a window.
	var around [2*crossing + utf8.UTFMax]byte
	copy(around[:], s.text[s.lo-crossing:s.lo])
	copy(around[crossing:], s.last.meant[:s.last.size])
	copy(around[crossing+s.last.size:], s.text[s.hi:s.hi+crossing])
	return m.hasWindow(around[:2*crossing+s.last.size])
}

// means reports whether a window stands in what text means, in any order of
// encodings.
func (l *looker) means(k *snapshot, text []byte, depth int) bool {
	b := &l.seams[depth]
	for kind := range kindsOfEdit {
		if kind.next(text) == len(text) {
			continue
		}
		b.view, b.edits, _ = kind.decode(b.view[:0], b.edits[:0], text)
		if len(b.edits) == 0 {
			continue
		}
		if k.matcher.hasWindow(b.view) {
			return true
		}
		if depth+1 < maxDepth && kind != lines && l.means(k, b.view, depth+1) {
			return true
		}
	}
	return false
}
