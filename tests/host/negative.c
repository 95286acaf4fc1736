// SPDX-License-Identifier: GPL-2.0
/*
 * What a PMU must refuse: reserved bits, registers and counters that are not
 * there, RDPMC from user mode without leave.  What is there comes from CPUID;
 * the registers are reached through /dev/cpu/0/msr, which turns #GP into EIO.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>

#include "lab-test.h"

#define BIT(n)			(1ull << (n))

/* Intel */
#define PMC(n)			(0xc1 + (n))
#define EVTSEL(n)		(0x186 + (n))
#define FIXED(n)		(0x309 + (n))
#define FIXED_CTRL		0x38d
#define GLOBAL_STATUS		0x38e
#define GLOBAL_CTRL		0x38f
#define GLOBAL_STATUS_RESET	0x390
#define GLOBAL_STATUS_SET	0x391
#define GLOBAL_INUSE		0x392
#define FULL_WIDTH(n)		(0x4c1 + (n))
#define PERF_CAPABILITIES	0x345

/* AMD */
#define CORE_CTL(n)		(0xc0010200 + 2 * (n))
#define CORE_CTR(n)		(0xc0010201 + 2 * (n))
#define AMD_GLOBAL_STATUS	0xc0000300
#define AMD_GLOBAL_CTL		0xc0000301

static int msr_fd;

static uint64_t get(uint32_t msr)
{
	uint64_t value;

	if (pread(msr_fd, &value, sizeof(value), msr) != sizeof(value))
		die("read of MSR %#x", msr);
	return value;
}

static void can_write(const char *what, uint32_t msr, uint64_t value)
{
	uint64_t old = get(msr), now;
	ssize_t ret = pwrite(msr_fd, &value, sizeof(value), msr);

	now = get(msr);
	ktap_result(ret == sizeof(value) && now == value, "%s takes %#llx", what,
		    (unsigned long long)value);
	if (ret == sizeof(value) && pwrite(msr_fd, &old, sizeof(old), msr) != sizeof(old))
		die("cannot write MSR %#x back", msr);
}

static void cannot_write(const char *what, uint32_t msr, uint64_t value)
{
	ssize_t ret = pwrite(msr_fd, &value, sizeof(value), msr);

	ktap_result(ret < 0 && errno == EIO, "%s refuses %#llx", what, (unsigned long long)value);
}

/* The manual calls these bits (or this register) read as they are, writes ignored. */
static void ignores_write(const char *what, uint32_t msr, uint64_t value)
{
	uint64_t old = get(msr);
	ssize_t ret = pwrite(msr_fd, &value, sizeof(value), msr);

	ktap_result(ret == sizeof(value) && get(msr) == old, "%s ignores %#llx", what,
		    (unsigned long long)value);
}

static void cannot_read(const char *what, uint32_t msr)
{
	uint64_t value;
	ssize_t ret = pread(msr_fd, &value, sizeof(value), msr);

	ktap_result(ret < 0 && errno == EIO, "%s is not there", what);
}

static sigjmp_buf back;

static void on_segv(int sig)
{
	siglongjmp(back, sig);
}

/* 0, or the signal that RDPMC of @index raised. */
static int rdpmc(uint32_t index)
{
	int sig = sigsetjmp(back, 1);

	if (!sig)
		asm volatile("rdpmc" : : "c"(index) : "rax", "rdx");
	return sig;
}

static void rdpmc_tests(uint32_t counters, uint32_t fixed, bool intel)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 0);
	struct sigaction action = { .sa_handler = on_segv };
	volatile struct perf_event_mmap_page *page;
	int fd;

	sigaction(SIGSEGV, &action, NULL);
	ktap_result(rdpmc(0) == SIGSEGV, "RDPMC with CR4.PCE clear: SIGSEGV");

	/* Mapping an event gives this process CR4.PCE. */
	fd = event_open(&attr, -1);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		die("mmap of an event");
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	ktap_result(page->index && rdpmc(page->index - 1) == 0, "RDPMC with CR4.PCE set");
	ktap_result(rdpmc(counters - 1) == 0, "RDPMC of the last counter");
	ktap_result(rdpmc(counters) == SIGSEGV, "RDPMC beyond the last counter: SIGSEGV");
	if (intel) {
		ktap_result(rdpmc(BIT(30) | (fixed - 1)) == 0, "RDPMC of the last fixed counter");
		ktap_result(rdpmc(BIT(30) | fixed) == SIGSEGV,
			    "RDPMC beyond the last fixed counter: SIGSEGV");
	}
	munmap((void *)page, 4096);
	close(fd);
	ktap_result(rdpmc(0) == SIGSEGV, "RDPMC after CR4.PCE is cleared again: SIGSEGV");
}

