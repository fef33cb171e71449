package redact

import (
	"bytes"
	"math/bits"
)

// block is how many bytes one word of a mask is about.
const block = 64

// chunk is how many bytes are classified at a time: the masks of as many stay
// in the cache that is next to the processor.
const chunk = 64 * block

// mask says of each byte of a chunk whether it is of a kind: bit i of word w is
// about byte w*block+i. It has room for a vector that starts at its last word.
type mask [chunk/block + vector]uint64

// vector is how many words one instruction deals with.
const vector = 8

// masks say of each byte of a chunk what it is.
type masks struct {
	token    mask // a letter, a digit, or one of + - / _ (and DEL)
	signs    mask // one of \ % &
	controls mask // a control character other than white space
	line     mask // a line feed
	starts   mask // the first of four base64 digits that say a printable character or NUL first
	highs    mask // the high digit of a printable character in hexadecimal
	inert    mask // what the caller calls inert
}

// offsets are places in a chunk, with room for those of a word more.
type offsets [chunk + block]uint16

// The kinds of bytes. A byte is of the kinds in both its halves' tables: each
// bit stands for a set of upper halves times a set of lower halves. It is how
// one instruction classifies 32 bytes.
const (
	tokenSigns   = 1 << iota // 2B + 2D - 2F /
	tokenDigits              // 30-39, 50-59 P-Y, 70-79 p-y
	tokenLetters             // 41-4F A-O, 61-6F a-o
	tokenRest                // 5A Z 5F _ 7A z 7F
	controls                 // 00-1F but for the lower halves 9, A and D
	percentAnd               // 25 % 26 &
	backslash                // 5C
	lineFeed                 // 0A

	tokenKinds   = tokenSigns | tokenDigits | tokenLetters | tokenRest
	signKinds    = percentAnd | backslash
	triggerKinds = controls | signKinds
)

// The kinds of digits, in tables of their own.
const (
	startsUpper = 1 << iota // 41 A, 49-4F I-O
	startsLate              // 50-5A P-Z
	startsLower             // 61-66 a-f
	highDigit   = 1 << 7    // 32-37

	startKinds = startsUpper | startsLate | startsLower
)

// kindTables are the kinds of a byte by its upper and by its lower half. Bytes
// from 80 on are of no kind.
type kindTables struct{ upper, lower [16]uint8 }

// The tables.
var (
	kinds = kindTables{
		upper: [16]uint8{
			0x0: controls | lineFeed,
			0x1: controls,
			0x2: tokenSigns | percentAnd,
			0x3: tokenDigits,
			0x4: tokenLetters,
			0x5: tokenDigits | tokenRest | backslash,
			0x6: tokenLetters,
			0x7: tokenDigits | tokenRest,
		},
		lower: [16]uint8{
			0x0: tokenDigits | controls,
			0x1: tokenDigits | tokenLetters | controls,
			0x2: tokenDigits | tokenLetters | controls,
			0x3: tokenDigits | tokenLetters | controls,
			0x4: tokenDigits | tokenLetters | controls,
			0x5: tokenDigits | tokenLetters | controls | percentAnd,
			0x6: tokenDigits | tokenLetters | controls | percentAnd,
			0x7: tokenDigits | tokenLetters | controls,
			0x8: tokenDigits | tokenLetters | controls,
			0x9: tokenDigits | tokenLetters,
			0xA: tokenLetters | tokenRest | lineFeed,
			0xB: tokenSigns | tokenLetters | controls,
			0xC: tokenLetters | controls | backslash,
			0xD: tokenSigns | tokenLetters,
			0xE: tokenLetters | controls,
			0xF: tokenSigns | tokenLetters | tokenRest | controls,
		},
	}
	digitKinds = kindTables{
		upper: [16]uint8{0x3: highDigit, 0x4: startsUpper, 0x5: startsLate, 0x6: startsLower},
		lower: [16]uint8{
			0x0: startsLate,
			0x1: startsUpper | startsLate | startsLower,
			0x2: startsLate | startsLower | highDigit,
			0x3: startsLate | startsLower | highDigit,
			0x4: startsLate | startsLower | highDigit,
			0x5: startsLate | startsLower | highDigit,
			0x6: startsLate | startsLower | highDigit,
			0x7: startsLate | highDigit,
			0x8: startsLate,
			0x9: startsUpper | startsLate,
			0xA: startsUpper | startsLate,
			0xB: startsUpper,
			0xC: startsUpper,
			0xD: startsUpper,
			0xE: startsUpper,
			0xF: startsUpper,
		},
	}
)

// of returns the kinds that c is of.
func (t *kindTables) of(c byte) uint8 {
	if c >= 0x80 {
		return 0
	}
	return t.upper[c>>4] & t.lower[c&15]
}

