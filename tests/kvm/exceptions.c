// SPDX-License-Identifier: GPL-2.0
/*
 * A guest takes exceptions of its own all the time while interrupts of the host make
 * it exit at any place: at the first instruction of its handler too.  Each exception
 * must be taken once, and the stack must be where it was.  CR2 is what the guest has
 * written, whatever page faults the host takes in between.
 */
#include <signal.h>
#include <sys/time.h>

#include "guest.h"

#define EXCEPTIONS	100000
#define PERIOD		250		/* microseconds between two signals */
#define EXITS_MIN	200		/* signals that make a run worth something */
#define DIV_BYTES	2
#define CR2		0x123456789000ul	/* no address of the host's */

static uint64_t taken;

static void skip_division(struct ex_regs *regs)
{
	taken++;
	regs->rip += DIV_BYTES;
}

/* Divide by 0, return how far the stack pointer is off then. */
static int64_t divide(void)
{
	int64_t off;

	asm volatile("mov %%rsp, %0\n\t"
		     "div %b1\n\t"		/* DIV_BYTES long */
		     "sub %%rsp, %0"
		     : "=&r"(off) : "c"(0), "a"(1) : "cc", "memory");
	return off;
}

static bool restore_cr2(void)
{
	uint64_t cr2;

	asm volatile("mov %%cr2, %0" : "=r"(cr2));
	if (cr2 == CR2)
		return false;
	asm volatile("mov %0, %%cr2" : : "r"(CR2));
	return true;
}

static void guest_code(void)
{
	uint64_t moved = 0, changed = 0;

	GUEST_SYNC(0);
	restore_cr2();
	for (int i = 0; i < EXCEPTIONS; i++) {
		moved += divide() != 0;
		changed += restore_cr2();
	}
	GUEST_SYNC_ARGS(0, taken, moved, changed, 0);
	GUEST_DONE();
}

static void on_signal(int number)
{
}

static void take_page_fault(volatile char *page)
{
	if (madvise((void *)page, getpagesize(), MADV_DONTNEED))
		die("madvise");
	*page = 1;
}

static void signal_every(unsigned int us)
{
	struct itimerval timer = { .it_interval.tv_usec = us, .it_value.tv_usec = us };
	struct sigaction action = { .sa_handler = on_signal };

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &timer, NULL))
		die("timer");
}

int main(int argc, char *argv[])
{
	unsigned int interrupted = 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;
	void *page;

	pin_by_argument(argv);
	page = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		die("mmap");
	ktap_plan(4);
	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	vm_install_exception_handler(vm, DE_VECTOR, skip_division);
	vcpu_run(vcpu);		/* to its start */
	signal_every(PERIOD);
	while (__vcpu_run(vcpu)) {
		if (errno != EINTR)
			die("KVM_RUN");
		interrupted++;
		take_page_fault(page);
	}
	signal_every(0);
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	ktap_result(interrupted >= EXITS_MIN, "interrupted # %u times", interrupted);
	ktap_result(uc.cmd == UCALL_SYNC && uc.args[2] == EXCEPTIONS,
		    "each exception once # %lu of %u", uc.args[2], EXCEPTIONS);
	ktap_result(uc.cmd == UCALL_SYNC && !uc.args[3],
		    "the stack stays # moved %lu times", uc.args[3]);
	ktap_result(uc.cmd == UCALL_SYNC && !uc.args[4], "CR2 stays # changed %lu times",
		    uc.args[4]);
	kvm_vm_free(vm);
	return ktap_exit();
}
