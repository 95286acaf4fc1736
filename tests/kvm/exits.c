// SPDX-License-Identifier: GPL-2.0
/*
 * Every common kind of VM exit, under counters of the guest and, at the same
 * time, of the host: neither may count what is the other's, or miss its own.
 *
 *   exits         all counters that the guest has
 *   exits few     two of them, for a vPMU that shares the counters with the host; global
 *                 control has the bits of all, as many guests write it
 *   exits alone   all, and no events of the host: once around the kinds
 *   exits single  one event of the host at a time, for a PMU without global control,
 *                 whose counters are stopped one by one
 *   exits idle    no counter enabled, and no events of the host (check untouched)
 *   exits cpu1    on this CPU
 *   exits busy    measure nothing, go on until killed, with `idle` or without; prints
 *                 `busy` when it starts
 *
 * The guest reads its counters beside marks (check guest-equal), and so does
 * the host its CPU-wide exclude_guest events (check off-equal).  The judge knows
 * from the books which instructions KVM emulated; what they cannot tell is
 * printed: `swaps.KIND.A-B`, marks of the host on either side of a measurement
 * (`fastpath.KIND.A-B` if exits are among them after which KVM enters at once);
 * `emulated.A.user`, those from user mode behind mark A, and `known.A.user` all of
 * them, as the code has them; `emulated.A.mmio`, accesses to memory that is not
 * there.
 */
#include "guest.h"

#define ROUNDS		20	/* exits of its kind in a measurement */
#define REPEATS		3	/* measurements of each kind */
#define ATTEMPTS	50	/* host readings tried, if the kernel gets in the way */
#define UNDISTURBED	300	/* cycles of a reading that nothing got in the way of */

#define USER_INSTRUCTIONS	(2 + ROUNDS * (5 + 2 * 100))

#define MMIO		0xd0000000ul
#define FRESH		0xc0000000ul	/* memory that nobody has touched yet */
#define FRESH_PAGES	4096
#define FRESH_SLOT	10
#define PORT		0x80
#define TIMER_VECTOR	0x60
#define IPI_VECTOR	0x61
#define MSR_UCODE_REV	0x8b
#define MSR_UCODE_WRITE	0x79
#define NO_HYPERCALL	0x12345

#define MAX_COUNTERS	16

enum { USER = 1, KERNEL = 2, BOTH = 3 };

/* What the counters count, general ones first. */
static const struct counter {
	int event, mode;
} gp_counters[] = {
	{ INSTRUCTIONS, BOTH }, { BRANCHES, KERNEL }, { INSTRUCTIONS, USER }, { CYCLES, BOTH },
	{ INSTRUCTIONS, KERNEL }, { BRANCHES, BOTH }, { CYCLES, USER }, { BRANCHES, USER },
}, fixed_counters[] = {
	{ INSTRUCTIONS, BOTH }, { CYCLES, KERNEL }, { CYCLES, BOTH },
};
static const char * const guest_modes[] = { [USER] = "u", [KERNEL] = "k", [BOTH] = "uk" };

struct snapshot {
	uint64_t mark;
	uint64_t value[MAX_COUNTERS];
};

/* Shared with the host. */
static struct {
	bool few, alone, single, idle;
	unsigned int gp, fixed;
	struct snapshot before, after;
} shared;

static volatile unsigned int interrupts;
static uint32_t select0;
static unsigned long fresh;
uint64_t exits_user_rounds, exits_kernel_stack;

/* --- the guest ------------------------------------------------------------- */

static void on_interrupt(struct ex_regs *regs)
{
	interrupts++;
	guest_eoi();
}

/* Interrupts are off: the same instructions each time. */
static __attribute__((__noinline__)) void snapshot(struct snapshot *snap)
{
	unsigned int gp = shared.gp, fixed = shared.fixed;
	uint64_t *value = snap->value;

	lab_mark(snap->mark);
	for (unsigned int i = 0; i < gp; i++)
		*value++ = guest_rdpmc(i);
	for (unsigned int i = 0; i < fixed; i++)
		*value++ = guest_rdpmc(INTEL_RDPMC_FIXED | i);
	lab_mark(snap->mark + 1);
}

static void do_spin(void)
{
	spin(1500000);
}

static void do_cpuid(void)
{
	uint32_t a, b, c, d;

	for (int i = 0; i < ROUNDS; i++)
		__cpuid(0, 0, &a, &b, &c, &d);
}

static void do_rdmsr(void)
{
	for (int i = 0; i < ROUNDS; i++)
		rdmsr(MSR_UCODE_REV);
}

static void do_wrmsr(void)
{
	for (int i = 0; i < ROUNDS; i++)
		wrmsr(MSR_UCODE_WRITE, 0);
}

