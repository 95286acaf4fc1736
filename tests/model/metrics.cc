// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Top-down analysis: what becomes of the slots, and PERF_METRICS.
// Intel SDM vol. 3 "Performance Metrics".

#include "metrics.h"
#include "rig.h"

namespace {

constexpr uint32_t CTR3 = 0x30c, METRICS_MSR = 0x329, FIXED_CTRL = 0x38d;
constexpr uint64_t GLOBAL_CTR3 = 1ull << 35, GLOBAL_METRICS = 1ull << 48;
constexpr uint64_t CTR3_OS = 0x1000, CTR3_USR = 0x2000, CTR3_PMI = 0x8000;

// Fixed counter 3 and PERF_METRICS count in kernel mode, from 0.
void start(Rig &rig, uint64_t control = CTR3_OS) {
  rig.wrmsr(0x38f, GLOBAL_CTR3 | GLOBAL_METRICS);
  rig.wrmsr(CTR3, 0);
  rig.wrmsr(METRICS_MSR, 0);
  rig.wrmsr(FIXED_CTRL, control);
}

// Spend slots: n thousandths for the first category, 2 n for the second and so on.
void spend(Rig &rig, uint64_t n) {
  rig.happen(SRC_SLOT, 1000 * n);
  for (unsigned i = 0; i < 8; i++) rig.happen(Source(SRC_RETIRING + i), (i + 1) * 10 * n);
}

// What that makes of the fields: 255 times 1 %, 2 % and so on, rounded.
uint64_t spent(const Part &part) {
  const uint64_t fields[] = {3, 5, 8, 10, 13, 15, 18, 20};
  uint64_t value = 0;
  for (unsigned i = 0; i < part.metrics; i++) value |= fields[i] << 8 * i;
  return value;
}

uint64_t classified(const Steps &steps, unsigned width, Source source) {
  Totals totals;
  classify(steps, width, &totals);
  return totals.n[source];
}

}  // namespace

TEST("every slot falls to one category, and the parts are within what they are of") {
  const Steps samples[] = {
    {}, {1, 0, 0, 0, 0, 0}, {0, 1, 0, 0, 0, 1}, {0, 0, 1, 0, 0, 1}, {1, 0, 0, 1, 1, 1}, {1000, 200, 30, 150, 150, 1230},
  };
  for (const Steps &steps : samples)
    for (unsigned width : {5u, 6u}) {
      Totals t;
      classify(steps, width, &t);
      EQUAL(t.n[SRC_SLOT], width * (steps.retired + steps.iterations + steps.unfinished));
      EQUAL(t.n[SRC_RETIRING] + t.n[SRC_BAD_SPECULATION] + t.n[SRC_FRONTEND_BOUND] + t.n[SRC_BACKEND_BOUND], t.n[SRC_SLOT]);
      CHECK(t.n[SRC_HEAVY_OPERATIONS] <= t.n[SRC_RETIRING]);
      CHECK(t.n[SRC_BRANCH_MISPREDICTS] <= t.n[SRC_BAD_SPECULATION]);
      CHECK(t.n[SRC_FETCH_LATENCY] <= t.n[SRC_FRONTEND_BOUND]);
      CHECK(t.n[SRC_MEMORY_BOUND] <= t.n[SRC_BACKEND_BOUND]);
    }
}

TEST("slots fall where the definition says") {
  const Steps steps = {100, 10, 1, 20, 5, 50};
  EQUAL(classified(steps, 6, SRC_RETIRING), 2 * 100 + 5 * 10);
  EQUAL(classified(steps, 6, SRC_HEAVY_OPERATIONS), 5 * 10);
  EQUAL(classified(steps, 6, SRC_BAD_SPECULATION), 5 * 1 + 2 * 5);
  EQUAL(classified(steps, 6, SRC_BRANCH_MISPREDICTS), 2 * 5);
  EQUAL(classified(steps, 6, SRC_FRONTEND_BOUND), 20);
  EQUAL(classified(steps, 6, SRC_FETCH_LATENCY), 5);
  EQUAL(classified(steps, 6, SRC_MEMORY_BOUND), 50);
  EQUAL(classified(steps, 5, SRC_BRANCH_MISPREDICTS), 5);
  EQUAL(classified(steps, 5, SRC_HEAVY_OPERATIONS), 4 * 10);
}

MACHINE_TEST(METRICS, "the fields are parts of the slots, of 255, rounded") {
  Rig rig(part);
  start(rig);
  EQUAL(rig.rdmsr(METRICS_MSR), 0);
  spend(rig, 1);
  EQUAL(rig.rdmsr(METRICS_MSR), spent(part));
  spend(rig, 1000000);
  EQUAL(rig.rdmsr(METRICS_MSR), spent(part));
  EQUAL(rig.rdmsr(CTR3), 1000001000);
  rig.wrmsr(CTR3, 0);
  rig.wrmsr(METRICS_MSR, 0);
  rig.happen(SRC_SLOT, 7);
  rig.happen(SRC_BACKEND_BOUND, 7);
  EQUAL(rig.rdmsr(METRICS_MSR), 0xff000000);
}

