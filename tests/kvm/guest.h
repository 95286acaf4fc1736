/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What our KVM programs share: guests whose PMU is read beside marks, KTAP and
 * exact host counters.  On top of the base's selftest library.
 */
#ifndef TESTS_KVM_GUEST_H
#define TESTS_KVM_GUEST_H

#include "apic.h"
#include "kvm_util.h"
#include "pmu.h"
#include "processor.h"
#include "test_util.h"

#include <lab/mark.h>
#include "../host/lab-test.h"

#define MSR_FIXED_CTR0		0x309
#define MSR_FIXED_CTR_CTRL	0x38d
#define MSR_GLOBAL_STATUS	0x38e
#define MSR_GLOBAL_CTRL		0x38f
#define MSR_GLOBAL_OVF_CTRL	0x390
#define MSR_EVNTSEL0		0x186
#define MSR_A_PMC0		0x4c1
#define MSR_AMD_CTL0		0xc0010200
#define MSR_AMD_CTR0		0xc0010201
#define MSR_AMD_GLOBAL_STATUS	0xc0000300
#define MSR_AMD_GLOBAL_CTL	0xc0000301
#define MSR_AMD_GLOBAL_CLR	0xc0000302
#define MSR_DEADLINE		0x6e0
#define MSR_X2APIC_ICR		0x830

#define EVENTSEL_USR		ARCH_PERFMON_EVENTSEL_USR
#define EVENTSEL_OS		ARCH_PERFMON_EVENTSEL_OS
#define EVENTSEL_INT		ARCH_PERFMON_EVENTSEL_INT
#define EVENTSEL_EN		ARCH_PERFMON_EVENTSEL_ENABLE

#define COUNTER_WIDTH		48
#define QUIET_EXITS		64	/* without an access make a guest quiet, see pmu.rst */

/* Events, as selectors have them. */
enum { INSTRUCTIONS, BRANCHES, CYCLES, EVENTS };

/* The guest's PMU, by its CPUID, and where its registers are. */
struct guest_pmu {
	unsigned int gp, fixed;
	bool global;		/* has global control and status */
	uint32_t global_ctrl, global_status, global_clear;
	uint32_t select0, counter0, stride;
	uint64_t events[EVENTS];
};

static inline struct guest_pmu guest_pmu_intel(void)
{
	return (struct guest_pmu) {
		.gp = this_cpu_property(X86_PROPERTY_PMU_NR_GP_COUNTERS),
		.fixed = this_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS),
		.global = true,
		.global_ctrl = MSR_GLOBAL_CTRL,
		.global_status = MSR_GLOBAL_STATUS,
		.global_clear = MSR_GLOBAL_OVF_CTRL,
		.select0 = MSR_EVNTSEL0,
		.counter0 = MSR_A_PMC0,
		.stride = 1,
		.events = { INTEL_ARCH_INSTRUCTIONS_RETIRED, INTEL_ARCH_BRANCHES_RETIRED,
			    INTEL_ARCH_CPU_CYCLES },
	};
}

/* Family 17h and later. */
static inline struct guest_pmu guest_pmu_amd(void)
{
	struct guest_pmu pmu = {
		.gp = 6,
		.global_ctrl = MSR_AMD_GLOBAL_CTL,
		.global_status = MSR_AMD_GLOBAL_STATUS,
		.global_clear = MSR_AMD_GLOBAL_CLR,
		.select0 = MSR_AMD_CTL0,
		.counter0 = MSR_AMD_CTR0,
		.stride = 2,
		.events = { AMD_ZEN_INSTRUCTIONS_RETIRED, AMD_ZEN_BRANCHES_RETIRED,
			    AMD_ZEN_CORE_CYCLES },
	};
	uint32_t a, b, c, d;

	__cpuid(0x80000000, 0, &a, &b, &c, &d);
	if (a < 0x80000022)
		return pmu;
	__cpuid(0x80000022, 0, &a, &b, &c, &d);
	pmu.global = a & 1;
	if (pmu.global)
		pmu.gp = b & 0xf;
	return pmu;
}

