// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Registers: which exist, what they take, what raises #GP.
// Intel SDM vol. 3 "Architectural Performance Monitoring" versions 1 to 5 and
// vol. 4; AMD APM vol. 2 "Performance Monitoring Counters", PPR of family 19h.

#include "rig.h"
#include <set>

namespace {

void add(std::set<uint32_t> &set, uint32_t first, unsigned n) {
  for (unsigned i = 0; i < n; i++) set.insert(first + i);
}

std::set<uint32_t> expected_registers(const Part &part) {
  std::set<uint32_t> set;
  if (part.intel()) {
    add(set, 0x0c1, part.gp);     // IA32_PMCx
    add(set, 0x186, part.gp);     // IA32_PERFEVTSELx
    add(set, 0x1a6, 2);           // MSR_OFFCORE_RSP_x
    add(set, 0x309, part.fixed);  // IA32_FIXED_CTRx
    add(set, 0x345, 1);           // IA32_PERF_CAPABILITIES
    if (part.metrics) add(set, 0x329, 1);   // PERF_METRICS
    add(set, 0x38d, 6);           // IA32_FIXED_CTR_CTRL, GLOBAL_STATUS, CTRL, STATUS_RESET, STATUS_SET, INUSE
    add(set, 0x3f6, 2);           // MSR_PEBS_LD_LAT, MSR_PEBS_FRONTEND
    add(set, 0x4c1, part.gp);     // IA32_A_PMCx
  }
  if (part.flag & (SKX | ICX)) {
    add(set, 0x1c8, 2);           // MSR_LBR_SELECT, MSR_LASTBRANCH_TOS
    add(set, 0x680, 32);          // MSR_LASTBRANCH_x_FROM_IP
    add(set, 0x6c0, 32);          // MSR_LASTBRANCH_x_TO_IP
    add(set, 0xdc0, 32);          // MSR_LBR_INFO_x
  }
  if (part.flag & AMD) {
    add(set, 0xc0010000, 8);      // legacy PERF_CTL0-3, PERF_CTR0-3
    add(set, 0xc0010200, 2 * part.gp);
  }
  if (part.flag & ZEN4) add(set, 0xc0000300, 4);
  return set;
}

constexpr struct { uint32_t first, last; } msr_space[] = {
  {0, 0x1fff}, {0xc0000000, 0xc0001fff}, {0xc0010000, 0xc0011fff}
};

}  // namespace

MACHINE_TEST(ALL, "has the registers of its part and no others") {
  Rig rig(part);
  std::set<uint32_t> expected = expected_registers(part);
  for (const auto &range : msr_space)
    for (uint32_t msr = range.first; msr <= range.last; msr++)
      EQUAL_AT(rig.pmu.owns(msr), expected.count(msr), msr);
}

MACHINE_TEST(ALL, "lacks PMU registers of other parts, leaves other registers alone") {
  Rig rig(part);
  std::set<uint32_t> own = expected_registers(part), all;
  for (const Part &other : parts) {
    std::set<uint32_t> set = expected_registers(other);
    all.insert(set.begin(), set.end());
  }
  for (uint32_t msr : all) EQUAL_AT(rig.pmu.lacks(msr), !own.count(msr), msr);
  // IA32_PMC8, IA32_PERFEVTSEL8, IA32_FIXED_CTR4, IA32_PEBS_ENABLE, IA32_A_PMC8: on none.
  for (uint32_t msr : {0x0c9, 0x18e, 0x30d, 0x3f1, 0x4c9}) CHECK_AT(rig.pmu.lacks(msr), msr);
  // TSC, APIC_BASE, MISC_ENABLE, DEBUGCTL, EFER, HWCR, LVTPC of the x2APIC.
  for (uint32_t msr : {0x10u, 0x1bu, 0x1a0u, 0x1d9u, 0xc0000080u, 0xc0010015u, 0x834u}) {
    CHECK_AT(!rig.pmu.lacks(msr), msr);
    CHECK_AT(!rig.pmu.owns(msr), msr);
  }
}

