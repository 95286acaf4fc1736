// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One logical processor of the lab: its PMU, its books, and what feeds them.

#ifndef LAB_BOCHS_CORE_H
#define LAB_BOCHS_CORE_H

#include "bochs.h"
#include "cpu.h"
#include "books.h"
#include "machine.h"
#include "metrics.h"
#include "pmu.h"

class lab_core_c {
 public:
  lab_core_c(BX_CPU_C *cpu, const lab::Machine &machine);

  // Around every change of state, as lab::Pmu has them.
  void begin();
  void finish();

  // The instruction that runs will retire: count it in the state before the
  // change that it is about to make.
  void credit(bool branch);

  void set_mode(unsigned mode);
  void set_svme();
  void reset(bool hardware);

  // MSRs that the lab adds, as bx_cpuid_t has them: 1 done, 0 #GP, -1 unknown.
  int rdmsr(Bit32u msr, Bit64u *value);
  int wrmsr(Bit32u msr, Bit64u value);
  void set_debugctl(Bit64u value);

  void boundary();     // between instructions, near a check that is due
  void recheck() { poll_at_ = lab.near_at = 0; }   // at the next boundary
  void sleep();        // HLT or MWAIT
  void accesses_data();
  void access(unsigned kind);   // the instruction that runs accesses a PMU register
  void trapped();      // and causes a VM exit
  void uncredit();     // the VMRUN that runs was credited and fails after all
  bool debugctl_valid(Bit64u value) const;

  BX_CPU_C *const cpu;
  lab_cpu_t &lab;
  lab::Pmu pmu;
  lab::Books books;
  lab::BranchPredictor predictor;
  lab::CacheModel cache;
  lab::Totals sources;   // those that are not derived from the CPU's own counts
  Bit64u debugctl = 0;

  // To tell nested guests from others; see note_entry().
  bool expect_nested = false;
  Bit64u exit_vmcs = 0, exit_cr3 = 0;

 private:
  bool intel() const { return pmu.machine().vendor == lab::Vendor::Intel; }
  bool credited() const { return lab.credited_at == cpu->icount; }
  lab::Totals totals() const;
  void send_pmi();

  Bit64u accessing_ = 0;              // steps that access data, while memory is watched
  Bit64u accessing_at_ = ~Bit64u(0);  // icount of the last of them
  Bit64u perf_offset_[2] = {};        // MPERF and APERF less the cycles of this CPU
  Bit64u hwcr_ = 0;                   // AMD's hardware configuration register
  Bit64u pmi_due_ = lab::Pmu::NEVER;  // icount at which the PMI goes to the local APIC
  Bit64u poll_at_ = lab::Pmu::NEVER;  // icount at which boundary() has work
};

#endif
