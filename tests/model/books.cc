// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The books and the trace file.

#include "books.h"
#include "ktap.h"
#include <cstdlib>
#include <fstream>

using namespace lab;

// A key of the JSON text with its value up to @end must be there, once.
static void check_has(const std::string &json, const std::string &part) {
  size_t first = json.find(part);
  if (first != std::string::npos && json.find(part, first + 1) == std::string::npos) return;
  printf("# %s is not once in %s\n", part.c_str(), json.c_str());
  CHECK(!"JSON");
}

TEST("modes are made of privilege level and guest level") {
  const char *names[] = {"hk", "hu", "gk", "gu", "nk", "nu"};
  for (unsigned level = 0; level < 3; level++)
    for (bool user : {false, true}) {
      Mode mode = make_mode(user, level);
      CHECK(std::string(mode_name[mode]) == names[2 * level + user]);
      EQUAL(mode_user(mode), user);
      EQUAL(mode_level(mode), level);
    }
}

TEST("empty books name every mode and no exit") {
  const std::string zeros = "{\"hu\":0,\"hk\":0,\"gu\":0,\"gk\":0,\"nu\":0,\"nk\":0}";
  const std::string counts = "\"insns\":" + zeros + ",\"branches\":" + zeros + ",\"cycles\":" + zeros;
  CHECK(Books().json() == "{" + counts + ",\"off\":{" + counts + "},\"vmruns\":" + zeros + ",\"slots\":{},\"exits\":{},\"access\":{\"rdmsr\":{},\"wrmsr\":{},\"rdpmc\":{},\"lvtpc\":{}},"
                          "\"vmx\":{\"vmread\":0,\"vmwrite\":0,\"listed\":0},"
                          "\"pmi\":{\"raised\":0,\"delivered\":0,\"masked\":0}}");
}

TEST("totals belong to the mode they are accounted to") {
  Books books;
  Totals now;
  for (unsigned round = 0; round < 2; round++)
    for (unsigned mode = 0; mode < N_MODES; mode++) {
      now.n[SRC_INSTRUCTION] += 10 + mode;
      now.n[SRC_BRANCH] += 20 + mode;
      now.n[SRC_CYCLE] += 30 + mode;
      books.account(mode, now, false);
      books.account(mode ^ 1, now, true);   // nothing happened since
    }
  std::string json = books.json();
  check_has(json, "{\"insns\":{\"hu\":20,\"hk\":22,\"gu\":24,\"gk\":26,\"nu\":28,\"nk\":30}");
  check_has(json, "\"branches\":{\"hu\":40,\"hk\":42,\"gu\":44,\"gk\":46,\"nu\":48,\"nk\":50}");
  check_has(json, "\"cycles\":{\"hu\":60,\"hk\":62,\"gu\":64,\"gk\":66,\"nu\":68,\"nk\":70}");
}

TEST("what happens while the PMU is off is in both") {
  Books books;
  Totals now;
  for (bool off : {true, false, true})
    for (unsigned mode = 0; mode < N_MODES; mode++) {
      now.n[SRC_INSTRUCTION] += 10 + mode;
      now.n[SRC_BRANCH] += 20 + mode;
      now.n[SRC_CYCLE] += 30 + mode;
      books.account(mode, now, off);
    }
  std::string json = books.json();
  check_has(json, "{\"insns\":{\"hu\":30,\"hk\":33,\"gu\":36,\"gk\":39,\"nu\":42,\"nk\":45},");
  check_has(json, "\"off\":{\"insns\":{\"hu\":20,\"hk\":22,\"gu\":24,\"gk\":26,\"nu\":28,\"nk\":30},"
                  "\"branches\":{\"hu\":40,\"hk\":42,\"gu\":44,\"gk\":46,\"nu\":48,\"nk\":50},"
                  "\"cycles\":{\"hu\":60,\"hk\":62,\"gu\":64,\"gk\":66,\"nu\":68,\"nk\":70}}");
}

TEST("slots are kept by mode, with what became of them") {
  Books books;
  Totals now;
  for (unsigned mode : {HOST_KERNEL, GUEST_USER}) {
    now.n[SRC_SLOT] += 1000 + mode;
    for (unsigned i = 0; i < N_METRICS; i++) now.n[FIRST_METRIC + i] += 10 * mode + i;
    books.account(mode, now, false);
  }
  check_has(books.json(), "\"slots\":{\"hk\":[1001,10,11,12,13,14,15,16,17],\"gu\":[1002,20,21,22,23,24,25,26,27]},");
}

