/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program whose every instruction is known, for the perf tool to count.
 *
 * Between the marks, as the books have it (mark 1 is after its own book, mark 2
 * before): mark 1, mov, 2 * ROUNDS, mov, 4 * CALLS, mov.  Outside: 6 before, and
 * mark 2, mov, xor, syscall after.  tests/judge/checks.py has the same numbers
 * under LOOP_*.
 *
 * The books do not know processes.  So the first thing is to become a real-time
 * process, lest another one run between the marks.
 */
#include <lab/mark.h>
#include "program.h"

#define ROUNDS	1000000
#define CALLS	1000

	.globl _start, loop_begin, loop_end
_start:
	become_real_time
	mov	$1, %eax
	lab_mark
	mov	$ROUNDS, %ecx
loop_begin:
	dec	%ecx
	jnz	loop_begin

	mov	$CALLS, %ebx
1:	mov	$39, %eax		/* getpid; SYSCALL changes RCX and R11 */
	syscall
	dec	%ebx
	jnz	1b
loop_end:
	mov	$2, %eax
	lab_mark
	exit_program
