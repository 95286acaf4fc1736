/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program whose top-down metrics are the same from the beginning to the end, and
 * whole numbers of PERF_METRICS' 255ths.  However often it's interrupted, and the
 * metrics of the part so far are rounded, their sum remains exact.
 *
 * Of 17 instructions in a round 4 are branches, none mispredicted, and 8 access
 * memory.  See docs/events.md for what that means in slots.
 */
#include "program.h"

#define ROUNDS	1500000

	.globl _start
_start:
	become_real_time
	mov	$ROUNDS, %ecx
1:	mov	word, %eax
	mov	%eax, word
	jmp	2f
2:	mov	word, %eax
	mov	%eax, word
	jmp	3f
3:	mov	word, %eax
	mov	%eax, word
	jmp	4f
4:	mov	word, %eax
	mov	%eax, word
	lea	1(%eax), %eax
	lea	1(%eax), %eax
	lea	1(%eax), %eax
	lea	1(%eax), %eax
	dec	%ecx
	jnz	1b
	exit_program

	.data
word:	.long	0
