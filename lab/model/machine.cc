// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Tables of sources, events and machines.
//
// Rules: Intel SDM vol. 3 chapter "Performance Monitoring" and vol. 2 CPUID;
// AMD APM vol. 2 section "Performance Monitoring Counters" and the PPRs of
// family 19h; event encodings as in the kernel's tools/perf/pmu-events.

#include "machine.h"
#include <cstring>

namespace lab {

// Of any machine.
static constexpr unsigned MAX_SLOTS = 6;

const SourceInfo source_info[N_SOURCES] = {
  {"none", 0, 0, false, WATCH_NONE,
   "Nothing: the machine does not know the event."},
  {"instructions", 1, 1, false, WATCH_NONE,
   "Instructions retired. A REP instruction is one. An instruction that faults or causes a VM exit is none. "
   "VMLAUNCH and VMRESUME belong to the host, a successful VMRUN to the guest; SYSCALL, SYSRET, INT and IRET "
   "belong to the privilege level that they leave. A WRMSR that starts a counter is not counted by it, one that stops it is."},
  {"branches", 1, 1, false, WATCH_NONE,
   "Branch instructions retired: near and far jumps, calls and returns, conditional ones taken or not, SYSCALL, SYSRET, "
   "INT and IRET; on AMD a successful VMRUN too. Interrupts and exceptions are none."},
  {"cycles", 1, 1, true, WATCH_NONE,
   "One for each instruction or REP iteration that the processor begins, whether it retires or not. None while halted."},
  {"reference cycles", 1, 1, true, WATCH_NONE,
   "The same as cycles: the machine runs at the frequency of its time-stamp counter."},
  {"slots", MAX_SLOTS, MAX_SLOTS, true, WATCH_NONE,
   "As many for each cycle as the machine has."},
  {"branch misses", 1, 1, false, WATCH_BRANCHES,
   "Branches that a small predictor gets wrong: 4096 two-bit counters for conditional branches, 4096 last targets for "
   "indirect ones and returns. It learns only while a running counter selects the event."},
  {"LLC references", 512, 1, false, WATCH_MEMORY,
   "Data accesses that miss a direct-mapped cache of 64 KiB with 64-byte lines. CLFLUSH, CLFLUSHOPT and CLWB empty "
   "the line's entry and, as they go out to memory, count one reference and one miss each. "
   "The caches learn only while a running counter selects a memory event."},
  {"LLC misses", 512, 1, false, WATCH_MEMORY,
   "LLC references that miss a direct-mapped cache of 2 MiB with 64-byte lines as well."},
  {"loads", 256, 1, false, WATCH_MEMORY,
   "Data reads that an instruction makes, one for each access (a read-modify-write is one load and one store)."},
  {"stores", 256, 1, false, WATCH_MEMORY,
   "Data writes that an instruction makes, one for each access."},
  {"loads and stores", 512, 1, false, WATCH_MEMORY,
   "The sum of loads and stores."},
  {"read-modify-writes", 256, 1, false, WATCH_MEMORY,
   "Data accesses that read and write back in one instruction; each is a load and a store too."},
  {"wake-ups", 1, 1, false, WATCH_NONE,
   "Ends of HLT or MWAIT; what edge detection makes of cycles, reference cycles and slots."},
  {"retiring", MAX_SLOTS - 1, 1, false, WATCH_NONE,
   "Slots: two for each instruction retired, and the heavy operations."},
  {"bad speculation", MAX_SLOTS - 1, 1, false, WATCH_BRANCHES,
   "Slots: all but one of each instruction that faults or causes a VM exit, and branch mispredicts."},
  {"frontend bound", 1, 1, false, WATCH_NONE,
   "Slots: one for each branch."},
  {"backend bound", MAX_SLOTS - 1, 1, false, WATCH_BRANCHES,
   "Slots: all that are neither retiring, bad speculation nor frontend bound; at least one in each cycle."},
  {"heavy operations", MAX_SLOTS - 1, 1, false, WATCH_NONE,
   "Slots, part of retiring: all but one of each iteration of a REP instruction that is not its last."},
  {"branch mispredicts", MAX_SLOTS - 4, 1, false, WATCH_BRANCHES,
   "Slots, part of bad speculation: all but four for each branch miss."},
  {"fetch latency", 1, 1, false, WATCH_BRANCHES,
   "Slots, part of frontend bound: one for each branch miss."},
  {"memory bound", 1, 1, false, WATCH_MEMORY,
   "Slots, part of backend bound: one for each step that accesses data."},
};

static const Event spr_events[] = {
  {0x3c, 0x00, SRC_CYCLE,         0, "CPU_CLK_UNHALTED.THREAD_P"},
  {0xc0, 0x00, SRC_INSTRUCTION,   1, "INST_RETIRED.ANY_P"},
  {0x3c, 0x01, SRC_REF_CYCLE,     2, "CPU_CLK_UNHALTED.REF_TSC_P"},
  {0x2e, 0x4f, SRC_LLC_REFERENCE, 3, "LONGEST_LAT_CACHE.REFERENCE"},
  {0x2e, 0x41, SRC_LLC_MISS,      4, "LONGEST_LAT_CACHE.MISS"},
  {0xc4, 0x00, SRC_BRANCH,        5, "BR_INST_RETIRED.ALL_BRANCHES"},
  {0xc5, 0x00, SRC_BRANCH_MISS,   6, "BR_MISP_RETIRED.ALL_BRANCHES"},
  {0xa4, 0x01, SRC_SLOT,          7, "TOPDOWN.SLOTS_P"},
  {0xa4, 0x02, SRC_BACKEND_BOUND, -1, "TOPDOWN.BACKEND_BOUND_SLOTS"},
  {0xd0, 0x81, SRC_LOAD,         -1, "MEM_INST_RETIRED.ALL_LOADS"},
  {0xd0, 0x82, SRC_STORE,        -1, "MEM_INST_RETIRED.ALL_STORES"},
  {0xd0, 0x83, SRC_LOAD_STORE,   -1, "MEM_INST_RETIRED.ANY"},
};

static const Event icx_events[] = {
  {0x3c, 0x00, SRC_CYCLE,         0, "CPU_CLK_UNHALTED.THREAD_P"},
  {0xc0, 0x00, SRC_INSTRUCTION,   1, "INST_RETIRED.ANY_P"},
  {0x3c, 0x01, SRC_REF_CYCLE,     2, "CPU_CLK_UNHALTED.REF_XCLK"},
  {0x2e, 0x4f, SRC_LLC_REFERENCE, 3, "LONGEST_LAT_CACHE.REFERENCE"},
  {0x2e, 0x41, SRC_LLC_MISS,      4, "LONGEST_LAT_CACHE.MISS"},
  {0xc4, 0x00, SRC_BRANCH,        5, "BR_INST_RETIRED.ALL_BRANCHES"},
  {0xc5, 0x00, SRC_BRANCH_MISS,   6, "BR_MISP_RETIRED.ALL_BRANCHES"},
  {0xa4, 0x01, SRC_SLOT,          7, "TOPDOWN.SLOTS_P"},
  {0xa4, 0x02, SRC_BACKEND_BOUND, -1, "TOPDOWN.BACKEND_BOUND_SLOTS"},
  {0xd0, 0x81, SRC_LOAD,         -1, "MEM_INST_RETIRED.ALL_LOADS"},
  {0xd0, 0x82, SRC_STORE,        -1, "MEM_INST_RETIRED.ALL_STORES"},
  {0xd0, 0x83, SRC_LOAD_STORE,   -1, "MEM_INST_RETIRED.ANY"},
};

static const Event skx_events[] = {
  {0x3c, 0x00, SRC_CYCLE,         0, "CPU_CLK_UNHALTED.THREAD_P"},
  {0xc0, 0x00, SRC_INSTRUCTION,   1, "INST_RETIRED.ANY_P"},
  {0x3c, 0x01, SRC_REF_CYCLE,     2, "CPU_CLK_THREAD_UNHALTED.REF_XCLK"},
  {0x2e, 0x4f, SRC_LLC_REFERENCE, 3, "LONGEST_LAT_CACHE.REFERENCE"},
  {0x2e, 0x41, SRC_LLC_MISS,      4, "LONGEST_LAT_CACHE.MISS"},
  {0xc4, 0x00, SRC_BRANCH,        5, "BR_INST_RETIRED.ALL_BRANCHES"},
  {0xc5, 0x00, SRC_BRANCH_MISS,   6, "BR_MISP_RETIRED.ALL_BRANCHES"},
  {0xd0, 0x81, SRC_LOAD,         -1, "MEM_INST_RETIRED.ALL_LOADS"},
  {0xd0, 0x82, SRC_STORE,        -1, "MEM_INST_RETIRED.ALL_STORES"},
  {0xd0, 0x83, SRC_LOAD_STORE,   -1, "MEM_INST_RETIRED.ANY"},
};

static const Event zen_events[] = {
  {0x076, 0x00, SRC_CYCLE,         -1, "LsNotHaltedCyc"},
  {0x0c0, 0x00, SRC_INSTRUCTION,   -1, "ExRetInstr"},
  {0x120, 0x01, SRC_REF_CYCLE,     -1, "LsNotHaltedP0Cyc"},
  {0x0c2, 0x00, SRC_BRANCH,        -1, "ExRetBrn"},
  {0x0c3, 0x00, SRC_BRANCH_MISS,   -1, "ExRetBrnMisp"},
  {0x060, 0xff, SRC_LLC_REFERENCE, -1, "L2RequestG1 (all)"},
  {0x064, 0x09, SRC_LLC_MISS,      -1, "L2CacheReqStat (data and instruction misses)"},
  {0x029, 0x01, SRC_LOAD,          -1, "LsDispatch.LdDispatch"},
  {0x029, 0x02, SRC_STORE,         -1, "LsDispatch.StoreDispatch"},
  {0x029, 0x04, SRC_MODIFY,        -1, "LsDispatch.LdStDispatch"},
};

// PERF_CAPABILITIES: full-width writes (bit 13), PERF_METRICS (bit 15); no LBR or PEBS.
static constexpr uint64_t CAP_FULL_WIDTH = 1 << 13, CAP_METRICS = 1 << 15;

const Machine machines[] = {
  {"spr", "Intel Sapphire Rapids", Vendor::Intel, 0x000806f8, 5, 8, 4, 48,
   true, false, true, CAP_FULL_WIDTH | CAP_METRICS, 0x2b000603, 6, 8, 0, spr_events, sizeof(spr_events) / sizeof(Event)},
  {"icx", "Intel Ice Lake-SP", Vendor::Intel, 0x000606a6, 5, 8, 4, 48,
   true, false, false, CAP_FULL_WIDTH | CAP_METRICS, 0x0d0003f5, 5, 4, 32, icx_events, sizeof(icx_events) / sizeof(Event)},
  {"skx", "Intel Skylake-SP", Vendor::Intel, 0x00050654, 4, 4, 3, 48,
   true, true, false, CAP_FULL_WIDTH, 0x02007006, 0, 0, 32, skx_events, sizeof(skx_events) / sizeof(Event)},
  {"zen4", "AMD Zen 4 (Genoa)", Vendor::Amd, 0x00a10f11, 2, 6, 0, 48,
   false, false, false, 0, 0, 0, 0, 0, zen_events, sizeof(zen_events) / sizeof(Event)},
  {"zen3", "AMD Zen 3 (Milan)", Vendor::Amd, 0x00a00f11, 0, 6, 0, 48,
   false, false, false, 0, 0, 0, 0, 0, zen_events, sizeof(zen_events) / sizeof(Event)},
};
const size_t n_machines = sizeof(machines) / sizeof(machines[0]);

const Machine *find_machine(const char *name) {
  for (const Machine &m : machines)
    if (!strcmp(m.name, name)) return &m;
  return nullptr;
}

Source find_event(const Machine &machine, uint16_t select, uint8_t umask) {
  for (size_t i = 0; i < machine.n_events; i++)
    if (machine.events[i].select == select && machine.events[i].umask == umask)
      return machine.events[i].source;
  return SRC_NONE;
}

static CpuidLeaf cpuid_intel(const Machine &m) {
  unsigned length = 7;          // SDM: EBX has at least the seven first events
  uint32_t available = 0;
  for (size_t i = 0; i < m.n_events; i++) {
    if (m.events[i].arch_bit < 0) continue;
    available |= 1u << m.events[i].arch_bit;
    if (unsigned(m.events[i].arch_bit) >= length) length = m.events[i].arch_bit + 1;
  }
  CpuidLeaf leaf;
  leaf.eax = m.version | (m.gp << 8) | (m.width << 16) | (length << 24);
  leaf.ebx = ~available & ((1u << length) - 1);  // a set bit: not available
  leaf.ecx = m.version >= 5 ? (1u << m.fixed) - 1 : 0;
  leaf.edx = m.fixed | (m.width << 5) | (m.anythread ? 0 : 1u << 15);
  return leaf;
}

CpuidLeaf cpuid_perfmon(const Machine &m) {
  if (m.vendor == Vendor::Intel) return cpuid_intel(m);
  if (!m.has_global()) return {0, 0, 0, 0};
  return {1 /* PerfMonV2 */, m.gp /* core counters, bits 3:0 */, 0, 0};
}

}  // namespace lab
