package redact

import "golang.org/x/sys/cpu"

// classifyBlocks fills m for text, whose length is a multiple of block.
func classifyBlocks(m *masks, text []byte) {
	if cpu.X86.HasAVX2 {
		classifyAVX2(m, &text[0], len(text)/block, &kinds, &digitKinds)
		return
	}
	classifyBlocksPlain(m, text)
}

// classifyAVX2 is classifyBlocksPlain for blocks blocks from text on.
//
//go:noescape
func classifyAVX2(m *masks, text *byte, blocks int, kinds, digits *kindTables)
