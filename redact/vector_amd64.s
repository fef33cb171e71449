#include "textflag.h"

// The offsets of the fields of masks, and what the bits of kinds are; see
// classify.go, whose classifyBlocksPlain does the same.
#define SIGNS    576
#define CONTROLS 1152
#define LINE     1728
#define STARTS   2304
#define HIGHS    2880
#define INERT    3456

// EACH is a constant of 32 equal bytes.
#define EACH(NAME, BYTES) \
	DATA  NAME<>+0(SB)/8, BYTES;  \
	DATA  NAME<>+8(SB)/8, BYTES;  \
	DATA  NAME<>+16(SB)/8, BYTES; \
	DATA  NAME<>+24(SB)/8, BYTES; \
	GLOBL NAME<>(SB), RODATA|NOPTR, $32

EACH(half, $0x0f0f0f0f0f0f0f0f)
EACH(tokenKinds, $0x0f0f0f0f0f0f0f0f)
EACH(signKinds, $0x6060606060606060)
EACH(controls, $0x1010101010101010)
EACH(startKinds, $0x0707070707070707)

// UPPER puts the upper halves of the 32 bytes in X into H.
#define UPPER(X, H) \
	VPSRLW $4, X, H \
	VPAND  Y2, H, H

// KINDS puts the kinds of the 32 bytes in X, whose upper halves are in H, into
// K, by the tables U and L.
#define KINDS(X, H, U, L, T, K) \
	VPSHUFB H, U, T \
	VPSHUFB X, L, K \
	VPAND   T, K, K

// STORE puts into AT(DI) the complement of the 64 bits in R8 and R9.
#define STORE(AT) \
	SHLQ $32, R9 \
	ORQ  R9, R8  \
	NOTQ R8      \
	MOVQ R8, AT(DI)

// ANY puts into AT(DI) a bit for each of the 64 bytes in K and KK that has one
// of the kinds OF.
#define ANY(K, KK, OF, AT) \
	VPAND     OF<>(SB), K, Y12  \
	VPCMPEQB  Y5, Y12, Y12      \
	VPMOVMSKB Y12, R8           \
	VPAND     OF<>(SB), KK, Y12 \
	VPCMPEQB  Y5, Y12, Y12      \
	VPMOVMSKB Y12, R9           \
	STORE(AT)

// SOME is ANY for all kinds.
#define SOME(K, KK, AT) \
	VPCMPEQB  Y5, K, Y12  \
	VPMOVMSKB Y12, R8     \
	VPCMPEQB  Y5, KK, Y12 \
	VPMOVMSKB Y12, R9     \
	STORE(AT)

// TOP is ANY for the kind of the uppermost bit.
#define TOP(K, KK, AT) \
	VPMOVMSKB K, R8  \
	VPMOVMSKB KK, R9 \
	SHLQ $32, R9 \
	ORQ  R9, R8  \
	MOVQ R8, AT(DI)

// func classifyAVX2(m *masks, word int, text *byte, blocks int, kinds, digits, inert *kindTables)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-56
	MOVQ m+0(FP), DI
	MOVQ word+8(FP), AX
	LEAQ (DI)(AX*8), DI
	MOVQ text+16(FP), SI
	MOVQ blocks+24(FP), CX
	MOVQ kinds+32(FP), AX
	MOVQ digits+40(FP), BX
	MOVQ inert+48(FP), DX
	VBROADCASTI128 (AX), Y0
	VBROADCASTI128 16(AX), Y1
	VBROADCASTI128 (BX), Y13
	VBROADCASTI128 16(BX), Y14
	VBROADCASTI128 (DX), Y3
	VBROADCASTI128 16(DX), Y4
	VMOVDQU half<>(SB), Y2
	VPXOR Y5, Y5, Y5

loop:
	PREFETCHT0 4096(SI) // the next chunk: what the processor foresees ends with the page
	VMOVDQU (SI), Y6
	VMOVDQU 32(SI), Y7
	UPPER(Y6, Y8)
	UPPER(Y7, Y10)
	KINDS(Y6, Y8, Y0, Y1, Y12, Y9)
	KINDS(Y7, Y10, Y0, Y1, Y12, Y11)
	ANY(Y9, Y11, tokenKinds, 0)
	ANY(Y9, Y11, signKinds, SIGNS)
	ANY(Y9, Y11, controls, CONTROLS)
	TOP(Y9, Y11, LINE)
	KINDS(Y6, Y8, Y13, Y14, Y12, Y9)
	KINDS(Y7, Y10, Y13, Y14, Y12, Y11)
	ANY(Y9, Y11, startKinds, STARTS)
	TOP(Y9, Y11, HIGHS)
	KINDS(Y6, Y8, Y3, Y4, Y12, Y9)
	KINDS(Y7, Y10, Y3, Y4, Y12, Y11)
	SOME(Y9, Y11, INERT)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

