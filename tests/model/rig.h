// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A PMU on the bench: what the emulator does for it, a test does through this.
// Register numbers and bits are written down anew from the manuals, so that a
// slip in the model's own names shows.

#ifndef TESTS_MODEL_RIG_H
#define TESTS_MODEL_RIG_H

#include "ktap.h"
#include "pmu.h"

using namespace lab;

// Event select registers.
constexpr uint64_t USR = 1ull << 16, OS = 1ull << 17, EDGE = 1ull << 18, PIN = 1ull << 19, INT = 1ull << 20;
constexpr uint64_t ANY = 1ull << 21, EN = 1ull << 22, INV = 1ull << 23;
constexpr uint64_t GUEST_ONLY = 1ull << 40, HOST_ONLY = 1ull << 41;  // AMD
constexpr uint64_t cmask(uint64_t n) { return n << 24; }

constexpr uint64_t COUNTER_MASK = (1ull << 48) - 1;
constexpr uint64_t FREEZE_ON_PMI = 1ull << 12;  // IA32_DEBUGCTL
constexpr uint64_t CTR_FRZ = 1ull << 59;        // IA32_PERF_GLOBAL_STATUS

// AMD has four more bits of the event select in 35:32.
constexpr uint64_t event(unsigned select, unsigned umask) {
  return (select & 0xff) | uint64_t(umask) << 8 | uint64_t(select >> 8) << 32;
}

constexpr uint64_t INSTRUCTIONS = event(0xc0, 0);  // the same on all machines

class Rig {
 public:
  explicit Rig(const Part &p) : part(p), pmu(*find_machine(p.name)) { mode(false, false); }

  // Register numbers.
  uint32_t select(unsigned i) const { return part.intel() ? 0x186 + i : 0xc0010200 + 2 * i; }
  // The one that takes all bits of a counter.
  uint32_t counter(unsigned i) const { return part.intel() ? 0x4c1 + i : 0xc0010201 + 2 * i; }
  uint32_t fixed(unsigned i) const { return 0x309 + i; }
  uint32_t global_ctrl() const { return part.intel() ? 0x38f : 0xc0000301; }
  uint32_t global_status() const { return part.intel() ? 0x38e : 0xc0000300; }
  uint32_t status_reset() const { return part.intel() ? 0x390 : 0xc0000302; }
  uint32_t status_set() const { return part.intel() ? 0x391 : 0xc0000303; }

  uint64_t branches() const { return event(part.intel() ? 0xc4 : 0xc2, 0); }
  uint64_t cycles() const { return event(part.intel() ? 0x3c : 0x76, 0); }

  void wrmsr(uint32_t msr, uint64_t value) {
    CHECK_AT(!faults(msr, value), msr);
    pmu.begin(now);
    pmu.write(msr, value);
    pmu.finish();
  }
  uint64_t rdmsr(uint32_t msr) {
    CHECK_AT(pmu.owns(msr), msr);
    pmu.begin(now);
    return pmu.read(msr);
  }
  bool faults(uint32_t msr, uint64_t value) const { return !pmu.owns(msr) || pmu.write_faults(msr, value); }
  uint64_t status() { return rdmsr(global_status()); }

  void mode(bool user, bool guest) {
    pmu.begin(now);
    pmu.set_mode(user, guest);
    pmu.finish();
  }
  void svme(bool value) {
    pmu.begin(now);
    pmu.set_svme(value);
    pmu.finish();
  }
  void debugctl(uint64_t value) {
    pmu.begin(now);
    pmu.set_debugctl(value);
    pmu.finish();
  }
  void pmi() {
    pmu.begin(now);
    pmu.pmi_sent();
    pmu.finish();
  }
  void reset() {
    pmu.begin(now);
    pmu.reset();
  }

  void happen(Source source, uint64_t n = 1) { now.n[source] += n; }
  // Every source, by its own amount.
  void happen_all() {
    for (unsigned i = 0; i < N_SOURCES; i++) now.n[i] += amount(Source(i));
  }
  static uint64_t amount(Source source) { return 1000 + 7 * source; }

  // Overflow since the last call?
  bool overflowed() {
    pmu.begin(now);
    bool overflow = pmu.take_overflow();
    pmu.finish();
    return overflow;
  }

  const Part &part;
  Pmu pmu;
  Totals now;
};

#endif
