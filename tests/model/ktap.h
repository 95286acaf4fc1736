// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the tests of the model share: a list of tests, checks, KTAP output.

#ifndef TESTS_MODEL_KTAP_H
#define TESTS_MODEL_KTAP_H

#include <cstdint>
#include <initializer_list>

// What the manuals say about a machine; deliberately not taken from the model.
struct Part {
  unsigned flag;       // its bit below
  const char *name;
  unsigned gp, fixed;  // counters
  bool anythread;      // AnyThread bits exist
  unsigned slots;      // in a cycle; 0: not counted
  unsigned metrics;    // fields of PERF_METRICS

  bool intel() const;
  bool global() const; // has global control and status registers
  // One bit for each, as in the global registers.
  uint64_t counters() const {
    return ((1ull << gp) - 1) | (((1ull << fixed) - 1) << 32);
  }
  // The same and PERF_METRICS.
  uint64_t global_bits() const { return counters() | (metrics ? 1ull << 48 : 0); }
};

enum : unsigned {
  SPR = 1, SKX = 2, ZEN4 = 4, ZEN3 = 8, ICX = 16,
  METRICS = SPR | ICX, INTEL = METRICS | SKX, AMD = ZEN4 | ZEN3, GLOBAL = INTEL | ZEN4, ALL = INTEL | AMD
};

extern const Part parts[5];

inline bool Part::intel() const { return flag & INTEL; }
inline bool Part::global() const { return flag & GLOBAL; }

using TestFunction = void (*)(const Part &part);

// Put a test on the list, once for each machine named in machines; 0: once.
bool add_test(unsigned machines, const char *title, TestFunction function);

// A failed check is reported; the test goes on.  @at tells iterations apart.
bool check(bool ok, const char *file, int line, const char *what, uint64_t at = 0);
bool equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *what, uint64_t at = 0);

#define CHECK(condition) check((condition), __FILE__, __LINE__, #condition)
#define CHECK_AT(condition, at) check((condition), __FILE__, __LINE__, #condition, (at))
#define EQUAL(actual, expected) equal((actual), (expected), __FILE__, __LINE__, #actual)
#define EQUAL_AT(actual, expected, at) equal((actual), (expected), __FILE__, __LINE__, #actual, (at))

// MACHINE_TEST(SPR | ZEN4, "title") { ... } runs on these machines, as "part".
#define MACHINE_TEST(machines, title) LAB_TEST(machines, title, __COUNTER__)
#define TEST(title) LAB_TEST(0, title, __COUNTER__)
#define LAB_TEST(machines, title, id) LAB_TEST_(machines, title, id)
#define LAB_TEST_(machines, title, id) \
  static void test_##id(const Part &part); \
  [[maybe_unused]] static const bool added_##id = add_test(machines, title, test_##id); \
  static void test_##id([[maybe_unused]] const Part &part)

#endif
