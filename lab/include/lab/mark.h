/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks: how software of any mode (host or guest, kernel or user) makes the
 * lab's machine write its books to the trace.  See docs/trace.md.
 *
 * The instruction is a multi-byte NOP, nopl 0x6b72616d(%rax): it accesses no
 * memory, never faults, never causes a VM exit, and does nothing at all on a
 * real processor.  The displacement spells "mark" in memory.
 */
#ifndef LAB_MARK_H
#define LAB_MARK_H

#define LAB_MARK_BYTES	0x0f, 0x1f, 0x80, 0x6d, 0x61, 0x72, 0x6b

#ifdef __ASSEMBLER__

/* Drop the mark whose number is in %rax. */
.macro lab_mark
	.byte LAB_MARK_BYTES
.endm

#else

#define LAB_STRING_OF(...)	#__VA_ARGS__
#define LAB_STRING(...)		LAB_STRING_OF(__VA_ARGS__)

/* The same for an asm statement: drop the mark whose number is in %rax. */
#define LAB_MARK_ASM		".byte " LAB_STRING(LAB_MARK_BYTES) "\n\t"

/**
 * lab_mark - write the machine's books to the trace
 * @number: name of this mark in the trace; any 64-bit value
 *
 * The books are those before the mark's own instruction: the difference of
 * two marks holds the first mark's instruction and not the second's.
 */
static inline __attribute__((always_inline)) void lab_mark(unsigned long number)
{
	__asm__ volatile(LAB_MARK_ASM : : "a"(number) : "memory");
}

#endif /* __ASSEMBLER__ */
#endif /* LAB_MARK_H */
