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
#define MODES		3

struct probe {
	uint64_t mark;
	uint64_t value[MODES];
	uint64_t kernel[2];	/* low 32 bits of mode k before and after */
};

/*
 * Mark @probe->mark, read the three counters, mark @probe->mark + 1.  One asm
 * block, so that no instruction comes between, and no branch at all.  The
 * kernel's counter, read once more on either side, shows whether the kernel
 * ran in between: where RDPMC is emulated that takes its time, and a tick
 * comes often.
 */
__attribute__((noinline))
static void take(struct probe *probe, const uint32_t *index)
{
	asm volatile("mov 4(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "mov %%rax, 32(%[probe])\n\t"
		     "mov (%[probe]), %%rax\n\t"
		     ".byte 0x0f, 0x1f, 0x80, 0x6d, 0x61, 0x72, 0x6b\n\t"
		     "mov (%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "shl $32, %%rdx\n\t"
		     "or %%rdx, %%rax\n\t"
		     "mov %%rax, 8(%[probe])\n\t"
		     "mov 4(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "shl $32, %%rdx\n\t"
		     "or %%rdx, %%rax\n\t"
		     "mov %%rax, 16(%[probe])\n\t"
		     "mov 8(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "shl $32, %%rdx\n\t"
		     "or %%rdx, %%rax\n\t"
		     "mov %%rax, 24(%[probe])\n\t"
		     "mov (%[probe]), %%rax\n\t"
		     "lea 1(%%rax), %%rax\n\t"
		     ".byte 0x0f, 0x1f, 0x80, 0x6d, 0x61, 0x72, 0x6b\n\t"
		     "mov 4(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "mov %%rax, 40(%[probe])\n\t"
		     : : [probe] "S"(probe), [index] "D"(index)
		     : "rax", "rcx", "rdx", "memory", "cc");
}

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

/* RDPMC's operand for each event, and its page's sequence number. */
static bool prepare(struct perf_event_mmap_page **pages, uint32_t *index, uint32_t *lock)
{
	for (int mode = 0; mode < MODES; mode++) {
		volatile struct perf_event_mmap_page *page = pages[mode];

		lock[mode] = page->lock;
		if (!page->cap_user_rdpmc || !page->index || (lock[mode] & 1))
			return false;
		index[mode] = page->index - 1;
	}
	return true;
}

/* Did the kernel stay out of @probe?  Its counter counts in all that it does. */
static bool quiet(const struct probe *probe)
{
	return probe->kernel[0] == probe->kernel[1];
}

static bool undisturbed(struct perf_event_mmap_page **pages, const uint32_t *lock)
{
	for (int mode = 0; mode < MODES; mode++)
		if (((volatile struct perf_event_mmap_page *)pages[mode])->lock != lock[mode])
			return false;
	return true;
}

/* Measure one load; true if REPEATS of them went undisturbed. */
static bool measure(int load, const char *event, struct perf_event_mmap_page **pages)
{
	static uint64_t mark = 1000;
	uint64_t mask = ~0ull >> (64 - pages[0]->pmc_width);
	int done = 0;

	for (int attempt = 0; attempt < ATTEMPTS && done < REPEATS; attempt++) {
		struct probe before = { .mark = mark }, after = { .mark = mark + 2 };
		uint32_t index[MODES], lock[MODES];

		mark += 4;
		spin((attempt + 1) * PHASE);
		if (!prepare(pages, index, lock))
			continue;
		take(&before, index);
		loads[load].run();
		take(&after, index);
		if (!undisturbed(pages, lock) || !quiet(&before) || !quiet(&after))
			continue;
		done++;
		for (int mode = 0; mode < MODES; mode++)
			printf("# lab: books.%s.%s.%s.%llu-%llu=%llu\n", loads[load].name, event,
			       mode_names[mode], (unsigned long long)before.mark,
			       (unsigned long long)after.mark,
			       (unsigned long long)((after.value[mode] - before.value[mode]) & mask));
	}
	return done == REPEATS;
}

int main(void)
{
	pin_to_cpu(0);
	ktap_plan(LOADS * EVENTS);
	for (size_t event = 0; event < EVENTS; event++) {
		struct perf_event_mmap_page *pages[MODES];
		int fds[MODES];

		for (int mode = 0; mode < MODES; mode++) {
			struct perf_event_attr attr = event_attr(event_names[event].config, mode);

			fds[mode] = event_open(&attr, -1);
			pages[mode] = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[mode], 0);
			if (pages[mode] == MAP_FAILED)
				die("mmap of an event");
		}
		for (int mode = 0; mode < MODES; mode++)
			ioctl(fds[mode], PERF_EVENT_IOC_ENABLE, 0);
		for (size_t load = 0; load < LOADS; load++)
			ktap_result(measure(load, event_names[event].name, pages), "%s-%s",
				    loads[load].name, event_names[event].name);
		for (int mode = 0; mode < MODES; mode++) {
			munmap(pages[mode], 4096);
			close(fds[mode]);
		}
	}
	return ktap_exit();
}
