// SPDX-License-Identifier: GPL-2.0
/*
 * The PMU changes hands for all reasons there are while two vCPUs count: does either
 * side lose a count, or get one of the other's?
 *
 *   transitions [rounds=N] [seed=N] [seeds=N] [hotplug] [backtrace]
 *
 *   rounds=N   measurements of each vCPU at least (default 200)
 *   seed=N     other measurements, other disturbances
 *   seeds=N    all over again with the next N - 1 seeds
 *   hotplug    CPU 1 goes offline and comes back, too; first of all with the values of a
 *              vCPU that isn't running
 *   backtrace  all CPUs are asked for backtraces by NMI, too
 *
 * Each round a guest enables counters, runs code whose instructions and branches are
 * known, with exits in it that are handled in all kinds of ways, and compares. One
 * counter overflows on the way, for exactly one interrupt, or for none if LVTPC is
 * masked until later. In some rounds there are so many exits that the guest becomes
 * quiet. In between, guests clear their selectors for long enough to be quiescent, or
 * halt. Meanwhile a thread of the host opens and closes events of CPUs, of vCPUs and its
 * own, mapped ones that user space may read; moves vCPUs from CPU to CPU; and changes the
 * event filter. It counts instructions of its own, which are known as well. Half of the
 * time there are no events of the host but these, so that vCPUs keep the PMU across
 * exits. And another process looks with RDPMC for what guests may have left in counters.
 *
 * On two CPUs. Prints how often vCPUs got and gave back the PMU as `transitions`.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "guest.h"

#define LVTPC		(APIC_BASE_MSR + (APIC_LVTPC >> 4))
#define LVTT		(APIC_BASE_MSR + (APIC_LVTT >> 4))
#define X2APIC_ID	0x802
#define PMI_VECTOR	0x60
#define TIMER_VECTOR	0x61
#define PORT		0x80
#define NR_VCPUS	2
#define LEFT_COUNTERS	4
#define LEFT_VALUE	0x123450
#define MARKED		(0x1eafull << 32)	/* values that are a guest's for sure */
#define WORST_ITERATIONS	40
#define IDLE_EXITS	80	/* more than a vCPU's last counter is waited for */
/* More than the latest PMI's delay. */
#define PADDING		asm volatile(".rept 1200\n\tnop\n\t.endr")

/* --- the guests ------------------------------------------------------------ */

static struct shared {
	unsigned int rounds, seed;
} shared;

/* The first failure of a vCPU: what was counted, and what should have been. */
static struct state {
	uint32_t random;
	unsigned int rounds, failures;
	unsigned int kind, iterations, what;
	uint64_t got, want;
	volatile unsigned int pmis, timers;
} states[NR_VCPUS];

static struct guest_pmu pmu;
static volatile bool enough;	/* disturbances: a CPU that goes offline may take long */

enum { OVERFLOWING, BRANCHES_COUNT, INSTRUCTIONS_COUNT, UNUSED, STATUS, PMIS, KEPT,
       LEFT };
static const char * const whats[] = {
	"the counter that overflows", "branches", "instructions", "a counter that isn't enabled",
	"status", "interrupts", "a counter while quiescent", "a counter of a CPU that went offline",
};

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/*
 * From the write that enables all counters, which isn't counted, up to the one that
 * disables them, which is: the body and two instructions, one of them a branch, for
 * each iteration, and four.
 */
#define AROUND		4
#define IN_LOOP		2
#define RUN(name, body)								\
static noinline void run_##name(uint64_t enable, uint64_t iterations)		\
{										\
	uint32_t a = enable, d = enable >> 32, c = pmu.global_ctrl;		\
										\
	asm volatile("wrmsr\n"							\
		     "1:\n\t" body "\n\t"					\
		     "dec %[iterations]\n\t"					\
		     "jnz 1b\n\t"						\
		     "mov %[ctrl], %%ecx\n\t"					\
		     "xor %%eax, %%eax\n\t"					\
		     "xor %%edx, %%edx\n\t"					\
		     "wrmsr"							\
		     : "+&a"(a), "+&d"(d), "+&c"(c), [iterations] "+&r"(iterations) \
		     : [ctrl] "r"(pmu.global_ctrl) : "rbx", "memory", "cc");	\
}

