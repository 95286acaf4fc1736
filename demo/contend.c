// SPDX-License-Identifier: GPL-2.0
/*
 * contend WINDOWS AGAIN - count one's own instructions and branches, window by window
 *
 * For the guest of demo/contention. The events are enabled once and never stopped,
 * but for window AGAIN, before which they are disabled, enabled, and read once more.
 * Prints a line `window N INSTRUCTIONS BRANCHES` with the totals at each reading.
 *
 * Each event is read by an instruction sequence that drops a mark first, 100 + N for
 * instructions and 200 + N for branches, N from 0 (the beginning) to WINDOWS. As the
 * sequence is the same each time, two counts differ by what the books of two marks
 * differ by, exactly.
 *
 * Exit status: 0, 1 if an event can't be had, 2 usage.
 */
#include <lab/mark.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WINDOW_ROUNDS	2000000		/* of two instructions */
#define NR_EVENTS	2

static const unsigned long events[NR_EVENTS] = {
	PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_BRANCH_INSTRUCTIONS,
};

static int open_event(unsigned long config)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* Drop a mark and read an event. */
static unsigned long __attribute__((noinline)) read_event(int fd, unsigned long mark)
{
	unsigned long value = 0;
	long length;

	__asm__ volatile(LAB_MARK_ASM
			 "xor %%eax, %%eax\n\t"		/* read() */
			 "syscall"
			 : "=a"(length)
			 : "a"(mark), "D"((long)fd), "S"(&value), "d"(sizeof(value))
			 : "rcx", "r11", "memory");
	if (length != sizeof(value)) {
		fprintf(stderr, "contend: an event in error state gives nothing\n");
		exit(1);
	}
	return value;
}

static void print_counts(const int *fds, int n)
{
	unsigned long count[NR_EVENTS];
	int i;

	for (i = 0; i < NR_EVENTS; i++)
		count[i] = read_event(fds[i], 100 * (i + 1) + n);
	printf("window %d %lu %lu\n", n, count[0], count[1]);
}

static void work(void)
{
	unsigned int rounds = WINDOW_ROUNDS;

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds));
}

int main(int argc, char **argv)
{
	int fds[NR_EVENTS];
	int windows, again, i, n;

	if (argc != 3) {
		fprintf(stderr, "usage: contend WINDOWS AGAIN\n");
		return 2;
	}
	windows = atoi(argv[1]);
	again = atoi(argv[2]);
	for (i = 0; i < NR_EVENTS; i++) {
		fds[i] = open_event(events[i]);
		if (fds[i] < 0) {
			perror("contend: perf_event_open");
			return 1;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (n = 0; n <= windows; n++) {
		if (n)
			work();
		print_counts(fds, n);
		if (n + 1 == again) {
			for (i = 0; i < NR_EVENTS; i++) {
				ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0);
				ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
			}
			print_counts(fds, n);
		}
	}
	return 0;
}