// BROADCAST puts the byte B into all of Z.
#define BROADCAST(B, Z) \
	MOVL         B, R8 \
	VPBROADCASTB R8, Z

// WIDEKINDS is KINDS for 64 bytes.
#define WIDEKINDS(U, L) \
	VPSHUFB Z17, U, Z18   \
	VPSHUFB Z16, L, Z19   \
	VPANDD  Z18, Z19, Z18

// WIDEANY is ANY for the 64 bytes in Z18.
#define WIDEANY(OF, AT) \
	VPTESTMB OF, Z18, K1 \
	KMOVQ    K1, AT(DI)

// func classifyAVX512(m *masks, word int, text *byte, blocks int, kinds, digits, inert *kindTables)
TEXT ·classifyAVX512(SB), NOSPLIT, $0-56
	MOVQ m+0(FP), DI
	MOVQ word+8(FP), AX
	LEAQ (DI)(AX*8), DI
	MOVQ text+16(FP), SI
	MOVQ blocks+24(FP), CX
	MOVQ kinds+32(FP), AX
	MOVQ digits+40(FP), BX
	MOVQ inert+48(FP), DX
	VBROADCASTI32X4 (AX), Z0
	VBROADCASTI32X4 16(AX), Z1
	VBROADCASTI32X4 (BX), Z2
	VBROADCASTI32X4 16(BX), Z3
	VBROADCASTI32X4 (DX), Z4
	VBROADCASTI32X4 16(DX), Z5
	BROADCAST($0x0f, Z6) // a half, and the kinds of tokens
	BROADCAST($0x60, Z7) // those of signs
	BROADCAST($0x10, Z8) // that of controls
	BROADCAST($0x80, Z9) // those of line feeds and of high digits
	BROADCAST($0x07, Z10) // those of starts

wide:
	PREFETCHT0 4096(SI) // the next chunk: what the processor foresees ends with the page
	VMOVDQU64 (SI), Z16
	VPSRLW $4, Z16, Z17
	VPANDD Z6, Z17, Z17
	WIDEKINDS(Z0, Z1)
	WIDEANY(Z6, 0)
	WIDEANY(Z7, SIGNS)
	WIDEANY(Z8, CONTROLS)
	WIDEANY(Z9, LINE)
	WIDEKINDS(Z2, Z3)
	WIDEANY(Z10, STARTS)
	WIDEANY(Z9, HIGHS)
	WIDEKINDS(Z4, Z5)
	WIDEANY(Z18, INERT)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  wide
	VZEROUPPER
	RET

// ENCODED puts the places of the word at DI where something may be encoded into
// AX; see masks.encodedAt.
#define ENCODED \
	MOVQ  LINE(DI), R11       \
	MOVQ  INERT(DI), AX       \
	MOVQ  INERT+8(DI), BX     \
	LEAQ  (AX)(AX*1), DX      \
	ANDNQ R11, DX, R11        \
	ORQ   SIGNS(DI), R11      \
	SHRQ  $1, AX              \
	SHLQ  $63, BX             \
	ORQ   BX, AX              \
	ANDNQ R11, AX, AX         \
	ORQ   CONTROLS(DI), AX

// PUT writes the 32 places in Y as words to AT(SI).
#define PUT(Y, AT) \
	VPMOVZXBW Y, Z2      \
	VPADDW    Z4, Z2, Z2 \
	VMOVDQU16 Z2, AT(SI)

DATA  places<>+0(SB)/8, $0x0706050403020100
DATA  places<>+8(SB)/8, $0x0f0e0d0c0b0a0908
DATA  places<>+16(SB)/8, $0x1716151413121110
DATA  places<>+24(SB)/8, $0x1f1e1d1c1b1a1918
DATA  places<>+32(SB)/8, $0x2726252423222120
DATA  places<>+40(SB)/8, $0x2f2e2d2c2b2a2928
DATA  places<>+48(SB)/8, $0x3736353433323130
DATA  places<>+56(SB)/8, $0x3f3e3d3c3b3a3938
GLOBL places<>(SB), RODATA|NOPTR, $64

// func placesAVX512(m *masks, found *offsets, words int) int
TEXT ·placesAVX512(SB), NOSPLIT, $0-32
	MOVQ m+0(FP), DI
	MOVQ found+8(FP), SI
	MOVQ words+16(FP), CX
	MOVQ SI, R9
	XORL R10, R10 // where the word begins
	VMOVDQU64 places<>(SB), Z0
	VPXORQ Z4, Z4, Z4
	MOVL $64, R8
	VPBROADCASTW R8, Z5

word:
	ENCODED
	KMOVQ AX, K1
	VPCOMPRESSB.Z Z0, K1, Z1
	PUT(Y1, 0)
	POPCNTQ AX, AX
	CMPQ AX, $32
	JA   many