// Reset: everything 0 but GLOBAL_CTRL, which enables the general-purpose counters.
static void check_reset_state(Rig &rig) {
  const Part &part = rig.part;
  for (uint32_t msr : expected_registers(part)) {
    uint64_t value = 0;
    if (part.global() && msr == rig.global_ctrl()) value = (1ull << part.gp) - 1;
    if (part.intel() && msr == 0x345) value = 0x2000 | (part.metrics ? 0x8000 : 0);   // full-width writes, PERF_METRICS
    EQUAL_AT(rig.rdmsr(msr), value, msr);
  }
  CHECK(!rig.overflowed());
  CHECK(!rig.pmu.running());
  CHECK(rig.pmu.distance() == Pmu::NEVER);
  EQUAL(rig.pmu.watch(), 0);
}

MACHINE_TEST(ALL, "state after power-up") {
  Rig rig(part);
  check_reset_state(rig);
}

MACHINE_TEST(ALL, "RESET clears a PMU in use") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.counter(i), COUNTER_MASK);
    rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | USR | INT | EN);
  }
  for (unsigned i = 0; i < part.fixed; i++) rig.wrmsr(rig.fixed(i), COUNTER_MASK);
  if (part.intel()) {
    rig.wrmsr(0x38d, part.fixed == 4 ? 0xbbbb : 0xbbb);
    rig.wrmsr(0x1a6, 1);
    rig.wrmsr(0x3f6, 3);
  }
  if (part.flag & SKX) rig.wrmsr(0x1c8, 1);
  if (part.global()) rig.wrmsr(rig.global_ctrl(), part.counters());
  rig.happen_all();
  rig.debugctl(FREEZE_ON_PMI);
  rig.pmi();
  rig.reset();
  check_reset_state(rig);
  rig.pmi();   // RESET cleared DEBUGCTL too: no freeze
  if (part.global()) EQUAL(rig.status(), 0);
}

MACHINE_TEST(INTEL, "reserved bits of event selects raise #GP") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++)
    for (unsigned bit = 0; bit < 64; bit++) {
      bool reserved = bit >= 32 || (bit == 21 && !part.anythread);
      EQUAL_AT(rig.faults(rig.select(i), 1ull << bit), reserved, bit);
    }
}

MACHINE_TEST(INTEL, "event selects keep what is written, but for pin control") {
  Rig rig(part);
  uint64_t valid = 0xffffffff & ~(part.anythread ? 0 : ANY);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), valid);
    EQUAL(rig.rdmsr(rig.select(i)), valid & ~PIN);
    rig.wrmsr(rig.select(i), i + 1);
  }
  for (unsigned i = 0; i < part.gp; i++) EQUAL(rig.rdmsr(rig.select(i)), i + 1);
}

MACHINE_TEST(AMD, "reserved bits of event selects read as zero and ignore writes") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), ~0ull);
    EQUAL(rig.rdmsr(rig.select(i)), 0x0000030fffd7ffff);
    rig.wrmsr(rig.select(i), 0x0000000500430033 + i);
    EQUAL(rig.rdmsr(rig.select(i)), 0x0000000500430033 + i);
  }
}

MACHINE_TEST(INTEL, "reserved bits of FIXED_CTR_CTRL raise #GP") {
  Rig rig(part);
  for (unsigned bit = 0; bit < 64; bit++) {
    bool reserved = bit / 4 >= part.fixed || (bit % 4 == 2 && !part.anythread);
    EQUAL_AT(rig.faults(0x38d, 1ull << bit), reserved, bit);
  }
  uint64_t value = part.fixed == 4 ? 0xb912 : 0xf12;
  rig.wrmsr(0x38d, value);
  EQUAL(rig.rdmsr(0x38d), value);
}

MACHINE_TEST(INTEL, "reserved bits of GLOBAL_CTRL raise #GP") {
  Rig rig(part);
  for (unsigned bit = 0; bit < 64; bit++) {
    bool reserved = !((part.global_bits() >> bit) & 1);
    EQUAL_AT(rig.faults(0x38f, 1ull << bit), reserved, bit);
    EQUAL_AT(rig.pmu.global_ctrl_valid(1ull << bit), !reserved, bit);
  }
  rig.wrmsr(0x38f, part.global_bits());
  EQUAL(rig.rdmsr(0x38f), part.global_bits());
  EQUAL(rig.pmu.global_ctrl(), part.global_bits());
  rig.wrmsr(0x38f, 0);
  EQUAL(rig.rdmsr(0x38f), 0);
}

