// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The machines: what PMU each modelled part has, and the one table of events
// per machine that drives counting, CPUID enumeration and docs/events.md.
// A new machine or event is a new row in machine.cc.

#ifndef LAB_MODEL_MACHINE_H
#define LAB_MODEL_MACHINE_H

#include <cstddef>
#include <cstdint>
#include "source.h"

namespace lab {

enum class Vendor { Intel, Amd };

// An event that a general-purpose counter can select.
struct Event {
  uint16_t select;   // event select: bits 7:0, on AMD also 11:8
  uint8_t umask;
  Source source;
  int arch_bit;      // CPUID leaf 0xA EBX bit, or -1 if not architectural
  const char *name;  // the manual's name
};

struct Machine {
  const char *name;        // as lab/run -m has it
  const char *part;        // the real part
  Vendor vendor;
  uint32_t signature;      // CPUID leaf 1 EAX
  unsigned version;        // Intel: architectural PerfMon version; AMD: 2 with PerfMonV2, else 0
  unsigned gp;             // general-purpose counters
  unsigned fixed;          // fixed-function counters
  unsigned width;          // counter width in bits
  bool full_width;         // IA32_A_PMCx exist
  bool anythread;          // AnyThread bits are writable (not deprecated)
  bool vmexit_save;        // VM exit can save IA32_PERF_GLOBAL_CTRL
  uint64_t capabilities;   // IA32_PERF_CAPABILITIES
  uint32_t microcode;      // Intel: update revision that the part reports
  unsigned slots;          // issue slots in a cycle; 0: not counted
  unsigned metrics;        // fields of PERF_METRICS; 0: there is no such register
  unsigned lbr_depth;      // last-branch records: the registers exist, nothing is recorded
  const Event *events;
  size_t n_events;

  bool has_global() const { return version >= 2; }
};

extern const Machine machines[];
extern const size_t n_machines;

// The machine of that name, or nullptr.
const Machine *find_machine(const char *name);

// What the machine counts for an event select and unit mask; SRC_NONE if it
// does not know the event.
Source find_event(const Machine &machine, uint16_t select, uint8_t umask);

struct CpuidLeaf { uint32_t eax, ebx, ecx, edx; };

// Intel: leaf 0xA.  AMD: leaf 0x80000022 (all zero without PerfMonV2).
CpuidLeaf cpuid_perfmon(const Machine &machine);

}  // namespace lab

#endif
