// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The lab's hooks in Bochs.  Bochs' own instrumentation macros are used where
// they exist; the BX_LAB_* macros are called from the places that
// patches/bochs adds.  This header is part of every file of Bochs: keep it small.
// The functions behind the macros are in adapter.cc.

#ifndef LAB_BOCHS_INSTRUMENT_H
#define LAB_BOCHS_INSTRUMENT_H

class BX_CPU_C;
class bxInstruction_c;

// What the hot paths of a logical processor need; member "lab" of BX_CPU_C.
struct lab_cpu_t {
  Bit64u near_at = ~(Bit64u)0; // icount from which lab_boundary() must be called between instructions
  Bit64u branches = 0;         // branch instructions retired
  Bit64u nonretired = 0;       // steps of icount that are no retired instruction
  Bit64u rep = 0;              // of these, iterations of REP instructions
  Bit64u fast_rep = 0;         // REP iterations that Bochs executed in bulk, beyond icount
  Bit64u credited_at = ~(Bit64u)0;        // the instruction at this icount is in the totals already
  Bit64u branch_credited_at = ~(Bit64u)0; // and as a branch
  unsigned mode = 1;           // lab::Mode
  unsigned watch = 0;          // lab::Watch
  unsigned guest_level = 1;    // while in a guest: 1, in a nested guest: 2
  int access = -1;             // lab::Access of the instruction at access_at, or -1
  Bit64u access_at = 0;        // icount of that instruction
  bool no_credit = false;      // a mode change now is no retiring instruction's doing
  bool no_branch = false;      // the instruction that changes the mode is no branch
  class lab_core_c *core = nullptr;
};

#define BX_INSTR_CPU_STATE lab_cpu_t lab;

#define LAB_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

// Longest distance between two points where the CPU loop can poll.
#define LAB_WINDOW BX_MAX_TRACE_LENGTH

void lab_boundary(BX_CPU_C *cpu);
void lab_mode_changed(BX_CPU_C *cpu, unsigned mode);
void lab_fast_rep(BX_CPU_C *cpu, Bit64u iterations);
void lab_branch(BX_CPU_C *cpu, bool conditional, bool taken, bx_address from, bx_address to);
void lab_memory(BX_CPU_C *cpu, bx_phy_address address, unsigned rw);
void lab_flush(BX_CPU_C *cpu, bx_phy_address address);
void lab_mark(BX_CPU_C *cpu);
void lab_sleep(BX_CPU_C *cpu);
void lab_wake(BX_CPU_C *cpu);
void lab_access_msr(BX_CPU_C *cpu, Bit32u msr, bool write);
void lab_access_rdpmc(BX_CPU_C *cpu);
void lab_access_lvtpc(BX_CPU_C *cpu);
bool lab_rdpmc(BX_CPU_C *cpu, Bit32u ecx, Bit64u *value);
void lab_vmcs_access(BX_CPU_C *cpu, bool write);
void lab_listed_msr(BX_CPU_C *cpu, Bit32u msr);
void lab_vmx_clear(Bit64u vmcs);
void lab_vmx_enter(BX_CPU_C *cpu);
void lab_vmx_entered(BX_CPU_C *cpu);
void lab_vmx_exit(BX_CPU_C *cpu, Bit32u reason, Bit64u qualification, bool trap_like);
void lab_vmx_exited(BX_CPU_C *cpu);
bool lab_global_ctrl_valid(BX_CPU_C *cpu, Bit64u value);
Bit64u lab_global_ctrl(BX_CPU_C *cpu);
void lab_load_global_ctrl(BX_CPU_C *cpu, Bit64u value);
Bit64u lab_debugctl(BX_CPU_C *cpu);
bool lab_debugctl_valid(BX_CPU_C *cpu, Bit64u value);
void lab_load_debugctl(BX_CPU_C *cpu, Bit64u value);
void lab_svm_enter(BX_CPU_C *cpu);
void lab_svm_entered(BX_CPU_C *cpu);
void lab_svm_exit(BX_CPU_C *cpu, int reason, Bit64u exitinfo1, Bit64u exitinfo2);
void lab_efer_changed(BX_CPU_C *cpu);
void lab_cpu_reset(unsigned cpu, unsigned type);
void lab_port_write(Bit16u port, unsigned len, Bit32u value);
bool lab_keep_cpu();

// In the CPU loops.

#ifndef LAB_BASELINE

// Between instructions, before events are handled: raise what is due.
#define BX_LAB_BOUNDARY() { if (BX_LAB_NEAR()) lab_boundary(BX_CPU_THIS); }
// Before instructions run: run just one if a check may be due soon.
#define BX_LAB_STEP() { if (BX_LAB_NEAR()) BX_CPU_THIS_PTR async_event |= BX_ASYNC_EVENT_STOP_TRACE; }
#define BX_LAB_NEAR() (LAB_UNLIKELY(BX_CPU_THIS_PTR icount >= BX_CPU_THIS_PTR lab.near_at))

// Execution left the current instruction by longjmp: it did not retire unless
// its retirement was accounted already.  Before icount moves on.
#define BX_LAB_ABANDON(cpu) \
  { if ((cpu)->lab.credited_at != (cpu)->icount) (cpu)->lab.nonretired++; \
    (cpu)->lab.no_credit = (cpu)->lab.no_branch = false; (cpu)->lab.access = -1; }

// A REP iteration that is not the last moves icount; so does leaving a REP
// instruction early, to come back to it.
#define BX_LAB_REP_ITERATION() { BX_CPU_THIS_PTR lab.nonretired++; BX_CPU_THIS_PTR lab.rep++; }
#define BX_LAB_FAST_REP(n) lab_fast_rep(BX_CPU_THIS, (n))
// Bulk execution of REP touches memory behind the hooks: not while accesses count.
#define BX_LAB_BULK_REP() (! (BX_CPU_THIS_PTR lab.watch & 2))