RUN(nops, ".rept 8\n\tnop\n\t.endr")
RUN(cpuid, "xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\tcpuid")
RUN(out, "out %%al, $0x80")
RUN(rdmsr, "mov $0x8b, %%ecx\n\trdmsr")
/* The fast path: a deadline that never comes. */
RUN(deadline, "mov $0x6e0, %%ecx\n\tmov $-1, %%eax\n\tmov $0x7fffffff, %%edx\n\twrmsr")

/* LVTPC is masked and unmasked: so may the overflow be, or not. */
RUN(lvtpc, "mov $0x834, %%ecx\n\tmov $0x10060, %%eax\n\txor %%edx, %%edx\n\twrmsr\n\t"
	   "mov $0x60, %%eax\n\twrmsr")

static const struct kind {
	const char *name;
	void (*run)(uint64_t enable, uint64_t iterations);
	unsigned int body;	/* instructions */
	bool masks;
} kinds[] = {
	{ "nops", run_nops, 8 },
	{ "cpuid", run_cpuid, 3 },
	{ "out", run_out, 1 },
	{ "rdmsr", run_rdmsr, 2 },
	{ "deadline", run_deadline, 4 },
	{ "lvtpc", run_lvtpc, 6, true },
};

static void compare(struct state *state, unsigned int what, uint64_t got, uint64_t want)
{
	if (got == want)
		return;
	if (!state->failures++) {
		state->what = what;
		state->got = got;
		state->want = want;
	}
}

static void on_pmi(struct ex_regs *regs)
{
	states[rdmsr(X2APIC_ID)].pmis++;
	if (!host_cpu_is_amd)
		wrmsr(LVTPC, PMI_VECTOR);
	guest_eoi();
}

static void on_timer(struct ex_regs *regs)
{
	states[rdmsr(X2APIC_ID)].timers++;
	guest_eoi();
}

static void select_events(uint64_t enable)
{
	static const int events[] = { INSTRUCTIONS, BRANCHES, INSTRUCTIONS };

	for (unsigned int i = 0; i < ARRAY_SIZE(events); i++)
		wrmsr(pmu.select0 + i * pmu.stride, pmu.events[events[i]] | EVENTSEL_OS |
		      (i == OVERFLOWING ? EVENTSEL_INT : 0) | enable);
}

/*
 * An overflow with LVTPC masked comes to nothing, whatever is done later: here LVTPC is
 * unmasked with status set, and the vCPU goes to user space, which puts the PMU.
 */
static void unmask(void)
{
	wrmsr(LVTPC, PMI_VECTOR);
	asm volatile("out %%al, %0" : : "i"(PORT));
}

static void count(struct state *state)
{
	const uint64_t mask = (1ull << COUNTER_WIDTH) - 1;
	unsigned int kind = next_random(&state->random) % ARRAY_SIZE(kinds);
	uint64_t iterations = 1 + next_random(&state->random) % WORST_ITERATIONS;
	unsigned int variant = next_random(&state->random) % 8;
	uint64_t unused = MARKED | next_random(&state->random);
	unsigned int failures = state->failures;
	bool quiet = variant == 0, masked = variant == 1;
	uint64_t insns, to_overflow;

	if (quiet)
		iterations += QUIET_EXITS;
	insns = iterations * (kinds[kind].body + IN_LOOP) + AROUND;
	to_overflow = 1 + next_random(&state->random) % insns;

	state->pmis = 0;
	wrmsr(pmu.counter0, -to_overflow & mask);
	wrmsr(pmu.counter0 + pmu.stride, 0);
	wrmsr(pmu.counter0 + 2 * pmu.stride, 0);
	wrmsr(pmu.counter0 + 3 * pmu.stride, unused);
	select_events(EVENTSEL_EN);
	if (masked)
		wrmsr(LVTPC, APIC_LVT_MASKED | PMI_VECTOR);

	kinds[kind].run(0xf, iterations);

	PADDING;
	if (masked)
		unmask();
	guest_take_interrupts();
	compare(state, OVERFLOWING, guest_rdpmc(0), insns - to_overflow);
	compare(state, BRANCHES_COUNT, guest_rdpmc(1), iterations);
	compare(state, INSTRUCTIONS_COUNT, guest_rdpmc(2), insns);
	compare(state, UNUSED, guest_rdpmc(3), unused);
	compare(state, STATUS, rdmsr(pmu.global_status), 1);
	if (!kinds[kind].masks)
		compare(state, PMIS, state->pmis, !masked);
	wrmsr(pmu.global_clear, 1);
	if (!failures && state->failures) {
		state->kind = kind;
		state->iterations = iterations;
	}
}

