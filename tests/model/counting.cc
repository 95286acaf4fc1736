// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a counter counts, overflow, status, freeze, edge, invert, counter mask.

#include "known-events.h"
#include "rig.h"

MACHINE_TEST(ALL, "every known event counts its source on every counter") {
  Rig rig(part);
  for (const KnownEvent &known : known_events) {
    if (!(known.machines & part.flag)) continue;
    uint64_t select = event(known.select, known.umask) | OS | EN;
    for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.select(i), select);
    for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.counter(i), 0);
    rig.happen_all();
    for (unsigned i = 0; i < part.gp; i++)
      EQUAL_AT(rig.rdmsr(rig.counter(i)), Rig::amount(known.source), select);
  }
}

MACHINE_TEST(INTEL, "fixed counters count instructions, cycles, reference cycles, slots") {
  const Source source[] = {SRC_INSTRUCTION, SRC_CYCLE, SRC_REF_CYCLE, SRC_SLOT};
  Rig rig(part);
  rig.wrmsr(0x38f, part.counters());
  rig.wrmsr(0x38d, part.fixed == 4 ? 0x1111 : 0x111);
  rig.happen_all();
  for (unsigned i = 0; i < part.fixed; i++) EQUAL(rig.rdmsr(rig.fixed(i)), Rig::amount(source[i]));
}

MACHINE_TEST(ALL, "unknown events count 0, whatever happens") {
  Rig rig(part);
  for (unsigned select = 0; select < (part.intel() ? 0x100 : 0x1000); select++)
    for (unsigned umask = 0; umask < 0x100; umask++) {
      if (find_known(part, select, umask)) continue;
      rig.wrmsr(rig.select(0), event(select, umask) | OS | EN);
      rig.happen_all();
      if (rig.rdmsr(rig.counter(0)) == 0) continue;
      CHECK_AT(!"counts", event(select, umask));
      rig.wrmsr(rig.counter(0), 0);
    }
}

// Overflow

// Value from which the n-th event overflows.
static constexpr uint64_t before(uint64_t n) { return COUNTER_MASK + 1 - n; }

static void check_overflow(Rig &rig, uint32_t counter, uint64_t status) {
  for (uint64_t n : {1, 2, 1000}) {
    rig.wrmsr(counter, before(n));
    rig.happen(SRC_INSTRUCTION, n - 1);
    CHECK_AT(!rig.overflowed(), n);
    EQUAL_AT(rig.rdmsr(counter), COUNTER_MASK, n);
    if (rig.part.global()) EQUAL_AT(rig.status(), 0, n);
    rig.happen(SRC_INSTRUCTION);
    CHECK_AT(rig.overflowed(), n);
    CHECK_AT(!rig.overflowed(), n);   // told once
    EQUAL_AT(rig.rdmsr(counter), 0, n);
    rig.happen(SRC_INSTRUCTION, 5);   // counts on
    CHECK_AT(!rig.overflowed(), n);
    EQUAL_AT(rig.rdmsr(counter), 5, n);
    if (!rig.part.global()) continue;
    EQUAL_AT(rig.status(), status, n);
    rig.wrmsr(rig.status_reset(), status);
  }
}

MACHINE_TEST(ALL, "a counter overflows at exactly the right event") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | EN | INT);
    check_overflow(rig, rig.counter(i), 1ull << i);
    rig.wrmsr(rig.select(i), 0);
  }
}

MACHINE_TEST(INTEL, "fixed counter 0 overflows at exactly the right event") {
  Rig rig(part);
  rig.wrmsr(0x38f, part.counters());
  rig.wrmsr(0x38d, 0x9);
  check_overflow(rig, rig.fixed(0), 1ull << 32);
}

MACHINE_TEST(INTEL, "each fixed counter has its status bit and its interrupt enable") {
  Rig rig(part);
  rig.wrmsr(0x38f, part.counters());
  for (unsigned i = 0; i < part.fixed; i++)
    for (uint64_t field : {1, 9}) {
      rig.wrmsr(0x38d, field << (4 * i));
      rig.wrmsr(rig.fixed(i), COUNTER_MASK);
      rig.happen_all();
      EQUAL(rig.overflowed(), field == 9);
      EQUAL(rig.status(), 1ull << (32 + i));
      rig.wrmsr(0x390, 1ull << (32 + i));
    }
}