// The privilege level or guest mode may have changed.
#define BX_LAB_MODE() \
  { unsigned lab_mode_ = ! BX_CPU_THIS_PTR user_pl; \
    if (BX_CPU_THIS_PTR in_vmx_guest || BX_CPU_THIS_PTR in_svm_guest) lab_mode_ += 2 * BX_CPU_THIS_PTR lab.guest_level; \
    if (lab_mode_ != BX_CPU_THIS_PTR lab.mode) lab_mode_changed(BX_CPU_THIS, lab_mode_); }

#else // LAB_BASELINE: no counting at all, to measure what it costs (bench/model-cost)

#define BX_LAB_BOUNDARY()
#define BX_LAB_STEP()
#define BX_LAB_NEAR() false
#define BX_LAB_ABANDON(cpu)
#define BX_LAB_REP_ITERATION()
#define BX_LAB_FAST_REP(n)
#define BX_LAB_BULK_REP() true
#define BX_LAB_MODE()

#endif

// VMREAD or VMWRITE of the host, and an entry of an MSR list that VM entry or VM exit
// processes.
#define BX_LAB_VMCS_ACCESS(write) lab_vmcs_access(BX_CPU_THIS, (write))
#define BX_LAB_LISTED_MSR(msr) lab_listed_msr(BX_CPU_THIS, (msr))

#define BX_LAB_MARK_DISPLACEMENT 0x6b72616d

// Bochs' own instrumentation.

#define BX_INSTR_INIT_ENV()
#define BX_INSTR_EXIT_ENV()
#define BX_INSTR_INITIALIZE(cpu_id)
#define BX_INSTR_EXIT(cpu_id)
#define BX_INSTR_RESET(cpu_id, type) lab_cpu_reset(cpu_id, type)
#define BX_INSTR_HLT(cpu_id) lab_sleep(BX_CPU_THIS)
#define BX_INSTR_MWAIT(cpu_id, addr, len, flags) lab_sleep(BX_CPU_THIS)
#define BX_INSTR_DEBUG_PROMPT()
#define BX_INSTR_DEBUG_CMD(cmd)

#ifdef LAB_BASELINE
#define LAB_COUNT_BRANCH(conditional, taken, from, to)
#define LAB_ACCESS(address, rw)
#else
#define LAB_ACCESS(address, rw) \
  { if (LAB_UNLIKELY(BX_CPU_THIS_PTR lab.watch & 2)) lab_memory(BX_CPU_THIS, (address), (rw)); }
#define LAB_COUNT_BRANCH(conditional, taken, from, to) \
  { BX_CPU_THIS_PTR lab.branches++; \
    if (LAB_UNLIKELY(BX_CPU_THIS_PTR lab.watch & 1)) lab_branch(BX_CPU_THIS, (conditional), (taken), (from), (to)); }
#endif
#define BX_INSTR_CNEAR_BRANCH_TAKEN(cpu_id, branch_eip, new_eip) LAB_COUNT_BRANCH(true, true, branch_eip, new_eip)
#define BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu_id, branch_eip) LAB_COUNT_BRANCH(true, false, branch_eip, 0)
#define BX_INSTR_UCNEAR_BRANCH(cpu_id, what, branch_eip, new_eip) \
  LAB_COUNT_BRANCH(false, (what) == BX_INSTR_IS_JMP_INDIRECT || (what) == BX_INSTR_IS_CALL_INDIRECT || (what) == BX_INSTR_IS_RET, branch_eip, new_eip)
#define BX_INSTR_FAR_BRANCH(cpu_id, what, prev_cs, prev_eip, new_cs, new_eip) \
  { if (BX_CPU_THIS_PTR lab.branch_credited_at != BX_CPU_THIS_PTR icount) BX_CPU_THIS_PTR lab.branches++; }

#define BX_INSTR_OPCODE(cpu_id, i, opcode, len, is32, is64)
#define BX_INSTR_EXCEPTION(cpu_id, vector, error_code)
#define BX_INSTR_INTERRUPT(cpu_id, vector)
#define BX_INSTR_HWINTERRUPT(cpu_id, vector, cs, eip)
#define BX_INSTR_CLFLUSH(cpu_id, laddr, paddr) \
  { if (LAB_UNLIKELY(BX_CPU_THIS_PTR lab.watch & 2)) lab_flush(BX_CPU_THIS, (paddr)); }
#define BX_INSTR_CACHE_CNTRL(cpu_id, what)
#define BX_INSTR_TLB_CNTRL(cpu_id, what, new_cr3)
#define BX_INSTR_PREFETCH_HINT(cpu_id, what, seg, offset)
#define BX_INSTR_BEFORE_EXECUTION(cpu_id, i)
#define BX_INSTR_AFTER_EXECUTION(cpu_id, i)
#define BX_INSTR_REPEAT_ITERATION(cpu_id, i)
#define BX_INSTR_LIN_ACCESS(cpu_id, lin, phy, len, memtype, rw) LAB_ACCESS(phy, rw)
#define BX_INSTR_PHY_ACCESS(cpu_id, phy, len, memtype, rw)
#define BX_INSTR_INP(addr, len)
#define BX_INSTR_INP2(addr, len, val)
#define BX_INSTR_OUTP(addr, len, val) lab_port_write((addr), (len), (val))
#define BX_INSTR_WRMSR(cpu_id, addr, value)
#define BX_INSTR_VMEXIT(cpu_id, reason, qualification)

#endif
