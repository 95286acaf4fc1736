// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The books: what one logical processor did, kept apart from its PMU, and the
// trace that they are written to (docs/trace.md has the format).

#ifndef LAB_MODEL_BOOKS_H
#define LAB_MODEL_BOOKS_H

#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <vector>
#include "source.h"

namespace lab {

// Where an instruction ran.  Odd: kernel (CPL 0 to 2), even: user (CPL 3).
enum Mode : unsigned {
  HOST_USER, HOST_KERNEL, GUEST_USER, GUEST_KERNEL, NESTED_USER, NESTED_KERNEL, N_MODES
};
extern const char *const mode_name[N_MODES];

inline Mode make_mode(bool user, unsigned level) {
  return Mode(2 * level + (user ? 0 : 1));
}
inline unsigned mode_level(unsigned mode) { return mode / 2; }  // 0 host, 1 guest, 2 nested
inline bool mode_user(unsigned mode) { return !(mode & 1); }

// Kinds of access to PMU registers.
enum Access : unsigned { ACCESS_RDMSR, ACCESS_WRMSR, ACCESS_RDPMC, ACCESS_LVTPC, N_ACCESSES };

class Books {
 public:
  // Totals up to now belong to the mode since the last call; @off: the PMU was
  // switched off as a whole.
  void account(unsigned mode, const Totals &now, bool off) {
    Counts n = {now.n[SRC_INSTRUCTION] - last_.n[SRC_INSTRUCTION], now.n[SRC_BRANCH] - last_.n[SRC_BRANCH],
                now.n[SRC_CYCLE] - last_.n[SRC_CYCLE]};
    all_[mode] += n;
    if (off) off_[mode] += n;
    slots_[mode][0] += now.n[SRC_SLOT] - last_.n[SRC_SLOT];
    for (unsigned i = 0; i < N_METRICS; i++)
      slots_[mode][1 + i] += now.n[FIRST_METRIC + i] - last_.n[FIRST_METRIC + i];
    last_ = now;
  }
  // A VMRUN that the totals have as an instruction and a branch of this mode; not so
  // after all.
  void vmrun(unsigned mode) { vmruns_[mode]++; }
  void no_vmrun(unsigned mode) { vmruns_[mode]--; }
  void exit(const std::string &reason) { exits_[reason]++; }
  void access(Access kind, unsigned mode) { accesses_[kind][mode]++; }
  void trapped(Access kind, unsigned mode) { trapped_[kind][mode]++; }

  uint64_t pmi_raised = 0;     // overflows of counters that interrupt
  uint64_t pmi_delivered = 0;  // of these, passed on by the local APIC
  uint64_t pmi_masked = 0;     // of these, lost because LVTPC was masked

  uint64_t vmreads = 0, vmwrites = 0;  // of the host
  uint64_t listed = 0;         // PMU registers in the MSR lists of VM entries and exits

  std::string json() const;

 private:
  struct Counts {
    uint64_t instructions = 0, branches = 0, cycles = 0;
    void operator+=(const Counts &n) {
      instructions += n.instructions;
      branches += n.branches;
      cycles += n.cycles;
    }
  };
  static std::string json(const Counts *counts);

  Totals last_;
  Counts all_[N_MODES], off_[N_MODES];
  uint64_t vmruns_[N_MODES] = {};
  uint64_t slots_[N_MODES][1 + N_METRICS] = {};   // all, and what became of them
  uint64_t accesses_[N_ACCESSES][N_MODES] = {}, trapped_[N_ACCESSES][N_MODES] = {};
  std::map<std::string, uint64_t> exits_;
};

// The trace file: JSON, one object a line.
class Trace {
 public:
  ~Trace() { close(); }
  // False if the file cannot be written.
  bool open(const std::string &path);
  void header(const char *machine, unsigned cpus, uint64_t seed, uint64_t pmi_delay);
  void mark(uint64_t number, unsigned cpu, unsigned mode, uint64_t ticks,
            const std::vector<const Books *> &books);
  void end(unsigned status, uint64_t ticks, const std::vector<const Books *> &books);
  void close();

 private:
  void line(const std::string &text);
  FILE *file_ = nullptr;
};

}  // namespace lab

#endif
