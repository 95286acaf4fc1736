// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The events that the machines must know, written down anew: SDM vol. 3,
// "Pre-defined Architectural Performance Events", and the event lists of the
// parts (kernel: tools/perf/pmu-events, arch/x86/events/amd/core.c).

#ifndef TESTS_MODEL_KNOWN_EVENTS_H
#define TESTS_MODEL_KNOWN_EVENTS_H

#include "ktap.h"
#include "source.h"

struct KnownEvent {
  unsigned machines;
  uint16_t select;
  uint8_t umask;
  lab::Source source;
  int arch_bit;   // in CPUID leaf 0xA EBX; -1: not architectural
};

constexpr KnownEvent known_events[] = {
  {INTEL, 0x3c, 0x00, lab::SRC_CYCLE, 0},
  {INTEL, 0xc0, 0x00, lab::SRC_INSTRUCTION, 1},
  {INTEL, 0x3c, 0x01, lab::SRC_REF_CYCLE, 2},
  {INTEL, 0x2e, 0x4f, lab::SRC_LLC_REFERENCE, 3},
  {INTEL, 0x2e, 0x41, lab::SRC_LLC_MISS, 4},
  {INTEL, 0xc4, 0x00, lab::SRC_BRANCH, 5},
  {INTEL, 0xc5, 0x00, lab::SRC_BRANCH_MISS, 6},
  {METRICS, 0xa4, 0x01, lab::SRC_SLOT, 7},
  {METRICS, 0xa4, 0x02, lab::SRC_BACKEND_BOUND, -1},
  {INTEL, 0xd0, 0x81, lab::SRC_LOAD, -1},
  {INTEL, 0xd0, 0x82, lab::SRC_STORE, -1},
  {INTEL, 0xd0, 0x83, lab::SRC_LOAD_STORE, -1},
  {AMD, 0x076, 0x00, lab::SRC_CYCLE, -1},
  {AMD, 0x0c0, 0x00, lab::SRC_INSTRUCTION, -1},
  {AMD, 0x120, 0x01, lab::SRC_REF_CYCLE, -1},
  {AMD, 0x0c2, 0x00, lab::SRC_BRANCH, -1},
  {AMD, 0x0c3, 0x00, lab::SRC_BRANCH_MISS, -1},
  {AMD, 0x060, 0xff, lab::SRC_LLC_REFERENCE, -1},
  {AMD, 0x064, 0x09, lab::SRC_LLC_MISS, -1},
  {AMD, 0x029, 0x01, lab::SRC_LOAD, -1},
  {AMD, 0x029, 0x02, lab::SRC_STORE, -1},
  {AMD, 0x029, 0x04, lab::SRC_MODIFY, -1},
};

// The entry for an event of this part, or nullptr.
inline const KnownEvent *find_known(const Part &part, unsigned select, unsigned umask) {
  for (const KnownEvent &known : known_events)
    if ((known.machines & part.flag) && known.select == select && known.umask == umask) return &known;
  return nullptr;
}

#endif
