// SPDX-License-Identifier: LGPL-2.1-or-later
//
// When a counter counts: enables, privilege levels, host and guest.

#include "rig.h"

// How many of ten instructions does the counter see?
static uint64_t count_ten(Rig &rig, uint32_t counter) {
  uint64_t before = rig.rdmsr(counter);
  rig.happen(SRC_INSTRUCTION, 10);
  return rig.rdmsr(counter) - before;
}

MACHINE_TEST(ALL, "OS and USR choose the privilege level") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++)
    for (uint64_t level : {uint64_t(0), USR, OS, USR | OS})
      for (bool user : {false, true}) {
        rig.mode(user, false);
        rig.wrmsr(rig.select(i), INSTRUCTIONS | level | EN);
        EQUAL_AT(count_ten(rig, rig.counter(i)), level & (user ? USR : OS) ? 10 : 0, level);
      }
}

MACHINE_TEST(INTEL, "the fields of FIXED_CTR_CTRL choose the privilege level") {
  Rig rig(part);
  rig.wrmsr(0x38f, part.counters());
  for (unsigned i = 0; i < part.fixed; i++)
    for (uint64_t field = 0; field < 4; field++)
      for (bool user : {false, true}) {
        rig.mode(user, false);
        rig.wrmsr(0x38d, field << (4 * i));
        for (unsigned other = 0; other < part.fixed; other++) rig.wrmsr(rig.fixed(other), 0);
        rig.happen_all();
        bool counts = field & (user ? 2 : 1);
        for (unsigned other = 0; other < part.fixed; other++)
          EQUAL_AT(rig.rdmsr(rig.fixed(other)) != 0, counts && other == i, field);
      }
}

MACHINE_TEST(ALL, "EN enables a counter") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) {
    rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | USR);
    EQUAL(count_ten(rig, rig.counter(i)), 0);
    CHECK(!rig.pmu.running());
    rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | USR | EN);
    EQUAL(count_ten(rig, rig.counter(i)), 10);
    CHECK(rig.pmu.running());
    rig.wrmsr(rig.select(i), 0);
  }
}

MACHINE_TEST(GLOBAL, "GLOBAL_CTRL enables each counter by its bit") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | EN);
  if (part.intel()) rig.wrmsr(0x38d, part.fixed == 4 ? 0x3333 : 0x333);
  for (unsigned bit = 0; bit < 64; bit++) {
    if (!((part.counters() >> bit) & 1)) continue;
    rig.wrmsr(rig.global_ctrl(), 1ull << bit);
    for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.counter(i), 0);
    for (unsigned i = 0; i < part.fixed; i++) rig.wrmsr(rig.fixed(i), 0);
    rig.happen_all();
    for (unsigned i = 0; i < part.gp; i++) EQUAL_AT(rig.rdmsr(rig.counter(i)) != 0, i == bit, bit);
    for (unsigned i = 0; i < part.fixed; i++) EQUAL_AT(rig.rdmsr(rig.fixed(i)) != 0, i + 32 == bit, bit);
  }
  rig.wrmsr(rig.global_ctrl(), 0);
  CHECK(!rig.pmu.running());
}

// As software that does not know GLOBAL_CTRL relies on.
MACHINE_TEST(ALL, "after RESET an enabled event select is enough") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | EN);
  for (unsigned i = 0; i < part.gp; i++) rig.wrmsr(rig.counter(i), 0);
  rig.happen(SRC_INSTRUCTION, 10);
  for (unsigned i = 0; i < part.gp; i++) EQUAL(rig.rdmsr(rig.counter(i)), 10);
}

MACHINE_TEST(INTEL, "guest and host count alike") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | USR | EN);
  for (bool user : {false, true})
    for (bool guest : {false, true}) {
      rig.mode(user, guest);
      EQUAL(count_ten(rig, rig.counter(0)), user ? 10 : 0);
    }
}

