// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What happens in a processor that a counter can count: the event sources.
//
// This file holds their names, their definitions and the two small predictors
// behind the microarchitectural ones.  It knows no PMU register and no emulator.

#ifndef LAB_MODEL_SOURCE_H
#define LAB_MODEL_SOURCE_H

#include <cstddef>
#include <cstdint>

namespace lab {

// An event source.  The totals of all sources only ever grow; counters take
// differences of them.
enum Source : unsigned {
  SRC_NONE,          // counts nothing: an event that the machine does not know
  SRC_INSTRUCTION,
  SRC_BRANCH,
  SRC_CYCLE,
  SRC_REF_CYCLE,
  SRC_SLOT,
  SRC_BRANCH_MISS,
  SRC_LLC_REFERENCE,
  SRC_LLC_MISS,
  SRC_LOAD,
  SRC_STORE,
  SRC_LOAD_STORE,
  SRC_MODIFY,
  SRC_WAKE,          // not countable by itself: the rising edges of "not halted"
  // What became of the slots, in the order of the fields of PERF_METRICS.
  SRC_RETIRING,
  SRC_BAD_SPECULATION,
  SRC_FRONTEND_BOUND,
  SRC_BACKEND_BOUND,
  SRC_HEAVY_OPERATIONS,
  SRC_BRANCH_MISPREDICTS,
  SRC_FETCH_LATENCY,
  SRC_MEMORY_BOUND,
  N_SOURCES
};

constexpr Source FIRST_METRIC = SRC_RETIRING;
constexpr unsigned N_METRICS = N_SOURCES - FIRST_METRIC;

struct Totals {
  uint64_t n[N_SOURCES] = {};
};

// Which predictors have to watch the instruction stream for a source.
enum Watch : unsigned { WATCH_NONE = 0, WATCH_BRANCHES = 1, WATCH_MEMORY = 2 };

struct SourceInfo {
  const char *name;
  unsigned max_per_step;  // most occurrences in one instruction or REP iteration
  unsigned per_cycle;     // occurrences in each cycle in which it occurs
  bool level;             // asserted all the time that the CPU is not halted
  unsigned watch;         // Watch bits
  const char *definition; // exact, for docs/events.md
};

extern const SourceInfo source_info[N_SOURCES];

// Branch predictor: per branch address one two-bit counter for the direction
// of a conditional branch and the last target of an indirect branch.
class BranchPredictor {
 public:
  // Each returns true if the branch was mispredicted, and learns from it.
  bool conditional(uint64_t address, bool taken) {
    uint8_t &state = direction_[index(address)];
    bool predicted = state >= 2;
    if (taken && state < 3) state++;
    if (!taken && state > 0) state--;
    return predicted != taken;
  }
  bool indirect(uint64_t address, uint64_t target) {
    uint64_t &last = target_[index(address)];
    bool miss = last != target;
    last = target;
    return miss;
  }

 private:
  static constexpr size_t ENTRIES = 4096;
  static size_t index(uint64_t address) {
    return (address ^ (address >> 12)) % ENTRIES;
  }
  uint8_t direction_[ENTRIES] = {};
  uint64_t target_[ENTRIES] = {};
};

// Two direct-mapped caches of 64-byte lines, addressed physically.  An access
// that misses the inner one (64 KiB) is a reference to the outer one (2 MiB,
// the last level); it can miss there too.
class CacheModel {
 public:
  struct Result { bool reference, miss; };
  Result access(uint64_t physical) {
    uint64_t tag = (physical >> LINE_SHIFT) + 1;  // 0 stands for an empty entry
    uint64_t &inner = inner_[tag % INNER_LINES];
    if (inner == tag) return {false, false};
    inner = tag;
    uint64_t &outer = outer_[tag % OUTER_LINES];
    if (outer == tag) return {true, false};
    outer = tag;
    return {true, true};
  }
  void flush(uint64_t physical) {
    uint64_t tag = (physical >> LINE_SHIFT) + 1;
    if (inner_[tag % INNER_LINES] == tag) inner_[tag % INNER_LINES] = 0;
    if (outer_[tag % OUTER_LINES] == tag) outer_[tag % OUTER_LINES] = 0;
  }

 private:
  static constexpr unsigned LINE_SHIFT = 6;
  static constexpr size_t INNER_LINES = 1024, OUTER_LINES = 32768;
  uint64_t inner_[INNER_LINES] = {};
  uint64_t outer_[OUTER_LINES] = {};
};

}  // namespace lab

#endif
