// SPDX-License-Identifier: GPL-2.0
/*
 * NMIs at random moments, as debuggers and other CPUs' watchdogs send them:
 *
 *   insmod nmis.ko cpu=N [us=N]
 *
 * From another CPU, the one that loads the module, CPU N gets one after each 1 to
 * 2 * us - 1 microseconds. The parameter `sent` is how many that were so far. All NMIs
 * of CPU N are claimed meanwhile, as nothing tells which ones these are: unknown ones
 * don't show. The CPU must not go offline.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/random.h>
#include <asm/apic.h>
#include <asm/nmi.h>

static unsigned int cpu;
module_param(cpu, uint, 0444);

static unsigned int us = 50;
module_param(us, uint, 0444);

static unsigned int sent;
module_param(sent, uint, 0444);

static struct hrtimer timer;

static int claim(unsigned int type, struct pt_regs *regs)
{
	return smp_processor_id() == cpu ? NMI_HANDLED : NMI_DONE;
}

static ktime_t pause(void)
{
	return ns_to_ktime((1 + get_random_u32_below(2 * us - 1)) * NSEC_PER_USEC);
}

static enum hrtimer_restart send(struct hrtimer *unused)
{
	sent++;
	apic->send_IPI(cpu, NMI_VECTOR);
	hrtimer_forward_now(&timer, pause());
	return HRTIMER_RESTART;
}

static int __init nmis_init(void)
{
	int ret;

	if (!us || !cpu_online(cpu) || cpu == raw_smp_processor_id())
		return -EINVAL;

	ret = register_nmi_handler(NMI_LOCAL, claim, 0, "nmis");
	if (ret)
		return ret;

	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED);
	timer.function = send;
	hrtimer_start(&timer, pause(), HRTIMER_MODE_REL_PINNED);
	return 0;
}

static void __exit nmis_exit(void)
{
	hrtimer_cancel(&timer);
	/* The last one is on its way for some microseconds at most. */
	mdelay(1);
	unregister_nmi_handler(NMI_LOCAL, "nmis");
}

module_init(nmis_init);
module_exit(nmis_exit);
MODULE_DESCRIPTION("Send NMIs to a CPU at random moments");
MODULE_LICENSE("GPL");