MACHINE_TEST(METRICS, "PERF_METRICS counts with fixed counter 3, by its modes and both global bits") {
  Rig rig(part);
  const struct { uint64_t global, control; bool counter, metrics; } cases[] = {
    {GLOBAL_CTR3 | GLOBAL_METRICS, CTR3_OS, true, true}, {GLOBAL_CTR3, CTR3_OS, true, false},
    {GLOBAL_METRICS, CTR3_OS, false, false}, {GLOBAL_CTR3 | GLOBAL_METRICS, CTR3_USR, false, false},
    {GLOBAL_CTR3 | GLOBAL_METRICS, 0, false, false},
  };
  for (const auto &c : cases) {
    start(rig, c.control);
    rig.wrmsr(0x38f, c.global);
    spend(rig, 10);
    EQUAL_AT(rig.rdmsr(CTR3), c.counter ? 10000 : 0, c.global);
    EQUAL_AT(rig.rdmsr(METRICS_MSR), c.metrics ? spent(part) : 0, c.global);
    EQUAL_AT(rig.pmu.watch(), c.metrics ? WATCH_BRANCHES | WATCH_MEMORY : 0, c.global);
  }
}

MACHINE_TEST(METRICS, "a freeze stops PERF_METRICS too") {
  Rig rig(part);
  start(rig);
  spend(rig, 5);
  rig.wrmsr(0x391, CTR_FRZ);
  rig.happen(SRC_SLOT, 100000);
  EQUAL(rig.rdmsr(METRICS_MSR), spent(part));
  EQUAL(rig.rdmsr(CTR3), 5000);
}

MACHINE_TEST(METRICS, "what was saved goes on where it was: first the counter, then the metrics") {
  Rig rig(part);
  start(rig);
  spend(rig, 1000);
  uint64_t slots = rig.rdmsr(CTR3), metrics = rig.rdmsr(METRICS_MSR);
  start(rig);   // another's use
  spend(rig, 3);
  rig.wrmsr(CTR3, slots);
  rig.wrmsr(METRICS_MSR, metrics);
  EQUAL(rig.rdmsr(METRICS_MSR), metrics);
  EQUAL(rig.rdmsr(CTR3), slots);
  rig.happen(SRC_SLOT, slots);   // as many again, all of them backend bound
  rig.happen(SRC_BACKEND_BOUND, slots);
  EQUAL(rig.rdmsr(METRICS_MSR) >> 24 & 0xff, (10 + 255 + 1) / 2);
  EQUAL(rig.rdmsr(METRICS_MSR) & 0xff, 2);   // 3 of 255 was 1.18 %: 0.59 % are 1.5
}

MACHINE_TEST(METRICS, "PERF_METRICS keeps what is written while it stands still, and takes no more than its fields") {
  Rig rig(part);
  rig.wrmsr(CTR3, 1000000);
  for (unsigned bit = 0; bit < 64; bit++) {
    EQUAL_AT(rig.faults(METRICS_MSR, 1ull << bit), bit >= 8 * part.metrics, bit);
    if (bit >= 8 * part.metrics) continue;
    rig.wrmsr(METRICS_MSR, 1ull << bit);
    EQUAL_AT(rig.rdmsr(METRICS_MSR), 1ull << bit, bit);
  }
}

MACHINE_TEST(METRICS, "an overflow of the slots sets status bit 48, and interrupts if counter 3 does") {
  for (uint64_t pmi : {uint64_t(0), CTR3_PMI}) {
    Rig rig(part);
    start(rig, CTR3_OS | pmi);
    rig.wrmsr(CTR3, COUNTER_MASK - 9);
    rig.wrmsr(METRICS_MSR, 0x80);
    rig.wrmsr(CTR3, 0);   // so that the counter itself does not overflow
    if (pmi) EQUAL(rig.pmu.distance(), (10 + part.slots - 1) / part.slots);
    rig.happen(SRC_SLOT, 9);
    CHECK(!rig.overflowed());
    EQUAL(rig.status(), 0);
    rig.happen(SRC_SLOT, 1);
    EQUAL(rig.overflowed(), pmi != 0);
    EQUAL(rig.status(), GLOBAL_METRICS);
    rig.wrmsr(0x390, GLOBAL_METRICS);
    EQUAL(rig.status(), 0);
    rig.happen(SRC_SLOT, 1000);
    CHECK(!rig.overflowed());
    rig.wrmsr(0x391, GLOBAL_METRICS);
    EQUAL(rig.status(), GLOBAL_METRICS);
  }
}

MACHINE_TEST(ALL & ~METRICS, "parts without PERF_METRICS have neither register nor bit") {
  Rig rig(part);
  CHECK(rig.faults(METRICS_MSR, 0));
  if (part.intel()) CHECK(rig.faults(0x38f, GLOBAL_METRICS));
}
