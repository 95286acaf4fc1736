// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Properties that hold for any program: distance() never lets an overflow slip
// by, and counts do not depend on how often the counters are brought up to date.

#include "known-events.h"
#include "rig.h"
#include <random>

namespace {

// The same numbers everywhere: the standard defines this generator exactly.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t n) { return engine_() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

// One that occurs several times in some cycles and not in others.
bool uneven_event(Source source) { return source_info[source].watch & WATCH_MEMORY || source == SRC_BACKEND_BOUND; }

// What one step (instruction or REP iteration) can do: now and then the most
// that the sources allow.  Each is one cycle.
void step(Random &random, unsigned slots, Totals &now) {
  uint64_t *n = now.n;
  bool most = random.chance(5);
  n[SRC_CYCLE]++;
  n[SRC_REF_CYCLE]++;
  n[SRC_SLOT] += slots;
  if (slots) n[SRC_BACKEND_BOUND] += most ? slots - 1 : 1 + random.below(slots - 1);
  n[SRC_WAKE] += random.chance(3);
  if (most || random.chance(90)) {
    n[SRC_INSTRUCTION]++;
    if (most || random.chance(20)) {
      n[SRC_BRANCH]++;
      n[SRC_BRANCH_MISS] += most || random.chance(30);
    }
  }
  if (!most && random.chance(60)) return;
  auto some = [&](Source source) { return most ? source_info[source].max_per_step : random.below(4); };
  uint64_t loads = some(SRC_LOAD), stores = some(SRC_STORE), references = some(SRC_LLC_REFERENCE);
  n[SRC_LOAD] += loads;
  n[SRC_STORE] += stores;
  n[SRC_LOAD_STORE] += loads + stores;
  n[SRC_MODIFY] += loads < stores ? loads : stores;
  n[SRC_LLC_REFERENCE] += references;
  n[SRC_LLC_MISS] += random.below(references + 1);
}

// Program all counters at random.  A counter mask on uneven events only if @masked_uneven.
void program(Random &random, Rig &rig, bool masked_uneven) {
  const Part &part = rig.part;
  for (unsigned i = 0; i < part.gp; i++) {
    const KnownEvent *known;
    do known = &known_events[random.below(sizeof(known_events) / sizeof(known_events[0]))];
    while (!(known->machines & part.flag));
    uint64_t select = event(known->select, known->umask);
    if (random.chance(10)) select = event(0xee, 0xee);
    for (uint64_t bit : {USR, OS, EDGE, INT, EN, INV})
      if (random.chance(bit == EDGE ? 20 : bit == INV ? 30 : 80)) select |= bit;
    if (random.chance(40) && (masked_uneven || !uneven_event(known->source)))
      select |= cmask(random.chance(70) ? 1 : random.below(9));
    rig.wrmsr(rig.select(i), select);
    rig.wrmsr(rig.counter(i), COUNTER_MASK - random.below(random.chance(50) ? 20 : 2000));
  }
  if (!part.fixed) return;
  uint64_t control = 0;
  for (unsigned i = 0; i < part.fixed; i++) {
    control |= (random.below(4) | (random.chance(80) ? 8 : 0)) << (4 * i);
    rig.wrmsr(rig.fixed(i), COUNTER_MASK - random.below(2000));
  }
  rig.wrmsr(0x38d, control);
  rig.wrmsr(0x38f, part.counters() & ~(1ull << random.below(part.gp)));
}

bool same_counters(Rig &a, Rig &b) {
  bool same = true;
  for (unsigned i = 0; i < a.part.gp; i++) same &= a.rdmsr(a.counter(i)) == b.rdmsr(b.counter(i));
  for (unsigned i = 0; i < a.part.fixed; i++) same &= a.rdmsr(a.fixed(i)) == b.rdmsr(b.fixed(i));
  return same && (!a.part.global() || a.status() == b.status());
}

// Run one random program on two PMUs: one looks after every step, the other
// only when distance() says so.  Both must see each overflow in the same step.
// False if they did not.
bool run(const Part &part, uint64_t seed, bool masked_uneven) {
  Random random(seed);
  Rig eager(part), lazy(part);
  program(random, eager, masked_uneven);
  Random again(seed);
  program(again, lazy, masked_uneven);
  uint64_t due = lazy.pmu.distance();
  bool user = false;
  for (unsigned n = 1; n <= 3000; n++) {
    step(random, part.slots, eager.now);
    lazy.now = eager.now;
    bool overflow = eager.overflowed(), seen = false;
    bool poll = due != Pmu::NEVER && --due == 0;
    bool switches = random.chance(2);
    if (poll || switches) seen = lazy.overflowed();
    if (switches) {
      user = !user;
      eager.mode(user, false);
      lazy.mode(user, false);
    }
    if (poll || switches) {
      due = lazy.pmu.distance();
      if (!due) return false;
    }
    if (seen != overflow) return false;
  }
  return same_counters(eager, lazy);
}

}  // namespace

