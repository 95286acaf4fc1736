// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Writing the books as JSON; see books.h.

#include "books.h"

namespace lab {

const char *const mode_name[N_MODES] = {"hu", "hk", "gu", "gk", "nu", "nk"};

static const char *const access_name[N_ACCESSES] = {"rdmsr", "wrmsr", "rdpmc", "lvtpc"};

template <class Number> static std::string by_mode(Number number) {
  std::string text = "{";
  for (unsigned mode = 0; mode < N_MODES; mode++) {
    if (mode) text += ",";
    text += std::string("\"") + mode_name[mode] + "\":" + std::to_string(number(mode));
  }
  return text + "}";
}

std::string Books::json(const Counts *counts) {
  return "\"insns\":" + by_mode([=](unsigned mode) { return counts[mode].instructions; }) +
         ",\"branches\":" + by_mode([=](unsigned mode) { return counts[mode].branches; }) +
         ",\"cycles\":" + by_mode([=](unsigned mode) { return counts[mode].cycles; });
}

// Only modes with an access: [accesses, of which trapped].
static std::string access_json(const uint64_t *n, const uint64_t *trapped) {
  std::string text = "{";
  for (unsigned mode = 0; mode < N_MODES; mode++) {
    if (!n[mode] && !trapped[mode]) continue;
    if (text.size() > 1) text += ",";
    text += std::string("\"") + mode_name[mode] + "\":[" + std::to_string(n[mode]) + "," +
            std::to_string(trapped[mode]) + "]";
  }
  return text + "}";
}

// Only modes with slots: all of them, then each category.
template <size_t N> static std::string slots_json(const uint64_t (&slots)[N_MODES][N]) {
  std::string text = "{";
  for (unsigned mode = 0; mode < N_MODES; mode++) {
    if (!slots[mode][0]) continue;
    if (text.size() > 1) text += ",";
    text += std::string("\"") + mode_name[mode] + "\":[";
    for (size_t i = 0; i < N; i++) text += (i ? "," : "") + std::to_string(slots[mode][i]);
    text += "]";
  }
  return text + "}";
}

std::string Books::json() const {
  std::string text = "{" + json(all_) + ",\"off\":{" + json(off_) + "},\"vmruns\":" +
                     by_mode([=](unsigned mode) { return vmruns_[mode]; }) +
                     ",\"slots\":" + slots_json(slots_) + ",\"exits\":{";
  bool first = true;
  for (const auto &exit : exits_) {
    if (!first) text += ",";
    first = false;
    text += "\"" + exit.first + "\":" + std::to_string(exit.second);
  }
  text += "},\"access\":{";
  for (unsigned kind = 0; kind < N_ACCESSES; kind++) {
    if (kind) text += ",";
    text += std::string("\"") + access_name[kind] + "\":" + access_json(accesses_[kind], trapped_[kind]);
  }
  text += "},\"vmx\":{\"vmread\":" + std::to_string(vmreads) + ",\"vmwrite\":" + std::to_string(vmwrites) +
          ",\"listed\":" + std::to_string(listed);
  return text + "},\"pmi\":{\"raised\":" + std::to_string(pmi_raised) + ",\"delivered\":" +
         std::to_string(pmi_delivered) + ",\"masked\":" + std::to_string(pmi_masked) + "}}";
}

static std::string all_books(const std::vector<const Books *> &books) {
  std::string text = "[";
  for (const Books *b : books) {
    if (text.size() > 1) text += ",";
    text += b->json();
  }
  return text + "]";
}

bool Trace::open(const std::string &path) {
  file_ = fopen(path.c_str(), "w");
  return file_ != nullptr;
}

// A run may be ended from outside at any time: what was written stays.
void Trace::line(const std::string &text) {
  if (!file_) return;
  fprintf(file_, "%s\n", text.c_str());
  fflush(file_);
}

void Trace::header(const char *machine, unsigned cpus, uint64_t seed, uint64_t pmi_delay) {
  line(std::string("{\"trace\":1,\"machine\":\"") + machine + "\",\"cpus\":" + std::to_string(cpus) +
       ",\"seed\":" + std::to_string(seed) + ",\"pmi_delay\":" + std::to_string(pmi_delay) + "}");
}

void Trace::mark(uint64_t number, unsigned cpu, unsigned mode, uint64_t ticks,
                 const std::vector<const Books *> &books) {
  line("{\"mark\":" + std::to_string(number) + ",\"cpu\":" + std::to_string(cpu) + ",\"mode\":\"" +
       mode_name[mode] + "\",\"ticks\":" + std::to_string(ticks) + ",\"books\":" + all_books(books) + "}");
}

void Trace::end(unsigned status, uint64_t ticks, const std::vector<const Books *> &books) {
  line("{\"end\":\"exit\",\"status\":" + std::to_string(status) + ",\"ticks\":" + std::to_string(ticks) +
       ",\"books\":" + all_books(books) + "}");
}

void Trace::close() {
  if (file_) fclose(file_);
  file_ = nullptr;
}

}  // namespace lab