static void be_quiescent(struct state *state)
{
	uint64_t before = guest_rdpmc(2);
	uint32_t a, b, c, d;

	select_events(0);
	for (int i = 0; i < IDLE_EXITS; i++)
		__cpuid(0, 0, &a, &b, &c, &d);
	compare(state, KEPT, guest_rdpmc(2), before);
}

static void halt(struct state *state)
{
	unsigned int before = state->timers;

	wrmsr(MSR_DEADLINE, rdtsc() + next_random(&state->random) % 20000);
	while (state->timers == before)
		asm volatile("sti\n\thlt\n\tcli" : : : "memory");
}

static void guest_main(unsigned int self)
{
	struct state *state = &states[self];

	state->random = (shared.seed + 1) * 2654435761u + self + 1;
	x2apic_enable();
	wrmsr(LVTT, APIC_LVT_TIMER_TSCDEADLINE | TIMER_VECTOR);
	wrmsr(LVTPC, PMI_VECTOR);
	wrmsr(pmu.global_ctrl, 0);
	for (unsigned int round = 0; round < shared.rounds || !enough; round++) {
		count(state);
		state->rounds++;
		switch (next_random(&state->random) % 8) {
		case 0:
			be_quiescent(state);
			break;
		case 1:
			halt(state);
			break;
		}
	}
	GUEST_DONE();
}

/* Values that are nowhere but in the hardware of the CPU where the vCPU was last. */
static void guest_leaves_values(void)
{
	struct state *state = &states[0];

	wrmsr(pmu.global_ctrl, 0);
	select_events(EVENTSEL_EN);
	for (unsigned int i = 0; i < LEFT_COUNTERS; i++)
		wrmsr(pmu.counter0 + i * pmu.stride, LEFT_VALUE + i);
	GUEST_SYNC(0);
	for (unsigned int i = 0; i < LEFT_COUNTERS; i++)
		compare(state, LEFT, guest_rdpmc(i), LEFT_VALUE + i);
	GUEST_DONE();
}

/* --- another process ------------------------------------------------------- */

#define SPY_PAUSE_US	10000	/* a look takes about a millisecond in a debug kernel */

/* Shared with it. */
static struct spied {
	volatile bool stop;
	unsigned long looks, leaks;
} *spied;

/* What has an event mapped may read all counters. */
static void spy(void)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 0);
	void *page;

	attr.exclude_guest = 1;
	page = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, event_open(&attr, -1), 0);
	if (page == MAP_FAILED)
		die("mmap of an event");
	for (; !spied->stop; usleep(SPY_PAUSE_US)) {
		for (unsigned int i = 0; i < pmu.gp; i++)
			spied->leaks += (guest_rdpmc(i) & -1ull << 32) == MARKED;
		spied->looks++;
	}
	_exit(0);
}

