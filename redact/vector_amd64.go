package redact

import "golang.org/x/sys/cpu"

// What the processor has. Older ones do the same in smaller steps.
var (
	hasBMI2   = cpu.X86.HasBMI1 && cpu.X86.HasBMI2
	hasAVX2   = cpu.X86.HasAVX2
	hasAVX512 = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VBMI2 && hasBMI2
)

// classifyBlocks fills m from word on for text, whose length is a multiple of
// block.
func classifyBlocks(m *masks, word int, text []byte, inert *kindTables) {
	switch {
	case hasAVX512:
		classifyAVX512(m, word, &text[0], len(text)/block, &kinds, &digitKinds, inert)
	case hasAVX2:
		classifyAVX2(m, word, &text[0], len(text)/block, &kinds, &digitKinds, inert)
	default:
		classifyBlocksPlain(m, word, text, inert)
	}
}

// places returns where in the first words something may be encoded, in found. One
// more tells how far away the next may be.
func (m *masks) places(found *offsets, words int) []uint16 {
	if hasAVX512 && words > 0 {
		return found[:placesAVX512(m, found, words)]
	}
	return m.placesPlain(found, words)
}

// tiles turns starts and highs into where a tile of digits starts that say
// printable characters in base64 and in hexadecimal, as far as those masks tell,
// and token into where a tile starts. Bit w of some is set where word w has any.
func (m *masks) tiles(words int) (some uint64) {
	if hasAVX512 && words > 0 {
		return tilesAVX512(m, (words+vector-1)/vector)
	}
	return m.tilesPlain(words)
}

// skim returns the first of every stride-th place of text from i on and before
// end where the filter may know the gram, or the first that is not before end.
// There are eight bytes of text from each place before end on.
func (c *group) skim(text []byte, i, end int) int {
	if !hasBMI2 || i >= end {
		return c.skimPlain(text, i, end)
	}
	return skimBMI2(&text[0], i, end, c.stride, c.mask(), &c.filter.words[0], c.filter.shift, &pairs[0])
}

// classifyAVX512 and classifyAVX2 are classifyBlocksPlain for blocks blocks from
// text on, one or more.
//
//go:noescape
func classifyAVX512(m *masks, word int, text *byte, blocks int, kinds, digits, inert *kindTables)

//go:noescape
func classifyAVX2(m *masks, word int, text *byte, blocks int, kinds, digits, inert *kindTables)

// placesAVX512 is placesPlain for one word and more; it returns how many there are.
//
//go:noescape
func placesAVX512(m *masks, found *offsets, words int) int

// tilesAVX512 is tilesPlain for vectors vectors of words, one or more.
//
//go:noescape
func tilesAVX512(m *masks, vectors int) (some uint64)

// skimBMI2 is skimPlain.
//
//go:noescape
func skimBMI2(text *byte, i, end, stride int, mask uint64, words *uint64, shift uint, pairs *uint64) int
