// SPDX-License-Identifier: GPL-2.0
/*
 * Count everything on one CPU, while other events come and go there, and read
 * the counters beside marks.  perf switches the PMU off to change its counters:
 * what the books have as `off` is all that may be missing (check off-equal).
 *
 *   wide [MARK]   number the marks from MARK on
 */
#include <sys/wait.h>

#include "lab-test.h"

#define REPEATS		3	/* measurements wanted of each */
#define ATTEMPTS	50	/* readings tried, if the kernel gets in the way */

/* The kernel's work for an event that starts and stops. */
static void load_ioctl(void)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_BRANCH_INSTRUCTIONS, 2);
	int fd = event_open(&attr, -1);

	for (int i = 0; i < 50; i++) {
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		spin(100);
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	}
	close(fd);
}

/* Tasks with and without events of their own take turns. */
static void load_switch(void)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 2);
	int there[2], back[2], fd = event_open(&attr, -1);
	char byte = 0;

	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	if (pipe(there) || pipe(back))
		die("pipe");
	if (!fork()) {
		for (int i = 0; i < 20; i++)
			if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 20; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			die("pipe to the child");
	wait(NULL);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	close(fd);
}

/* Sampling interrupts. */
static void load_sample(void)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 0);
	int fd;

	attr.sample_period = 5003;
	fd = event_open(&attr, -1);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	spin(100000);
	close(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
} loads[] = {
	{ "ioctl", load_ioctl },
	{ "switch", load_switch },
	{ "sample", load_sample },
};

#define LOADS	(sizeof(loads) / sizeof(loads[0]))
#define EVENTS	(sizeof(event_names) / sizeof(event_names[0]))

static uint64_t mark = 1000;

static bool settled(struct counters *counters, struct probe *probe)
{
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		*probe = (struct probe) { .mark = mark };
		mark += 2;
		if (counters_read(counters, probe))
			return true;
	}
	return false;
}

static bool measure(int load, const char *event, struct counters *counters)
{
	for (int done = 0; done < REPEATS; done++) {
		struct probe before, after;

		if (!settled(counters, &before))
			return false;
		loads[load].run();
		if (!settled(counters, &after))
			return false;
		for (int mode = 0; mode < MODES; mode++)
			printf("# lab: wide.%s.%s.%s.%llu-%llu=%llu\n", loads[load].name, event,
			       mode_names[mode], (unsigned long long)before.mark,
			       (unsigned long long)after.mark,
			       (unsigned long long)(after.value[mode] - before.value[mode]));
	}
	return true;
}

int main(int argc, char *argv[])
{
	if (argc > 1)
		mark = atoi(argv[1]);
	pin_to_cpu(0);
	ktap_plan(LOADS * EVENTS);
	for (size_t event = 0; event < EVENTS; event++) {
		struct perf_event_attr attr = event_attr(event_names[event].config, 2);
		struct counters counters;

		if (!counters_open(&counters, &attr, -1, 0, -1))
			die("counters of %s", event_names[event].name);
		for (size_t load = 0; load < LOADS; load++)
			ktap_result(measure(load, event_names[event].name, &counters), "%s-%s",
				    loads[load].name, event_names[event].name);
		counters_close(&counters);
	}
	return ktap_exit();
}