func kindsOf(c byte) uint8 { return kinds.of(c) }

func isTrigger(c byte) bool { return kindsOf(c)&triggerKinds != 0 }

// tablesOf returns the tables of a set of bytes below 80; all kinds stand for it.
func tablesOf(set *[256]bool) *kindTables {
	t := &kindTables{}
	for upper := range 8 {
		t.upper[upper] = 1 << upper
		for lower := range 16 {
			if set[upper<<4|lower] {
				t.lower[lower] |= 1 << upper
			}
		}
	}
	return t
}

// classify fills m for text, of at most chunk bytes, and returns how many words
// it filled. What is behind the end is of no kind.
func (m *masks) classify(text []byte, inert *kindTables) int {
	words := len(text) / block
	if words > 0 {
		classifyBlocks(m, 0, text[:words*block], inert)
	}
	if rest := text[words*block:]; len(rest) > 0 {
		padded := noKind
		copy(padded[:], rest)
		classifyBlocks(m, words, padded[:], inert)
		words++
	}
	for _, kind := range [...]*mask{&m.token, &m.starts, &m.highs, &m.signs, &m.controls, &m.line, &m.inert} {
		clear(kind[words : words+vector])
	}
	return words
}

// tilesPlain is tiles where there are no instructions for it.
func (m *masks) tilesPlain(words int) (some uint64) {
	m.token.andLater(words, 1, 2, 4, 8)
	m.starts.andLater(words, 4, 8)
	m.highs.andLater(words, 2, 4, 8)
	for w := range words {
		m.starts[w] &= m.token[w]
		m.highs[w] &= m.token[w]
		if m.starts[w]|m.highs[w] != 0 {
			some |= 1 << w
		}
	}
	return some
}

// encodedAt returns where in word w something may be encoded: control characters,
// signs that are not followed by what is inert, and line feeds that are not beside
// it either.
func (m *masks) encodedAt(w int) uint64 {
	before, after := m.inert[w]<<1, m.inert[w]>>1|m.inert[w+1]<<(block-1)
	return m.controls[w] | (m.signs[w]|m.line[w]&^before)&^after
}

// placesPlain is places where there are no instructions for it.
func (m *masks) placesPlain(found *offsets, words int) []uint16 {
	n := 0
	for w := range words + 1 {
		hits := m.encodedAt(w)
		at := uint16(w * block)
		// Most words have few, and it is their number that no processor foresees:
		// to write more than there are costs less than to ask.
		first := hits
		places := found[n : n+few]
		for i := range places {
			places[i] = at + uint16(bits.TrailingZeros64(hits)) //nolint:gosec // G115: at most 64
			hits &= hits - 1
		}
		if w == words {
			break
		}
		n += bits.OnesCount64(first)
		for i := n - bits.OnesCount64(hits); i < n; i++ {
			found[i] = at + uint16(bits.TrailingZeros64(hits)) //nolint:gosec // G115: less than 64
			hits &= hits - 1
		}
	}
	return found[:n+1]
}

// few is how many places of a word are written in any case.
const few = 4

// andLater keeps, for each of the places in turn, what is followed by the same
// kind so many bytes later.
func (k *mask) andLater(words int, places ...uint64) {
	for _, by := range places {
		for w := range words {
			k[w] &= k[w]>>by | k[w+1]<<(block-by)
		}
	}
}

// noKind is a block of bytes that are of no kind.
var noKind = [block]byte(bytes.Repeat([]byte{0xff}, block))

// classifyBlock is classifyBlocks for one block.
func (m *masks) classifyBlock(w int, text []byte, inert *kindTables) {
	m.token[w], m.signs[w], m.controls[w], m.line[w], m.starts[w], m.highs[w], m.inert[w] = 0, 0, 0, 0, 0, 0, 0
	for i, c := range text {
		kinds, digit := kindsOf(c), digitKinds.of(c)
		m.token.set(w, i, kinds&tokenKinds)
		m.signs.set(w, i, kinds&signKinds)
		m.controls.set(w, i, kinds&controls)
		m.line.set(w, i, kinds&lineFeed)
		m.starts.set(w, i, digit&startKinds)
		m.highs.set(w, i, digit&highDigit)
		m.inert.set(w, i, inert.of(c))
	}
}

// set sets bit i of word w where there are kinds.
func (k *mask) set(w, i int, kinds uint8) {
	if kinds != 0 {
		k[w] |= 1 << i
	}
}

// classifyBlocksPlain is classifyBlocks where there are no instructions for it.
func classifyBlocksPlain(m *masks, word int, text []byte, inert *kindTables) {
	for w := range len(text) / block {
		m.classifyBlock(word+w, text[w*block:(w+1)*block], inert)
	}
}
