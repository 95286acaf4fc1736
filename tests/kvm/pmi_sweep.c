// SPDX-License-Identifier: GPL-2.0
/*
 * Overflows of the guest's counters, moved instruction by instruction across VM
 * exits: each must reach the guest as one PMI that shows its status bit.
 *
 *   pmi_sweep [nmi] [sampling] [rewrite] [cpuN]
 *
 *   nmi        the guest's PMIs are NMIs, not interrupts
 *   sampling   the host samples its own instructions at the same time
 *   rewrite    counters count already, from 0, when the guest has them overflow: it is
 *              only the guest who knows that there has been an overflow since the entry
 *
 * Two counters of instructions overflow: a general and a fixed one on Intel, two
 * general ones on AMD.  Where there is no global control and status the guest does
 * as Linux does there: counters are started one by one, one that isn't negative
 * has overflowed, and the handler of its PMI makes it negative again.
 *
 * Prints `vpmi.A-B`, by how much the row VPMI of /proc/interrupts grew between
 * host marks A and B (check vpmi-equal), and `host.nmis`, row NMI.
 */
#include "guest.h"

#define SWEEP		60	/* overflow after 1 to so many instructions */
#define PAD		2000	/* nops behind: more than the latest PMI's delay */
#define FRESH		0xc0000000ul
#define FRESH_PAGES	8192
#define FRESH_SLOT	10
#define PORT		0x80
#define VECTOR		0x70
#define MSR_UCODE_REV	0x8b
#define LVTPC		(APIC_BASE_MSR + 0x34)
#define NEGATIVE	BIT_ULL(COUNTER_WIDTH - 1)

#define NOPS(n)		asm volatile(".rept " #n "\n\tnop\n\t.endr" : : : "memory")
#define PADDING		asm volatile(".rept %c0\n\tnop\n\t.endr" : : "i"(PAD) : "memory")

/* What one kind came to; shared with the host. */
static struct result {
	unsigned int trials;
	unsigned int lost;	/* no PMI for an overflow */
	unsigned int silent;	/* PMIs with no status bit that explains them */
	unsigned int doubled;	/* more PMIs than overflows */
	unsigned int status;	/* status bits missing or too many */
	unsigned int masked;	/* a PMI in spite of the mask */
} result;

static struct {
	bool nmi, rewrite;
} shared;

static volatile uint64_t seen;
static volatile unsigned int pmis;
static volatile uint64_t counting;	/* without global status: the counters to look at */
static unsigned long fresh;

/* The two counters, by their bits in the global registers. */
static struct guest_pmu pmu;
static uint64_t one, other;

/* --- the guest ------------------------------------------------------------- */

static uint32_t counter_msr(uint64_t counter)
{
	if (counter > UINT32_MAX)
		return MSR_FIXED_CTR0;
	return pmu.counter0 + (counter == one ? 0 : pmu.stride);
}

/* Selector of a general counter. */
static void select_counter(uint64_t counter, uint64_t enable)
{
	wrmsr(pmu.select0 + (counter == one ? 0 : pmu.stride),
	      pmu.events[INSTRUCTIONS] | EVENTSEL_OS | EVENTSEL_INT | enable);
}

/* Bits of the counters that have overflowed. */
static uint64_t read_status(void)
{
	uint64_t status = 0;

	if (pmu.global)
		return rdmsr(pmu.global_status);
	for (int i = 0; i < 2; i++)
		if (counting & BIT_ULL(i) && !(guest_rdpmc(i) & NEGATIVE))
			status |= BIT_ULL(i);
	return status;
}

static void clear_status(uint64_t status)
{
	if (pmu.global) {
		wrmsr(pmu.global_clear, status);
		return;
	}
	for (int i = 0; i < 2; i++)
		if (status & BIT_ULL(i))
			wrmsr(counter_msr(BIT_ULL(i)), NEGATIVE);
}

static inline __attribute__((__always_inline__)) void start(uint64_t counters)
{
	if (pmu.global) {
		wrmsr(pmu.global_ctrl, counters);
		return;
	}
	counting = counters;
	if (counters & one)
		select_counter(one, EVENTSEL_EN);
	if (counters & other)
		select_counter(other, EVENTSEL_EN);
}

