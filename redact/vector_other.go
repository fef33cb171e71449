//go:build !amd64

package redact

// classifyBlocks fills m from word on for text, whose length is a multiple of
// block.
func classifyBlocks(m *masks, word int, text []byte, inert *kindTables) {
	classifyBlocksPlain(m, word, text, inert)
}

// places returns where in the first words something may be encoded, in found. One
// more tells how far away the next may be.
func (m *masks) places(found *offsets, words int) []uint16 { return m.placesPlain(found, words) }

// tiles turns starts and highs into where a tile of digits starts that say
// printable characters in base64 and in hexadecimal, as far as those masks tell,
// and token into where a tile starts. Bit w of some is set where word w has any.
func (m *masks) tiles(words int) (some uint64) { return m.tilesPlain(words) }

// skim returns the first of every stride-th place of text from i on and before
// end where the filter may know the gram, or the first that is not before end.
// There are eight bytes of text from each place before end on.
func (c *group) skim(text []byte, i, end int) int { return c.skimPlain(text, i, end) }
