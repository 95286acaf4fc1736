// SPDX-License-Identifier: GPL-2.0
/*
 * What bench/profiling runs, in a guest and on the bare machine: the same work each time.
 *
 *   workload compute ROUNDS     arithmetic, branches that nobody can predict, memory
 *   workload io DISK READS      4 KiB from random places, past the page cache, and some
 *                               arithmetic with each
 *   workload stat TIMES         a group of events of this task: enabled, read, disabled
 *   workload switch TIMES       two tasks, each with such a group, wake each other
 *
 * compute and io are between marks 1 and 2. Of stat, each part of each time is: 10 to 11
 * enables, 11 to 12 reads, 12 to 13 disables. Of switch, two switches are between each
 * mark 20 and the next.
 *
 * Exit status: 0; 2 if something it needs fails, with a line on stdout.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "../tests/host/lab-test.h"

#define BLOCK		4096
#define DISK_BLOCKS	(1 << 16)	/* 256 MiB, which each disk has */
#define TABLE		(1 << 19)	/* words: 4 MiB */
#define READ_ROUNDS	200		/* of arithmetic for each read */

static uint64_t table[TABLE];

/* Marsaglia's xorshift: never 0. */
static uint64_t next_random(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

/* Some 25 instructions a round, a load and a store to a random place among them. */
static uint64_t compute(uint64_t rounds, uint64_t x)
{
	uint64_t sum = 0;

	while (rounds--) {
		uint64_t *place;

		x = next_random(x);
		place = &table[x % TABLE];
		if (x & 1 << 20)
			sum += *place ^ x;
		else
			sum ^= *place + (x >> 3);
		*place = sum;
	}
	return sum;
}

static void run_compute(uint64_t rounds)
{
	volatile uint64_t sum;

	memset(table, 1, sizeof(table));
	lab_mark(1);
	sum = compute(rounds, 88172645463325252ull);
	lab_mark(2);
	(void)sum;
}

static void run_io(const char *disk, uint64_t reads)
{
	int fd = open(disk, O_RDONLY | O_DIRECT);
	uint64_t x = 88172645463325252ull;
	volatile uint64_t sum = 0;
	void *buffer;

	if (fd < 0)
		die("%s", disk);
	if (posix_memalign(&buffer, BLOCK, BLOCK))
		die("posix_memalign");
	memset(table, 1, sizeof(table));
	lab_mark(1);
	while (reads--) {
		x = next_random(x);
		if (pread(fd, buffer, BLOCK, x % DISK_BLOCKS * BLOCK) != BLOCK)
			die("pread from %s", disk);
		sum += compute(READ_ROUNDS, x);
	}
	lab_mark(2);
}

/* The group of events that stat and switch use: the descriptor of its leader. */
static int open_group(void)
{
	static const uint64_t configs[] = {
		PERF_COUNT_HW_INSTRUCTIONS, PERF_COUNT_HW_CPU_CYCLES,
		PERF_COUNT_HW_BRANCH_INSTRUCTIONS, PERF_COUNT_HW_BRANCH_MISSES,
	};
	int leader = -1;

	for (unsigned int i = 0; i < sizeof(configs) / sizeof(*configs); i++) {
		struct perf_event_attr attr = event_attr(configs[i], 2);
		int fd;

		attr.disabled = i == 0;
		attr.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED |
				   PERF_FORMAT_TOTAL_TIME_RUNNING;
		fd = event_open(&attr, leader);
		if (!i)
			leader = fd;
	}
	return leader;
}

static void enable_group(int leader)
{
	if (ioctl(leader, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP))
		die("PERF_EVENT_IOC_ENABLE");
}

static void run_stat(uint64_t times)
{
	int leader = open_group();
	uint64_t values[3 + 4];

	while (times--) {
		lab_mark(10);
		enable_group(leader);
		lab_mark(11);
		if (read(leader, values, sizeof(values)) != sizeof(values))
			die("read");
		lab_mark(12);
		if (ioctl(leader, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP))
			die("PERF_EVENT_IOC_DISABLE");
		lab_mark(13);
		if (!values[3])
			die("the group didn't count");
	}
}

static void pass(int from, int to)
{
	char byte = 0;

	if (from >= 0 && read(from, &byte, 1) != 1)
		die("read from a pipe");
	if (to >= 0 && write(to, &byte, 1) != 1)
		die("write to a pipe");
}

static void run_switch(uint64_t times)
{
	int ping[2], pong[2], status;
	pid_t child;

	if (pipe(ping) || pipe(pong))
		die("pipe");
	child = fork();
	if (child < 0)
		die("fork");
	enable_group(open_group());
	if (!child) {
		for (uint64_t i = 0; i <= times; i++)
			pass(ping[0], pong[1]);
		_exit(0);
	}
	/* The first time, both set their events up. */
	for (uint64_t i = 0; i <= times; i++) {
		pass(-1, ping[1]);
		pass(pong[0], -1);
		lab_mark(20);
	}
	if (waitpid(child, &status, 0) != child || status)
		die("the other task failed, status %#x", status);
}

static void usage(void)
{
	fprintf(stderr, "usage: workload compute ROUNDS | io DISK READS | stat TIMES | switch TIMES\n");
	exit(2);
}

/* A decimal number of at least 1. */
static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (!value || *end)
		usage();
	return value;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "compute") && argc == 3)
		run_compute(number(argv[2]));
	else if (!strcmp(what, "io") && argc == 4)
		run_io(argv[2], number(argv[3]));
	else if (!strcmp(what, "stat") && argc == 3)
		run_stat(number(argv[2]));
	else if (!strcmp(what, "switch") && argc == 3)
		run_switch(number(argv[2]));
	else
		usage();
	return 0;
}