static pid_t start_spy(void)
{
	pid_t child;

	spied = mmap(NULL, sizeof(*spied), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (spied == MAP_FAILED)
		die("mmap");
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		spy();
	return child;
}

/* Its event isn't on any CPU then. */
static void suspend_spy(pid_t child)
{
	int status;

	if (kill(child, SIGSTOP) || waitpid(child, &status, WUNTRACED) != child ||
	    !WIFSTOPPED(status))
		die("SIGSTOP");
}

static void stop_spy(pid_t child)
{
	int status;

	spied->stop = true;
	ktap_result(waitpid(child, &status, 0) == child && !status && spied->looks &&
		    !spied->leaks, "no values of guests in %lu looks from outside # %lu",
		    spied->looks, spied->leaks);
}

/* --- the host -------------------------------------------------------------- */

#define MAX_EVENTS	4
#define PAUSE_US	3000
#define MIN_ACTIONS	100
#define PHASE		16	/* disturbances with events of the host, as many without */
#define OWN_ROUNDS	1000

static struct vcpu_thread {
	pthread_t thread;
	struct kvm_vcpu *vcpu;
	volatile pid_t tid;
} vcpu_threads[NR_VCPUS];

static struct {
	struct kvm_vm *vm;
	uint32_t random;
	int events[MAX_EVENTS];
	bool hotplug, backtrace, offline;
	unsigned long actions, own, own_wrong, unscheduled;
	uint64_t own_count;
	unsigned long transitions;
	volatile unsigned int running;
} host = { .events = { -1, -1, -1, -1 } };

static void *run_vcpu(void *data)
{
	struct vcpu_thread *self = data;
	struct ucall uc;

	self->tid = syscall(SYS_gettid);
	do {
		vcpu_run(self->vcpu);
		if (exited_by_port(self->vcpu, PORT))
			continue;
		require_ucall(self->vcpu, &uc);
		if (uc.cmd == UCALL_DONE)
			break;
	} while (true);
	__atomic_sub_fetch(&host.running, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool ok = file && fputs(text, file) >= 0;

	return file && !fclose(file) && ok;
}

static void close_event(unsigned int place)
{
	close(host.events[place]);
	host.events[place] = -1;
}

/* An event of a CPU or of a vCPU comes or, if there is one in this place, goes. */
static void change_event(void)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 2);
	unsigned int place = next_random(&host.random) % MAX_EVENTS;
	uint32_t random = next_random(&host.random);

	if (host.events[place] >= 0) {
		close_event(place);
		return;
	}
	attr.exclude_guest = 1;
	attr.disabled = 0;
	if (random & 2)
		attr.sample_period = 20011;
	if (random & 1)
		host.events[place] = syscall(SYS_perf_event_open, &attr, -1,
					     random >> 2 & 1, -1, 0);
	else
		host.events[place] = syscall(SYS_perf_event_open, &attr,
					     vcpu_threads[random >> 2 & 1].tid, -1, -1, 0);
}

static void close_events(void)
{
	for (unsigned int i = 0; i < MAX_EVENTS; i++)
		if (host.events[i] >= 0)
			close_event(i);
}

static void move_vcpu(void)
{
	uint32_t random = next_random(&host.random);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(random & 1, &set);
	sched_setaffinity(vcpu_threads[random >> 1 & 1].tid, sizeof(set), &set);
}

/* Deny an event that nobody has, or no event. */
static void change_filter(void)
{
	static bool on;
	struct kvm_pmu_event_filter *filter = calloc(1, sizeof(*filter) + sizeof(uint64_t));

	on = !on;
	filter->action = KVM_PMU_EVENT_DENY;
	filter->nevents = on;
	filter->events[0] = 0xffff;
	vm_ioctl(host.vm, KVM_SET_PMU_EVENT_FILTER, filter);
	free(filter);
}

/* This thread's instructions in user mode, by an event that is mapped. */
static uint64_t count_own(bool *scheduled)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 0);
	uint64_t values[3];
	void *page;
	int fd;

	attr.exclude_guest = 1;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	fd = event_open(&attr, -1);
	page = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		die("mmap of an event");
	ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	spin(OWN_ROUNDS);
	ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	if (read(fd, values, sizeof(values)) != sizeof(values))
		die("read of an event");
	munmap(page, getpagesize());
	close(fd);
	*scheduled = values[1] == values[2];
	return values[0];
}