MACHINE_TEST(INTEL, "a legacy write of -n overflows at the n-th event") {
  Rig rig(part);
  rig.wrmsr(0x186, INSTRUCTIONS | OS | EN | INT);
  rig.wrmsr(0xc1, uint32_t(-3));
  rig.happen(SRC_INSTRUCTION, 2);
  CHECK(!rig.overflowed());
  rig.happen(SRC_INSTRUCTION);
  CHECK(rig.overflowed());
}

MACHINE_TEST(ALL, "without INT an overflow sets the status and does not interrupt") {
  Rig rig(part);
  rig.wrmsr(rig.select(1), INSTRUCTIONS | OS | EN);
  rig.wrmsr(rig.counter(1), COUNTER_MASK);
  rig.happen(SRC_INSTRUCTION);
  CHECK(!rig.overflowed());
  EQUAL(rig.rdmsr(rig.counter(1)), 0);
  if (part.global()) EQUAL(rig.status(), 2);
}

MACHINE_TEST(ALL, "a disabled counter does not overflow") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | INT);
  rig.wrmsr(rig.counter(0), COUNTER_MASK);
  rig.happen(SRC_INSTRUCTION, 5);
  CHECK(!rig.overflowed());
  EQUAL(rig.rdmsr(rig.counter(0)), COUNTER_MASK);
  if (part.global()) EQUAL(rig.status(), 0);
}

MACHINE_TEST(ALL, "an overflow in the middle of many events is found") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN | INT);
  rig.wrmsr(rig.counter(0), before(10));
  rig.happen(SRC_INSTRUCTION, 1000000);
  CHECK(rig.overflowed());
  EQUAL(rig.rdmsr(rig.counter(0)), 999990);
}

MACHINE_TEST(GLOBAL, "counters that overflow together set all their status bits") {
  Rig rig(part);
  rig.wrmsr(rig.global_ctrl(), part.counters());
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.counter(i), COUNTER_MASK);
    rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | EN | (i == 2 ? INT : 0));
  }
  rig.happen(SRC_INSTRUCTION);
  CHECK(rig.overflowed());
  EQUAL(rig.status(), (1ull << part.gp) - 1);
}

MACHINE_TEST(GLOBAL, "an overflow interrupts again while its status bit is still set") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN | INT);
  for (unsigned n = 0; n < 3; n++) {
    rig.wrmsr(rig.counter(0), COUNTER_MASK);
    rig.happen(SRC_INSTRUCTION);
    CHECK(rig.overflowed());
    EQUAL(rig.status(), 1);
  }
}

MACHINE_TEST(GLOBAL, "status is cleared by ones and set by ones") {
  Rig rig(part);
  for (unsigned bit = 0; bit < 64; bit++) {
    uint64_t value = 1ull << bit;
    if (!(value & part.counters())) continue;
    rig.wrmsr(rig.status_set(), value);
    EQUAL(rig.status(), value);
    rig.wrmsr(rig.status_reset(), 0);
    EQUAL(rig.status(), value);
    rig.wrmsr(rig.status_reset(), part.counters() & ~value);
    EQUAL(rig.status(), value);
    rig.wrmsr(rig.status_set(), part.counters());
    EQUAL(rig.status(), part.counters());
    rig.wrmsr(rig.status_set(), 0);
    EQUAL(rig.status(), part.counters());
    rig.wrmsr(rig.status_reset(), value);
    EQUAL(rig.status(), part.counters() & ~value);
    rig.wrmsr(rig.status_reset(), part.counters());
    EQUAL(rig.status(), 0);
  }
  CHECK(!rig.overflowed());   // setting a status bit is no overflow
}

MACHINE_TEST(INTEL, "the other bits of the status can be set and cleared") {
  Rig rig(part);
  for (unsigned bit : {58, 59, 61, 62}) {
    rig.wrmsr(0x391, 1ull << bit);
    EQUAL(rig.status(), 1ull << bit);
    rig.wrmsr(0x390, 1ull << bit);
    EQUAL(rig.status(), 0);
  }
}

// Freeze

