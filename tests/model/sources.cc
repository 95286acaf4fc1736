// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Branch predictor and caches: they do what docs/events.md says, and the same each time.

#include "ktap.h"
#include "source.h"
#include <memory>

using namespace lab;

namespace {

// A stream of pseudo-random numbers.
struct Stream {
  uint64_t state = 1;
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
};

// Big: not on the stack.
struct Sources {
  BranchPredictor predictor;
  CacheModel cache;
};

}  // namespace

TEST("a conditional branch has a two-bit counter that starts at not taken") {
  auto predictor = std::make_unique<BranchPredictor>();
  const struct { bool taken, miss; } cases[] = {
    {false, false}, {true, true}, {true, true}, {true, false}, {true, false},
    {false, true}, {true, false},                  // one exception does not unlearn
    {false, true}, {false, true}, {false, false},  // two do
  };
  unsigned n = 0;
  for (const auto &c : cases) EQUAL_AT(predictor->conditional(0x401000, c.taken), c.miss, n++);
}

TEST("a loop's branch is wrong at its beginning and end only") {
  auto predictor = std::make_unique<BranchPredictor>();
  unsigned misses = 0;
  for (unsigned i = 0; i < 1000; i++) misses += predictor->conditional(0x1234, i < 999);
  EQUAL(misses, 3);
}

TEST("an indirect branch is predicted to go where it went last") {
  auto predictor = std::make_unique<BranchPredictor>();
  CHECK(predictor->indirect(0x1000, 0x5000));
  CHECK(!predictor->indirect(0x1000, 0x5000));
  CHECK(predictor->indirect(0x1000, 0x6000));
  CHECK(predictor->indirect(0x1000, 0x5000));
  CHECK(predictor->indirect(0x1001, 0x5000));   // another branch
  CHECK(!predictor->indirect(0x1000, 0x5000));
}

TEST("4096 branches side by side do not disturb each other") {
  auto predictor = std::make_unique<BranchPredictor>();
  for (unsigned pass = 0; pass < 3; pass++)
    for (uint64_t i = 0; i < 4096; i++) {
      EQUAL_AT(predictor->conditional(i, true), pass < 2, i);
      EQUAL_AT(predictor->indirect(i, i * 16), pass < 1 && i, i);   // target 0 is what an empty entry holds
    }
}

static void check_access(CacheModel &cache, uint64_t address, bool reference, bool miss) {
  CacheModel::Result result = cache.access(address);
  EQUAL_AT(result.reference, reference, address);
  EQUAL_AT(result.miss, miss, address);
}

TEST("caches hold lines of 64 bytes") {
  auto cache = std::make_unique<CacheModel>();
  for (uint64_t line : {0x0, 0x40, 0x10000040}) {
    check_access(*cache, line, true, true);
    for (unsigned byte = 0; byte < 64; byte++) check_access(*cache, line + byte, false, false);
  }
}

TEST("the inner cache has 64 KiB, the outer 2 MiB") {
  auto cache = std::make_unique<CacheModel>();
  const uint64_t inner = 64 << 10, outer = 2 << 20;
  for (uint64_t a = 0; a < inner; a += 64) check_access(*cache, a, true, true);
  for (uint64_t a = 0; a < inner; a += 64) check_access(*cache, a, false, false);
  for (uint64_t a = inner; a < outer; a += 64) check_access(*cache, a, true, true);
  for (uint64_t a = 0; a < outer; a += 64) check_access(*cache, a, true, false);
  check_access(*cache, outer, true, true);
  check_access(*cache, 0, true, true);
  check_access(*cache, 64, true, false);
}

TEST("a flush empties the line's entry in both caches") {
  auto cache = std::make_unique<CacheModel>();
  for (uint64_t a : {0x1000, 0x1040}) check_access(*cache, a, true, true);
  cache->flush(0x103f);
  check_access(*cache, 0x1040, false, false);
  check_access(*cache, 0x1000, true, true);
  cache->flush(0x1000 + (64 << 10));   // another line of the same entry
  check_access(*cache, 0x1000, false, false);
  // A line that only the outer cache holds.
  check_access(*cache, 0x1000 + (64 << 10), true, true);
  cache->flush(0x1000);
  check_access(*cache, 0x1000, true, true);
}

TEST("the same stream gives the same misses") {
  auto a = std::make_unique<Sources>(), b = std::make_unique<Sources>();
  Stream stream, other;
  uint64_t misses = 0;
  for (unsigned n = 0; n < 200000; n++) {
    uint64_t x = stream.next(), y = other.next();
    bool miss = a->predictor.conditional(x % 8192, x >> 63);
    EQUAL(b->predictor.conditional(y % 8192, y >> 63), miss);
    CacheModel::Result i = a->cache.access(x % (4 << 20)), j = b->cache.access(y % (4 << 20));
    EQUAL(i.reference, j.reference);
    EQUAL(i.miss, j.miss);
    CHECK(i.reference || !i.miss);
    misses += miss;
  }
  CHECK(misses > 0);
}
