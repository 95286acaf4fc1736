// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The PMU of one logical processor: its register file and its counters.
//
// It knows registers and event totals, never an emulator's types.  The caller
// brackets every change of state (register write, privilege or guest mode) with
// begin(), which brings the counters up to date with the old state, and
// finish(), which decides afresh what counts; in between it may read.
//
// Rules: Intel SDM vol. 3 "Performance Monitoring" and vol. 4; AMD APM vol. 2
// "Performance Monitoring Counters" and the PPR of family 19h.

#ifndef LAB_MODEL_PMU_H
#define LAB_MODEL_PMU_H

#include <cstdint>
#include "machine.h"
#include "metrics.h"
#include "source.h"

namespace lab {

enum Msr : uint32_t {
  MSR_PMC0 = 0x0c1,
  MSR_PERFEVTSEL0 = 0x186,
  MSR_LBR_SELECT = 0x1c8,
  MSR_LBR_TOS = 0x1c9,
  MSR_OFFCORE_RSP_0 = 0x1a6,
  MSR_OFFCORE_RSP_1 = 0x1a7,
  MSR_FIXED_CTR0 = 0x309,
  MSR_PERF_METRICS = 0x329,
  MSR_PERF_CAPABILITIES = 0x345,
  MSR_FIXED_CTR_CTRL = 0x38d,
  MSR_GLOBAL_STATUS = 0x38e,
  MSR_GLOBAL_CTRL = 0x38f,
  MSR_GLOBAL_STATUS_RESET = 0x390,
  MSR_GLOBAL_STATUS_SET = 0x391,
  MSR_GLOBAL_INUSE = 0x392,
  MSR_PEBS_ENABLE = 0x3f1,
  MSR_PEBS_LD_LAT = 0x3f6,
  MSR_PEBS_FRONTEND = 0x3f7,
  MSR_A_PMC0 = 0x4c1,
  MSR_LBR_FROM0 = 0x680,
  MSR_LBR_TO0 = 0x6c0,
  MSR_LBR_INFO0 = 0xdc0,
  MSR_K7_EVNTSEL0 = 0xc0010000,
  MSR_K7_PERFCTR0 = 0xc0010004,
  MSR_F15H_PERF_CTL = 0xc0010200,   // even: control, odd: counter
  MSR_AMD_GLOBAL_STATUS = 0xc0000300,
  MSR_AMD_GLOBAL_CTL = 0xc0000301,
  MSR_AMD_GLOBAL_STATUS_CLR = 0xc0000302,
  MSR_AMD_GLOBAL_STATUS_SET = 0xc0000303,
};

constexpr uint64_t DEBUGCTL_FREEZE_PERFMON_ON_PMI = 1ull << 12;
constexpr uint64_t STATUS_CTR_FRZ = 1ull << 59;

class Pmu {
 public:
  static constexpr uint64_t NEVER = ~0ull;

  explicit Pmu(const Machine &machine);

  // State after power-up and RESET.  INIT leaves a PMU as it is.
  void reset();

  // Bring all counters up to date.
  void begin(const Totals &now);
  // Decide afresh which counters run.
  void finish();

  void set_mode(bool user, bool guest) { user_ = user; guest_ = guest; }
  void set_svme(bool svme) { svme_ = svme; }
  // IA32_DEBUGCTL is the emulator's register; the PMU needs to know its value.
  void set_debugctl(uint64_t value) { debugctl_ = value; }

  // Does this machine have the register?
  bool owns(uint32_t msr) const;
  // Is it a PMU register of other parts, which this machine lacks?
  bool lacks(uint32_t msr) const;
  // Would writing the value raise #GP?
  bool write_faults(uint32_t msr, uint64_t value) const;
  // The registers; only for those owned and writes that do not fault.
  uint64_t read(uint32_t msr) const;
  void write(uint32_t msr, uint64_t value);

  // RDPMC with this ECX; false: #GP.  Privilege is the caller's business.
  bool rdpmc(uint32_t ecx, uint64_t *value) const;

