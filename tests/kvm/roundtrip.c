// SPDX-License-Identifier: GPL-2.0
/*
 * Round trips from a guest to its host and back, each kind between two marks: what
 * they cost is in the books (bench/exits).
 *
 *   roundtrip [guest=N] [host=N] [cpuN]
 *
 *   guest=N  so many counters of the guest are enabled, general ones first
 *   host=N   so many events of the host, for the whole CPU, exclude guests
 *
 * Prints `trips.KIND.A-B`, how many round trips there are between the guest's marks A
 * and B, for each of some batches: the host's timer interrupts in some of them only.
 * And `guest.counters`, `guest.counting` and `host.events`: how many there are,
 * how many of them count instructions or branches, as emulated instructions do, and
 * how many events count.
 *
 *   cpuid  CPUID, handled in the kernel
 *   out    OUT, handled in userspace: KVM_RUN returns and is called again
 *   hlt    HLT until the guest's timer interrupts
 *   pmi    an overflow, its interrupt, and what a handler does; only with counters
 *   select a write of counter 1's selector that disables or enables it; likewise
 */
#include "guest.h"

#define ROUNDS		20	/* in a batch */
#define BATCHES		4
#define WARM_UP		4	/* batches before, for KVM to see what the guest leaves alone */
#define PORT		0x80
#define TIMER_VECTOR	0x60
#define PMI_VECTOR	0x61
#define LVTPC		(APIC_BASE_MSR + (APIC_LVTPC >> 4))
#define LATER		20000	/* TSC cycles to the timer's interrupt */
#define PERIOD		5000	/* instructions to an overflow */
#define MAX_EVENTS	16

/* What counters count, one after the other: some of them what emulation adds to. */
static const int gp_events[] = {
	INSTRUCTIONS, CYCLES, BRANCHES, CYCLES, INSTRUCTIONS, CYCLES, BRANCHES, CYCLES,
};

/* Fixed ones: instructions, cycles, reference cycles. */
#define FIXED_COUNTING	1
#define MAX_FIXED	3

static struct {
	unsigned int counters;	/* asked for, then those that there are */
	unsigned int counting;
} shared;

static struct guest_pmu pmu;
static volatile unsigned int timers, pmis;

/* --- the guest ------------------------------------------------------------- */

static void on_timer(struct ex_regs *regs)
{
	timers++;
	guest_eoi();
}

static void arm(void)
{
	wrmsr(pmu.counter0, (1ull << COUNTER_WIDTH) - PERIOD);
}

static void on_pmi(struct ex_regs *regs)
{
	pmis++;
	if (pmu.global)
		wrmsr(pmu.global_clear, rdmsr(pmu.global_status));
	arm();
	if (!host_cpu_is_amd)
		wrmsr(LVTPC, PMI_VECTOR);
	guest_eoi();
}

static void do_cpuid(void)
{
	uint32_t a, b, c, d;

	for (int i = 0; i < ROUNDS; i++)
		__cpuid(0, 0, &a, &b, &c, &d);
}

static void do_out(void)
{
	for (int i = 0; i < ROUNDS; i++)
		asm volatile("out %%al, %0" : : "i"(PORT), "a"(i));
}

static void do_hlt(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		unsigned int before = timers;

		wrmsr(MSR_DEADLINE, rdtsc() + LATER);
		while (timers == before)
			asm volatile("sti\n\thlt\n\tcli" : : : "memory");
	}
}

/* Counter 0 counts instructions in any configuration. */
static void do_pmi(void)
{
	unsigned int until = pmis + ROUNDS;

	arm();
	asm volatile("sti" : : : "memory");
	while (pmis != until)
		;
	asm volatile("cli" : : : "memory");
}

/* Ends as it began: whoever counts, counts. */
static void do_select(void)
{
	uint32_t msr = pmu.select0 + pmu.stride;
	uint64_t select = rdmsr(msr);

	for (int i = 0; i < ROUNDS / 2; i++) {
		wrmsr(msr, select ^ EVENTSEL_EN);
		wrmsr(msr, select);
	}
}

static const struct kind {
	const char *name;
	void (*run)(void);
	bool counters;		/* needs them */
} kinds[] = {
	{ "cpuid", do_cpuid },
	{ "out", do_out },
	{ "hlt", do_hlt },
	{ "pmi", do_pmi, true },
	{ "select", do_select, true },
};

