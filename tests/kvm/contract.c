// SPDX-License-Identifier: GPL-2.0
/*
 * Who may have the PMU: CPU-wide events of the host that include guests, or VMs
 * with a mediated PMU, whoever comes first.  Nobody else is in the way of either.
 */
#include <sys/wait.h>

#include "guest.h"

#define WATCHDOG_ROUNDS		150000000	/* more than a second's cycles */

#define AMD_PERFCTR_CORE		BIT(23)		/* ECX of 0x80000001; reserved on Intel */

enum where { WIDE, TASK };

static struct perf_event_attr attr(uint32_t type, uint64_t config)
{
	return (struct perf_event_attr) { .type = type, .size = sizeof(attr), .config = config };
}

/* perf_event_open's result, or its errno negated. */
static int open_event(struct perf_event_attr attr, enum where where)
{
	int fd;

	attr.size = sizeof(attr);
	fd = syscall(SYS_perf_event_open, &attr, where == WIDE ? -1 : 0, where == WIDE ? 0 : -1,
		     -1, 0);
	return fd < 0 ? -errno : fd;
}

static int open_instructions(enum where where, bool exclude_guest, bool exclude_host)
{
	struct perf_event_attr one = attr(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS);

	one.exclude_guest = exclude_guest;
	one.exclude_host = exclude_host;
	return open_event(one, where);
}

/* Is @got a file (which is closed), or the errno that is expected? */
static void result_open(int got, int expected, const char *name)
{
	ktap_result(expected ? got == -expected : got >= 0, "%s", name);
	if (expected ? got != -expected : got < 0)
		printf("# got %d, expected %d\n", got, -expected);
	if (got >= 0)
		close(got);
}

/* A VM with one vCPU and no CPUID yet. */
static struct kvm_vm *make_vm(struct kvm_vcpu **vcpu, bool pmu)
{
	struct kvm_vm *vm = vm_create(1);

	if (!pmu)
		vm_enable_cap(vm, KVM_CAP_PMU_CAPABILITY, KVM_PMU_CAP_DISABLE);
	*vcpu = __vm_vcpu_add(vm, 0);
	return vm;
}

/*
 * KVM_SET_CPUID2 with all that KVM supports, with what enumerates the PMU (leaf 0xa,
 * AMD: 0x80000022 and PERFCTR_CORE) or without: 0 or errno.
 */
static int set_cpuid(struct kvm_vcpu *vcpu, bool leaf)
{
	const struct kvm_cpuid2 *supported = kvm_get_supported_cpuid();
	struct kvm_cpuid2 *cpuid = allocate_kvm_cpuid2(supported->nent);
	int error;

	memcpy(cpuid, supported, kvm_cpuid2_size(supported->nent));
	for (unsigned int i = 0; i < cpuid->nent && !leaf; i++) {
		struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

		if (entry->function == 0xa || entry->function == 0x80000022)
			entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
		if (entry->function == 0x80000001)
			entry->ecx &= ~AMD_PERFCTR_CORE;
	}
	error = ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) ? errno : 0;
	free(cpuid);
	return error;
}

static void result_vm(bool pmu, bool leaf, int expected, const char *name)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = make_vm(&vcpu, pmu);
	int error = set_cpuid(vcpu, leaf);

	ktap_result(error == expected, "%s", name);
	if (error != expected)
		printf("# errno %d, expected %d\n", error, expected);
	kvm_vm_free(vm);
}

/* The nobodies' own events: one is opened, @then happens, it must count all along. */
static void as_nobody(int ready, int finish)
{
	struct perf_event_attr one = attr(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS);
	uint64_t count = 0;
	char byte = 0;
	int fd;

	one.exclude_kernel = 1;
	if (setuid(65534))
		_exit(1);
	fd = open_event(one, TASK);
	if (fd < 0 || write(ready, &byte, 1) != 1 || read(finish, &byte, 1) != 1)
		_exit(2);
	spin(1000000);
	if (read(fd, &count, sizeof(count)) != sizeof(count) || count < 2000000)
		_exit(3);
	_exit(0);
}