static void do_out(void)
{
	for (int i = 0; i < ROUNDS; i++)
		asm volatile("out %%al, %0" : : "i"(PORT), "a"(i));
}

static void do_in(void)
{
	uint8_t byte;

	for (int i = 0; i < ROUNDS; i++)
		asm volatile("in %1, %0" : "=a"(byte) : "i"(PORT));
}

static void do_mmio(void)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		*(volatile uint32_t *)MMIO = i;
		*(volatile uint32_t *)(MMIO + 8);
	}
}

static void do_ept(void)
{
	for (int i = 0; i < ROUNDS; i++)
		((volatile char *)FRESH)[fresh++ % FRESH_PAGES * 4096] = 1;
}

static void do_hypercall(void)
{
	for (int i = 0; i < ROUNDS; i++)
		kvm_hypercall(NO_HYPERCALL, 0, 0, 0, 0);
}

static void do_rdpmc(void)
{
	for (int i = 0; i < ROUNDS / 4; i++)
		guest_rdpmc(0);
}

static void do_hlt(void)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		wrmsr(MSR_DEADLINE, rdtsc() + 20000);
		asm volatile("sti\n\thlt\n\tcli" : : : "memory");
	}
}

/* Handled in the fast path, if there is one; ends in a preemption timer exit. */
static void do_deadline(void)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		unsigned int before = interrupts;

		wrmsr(MSR_DEADLINE, rdtsc() + 10000);
		while (interrupts == before)
			guest_take_interrupts();
	}
}

static void do_ipi(void)
{
	for (int i = 0; i < ROUNDS / 2; i++) {
		wrmsr(MSR_X2APIC_ICR, IPI_VECTOR);
		guest_take_interrupts();
	}
}

/* In user mode, with interrupts off; SYSCALL ends it. */
asm("exits_user:\n\t"	/* USER_INSTRUCTIONS, each CPUID one */
    "mov exits_user_rounds, %r12d\n"
    "1:\txor %eax, %eax\n\t"
    "cpuid\n\t"
    "mov $100, %ecx\n"
    "2:\tdec %ecx\n\t"
    "jnz 2b\n\t"
    "dec %r12d\n\t"
    "jnz 1b\n\t"
    "syscall\n"
    "exits_syscall:\n\t"
    "mov exits_kernel_stack, %rsp\n\t"
    "pop %rbp\n\t"
    "pop %rbx\n\t"
    "ret\n"
    "exits_enter_user:\n\t"
    "push %rbx\n\t"
    "push %rbp\n\t"
    "mov %rsp, exits_kernel_stack\n\t"
    "lea exits_user(%rip), %rcx\n\t"
    "mov $2, %r11d\n\t"
    "sysretq\n");

extern char exits_syscall[], exits_enter_user[];

static void do_user(void)
{
	exits_user_rounds = ROUNDS;
	asm volatile("call exits_enter_user"
		     : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
		     "memory", "cc");
}

/*
 * An access that exits and changes nothing.  After some exits without one that KVM knows
 * of, reading a counter is one, too.
 */
static void do_access(void)
{
	if (!shared.idle)
		wrmsr(select0, rdmsr(select0));
}

/*
 * So many exits without an access that the guest becomes quiet, and what it counts then.
 * The access lets it read counters without exits.
 */
static void do_quiet(void)
{
	for (int i = 0; i < QUIET_EXITS / ROUNDS + 1; i++)
		do_cpuid();
	spin(5000);
	do_cpuid();
	do_access();
}

static void do_mixed(void)
{
	do_cpuid();
	do_out();
	do_deadline();
	do_ept();
	do_hlt();
	do_user();
	do_in();
	do_ipi();
	do_access();
}

