// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Tests that are programs of their own; only in the plain build.

#include "ktap.h"
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

// Run a command, its output kept in @log; if it fails, show all but passed tests.
static bool runs(const std::string &command, const std::string &log) {
  if (system(("(" + command + ") >" + log + " 2>&1").c_str()) == 0) return true;
  std::ifstream file(log);
  std::string line;
  while (std::getline(file, line))
    if (line.compare(0, 3, "ok ")) printf("#   %s\n", line.c_str());
  return false;
}

TEST("docs/events.md is what the tables say (otherwise: make -C tests/model events.md)") {
  const std::string fresh = BUILD "/events.md";
  CHECK(runs(BUILD "/events-doc >" + fresh + " && diff -u " TOP "/docs/events.md " + fresh, BUILD "/events.log"));
}

TEST("all tests pass under the address and undefined behaviour sanitizers") {
  CHECK(runs(BUILD "/sanitized/model-test", BUILD "/sanitized.log"));
}
