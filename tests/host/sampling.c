// SPDX-License-Identifier: GPL-2.0
/*
 * Sample with a fixed period over a loop of known length.  The number of
 * samples must be the total divided by the period, and every sample lie inside
 * of the loop (check sampled).  Total and period are such that the few dozen
 * instructions around the loop cannot move the quotient, and that a PMI some
 * hundred instructions late still lands in the loop.
 */
#include "lab-test.h"

#define PAGES	64		/* of the ring buffer: holds all samples */
#define ROUNDS	5000000

static const struct {
	const char *name;
	uint64_t config, period;
} samplings[] = {
	/* 10,000,000 / 5,003 = 1998 and 4,006 left, of 5,003 */
	{ "instructions", PERF_COUNT_HW_INSTRUCTIONS, 5003 },
	/* 5,000,000 / 30,011 = 166 and 18,174 left, of 30,011 */
	{ "branches", PERF_COUNT_HW_BRANCH_INSTRUCTIONS, 30011 },
};

#define SAMPLINGS	(sizeof(samplings) / sizeof(samplings[0]))

extern const char spin_begin[], spin_end[];

/* spin(), with labels: one copy only. */
__attribute__((noinline))
static void spin_here(uint64_t rounds)
{
	asm volatile(".globl spin_begin, spin_end\n"
		     "spin_begin: dec %0\n\tjnz spin_begin\nspin_end:" : "+r"(rounds) : : "cc");
}

/* Walk the ring buffer. */
static void report(struct perf_event_mmap_page *page, const char *name, uint64_t period,
		   int first, int last)
{
	uint64_t head = page->data_head, tail = page->data_tail;
	const char *data = (const char *)page + page->data_offset;
	unsigned int samples = 0, inside = 0, lost = 0;

	while (tail < head) {
		struct perf_event_header header;
		uint64_t ip;

		memcpy(&header, data + tail % page->data_size, sizeof(header));
		if (header.type == PERF_RECORD_SAMPLE) {
			memcpy(&ip, data + tail % page->data_size + sizeof(header), sizeof(ip));
			samples++;
			if (ip >= (uintptr_t)spin_begin && ip < (uintptr_t)spin_end)
				inside++;
			else
				printf("# sample %u at %#llx\n", samples, (unsigned long long)ip);
		} else {
			printf("# record of type %u\n", header.type);
			lost++;
		}
		tail += header.size;
	}
	printf("# lab: sample.%s.samples=%u\n# lab: sample.%s.inside=%u\n"
	       "# lab: sample.%s.lost=%u\n# lab: sample.%s.period=%llu\n"
	       "# lab: sample.%s.first=%d\n# lab: sample.%s.last=%d\n",
	       name, samples, name, inside, name, lost, name, (unsigned long long)period,
	       name, first, name, last);
}

int main(void)
{
	pin_to_cpu(0);
	ktap_plan(SAMPLINGS);
	for (size_t i = 0; i < SAMPLINGS; i++) {
		struct perf_event_attr attr = event_attr(samplings[i].config, 0);
		struct perf_event_mmap_page *page;
		int fd, first = 10 + 2 * i, last = first + 1;

		attr.sample_period = samplings[i].period;
		attr.sample_type = PERF_SAMPLE_IP;
		fd = event_open(&attr, -1);
		page = mmap(NULL, (1 + PAGES) * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (page == MAP_FAILED)
			die("mmap of the ring buffer");
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		lab_mark(first);
		spin_here(ROUNDS);
		lab_mark(last);
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
		report(page, samplings[i].name, samplings[i].period, first, last);
		ktap_result(true, "%s", samplings[i].name);
		munmap(page, (1 + PAGES) * 4096);
		close(fd);
	}
	return ktap_exit();
}