static void start_counters(void)
{
	unsigned int gp = min_t(unsigned int, shared.counters, pmu.gp);
	unsigned int fixed = min_t(unsigned int, shared.counters - gp,
				   min_t(unsigned int, pmu.fixed, MAX_FIXED));
	uint64_t fixed_ctrl = 0;

	shared.counters = gp + fixed;
	shared.counting = fixed ? FIXED_COUNTING : 0;
	if (pmu.global)
		wrmsr(pmu.global_ctrl, 0);
	for (unsigned int i = 0; i < gp; i++) {
		wrmsr(pmu.select0 + i * pmu.stride,
		      pmu.events[gp_events[i]] | EVENTSEL_EN | EVENTSEL_USR | EVENTSEL_OS |
		      (i ? 0 : EVENTSEL_INT));
		shared.counting += gp_events[i] != CYCLES;
	}
	for (unsigned int i = 0; i < fixed; i++)
		fixed_ctrl |= FIXED_PMC_CTRL(i, FIXED_PMC_USER | FIXED_PMC_KERNEL);
	if (fixed)
		wrmsr(MSR_FIXED_CTR_CTRL, fixed_ctrl);
	if (pmu.global)
		wrmsr(pmu.global_ctrl, ((1ull << gp) - 1) | ((1ull << fixed) - 1) << 32);
}

static unsigned int mark_before(unsigned int kind, unsigned int batch)
{
	return 1000 + 2 * (kind * BATCHES + batch);
}

/* What came before the first measurement, and each kind's first batches, isn't measured. */
static void guest_main(void)
{
	x2apic_enable();
	wrmsr(APIC_BASE_MSR + (APIC_LVTT >> 4), APIC_LVT_TIMER_TSCDEADLINE | TIMER_VECTOR);
	if (shared.counters) {
		pmu = guest_pmu();
		wrmsr(LVTPC, PMI_VECTOR);
		start_counters();
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].counters && !shared.counters)
			continue;
		for (unsigned int batch = 0; batch < WARM_UP; batch++)
			kinds[i].run();
		for (unsigned int batch = 0; batch < BATCHES; batch++) {
			lab_mark(mark_before(i, batch));
			kinds[i].run();
			lab_mark(mark_before(i, batch) + 1);
		}
	}
	GUEST_DONE();
}

/* --- the host -------------------------------------------------------------- */

static void run_to_done(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	for (;;) {
		vcpu_run(vcpu);
		if (exited_by_port(vcpu, PORT))
			continue;
		require_ucall(vcpu, &uc);
		if (uc.cmd == UCALL_DONE)
			return;
	}
}

/* Events that count all the time, or the measurement isn't one of so many. */
static void open_events(int events, int cpu, int *fds)
{
	for (int i = 0; i < events; i++) {
		struct perf_event_attr attr = event_attr(event_names[gp_events[i % 8]].config, 2);

		attr.disabled = 0;
		attr.exclude_guest = 1;
		attr.pinned = 1;
		fds[i] = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
		if (fds[i] < 0)
			die("host event %d", i);
	}
}

static void check_events(int events, const int *fds)
{
	uint64_t count;

	/* A pinned event that couldn't be scheduled in reads as an end of file. */
	for (int i = 0; i < events; i++)
		TEST_ASSERT(read(fds[i], &count, sizeof(count)) == sizeof(count) && count,
			    "host event %d didn't count", i);
}

static unsigned int number_of(char *argv[], const char *word, unsigned int most)
{
	const char *number = argument(argv, word);
	unsigned long value = number ? strtoul(number, NULL, 10) : 0;

	TEST_ASSERT(value <= most, "%s%lu: at most %u", word, value, most);
	return value;
}

int main(int argc, char *argv[])
{
	int cpu = pin_by_argument(argv), fds[MAX_EVENTS];
	unsigned int events = number_of(argv, "host=", MAX_EVENTS);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	shared.counters = number_of(argv, "guest=", ARRAY_SIZE(gp_events));
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	vcpu_set_cpuid_feature(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
	vm_install_exception_handler(vm, TIMER_VECTOR, on_timer);
	vm_install_exception_handler(vm, PMI_VECTOR, on_pmi);
	sync_global_to_guest(vm, shared);
	open_events(events, cpu, fds);
	run_to_done(vcpu);
	check_events(events, fds);
	sync_global_from_guest(vm, shared);
	printf("# lab: guest.counters=%u\n# lab: guest.counting=%u\n# lab: host.events=%u\n",
	       shared.counters, shared.counting, events);
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].counters && !shared.counters)
			continue;
		for (unsigned int batch = 0; batch < BATCHES; batch++)
			printf("# lab: trips.%s.%u-%u=%u\n", kinds[i].name,
			       mark_before(i, batch), mark_before(i, batch) + 1, ROUNDS);
	}
	kvm_vm_free(vm);
	return 0;
}
