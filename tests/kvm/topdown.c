// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's slots and PERF_METRICS, beside marks, over code of different kinds and
 * over exits.
 *
 *   topdown cpu1     on this CPU
 *   topdown moving   it moves to another CPU at each exit to the program
 *   topdown hidden   instead: a guest has neither fixed counter 3 nor PERF_METRICS, as
 *                    without a mediated vPMU, or on a part without them
 *
 * The judge holds what is printed against the machine's books: the counter's
 * differences by check slots-equal, PERF_METRICS by check metrics-equal.
 */
#include "guest.h"

#define REPEATS			3
#define PORT			0x80
#define AREA			0xc0000000ul
#define AREA_SLOT		10
#define AREA_PAGES		64
#define FIXED_SLOTS		3
#define RDPMC_METRICS		0x20000000
#define MSR_METRICS		0x329
#define CAP_METRICS		(1ull << 15)
#define GLOBAL_METRICS		(1ull << 48)
#define GLOBAL_SLOTS		(1ull << (32 + FIXED_SLOTS))

struct snapshot {
	uint64_t mark, slots, metrics;
};

/* Shared with the host. */
static struct {
	struct snapshot before, after;
} shared;

/* --- the guest ------------------------------------------------------------- */

static __attribute__((__noinline__)) void snapshot(struct snapshot *snap)
{
	lab_mark(snap->mark);
	snap->slots = guest_rdpmc(INTEL_RDPMC_FIXED | FIXED_SLOTS);
	snap->metrics = guest_rdpmc(RDPMC_METRICS);
	lab_mark(snap->mark + 1);
}

static void do_spin(void)
{
	spin(200000);
}

static void do_memory(void)
{
	for (int i = 0; i < 20; i++)
		for (unsigned long at = 0; at < AREA_PAGES * 4096; at += 64)
			(*(volatile uint64_t *)(AREA + at))++;
}

static void do_string(void)
{
	for (int i = 0; i < 4; i++) {
		void *to = (void *)AREA;
		size_t size = AREA_PAGES * 4096;

		asm volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(i) : "memory");
	}
}

/* Branches that no predictor gets right. */
static void do_mispredict(void)
{
	uint32_t x = 1;

	for (int i = 0; i < 50000; i++) {
		x = x * 1664525 + 1013904223;
		asm volatile("test %0, %0\n\t"
			     "js 1f\n\t"
			     "nop\n"
			     "1:" : : "r"(x) : "cc");
	}
}

/* Handled by KVM: CPUID; by the program: OUT. */
static void do_exits(void)
{
	uint32_t a, b, c, d;

	for (int i = 0; i < 100; i++) {
		spin(500);
		__cpuid(0, 0, &a, &b, &c, &d);
		do_memory();
		asm volatile("out %%al, %0" : : "i"(PORT), "a"(i));
	}
}

/*
 * Slots that go elsewhere than many before them, a few from exit to exit: less of them
 * than would be half a bit of PERF_METRICS.
 */
static void do_phases(void)
{
	spin(2000000);
	for (int i = 0; i < 400; i++) {
		for (unsigned long at = 0; at < 1000 * 64; at += 64)
			(*(volatile uint64_t *)(AREA + at))++;
		asm volatile("out %%al, %0" : : "i"(PORT), "a"(i));
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "spin", do_spin },
	{ "memory", do_memory },
	{ "string", do_string },
	{ "mispredict", do_mispredict },
	{ "exits", do_exits },
	{ "phases", do_phases },
};

#define KINDS	ARRAY_SIZE(kinds)

static void start_anew(void)
{
	wrmsr(MSR_GLOBAL_CTRL, 0);
	wrmsr(MSR_FIXED_CTR0 + FIXED_SLOTS, 0);
	wrmsr(MSR_METRICS, 0);
	wrmsr(MSR_GLOBAL_CTRL, GLOBAL_SLOTS | GLOBAL_METRICS);
}