// Bit 60 (ASCI) belongs to SGX and is left out: what it does without SGX is not said.
MACHINE_TEST(INTEL, "reserved bits of GLOBAL_STATUS_RESET and _SET raise #GP") {
  Rig rig(part);
  uint64_t common = part.global_bits() | 1ull << 58 | CTR_FRZ | 1ull << 61 | 1ull << 62;
  for (unsigned bit = 0; bit < 64; bit++) {
    if (bit == 60) continue;
    bool known = (common >> bit) & 1;
    EQUAL_AT(rig.faults(0x390, 1ull << bit), !known && bit != 63, bit);  // CondChgd can only be cleared
    EQUAL_AT(rig.faults(0x391, 1ull << bit), !known, bit);
  }
}

MACHINE_TEST(INTEL, "read-only registers raise #GP on any write") {
  Rig rig(part);
  for (uint32_t msr : {0x345, 0x38e, 0x392})  // PERF_CAPABILITIES, GLOBAL_STATUS, GLOBAL_INUSE
    for (uint64_t value : {uint64_t(0), uint64_t(1), rig.rdmsr(msr)}) CHECK_AT(rig.faults(msr, value), msr);
}

MACHINE_TEST(GLOBAL, "GLOBAL_STATUS_RESET and _SET read as zero") {
  Rig rig(part);
  rig.wrmsr(rig.status_set(), part.counters());
  EQUAL(rig.rdmsr(rig.status_reset()), 0);
  EQUAL(rig.rdmsr(rig.status_set()), 0);
  EQUAL(rig.status(), part.counters());
}

MACHINE_TEST(INTEL, "legacy counter writes take 32 bits and extend the sign") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    uint32_t legacy = 0xc1 + i;
    const struct { uint64_t written, read; } cases[] = {
      {0x7fffffff, 0x7fffffff},
      {0x80000000, 0xffff80000000},
      {0xffffffff, 0xffffffffffff},
      {0x1234567800000001, 1},               // EDX is ignored
      {0x00000000fffffffe, 0xfffffffffffe},
      {~0ull, 0xffffffffffff},
    };
    for (const auto &c : cases) {
      rig.wrmsr(legacy, c.written);
      EQUAL_AT(rig.rdmsr(legacy), c.read, c.written);
      EQUAL_AT(rig.rdmsr(0x4c1 + i), c.read, c.written);
    }
  }
}

MACHINE_TEST(INTEL, "full-width counter writes take 48 bits, more raise #GP") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    for (unsigned bit = 0; bit < 64; bit++) EQUAL_AT(rig.faults(0x4c1 + i, 1ull << bit), bit >= 48, bit);
    rig.wrmsr(0x4c1 + i, 0x800080000000 + i);
    EQUAL(rig.rdmsr(0x4c1 + i), 0x800080000000 + i);
    EQUAL(rig.rdmsr(0xc1 + i), 0x800080000000 + i);
  }
}

MACHINE_TEST(INTEL, "fixed counters take 48 bits, more raise #GP") {
  Rig rig(part);
  for (unsigned i = 0; i < part.fixed; i++) {
    for (unsigned bit = 0; bit < 64; bit++) EQUAL_AT(rig.faults(rig.fixed(i), 1ull << bit), bit >= 48, bit);
    rig.wrmsr(rig.fixed(i), 0x800080000000 + i);
  }
  for (unsigned i = 0; i < part.fixed; i++) EQUAL(rig.rdmsr(rig.fixed(i)), 0x800080000000 + i);
}

MACHINE_TEST(AMD, "counters take 48 bits and ignore the others") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.counter(i), ~0ull - i);
    EQUAL(rig.rdmsr(rig.counter(i)), COUNTER_MASK - i);
  }
}

MACHINE_TEST(AMD, "no write raises #GP") {
  Rig rig(part);
  for (uint32_t msr : expected_registers(part))
    for (unsigned bit = 0; bit < 64; bit++) CHECK_AT(!rig.faults(msr, 1ull << bit), msr);
}

