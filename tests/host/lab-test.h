/* SPDX-License-Identifier: GPL-2.0 */
/* What the test programs share: KTAP, marks, perf events. */
#ifndef LAB_TEST_H
#define LAB_TEST_H

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lab/mark.h>
#include "counters.h"

static unsigned int ktap_number;
static unsigned int ktap_failed;

static inline void ktap_plan(unsigned int tests)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", tests);
}

/* Report one result; @ok decides. */
__attribute__((format(printf, 2, 3)))
static inline void ktap_result(bool ok, const char *format, ...)
{
	va_list args;

	printf("%s %u ", ok ? "ok" : "not ok", ++ktap_number);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	if (!ok)
		ktap_failed++;
}

static inline int ktap_exit(void)
{
	return ktap_failed != 0;
}

/* Set-up that must work; the judge sees a truncated document and the status. */
__attribute__((noreturn, format(printf, 1, 2)))
static inline void die(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	exit(2);
}

/* One loop round is two instructions, one of them a branch. */
static inline void spin(uint64_t rounds)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(rounds) : : "cc");
}

struct event_name {
	const char *name;
	uint64_t config;
};

static const struct event_name event_names[] = {
	{ "instructions", PERF_COUNT_HW_INSTRUCTIONS },
	{ "branches", PERF_COUNT_HW_BRANCH_INSTRUCTIONS },
	{ "cycles", PERF_COUNT_HW_CPU_CYCLES },
};

/* Attributes of event @config in mode_names[@mode], disabled. */
static inline struct perf_event_attr event_attr(uint64_t config, int mode)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = config,
		.disabled = 1,
		.exclude_kernel = mode == 0,
		.exclude_user = mode == 1,
	};

	return attr;
}

/* Open @attr for this thread on any CPU; @group is a leader or -1. */
static inline int event_open(struct perf_event_attr *attr, int group)
{
	int fd = syscall(SYS_perf_event_open, attr, 0, -1, group, 0);

	if (fd < 0)
		die("perf_event_open(config %#llx)", (unsigned long long)attr->config);
	return fd;
}

/*
 * Stay on one CPU and let no other process run there: counters are per process,
 * books per CPU.
 */
static inline void pin_to_cpu(int cpu)
{
	struct sched_param param = { .sched_priority = 50 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity(%d)", cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler");
}

/* How often this process was switched away from. */
static inline long switches(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		die("getrusage");
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

#endif