MACHINE_TEST(INTEL, "a PMI freezes all counters if DEBUGCTL says so") {
  Rig rig(part);
  rig.wrmsr(0x38f, part.counters());
  rig.wrmsr(0x38d, 0x333);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN | INT);
  rig.wrmsr(rig.counter(0), COUNTER_MASK);
  rig.debugctl(FREEZE_ON_PMI);
  rig.happen(SRC_INSTRUCTION, 3);
  CHECK(rig.overflowed());
  EQUAL(rig.status(), 1);           // not before the PMI
  rig.happen(SRC_INSTRUCTION, 4);
  rig.pmi();
  EQUAL(rig.status(), 1 | CTR_FRZ);
  EQUAL(rig.rdmsr(0x38f), part.counters());   // since version 4 GLOBAL_CTRL stays
  CHECK(!rig.pmu.running());
  CHECK(rig.pmu.distance() == Pmu::NEVER);
  rig.happen(SRC_INSTRUCTION, 100);
  EQUAL(rig.rdmsr(rig.counter(0)), 6);
  EQUAL(rig.rdmsr(rig.fixed(0)), 7);
  rig.wrmsr(0x390, 1);              // acknowledged, still frozen
  rig.happen(SRC_INSTRUCTION, 100);
  EQUAL(rig.rdmsr(rig.counter(0)), 6);
  rig.wrmsr(0x390, CTR_FRZ);
  rig.happen(SRC_INSTRUCTION, 10);
  EQUAL(rig.rdmsr(rig.counter(0)), 16);
  EQUAL(rig.rdmsr(rig.fixed(0)), 17);
}

MACHINE_TEST(ALL, "a PMI does not freeze counters otherwise") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN | INT);
  // AMD reports no freezing: CPUID 0x80000022 EAX bit 2 is 0.
  rig.debugctl(part.intel() ? ~FREEZE_ON_PMI : FREEZE_ON_PMI);
  rig.pmi();
  if (part.global()) EQUAL(rig.status(), 0);
  rig.happen(SRC_INSTRUCTION, 7);
  EQUAL(rig.rdmsr(rig.counter(0)), 7);
}

MACHINE_TEST(INTEL, "software can freeze counters by STATUS_SET") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);
  rig.happen(SRC_INSTRUCTION, 3);
  rig.wrmsr(0x391, CTR_FRZ);
  rig.happen(SRC_INSTRUCTION, 100);
  EQUAL(rig.rdmsr(rig.counter(0)), 3);
  rig.wrmsr(0x390, CTR_FRZ);
  rig.happen(SRC_INSTRUCTION, 4);
  EQUAL(rig.rdmsr(rig.counter(0)), 7);
}

MACHINE_TEST(INTEL, "INUSE tells what is programmed, whether it counts or not") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), OS | USR | EN | cmask(1));   // event select 0
    EQUAL(rig.rdmsr(0x392), 0);
    rig.wrmsr(rig.select(i), 0x0100);                     // the unit mask does not matter
    EQUAL(rig.rdmsr(0x392), 0);
    rig.wrmsr(rig.select(i), 0x80);
    EQUAL(rig.rdmsr(0x392), 1ull << i);
    rig.wrmsr(rig.select(i), INT);
    EQUAL(rig.rdmsr(0x392), 1ull << 63);
    rig.wrmsr(rig.select(i), 0);
  }
  for (unsigned i = 0; i < part.fixed; i++) {
    for (uint64_t field : {1, 2, 3}) {
      rig.wrmsr(0x38d, field << (4 * i));
      EQUAL(rig.rdmsr(0x392), 1ull << (32 + i));
    }
    rig.wrmsr(0x38d, 8ull << (4 * i));
    EQUAL(rig.rdmsr(0x392), 1ull << 63);
  }
}

// Edge, invert, counter mask

// What the first counter makes of these totals: 100 cycles in which 30
// instructions retired, with 3 wake-ups.
static uint64_t condition(Rig &rig, uint64_t select) {
  rig.wrmsr(rig.select(0), select | OS | EN);
  rig.wrmsr(rig.counter(0), 0);
  rig.happen(SRC_CYCLE, 100);
  rig.happen(SRC_REF_CYCLE, 100);
  rig.happen(SRC_SLOT, 100 * rig.part.slots);
  rig.happen(SRC_INSTRUCTION, 30);
  rig.happen(SRC_WAKE, 3);
  return rig.rdmsr(rig.counter(0));
}

