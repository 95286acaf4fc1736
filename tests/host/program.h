/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs have in common that are assembler from end to end. */

/* Become a real-time process: no other one runs until the end. */
.macro become_real_time
	mov	$144, %eax		/* sched_setscheduler(0, SCHED_FIFO, priority) */
	xor	%edi, %edi
	mov	$1, %esi
	mov	$priority, %edx
	syscall
.endm

.macro exit_program
	mov	$60, %eax		/* exit(0) */
	xor	%edi, %edi
	syscall
.endm

	.section .rodata
priority:
	.long	50

	.section .note.GNU-stack, "", @progbits

	.text