static void check_own(void)
{
	bool scheduled;
	uint64_t count = count_own(&scheduled);

	if (!scheduled) {
		host.unscheduled++;
		return;
	}
	host.own++;
	if (count != host.own_count && !host.own_wrong++)
		printf("# %lu instructions of the host's own counted as %lu\n",
		       host.own_count, count);
}

static void set_online(bool online)
{
	write_number("/sys/devices/system/cpu/cpu1/online", online);
}

static void change_cpu(void)
{
	if (!host.hotplug)
		return;
	host.offline = !host.offline;
	set_online(!host.offline);
}

static void ask_for_backtraces(void)
{
	if (host.backtrace && !write_file("/proc/sysrq-trigger", "l"))
		die("sysrq");
}

static void disturb(void)
{
	uint32_t random = next_random(&host.random);
	bool quiet = host.actions / PHASE % 2;

	if (host.actions % PHASE == 0)
		close_events();
	switch (random % 16) {
	case 0 ... 5:
		if (!quiet)
			change_event();
		break;
	case 6 ... 9:
		move_vcpu();
		break;
	case 10 ... 11:
		change_filter();
		break;
	case 12 ... 13:
		check_own();
		break;
	case 14:
		if (!(random >> 8 & 1))
			change_cpu();
		break;
	case 15:
		if (!(random >> 8 & 3))
			ask_for_backtraces();
		break;
	}
	host.actions++;
	usleep(next_random(&host.random) % PAUSE_US);
}

/* The sum of a statistic over all vCPUs that there are. */
static unsigned long statistic(const char *name)
{
	unsigned long sum;
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%s", name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lu", &sum) != 1)
		die("%s", path);
	fclose(file);
	return sum;
}

static void report(unsigned int i)
{
	struct state *state = &states[i];

	if (state->failures)
		printf("# vCPU %u: %u failures, the first: %s %lu instead of %lu (%s, %u iterations)\n",
		       i, state->failures, whats[state->what], state->got, state->want,
		       kinds[state->kind].name, state->iterations);
	ktap_result(state->rounds >= shared.rounds && !state->failures,
		    "seed %u, vCPU %u: %u rounds are exact", shared.seed, i, state->rounds);
}

static void be_first(void)
{
	struct sched_param param = { .sched_priority = 50 };

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param))
		die("sched_setscheduler");
}

/* The vCPUs' threads are ordinary ones, the one that disturbs comes first. */
static void start(void)
{
	struct kvm_vcpu *vcpus[NR_VCPUS];

	host.vm = vm_create_with_vcpus(NR_VCPUS, guest_main, vcpus);
	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		vcpu_set_cpuid_feature(vcpus[i], X86_FEATURE_TSC_DEADLINE_TIMER);
		vcpu_args_set(vcpus[i], 1, i);
		vcpu_threads[i].vcpu = vcpus[i];
		vcpu_threads[i].tid = 0;
	}
	vm_install_exception_handler(host.vm, PMI_VECTOR, on_pmi);
	vm_install_exception_handler(host.vm, TIMER_VECTOR, on_timer);
	sync_global_to_guest(host.vm, shared);
	sync_global_to_guest(host.vm, pmu);
	host.running = NR_VCPUS;
	for (unsigned int i = 0; i < NR_VCPUS; i++) {
		if (pthread_create(&vcpu_threads[i].thread, NULL, run_vcpu, &vcpu_threads[i]))
			die("pthread_create");
		while (!vcpu_threads[i].tid)
			usleep(100);
	}
}

