// SPDX-License-Identifier: GPL-2.0
/*
 * The program that the demo profiles: four small jobs, one after the other, a few
 * times over. Before each job it drops a mark of the job's own number, so that the
 * machine's books say what each really took; mark 1 begins the whole, mark 2 ends it.
 *
 * There is no C library in it: from the first instruction to the last, everything
 * is here. Outside of marks 1 and 2 are OUTSIDE_INSNS instructions (demo/profile
 * has the same number): 6 of _start before mark 1, mark 2 itself and 3 after it.
 */
#include <lab/mark.h>

#define MARK_SIEVE	11
#define MARK_MULTIPLY	12
#define MARK_SORT	13
#define MARK_CHECKSUM	14
#define MARK_NEXT	19

#define ROUNDS		4
#define NR_NUMBERS	50000
#define ORDER		64
#define NR_KEYS		8000

#define noinline __attribute__((noinline, noclone))

static unsigned char composite[NR_NUMBERS];
static int left[ORDER][ORDER], right[ORDER][ORDER], product[ORDER][ORDER];
static unsigned int keys[NR_KEYS];

/* What the jobs compute, so that no compiler leaves them out. */
volatile unsigned long result;

/* A process of real-time priority: no other one runs between the marks. */
__asm__(
"	.globl _start\n"
"_start:\n"
"	mov	$144, %eax\n"		/* sched_setscheduler(0, SCHED_FIFO, 50) */
"	xor	%edi, %edi\n"
"	mov	$1, %esi\n"
"	mov	$priority, %edx\n"
"	syscall\n"
"	mov	$1, %eax\n"
	LAB_MARK_ASM
"	call	run\n"
"	mov	$2, %eax\n"
	LAB_MARK_ASM
"	mov	$60, %eax\n"		/* exit(0) */
"	xor	%edi, %edi\n"
"	syscall\n"
"	.section .rodata\n"
"priority:\n"
"	.long	50\n"
"	.text\n");

/* Numbers that are always the same. */
static unsigned int next_number(unsigned int *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

noinline void sieve_primes(void)
{
	unsigned int i, j, nr = 0;

	for (i = 0; i < NR_NUMBERS; i++)
		composite[i] = 0;
	for (i = 2; i < NR_NUMBERS; i++) {
		if (composite[i])
			continue;
		nr++;
		for (j = 2 * i; j < NR_NUMBERS; j += i)
			composite[j] = 1;
	}
	result += nr;
}

noinline void multiply_matrices(void)
{
	int i, j, k, sum;

	for (i = 0; i < ORDER; i++) {
		for (j = 0; j < ORDER; j++) {
			left[i][j] = i - j;
			right[i][j] = i + j;
		}
	}
	for (i = 0; i < ORDER; i++) {
		for (j = 0; j < ORDER; j++) {
			sum = 0;
			for (k = 0; k < ORDER; k++)
				sum += left[i][k] * right[k][j];
			product[i][j] = sum;
		}
	}
	result += product[ORDER - 1][ORDER - 1];
}

noinline void sort_keys(void)
{
	unsigned int state = 1, key;
	int gap, i, j;

	for (i = 0; i < NR_KEYS; i++)
		keys[i] = next_number(&state);
	for (gap = NR_KEYS / 2; gap; gap /= 2) {
		for (i = gap; i < NR_KEYS; i++) {
			key = keys[i];
			for (j = i; j >= gap && keys[j - gap] > key; j -= gap)
				keys[j] = keys[j - gap];
			keys[j] = key;
		}
	}
	result += keys[NR_KEYS / 2];
}

noinline void checksum_keys(void)
{
	const unsigned char *bytes = (const unsigned char *)keys;
	unsigned int i, hash = 2166136261u;

	for (i = 0; i < sizeof(keys); i++)
		hash = (hash ^ bytes[i]) * 16777619;
	result += hash;
}

__attribute__((used)) static void run(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		lab_mark(MARK_SIEVE);
		sieve_primes();
		lab_mark(MARK_MULTIPLY);
		multiply_matrices();
		lab_mark(MARK_SORT);
		sort_keys();
		lab_mark(MARK_CHECKSUM);
		checksum_keys();
		lab_mark(MARK_NEXT);
	}
}
