//go:build !amd64

package redact

// classifyBlocks fills m for text, whose length is a multiple of block.
func classifyBlocks(m *masks, text []byte) { classifyBlocksPlain(m, text) }
