// SPDX-License-Identifier: GPL-2.0
/*
 * Events of a CPU that include guests, beside a guest with a mediated PMU, where
 * kvm.mediated_pmu_share_idle lets them be: they count what the guest does while it
 * counts nothing itself. While it does count they are enabled, but not running.
 *
 *   inclusive [cpuN]
 *
 * Prints `only.LABEL.instructions.uk.A-B`, what an event that counts guests alone has
 * counted between two readings beside the host's marks: all, or nothing. Another event,
 * which includes the host, must have the times of that one.
 */
#include "guest.h"

#define ROUNDS		20
#define IDLE_EXITS	80	/* more than a vCPU's last counter is waited for */
#define FIRST_MARK	10

static struct guest_pmu pmu;

/* --- the guest ------------------------------------------------------------- */

static void exits(unsigned int number)
{
	uint32_t a, b, c, d;

	while (number--)
		__cpuid(0, 0, &a, &b, &c, &d);
}

static void work(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		spin(1000);
		exits(1);
	}
}

/* Each phase is between two syncs, and what prepares the next one outside. */
static void phase(void)
{
	GUEST_SYNC(0);
	work();
	GUEST_SYNC(0);
}

static void guest_main(void)
{
	phase();

	wrmsr(pmu.counter0, 0);
	wrmsr(pmu.select0, pmu.events[INSTRUCTIONS] | EVENTSEL_OS | EVENTSEL_EN);
	if (pmu.global)
		wrmsr(pmu.global_ctrl, 1);
	phase();

	wrmsr(pmu.select0, 0);
	exits(IDLE_EXITS);
	phase();
	GUEST_DONE();
}

/* --- the host -------------------------------------------------------------- */

struct reading {
	uint64_t count, enabled, running;
};

static struct event {
	int fd;
	struct reading before, after;
} guests, both;

static int open_wide(int cpu, bool exclude_host)
{
	struct perf_event_attr attr = event_attr(PERF_COUNT_HW_INSTRUCTIONS, 2);
	int fd;

	attr.disabled = 0;
	attr.exclude_host = exclude_host;
	attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, 0);
	if (fd < 0)
		die("an event that includes guests, exclude_host=%d", exclude_host);
	return fd;
}

static void read_event(int fd, struct reading *reading)
{
	if (read(fd, reading, sizeof(*reading)) != sizeof(*reading))
		die("read of an event");
}

/* The one that is held against the books beside marks. */
static void read_events(int mark, bool after)
{
	lab_mark(mark);
	read_event(guests.fd, after ? &guests.after : &guests.before);
	lab_mark(mark + 1);
	read_event(both.fd, after ? &both.after : &both.before);
}

static uint64_t stood_still(const struct event *event)
{
	return (event->after.enabled - event->before.enabled) -
	       (event->after.running - event->before.running);
}

static void sync_with(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	require_ucall(vcpu, &uc);
	TEST_ASSERT(uc.cmd == UCALL_SYNC, "ucall %lu", uc.cmd);
}

static void run_phase(struct kvm_vcpu *vcpu, const char *name, bool counting)
{
	static int mark = FIRST_MARK;
	uint64_t count;

	sync_with(vcpu);
	read_events(mark, false);
	sync_with(vcpu);
	read_events(mark + 2, true);

	count = guests.after.count - guests.before.count;
	if (counting)
		ktap_result(!count, "%s: %lu instructions of the guest counted", name, count);
	else
		printf("# lab: only.%s.instructions.uk.%d-%d=%lu\n", name, mark, mark + 2, count);
	ktap_result(counting ? stood_still(&guests) && stood_still(&both) :
			       !stood_still(&guests) && !stood_still(&both),
		    "%s: not running for %lu and %lu ns", name, stood_still(&guests),
		    stood_still(&both));
	ktap_result(both.after.count - both.before.count > count,
		    "%s: the host is counted", name);
	mark += 4;
}

int main(int argc, char *argv[])
{
	int cpu = pin_by_argument(argv);
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	require_mediated_pmu();
	pmu = guest_pmu();
	ktap_plan(7);

	/* One is there first, of the other the VM is. */
	guests.fd = open_wide(cpu, true);
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	both.fd = open_wide(cpu, false);
	sync_global_to_guest(vm, pmu);

	run_phase(vcpu, "idle", false);
	run_phase(vcpu, "counting", true);
	run_phase(vcpu, "idle-again", false);
	kvm_vm_free(vm);
	close(guests.fd);
	close(both.fd);
	return ktap_exit();
}
