// SPDX-License-Identifier: GPL-2.0
/*
 * The base's pmu_counters_test with another choice of what it tests.
 *
 *   pmu_counters_matrix        a small part, for every day: the native version
 *                              and one of each kind around it, each event
 *                              unavailable once
 *   pmu_counters_matrix full   all that the original does (PMU versions 0 to 5,
 *                              all combinations of unavailable events), for
 *                              which the lab needs several minutes
 *
 * Neither lets the guest's CPUID list events that the processor does not have,
 * which the original does up to the events that it knows: it would want them
 * counted nevertheless, and fails on processors without TOPDOWN.SLOTS.
 */
#define main pmu_counters_test_main
#include "x86_64/pmu_counters_test.c"
#undef main

static uint8_t native, events, longest, gp, fixed;

static void test_small(uint64_t perf_caps)
{
	/* All there, on the native version, the first, and one that is too new. */
	test_arch_events(native, perf_caps, events, 0);
	test_arch_events(1, perf_caps, events, 0);
	test_arch_events(native + 1, perf_caps, events, 0);

	/* One missing, or all, or the bit vector too short or too long. */
	for (uint8_t k = 0; k < events; k++)
		test_arch_events(native, perf_caps, events, BIT(k));
	test_arch_events(native, perf_caps, events, 0xff);
	test_arch_events(native, perf_caps, events - 1, 0);
	test_arch_events(native, perf_caps, longest, 0);

	for (uint8_t v = 0; v <= native; v += native) {
		test_gp_counters(v, perf_caps, 0);
		test_gp_counters(v, perf_caps, 1);
		test_gp_counters(v, perf_caps, gp);
		for (uint8_t k = 0; k <= fixed; k++)
			test_fixed_counters(v, perf_caps, k, 0);
		test_fixed_counters(v, perf_caps, 0, BIT(fixed) - 1);
		test_fixed_counters(v, perf_caps, 1, BIT(fixed - 1));
	}
}

/* As test_intel_counters(), but for the longest bit vector. */
static void test_full(uint64_t perf_caps)
{
	for (uint8_t v = 0; v <= max_t(uint8_t, native, 5); v++) {
		if (v == native)
			for (unsigned int k = 1; k < BIT(events) - 1; k++)
				test_arch_events(v, perf_caps, events, k);
		for (uint8_t j = 0; j <= longest; j++) {
			test_arch_events(v, perf_caps, j, 0);
			test_arch_events(v, perf_caps, j, 0xff);
			for (uint8_t k = 0; k < events; k++)
				test_arch_events(v, perf_caps, j, BIT(k));
		}
		for (uint8_t j = 0; j <= gp; j++)
			test_gp_counters(v, perf_caps, j);
		for (uint8_t j = 0; j <= fixed; j++)
			for (uint32_t k = 0; k <= BIT(fixed) - 1; k++)
				test_fixed_counters(v, perf_caps, j, k);
	}
}

int main(int argc, char *argv[])
{
	bool full = argc > 1 && !strcmp(argv[1], "full");

	TEST_REQUIRE(kvm_is_pmu_enabled());
	TEST_REQUIRE(host_cpu_is_intel);
	TEST_REQUIRE(kvm_cpu_has_p(X86_PROPERTY_PMU_VERSION));
	TEST_REQUIRE(kvm_cpu_property(X86_PROPERTY_PMU_VERSION) > 0);

	kvm_pmu_version = kvm_cpu_property(X86_PROPERTY_PMU_VERSION);
	kvm_has_perf_caps = kvm_cpu_has(X86_FEATURE_PDCM);

	native = kvm_pmu_version;
	events = kvm_cpu_property(X86_PROPERTY_PMU_EBX_BIT_VECTOR_LENGTH);
	longest = events < NR_INTEL_ARCH_EVENTS ? events : events + 1;
	gp = kvm_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS);
	fixed = kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS);

	if (full) {
		test_full(0);
		if (kvm_has_perf_caps)
			test_full(PMU_CAP_FW_WRITES);
	} else {
		test_small(0);
		if (kvm_has_perf_caps)
			test_small(PMU_CAP_FW_WRITES);
	}
	return 0;
}