next:
	LEAQ (SI)(AX*2), SI
	VPADDW Z5, Z4, Z4
	ADDQ $64, R10
	ADDQ $8, DI
	DECQ CX
	JNZ  word

	ENCODED
	TZCNTQ AX, AX
	ADDQ R10, AX
	MOVW AX, (SI)
	SUBQ R9, SI
	SHRQ $1, SI
	INCQ SI
	MOVQ SI, ret+24(FP)
	VZEROUPPER
	RET

many:
	VEXTRACTI64X4 $1, Z1, Y1
	PUT(Y1, 64)
	JMP next

// func skimBMI2(text *byte, i, end, stride int, mask uint64, words *uint64, shift uint, pairs *uint64) int
TEXT ·skimBMI2(SB), NOSPLIT, $0-72
	MOVQ text+0(FP), DI
	MOVQ i+8(FP), SI
	MOVQ end+16(FP), DX
	MOVQ stride+24(FP), R9
	MOVQ mask+32(FP), R10
	MOVQ words+40(FP), R8
	MOVQ shift+48(FP), CX
	MOVQ pairs+56(FP), R13
	ADDQ DI, SI // from here on these are places in memory
	ADDQ DI, DX
	LEAQ (R9)(R9*2), R12
	MOVQ $0x9e3779b97f4a7c15, R11 // see hash

// MISS goes to HIT unless one of the bits is missing for the gram at PLACE.
#define MISS(PLACE, HIT) \
	MOVQ  PLACE, AX         \
	ANDQ  R10, AX           \
	IMULQ R11, AX           \
	SHRXQ CX, AX, BX        \
	MOVQ  (R8)(BX*8), BX    \
	SHRQ  $34, AX           \
	ANDL  $1023, AX         \
	ANDNQ (R13)(AX*8), BX, AX \
	JZ    HIT

four:
	LEAQ (SI)(R12*1), AX
	CMPQ AX, DX
	JAE  one
	MISS((SI), here)
	MISS((SI)(R9*1), second)
	MISS((SI)(R9*2), third)
	MISS((SI)(R12*1), fourth)
	LEAQ (SI)(R9*4), SI
	JMP  four

one:
	CMPQ SI, DX
	JAE  here
	MISS((SI), here)
	ADDQ R9, SI
	JMP  one

fourth:
	ADDQ R9, SI

third:
	ADDQ R9, SI

second:
	ADDQ R9, SI

here:
	SUBQ DI, SI
	MOVQ SI, ret+64(FP)
	RET

// AND keeps the bits of V that are set BY places later as well, where NEXT is
// what V was for the vector behind it, and is made to be what it was for this.
#define AND(V, NEXT, BY) \
	VALIGNQ   $1, V, NEXT, Z10 \
	VMOVDQA64 V, NEXT          \
	VPSHRDQ   BY, Z10, V, Z10  \
	VPANDQ    Z10, V, V

// func tilesAVX512(m *masks, vectors int) (some uint64)
TEXT ·tilesAVX512(SB), NOSPLIT, $0-24
	MOVQ m+0(FP), DI
	MOVQ vectors+8(FP), CX
	MOVQ CX, AX
	SHLQ $6, AX
	ADDQ AX, DI
	XORL BX, BX
	VPXORQ Z20, Z20, Z20
	VPXORQ Z21, Z21, Z21
	VPXORQ Z22, Z22, Z22
	VPXORQ Z23, Z23, Z23
	VPXORQ Z24, Z24, Z24
	VPXORQ Z25, Z25, Z25
	VPXORQ Z26, Z26, Z26
	VPXORQ Z27, Z27, Z27
	VPXORQ Z28, Z28, Z28

behind: // from the last vector to the first
	SUBQ $64, DI
	VMOVDQU64 (DI), Z0
	VMOVDQU64 STARTS(DI), Z1
	VMOVDQU64 HIGHS(DI), Z2
	AND(Z0, Z20, $1)
	AND(Z0, Z21, $2)
	AND(Z0, Z22, $4)
	AND(Z0, Z23, $8)
	AND(Z1, Z24, $4)
	AND(Z1, Z25, $8)
	AND(Z2, Z26, $2)
	AND(Z2, Z27, $4)
	AND(Z2, Z28, $8)
	VPANDQ Z0, Z1, Z1
	VPANDQ Z0, Z2, Z2
	VPORQ  Z1, Z2, Z3
	VPTESTMQ Z3, Z3, K1
	KMOVB K1, AX
	SHLQ $8, BX
	ORQ AX, BX
	VMOVDQU64 Z0, (DI)
	VMOVDQU64 Z1, STARTS(DI)
	VMOVDQU64 Z2, HIGHS(DI)
	DECQ CX
	JNZ behind
	MOVQ BX, some+16(FP)
	VZEROUPPER
	RET
