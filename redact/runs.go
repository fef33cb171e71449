package redact

import "math/bits"

// minRun is how long a run of base64 or hexadecimal digits is before it is
// looked into. What shorter ones hold, the patterns have themselves.
const minRun = 28

// code is a way of writing bytes as digits: chars digits are size bytes.
type code struct {
	encoding    Encoding
	chars, size int
	width       uint       // of a digit, in bits
	digits      [256]uint8 // the value of each digit, and noDigit
}

const noDigit = 0xff

// The codes. Both alphabets of base64 are read as one.
var (
	base64Code = code{
		encoding: Base64, chars: 4, size: 3, width: 6,
		digits: digitValues("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "-_"),
	}
	hexCode = code{encoding: Hex, chars: 2, size: 1, width: 4, digits: digitValues("0123456789abcdef", "ABCDEF")}
)

// digitValues returns the values of the digits of alphabet, and of others that
// stand for its last ones.
func digitValues(alphabet, others string) (values [256]uint8) {
	for i := range values {
		values[i] = noDigit
	}
	for i, digit := range []byte(alphabet) {
		values[digit] = uint8(i)
	}
	for i, digit := range []byte(others) {
		values[digit] = uint8(len(alphabet) - len(others) + i) //nolint:gosec // G115: an alphabet has at most 64 digits
	}
	return values
}

// tile is how many digits have to say text before a run is decoded. What is
// worth decoding says text, since values that are encoded twice are text in
// between; bytes of any kind are found by their patterns.
const tile = 16

// runs looks for values in what the long runs of token bytes in a text say in
// base64 or hexadecimal, wherever that may begin.
type runs struct {
	k          *snapshot
	l          *looker
	text       []byte
	depth      int
	start, end int // the run that was looked into last

	// By alignment: up to where tiles have been dealt with.
	base64Done [4]int
	hexDone    [2]int
}

// tiles looks at the tiles that start in the word of text[at:].
func (r *runs) tiles(base64, hexed uint64, at int) {
	for hits := base64; hits != 0; hits &= hits - 1 {
		i := at + bits.TrailingZeros64(hits)
		if i >= r.base64Done[i%4] && base64Code.saysText(r.text[i:i+tile]) && r.isLong(i) {
			r.base64Done[i%4] = r.l.findCoded(r.k, &base64Code, r.text, r.start, i, r.end, r.depth)
		}
	}
	for hits := hexed; hits != 0; hits &= hits - 1 {
		i := at + bits.TrailingZeros64(hits)
		if i >= r.hexDone[i%2] && hexCode.saysText(r.text[i:i+tile]) && r.isLong(i) {
			r.hexDone[i%2] = r.l.findCoded(r.k, &hexCode, r.text, r.start, i, r.end, r.depth)
		}
	}
}

// isLong makes the run that has text[i] the last one, and reports whether it is
// long enough.
func (r *runs) isLong(i int) bool {
	if i >= r.end {
		r.start, r.end = i, i
		for r.start > 0 && isTokenByte(r.text[r.start-1]) {
			r.start--
		}
		for r.end < len(r.text) && isTokenByte(r.text[r.end]) {
			r.end++
		}
	}
	return r.end-r.start >= minRun
}

func isTokenByte(c byte) bool { return kindsOf(c)&tokenKinds != 0 }

// saysText reports whether digits, a tile, say text.
func (c *code) saysText(digits []byte) bool {
	for len(digits) >= c.chars {
		var group uint
		for _, digit := range digits[:c.chars] {
			value := c.digits[digit]
			if value == noDigit {
				return false
			}
			group = group<<c.width | uint(value)
		}
		for range c.size {
			if !inText[group&0xff] {
				return false
			}
			group >>= 8
		}
		digits = digits[c.chars:]
	}
	return true
}

// inText are the bytes of text: the printable ones of ASCII, white space and NUL.
var inText = bytesOf(func(c byte) bool {
	return ' ' <= c && c < 0x7f || c == 0 || c == '\t' || c == '\n' || c == '\r'
})

// bytesOf returns the set of the bytes that are of a kind.
func bytesOf(is func(c byte) bool) (set [256]bool) {
	for i := range set {
		set[i] = is(byte(i))
	}
	return set
}

// decode writes what the digits of src say to dst, as far as they are digits,
// and returns how many bytes that is. Of the first group the first missing
// digits are not in src and read as zeros; of the last, digits too few for all
// bytes say those that they determine.
func (c *code) decode(dst, src []byte, missing int) int {
	n := 0
	for len(src) > 0 {
		var group uint
		digits := missing
		for digits < c.chars && digits-missing < len(src) {
			value := c.digits[src[digits-missing]]
			if value == noDigit {
				break
			}
			group = group<<c.width | uint(value)
			digits++
		}
		whole := digits * int(c.width) / 8
		group <<= uint(c.chars-digits) * c.width
		for i := range whole {
			dst[n+i] = byte(group >> (8 * (c.size - 1 - i))) //nolint:gosec // G115: one byte of the group
		}
		n += whole
		if digits < c.chars {
			break
		}
		src = src[digits-missing:]
		missing = 0
	}
	return n
}

// digitAt returns the first digit that has bits of the byte at i of what the
// digits from from on say.
func (c *code) digitAt(from, i int) int { return from + 8*i/int(c.width) }

// findCoded looks for values in what the run says around at, and returns up to
// where windows of the same alignment need no more looking into.
func (l *looker) findCoded(k *snapshot, c *code, text []byte, start, at, end, depth int) int {
	reach := (k.matcher.longest/c.size + 1) * c.chars
	from := max(start, at-reach)
	for i := at; i > from; i-- { // hexadecimal may start within the run
		if c.digits[text[i-1]] == noDigit {
			from = i
		}
	}
	missing := (c.chars - (at-from)%c.chars) % c.chars
	to := min(end, at+2*reach+chunk)
	v := &l.levels[depth]
	v.view = grown(v.view, ((to-from)/c.chars+2)*c.size)
	v.view = v.view[:c.decode(v.view, text[from:to], missing)]
	first := len(l.matches)
	l.find(k, v.view, depth+1)
	l.matches = c.lift(k, l.matches, first, from-missing, from, to)
	if to == end {
		return end
	}
	return to - reach
}

// lift turns the matches from first on, which are in what text[from:to] says
// as digits of groups that start at origin, into matches in the text. Shorter
// ones than minRun, and values that are no text, are left out: whether they are
// met depends on what is around them.
func (c *code) lift(k *snapshot, matches []match, first, origin, from, to int) []match {
	kept := matches[:first]
	for _, m := range matches[first:] {
		p := k.matcher.pattern(m.pattern)
		start, end := c.digitAt(origin, m.start), min(to, origin+(8*m.end+int(c.width)-1)/int(c.width))
		if start < from || end-start < minRun || !p.ascii || p.token {
			continue
		}
		if m.via == "" && p.encoding == Plain {
			m.via = c.encoding
		}
		m.start, m.end = start, end
		kept = append(kept, m)
	}
	return kept
}

// grown returns a buffer of length n, b if it is large enough.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
