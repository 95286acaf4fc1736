// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Top-down analysis: what became of the issue slots of a processor, and the register
// PERF_METRICS that tells.
//
// Rules: Intel SDM vol. 3 "Performance Metrics" and "Fixed Performance Counters"; the
// classification is the lab's own and stated in docs/events.md.

#ifndef LAB_MODEL_METRICS_H
#define LAB_MODEL_METRICS_H

#include <cstdint>
#include "source.h"

namespace lab {

// How a processor has spent its cycles.
struct Steps {
  uint64_t retired;        // instructions
  uint64_t iterations;     // of REP instructions, but for the last of each
  uint64_t unfinished;     // instructions that faulted or caused a VM exit
  uint64_t branches, branch_misses;   // among those retired
  uint64_t accessing;      // steps of any kind that access data
};

// Fill in the slots of @totals and what became of them; @width slots in a cycle, at least 5.
void classify(const Steps &steps, unsigned width, Totals *totals);

// PERF_METRICS: for each category the part of the slots that fell to it since the register was
// written, in 8 bits, 255 being all of them.
class Metrics {
 public:
  // As many categories as the part reports; 0: it has no such register.
  explicit Metrics(unsigned fields) : fields_(fields) {}

  uint64_t writable() const { return fields_ < 8 ? (1ull << 8 * fields_) - 1 : ~0ull; }
  void count(const Totals &delta);
  uint64_t slots() const { return slots_; }   // since the register was written
  uint64_t read() const;
  // Goes on from what the fields say of so many slots: those of the fixed counter, which
  // software writes first.
  void write(uint64_t value, uint64_t slots);

 private:
  static constexpr uint64_t ALL = 255;

  unsigned fields_;
  uint64_t slots_ = 0, category_[N_METRICS] = {};
};

}  // namespace lab

#endif