  // IA32_PERF_GLOBAL_CTRL as VM entries and exits check, load and save it.
  bool global_ctrl_valid(uint64_t value) const;
  uint64_t global_ctrl() const { return global_ctrl_; }
  void load_global_ctrl(uint64_t value) { global_ctrl_ = value; }

  // Intel: is the global control register 0?  AMD: is there no counter that is on,
  // by selector and global control, and for host or guest, whichever it is now?
  bool off() const { return off_; }

  // Has a counter that interrupts overflowed since the last call?
  bool take_overflow();
  // The PMI reached the local APIC: Intel freezes if DEBUGCTL asks for it.
  void pmi_sent();

  // How many instructions or REP iterations may run before a counter that
  // interrupts can overflow: the next check is due after that many.  At least
  // 1; NEVER if none can.  Always 1 while a counter has to see each step alone.
  uint64_t distance() const;

  bool running() const { return running_; }
  unsigned watch() const { return watch_; }
  const Machine &machine() const { return machine_; }

 private:
  static constexpr unsigned MAX_GP = 8, MAX_FIXED = 4;
  static constexpr unsigned MAX_LBR = 32, N_STORAGE = 4 + 2 + 3 * MAX_LBR;

  struct Counter {
    uint64_t value = 0;
    uint64_t control = 0;   // event select; for fixed counters its 4-bit field
    Source source = SRC_NONE;
    unsigned cmask = 0;
    bool edge = false, invert = false;
    bool interrupts = false;
    bool enabled = false;   // counter_enabled() at the last finish()
    bool user = false, os = false, en = false;
    unsigned status_bit = 0;
  };

  enum class Reg {
    None, Counter, FullCounter, Select, FixedCounter, FixedCtrl, Status, Ctrl,
    StatusReset, StatusSet, InUse, Capabilities, Metrics, Storage
  };
  struct Decoded { Reg reg; unsigned index; };

  Decoded decode(uint32_t msr) const;
  Decoded decode_intel(uint32_t msr) const;
  Decoded decode_amd(uint32_t msr) const;
  int storage_index(uint32_t msr) const;

  bool intel() const { return machine_.vendor == Vendor::Intel; }
  bool has_metrics() const { return machine_.metrics; }
  uint64_t counter_mask() const { return (1ull << machine_.width) - 1; }
  uint64_t global_bits() const;        // one per counter, and for PERF_METRICS
  uint64_t status_settable() const;
  uint64_t status_resettable() const;
  uint64_t select_reserved() const;
  uint64_t fixed_ctrl_reserved() const;

  void set_select(unsigned index, uint64_t value);
  void set_fixed_ctrl(uint64_t value);
  uint64_t inuse() const;

  bool counter_enabled(const Counter &c) const;
  bool globally_enabled(const Counter &c) const;
  bool host_guest_filter(const Counter &c) const;
  uint64_t events_in(const Counter &c, const Totals &delta) const;
  bool stepwise(const Counter &c) const;
  unsigned max_per_step(const Counter &c) const;
  unsigned per_cycle(const Counter &c) const;
  void count(Counter &c, const Totals &delta);
  void count_metrics(const Totals &delta);

  template <class F> void for_each_counter(F f) {
    for (unsigned i = 0; i < machine_.gp; i++) f(gp_[i]);
    for (unsigned i = 0; i < machine_.fixed; i++) f(fixed_[i]);
  }

  const Machine &machine_;
  Counter gp_[MAX_GP], fixed_[MAX_FIXED];
  Metrics metrics_;
  bool metrics_on_ = false;   // PERF_METRICS counted at the last finish()
  uint64_t fixed_ctrl_ = 0, global_ctrl_ = 0, status_ = 0, debugctl_ = 0;
  uint64_t storage_[N_STORAGE] = {};  // extra registers that only hold a value
  Totals last_;
  bool user_ = false, guest_ = false, svme_ = false;
  bool running_ = false, overflow_ = false, off_ = false;
  unsigned watch_ = 0;
};

}  // namespace lab

#endif