MACHINE_TEST(AMD, "HostOnly and GuestOnly count as EFER.SVME and guest mode say") {
  Rig rig(part);
  for (unsigned i = 0; i < part.gp; i++)
    for (uint64_t filter : {uint64_t(0), GUEST_ONLY, HOST_ONLY, GUEST_ONLY | HOST_ONLY})
      for (unsigned state = 0; state < 8; state++) {
        bool svme = state & 1, guest = state & 2, user = state & 4;
        bool counts = !filter || (svme && (filter & (guest ? GUEST_ONLY : HOST_ONLY)));
        rig.svme(svme);
        rig.mode(user, guest);
        rig.wrmsr(rig.select(i), INSTRUCTIONS | OS | USR | EN | filter);
        EQUAL_AT(count_ten(rig, rig.counter(i)), counts ? 10 : 0, filter | state);
        // The privilege level still counts.
        rig.wrmsr(rig.select(i), INSTRUCTIONS | USR | EN | filter);
        EQUAL_AT(count_ten(rig, rig.counter(i)), counts && user ? 10 : 0, filter | state);
      }
}

MACHINE_TEST(AMD, "a change of EFER.SVME takes effect at once") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN | HOST_ONLY);
  rig.happen(SRC_INSTRUCTION, 3);
  rig.svme(true);
  rig.happen(SRC_INSTRUCTION, 4);
  rig.mode(false, true);
  rig.happen(SRC_INSTRUCTION, 5);
  rig.mode(false, false);
  rig.happen(SRC_INSTRUCTION, 6);
  rig.svme(false);
  rig.happen(SRC_INSTRUCTION, 7);
  EQUAL(rig.rdmsr(rig.counter(0)), 10);
}

MACHINE_TEST(ALL, "a change of privilege level splits the count exactly") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);
  rig.wrmsr(rig.select(1), INSTRUCTIONS | USR | EN);
  rig.wrmsr(rig.select(2), INSTRUCTIONS | OS | USR | EN);
  for (unsigned n = 1; n <= 100; n++) {
    rig.mode(n & 1, false);
    rig.happen(SRC_INSTRUCTION, n);
  }
  EQUAL(rig.rdmsr(rig.counter(0)), 2550);
  EQUAL(rig.rdmsr(rig.counter(1)), 2500);
  EQUAL(rig.rdmsr(rig.counter(2)), 5050);
}

MACHINE_TEST(ALL, "events before a write that enables do not count, those before one that disables do") {
  Rig rig(part);
  rig.happen(SRC_INSTRUCTION, 100);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);
  rig.happen(SRC_INSTRUCTION, 20);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS);
  rig.happen(SRC_INSTRUCTION, 300);
  EQUAL(rig.rdmsr(rig.counter(0)), 20);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);
  rig.happen(SRC_INSTRUCTION, 4);
  rig.wrmsr(rig.counter(0), 1000);   // a write replaces the count so far
  rig.happen(SRC_INSTRUCTION, 5);
  EQUAL(rig.rdmsr(rig.counter(0)), 1005);
}

MACHINE_TEST(ALL, "predictors are asked for only while a counter that runs needs them") {
  Rig rig(part);
  uint64_t misses = event(part.intel() ? 0xc5 : 0xc3, 0);
  uint64_t loads = part.intel() ? event(0xd0, 0x81) : event(0x29, 1);
  rig.wrmsr(rig.select(0), misses | USR | EN);
  rig.wrmsr(rig.select(1), loads | OS | EN);
  rig.wrmsr(rig.select(2), rig.branches() | OS | USR | EN);
  rig.mode(true, false);
  EQUAL(rig.pmu.watch(), WATCH_BRANCHES);
  rig.mode(false, false);
  EQUAL(rig.pmu.watch(), WATCH_MEMORY);
  rig.wrmsr(rig.select(1), loads | OS);
  EQUAL(rig.pmu.watch(), WATCH_NONE);
  CHECK(rig.pmu.running());
}
