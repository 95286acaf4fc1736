// SPDX-License-Identifier: GPL-2.0
/*
 * Hang a CPU with interrupts disabled, as a bug in a function would: a hard lockup.
 *
 *   insmod hang.ko at=FUNCTION cpu=N [owner=guest|host]
 *
 * Once Y is written to the parameter `armed`, the CPU spins the first time that it comes
 * to FUNCTION, with owner=: the first time that LVTPC, the local APIC's register for
 * overflow interrupts, is that of a guest with a mediated PMU (vector 0xf5, no NMI), or the
 * host's. It goes on when Y is written to the parameter `release`; the parameter `hung`
 * is Y from when it spins.
 *
 * Not amid a switch of tasks: other CPUs wait for the runqueue's lock soon, with
 * interrupts disabled, and who would release it?
 *
 * The kernel patches its code for probes, and waits for all CPUs: hence `armed`.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <asm/apic.h>

static char *at;
module_param(at, charp, 0444);

static unsigned int cpu;
module_param(cpu, uint, 0444);

static char *owner = "";
module_param(owner, charp, 0444);

static bool armed;
module_param(armed, bool, 0644);

static bool hung;
module_param(hung, bool, 0444);

static bool release;
module_param(release, bool, 0644);

static bool owner_matches(void)
{
	bool host = (apic->read(APIC_LVTPC) & APIC_MODE_MASK) == APIC_DM_NMI;

	return !*owner || host == !strcmp(owner, "host");
}

/* By frame pointers, which the lab's kernel has. */
static bool in_scheduler(struct pt_regs *regs)
{
	unsigned long *frame = (unsigned long *)regs->bp, *next;
	char name[KSYM_SYMBOL_LEN];

	while (object_is_on_stack(frame)) {
		sprint_symbol(name, frame[1]);
		if (str_has_prefix(name, "__schedule+"))
			return true;

		next = (unsigned long *)frame[0];
		if (next <= frame)
			break;
		frame = next;
	}

	return false;
}

static int hang(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned long flags;

	local_irq_save(flags);
	if (smp_processor_id() == cpu && READ_ONCE(armed) && !hung && owner_matches() &&
	    !in_scheduler(regs)) {
		WRITE_ONCE(hung, true);
		/* PAUSE would have the emulated CPU sit out its turn. */
		while (!READ_ONCE(release))
			barrier();
	}
	local_irq_restore(flags);
	return 0;
}

static struct kprobe probe = { .pre_handler = hang };

static int __init hang_init(void)
{
	if (!at || (*owner && strcmp(owner, "guest") && strcmp(owner, "host")))
		return -EINVAL;

	probe.symbol_name = at;
	return register_kprobe(&probe);
}

static void __exit hang_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(hang_init);
module_exit(hang_exit);
MODULE_DESCRIPTION("Hang a CPU where it is told to");
MODULE_LICENSE("GPL");
