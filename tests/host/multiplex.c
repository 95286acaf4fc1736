// SPDX-License-Identifier: GPL-2.0
/*
 * More events than counters: the kernel rotates them, and what each counted,
 * scaled by the time it ran, must come near the truth (check multiplexed).
 */
#include "lab-test.h"

#define EVENTS	14		/* no machine has as many counters */
#define ROUNDS	25000000	/* some dozens of rotations */
#define FIRST	1
#define LAST	2

int main(void)
{
	struct { uint64_t value, enabled, running; } count;
	int fds[EVENTS];

	pin_to_cpu(0);
	ktap_plan(1);
	for (int i = 0; i < EVENTS; i++) {
		struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 0);

		attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
		fds[i] = event_open(&attr, -1);
	}
	for (int i = 0; i < EVENTS; i++)
		ioctl(fds[i], PERF_EVENT_IOC_ENABLE, 0);
	lab_mark(FIRST);
	spin(ROUNDS);
	lab_mark(LAST);
	for (int i = 0; i < EVENTS; i++)
		ioctl(fds[i], PERF_EVENT_IOC_DISABLE, 0);
	for (int i = 0; i < EVENTS; i++) {
		if (read(fds[i], &count, sizeof(count)) != sizeof(count))
			die("read");
		printf("# lab: multiplex.%d.value=%llu\n# lab: multiplex.%d.enabled=%llu\n"
		       "# lab: multiplex.%d.running=%llu\n", i, (unsigned long long)count.value,
		       i, (unsigned long long)count.enabled, i, (unsigned long long)count.running);
	}
	printf("# lab: multiplex.first=%d\n# lab: multiplex.last=%d\n", FIRST, LAST);
	ktap_result(true, "multiplexed");
	return ktap_exit();
}