MACHINE_TEST(ALL, "edge, invert and counter mask of an event that occurs in single cycles") {
  Rig rig(part);
  EQUAL(condition(rig, INSTRUCTIONS), 30);
  EQUAL(condition(rig, INSTRUCTIONS | INV), 30);          // only with a counter mask
  EQUAL(condition(rig, INSTRUCTIONS | EDGE), 30);
  EQUAL(condition(rig, INSTRUCTIONS | cmask(1)), 30);     // cycles with at least one
  EQUAL(condition(rig, INSTRUCTIONS | cmask(1) | EDGE), 30);
  EQUAL(condition(rig, INSTRUCTIONS | cmask(1) | INV), 70);   // cycles with none
  EQUAL(condition(rig, INSTRUCTIONS | cmask(2)), 0);      // never two at once
  EQUAL(condition(rig, INSTRUCTIONS | cmask(2) | EDGE), 0);
  EQUAL(condition(rig, INSTRUCTIONS | cmask(2) | INV), 100);
  EQUAL(condition(rig, INSTRUCTIONS | cmask(255)), 0);
}

MACHINE_TEST(ALL, "edge, invert and counter mask of cycles") {
  Rig rig(part);
  uint64_t cycles = rig.cycles();
  EQUAL(condition(rig, cycles), 100);
  EQUAL(condition(rig, cycles | EDGE), 3);                // ends of HLT
  EQUAL(condition(rig, cycles | cmask(1)), 100);
  EQUAL(condition(rig, cycles | cmask(1) | EDGE), 3);
  EQUAL(condition(rig, cycles | cmask(1) | INV), 0);      // no cycle without a cycle
  EQUAL(condition(rig, cycles | cmask(2)), 0);
  EQUAL(condition(rig, cycles | cmask(2) | EDGE), 0);
  EQUAL(condition(rig, cycles | cmask(2) | INV), 100);
}

MACHINE_TEST(METRICS, "edge, invert and counter mask of slots, so many in a cycle") {
  Rig rig(part);
  uint64_t slots = event(0xa4, 1);
  EQUAL(condition(rig, slots), 100 * part.slots);
  EQUAL(condition(rig, slots | EDGE), 3);
  for (unsigned n = 1; n <= part.slots; n++) {
    EQUAL(condition(rig, slots | cmask(n)), 100);
    EQUAL(condition(rig, slots | cmask(n) | EDGE), 3);
    EQUAL(condition(rig, slots | cmask(n) | INV), 0);
  }
  EQUAL(condition(rig, slots | cmask(part.slots + 1)), 0);
  EQUAL(condition(rig, slots | cmask(part.slots + 1) | INV), 100);
}

// It occurs in no cycle, so every cycle is one with fewer than n.
MACHINE_TEST(ALL, "edge, invert and counter mask of an unknown event") {
  Rig rig(part);
  uint64_t unknown = event(0xee, 0xee);
  for (uint64_t flags : {uint64_t(0), EDGE, INV, EDGE | INV}) EQUAL(condition(rig, unknown | flags), 0);
  EQUAL(condition(rig, unknown | cmask(1)), 0);
  EQUAL(condition(rig, unknown | cmask(1) | EDGE), 0);
  EQUAL(condition(rig, unknown | cmask(1) | INV), 100);
}

// SDM and APM: with a counter mask a counter counts cycles, by one each.
MACHINE_TEST(ALL, "a counter mask counts a cycle once, however often the event occurs in it") {
  const struct { uint64_t condition, expected; } cases[] = {
    {0, 18}, {cmask(1), 6}, {cmask(3), 6}, {cmask(4), 0}, {cmask(1) | EDGE, 6},
    {cmask(1) | INV, 4}, {cmask(3) | INV, 4}, {cmask(4) | INV, 10},
  };
  for (const auto &c : cases) {
    Rig rig(part);
    rig.wrmsr(rig.select(0), (part.intel() ? event(0xd0, 0x81) : event(0x29, 1)) | OS | EN | c.condition);
    for (unsigned n = 0; n < 10; n++) {   // ten instructions of one cycle, six of them load three times
      rig.happen(SRC_CYCLE);
      rig.happen(SRC_INSTRUCTION);
      rig.happen(SRC_LOAD, n < 6 ? 3 : 0);
      rig.overflowed();
    }
    EQUAL_AT(rig.rdmsr(rig.counter(0)), c.expected, c.condition);
  }
}