MACHINE_TEST(AMD, "the legacy registers are the first four extended ones") {
  Rig rig(part);
  for (unsigned i = 0; i < 4; i++) {
    uint32_t old_select = 0xc0010000 + i, old_counter = 0xc0010004 + i;
    rig.wrmsr(old_select, 0x100430000 + i);
    rig.wrmsr(old_counter, 0x123400000000 + i);
    EQUAL(rig.rdmsr(rig.select(i)), 0x100430000 + i);
    EQUAL(rig.rdmsr(rig.counter(i)), 0x123400000000 + i);
    rig.wrmsr(rig.select(i), 0x30 + i);
    rig.wrmsr(rig.counter(i), 0x7000 + i);
  }
  for (unsigned i = 0; i < 4; i++) {
    EQUAL(rig.rdmsr(0xc0010000 + i), 0x30 + i);
    EQUAL(rig.rdmsr(0xc0010004 + i), 0x7000 + i);
  }
  for (unsigned i = 4; i < part.gp; i++) EQUAL(rig.rdmsr(rig.select(i)) | rig.rdmsr(rig.counter(i)), 0);
}

MACHINE_TEST(ZEN4, "global registers ignore writes to reserved bits, the status any write") {
  Rig rig(part);
  rig.wrmsr(0xc0000301, ~0ull);
  EQUAL(rig.rdmsr(0xc0000301), 0x3f);
  rig.wrmsr(0xc0000303, ~0ull);
  EQUAL(rig.rdmsr(0xc0000300), 0x3f);
  rig.wrmsr(0xc0000300, 0);
  EQUAL(rig.rdmsr(0xc0000300), 0x3f);
  rig.wrmsr(0xc0000302, ~0ull);
  rig.wrmsr(0xc0000300, 0x3f);
  EQUAL(rig.rdmsr(0xc0000300), 0);
}

// The kernel probes for broken PMUs in this way.
MACHINE_TEST(ALL, "each counter holds its own value") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.counter(i), rig.rdmsr(rig.counter(i)) ^ (0xffff - i));
  for (unsigned i = 0; i < part.fixed; i++) rig.wrmsr(rig.fixed(i), 0x1000 + i);
  for (unsigned i = 0; i < part.gp; i++) EQUAL(rig.rdmsr(rig.counter(i)), 0xffff - i);
  for (unsigned i = 0; i < part.fixed; i++) EQUAL(rig.rdmsr(rig.fixed(i)), 0x1000 + i);
}

MACHINE_TEST(INTEL, "registers without effect hold values") {
  Rig rig(part);
  std::set<uint32_t> storage;
  add(storage, 0x1a6, 2);
  add(storage, 0x3f6, 2);
  if (part.flag & (SKX | ICX)) {
    add(storage, 0x1c8, 2);
    add(storage, 0x680, 32);
    add(storage, 0x6c0, 32);
    add(storage, 0xdc0, 32);
  }
  for (uint32_t msr : storage) rig.wrmsr(msr, msr * 3);
  for (uint32_t msr : storage) EQUAL_AT(rig.rdmsr(msr), msr * 3, msr);
}

MACHINE_TEST(INTEL, "VM entry and exit load and save GLOBAL_CTRL") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);
  rig.pmu.begin(rig.now);
  rig.pmu.load_global_ctrl(1ull << 32);
  rig.pmu.finish();
  EQUAL(rig.rdmsr(0x38f), 1ull << 32);
  rig.happen(SRC_INSTRUCTION, 5);
  EQUAL(rig.rdmsr(rig.counter(0)), 0);
  rig.pmu.load_global_ctrl(1);
  rig.pmu.finish();
  rig.happen(SRC_INSTRUCTION, 5);
  EQUAL(rig.rdmsr(rig.counter(0)), 5);
  EQUAL(rig.pmu.global_ctrl(), 1);
}

static void check_rdpmc(Rig &rig, uint32_t ecx, uint64_t expected) {
  uint64_t value = ~0ull;
  CHECK_AT(rig.pmu.rdpmc(ecx, &value), ecx);
  EQUAL_AT(value, expected, ecx);
}

static void check_rdpmc_faults(Rig &rig, uint32_t ecx) {
  uint64_t value;
  CHECK_AT(!rig.pmu.rdpmc(ecx, &value), ecx);
}

