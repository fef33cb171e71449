#include "textflag.h"

// The offsets of the fields of masks, and what the bits of a kind are; see
// classify.go, whose classifyBlocksPlain does the same.
#define TRIGGER 512
#define LINE    1024

DATA  half<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL half<>(SB), RODATA|NOPTR, $8
DATA  tokenKinds<>+0(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL tokenKinds<>(SB), RODATA|NOPTR, $8
DATA  triggerKinds<>+0(SB)/8, $0x7070707070707070
GLOBL triggerKinds<>(SB), RODATA|NOPTR, $8

// KINDS puts the kinds of the 32 bytes in X into K.
#define KINDS(X, H, K) \
	VPSRLW  $4, X, H  \
	VPAND   Y2, H, H  \
	VPSHUFB H, Y0, H  \
	VPSHUFB X, Y1, K  \
	VPAND   H, K, K

// NONE puts into OUT a bit for each byte of K that has none of the kinds OF.
#define NONE(K, OF, T, OUT) \
	VPAND     OF, K, T \
	VPCMPEQB  Y5, T, T \
	VPMOVMSKB T, OUT

// func classifyAVX2(m *masks, text *byte, blocks int, upper, lower *[16]uint8)
TEXT ·classifyAVX2(SB), NOSPLIT, $0-40
	MOVQ m+0(FP), DI
	MOVQ text+8(FP), SI
	MOVQ blocks+16(FP), CX
	MOVQ upper+24(FP), AX
	MOVQ lower+32(FP), BX
	VBROADCASTI128 (AX), Y0
	VBROADCASTI128 (BX), Y1
	VPBROADCASTQ half<>(SB), Y2
	VPBROADCASTQ tokenKinds<>(SB), Y3
	VPBROADCASTQ triggerKinds<>(SB), Y4
	VPXOR Y5, Y5, Y5

loop:
	VMOVDQU (SI), Y6
	VMOVDQU 32(SI), Y7
	KINDS(Y6, Y8, Y9)
	KINDS(Y7, Y10, Y11)

	NONE(Y9, Y3, Y12, R8)
	NONE(Y11, Y3, Y13, R9)
	SHLQ $32, R9
	ORQ  R9, R8
	NOTQ R8
	MOVQ R8, (DI)

	NONE(Y9, Y4, Y12, R10)
	NONE(Y11, Y4, Y13, R11)
	SHLQ $32, R11
	ORQ  R11, R10
	NOTQ R10
	MOVQ R10, TRIGGER(DI)

	// A line feed is the kind of the uppermost bit.
	VPMOVMSKB Y9, R12
	VPMOVMSKB Y11, R13
	SHLQ $32, R13
	ORQ  R13, R12
	MOVQ R12, LINE(DI)

	ADDQ $64, SI
	ADDQ $8, DI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