/* On, and its event counts: an NMI at least each second of work. */
static void result_watchdog(const char *name)
{
	unsigned long before = interrupts_in_row("NMI:");

	spin(WATCHDOG_ROUNDS);
	ktap_result(read_number("/proc/sys/kernel/nmi_watchdog") == 1 && interrupts_in_row("NMI:") > before,
		    "watchdog-%s", name);
}

static void with_vm(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = make_vm(&vcpu, true);

	result_open(open_instructions(WIDE, false, false), 0, "no-leaf-wide");
	ktap_result(!set_cpuid(vcpu, true), "vm");
	result_open(open_instructions(WIDE, false, false), EOPNOTSUPP, "vm-wide");
	result_open(open_instructions(WIDE, false, true), EOPNOTSUPP, "vm-wide-guest-only");
	result_open(open_instructions(WIDE, true, false), 0, "vm-wide-host-only");
	result_open(open_instructions(TASK, false, false), 0, "vm-task");
	result_open(open_instructions(TASK, true, false), 0, "vm-task-host-only");
	result_open(open_event(attr(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK), WIDE), 0,
		    "vm-wide-software");
	result_vm(true, true, 0, "vm-another-vm");
	result_open(open_instructions(WIDE, false, false), EOPNOTSUPP, "vm-wide-again");
	result_watchdog("with-vm");
	kvm_vm_free(vm);
	result_open(open_instructions(WIDE, false, false), 0, "after-wide");
}

static void with_wide_event(void)
{
	int fd = open_instructions(WIDE, false, false);

	TEST_ASSERT(fd >= 0, "a CPU-wide event");
	result_vm(true, true, EBUSY, "wide-vm");
	/* AMD's PMU of old needs no leaf, nor any bit of CPUID. */
	result_vm(true, false, host_cpu_is_amd ? EBUSY : 0, "wide-vm-without-leaf");
	result_vm(false, true, 0, "wide-vm-pmu-off");
	close(fd);
	result_vm(true, true, 0, "wide-closed-vm");

	fd = open_instructions(WIDE, true, false);
	TEST_ASSERT(fd >= 0, "a host-only CPU-wide event");
	result_vm(true, true, 0, "wide-host-only-vm");
	close(fd);
}

static void with_task_event(void)
{
	int fd = open_instructions(TASK, false, false), ready[2], finish[2], status = -1;
	char byte = 0;
	pid_t child;

	TEST_ASSERT(fd >= 0, "a task's event");
	result_vm(true, true, 0, "task-vm");
	close(fd);

	TEST_ASSERT(!pipe(ready) && !pipe(finish), "pipes");
	write_number("/proc/sys/kernel/perf_event_paranoid", 2);
	child = fork();
	if (!child)
		as_nobody(ready[1], finish[0]);
	TEST_ASSERT(read(ready[0], &byte, 1) == 1, "the nobody's event");
	result_vm(true, true, 0, "nobody-vm");
	TEST_ASSERT(write(finish[1], &byte, 1) == 1 && wait(&status) == child, "the nobody's end");
	ktap_result(!status, "nobody-counts");
}

static void with_vm_without_pmu(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = make_vm(&vcpu, false);

	ktap_result(!set_cpuid(vcpu, true), "pmu-off-vm");
	result_open(open_instructions(WIDE, false, false), 0, "pmu-off-vm-wide");
	kvm_vm_free(vm);
}

int main(void)
{
	require_mediated_pmu();
	pin_to_cpu(0);
	ktap_plan(25);
	write_number("/proc/sys/kernel/watchdog_thresh", 1);
	result_open(open_instructions(WIDE, false, false), 0, "before-wide");
	result_watchdog("before");
	with_vm();
	with_wide_event();
	with_vm_without_pmu();
	with_task_event();
	result_watchdog("after");
	return ktap_exit();
}