static inline struct guest_pmu guest_pmu(void)
{
	return host_cpu_is_amd ? guest_pmu_amd() : guest_pmu_intel();
}

static inline uint64_t guest_rdpmc(uint32_t counter)
{
	uint32_t a, d;

	asm volatile("rdpmc" : "=a"(a), "=d"(d) : "c"(counter));
	return a | (uint64_t)d << 32;
}

/* An interrupt that is the guest's own: by vector, with an end of interrupt. */
static inline void guest_eoi(void)
{
	wrmsr(APIC_BASE_MSR + (APIC_EOI >> 4), 0);
}

/* STI and an instruction behind it, for what is pending; then no more. */
static inline void guest_take_interrupts(void)
{
	asm volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
}

/* Is @word among the arguments?  NULL if not, else what follows it (`cpu1`: "1"). */
static inline const char *argument(char *argv[], const char *word)
{
	for (char **arg = argv + 1; *arg; arg++)
		if (!strncmp(*arg, word, strlen(word)))
			return *arg + strlen(word);
	return NULL;
}

/* Pin to the CPU that `cpuN` says, the first by default. */
static inline int pin_by_argument(char *argv[])
{
	const char *number = argument(argv, "cpu");
	int cpu = number ? atoi(number) : 0;

	pin_to_cpu(cpu);
	return cpu;
}

/* What a file of /proc or /sys says; -1ul if that can't be read or is no number. */
static inline unsigned long read_number(const char *path)
{
	unsigned long number = -1ul;
	FILE *file = fopen(path, "r");

	if (file && fscanf(file, "%lu", &number) != 1)
		number = -1ul;
	if (file)
		fclose(file);
	return number;
}

/* Ends the program if it can't be written. */
static inline void write_number(const char *path, unsigned long number)
{
	FILE *file = fopen(path, "w");

	if (!file || fprintf(file, "%lu", number) < 0 || fclose(file))
		die("%s", path);
}

/* The sum over all CPUs of a row of /proc/interrupts, as `NMI:`. */
static inline unsigned long interrupts_in_row(const char *row)
{
	FILE *file = fopen("/proc/interrupts", "r");
	unsigned long sum = 0, number;
	char line[1024];

	while (file && fgets(line, sizeof(line), file)) {
		char *at = line + strspn(line, " "), *end;

		if (strncmp(at, row, strlen(row)))
			continue;
		for (at += strlen(row); number = strtoul(at, &end, 10), end != at; at = end)
			sum += number;
	}
	if (file)
		fclose(file);
	return sum;
}

/* Leave, as skipped, where KVM's vPMU is not a mediated one. */
static inline void require_mediated_pmu(void)
{
	FILE *file = fopen("/sys/module/kvm/parameters/enable_mediated_pmu", "r");
	int on = file ? fgetc(file) : 'N';

	if (file)
		fclose(file);
	if (on == 'Y')
		return;
	printf("KTAP version 1\n1..0 # SKIP no mediated vPMU\n");
	exit(KSFT_SKIP);
}

/* Which vCPU exits are left to the program; false: it must deal with @run. */
static inline bool reached_ucall(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	switch (get_ucall(vcpu, uc)) {
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(*uc);
	case UCALL_NONE:
		return false;
	default:
		return true;
	}
}

/* The exit that isn't left to the program must be a ucall. */
static inline void require_ucall(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	if (!reached_ucall(vcpu, uc))
		TEST_FAIL("exit %u (%s)", vcpu->run->exit_reason,
			  exit_reason_str(vcpu->run->exit_reason));
}

/* Is the exit an access to this port? */
static inline bool exited_by_port(struct kvm_vcpu *vcpu, uint16_t port)
{
	return vcpu->run->exit_reason == KVM_EXIT_IO && vcpu->run->io.port == port;
}

#endif