static void intel(void)
{
	uint32_t eax, ebx, ecx, edx, counters, width, fixed;
	uint64_t all;

	__cpuid_count(0xa, 0, eax, ebx, ecx, edx);
	counters = eax >> 8 & 0xff;
	width = eax >> 16 & 0xff;
	fixed = edx & 0x1f;
	all = (BIT(counters) - 1) | (BIT(fixed) - 1) << 32;
	printf("# lab: version=%u\n# lab: counters=%u\n# lab: fixed=%u\n# lab: width=%u\n",
	       eax & 0xff, counters, fixed, width);

	ktap_plan(29);
	can_write("PERFEVTSEL of the last counter", EVTSEL(counters - 1), 0x1300c0);
	cannot_write("PERFEVTSEL0 bit 63", EVTSEL(0), BIT(63));
	cannot_write("PERFEVTSEL0 bit 40", EVTSEL(0), BIT(40));
	cannot_read("PERFEVTSEL beyond the last counter", EVTSEL(counters));
	cannot_write("PERFEVTSEL beyond the last counter", EVTSEL(counters), 0);
	can_write("the last counter", PMC(counters - 1), 0x1234567);
	cannot_read("a counter beyond the last", PMC(counters));
	cannot_write("a counter beyond the last", PMC(counters), 0);
	can_write("the last full-width counter", FULL_WIDTH(counters - 1), BIT(width) - 2);
	cannot_write("a full-width counter", FULL_WIDTH(counters - 1), BIT(width));
	cannot_read("a full-width counter beyond the last", FULL_WIDTH(counters));
	can_write("the last fixed counter", FIXED(fixed - 1), BIT(width) - 2);
	cannot_write("a fixed counter", FIXED(fixed - 1), BIT(width));
	cannot_read("a fixed counter beyond the last", FIXED(fixed));
	cannot_write("a fixed counter beyond the last", FIXED(fixed), 0);
	can_write("FIXED_CTR_CTRL", FIXED_CTRL, 0xbull << 4 * (fixed - 1));
	cannot_write("FIXED_CTR_CTRL", FIXED_CTRL, BIT(4 * fixed));
	can_write("GLOBAL_CTRL", GLOBAL_CTRL, all);
	cannot_write("GLOBAL_CTRL, a counter too many", GLOBAL_CTRL, BIT(counters));
	cannot_write("GLOBAL_CTRL, a fixed counter too many", GLOBAL_CTRL, BIT(32 + fixed));
	cannot_write("GLOBAL_CTRL bit 63", GLOBAL_CTRL, BIT(63));
	cannot_write("GLOBAL_STATUS, which is read-only,", GLOBAL_STATUS, 0);
	rdpmc_tests(counters, fixed, true);
}

static void amd(void)
{
	uint32_t eax, ebx = 0, ecx, edx, counters = 6;
	bool global;

	__cpuid(0x80000000, eax, ebx, ecx, edx);
	global = false;
	if (eax >= 0x80000022) {
		__cpuid_count(0x80000022, 0, eax, ebx, ecx, edx);
		global = eax & 1;
		if (global)
			counters = ebx & 0xf;
	}
	printf("# lab: version=%d\n# lab: counters=%u\n", global ? 2 : 1, counters);

	ktap_plan(global ? 15 : 13);
	can_write("PERF_CTL of the last counter", CORE_CTL(counters - 1), 0x1300c0);
	cannot_read("PERF_CTL beyond the last counter", CORE_CTL(counters));
	cannot_write("PERF_CTL beyond the last counter", CORE_CTL(counters), 0);
	can_write("the last counter", CORE_CTR(counters - 1), BIT(48) - 2);
	cannot_read("a counter beyond the last", CORE_CTR(counters));
	cannot_write("a counter beyond the last", CORE_CTR(counters), 0);
	if (global) {
		can_write("PerfCntrGlobalCtl", AMD_GLOBAL_CTL, BIT(counters) - 1);
		ignores_write("PerfCntrGlobalCtl, a counter too many,", AMD_GLOBAL_CTL,
			      get(AMD_GLOBAL_CTL) | BIT(counters));
		ignores_write("PerfCntrGlobalCtl bit 63", AMD_GLOBAL_CTL,
			      get(AMD_GLOBAL_CTL) | BIT(63));
		ignores_write("PerfCntrGlobalStatus, which is read-only,", AMD_GLOBAL_STATUS, 1);
	} else {
		cannot_read("PerfCntrGlobalStatus", AMD_GLOBAL_STATUS);
		cannot_read("PerfCntrGlobalCtl", AMD_GLOBAL_CTL);
	}
	rdpmc_tests(counters, 0, false);
}

int main(void)
{
	uint32_t eax, ebx, ecx, edx;

	pin_to_cpu(0);
	msr_fd = open("/dev/cpu/0/msr", O_RDWR);
	if (msr_fd < 0)
		die("/dev/cpu/0/msr");
	__cpuid(0, eax, ebx, ecx, edx);
	if (ebx == signature_INTEL_ebx)
		intel();
	else
		amd();
	return ktap_exit();
}
