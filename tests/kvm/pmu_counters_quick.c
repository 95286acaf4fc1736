// SPDX-License-Identifier: GPL-2.0
/*
 * A small part of the base's pmu_counters_test, for every day: the native version
 * of the PMU and one of each kind around it, each event unavailable once.  The
 * whole (versions 0 to 5, all combinations of unavailable events) takes minutes
 * in the lab.
 */
#define main pmu_counters_test_main
#include "x86_64/pmu_counters_test.c"
#undef main

static uint8_t native, events, gp, fixed;

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
	test_arch_events(native, perf_caps, events + 1, 0);

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

int main(void)
{
	TEST_REQUIRE(kvm_is_pmu_enabled());
	TEST_REQUIRE(host_cpu_is_intel);
	TEST_REQUIRE(kvm_cpu_has_p(X86_PROPERTY_PMU_VERSION));
	TEST_REQUIRE(kvm_cpu_property(X86_PROPERTY_PMU_VERSION) > 0);

	kvm_pmu_version = kvm_cpu_property(X86_PROPERTY_PMU_VERSION);
	kvm_has_perf_caps = kvm_cpu_has(X86_FEATURE_PDCM);
	kvm_arch_events = kvm_get_arch_events();

	native = kvm_pmu_version;
	events = kvm_cpu_property(X86_PROPERTY_PMU_EBX_BIT_VECTOR_LENGTH);
	gp = kvm_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS);
	fixed = kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS);

	test_small(0);
	if (kvm_has_perf_caps)
		test_small(PMU_CAP_FW_WRITES);
	return 0;
}
