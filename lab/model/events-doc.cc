// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Prints docs/events.md from the tables of the model.  A program of its own, no
// part of the emulator; `make -C tests/model events.md` builds and runs it.

#include <cinttypes>
#include <cstdio>
#include <string>
#include "machine.h"
#include "pmu.h"

using namespace lab;

namespace {

constexpr size_t LINE_WIDTH = 110;

// Print words in lines of LINE_WIDTH, all but the first indented.
void wrap(const std::string &text, const char *indent = "") {
  std::string line;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find(' ', at);
    std::string word = text.substr(at, end == std::string::npos ? end : end - at);
    if (!line.empty() && line.size() + 1 + word.size() > LINE_WIDTH) {
      puts(line.c_str());
      line = indent + word;
    } else {
      line += (line.empty() ? "" : " ") + word;
    }
    at = end == std::string::npos ? text.size() : end + 1;
  }
  puts(line.c_str());
}

void paragraph(const std::string &text) {
  wrap(text);
  puts("");
}

void item(const std::string &text) { wrap("- " + text, "  "); }

std::string hex(uint64_t value, int digits = 1) {
  char text[32];
  snprintf(text, sizeof(text), "0x%0*" PRIx64, digits, value);
  return text;
}

std::string number(uint64_t value) { return std::to_string(value); }

// Ask a PMU what its fixed counter counts.
Source fixed_counter_source(const Machine &machine, unsigned index) {
  Pmu pmu(machine);
  Totals now;
  for (unsigned i = 0; i < N_SOURCES; i++) now.n[i] = i;
  pmu.begin(Totals());
  pmu.write(MSR_GLOBAL_CTRL, 1ull << (32 + index));
  pmu.write(MSR_FIXED_CTR_CTRL, 1ull << (4 * index));   // kernel mode, in which a PMU starts
  pmu.finish();
  pmu.begin(now);
  return Source(pmu.read(MSR_FIXED_CTR0 + index));
}

void print_sources() {
  puts("## What can be counted\n");
  paragraph("A source is what happens in a processor; an event is a code that makes a counter count a source. "
            "A step is one instruction or one iteration of a REP instruction; each is one cycle.");
  for (const SourceInfo &source : source_info) item("**" + std::string(source.name) + "**: " + source.definition);
  puts("");
  puts("| source | asserted | most in a cycle |");
  puts("|---|---|---|");
  for (const SourceInfo &source : source_info)
    if (source.per_cycle)
      printf("| %s | %s | %u |\n", source.name, source.level ? "while not halted" : "when it occurs", source.max_per_step);
  puts("");
}

void print_conditions() {
  puts("## Edge, invert, counter mask\n");
  paragraph("A source that is asserted while not halted drops when the processor halts; another drops after each cycle in "
            "which it occurs.");
  puts("| counter mask (CMASK, CntMask) | edge | invert | the counter counts |");
  puts("|---|---|---|---|");
  puts("| 0 | 0 | any | occurrences |");
  puts("| 0 | 1 | any | occurrences; of a source asserted while not halted: wake-ups |");
  puts("| n | 0 | 0 | cycles in which the source occurs n times or more |");
  puts("| n | 0 | 1 | cycles in which it occurs fewer than n times |");
  puts("| n | 1 | any | as without edge and invert; of a source asserted while not halted: wake-ups, if it occurs n times in a cycle |");
  puts("");
  paragraph("An event that the machine does not know occurs in no cycle: it counts 0, and all cycles if inverted under a "
            "counter mask.");
}

std::string cpuid_text(const Machine &machine) {
  if (machine.vendor == Vendor::Amd && !machine.has_global()) return "none for the PMU (no leaf 0x80000022)";
  CpuidLeaf leaf = cpuid_perfmon(machine);
  return "leaf " + std::string(machine.vendor == Vendor::Intel ? "0xa" : "0x80000022") + ": EAX " +
         hex(leaf.eax, 8) + ", EBX " + hex(leaf.ebx, 8) + ", ECX " + hex(leaf.ecx, 8) + ", EDX " + hex(leaf.edx, 8);
}

