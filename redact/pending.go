package redact

import (
	"bytes"
	"math/bits"
)

// window bounds how far back from the end of a text a value may begin that is
// still to come to its end, however it is written, in bytes.
const window = 64 << 10

// pending returns the start of the longest tail of text that more text could
// still turn into an occurrence, as it is written or as it is meant, or
// len(text). forEver may say too much: that costs a stream a little time, until
// its idle timer asks for no more than is so.
func (l *looker) pending(k *snapshot, text []byte, wait patience, depth int) int {
	least := l.pendingSettled(k, text, wait, depth)
	for range maxUnsettled {
		n := unsettled(text)
		if n == 0 {
			break
		}
		text = text[:len(text)-n]
		if p := l.pendingSettled(k, text, wait, depth); p < len(text) {
			least = min(least, p)
		}
	}
	return least
}

// maxUnsettled bounds how often the end of a text is taken off.
const maxUnsettled = 3

// pendingSettled is pending where the end of text is a part of it.
func (l *looker) pendingSettled(k *snapshot, text []byte, wait patience, depth int) int {
	least := min(k.matcher.pending(text, wait), pendingClaim(text, wait))
	if wait != forAWhile {
		least = min(least, openUnit(text))
	}
	if wait == forEver {
		least = min(least, openRun(text, k.matcher.longest), l.tangle(k.matcher, text))
	} else {
		least = min(least, l.pendingRun(k, &base64Code, text, wait, depth), l.pendingRun(k, &hexCode, text, wait, depth))
	}
	return l.pendingWritten(k, text, least, wait)
}

// unsettled returns how many bytes at the end of text may yet turn out not to
// be a part of it: the first of a line's end, or of an underlined character.
func unsettled(text []byte) int {
	n := len(text)
	switch {
	case n == 0:
		return 0
	case text[n-1] == '\r' && n > 1 && text[n-2] == '=':
		return 2
	case text[n-1] == '\r' || text[n-1] == '=' || text[n-1] == '_':
		return 1
	default:
		return 0
	}
}

// maxEscape is the length of the longest escape with a backslash: a pair of
// surrogates.
const maxEscape = 12

// openUnit returns where a unit starts that text may end within, or len(text).
func openUnit(text []byte) int {
	n := len(text)
	least := n
	tail := func(length int) int { return max(0, n-length) }
	if i := bytes.IndexByte(text[tail(maxEscape):], '\\'); i >= 0 {
		least = tail(maxEscape) + i
		for least > 0 && text[least-1] == '\\' {
			least--
		}
	}
	if i := bytes.IndexByte(text[tail(2):], '%'); i >= 0 {
		least = min(least, tail(2)+i)
	}
	if i := bytes.IndexByte(text[tail(maxEntity):], '&'); i >= 0 {
		least = min(least, tail(maxEntity)+i)
	}
	if n > 1 && text[n-1] == '\b' {
		least = min(least, n-2)
	}
	for i := tail(maxSequence); i < n; i++ {
		if text[i] == '\x1b' && sequenceLength(text[i:]) == incomplete {
			return min(least, i)
		}
	}
	return least
}

// tangle returns where what text ends in starts that may be a value in which
// several ways of writing meet, such as an escape that a control sequence cuts,
// or len(text). What that means shows only behind it.
func (l *looker) tangle(m *matcher, text []byte) int {
	reach := min(chunk, 8*m.longest+256)
	floor := max(0, len(text)-reach)
	if meeting := l.meeting(m, text[floor:]); meeting >= 0 {
		return max(0, floor+meeting-reach)
	}
	return len(text)
}

// meeting returns the first place in text, a chunk at most, where two ways of
// writing meet, or -1.
func (l *looker) meeting(m *matcher, text []byte) int {
	masks := l.masks(0)
	words := masks.classify(text, m.inert)
	sign, control := -unitReach-1, -unitReach-1 // the last before i
	for w := range words {
		for hits := masks.signs[w] | masks.controls[w]; hits != 0; hits &= hits - 1 {
			i := w*block + bits.TrailingZeros64(hits)
			before, after := text[max(0, i-2):i], text[i+1:min(len(text), i+3)]
			switch {
			case isSign(text[i]):
				if sign = i; i-control <= unitReach || bytes.IndexByte(before, '\r') >= 0 {
					return i
				}
			case i-sign <= unitReach, !beginsSequence(text[i:]) && (bytes.ContainsAny(before, "\r\n") || bytes.ContainsAny(after, "\r\n")):
				return i
			default:
				control = i
			}
		}
	}
	return -1
}

// beginsSequence reports whether the control character at the start of text may be
// that of a sequence, and not one by itself.
func beginsSequence(text []byte) bool { return text[0] == '\x1b' && len(text) > 1 && text[1] >= ' ' }

// openRun returns where what text ends in starts that may be the beginning of a
// run of digits, as far back as a value in it may begin, or len(text).
func openRun(text []byte, longest int) int {
	floor := max(0, len(text)-min(window, hexCode.reach(longest)))
	i := len(text)
	for i > floor && (mayBeInRun(text[i-1]) || text[i-1] == '\n' && i > 1 && text[i-2] == '\\') {
		i--
	}
	return i
}

// mayBeInRun reports whether c is a digit or in a unit that may stand for one.
func mayBeInRun(c byte) bool {
	if kindsOf(c)&(tokenKinds|triggerKinds) != 0 {
		return true
	}
	switch c {
	case '#', ';', ':', '<', '=', '>', '?', '[', ']', '{', '}':
		return true
	default:
		return false
	}
}

