// SPDX-License-Identifier: GPL-2.0
/*
 * The base's pmu_counters_test with a small matrix.
 *
 * The original takes all combinations of PMU versions 0 to 5 and unavailable
 * events, for which the lab needs several minutes.  This takes the native
 * version and one of each kind around it, and each event unavailable once.
 * `make test-long` runs the original.
 */
#define main pmu_counters_test_main
#include "x86_64/pmu_counters_test.c"
#undef main

int main(void)
{
	static const uint64_t perf_caps[] = { 0, PMU_CAP_FW_WRITES };
	uint8_t native, events, gp, fixed;

	TEST_REQUIRE(kvm_is_pmu_enabled());
	TEST_REQUIRE(host_cpu_is_intel);
	TEST_REQUIRE(kvm_cpu_has_p(X86_PROPERTY_PMU_VERSION));
	TEST_REQUIRE(kvm_cpu_property(X86_PROPERTY_PMU_VERSION) > 0);

	kvm_pmu_version = kvm_cpu_property(X86_PROPERTY_PMU_VERSION);
	kvm_has_perf_caps = kvm_cpu_has(X86_FEATURE_PDCM);

	native = kvm_pmu_version;
	events = kvm_cpu_property(X86_PROPERTY_PMU_EBX_BIT_VECTOR_LENGTH);
	gp = kvm_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS);
	fixed = kvm_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS);

	for (size_t i = 0; i < ARRAY_SIZE(perf_caps); i++) {
		if (!kvm_has_perf_caps && perf_caps[i])
			continue;

		/* All there, on the native version, the first, and one that is too new. */
		test_arch_events(native, perf_caps[i], events, 0);
		test_arch_events(1, perf_caps[i], events, 0);
		test_arch_events(native + 1, perf_caps[i], events, 0);

		/*
		 * One missing, or all, or the bit vector too short or too long.  Not
		 * longer than the events that the test knows, if the processor does
		 * not have those: it would want them counted nevertheless.
		 */
		for (uint8_t k = 0; k < events; k++)
			test_arch_events(native, perf_caps[i], events, BIT(k));
		test_arch_events(native, perf_caps[i], events, 0xff);
		test_arch_events(native, perf_caps[i], events - 1, 0);
		if (events >= NR_INTEL_ARCH_EVENTS)
			test_arch_events(native, perf_caps[i], events + 1, 0);

		for (uint8_t v = 0; v <= native; v += native) {
			test_gp_counters(v, perf_caps[i], 0);
			test_gp_counters(v, perf_caps[i], 1);
			test_gp_counters(v, perf_caps[i], gp);
			for (uint8_t k = 0; k <= fixed; k++)
				test_fixed_counters(v, perf_caps[i], k, 0);
			test_fixed_counters(v, perf_caps[i], 0, BIT(fixed) - 1);
		}
	}
	return 0;
}
