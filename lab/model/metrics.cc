// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Top-down analysis; see metrics.h.

#include "metrics.h"

namespace lab {

// Each cycle has a slot that waits for the back end at least: for memory, if the step accesses
// data.
void classify(const Steps &steps, unsigned width, Totals *totals) {
  uint64_t *n = totals->n;
  uint64_t cycles = steps.retired + steps.iterations + steps.unfinished;
  n[SRC_SLOT] = width * cycles;
  n[SRC_HEAVY_OPERATIONS] = (width - 1) * steps.iterations;
  n[SRC_RETIRING] = 2 * steps.retired + n[SRC_HEAVY_OPERATIONS];
  n[SRC_BRANCH_MISPREDICTS] = (width - 4) * steps.branch_misses;
  n[SRC_BAD_SPECULATION] = (width - 1) * steps.unfinished + n[SRC_BRANCH_MISPREDICTS];
  n[SRC_FRONTEND_BOUND] = steps.branches;
  n[SRC_FETCH_LATENCY] = steps.branch_misses;
  n[SRC_BACKEND_BOUND] = n[SRC_SLOT] - n[SRC_RETIRING] - n[SRC_BAD_SPECULATION] - n[SRC_FRONTEND_BOUND];
  n[SRC_MEMORY_BOUND] = steps.accessing;
}

void Metrics::count(const Totals &delta) {
  slots_ += delta.n[SRC_SLOT];
  for (unsigned i = 0; i < fields_; i++) category_[i] += delta.n[FIRST_METRIC + i];
}

// Fractions are rounded to the nearest.
uint64_t Metrics::read() const {
  uint64_t value = 0;
  if (!slots_) return 0;
  for (unsigned i = 0; i < fields_; i++) value |= (2 * ALL * category_[i] + slots_) / (2 * slots_) << 8 * i;
  return value;
}

void Metrics::write(uint64_t value, uint64_t slots) {
  slots_ = slots;
  for (unsigned i = 0; i < fields_; i++) category_[i] = (2 * (value >> 8 * i & ALL) * slots + ALL) / (2 * ALL);
}

}  // namespace lab