std::string version_text(const Machine &machine) {
  if (machine.vendor == Vendor::Intel) return "architectural PerfMon version " + number(machine.version);
  return machine.has_global() ? "PerfMonV2" : "core counter extensions, no global registers";
}

std::string counters_text(const Machine &machine) {
  std::string text = number(machine.gp) + " general-purpose";
  if (machine.fixed) text += ", " + number(machine.fixed) + " fixed";
  return text + ", of " + number(machine.width) + " bits";
}

void print_intel_facts(const Machine &machine) {
  item("IA32_PERF_CAPABILITIES: " + hex(machine.capabilities) +
       (machine.full_width ? " (full-width writes" : " (no full-width writes") +
       (machine.metrics ? ", PERF_METRICS)" : ")"));
  if (machine.metrics)
    item(number(machine.slots) + " slots in a cycle; PERF_METRICS has " + number(machine.metrics) +
         " fields: the sources from retiring on, in this order, as parts of 255");
  item(std::string("AnyThread bits: ") + (machine.anythread ? "writable, no effect" : "reserved"));
  item(std::string("IA32_PERF_GLOBAL_CTRL: loaded at VM entry and exit, ") +
       (machine.vmexit_save ? "saved at VM exit" : "not saved at VM exit"));
  item(machine.lbr_depth ? "Last-branch records: " + number(machine.lbr_depth) + " registers that only hold values"
                         : std::string("Last-branch records: none"));
}

void print_events(const Machine &machine) {
  bool intel = machine.vendor == Vendor::Intel;
  puts(intel ? "| event | umask | name | counts | architectural | fixed counter |" : "| event | umask | name | counts |");
  puts(intel ? "|---|---|---|---|---|---|" : "|---|---|---|---|");
  for (size_t i = 0; i < machine.n_events; i++) {
    const Event &event = machine.events[i];
    printf("| %s | %s | %s | %s |", hex(event.select, intel ? 2 : 3).c_str(), hex(event.umask, 2).c_str(), event.name,
           source_info[event.source].name);
    if (intel) {
      std::string fixed;
      for (unsigned n = 0; n < machine.fixed; n++)
        if (fixed_counter_source(machine, n) == event.source) fixed = number(n);
      printf(" %s | %s |", event.arch_bit < 0 ? "" : ("bit " + number(event.arch_bit)).c_str(), fixed.c_str());
    }
    puts("");
  }
  puts("");
}

void print_machine(const Machine &machine) {
  printf("## %s: %s\n\n", machine.name, machine.part);
  item("PMU: " + version_text(machine));
  item("Counters: " + counters_text(machine));
  item("CPUID: leaf 1 EAX " + hex(machine.signature, 8) + "; " + cpuid_text(machine));
  if (machine.vendor == Vendor::Intel) print_intel_facts(machine);
  else item("HostOnly and GuestOnly in the event selects; the legacy registers are the first four extended ones");
  puts("");
  print_events(machine);
}

void print_how_to() {
  puts("## Add an event or a machine\n");
  paragraph("An event: a row in the machine's table in `lab/model/machine.cc`, with the manual's name and code and the source "
            "that it counts, and the same in `tests/model/known-events.h`, taken from the manual again. Counting, CPUID and "
            "this file follow.");
  paragraph("A source: its name in `lab/model/source.h`, its rates and definition in `source_info`, and a line in "
            "`lab/bochs/adapter.cc` that adds up its total. The rates must be upper bounds: overflow is looked for only "
            "when they allow one.");
  paragraph("A machine: a row in `machines` with the part's facts, a class on the nearest CPU model of Bochs in "
            "`lab/bochs/machines.cc`, its name in patch 0005, and the model tests; `docs/lab.md` has the steps.");
  puts("Then:\n");
  puts("    make -C tests/model events.md check");
}

}  // namespace

int main() {
  puts("# Events\n");
  paragraph("Written by `make -C tests/model events.md` from the tables in `lab/model/machine.cc`, which also drive counting "
            "and CPUID. Do not edit.");
  print_sources();
  print_conditions();
  for (size_t i = 0; i < n_machines; i++) print_machine(machines[i]);
  print_how_to();
  return fflush(stdout) ? 1 : 0;
}
