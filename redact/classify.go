package redact

// block is how many bytes one word of a mask is about.
const block = 64

// chunk is how many bytes are classified at a time: the masks of as many stay
// in the cache that is next to the processor.
const chunk = 64 * block

// masks say of each byte of a chunk what it is: bit i of word w is about byte
// w*block+i.
type masks struct {
	token   [chunk / block]uint64 // a letter, a digit, or one of + - / _ (and DEL)
	trigger [chunk / block]uint64 // one of \ % &, or a control character other than white space
	line    [chunk / block]uint64 // a line feed
	starts  [chunk / block]uint64 // the first of four base64 digits that say a printable character or NUL first
	highs   [chunk / block]uint64 // the high digit of a printable character in hexadecimal
}

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
	triggerKinds = controls | percentAnd | backslash
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

// classify fills m for text, of at most chunk bytes, and returns how many words
// it filled. What is behind the end is of no kind.
func (m *masks) classify(text []byte) int {
	whole := len(text) / block
	if whole > 0 {
		classifyBlocks(m, text[:whole*block])
	}
	if rest := text[whole*block:]; len(rest) > 0 {
		m.classifyBlock(whole, rest)
		whole++
	}
	return whole
}

// classifyBlock is classifyBlocks for one block, or a part of one.
func (m *masks) classifyBlock(w int, text []byte) {
	var token, trigger, line, starts, highs uint64
	for i, c := range text {
		kinds := kindsOf(c)
		if kinds&tokenKinds != 0 {
			token |= 1 << i
		}
		if kinds&triggerKinds != 0 {
			trigger |= 1 << i
		}
		if kinds&lineFeed != 0 {
			line |= 1 << i
		}
		digit := digitKinds.of(c)
		if digit&startKinds != 0 {
			starts |= 1 << i
		}
		if digit&highDigit != 0 {
			highs |= 1 << i
		}
	}
	m.token[w], m.trigger[w], m.line[w], m.starts[w], m.highs[w] = token, trigger, line, starts, highs
}

// classifyBlocksPlain is classifyBlocks where there are no instructions for it.
func classifyBlocksPlain(m *masks, text []byte) {
	for w := range len(text) / block {
		m.classifyBlock(w, text[w*block:(w+1)*block])
	}
}
