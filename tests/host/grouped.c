// SPDX-License-Identifier: GPL-2.0
/*
 * A group of one event in user mode, kernel mode and both: the first two must
 * sum to the third (check group-sum).  Each measured empty and under load, by
 * switching the whole group on and off.
 */
#include "lab-test.h"

#define REPEATS		3
#define ATTEMPTS	20
#define MODES		3

struct values {
	uint64_t nr;
	uint64_t value[MODES];
};

static void load(bool busy)
{
	if (!busy)
		return;
	spin(50000);
	for (int i = 0; i < 200; i++)
		syscall(SYS_getppid);
}

/* One measurement; false if the scheduler got in the way. */
static bool measure(int leader, bool busy, struct values *values)
{
	long before;

	ioctl(leader, PERF_EVENT_IOC_RESET, PERF_IOC_FLAG_GROUP);
	before = switches();
	ioctl(leader, PERF_EVENT_IOC_ENABLE, 0);
	load(busy);
	ioctl(leader, PERF_EVENT_IOC_DISABLE, 0);
	if (switches() != before)
		return false;
	if (read(leader, values, sizeof(*values)) != sizeof(*values) || values->nr != MODES)
		die("read of a group");
	return true;
}

int main(void)
{
	static const char * const names[] = { "empty", "busy" };

	pin_to_cpu(0);
	ktap_plan(4);
	for (int event = 0; event < 2; event++) {
		int fds[MODES];

		for (int mode = 0; mode < MODES; mode++) {
			struct perf_event_attr attr = event_attr(event_names[event].config, mode);

			attr.disabled = mode == 0;
			attr.read_format = PERF_FORMAT_GROUP;
			fds[mode] = event_open(&attr, mode ? fds[0] : -1);
		}
		for (int busy = 0; busy < 2; busy++) {
			int done = 0;

			for (int try = 0; try < ATTEMPTS && done < REPEATS; try++) {
				struct values values;

				if (!measure(fds[0], busy, &values))
					continue;
				for (int mode = 0; mode < MODES; mode++)
					printf("# lab: group.%s.%s.%d.%s=%llu\n",
					       event_names[event].name, names[busy], done,
					       mode_names[mode],
					       (unsigned long long)values.value[mode]);
				done++;
			}
			ktap_result(done == REPEATS, "%s-%s", event_names[event].name, names[busy]);
		}
		for (int mode = MODES - 1; mode >= 0; mode--)
			close(fds[mode]);
	}
	return ktap_exit();
}