/* One VM's life, and four results. */
static void run_seed(void)
{
	unsigned long loads, puts;

	memset(states, 0, sizeof(states));
	host.random = (shared.seed + 1) * 2246822519u;
	host.actions = 0;
	host.own = 0;
	host.own_wrong = 0;
	host.unscheduled = 0;
	loads = statistic("pmu_loads");
	puts = statistic("pmu_puts");
	start();
	while (host.running) {
		disturb();
		if (host.actions == MIN_ACTIONS)
			*(volatile bool *)addr_gva2hva(host.vm, (uint64_t)&enough) = true;
	}
	close_events();
	if (host.offline)
		change_cpu();
	for (unsigned int i = 0; i < NR_VCPUS; i++)
		pthread_join(vcpu_threads[i].thread, NULL);

	sync_global_from_guest(host.vm, states);
	loads = statistic("pmu_loads") - loads;
	puts = statistic("pmu_puts") - puts;
	for (unsigned int i = 0; i < NR_VCPUS; i++)
		report(i);
	ktap_result(host.own && !host.own_wrong, "seed %u: the host's own %lu counts are exact",
		    shared.seed, host.own);
	ktap_result(loads == puts, "seed %u: %lu loads, %lu puts", shared.seed, loads, puts);
	printf("# %lu disturbances, %lu own counts without a counter\n", host.actions,
	       host.unscheduled);
	host.transitions += loads + puts;
	kvm_vm_free(host.vm);
}

#define WATCHDOG	"/proc/sys/kernel/nmi_watchdog"

/*
 * The CPU where a vCPU's values are goes offline while the vCPU is in user space. It has no
 * event, the watchdog's or the spy's, that would take the PMU back before KVM has to.
 */
static void check_offline(void)
{
	struct state *state = &states[0];
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create_with_one_vcpu(&vcpu, guest_leaves_values);
	unsigned long watchdog = read_number(WATCHDOG);
	struct ucall uc;
	cpu_set_t all;

	write_number(WATCHDOG, 0);
	TEST_ASSERT(!sched_getaffinity(0, sizeof(all), &all), "affinity");
	sync_global_to_guest(vm, pmu);
	pin_to_cpu(1);
	vcpu_run(vcpu);
	require_ucall(vcpu, &uc);
	pin_to_cpu(0);
	set_online(false);
	for (unsigned int i = 0; i < LEFT_COUNTERS; i++)
		compare(state, LEFT, vcpu_get_msr(vcpu, pmu.counter0 + i * pmu.stride),
			LEFT_VALUE + i);
	set_online(true);
	sync_global_to_guest(vm, states);
	vcpu_run(vcpu);
	require_ucall(vcpu, &uc);
	sync_global_from_guest(vm, states);
	if (state->failures)
		printf("# %s: %lu instead of %lu\n", whats[state->what], state->got, state->want);
	ktap_result(uc.cmd == UCALL_DONE && !state->failures,
		    "values of a CPU that goes offline are kept");
	kvm_vm_free(vm);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(all), &all), "affinity");
	write_number(WATCHDOG, watchdog);
}

static unsigned int number_argument(char *argv[], const char *word, unsigned int otherwise)
{
	const char *number = argument(argv, word);

	return number ? strtoul(number, NULL, 10) : otherwise;
}

int main(int argc, char *argv[])
{
	unsigned int seeds = number_argument(argv, "seeds=", 1);
	bool scheduled;
	pid_t child;

	shared.rounds = number_argument(argv, "rounds=", 200);
	shared.seed = number_argument(argv, "seed=", 0);
	host.hotplug = argument(argv, "hotplug");
	host.backtrace = argument(argv, "backtrace");
	require_mediated_pmu();
	pmu = guest_pmu();
	if (!pmu.global) {
		printf("KTAP version 1\n1..0 # SKIP no global control register\n");
		return KSFT_SKIP;
	}

	ktap_plan(seeds * (NR_VCPUS + 2) + (host.hotplug ? 2 : 1));
	child = start_spy();
	if (host.hotplug) {
		suspend_spy(child);
		check_offline();
		if (kill(child, SIGCONT))
			die("SIGCONT");
	}
	be_first();
	host.own_count = count_own(&scheduled);
	if (!scheduled)
		die("no counter for an event of the host");
	for (unsigned int i = 0; i < seeds; i++, shared.seed++)
		run_seed();
	stop_spy(child);
	printf("# lab: transitions=%lu\n", host.transitions);
	return ktap_exit();
}
