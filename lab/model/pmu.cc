// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The PMU's behaviour; see pmu.h.

#include "pmu.h"

namespace lab {

namespace {

// Event select register, both vendors.
constexpr uint64_t SEL_USR = 1ull << 16, SEL_OS = 1ull << 17, SEL_EDGE = 1ull << 18;
constexpr uint64_t SEL_PIN = 1ull << 19, SEL_INT = 1ull << 20, SEL_ANY = 1ull << 21;
constexpr uint64_t SEL_EN = 1ull << 22, SEL_INV = 1ull << 23;
constexpr unsigned SEL_CMASK_SHIFT = 24;
// AMD only.
constexpr uint64_t SEL_GUEST_ONLY = 1ull << 40, SEL_HOST_ONLY = 1ull << 41;
constexpr uint64_t AMD_SEL_RESERVED = 0xfffffcf000280000ull;

// Four bits for each counter in IA32_FIXED_CTR_CTRL.
constexpr uint64_t FIXED_OS = 1, FIXED_USR = 2, FIXED_ANY = 4, FIXED_PMI = 8;
constexpr unsigned FIXED_BITS = 4, FIXED_STATUS_SHIFT = 32;

constexpr uint64_t STATUS_LBR_FRZ = 1ull << 58, STATUS_UNCORE = 1ull << 61;
constexpr uint64_t STATUS_BUFFER = 1ull << 62, STATUS_COND = 1ull << 63;
constexpr uint64_t INUSE_PMI = 1ull << 63;

// PERF_METRICS: its bit in the global registers, and the fixed counter that it goes with.
constexpr uint64_t GLOBAL_METRICS = 1ull << 48;
constexpr unsigned FIXED_SLOTS = 3;

constexpr uint32_t RDPMC_TYPE_MASK = 0xffff0000, RDPMC_FIXED = 0x40000000, RDPMC_METRICS = 0x20000000;

constexpr Source fixed_source[] = {SRC_INSTRUCTION, SRC_CYCLE, SRC_REF_CYCLE, SRC_SLOT};

// Where PMU registers of any part are, for lacks().
constexpr struct { uint32_t first, count; } pmu_ranges[] = {
  {MSR_PMC0, 10}, {MSR_PERFEVTSEL0, 10}, {MSR_LBR_SELECT, 2}, {MSR_OFFCORE_RSP_0, 2}, {MSR_FIXED_CTR0, 7},
  {MSR_PERF_METRICS, 1}, {MSR_PERF_CAPABILITIES, 1}, {MSR_FIXED_CTR_CTRL, 6}, {MSR_PEBS_ENABLE, 1},
  {MSR_PEBS_LD_LAT, 2}, {MSR_A_PMC0, 10}, {MSR_LBR_FROM0, 32}, {MSR_LBR_TO0, 32},
  {MSR_LBR_INFO0, 32},
  {MSR_K7_EVNTSEL0, 8}, {MSR_F15H_PERF_CTL, 16}, {MSR_AMD_GLOBAL_STATUS, 4},
};

bool in_range(uint32_t msr, uint32_t first, unsigned n) { return msr - first < n; }

}  // namespace

Pmu::Pmu(const Machine &machine) : machine_(machine), metrics_(machine.metrics) {
  for (unsigned i = 0; i < machine_.gp; i++) gp_[i].status_bit = i;
  for (unsigned i = 0; i < machine_.fixed; i++) {
    fixed_[i].status_bit = FIXED_STATUS_SHIFT + i;
    fixed_[i].source = fixed_source[i];
  }
  reset();
}

void Pmu::reset() {
  for (unsigned i = 0; i < machine_.gp; i++) {
    gp_[i].value = 0;
    set_select(i, 0);
  }
  for (unsigned i = 0; i < machine_.fixed; i++) fixed_[i].value = 0;
  set_fixed_ctrl(0);
  // SDM and APM: RESET enables the general-purpose counters globally, for
  // software that does not know the register.
  global_ctrl_ = machine_.has_global() ? (1ull << machine_.gp) - 1 : 0;
  status_ = debugctl_ = 0;
  metrics_.write(0, 0);
  for (uint64_t &value : storage_) value = 0;
  overflow_ = false;
  finish();
}

// Counting

void Pmu::begin(const Totals &now) {
  if (running_) {
    Totals delta;
    for (unsigned i = 0; i < N_SOURCES; i++) delta.n[i] = now.n[i] - last_.n[i];
    for_each_counter([&](Counter &c) { if (c.enabled) count(c, delta); });
    if (metrics_on_) count_metrics(delta);
  }
  last_ = now;
}

void Pmu::finish() {
  running_ = false;
  watch_ = WATCH_NONE;
  off_ = !intel() || !global_ctrl_;
  for_each_counter([&](Counter &c) {
    if (!intel() && c.en && globally_enabled(c) && host_guest_filter(c)) off_ = false;
    c.enabled = counter_enabled(c);
    if (!c.enabled) return;
    running_ = true;
    watch_ |= source_info[c.source].watch;
  });
  metrics_on_ = has_metrics() && fixed_[FIXED_SLOTS].enabled && (global_ctrl_ & GLOBAL_METRICS);
  if (metrics_on_) watch_ |= WATCH_BRANCHES | WATCH_MEMORY;
}

// The one predicate that owns all filtering.
bool Pmu::counter_enabled(const Counter &c) const {
  if (!c.en || !(user_ ? c.user : c.os)) return false;
  if (!globally_enabled(c)) return false;
  if (status_ & STATUS_CTR_FRZ) return false;
  return intel() || host_guest_filter(c);
}

bool Pmu::globally_enabled(const Counter &c) const {
  return !machine_.has_global() || (global_ctrl_ >> c.status_bit) & 1;
}

// APM vol. 2: with either bit set an event counts only while EFER.SVME is 1,
// in the modes whose bit is set; both bits: in both.
bool Pmu::host_guest_filter(const Counter &c) const {
  uint64_t filter = c.control & (SEL_GUEST_ONLY | SEL_HOST_ONLY);
  if (!filter) return true;
  return svme_ && (filter & (guest_ ? SEL_GUEST_ONLY : SEL_HOST_ONLY));
}

// A pulse source is asserted in each cycle in which it occurs and drops in
// between; a level source is asserted in every cycle and drops while halted.
uint64_t Pmu::events_in(const Counter &c, const Totals &delta) const {
  const SourceInfo &source = source_info[c.source];
  uint64_t n = delta.n[c.source];
  uint64_t edges = source.level ? delta.n[SRC_WAKE] : n;

  if (c.source == SRC_NONE && !(c.cmask && c.invert)) return 0;
  if (!c.cmask) return c.edge ? edges : n;

  uint64_t cycles = delta.n[SRC_CYCLE];
  bool reached = per_cycle(c) && c.cmask <= per_cycle(c);
  uint64_t met = reached ? n / per_cycle(c) : 0;
  if (stepwise(c)) met = n / c.cmask < cycles ? n / c.cmask : cycles;   // of one step: 0 or 1
  if (c.edge) return source.level ? (reached ? edges : 0) : met;
  if (!c.invert) return met;
  return met < cycles ? cycles - met : 0;
}

// How often such a source occurs differs from cycle to cycle: under a counter
// mask each step has to be looked at alone.
bool Pmu::stepwise(const Counter &c) const {
  return c.cmask && c.source != SRC_SLOT && source_info[c.source].max_per_step > source_info[c.source].per_cycle;
}

unsigned Pmu::per_cycle(const Counter &c) const {
  return c.source == SRC_SLOT ? machine_.slots : source_info[c.source].per_cycle;
}

unsigned Pmu::max_per_step(const Counter &c) const {
  unsigned n = c.source == SRC_SLOT ? machine_.slots : source_info[c.source].max_per_step;
  return c.cmask || !n ? 1 : n;
}

void Pmu::count(Counter &c, const Totals &delta) {
  uint64_t n = events_in(c, delta);
  uint64_t room = counter_mask() - c.value;   // events up to the last value
  c.value = (c.value + n) & counter_mask();
  if (n <= room) return;
  if (machine_.has_global()) status_ |= 1ull << c.status_bit;
  if (c.interrupts) overflow_ = true;
}

// SDM: a resource of PERF_METRICS overflows; here, the slots that its fractions are of.
void Pmu::count_metrics(const Totals &delta) {
  bool over = metrics_.slots() > counter_mask();
  metrics_.count(delta);
  if (over || metrics_.slots() <= counter_mask()) return;
  status_ |= GLOBAL_METRICS;
  if (fixed_[FIXED_SLOTS].interrupts) overflow_ = true;
}

uint64_t Pmu::distance() const {
  uint64_t nearest = NEVER;
  auto consider = [&](const Counter &c) {
    if (c.enabled && stepwise(c)) nearest = 1;
    if (!c.enabled || !c.interrupts) return;
    uint64_t events = counter_mask() - c.value + 1;
    unsigned rate = max_per_step(c);
    uint64_t steps = (events + rate - 1) / rate;
    if (steps < nearest) nearest = steps;
  };
  for (unsigned i = 0; i < machine_.gp; i++) consider(gp_[i]);
  for (unsigned i = 0; i < machine_.fixed; i++) consider(fixed_[i]);
  if (metrics_on_ && fixed_[FIXED_SLOTS].interrupts && metrics_.slots() <= counter_mask()) {
    uint64_t steps = (counter_mask() - metrics_.slots()) / machine_.slots + 1;
    if (steps < nearest) nearest = steps;
  }
  return nearest;
}

bool Pmu::take_overflow() {
  bool overflow = overflow_;
  overflow_ = false;
  return overflow;
}

void Pmu::pmi_sent() {
  if (intel() && machine_.version >= 4 && (debugctl_ & DEBUGCTL_FREEZE_PERFMON_ON_PMI))
    status_ |= STATUS_CTR_FRZ;
}

// Registers

Pmu::Decoded Pmu::decode(uint32_t msr) const {
  return intel() ? decode_intel(msr) : decode_amd(msr);
}

Pmu::Decoded Pmu::decode_intel(uint32_t msr) const {
  if (in_range(msr, MSR_PMC0, machine_.gp)) return {Reg::Counter, msr - MSR_PMC0};
  if (in_range(msr, MSR_PERFEVTSEL0, machine_.gp)) return {Reg::Select, msr - MSR_PERFEVTSEL0};
  if (machine_.full_width && in_range(msr, MSR_A_PMC0, machine_.gp)) return {Reg::FullCounter, msr - MSR_A_PMC0};
  if (in_range(msr, MSR_FIXED_CTR0, machine_.fixed)) return {Reg::FixedCounter, msr - MSR_FIXED_CTR0};
  int storage = storage_index(msr);
  if (storage >= 0) return {Reg::Storage, unsigned(storage)};
  switch (msr) {
  case MSR_FIXED_CTR_CTRL: return {Reg::FixedCtrl, 0};
  case MSR_GLOBAL_STATUS: return {Reg::Status, 0};
  case MSR_GLOBAL_CTRL: return {Reg::Ctrl, 0};
  case MSR_GLOBAL_STATUS_RESET: return {Reg::StatusReset, 0};
  case MSR_PERF_CAPABILITIES: return {Reg::Capabilities, 0};
  }
  if (has_metrics() && msr == MSR_PERF_METRICS) return {Reg::Metrics, 0};
  if (machine_.version >= 4) {
    if (msr == MSR_GLOBAL_STATUS_SET) return {Reg::StatusSet, 0};
    if (msr == MSR_GLOBAL_INUSE) return {Reg::InUse, 0};
  }
  return {Reg::None, 0};
}

// Registers that software finds on the part and that only hold a value here:
// extra selectors of events that the machine does not count, and last-branch
// records, which it does not make.
int Pmu::storage_index(uint32_t msr) const {
  switch (msr) {
  case MSR_OFFCORE_RSP_0: return 0;
  case MSR_OFFCORE_RSP_1: return 1;
  case MSR_PEBS_LD_LAT: return 2;
  case MSR_PEBS_FRONTEND: return 3;
  }
  if (!machine_.lbr_depth) return -1;
  if (msr == MSR_LBR_SELECT) return 4;
  if (msr == MSR_LBR_TOS) return 5;
  if (in_range(msr, MSR_LBR_FROM0, machine_.lbr_depth)) return 6 + (msr - MSR_LBR_FROM0);
  if (in_range(msr, MSR_LBR_TO0, machine_.lbr_depth)) return 6 + MAX_LBR + (msr - MSR_LBR_TO0);
  if (in_range(msr, MSR_LBR_INFO0, machine_.lbr_depth)) return 6 + 2 * MAX_LBR + (msr - MSR_LBR_INFO0);
  return -1;
}

Pmu::Decoded Pmu::decode_amd(uint32_t msr) const {
  if (in_range(msr, MSR_K7_EVNTSEL0, 4)) return {Reg::Select, msr - MSR_K7_EVNTSEL0};
  if (in_range(msr, MSR_K7_PERFCTR0, 4)) return {Reg::Counter, msr - MSR_K7_PERFCTR0};
  if (in_range(msr, MSR_F15H_PERF_CTL, 2 * machine_.gp)) {
    unsigned offset = msr - MSR_F15H_PERF_CTL;
    return {offset & 1 ? Reg::Counter : Reg::Select, offset / 2};
  }
  if (!machine_.has_global()) return {Reg::None, 0};
  switch (msr) {
  case MSR_AMD_GLOBAL_STATUS: return {Reg::Status, 0};
  case MSR_AMD_GLOBAL_CTL: return {Reg::Ctrl, 0};
  case MSR_AMD_GLOBAL_STATUS_CLR: return {Reg::StatusReset, 0};
  case MSR_AMD_GLOBAL_STATUS_SET: return {Reg::StatusSet, 0};
  }
  return {Reg::None, 0};
}

bool Pmu::owns(uint32_t msr) const { return decode(msr).reg != Reg::None; }

bool Pmu::lacks(uint32_t msr) const {
  if (owns(msr)) return false;
  for (const auto &range : pmu_ranges)
    if (in_range(msr, range.first, range.count)) return true;
  return false;
}

uint64_t Pmu::global_bits() const {
  uint64_t bits = (1ull << machine_.gp) - 1;
  if (has_metrics()) bits |= GLOBAL_METRICS;
  return bits | (((1ull << machine_.fixed) - 1) << FIXED_STATUS_SHIFT);
}

uint64_t Pmu::status_settable() const {
  if (!intel()) return global_bits();
  return global_bits() | STATUS_LBR_FRZ | STATUS_CTR_FRZ | STATUS_UNCORE | STATUS_BUFFER;
}

uint64_t Pmu::status_resettable() const {
  if (!intel()) return global_bits();
  uint64_t bits = global_bits() | STATUS_BUFFER | STATUS_COND;
  if (machine_.version >= 4) bits |= STATUS_LBR_FRZ | STATUS_CTR_FRZ | STATUS_UNCORE;
  return bits;
}

uint64_t Pmu::select_reserved() const {
  return 0xffffffff00000000ull | (machine_.anythread ? 0 : SEL_ANY);
}

uint64_t Pmu::fixed_ctrl_reserved() const {
  uint64_t field = FIXED_OS | FIXED_USR | FIXED_PMI | (machine_.anythread ? FIXED_ANY : 0);
  uint64_t valid = 0;
  for (unsigned i = 0; i < machine_.fixed; i++) valid |= field << (FIXED_BITS * i);
  return ~valid;
}

bool Pmu::global_ctrl_valid(uint64_t value) const { return !(value & ~global_bits()); }

// Intel raises #GP for reserved bits.  AMD's reserved bits read as zero and
// ignore writes, and its status register ignores writes altogether.
bool Pmu::write_faults(uint32_t msr, uint64_t value) const {
  if (!intel()) return false;
  switch (decode(msr).reg) {
  case Reg::Select: return value & select_reserved();
  case Reg::FullCounter:
  case Reg::FixedCounter: return value & ~counter_mask();
  case Reg::FixedCtrl: return value & fixed_ctrl_reserved();
  case Reg::Ctrl: return !global_ctrl_valid(value);
  case Reg::StatusReset: return value & ~status_resettable();
  case Reg::StatusSet: return value & ~status_settable();
  case Reg::Metrics: return value & ~metrics_.writable();
  case Reg::Status:
  case Reg::InUse:
  case Reg::Capabilities: return true;
  default: return false;
  }
}

uint64_t Pmu::read(uint32_t msr) const {
  Decoded d = decode(msr);
  switch (d.reg) {
  case Reg::Counter:
  case Reg::FullCounter: return gp_[d.index].value;
  case Reg::Select: return gp_[d.index].control;
  case Reg::FixedCounter: return fixed_[d.index].value;
  case Reg::FixedCtrl: return fixed_ctrl_;
  case Reg::Status: return status_;
  case Reg::Ctrl: return global_ctrl_;
  case Reg::InUse: return inuse();
  case Reg::Capabilities: return machine_.capabilities;
  case Reg::Metrics: return metrics_.read();
  case Reg::Storage: return storage_[d.index];
  case Reg::StatusReset:
  case Reg::StatusSet:
  case Reg::None: break;
  }
  return 0;
}

void Pmu::write(uint32_t msr, uint64_t value) {
  Decoded d = decode(msr);
  switch (d.reg) {
  case Reg::Counter:
    // The legacy Intel alias takes 32 bits and extends their sign.
    if (intel()) value = uint64_t(int64_t(int32_t(value)));
    gp_[d.index].value = value & counter_mask();
    break;
  case Reg::FullCounter: gp_[d.index].value = value; break;
  case Reg::Select: set_select(d.index, value); break;
  case Reg::FixedCounter: fixed_[d.index].value = value; break;
  case Reg::FixedCtrl: set_fixed_ctrl(value); break;
  case Reg::Ctrl: global_ctrl_ = value & global_bits(); break;
  case Reg::StatusReset: status_ &= ~value; break;
  case Reg::StatusSet: status_ |= value & status_settable(); break;
  case Reg::Metrics: metrics_.write(value, fixed_[FIXED_SLOTS].value); break;
  case Reg::Storage: storage_[d.index] = value; break;
  case Reg::Status:
  case Reg::InUse:
  case Reg::Capabilities:
  case Reg::None: break;
  }
}

void Pmu::set_select(unsigned index, uint64_t value) {
  Counter &c = gp_[index];
  // SDM: pin control is not writable since Sandy Bridge.
  value &= intel() ? ~SEL_PIN : ~AMD_SEL_RESERVED;
  uint16_t select = value & 0xff;
  if (!intel()) select |= (value >> 24) & 0xf00;
  c.control = value;
  c.source = find_event(machine_, select, (value >> 8) & 0xff);
  c.cmask = (value >> SEL_CMASK_SHIFT) & 0xff;
  c.edge = value & SEL_EDGE;
  c.invert = value & SEL_INV;
  c.interrupts = value & SEL_INT;
  c.user = value & SEL_USR;
  c.os = value & SEL_OS;
  c.en = value & SEL_EN;
}

void Pmu::set_fixed_ctrl(uint64_t value) {
  fixed_ctrl_ = value;
  for (unsigned i = 0; i < machine_.fixed; i++) {
    Counter &c = fixed_[i];
    c.control = (value >> (FIXED_BITS * i)) & 0xf;
    c.os = c.control & FIXED_OS;
    c.user = c.control & FIXED_USR;
    c.en = c.os || c.user;
    c.interrupts = c.control & FIXED_PMI;
  }
}

// SDM: a general-purpose counter is in use if its event select field is not 0,
// a fixed one if it is enabled; bit 63 if any of them would interrupt.
uint64_t Pmu::inuse() const {
  uint64_t bits = 0;
  bool pmi = false;
  for (unsigned i = 0; i < machine_.gp; i++) {
    if (gp_[i].control & 0xff) bits |= 1ull << gp_[i].status_bit;
    pmi |= gp_[i].interrupts;
  }
  for (unsigned i = 0; i < machine_.fixed; i++) {
    if (fixed_[i].en) bits |= 1ull << fixed_[i].status_bit;
    pmi |= fixed_[i].interrupts;
  }
  return bits | (pmi ? INUSE_PMI : 0);
}

// Intel: ECX[31:16] is the kind of counter, ECX[15:0] its index.  The fast-read
// bit (31) belongs to parts without architectural PerfMon.
bool Pmu::rdpmc(uint32_t ecx, uint64_t *value) const {
  if (!intel()) {
    if (ecx >= machine_.gp) return false;
    *value = gp_[ecx].value;
    return true;
  }
  uint32_t index = ecx & ~RDPMC_TYPE_MASK;
  switch (ecx & RDPMC_TYPE_MASK) {
  case 0:
    if (index >= machine_.gp) return false;
    *value = gp_[index].value;
    return true;
  case RDPMC_FIXED:
    if (index >= machine_.fixed) return false;
    *value = fixed_[index].value;
    return true;
  case RDPMC_METRICS:
    if (!has_metrics() || index) return false;
    *value = metrics_.read();
    return true;
  default:
    return false;
  }
}

}  // namespace lab
