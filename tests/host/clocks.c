// SPDX-License-Identifier: GPL-2.0
/*
 * clocks [MHZ] - do the machine's clocks agree, and is that their frequency?
 *
 * Reads the time-stamp counter beside two marks with a sleep in between, which
 * the local APIC's timer ends; check clocks-agree compares it with the
 * emulator's own clock in the trace.  The rest is compared here: CPUID's
 * frequencies, the kernel's idea of the TSC, the length of the sleep.
 */
#include <cpuid.h>
#include <time.h>

#include "lab-test.h"

#define MHZ 100			/* docs/lab.md: every clock of every machine */
#define SLEEP_NS 200000000ull
/* A wake-up is late by timer slack (50 us) and the way back to user space. */
#define LATE_NS 2000000ull
/* Of CLOCK_MONOTONIC_RAW: the kernel's scaling from TSC to nanoseconds. */
#define SCALE_NS 1000ull

static uint64_t mhz = MHZ;

static uint64_t tsc(void)
{
	return __builtin_ia32_rdtsc();
}

static uint64_t raw_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static bool is_intel(void)
{
	unsigned int a, b = 0, c, d;

	__get_cpuid(0, &a, &b, &c, &d);
	return b == signature_INTEL_ebx;
}

static void check_cpuid(void)
{
	unsigned int a = 0, b = 0, c = 0, d = 0;

	__get_cpuid_count(0x15, 0, &a, &b, &c, &d);
	ktap_result(a && (uint64_t)c * b / a == mhz * 1000000, "CPUID leaf 0x15: TSC of %llu Hz",
		    a ? (unsigned long long)c * b / a : 0);
	__get_cpuid_count(0x16, 0, &a, &b, &c, &d);
	ktap_result(a == mhz, "CPUID leaf 0x16: %u MHz", a);
}

int main(int argc, char **argv)
{
	struct timespec pause = { .tv_nsec = SLEEP_NS };
	uint64_t tsc_before, tsc_after, ns, ns_by_tsc;

	if (argc > 1)
		mhz = strtoul(argv[1], NULL, 10);
	if (!mhz)
		die("usage: clocks [MHZ]");

	/* AMD's CPUID names no frequency. */
	ktap_plan(is_intel() ? 4 : 2);
	if (is_intel())
		check_cpuid();

	ns = raw_ns();
	tsc_before = tsc();
	lab_mark(1);
	if (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL))
		die("clock_nanosleep");
	tsc_after = tsc();
	lab_mark(2);
	ns = raw_ns() - ns;

	ns_by_tsc = (tsc_after - tsc_before) * 1000 / mhz;
	ktap_result(ns_by_tsc >= SLEEP_NS && ns_by_tsc < SLEEP_NS + LATE_NS,
		    "a sleep of %llu ns took %llu ns by the TSC",
		    SLEEP_NS, (unsigned long long)ns_by_tsc);
	/* The two readings lie around the TSC's, less than 20 us away. */
	ktap_result(ns >= ns_by_tsc && ns < ns_by_tsc + 20000 + SCALE_NS,
		    "and %llu ns by the kernel's clock", (unsigned long long)ns);
	printf("# lab: clocks.tsc=%llu\n", (unsigned long long)(tsc_after - tsc_before));
	return ktap_exit();
}
