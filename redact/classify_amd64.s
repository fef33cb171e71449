#include "textflag.h"

// The offsets of the fields of masks, and what the bits of kinds are; see
// classify.go, whose classifyBlocksPlain does the same.
#define TRIGGER 512
#define LINE    1024
#define STARTS  1536
#define HIGHS   2048

DATA  half<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL half<>(SB), RODATA|NOPTR, $8
DATA  tokenKinds<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL tokenKinds<>(SB), RODATA|NOPTR, $8
DATA  triggerKinds<>+0(SB)/8, $0x7070707070707070
GLOBL triggerKinds<>(SB), RODATA|NOPTR, $8
DATA  startKinds<>+0(SB)/8, $0x0707070707070707
GLOBL startKinds<>(SB), RODATA|NOPTR, $8

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

// NONE puts into OUT a bit for each byte of K that has none of the kinds OF.
#define NONE(K, OF, T, OUT) \
	VPAND     OF, K, T \
	VPCMPEQB  Y5, T, T \
	VPMOVMSKB T, OUT

// ANY puts into AT(DI) a bit for each of the 64 bytes in K and KK that has one
// of the kinds OF.
#define ANY(K, KK, OF, AT) \
	NONE(K, OF, Y12, R8)  \
	NONE(KK, OF, Y12, R9) \
	SHLQ $32, R9 \
	ORQ  R9, R8  \
	NOTQ R8      \
	MOVQ R8, AT(DI)

// TOP is ANY for the kind of the uppermost bit.
#define TOP(K, KK, AT) \
	VPMOVMSKB K, R8  \
	VPMOVMSKB KK, R9 \
	SHLQ $32, R9 \
	ORQ  R9, R8  \
	MOVQ R8, AT(DI)

// func classifyAVX2(m *masks, text *byte, blocks int, kinds, digits *kindTables)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-40
	MOVQ m+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ kinds+24(FP), AX
	MOVQ digits+32(FP), BX
	VBROADCASTI128 (AX), Y0
	VBROADCASTI128 16(AX), Y1
	VBROADCASTI128 (BX), Y13
	VBROADCASTI128 16(BX), Y14
	VPBROADCASTQ half<>(SB), Y2
	VPBROADCASTQ tokenKinds<>(SB), Y3
	VPBROADCASTQ triggerKinds<>(SB), Y4
	VPBROADCASTQ startKinds<>(SB), Y15
	VPXOR Y5, Y5, Y5

loop:
	VMOVDQU (SI), Y6
	VMOVDQU 32(SI), Y7
	UPPER(Y6, Y8)
	UPPER(Y7, Y10)
	KINDS(Y6, Y8, Y0, Y1, Y12, Y9)
	KINDS(Y7, Y10, Y0, Y1, Y12, Y11)
	ANY(Y9, Y11, Y3, 0)
	ANY(Y9, Y11, Y4, TRIGGER)
	TOP(Y9, Y11, LINE)
	KINDS(Y6, Y8, Y13, Y14, Y12, Y9)
	KINDS(Y7, Y10, Y13, Y14, Y12, Y11)
	ANY(Y9, Y11, Y15, STARTS)
	TOP(Y9, Y11, HIGHS)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