static inline __attribute__((__always_inline__)) void stop(uint64_t counters)
{
	if (pmu.global) {
		wrmsr(pmu.global_ctrl, 0);
		return;
	}
	if (counters & one)
		select_counter(one, 0);
	if (counters & other)
		select_counter(other, 0);
}

/*
 * LVTPC of Intel is masked when it delivers.  AMD's isn't: an overflow between
 * delivery and the look at the status has a PMI of its own to come, which finds
 * nothing; there are no more of these than overflows.
 */
static void on_pmi(struct ex_regs *regs)
{
	uint64_t status = read_status();

	pmis++;
	seen |= status;
	if (!status && !(host_cpu_is_amd && pmis <= __builtin_popcountll(seen)))
		result.silent++;
	clear_status(status);
	if (!host_cpu_is_amd)
		wrmsr(LVTPC, shared.nmi ? APIC_DM_NMI : VECTOR);
	if (!shared.nmi)
		guest_eoi();
}

static void exit_none(void)
{
	asm volatile("" : : : "memory");
}

static void exit_cpuid(void)
{
	uint32_t a, b, c, d;

	__cpuid(0, 0, &a, &b, &c, &d);
}

static void exit_rdmsr(void)
{
	rdmsr(MSR_UCODE_REV);
}

/* The fast path. */
static void exit_deadline(void)
{
	wrmsr(MSR_DEADLINE, rdtsc() + 100000000);
}

static void exit_out(void)
{
	asm volatile("out %%al, %0" : : "i"(PORT), "a"(0));
}

static void exit_ept(void)
{
	((volatile char *)FRESH)[fresh++ * 4096] = 1;
}

static void exit_hypercall(void)
{
	kvm_hypercall(0x12345, 0, 0, 0, 0);
}

static const struct kind {
	const char *name;
	void (*run)(void);
} kinds[] = {
	{ "none", exit_none },
	{ "cpuid", exit_cpuid },
	{ "rdmsr", exit_rdmsr },
	{ "deadline", exit_deadline },
	{ "out", exit_out },
	{ "ept", exit_ept },
	{ "hypercall", exit_hypercall },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static inline __attribute__((__always_inline__)) void write_counters(unsigned int first,
								     unsigned int second)
{
	wrmsr(counter_msr(one), (1ull << COUNTER_WIDTH) - first);
	wrmsr(counter_msr(other), (1ull << COUNTER_WIDTH) - second);
}

/*
 * Overflow of @counters, the one after @first and the other after @second
 * instructions, exits in between.  With @rewrite it may be some instructions earlier.
 */
static void run(const struct kind *kind, uint64_t counters, unsigned int first,
		unsigned int second)
{
	pmis = 0;
	seen = 0;
	if (shared.rewrite) {
		wrmsr(counter_msr(one), 0);
		wrmsr(counter_msr(other), 0);
		exit_out();
	} else {
		write_counters(first, second);
	}
	asm volatile("sti" : : : "memory");
	start(counters);
	if (shared.rewrite)
		write_counters(first, second);
	NOPS(6);
	kind->run();
	NOPS(6);
	kind->run();
	NOPS(6);
	PADDING;
	stop(counters);
	PADDING;
	asm volatile("cli" : : : "memory");
	result.trials++;
}

static void judge(uint64_t counters)
{
	unsigned int overflows = __builtin_popcountll(counters);

	if (seen != counters || read_status())
		result.status++;
	if (!pmis)
		result.lost++;
	if (pmis > overflows)
		result.doubled++;
	clear_status(counters);
}

static void sweep(const struct kind *kind)
{
	static const int apart[] = { 0, 1, 5, 20 };

	for (unsigned int n = 1; n <= SWEEP; n++) {
		run(kind, one, n, 1);
		judge(one);
		run(kind, other, 1, n);
		judge(other);
		for (unsigned int i = 0; i < ARRAY_SIZE(apart); i++) {
			run(kind, one | other, n, n + apart[i]);
			judge(one | other);
		}
	}
}

/* With LVTPC masked there is the status bit and no PMI, later neither. */
static void sweep_masked(const struct kind *kind)
{
	uint32_t lvtpc = shared.nmi ? APIC_DM_NMI : VECTOR;

	for (unsigned int n = 1; n <= SWEEP; n++) {
		wrmsr(LVTPC, lvtpc | APIC_LVT_MASKED);
		run(kind, one, n, 1);
		if (read_status() != one)
			result.status++;
		clear_status(one);
		wrmsr(LVTPC, lvtpc);
		asm volatile("sti" : : : "memory");
		PADDING;
		asm volatile("cli" : : : "memory");
		if (pmis)
			result.masked++;
	}
}

static void guest_main(void)
{
	x2apic_enable();
	wrmsr(APIC_BASE_MSR + (APIC_LVTT >> 4),
	      APIC_LVT_TIMER_TSCDEADLINE | APIC_LVT_MASKED | VECTOR);
	wrmsr(LVTPC, shared.nmi ? APIC_DM_NMI : VECTOR);
	pmu = guest_pmu();
	one = BIT_ULL(0);
	other = pmu.fixed ? BIT_ULL(32) : BIT_ULL(1);
	if (pmu.global) {
		wrmsr(pmu.global_ctrl, 0);
		select_counter(one, EVENTSEL_EN);
		if (!pmu.fixed)
			select_counter(other, EVENTSEL_EN);
	}
	if (pmu.fixed)
		wrmsr(MSR_FIXED_CTR_CTRL,
		      FIXED_PMC_CTRL(0, FIXED_PMC_KERNEL | FIXED_PMC_ENABLE_PMI));
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		memset(&result, 0, sizeof(result));
		sweep(&kinds[kind]);
		GUEST_SYNC(2 * kind);
		memset(&result, 0, sizeof(result));
		sweep_masked(&kinds[kind]);
		GUEST_SYNC(2 * kind + 1);
	}
	GUEST_DONE();
}