MACHINE_TEST(ALL, "overflows are found in their step by looking only when distance() says so") {
  for (uint64_t seed = 1; seed <= 300; seed++) CHECK_AT(run(part, seed, false), seed);
}

MACHINE_TEST(ALL, "the same with counter masks on memory events") {
  for (uint64_t seed = 1; seed <= 300; seed++) CHECK_AT(run(part, seed, true), seed);
}

MACHINE_TEST(ALL, "distance() is exact for events that occur once in a step at most") {
  Rig rig(part);
  for (uint64_t select : {INSTRUCTIONS, rig.branches(), rig.cycles()})
    for (uint64_t n : {1, 2, 3, 1000, 1 << 30}) {
      rig.wrmsr(rig.select(0), select | OS | EN | INT);
      rig.wrmsr(rig.counter(0), COUNTER_MASK + 1 - n);
      EQUAL(rig.pmu.distance(), n);
    }
  rig.wrmsr(rig.counter(0), 0);
  EQUAL(rig.pmu.distance(), COUNTER_MASK + 1);
}

MACHINE_TEST(METRICS, "distance() knows how many slots go by in a step") {
  Rig rig(part);
  rig.wrmsr(rig.select(0), event(0xa4, 1) | OS | EN | INT);
  for (uint64_t n = 1; n < 100; n++) {
    rig.wrmsr(rig.counter(0), COUNTER_MASK + 1 - n);
    EQUAL(rig.pmu.distance(), (n + part.slots - 1) / part.slots);
  }
}

MACHINE_TEST(ALL, "distance() is that of the nearest counter that runs and interrupts") {
  Rig rig(part);
  rig.wrmsr(rig.counter(0), COUNTER_MASK - 9);
  rig.wrmsr(rig.counter(1), COUNTER_MASK - 99);
  rig.wrmsr(rig.counter(2), COUNTER_MASK - 999);
  EQUAL(rig.pmu.distance(), Pmu::NEVER);
  rig.wrmsr(rig.select(2), INSTRUCTIONS | OS | EN | INT);
  EQUAL(rig.pmu.distance(), 1000);
  rig.wrmsr(rig.select(1), INSTRUCTIONS | OS | EN | INT);
  EQUAL(rig.pmu.distance(), 100);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | OS | EN);         // does not interrupt
  EQUAL(rig.pmu.distance(), 100);
  rig.wrmsr(rig.select(0), INSTRUCTIONS | USR | EN | INT);  // does not run
  EQUAL(rig.pmu.distance(), 100);
  rig.mode(true, false);
  EQUAL(rig.pmu.distance(), 10);
}

// Each event under each condition: the sum of small stretches is the count of
// the whole, as long as both are cut where distance() says so.
MACHINE_TEST(ALL, "counts do not depend on how often counters are brought up to date") {
  Random random(7);
  for (const KnownEvent &known : known_events) {
    if (!(known.machines & part.flag)) continue;
    for (unsigned condition = 0; condition < 64; condition++) {
      uint64_t select = event(known.select, known.umask) | OS | EN | (condition & 1 ? EDGE : 0) |
                        (condition & 2 ? INV : 0) | cmask(condition / 4 % 8);
      Rig often(part), seldom(part);
      often.wrmsr(often.select(0), select);
      seldom.wrmsr(seldom.select(0), select);
      for (unsigned n = 0; n < 50; n++) {
        step(random, part.slots, often.now);
        seldom.now = often.now;
        if (seldom.pmu.distance() == 1) seldom.overflowed();
        if (often.pmu.distance() == 1 || random.chance(50)) often.overflowed();
      }
      EQUAL_AT(seldom.rdmsr(seldom.counter(0)), often.rdmsr(often.counter(0)), select);
    }
  }
}
