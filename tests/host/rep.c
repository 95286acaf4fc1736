// SPDX-License-Identifier: GPL-2.0
/*
 * rep - stores of REP instructions are counted one by one
 *
 * The emulator has a bulk path for REP MOVS and STOS; it must not hide accesses
 * from a counter of stores, whatever else is counted.
 */
#include <cpuid.h>

#include "lab-test.h"

#define BYTES 65536u
/* Around the instruction, between the two ioctls: pushes and spills. */
#define AROUND 64

static unsigned char from[BYTES], to[BYTES];

static uint64_t stores_event(void)
{
	unsigned int a, b = 0, c, d;

	__get_cpuid(0, &a, &b, &c, &d);
	return b == signature_INTEL_ebx ? 0x82d0 : 0x0229;
}

static int open_stores(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_RAW, .size = sizeof(attr), .config = stores_event(),
		.disabled = 1, .exclude_kernel = 1, .exclude_hv = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		die("perf_event_open");
	return fd;
}

static void stosb(void)
{
	void *d = to;
	unsigned long n = BYTES;

	asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(1) : "memory");
}

static void movsb(void)
{
	void *d = to, *s = from;
	unsigned long n = BYTES;

	asm volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

static void check(int fd, const char *name, void (*work)(void))
{
	uint64_t count;

	work();		/* the pages are there */
	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	work();
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		die("read");
	ktap_result(count >= BYTES && count < BYTES + AROUND, "%s of %u bytes: %llu stores",
		    name, BYTES, (unsigned long long)count);
}

int main(void)
{
	int fd;

	ktap_plan(2);
	fd = open_stores();
	check(fd, "rep stosb", stosb);
	check(fd, "rep movsb", movsb);
	return ktap_exit();
}
