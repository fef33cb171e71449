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

// runs looks into the runs of token bytes of a text, as far as they are long.
type runs struct {
	k     *snapshot
	l     *looker
	text  []byte
	depth int
	run   int // how many token bytes end where word goes on
}

// word takes the bits of the token bytes of text[at:] and looks into the runs
// that end in them.
func (r *runs) word(token uint64, at int) {
	if token == 1<<64-1 {
		r.run += block
		return
	}
	lead, inner := bits.TrailingZeros64(^token), longRuns(token)
	if r.run+lead >= minRun {
		r.l.findInRun(r.k, r.text, at-r.run, at+lead, r.depth)
	}
	r.run = bits.LeadingZeros64(^token)
	for inner &^= 1<<lead - 1; inner != 0; {
		start := bits.TrailingZeros64(inner)
		length := bits.TrailingZeros64(^(token >> start))
		if start+length == block {
			break
		}
		r.l.findInRun(r.k, r.text, at+start, at+start+length, r.depth)
		inner &^= 1<<(start+length) - 1
	}
}

// longRuns returns a bit wherever at least minRun bits of token start.
func longRuns(token uint64) uint64 {
	r := token & (token >> 1)
	r &= r >> 2
	r &= r >> 4
	r &= r >> 8
	return r & (r >> (minRun - 16))
}

// findInRun looks for values in what text[start:end], a run of token bytes,
// says in base64 or hexadecimal, wherever it may begin. What is worth decoding
// says text, since values that are encoded twice are text in between; bytes of
// any kind are found by their patterns.
func (l *looker) findInRun(k *snapshot, text []byte, start, end, depth int) {
	var base64Done, hexDone [4]int // by alignment: up to where windows have been dealt with
	x := load(text[start:])
	asciiX, highX := startsASCII(x), areHighDigits(x)
	for i := start; i+tile <= end; i += tile / 2 {
		y := load(text[i+tile/2:])
		asciiY, highY := startsASCII(y), areHighDigits(y)
		first, high := asciiX&asciiY, highX&highY
		asciiX, highX = asciiY, highY
		for hits := uint32(first & (first >> 32)); hits != 0; hits &= hits - 1 { //nolint:gosec // G115: the lower half
			at := i + bits.TrailingZeros32(hits)/8
			if at >= base64Done[at%4] && base64Code.saysText(text, at, end) {
				base64Done[at%4] = l.findCoded(k, &base64Code, text, start, at, end, depth)
			}
		}
		for phase := range 2 {
			if at := i + phase; high>>(8*phase)&alternate == alternate && at >= hexDone[at%2] {
				hexDone[at%2] = l.findCoded(k, &hexCode, text, start, at, end, depth)
			}
		}
	}
}

// tile is how many digits have to say text before a run is decoded. A value in
// a run of minRun digits has such a window at each multiple of half as many.
const tile = 16

// startsASCII returns the top bit of each byte that is the first digit of four
// in base64 that say a printable character or NUL first.
func startsASCII(x uint64) uint64 {
	return between(x, 'I', 'Z') | between(x, 'a', 'f') | between(x, 'A', 'A')
}

// areHighDigits returns the top bit of each byte that is the high digit of a
// printable character in hexadecimal.
func areHighDigits(x uint64) uint64 { return between(x, '2', '7') }

// alternate is the top bits of every second byte.
const alternate = 0x0080008000800080

// everyByte is a word whose bytes are all 1.
const everyByte = 0x0101010101010101

// between returns the top bit of each byte of x, all of them ASCII, that is
// from low to high.
func between(x uint64, low, high byte) uint64 {
	return (x + everyByte*uint64(0x80-low)) &^ (x + everyByte*uint64(0x7f-high)) & (everyByte << 7)
}

// saysText reports whether the window at text[at:] says text in base64.
func (c *code) saysText(text []byte, at, end int) bool {
	if at+tile > end {
		return false
	}
	var said [tile]byte
	n := c.decode(said[:], text[at:at+tile], 0)
	for _, b := range said[:n] {
		if b >= 0x7f || b < ' ' && b != 0 && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return n == tile/c.chars*c.size
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
		p := &k.matcher.patterns[m.pattern]
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