// pendingWritten returns the first place before limit where a tail of text
// starts that means the start of a pattern, in another way than as it stands,
// or limit.
func (l *looker) pendingWritten(k *snapshot, text []byte, limit int, wait patience) int {
	from, last := k.matcher.writtenTail(text)
	for i := from; i < min(limit, last+1); i++ {
		if k.matcher.mayBegin(text[i:]) && l.begins(k, text[i:], wait, 0) {
			return i
		}
	}
	return limit
}

// writtenTail returns how far back in text a value may begin that is encoded in
// part, and the last place where that shows, or -1. Each unit may take the place
// of some bytes.
func (m *matcher) writtenTail(text []byte) (from, last int) {
	most := min(len(text), window, 8*m.longest+256)
	reach, units := min(most, m.longest), 0
	last = -1
	for i := len(text) - 1; i >= len(text)-reach; i-- {
		switch c := text[i]; {
		case c == '\n' || isTrigger(c):
			last = max(last, i)
			units++
			reach = min(most, m.longest+unitReach*units)
		case !m.inPattern[c] && !isInUnit(text, i):
			return i + 1, last
		}
	}
	return len(text) - reach, last
}

// isInUnit reports whether the byte at i, which no pattern has, may be a part of
// something that is undone.
func isInUnit(text []byte, i int) bool {
	if mayBeInRun(text[i]) || text[i] == '\r' && (i+1 == len(text) || text[i+1] < ' ') {
		return true
	}
	if end := len(bytes.TrimRight(text[:i+1], " \t")); end <= i && (end > 0 && text[end-1] == '\n' || hasTrigger(text[max(0, end-6):end])) {
		return true // a line may be indented
	}
	for at := max(0, i-maxSequence); at < i; at++ {
		switch {
		case text[at] == '\x1b':
			if length := sequenceLength(text[at:]); length == incomplete || length > i-at {
				return true
			}
		case isSign(text[at]) && meansEscape(text[at:]):
			return true // a control sequence that is encoded itself
		}
	}
	return false
}

// meansEscape reports whether text starts with what stands for the character that
// starts a control sequence.
func meansEscape(text []byte) bool {
	var buffer [16]byte
	meant, length := kindFor(text[0]).unit(buffer[:0], text)
	return length > 0 && bytes.IndexByte(meant, '\x1b') >= 0
}

// glance is how much of a tail is undone to see whether it is worth to undo all.
const glance = 2 * unitReach

// begins reports whether what tail means is the start of a pattern, or, with
// little patience, more of one than may be shown.
func (l *looker) begins(k *snapshot, tail []byte, wait patience, depth int) bool {
	b := &l.seams[depth]
	for kind := range kindsOfEdit {
		if !kind.isIn(tail) || len(tail) > glance && !l.mayBegin(k, kind, tail[:glance], depth) {
			continue
		}
		var rest int
		b.view, b.edits, rest = kind.decode(b.view[:0], b.edits[:0], tail)
		if len(b.edits) == 0 && rest == len(tail) {
			continue
		}
		for skip := range firstUnit(b.edits) {
			view := b.view[skip:]
			if l.viewBegins(k, view, kind, wait, depth) {
				return true
			}
			if n := unsettled(view); n > 0 && l.viewBegins(k, view[:len(view)-n], kind, wait, depth) {
				return true
			}
		}
	}
	return false
}

// firstUnit returns how many bytes of a view a value may start at: those of what
// the first unit means, since a value need not be text.
func firstUnit(edits []edit) int {
	if len(edits) == 0 || edits[0].raw > 0 {
		return 1
	}
	return max(1, edits[0].size)
}

// viewBegins is begins for what a tail means in one way of writing.
func (l *looker) viewBegins(k *snapshot, view []byte, kind kindOfEdit, wait patience, depth int) bool {
	if len(view) == 0 || !k.matcher.mayBegin(view) {
		return false
	}
	return k.matcher.begins(view, wait) || depth+1 < maxDepth && kind != lines && l.begins(k, view, wait, depth+1)
}

// mayBegin reports whether what the start of a tail means may be the start of
// a pattern, or may be undone further.
func (l *looker) mayBegin(k *snapshot, kind kindOfEdit, start []byte, depth int) bool {
	b := &l.seams[depth]
	b.view, b.edits, _ = kind.decode(b.view[:0], b.edits[:0], start)
	for i, c := range b.view {
		if isTrigger(c) || c == '\n' {
			settled := b.view[:i-unsettled(b.view[:i])]
			return len(settled) < startLength || k.matcher.begins(b.view[:i], forEver) || k.matcher.begins(settled, forEver)
		}
	}
	return k.matcher.begins(b.view, forEver)
}

// pendingRun is pending for what the run of digits says that text ends in. Only text is looked for in runs.
func (l *looker) pendingRun(k *snapshot, c *code, text []byte, wait patience, depth int) int {
	least := len(text)
	start := len(text)
	for floor := max(0, len(text)-min(window, c.reach(k.matcher.longest))); start > floor && c.digits[text[start-1]] != noDigit; {
		start--
	}
	if depth == maxDepth || len(text)-start < 2*c.chars {
		return least
	}
	v := &l.levels[depth]
	for missing := range c.chars {
		v.view = grown(v.view, ((len(text)-start)/c.chars+2)*c.size)
		view := v.view[:c.decode(v.view, text[start:], missing)]
		from := len(view)
		for from > 0 && ' ' <= view[from-1] && view[from-1] <= '~' {
			from--
		}
		if p := l.pending(k, view[from:], wait, depth+1); from+p < len(view) {
			least = min(least, max(start, c.digitAt(start-missing, from+p)))
		}
	}
	return least
}

// reach is how many digits a value may have, with some to spare.
func (c *code) reach(longest int) int { return (longest/c.size + 2) * c.chars }
