// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Runs the tests of the model and prints KTAP.  Exit status: 0 all passed, 1 not.

#include "ktap.h"
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

const Part parts[5] = {
  {SPR, "spr", 8, 4, false, 6, 8},
  {ICX, "icx", 8, 4, false, 5, 4},
  {SKX, "skx", 4, 3, true, 0, 0},
  {ZEN4, "zen4", 6, 0, false, 0, 0},
  {ZEN3, "zen3", 6, 0, false, 0, 0},
};

namespace {

struct Test {
  std::string title;
  TestFunction function;
  const Part *part;
};

// In a function, because the tests of other files are added before main().
std::vector<Test> &tests() {
  static std::vector<Test> list;
  return list;
}

constexpr unsigned MOST_REPORTS = 10;  // of one test
unsigned failures;                     // in the test that runs

bool report(bool ok) {
  if (!ok) failures++;
  return !ok && failures <= MOST_REPORTS;
}

}  // namespace

bool add_test(unsigned machines, const char *title, TestFunction function) {
  if (!machines) tests().push_back({title, function, &parts[0]});
  for (const Part &part : parts)
    if (machines & part.flag) tests().push_back({std::string(part.name) + ": " + title, function, &part});
  return true;
}

bool check(bool ok, const char *file, int line, const char *what, uint64_t at) {
  if (report(ok)) printf("# %s:%d: %s (at %#" PRIx64 ")\n", file, line, what, at);
  return ok;
}

bool equal(uint64_t actual, uint64_t expected, const char *file, int line, const char *what, uint64_t at) {
  bool ok = actual == expected;
  if (report(ok))
    printf("# %s:%d: %s is %#" PRIx64 ", not %#" PRIx64 " (at %#" PRIx64 ")\n", file, line, what, actual,
           expected, at);
  return ok;
}

int main() {
  unsigned number = 0, failed = 0;

  setvbuf(stdout, nullptr, _IOLBF, 0);
  printf("KTAP version 1\n1..%zu\n", tests().size());
  for (const Test &test : tests()) {
    failures = 0;
    test.function(*test.part);
    if (failures > MOST_REPORTS) printf("# and %u more\n", failures - MOST_REPORTS);
    printf("%s %u %s\n", failures ? "not ok" : "ok", ++number, test.title.c_str());
    failed += failures != 0;
  }
  printf("# %u passed, %u failed, 0 skipped\n", number - failed, failed);
  return failed || !number;
}
