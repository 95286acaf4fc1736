// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Machines, events and sources: the tables agree with the parts and with themselves.

#include "known-events.h"
#include "machine.h"
#include <cstring>
#include <set>
#include <string>

using namespace lab;

TEST("the machines are those of the tests") {
  EQUAL(n_machines, sizeof(parts) / sizeof(parts[0]));
  for (const Part &part : parts) CHECK(find_machine(part.name) != nullptr);
  for (const char *name : {"", "SPR", "spr ", "bdx", "zen"}) CHECK(find_machine(name) == nullptr);
}

// Leaf 1 EAX of real parts: the kernel picks its driver by family and model.
MACHINE_TEST(ALL, "family and model are the part's") {
  const struct { unsigned machine, family, model; } expected[] = {
    {SPR, 6, 0x8f}, {ICX, 6, 0x6a}, {SKX, 6, 0x55}, {ZEN4, 0x19, 0x11}, {ZEN3, 0x19, 0x01}
  };
  uint32_t eax = find_machine(part.name)->signature;
  unsigned base = (eax >> 8) & 0xf;
  unsigned family = base == 0xf ? base + ((eax >> 20) & 0xff) : base;
  unsigned model = ((eax >> 4) & 0xf) | ((eax >> 12) & 0xf0);
  for (const auto &e : expected)
    if (e.machine == part.flag) {
      EQUAL(family, e.family);
      EQUAL(model, e.model);
    }
}

// Intel: leaf 0xA as real parts give it.  AMD: leaf 0x80000022 with PerfMonV2
// and six core counters, but no last-branch records or other counters.
MACHINE_TEST(ALL, "CPUID describes the PMU") {
  const struct { unsigned machine; CpuidLeaf leaf; } expected[] = {
    {SPR, {0x08300805, 0, 0xf, 0x8604}},
    {ICX, {0x08300805, 0, 0xf, 0x8604}},
    {SKX, {0x07300404, 0, 0, 0x603}},
    {ZEN4, {1, 6, 0, 0}},
    {ZEN3, {0, 0, 0, 0}},
  };
  CpuidLeaf leaf = cpuid_perfmon(*find_machine(part.name));
  for (const auto &e : expected)
    if (e.machine == part.flag) {
      EQUAL(leaf.eax, e.leaf.eax);
      EQUAL(leaf.ebx, e.leaf.ebx);
      EQUAL(leaf.ecx, e.leaf.ecx);
      EQUAL(leaf.edx, e.leaf.edx);
    }
}

TEST("CPUID says which architectural events are missing") {
  Machine machine = *find_machine("spr");
  const Event events[] = {{0xc0, 0, SRC_INSTRUCTION, 1, "a"}, {0xc4, 0, SRC_BRANCH, 5, "b"}, {0xd0, 1, SRC_LOAD, -1, "c"}};
  machine.events = events;
  machine.n_events = 3;
  CpuidLeaf leaf = cpuid_perfmon(machine);
  EQUAL(leaf.eax >> 24, 7);   // the first seven are always in the list
  EQUAL(leaf.ebx, 0x5d);
}

MACHINE_TEST(ALL, "VM-exit controls, widths and capabilities are the part's") {
  const Machine &machine = *find_machine(part.name);
  EQUAL(machine.vmexit_save, part.flag == SPR);
  EQUAL(machine.width, 48);
  EQUAL(machine.gp, part.gp);
  EQUAL(machine.fixed, part.fixed);
  EQUAL(machine.slots, part.slots);
  EQUAL(machine.metrics, part.metrics);
  EQUAL(machine.capabilities, part.metrics ? 0xa000 : part.intel() ? 0x2000 : 0);
}

MACHINE_TEST(ALL, "events are those of the part, each once") {
  const Machine &machine = *find_machine(part.name);
  std::set<unsigned> encodings;
  std::set<int> bits;
  std::set<std::string> names;
  for (size_t i = 0; i < machine.n_events; i++) {
    const Event &row = machine.events[i];
    CHECK_AT(encodings.insert(row.select << 8 | row.umask).second, row.select);
    CHECK_AT(row.arch_bit < 0 || bits.insert(row.arch_bit).second, row.select);
    CHECK_AT(names.insert(row.name).second && *row.name, row.select);
    CHECK_AT(row.source > SRC_NONE && row.source < N_SOURCES && row.source != SRC_WAKE, row.select);
    CHECK_AT(row.select <= (part.intel() ? 0xff : 0xfff), row.select);
    const KnownEvent *known = find_known(part, row.select, row.umask);
    if (!CHECK_AT(known, row.select)) continue;
    EQUAL_AT(row.source, known->source, row.select);
    EQUAL_AT(unsigned(row.arch_bit), unsigned(known->arch_bit), row.select);
  }
  for (const KnownEvent &known : known_events)
    if (known.machines & part.flag) EQUAL_AT(encodings.count(known.select << 8 | known.umask), 1, known.select);
}

MACHINE_TEST(ALL, "find_event() finds the rows and nothing else") {
  const Machine &machine = *find_machine(part.name);
  for (unsigned select = 0; select < 0x1000; select++)
    for (unsigned umask = 0; umask < 0x100; umask++) {
      const KnownEvent *known = find_known(part, select, umask);
      Source expected = known ? known->source : SRC_NONE;
      if (find_event(machine, select, umask) != expected) CHECK_AT(!"wrong source", select << 8 | umask);
    }
}

TEST("every source has a name, a definition and a maximum rate") {
  std::set<std::string> names;
  for (unsigned i = 0; i < N_SOURCES; i++) {
    const SourceInfo &source = source_info[i];
    CHECK_AT(names.insert(source.name).second, i);
    CHECK_AT(strlen(source.definition) > 10, i);
    if (i == SRC_NONE) continue;
    CHECK_AT(source.per_cycle >= 1, i);
    CHECK_AT(source.max_per_step >= source.per_cycle, i);
  }
}