/* --- the host -------------------------------------------------------------- */

static void start_sampling(int cpu)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 2);
	int fd;

	attr.exclude_guest = 1;
	attr.sample_period = 20011;
	fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
	if (fd < 0)
		die("a sampling event");
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
}

static void report(unsigned int stage)
{
	const char *name = kinds[stage / 2].name;
	bool masked = stage & 1;

	printf("# %s: %u trials, %u lost, %u silent, %u doubled, %u with wrong status, %u in spite of the mask\n",
	       name, result.trials, result.lost, result.silent, result.doubled, result.status,
	       result.masked);
	ktap_result(result.trials == (masked ? 1 : 6) * SWEEP && !result.lost && !result.silent &&
		    !result.doubled && !result.status && !result.masked,
		    "%s%s", name, masked ? "-masked" : "");
}

int main(int argc, char *argv[])
{
	unsigned long long mark = 1000;
	struct kvm_vcpu *vcpu;
	unsigned long vpmis, nmis;
	struct kvm_vm *vm;
	struct ucall uc;
	int cpu;

	ktap_plan(2 * KINDS);
	cpu = pin_by_argument(argv);
	shared.nmi = argument(argv, "nmi");
	shared.rewrite = argument(argv, "rewrite");
	if (argument(argv, "sampling"))
		start_sampling(cpu);
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	vcpu_set_cpuid_feature(vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
	vm_install_exception_handler(vm, VECTOR, on_pmi);
	vm_install_exception_handler(vm, NMI_VECTOR, on_pmi);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, FRESH, FRESH_SLOT, FRESH_PAGES, 0);
	virt_map(vm, FRESH, FRESH, FRESH_PAGES);
	sync_global_to_guest(vm, shared);
	vpmis = interrupts_in_row("VPMI:");
	nmis = interrupts_in_row("NMI:");
	lab_mark(mark);
	for (;;) {
		vcpu_run(vcpu);
		if (exited_by_port(vcpu, PORT))
			continue;
		require_ucall(vcpu, &uc);
		if (uc.cmd == UCALL_DONE)
			break;
		sync_global_from_guest(vm, result);
		report(uc.args[1]);
	}
	lab_mark(mark + 1);
	printf("# lab: vpmi.%llu-%llu=%lu\n", mark, mark + 1,
	       interrupts_in_row("VPMI:") - vpmis);
	printf("# lab: host.nmis=%lu\n", interrupts_in_row("NMI:") - nmis);
	kvm_vm_free(vm);
	return ktap_exit();
}
