/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Three counters of one event, in user mode, kernel mode and both, read by RDPMC
 * right beside marks: for comparison with the books to the unit.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <lab/mark.h>

#define MODES		3

static const char * const mode_names[MODES] = { "u", "k", "uk" };

struct counters {
	int only;	/* the one mode that is counted, or -1: all */
	int fd[MODES];
	volatile struct perf_event_mmap_page *page[MODES];
};

/* The counters at a moment: mark @mark is right before, @mark + 1 right after. */
struct probe {
	uint64_t mark;
	uint64_t value[MODES];
	uint64_t kernel[2];	/* low 32 bits of mode k on either side */
	uint32_t lock[MODES];	/* sequence numbers: has the kernel moved a counter? */
};

static inline void counters_close(struct counters *counters)
{
	for (int mode = 0; mode < MODES; mode++) {
		if (counters->fd[mode] < 0)
			continue;
		munmap((void *)counters->page[mode], 4096);
		close(counters->fd[mode]);
	}
}

/*
 * Open and enable event @config with its mode added to @attr, for task @pid and
 * CPU @cpu as perf_event_open() has them, in mode @only or in all (-1).  False and
 * errno if that fails.
 */
static inline bool counters_open(struct counters *counters, const struct perf_event_attr *attr,
				 pid_t pid, int cpu, int only)
{
	counters->only = only;
	memset(counters->fd, -1, sizeof(counters->fd));
	for (int mode = 0; mode < MODES; mode++) {
		struct perf_event_attr one = *attr;
		int error;

		if (only >= 0 && only != mode)
			continue;
		one.size = sizeof(one);
		one.disabled = 1;
		one.exclude_kernel = mode == 0;
		one.exclude_user = mode == 1;
		counters->fd[mode] = syscall(SYS_perf_event_open, &one, pid, cpu, -1, 0);
		counters->page[mode] = counters->fd[mode] < 0 ? MAP_FAILED :
			mmap(NULL, 4096, PROT_READ, MAP_SHARED, counters->fd[mode], 0);
		if (counters->page[mode] != MAP_FAILED)
			continue;
		error = errno;
		if (counters->fd[mode] >= 0)
			close(counters->fd[mode]);
		counters->fd[mode] = -1;
		counters_close(counters);
		errno = error;
		return false;
	}
	for (int mode = 0; mode < MODES; mode++) {
		if (only >= 0)
			counters->page[mode] = counters->page[only];
		if (counters->fd[mode] >= 0)
			ioctl(counters->fd[mode], PERF_EVENT_IOC_ENABLE, 0);
	}
	return true;
}

/*
 * Mark @probe->mark, read the three counters, mark @probe->mark + 1.  One asm
 * block, so that no instruction comes between, and no branch at all.  The
 * kernel's counter, read once more on either side, shows whether the kernel
 * ran in between: where RDPMC is emulated that takes its time, and a tick
 * comes often.
 */
__attribute__((__noinline__, __unused__))
static void counters_rdpmc(struct probe *probe, const uint32_t *index)
{
	asm volatile("mov 4(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "mov %%rax, 32(%[probe])\n\t"
		     "mov (%[probe]), %%rax\n\t"
		     LAB_MARK_ASM
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
		     LAB_MARK_ASM
		     "mov 4(%[index]), %%ecx\n\t"
		     "rdpmc\n\t"
		     "mov %%rax, 40(%[probe])\n\t"
		     : : [probe] "S"(probe), [index] "D"(index)
		     : "rax", "rcx", "rdx", "memory", "cc");
}

/*
 * Read @counters into @probe, whose mark is set.  False if that is no good: a
 * counter did not count, or the kernel came in between.  The latter does not show
 * if one mode alone is counted; its value is there for all of them.
 */
__attribute__((__unused__))
static bool counters_read(struct counters *counters, struct probe *probe)
{
	uint64_t offset[MODES];
	uint32_t index[MODES];

	for (int mode = 0; mode < MODES; mode++) {
		volatile struct perf_event_mmap_page *page = counters->page[mode];

		probe->lock[mode] = page->lock;
		offset[mode] = page->offset;
		index[mode] = page->index - 1;
		if (!page->cap_user_rdpmc || !page->index || (probe->lock[mode] & 1))
			return false;
	}
	counters_rdpmc(probe, index);
	for (int mode = 0; mode < MODES; mode++) {
		volatile struct perf_event_mmap_page *page = counters->page[mode];
		unsigned int unused = 64 - page->pmc_width;

		if (page->lock != probe->lock[mode])
			return false;
		probe->value[mode] = offset[mode] +
			((int64_t)(probe->value[mode] << unused) >> unused);
	}
	return counters->only >= 0 || probe->kernel[0] == probe->kernel[1];
}

#endif
