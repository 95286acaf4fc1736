/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lab's whole firmware: 64 KiB of ROM that ends at 4 GiB.
 *
 * lab/run has put a Linux kernel, an initrd and a prepared block (boot_params,
 * command line, MP table: see bootimage.py) into RAM before the first
 * instruction. What is left to do is to enter protected mode and jump, by the
 * 32-bit boot protocol of Documentation/arch/x86/boot.rst. There are no BIOS
 * services, no ACPI and no SMM: application processors wait for the kernel's
 * SIPI just as reset left them.
 *
 * Built by scripts/build-rom with as, ld and objcopy.
 */
	.set	BLOCK,    0x90000	/* boot_params, first in the block */
	.set	AGAIN,    0x9fff0	/* word: non-zero once the ROM has run */
	.set	CODE32,   0x9fff4	/* word: entry point of the kernel */
	.set	CS32,     0x10		/* __BOOT_CS, fixed by the protocol */
	.set	DS32,     0x18		/* __BOOT_DS */
	.set	MTRR_DEF, 0x2ff

	.section .text
	.code16
rom:
start16:
	cli
	lgdtl	%cs:gdtr - rom
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$CS32, $start32

	.code32
start32:
	movw	$DS32, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	movw	%ax, %ss

	/*
	 * The kernel in RAM has been overwritten by its own run, so a reset
	 * cannot boot again. End the machine: with no IDT the exception
	 * becomes a triple fault, which the emulator treats as fatal.
	 */
	cmpl	$0, AGAIN
	je	1f
	lidt	noidt
	ud2
1:	movl	$1, AGAIN

	/* Memory is write-back unless said otherwise, as firmware sets it. */
	movl	$MTRR_DEF, %ecx
	movl	$0x806, %eax
	xorl	%edx, %edx
	wrmsr

	movl	$BLOCK, %esi
	xorl	%ebp, %ebp
	xorl	%edi, %edi
	xorl	%ebx, %ebx
	jmp	*CODE32

	.balign	8
gdt:	.quad	0
	.quad	0
	.quad	0x00cf9b000000ffff	/* CS32: flat, accessed */
	.quad	0x00cf93000000ffff	/* DS32 */
gdt_end:
gdtr:	.word	gdt_end - gdt - 1
	.long	gdt
noidt:	.word	0
	.long	0

	/* The reset vector, 16 bytes below 4 GiB. */
	.section .reset, "ax"
	.code16
	jmp	start16
	.balign	16, 0xf4
