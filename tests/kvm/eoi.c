// SPDX-License-Identifier: GPL-2.0
/*
 * EOIs that are only the local APIC's business are handled in the fastpath: others must
 * still get to the I/O APIC. A level-triggered interrupt whose line stays high comes again
 * after each EOI, until the guest has the line lowered; one of the guest's own comes once.
 */
#include "guest.h"

#define IOAPIC		0xfec00000ul	/* 82093AA I/O APIC, 3.1: index and data */
#define IOAPIC_DATA	(IOAPIC + 0x10)
#define REDIRECTION(pin) (0x10 + 2 * (pin))
#define LEVEL_TRIGGERED	(1u << 15)
#define PIN		20	/* none of the PIC's */
#define LINE_VECTOR	0x60
#define OWN_VECTOR	0x61

#define LINE_INTERRUPTS	10
#define OWN_INTERRUPTS	10

static struct {
	unsigned int line, late, own;
} taken;

static volatile bool low;

static void ioapic_write(uint32_t index, uint32_t data)
{
	*(volatile uint32_t *)IOAPIC = index;
	*(volatile uint32_t *)IOAPIC_DATA = data;
}

static void on_line(struct ex_regs *regs)
{
	if (low)
		taken.late++;
	else if (++taken.line == LINE_INTERRUPTS) {
		low = true;
		GUEST_SYNC(0);
	}
	guest_eoi();
}

static void on_own(struct ex_regs *regs)
{
	taken.own++;
	guest_eoi();
}

static void guest_main(void)
{
	x2apic_enable();
	ioapic_write(REDIRECTION(PIN) + 1, 0);
	ioapic_write(REDIRECTION(PIN), LEVEL_TRIGGERED | LINE_VECTOR);
	for (int i = 0; i < 2 * LINE_INTERRUPTS; i++)
		guest_take_interrupts();
	for (int i = 0; i < OWN_INTERRUPTS; i++) {
		wrmsr(MSR_X2APIC_ICR, OWN_VECTOR);
		guest_take_interrupts();
	}
	GUEST_DONE();
}

int main(int argc, char *argv[])
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;

	ktap_plan(3);
	vm = vm_create_with_one_vcpu(&vcpu, guest_main);
	virt_pg_map(vm, IOAPIC, IOAPIC);
	vm_install_exception_handler(vm, LINE_VECTOR, on_line);
	vm_install_exception_handler(vm, OWN_VECTOR, on_own);
	kvm_irq_line(vm, PIN, 1);
	for (;;) {
		vcpu_run(vcpu);
		require_ucall(vcpu, &uc);
		if (uc.cmd == UCALL_DONE)
			break;
		kvm_irq_line(vm, PIN, 0);
	}
	sync_global_from_guest(vm, taken);
	ktap_result(taken.line == LINE_INTERRUPTS, "again after each EOI # %u times", taken.line);
	ktap_result(!taken.late, "no more with the line low # %u times", taken.late);
	ktap_result(taken.own == OWN_INTERRUPTS, "each of the guest's own once # %u of %u", taken.own,
		    OWN_INTERRUPTS);
	kvm_vm_free(vm);
	return ktap_exit();
}
