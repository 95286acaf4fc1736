// SPDX-License-Identifier: GPL-2.0
/*
 * What registers of the PMU have that belong to whoever owns it:
 *
 *   insmod registers.ko
 *   cat /sys/module/registers/parameters/state
 *
 * prints, of the CPU that reads, global control, global status, fixed counter control
 * (Intel) and LVTPC, in hexadecimal. For PMUs with global control.
 */
#include <linux/module.h>
#include <asm/apic.h>
#include <asm/msr.h>

struct registers {
	u64 global_ctrl, status, fixed_ctrl;
	u32 lvtpc;
};

static void read_registers(struct registers *registers)
{
	bool amd = boot_cpu_data.x86_vendor == X86_VENDOR_AMD;
	unsigned long flags;

	local_irq_save(flags);
	rdmsrl(amd ? MSR_AMD64_PERF_CNTR_GLOBAL_CTL : MSR_CORE_PERF_GLOBAL_CTRL,
	       registers->global_ctrl);
	rdmsrl(amd ? MSR_AMD64_PERF_CNTR_GLOBAL_STATUS : MSR_CORE_PERF_GLOBAL_STATUS,
	       registers->status);
	if (!amd)
		rdmsrl(MSR_CORE_PERF_FIXED_CTR_CTRL, registers->fixed_ctrl);
	registers->lvtpc = apic->read(APIC_LVTPC);
	local_irq_restore(flags);
}

static int get_state(char *buffer, const struct kernel_param *unused)
{
	struct registers registers = {};

	read_registers(&registers);
	return sysfs_emit(buffer, "%llx %llx %llx %x\n", registers.global_ctrl, registers.status,
			  registers.fixed_ctrl, registers.lvtpc);
}

static const struct kernel_param_ops state_ops = { .get = get_state };
module_param_cb(state, &state_ops, NULL, 0444);

MODULE_DESCRIPTION("Show registers of the PMU");
MODULE_LICENSE("GPL");