static const struct kind {
	const char *name;
	void (*run)(void);
	unsigned int user;	/* instructions emulated in user mode */
	unsigned int mmio;
	bool fast;		/* some of its exits take the fast path */
} kinds[] = {
	{ "spin", do_spin },
	{ "cpuid", do_cpuid },
	{ "rdmsr", do_rdmsr },
	{ "wrmsr", do_wrmsr },
	{ "out", do_out },
	{ "in", do_in },
	{ "mmio", do_mmio, 0, ROUNDS },
	{ "ept", do_ept },
	{ "hypercall", do_hypercall },
	{ "rdpmc", do_rdpmc },
	{ "hlt", do_hlt, .fast = true },
	{ "deadline", do_deadline, .fast = true },
	{ "ipi", do_ipi, .fast = true },
	{ "user", do_user, ROUNDS },
	{ "quiet", do_quiet },
	{ "mixed", do_mixed, ROUNDS, .fast = true },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static uint64_t modes(int mode, uint64_t user, uint64_t os)
{
	return (mode & USER ? user : 0) | (mode & KERNEL ? os : 0);
}

static void start_counters(void)
{
	struct guest_pmu pmu = guest_pmu();
	uint64_t fixed_ctrl = 0;

	select0 = pmu.select0;
	shared.gp = shared.few ? 2 : min_t(unsigned int, pmu.gp, ARRAY_SIZE(gp_counters));
	shared.fixed = shared.few ? 0 : min_t(unsigned int, pmu.fixed, ARRAY_SIZE(fixed_counters));
	if (pmu.global)
		wrmsr(pmu.global_ctrl, 0);
	for (unsigned int i = 0; i < shared.gp; i++)
		wrmsr(pmu.select0 + i * pmu.stride,
		      pmu.events[gp_counters[i].event] | EVENTSEL_EN |
		      modes(gp_counters[i].mode, EVENTSEL_USR, EVENTSEL_OS));
	for (unsigned int i = 0; i < shared.fixed; i++)
		fixed_ctrl |= FIXED_PMC_CTRL(i, modes(fixed_counters[i].mode, FIXED_PMC_USER,
						      FIXED_PMC_KERNEL));
	if (shared.fixed)
		wrmsr(MSR_FIXED_CTR_CTRL, fixed_ctrl);
	if (pmu.global)
		wrmsr(pmu.global_ctrl, ((1ull << pmu.gp) - 1) | ((1ull << pmu.fixed) - 1) << 32);
}

static void guest_main(void)
{
	uint64_t mark = 1000000;

	x2apic_enable();
	wrmsr(APIC_BASE_MSR + (APIC_LVTT >> 4), APIC_LVT_TIMER_TSCDEADLINE | TIMER_VECTOR);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, 0x20ull << 48 | 8ull << 32);
	wrmsr(MSR_LSTAR, (uint64_t)exits_syscall);
	wrmsr(MSR_SYSCALL_MASK, -1u);
	if (!shared.idle)
		start_counters();
	for (;;) {
		for (unsigned int kind = 0; kind < KINDS; kind++) {
			for (int repeat = 0; repeat < REPEATS; repeat++) {
				shared.before.mark = mark;
				shared.after.mark = mark + 2;
				mark += 4;
				do_access();
				GUEST_SYNC(2 * kind);
				snapshot(&shared.before);
				kinds[kind].run();
				snapshot(&shared.after);
				GUEST_SYNC(2 * kind + 1);
			}
		}
	}
}

/* --- the host -------------------------------------------------------------- */

/* Run to the guest's next GUEST_SYNC; do what its exits ask for. */
static uint64_t run_to_sync(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	for (;;) {
		vcpu_run(vcpu);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO || exited_by_port(vcpu, PORT))
			continue;
		require_ucall(vcpu, &uc);
		TEST_ASSERT_EQ(uc.cmd, UCALL_SYNC);
		return uc.args[1];
	}
}

/* All of the guest's memory belongs to its user mode too. */
static void let_user_in(struct kvm_vm *vm, uint64_t table, int level)
{
	uint64_t *entry = addr_gpa2hva(vm, table);

	for (int i = 0; i < 512; i++) {
		if (!(entry[i] & 1))
			continue;
		entry[i] |= 4;
		if (level > 1 && !(entry[i] & 0x80))
			let_user_in(vm, entry[i] & 0xffffffffff000, level - 1);
	}
}

static struct kvm_vm *make_guest(struct kvm_vcpu **vcpu)
{
	struct kvm_vm *vm = vm_create_with_one_vcpu(vcpu, guest_main);

	vcpu_set_cpuid_feature(*vcpu, X86_FEATURE_TSC_DEADLINE_TIMER);
	vm_install_exception_handler(vm, TIMER_VECTOR, on_interrupt);
	vm_install_exception_handler(vm, IPI_VECTOR, on_interrupt);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, FRESH, FRESH_SLOT, FRESH_PAGES, 0);
	virt_map(vm, FRESH, FRESH, FRESH_PAGES);
	virt_map(vm, MMIO, MMIO, 1);
	let_user_in(vm, vm->pgd, 4);
	sync_global_to_guest(vm, shared);
	return vm;
}

static bool host_read(struct counters *counters, struct probe *probe)
{
	static uint64_t mark = 1000;

	if (shared.alone) {
		*probe = (struct probe) { .mark = mark };
		lab_mark(mark++);
		return true;
	}
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		uint64_t start = rdtsc();

		*probe = (struct probe) { .mark = mark };
		mark += 2;
		if (counters_read(counters, probe) &&
		    (!shared.single || rdtsc() - start < UNDISTURBED))
			return true;
	}
	return false;
}