static void guest_main(void)
{
	uint64_t mark = 1000000;

	wrmsr(MSR_FIXED_CTR_CTRL, FIXED_PMC_CTRL(FIXED_SLOTS, FIXED_PMC_USER | FIXED_PMC_KERNEL));
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		for (int repeat = 0; repeat < REPEATS; repeat++, mark += 4) {
			shared.before.mark = mark;
			shared.after.mark = mark + 2;
			start_anew();
			snapshot(&shared.before);
			kinds[kind].run();
			snapshot(&shared.after);
			GUEST_SYNC(kind);
		}
	}
	GUEST_DONE();
}

static void guest_without(void)
{
	uint64_t value;

	GUEST_ASSERT(this_cpu_property(X86_PROPERTY_PMU_NR_FIXED_COUNTERS) <= FIXED_SLOTS);
	GUEST_ASSERT(!(rdmsr(MSR_IA32_PERF_CAPABILITIES) & CAP_METRICS));
	GUEST_ASSERT_EQ(rdmsr_safe(MSR_FIXED_CTR0 + FIXED_SLOTS, &value), GP_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_FIXED_CTR0 + FIXED_SLOTS, 0), GP_VECTOR);
	GUEST_ASSERT_EQ(rdmsr_safe(MSR_METRICS, &value), GP_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_METRICS, 0), GP_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_GLOBAL_CTRL, GLOBAL_SLOTS), GP_VECTOR);
	GUEST_ASSERT_EQ(wrmsr_safe(MSR_GLOBAL_CTRL, GLOBAL_METRICS), GP_VECTOR);
	GUEST_ASSERT_EQ(rdpmc_safe(INTEL_RDPMC_FIXED | FIXED_SLOTS, &value), GP_VECTOR);
	GUEST_ASSERT_EQ(rdpmc_safe(RDPMC_METRICS, &value), GP_VECTOR);
	GUEST_DONE();
}

/* --- the host -------------------------------------------------------------- */

static int check_hidden(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;

	ktap_plan(2);
	ktap_result(!(kvm_get_feature_msr(MSR_IA32_PERF_CAPABILITIES) & CAP_METRICS),
		    "not offered");
	vm = vm_create_with_one_vcpu(&vcpu, guest_without);
	vcpu_run(vcpu);
	TEST_ASSERT(reached_ucall(vcpu, &uc), "exit %u", vcpu->run->exit_reason);
	ktap_result(uc.cmd == UCALL_DONE && _vcpu_set_msr(vcpu, MSR_METRICS, 1) == 0,
		    "not there");
	kvm_vm_free(vm);
	return ktap_exit();
}

/* Run to the guest's next GUEST_SYNC; @moving: on another CPU after each exit. */
static uint64_t run_to_sync(struct kvm_vcpu *vcpu, bool moving)
{
	static int cpu;
	struct ucall uc;

	for (;;) {
		if (moving)
			pin_to_cpu(cpu ^= 1);
		vcpu_run(vcpu);
		if (exited_by_port(vcpu, PORT))
			continue;
		require_ucall(vcpu, &uc);
		TEST_ASSERT_EQ(uc.cmd, UCALL_SYNC);
		return uc.args[1];
	}
}

static void print_guest(const char *kind)
{
	const struct snapshot *before = &shared.before, *after = &shared.after;
	unsigned long long first = before->mark, second = after->mark;

	printf("# lab: guest.%s.slots.uk.%llu-%llu=%llu\n", kind, first, second,
	       (unsigned long long)(after->slots - before->slots));
	printf("# lab: metrics.%s.%llu-%llu=%llu\n", kind, first, second,
	       (unsigned long long)after->metrics);
}

int main(int argc, char *argv[])
{
	bool moving = argument(argv, "moving");
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (argument(argv, "hidden"))
		return check_hidden();
	require_mediated_pmu();
	pin_by_argument(argv);
	ktap_plan(KINDS);
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, AREA, AREA_SLOT, AREA_PAGES, 0);
	virt_map(vm, AREA, AREA, AREA_PAGES);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		for (int repeat = 0; repeat < REPEATS; repeat++) {
			TEST_ASSERT_EQ(run_to_sync(vcpu, moving), kind);
			sync_global_from_guest(vm, shared);
			print_guest(kinds[kind].name);
		}
		ktap_result(true, "%s", kinds[kind].name);
	}
	kvm_vm_free(vm);
	return ktap_exit();
}
