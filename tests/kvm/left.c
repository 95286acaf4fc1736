// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that has overflowed counters, and others that count, leaves the registers of
 * the PMU to its host as it has found them: each time that KVM_RUN returns.
 *
 *   left [cpuN]
 *
 * With registers.ko.
 */
#include "guest.h"

#define LVTPC		(APIC_BASE_MSR + (APIC_LVTPC >> 4))
#define PMI_VECTOR	0x60
#define STATE		"/sys/module/registers/parameters/state"
#define FIXED		3

enum { COUNTS, OVERFLOWS, INTERRUPTED, STAGES };
static const char * const stages[] = {
	"counting", "overflowed with LVTPC masked", "interrupted",
};

static struct guest_pmu pmu;

/* --- the guest ------------------------------------------------------------- */

/* Status stays set. */
static void on_pmi(struct ex_regs *regs)
{
	guest_eoi();
}

static void overflow(uint32_t lvtpc)
{
	wrmsr(LVTPC, lvtpc);
	wrmsr(pmu.counter0, (1ull << COUNTER_WIDTH) - 10);
	spin(100);
	guest_take_interrupts();
}

static void guest_main(void)
{
	unsigned int fixed = min_t(unsigned int, pmu.fixed, FIXED);

	x2apic_enable();
	wrmsr(LVTPC, APIC_LVT_MASKED | PMI_VECTOR);
	wrmsr(pmu.select0, pmu.events[INSTRUCTIONS] | EVENTSEL_OS | EVENTSEL_INT | EVENTSEL_EN);
	wrmsr(pmu.select0 + pmu.stride, pmu.events[CYCLES] | EVENTSEL_OS | EVENTSEL_EN);
	for (unsigned int i = 0; i < fixed; i++)
		wrmsr(MSR_FIXED_CTR_CTRL, rdmsr(MSR_FIXED_CTR_CTRL) |
					  FIXED_PMC_CTRL(i, FIXED_PMC_KERNEL));
	wrmsr(pmu.global_ctrl, 3 | ((1ull << fixed) - 1) << 32);
	GUEST_SYNC(COUNTS);
	overflow(APIC_LVT_MASKED | PMI_VECTOR);
	GUEST_SYNC(OVERFLOWS);
	overflow(PMI_VECTOR);
	GUEST_SYNC(INTERRUPTED);
	GUEST_DONE();
}

/* --- the host -------------------------------------------------------------- */

static struct registers {
	uint64_t global_ctrl, status, fixed_ctrl;
	uint32_t lvtpc;
} read_registers(void)
{
	struct registers registers;
	FILE *file = fopen(STATE, "r");

	if (!file || fscanf(file, "%lx %lx %lx %x", &registers.global_ctrl, &registers.status,
			    &registers.fixed_ctrl, &registers.lvtpc) != 4)
		die(STATE);
	fclose(file);
	return registers;
}

/* Global control may be without the counters that have the guest's values. */
static bool same(const struct registers *was, const struct registers *is)
{
	return !(is->global_ctrl & ~was->global_ctrl) && is->status == was->status &&
	       is->fixed_ctrl == was->fixed_ctrl && is->lvtpc == was->lvtpc;
}

static void print_registers(const struct registers *registers)
{
	printf("# global control 0x%lx, status 0x%lx, fixed control 0x%lx, LVTPC 0x%x\n",
	       registers->global_ctrl, registers->status, registers->fixed_ctrl,
	       registers->lvtpc);
}

static bool check_stage(struct kvm_vcpu *vcpu, unsigned int stage, const struct registers *was)
{
	uint64_t status;
	struct registers is;
	struct ucall uc;

	vcpu_run(vcpu);
	is = read_registers();
	status = vcpu_get_msr(vcpu, pmu.global_status);
	require_ucall(vcpu, &uc);
	print_registers(&is);
	return uc.cmd == UCALL_SYNC && uc.args[1] == stage && same(was, &is) &&
	       !status == (stage == COUNTS);
}

int main(int argc, char *argv[])
{
	struct registers was;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;

	require_mediated_pmu();
	pin_by_argument(argv);
	pmu = guest_pmu();
	ktap_plan(STAGES + 1);
	was = read_registers();
	print_registers(&was);
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	vm_install_exception_handler(vm, PMI_VECTOR, on_pmi);
	sync_global_to_guest(vm, pmu);
	for (unsigned int stage = 0; stage < STAGES; stage++)
		ktap_result(check_stage(vcpu, stage, &was), "%s", stages[stage]);
	vcpu_run(vcpu);
	require_ucall(vcpu, &uc);
	ktap_result(uc.cmd == UCALL_DONE, "the guest ends");
	kvm_vm_free(vm);
	return ktap_exit();
}
