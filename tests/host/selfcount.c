// SPDX-License-Identifier: GPL-2.0
/*
 * Count this program's own events in user mode, kernel mode and both, and read
 * the counters by RDPMC right beside marks, so that the judge can hold them
 * against the machine's books (check books-equal) without any constant.
 */
#include "lab-test.h"

#define REPEATS		3	/* measurements wanted of each */
#define ATTEMPTS	50	/* tried, if the kernel gets in the way */
#define PHASE		7919	/* rounds by which attempts are apart from any tick */

static void load_user(void)
{
	spin(100000);
}

static void load_syscall(void)
{
	for (int i = 0; i < 500; i++)
		syscall(SYS_getppid);
}

static void load_fault(void)
{
	const size_t page = 4096, pages = 64;
	char *area = mmap(NULL, pages * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < pages; i++)
		((volatile char *)area)[i * page] = 1;
	munmap(area, pages * page);
}

static const struct {
	const char *name;
	void (*run)(void);
} loads[] = {
	{ "user", load_user },
	{ "syscall", load_syscall },
	{ "fault", load_fault },
};

#define LOADS	(sizeof(loads) / sizeof(loads[0]))
#define EVENTS	(sizeof(event_names) / sizeof(event_names[0]))

/* Measure one load; true if REPEATS of them went undisturbed. */
static bool measure(int load, const char *event, struct counters *counters)
{
	static uint64_t mark = 1000;
	int done = 0;

	for (int attempt = 0; attempt < ATTEMPTS && done < REPEATS; attempt++) {
		struct probe before = { .mark = mark }, after = { .mark = mark + 2 };

		mark += 4;
		spin((attempt + 1) * PHASE);
		if (!counters_read(counters, &before))
			continue;
		loads[load].run();
		if (!counters_read(counters, &after) ||
		    memcmp(before.lock, after.lock, sizeof(before.lock)))
			continue;
		done++;
		for (int mode = 0; mode < MODES; mode++)
			printf("# lab: books.%s.%s.%s.%llu-%llu=%llu\n", loads[load].name, event,
			       mode_names[mode], (unsigned long long)before.mark,
			       (unsigned long long)after.mark,
			       (unsigned long long)(after.value[mode] - before.value[mode]));
	}
	return done == REPEATS;
}

int main(void)
{
	pin_to_cpu(0);
	ktap_plan(LOADS * EVENTS);
	for (size_t event = 0; event < EVENTS; event++) {
		struct perf_event_attr attr = event_attr(event_names[event].config, 2);
		struct counters counters;

		if (!counters_open(&counters, &attr, 0, -1, -1))
			die("counters of %s", event_names[event].name);
		for (size_t load = 0; load < LOADS; load++)
			ktap_result(measure(load, event_names[event].name, &counters), "%s-%s",
				    loads[load].name, event_names[event].name);
		counters_close(&counters);
	}
	return ktap_exit();
}