/*
 * Have perf look at its counters.  What host_read() gets from the events' pages must be
 * right after this, too, when the guest has had the PMU.
 */
static void host_sync(const struct counters *counters)
{
	uint64_t values[8];

	for (int mode = 0; mode < MODES && !shared.alone; mode++) {
		if (counters->only < 0 || counters->only == mode)
			TEST_ASSERT(read(counters->fd[mode], values, sizeof(values)) > 0,
				    "read() of an event");
	}
}

static void print_guest(const struct kind *kind)
{
	const struct snapshot *before = &shared.before, *after = &shared.after;
	unsigned long long first = before->mark, second = after->mark;

	printf("# lab: emulated.%llu.user=%u\n", first, kind->user);
	printf("# lab: emulated.%llu.mmio=%u\n", first, kind->mmio);
	printf("# lab: known.%llu.user=%u\n", first, kind->user ? USER_INSTRUCTIONS : 0);
	for (unsigned int i = 0; i < shared.gp + shared.fixed; i++) {
		bool fixed = i >= shared.gp;
		const struct counter *counter = fixed ? &fixed_counters[i - shared.gp] :
							&gp_counters[i];

		printf("# lab: guest.%s-%s%u.%s.%s.%llu-%llu=%llu\n", kind->name,
		       fixed ? "fixed" : "gp", fixed ? i - shared.gp : i,
		       event_names[counter->event].name, guest_modes[counter->mode], first, second,
		       (unsigned long long)((after->value[i] - before->value[i]) &
					    ((1ull << 48) - 1)));
	}
}

/* @only: the one mode that was counted, or -1. */
static void print_host(const struct kind *kind, const char *event, int only,
		       const struct probe *before, const struct probe *after)
{
	printf("# lab: %s.%s.%llu-%llu=1\n", kind->fast ? "fastpath" : "swaps", kind->name,
	       (unsigned long long)before->mark, (unsigned long long)after->mark);
	for (int mode = 0; mode < MODES && !shared.alone; mode++) {
		if (only >= 0 && only != mode)
			continue;
		printf("# lab: wide.%s.%s.%s.%llu-%llu=%llu\n", kind->name, event,
		       mode_names[mode], (unsigned long long)before->mark,
		       (unsigned long long)after->mark,
		       (unsigned long long)(after->value[mode] - before->value[mode]));
	}
}

/* All kinds of exits, with the host's events @event, of one mode only or of all (-1). */
static void run_kinds(struct kvm_vm *vm, struct kvm_vcpu *vcpu, int cpu, int event, int only)
{
	struct perf_event_attr attr = event_attr(event_names[event].config, 2);
	const char *name = event_names[event].name;
	struct counters counters;

	attr.exclude_guest = 1;
	if (!shared.alone && !counters_open(&counters, &attr, -1, cpu, only))
		die("CPU-wide %s", name);
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		bool ok = true;

		for (int repeat = 0; repeat < REPEATS; repeat++) {
			struct probe before, after;

			TEST_ASSERT_EQ(run_to_sync(vcpu), 2 * kind);
			host_sync(&counters);
			ok &= host_read(&counters, &before);
			TEST_ASSERT_EQ(run_to_sync(vcpu), 2 * kind + 1);
			ok &= host_read(&counters, &after);
			sync_global_from_guest(vm, shared);
			if (!shared.idle)
				print_guest(&kinds[kind]);
			print_host(&kinds[kind], name, only, &before, &after);
		}
		ktap_result(ok, "%s-%s%s%s", kinds[kind].name, name, only < 0 ? "" : "-",
			    only < 0 ? "" : mode_names[only]);
	}
	if (!shared.alone)
		counters_close(&counters);
}

static void __attribute__((__noreturn__)) stay_busy(void)
{
	struct kvm_vcpu *vcpu;

	make_guest(&vcpu);
	printf("busy\n");
	fflush(stdout);
	for (;;)
		run_to_sync(vcpu);
}

int main(int argc, char *argv[])
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int events, passes, cpu;

	shared.idle = argument(argv, "idle");
	if (argument(argv, "busy"))
		stay_busy();
	cpu = pin_by_argument(argv);
	shared.few = argument(argv, "few");
	shared.alone = shared.idle || argument(argv, "alone");
	shared.single = argument(argv, "single");
	events = shared.alone ? 1 : 3;
	passes = shared.single ? MODES : 1;
	ktap_plan(events * passes * KINDS);
	vm = make_guest(&vcpu);
	for (int event = 0; event < events; event++)
		for (int pass = 0; pass < passes; pass++)
			run_kinds(vm, vcpu, cpu, event, shared.single ? pass : -1);
	kvm_vm_free(vm);
	return ktap_exit();
}