MACHINE_TEST(ALL, "RDPMC reads counters and raises #GP for selectors that do not exist") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.counter(i), 0xa00000000000 + i);
  for (unsigned i = 0; i < part.fixed; i++) rig.wrmsr(rig.fixed(i), 0xf00000000000 + i);
  for (uint32_t i = 0; i < 0x10000; i++) {
    if (i < part.gp) check_rdpmc(rig, i, 0xa00000000000 + i);
    else check_rdpmc_faults(rig, i);
    if (i < part.fixed) check_rdpmc(rig, 0x40000000 + i, 0xf00000000000 + i);
    else check_rdpmc_faults(rig, 0x40000000 + i);
  }
  // Metrics, fast reads, fixed and fast, and kinds that are not defined.
  for (uint32_t kind : {0x20000000u, 0x80000000u, 0xc0000000u, 0x60000000u, 0x10000u, 0x40010000u, 0xffff0000u})
    for (uint32_t i = 0; i < 16; i++)
      if (!part.metrics || (kind | i) != 0x20000000) check_rdpmc_faults(rig, kind | i);
  if (!part.metrics) return;
  rig.wrmsr(0x329, 0x12345678);   // PERF_METRICS
  check_rdpmc(rig, 0x20000000, 0x12345678);
}

MACHINE_TEST(AMD, "is off as a whole while no counter is on, by selector and global control") {
  Rig rig(part);
  CHECK(rig.pmu.off());
  for (unsigned i = 0; i < part.gp; i++) {
    unsigned other = (i + 1) % part.gp;
    // Neither the event nor the privilege level matters.
    for (uint64_t value : {EN, INSTRUCTIONS | USR | EN, INSTRUCTIONS | OS | EN, INSTRUCTIONS | USR | OS | EN}) {
      rig.wrmsr(rig.select(i), value);
      CHECK_AT(!rig.pmu.off(), i);
      rig.wrmsr(rig.select(other), INSTRUCTIONS | USR | OS | EN);
      rig.wrmsr(rig.select(i), value & ~EN);
      CHECK_AT(!rig.pmu.off(), i);
      rig.wrmsr(rig.select(other), INSTRUCTIONS | USR | OS);
      CHECK_AT(rig.pmu.off(), i);
    }
  }
  if (!part.global()) return;
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), INSTRUCTIONS | USR | EN);
    rig.wrmsr(rig.global_ctrl(), 0);
    CHECK_AT(rig.pmu.off(), i);
    rig.wrmsr(rig.global_ctrl(), part.counters() & ~(1ull << i));
    CHECK_AT(rig.pmu.off(), i);
    rig.wrmsr(rig.global_ctrl(), 1ull << i);
    CHECK_AT(!rig.pmu.off(), i);
    rig.wrmsr(rig.select(i), 0);
    CHECK_AT(rig.pmu.off(), i);
  }
}

MACHINE_TEST(AMD, "is off as a whole in the host while only guests are counted, and the reverse") {
  Rig rig(part);
  rig.svme(true);
  for (bool guest : {false, true}) {
    for (bool user : {false, true}) {
      rig.mode(user, guest);
      rig.wrmsr(rig.select(1), INSTRUCTIONS | USR | OS | EN | GUEST_ONLY);
      EQUAL(rig.pmu.off(), !guest);
      rig.wrmsr(rig.select(1), INSTRUCTIONS | USR | OS | EN | HOST_ONLY);
      EQUAL(rig.pmu.off(), guest);
      rig.wrmsr(rig.select(1), INSTRUCTIONS | USR | OS | EN | HOST_ONLY | GUEST_ONLY);
      CHECK(!rig.pmu.off());
    }
    rig.wrmsr(rig.select(1), INSTRUCTIONS | USR | OS | EN | GUEST_ONLY);
    rig.mode(false, !guest);
    EQUAL(rig.pmu.off(), guest);
    rig.svme(false);
    CHECK(rig.pmu.off());
    rig.svme(true);
  }
}

MACHINE_TEST(INTEL, "is off as a whole while the global control register is 0") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.global_ctrl(), 0);
    CHECK_AT(rig.pmu.off(), i);
    rig.wrmsr(rig.select(i), INSTRUCTIONS | USR | OS | EN);
    CHECK_AT(rig.pmu.off(), i);
    rig.wrmsr(rig.global_ctrl(), 1ull << i);
    CHECK_AT(!rig.pmu.off(), i);
    rig.wrmsr(rig.select(i), 0);
    CHECK_AT(!rig.pmu.off(), i);
  }
  for (unsigned i = 0; i < part.fixed; i++) {
    rig.wrmsr(rig.global_ctrl(), 0);
    CHECK_AT(rig.pmu.off(), i);
    rig.wrmsr(rig.global_ctrl(), 1ull << (32 + i));
    CHECK_AT(!rig.pmu.off(), i);
  }
}