TEST("VMRUNs are counted by mode, and are in the totals as they were") {
  Books books;
  Totals now;
  now.n[SRC_INSTRUCTION] = 5;
  books.account(GUEST_USER, now, false);
  for (unsigned mode : {GUEST_USER, GUEST_USER, GUEST_KERNEL, NESTED_USER, NESTED_KERNEL, GUEST_KERNEL}) books.vmrun(mode);
  books.no_vmrun(GUEST_KERNEL);
  std::string json = books.json();
  check_has(json, "{\"insns\":{\"hu\":0,\"hk\":0,\"gu\":5,\"gk\":0,\"nu\":0,\"nk\":0},");
  check_has(json, "\"vmruns\":{\"hu\":0,\"hk\":0,\"gu\":2,\"gk\":1,\"nu\":1,\"nk\":1},");
}

TEST("exits, accesses and PMIs are counted by kind") {
  Books books;
  for (const char *reason : {"hlt", "cpuid", "hlt"}) books.exit(reason);
  books.access(ACCESS_RDMSR, HOST_KERNEL);
  books.access(ACCESS_RDMSR, HOST_KERNEL);
  books.access(ACCESS_RDMSR, GUEST_KERNEL);
  books.trapped(ACCESS_RDMSR, GUEST_KERNEL);
  books.access(ACCESS_RDPMC, GUEST_USER);
  books.trapped(ACCESS_LVTPC, NESTED_KERNEL);
  books.pmi_raised = 3;
  books.pmi_delivered = 2;
  books.pmi_masked = 1;
  books.vmreads = 4;
  books.vmwrites = 5;
  books.listed = 6;
  std::string json = books.json();
  check_has(json, "\"exits\":{\"cpuid\":1,\"hlt\":2}");
  check_has(json, "\"rdmsr\":{\"hk\":[2,0],\"gk\":[1,1]}");
  check_has(json, "\"wrmsr\":{}");
  check_has(json, "\"rdpmc\":{\"gu\":[1,0]}");
  check_has(json, "\"lvtpc\":{\"nk\":[0,1]}");
  check_has(json, "\"vmx\":{\"vmread\":4,\"vmwrite\":5,\"listed\":6}");
  check_has(json, "\"pmi\":{\"raised\":3,\"delivered\":2,\"masked\":1}");
}

// Two processors, a mark from each mode, the end.
static void write_trace(const std::string &path) {
  Books first, second;
  Totals now;
  now.n[SRC_INSTRUCTION] = 0xffffffffffffffff;
  first.account(NESTED_USER, now, true);
  second.exit("ept-violation");
  Trace trace;
  CHECK(trace.open(path));
  trace.header("spr", 2, 7, 100);
  for (unsigned mode = 0; mode < N_MODES; mode++) trace.mark(~0ull - mode, mode & 1, mode, 1000 + mode, {&first, &second});
  trace.end(255, 2000, {&first, &second});
}

TEST("a trace is one JSON object a line") {
  const std::string path = BUILD "/trace.jsonl";
  write_trace(path);
  CHECK(system(("python3 -m json.tool --json-lines " + path + " >" + path + ".tool").c_str()) == 0);

  std::ifstream file(path);
  std::string line;
  std::vector<std::string> lines;
  while (std::getline(file, line)) lines.push_back(line);
  if (!EQUAL(lines.size(), 2 + N_MODES)) return;
  CHECK(lines[0] == "{\"trace\":1,\"machine\":\"spr\",\"cpus\":2,\"seed\":7,\"pmi_delay\":100}");
  check_has(lines[1], "{\"mark\":18446744073709551615,\"cpu\":0,\"mode\":\"hu\",\"ticks\":1000,\"books\":[{");
  check_has(lines[2], "{\"mark\":18446744073709551614,\"cpu\":1,\"mode\":\"hk\",\"ticks\":1001,\"books\":[{");
  check_has(lines[1 + N_MODES], "{\"end\":\"exit\",\"status\":255,\"ticks\":2000,\"books\":[{");
  check_has(lines[1 + N_MODES], "[{\"insns\":{\"hu\":0,\"hk\":0,\"gu\":0,\"gk\":0,\"nu\":18446744073709551615,");
  check_has(lines[1 + N_MODES], "}},{\"insns\"");   // two books
  check_has(lines[1 + N_MODES], "\"ept-violation\":1");
}

TEST("a trace that cannot be written or is not open is no disaster") {
  Trace trace;
  CHECK(!trace.open(BUILD "/no-such-directory/trace.jsonl"));
  trace.header("spr", 1, 0, 0);
  trace.mark(1, 0, HOST_USER, 0, {});
  trace.end(0, 0, {});
  trace.close();
  trace.close();
}
