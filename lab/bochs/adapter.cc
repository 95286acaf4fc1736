// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Between Bochs and the model: turns the emulator's instruction count and mode
// changes into event totals, the model's overflows into interrupts, and keeps
// the books.  The hooks in instrument.h end here.
//
// Time base: BX_CPU_C::icount steps once for every instruction and every REP
// iteration begun, and once for each fault, VM exit or delivered trap that
// leaves an instruction unfinished.  Retired instructions are icount less
// lab.nonretired.

#include "core.h"
#include "apic.h"
#include "svm.h"
#include "pc_system.h"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <set>

using lab::Pmu;

namespace {

// What the environment of the emulator says (lab/run sets it).
struct Settings {
  const char *directory = getenv("LAB_DIR");
  Bit64u seed = number("LAB_SEED");
  Bit64u pmi_delay = number("LAB_PMI_DELAY");

  static Bit64u number(const char *name) {
    const char *text = getenv(name);
    if (!text || !*text) return 0;
    char *end;
    errno = 0;
    Bit64u value = strtoull(text, &end, 10);
    if (*end || errno || *text == '-') {
      fprintf(stderr, "lab: %s=%s is not a number\n", name, text);
      exit(2);
    }
    return value;
  }
};

const Settings &settings() {
  static const Settings instance;
  return instance;
}

std::string file_in_directory(const char *name) {
  return std::string(settings().directory) + "/" + name;
}

FILE *open_output(const char *name) {
  if (!settings().directory) return nullptr;
  FILE *file = fopen(file_in_directory(name).c_str(), "w");
  if (file) return file;
  fprintf(stderr, "lab: cannot write %s: %s\n", file_in_directory(name).c_str(), strerror(errno));
  exit(2);
}

std::vector<lab_core_c *> cores;
std::set<Bit64u> nested_vmcs;   // VMCSs and VMCBs that hold nested guests
lab::Trace trace;

const char *const vmx_exit_name[] = {
  "exception-nmi", "external-interrupt", "triple-fault", "init", "sipi", "io-smi", "smi", "interrupt-window",
  "nmi-window", "task-switch", "cpuid", "getsec", "hlt", "invd", "invlpg", "rdpmc", "rdtsc", "rsm", "vmcall",
  "vmclear", "vmlaunch", "vmptrld", "vmptrst", "vmread", "vmresume", "vmwrite", "vmxoff", "vmxon", "cr-access",
  "dr-access", "io", "rdmsr", "wrmsr", "entry-failure-state", "entry-failure-msr", nullptr, "mwait",
  "monitor-trap", nullptr, "monitor", "pause", "entry-failure-mce", nullptr, "tpr-threshold", "apic-access",
  "virtualized-eoi", "gdtr-idtr", "ldtr-tr", "ept-violation", "ept-misconfig", "invept", "rdtscp",
  "preemption-timer", "invvpid", "wbinvd", "xsetbv", "apic-write", "rdrand", "invpcid", "vmfunc", "encls",
  "rdseed", "pml-full", "xsaves", "xrstors",
};

const struct { int code; const char *name; } svm_exit_name[] = {
  {SVM_VMEXIT_INTR, "external-interrupt"}, {SVM_VMEXIT_NMI, "nmi"}, {SVM_VMEXIT_SMI, "smi"},
  {SVM_VMEXIT_INIT, "init"}, {SVM_VMEXIT_VINTR, "interrupt-window"}, {SVM_VMEXIT_CR0_SEL_WRITE, "cr-access"},
  {SVM_VMEXIT_RDTSC, "rdtsc"}, {SVM_VMEXIT_RDPMC, "rdpmc"}, {SVM_VMEXIT_CPUID, "cpuid"},
  {SVM_VMEXIT_RSM, "rsm"}, {SVM_VMEXIT_IRET, "iret"}, {SVM_VMEXIT_SOFTWARE_INTERRUPT, "int-n"},
  {SVM_VMEXIT_INVD, "invd"}, {SVM_VMEXIT_PAUSE, "pause"}, {SVM_VMEXIT_HLT, "hlt"},
  {SVM_VMEXIT_INVLPG, "invlpg"}, {SVM_VMEXIT_INVLPGA, "invlpga"}, {SVM_VMEXIT_IO, "io"},
  {SVM_VMEXIT_TASK_SWITCH, "task-switch"}, {SVM_VMEXIT_SHUTDOWN, "triple-fault"}, {SVM_VMEXIT_VMRUN, "vmrun"},
  {SVM_VMEXIT_VMMCALL, "vmcall"}, {SVM_VMEXIT_VMLOAD, "vmload"}, {SVM_VMEXIT_VMSAVE, "vmsave"},
  {SVM_VMEXIT_STGI, "stgi"}, {SVM_VMEXIT_CLGI, "clgi"}, {SVM_VMEXIT_SKINIT, "skinit"},
  {SVM_VMEXIT_RDTSCP, "rdtscp"}, {SVM_VMEXIT_ICEBP, "icebp"}, {SVM_VMEXIT_WBINVD, "wbinvd"},
  {SVM_VMEXIT_MONITOR, "monitor"}, {SVM_VMEXIT_MWAIT, "mwait"}, {SVM_VMEXIT_XSETBV, "xsetbv"},
  {SVM_VMEXIT_NPF, "npf"},
};

std::string vmx_exit(Bit32u reason) {
  reason &= 0xffff;
  if (reason < sizeof(vmx_exit_name) / sizeof(vmx_exit_name[0]) && vmx_exit_name[reason])
    return vmx_exit_name[reason];
  return "vmx-" + std::to_string(reason);
}

// Error code of a page fault: a reserved bit was set in the page's entry.
constexpr Bit64u NPF_RESERVED = 1 << 3;

std::string svm_exit(int reason, Bit64u exitinfo1) {
  if (reason == SVM_VMEXIT_MSR) return exitinfo1 ? "wrmsr" : "rdmsr";
  if (reason == SVM_VMEXIT_NPF && exitinfo1 & NPF_RESERVED) return "npf-reserved";
  for (const auto &exit : svm_exit_name)
    if (exit.code == reason) return exit.name;
  if (reason >= 0 && reason < SVM_VMEXIT_DR0_READ) return "cr-access";
  if (reason >= SVM_VMEXIT_DR0_READ && reason < SVM_VMEXIT_EXCEPTION) return "dr-access";
  if (reason >= SVM_VMEXIT_EXCEPTION && reason < SVM_VMEXIT_INTR) return "exception-nmi";
  return "svm-" + std::to_string(reason);
}

std::vector<const lab::Books *> all_books() {
  std::vector<const lab::Books *> books;
  for (lab_core_c *core : cores) {
    core->begin();
    books.push_back(&core->books);
  }
  return books;
}

void open_trace(const lab::Machine &machine) {
  if (!settings().directory) return;
  if (!trace.open(file_in_directory("trace.jsonl"))) {
    fprintf(stderr, "lab: cannot write %s: %s\n", file_in_directory("trace.jsonl").c_str(), strerror(errno));
    exit(2);
  }
  trace.header(machine.name, BX_SMP_PROCESSORS, settings().seed, settings().pmi_delay);
}

constexpr Bit32u MSR_DEBUGCTL = 0x1d9, MSR_MISC_ENABLE = 0x1a0, MSR_X2APIC_LVTPC = 0x834;
constexpr Bit32u MSR_HWCR = 0xc0010015, MSR_MPERF = 0xe7, MSR_APERF = 0xe8, MSR_BIOS_SIGN_ID = 0x8b;

// The time-stamp counter runs at the frequency of P-state 0.
constexpr Bit64u HWCR_TSC_FREQ_SEL = 1 << 24;

// Fast strings, PMU available, BTS and PEBS unavailable.
constexpr Bit64u MISC_ENABLE = 1 | 1 << 7 | 1 << 11 | 1 << 12;

// Intel: LBR, BTF, TR, BTS, BTINT, BTS_OFF_OS, BTS_OFF_USR, FREEZE_LBRS,
// FREEZE_PERFMON, FREEZE_WHILE_SMM.  AMD: LBR, BTF, PB0 to PB3.
constexpr Bit64u DEBUGCTL_VALID_INTEL = 0x5fc3, DEBUGCTL_VALID_AMD = 0x3f;

}  // namespace

// Bochs leaves members of its objects uninitialised here and there, and what
// then depends on old heap contents does not repeat. All objects begin as zeroes.

void *operator new(size_t size) {
  void *memory = calloc(1, size ? size : 1);
  if (!memory) throw std::bad_alloc();
  return memory;
}
void operator delete(void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }

// The processor

lab_core_c::lab_core_c(BX_CPU_C *cpu_, const lab::Machine &machine)
  : cpu(cpu_), lab(cpu_->lab), pmu(machine)
{
  if (cores.empty()) open_trace(machine);
  cores.push_back(this);
  lab.core = this;
}

lab::Totals lab_core_c::totals() const {
  lab::Totals now = sources;
  Bit64u steps = cpu->icount + credited();
  now.n[lab::SRC_INSTRUCTION] = steps - lab.nonretired;
  now.n[lab::SRC_BRANCH] = lab.branches;
  now.n[lab::SRC_CYCLE] = now.n[lab::SRC_REF_CYCLE] = steps + lab.fast_rep;
  if (!pmu.machine().slots) return now;
  lab::classify({now.n[lab::SRC_INSTRUCTION], lab.rep + lab.fast_rep, lab.nonretired - lab.rep, lab.branches,
                 now.n[lab::SRC_BRANCH_MISS], accessing_}, pmu.machine().slots, &now);
  return now;
}

void lab_core_c::begin() {
  lab::Totals now = totals();
  books.account(lab.mode, now, pmu.off());
  pmu.begin(now);
  if (!pmu.take_overflow()) return;
  books.pmi_raised++;
  if (pmi_due_ == Pmu::NEVER) pmi_due_ = cpu->icount + credited() + settings().pmi_delay;
  recheck();
}

void lab_core_c::finish() {
  pmu.finish();
  lab.watch = pmu.watch();
  Bit64u distance = pmu.distance();
  poll_at_ = distance == Pmu::NEVER ? distance : cpu->icount + credited() + distance;
  if (pmi_due_ < poll_at_) poll_at_ = pmi_due_;
  if (poll_at_ == Pmu::NEVER) lab.near_at = poll_at_;
  else lab.near_at = poll_at_ > LAB_WINDOW ? poll_at_ - LAB_WINDOW : 0;
}

void lab_core_c::credit(bool branch) {
  if (lab.no_credit || credited()) return;
  lab.credited_at = cpu->icount;
  if (!branch || lab.no_branch || lab.branch_credited_at == cpu->icount) return;
  lab.branch_credited_at = cpu->icount;
  lab.branches++;
}

void lab_core_c::set_mode(unsigned mode) {
  begin();
  lab.mode = mode;
  pmu.set_mode(lab::mode_user(mode), lab::mode_level(mode) != 0);
  finish();
}

void lab_core_c::set_svme() {
  begin();
  pmu.set_svme(cpu->efer.get_SVME());
  finish();
}

void lab_core_c::set_debugctl(Bit64u value) {
  begin();
  debugctl = value;
  pmu.set_debugctl(value);
  finish();
}

// After RESET and INIT; a PMU keeps its state over INIT, DEBUGCTL does not.
void lab_core_c::reset(bool hardware) {
  begin();
  if (hardware) {
    pmu.reset();
    hwcr_ = HWCR_TSC_FREQ_SEL;
    pmi_due_ = Pmu::NEVER;
  }
  set_debugctl(0);
  set_svme();
}

void lab_core_c::boundary() {
  if (cpu->icount < poll_at_) return;
  begin();
  // The HLT that ran last may have made a counter overflow.
  if (cpu->activity_state != BX_CPU_C::BX_ACTIVITY_STATE_ACTIVE && pmi_due_ != Pmu::NEVER) pmi_due_ = cpu->icount;
  if (pmi_due_ <= cpu->icount) send_pmi();
  finish();
}

void lab_core_c::send_pmi() {
  pmi_due_ = Pmu::NEVER;
  if (!cpu->lapic->deliver_perfmon(intel())) {
    books.pmi_masked++;
    return;
  }
  books.pmi_delivered++;
  pmu.pmi_sent();
}

// A PMI that is late does not wait for instructions that will not come.
void lab_core_c::sleep() {
  if (pmi_due_ == Pmu::NEVER) return;
  begin();
  if (pmi_due_ > cpu->icount + 1) pmi_due_ = cpu->icount + 1;
  finish();
}

// The step that runs accesses data.
void lab_core_c::accesses_data() {
  if (accessing_at_ == cpu->icount) return;
  accessing_at_ = cpu->icount;
  accessing_++;
}

void lab_core_c::access(unsigned kind) {
  lab.access = kind;
  lab.access_at = cpu->icount;
  books.access(lab::Access(kind), lab.mode);
}

// The exit may also come from a later instruction than the access.
void lab_core_c::trapped() {
  if (lab.access >= 0 && lab.access_at == cpu->icount) books.trapped(lab::Access(lab.access), lab.mode);
  lab.access = -1;
}

// A VMRUN; only before begin() has seen the credit.
void lab_core_c::uncredit() {
  if (!credited()) return;
  books.no_vmrun(lab.mode);
  lab.credited_at = ~Bit64u(0);
  if (lab.branch_credited_at != cpu->icount) return;
  lab.branch_credited_at = ~Bit64u(0);
  lab.branches--;
}

bool lab_core_c::debugctl_valid(Bit64u value) const {
  return !(value & ~(intel() ? DEBUGCTL_VALID_INTEL : DEBUGCTL_VALID_AMD));
}

int lab_core_c::rdmsr(Bit32u msr, Bit64u *value) {
  if (pmu.owns(msr)) {
    begin();
    *value = pmu.read(msr);
    return 1;
  }
  if (pmu.lacks(msr)) return 0;   // Bochs lets unknown registers be read and written
  if (msr == MSR_DEBUGCTL) {
    *value = debugctl;
    return 1;
  }
  if (msr == MSR_MPERF || msr == MSR_APERF) {
    *value = totals().n[lab::SRC_CYCLE] + perf_offset_[msr == MSR_APERF];
    return 1;
  }
  if (!intel()) {
    if (msr != MSR_HWCR) return -1;
    *value = hwcr_;
    return 1;
  }
  if (msr == MSR_BIOS_SIGN_ID) {
    *value = Bit64u(pmu.machine().microcode) << 32;
    return 1;
  }
  if (msr == MSR_MISC_ENABLE) {
    *value = MISC_ENABLE;
    return 1;
  }
  return -1;
}

int lab_core_c::wrmsr(Bit32u msr, Bit64u value) {
  if (pmu.owns(msr)) {
    if (pmu.write_faults(msr, value)) return 0;
    credit(false);
    begin();
    pmu.write(msr, value);
    finish();
    return 1;
  }
  if (pmu.lacks(msr)) return 0;
  if (msr == MSR_DEBUGCTL) {
    if (!debugctl_valid(value)) return 0;
    credit(false);
    set_debugctl(value);
    return 1;
  }
  if (msr == MSR_MPERF || msr == MSR_APERF) {
    perf_offset_[msr == MSR_APERF] = value - totals().n[lab::SRC_CYCLE];
    return 1;
  }
  if (!intel()) {
    if (msr != MSR_HWCR) return -1;
    hwcr_ = value | HWCR_TSC_FREQ_SEL;
    return 1;
  }
  return msr == MSR_MISC_ENABLE || msr == MSR_BIOS_SIGN_ID ? 1 : -1;
}

// The hooks.  CPU models other than the lab's have no core.

void lab_boundary(BX_CPU_C *cpu) {
  if (cpu->lab.core) cpu->lab.core->boundary();
}

void lab_mode_changed(BX_CPU_C *cpu, unsigned mode) {
  if (!cpu->lab.core) {
    cpu->lab.mode = mode;
    return;
  }
  cpu->lab.core->credit(true);
  cpu->lab.core->set_mode(mode);
}

void lab_fast_rep(BX_CPU_C *cpu, Bit64u iterations) {
  cpu->lab.fast_rep += iterations;
  if (cpu->lab.near_at == Pmu::NEVER) return;
  // Cycle counters may have overflowed: look as soon as the instruction ends.
  cpu->async_event |= BX_ASYNC_EVENT_STOP_TRACE;
  cpu->lab.core->recheck();
}

void lab_branch(BX_CPU_C *cpu, bool conditional, bool taken, bx_address from, bx_address to) {
  lab_core_c &core = *cpu->lab.core;
  bool miss = conditional ? core.predictor.conditional(from, taken) : taken && core.predictor.indirect(from, to);
  core.sources.n[lab::SRC_BRANCH_MISS] += miss;
}

void lab_memory(BX_CPU_C *cpu, bx_phy_address address, unsigned rw) {
  lab_core_c &core = *cpu->lab.core;
  core.accesses_data();
  Bit64u *n = core.sources.n;
  lab::CacheModel::Result result = core.cache.access(address);
  n[lab::SRC_LLC_REFERENCE] += result.reference;
  n[lab::SRC_LLC_MISS] += result.miss;
  bool load = rw == BX_READ || rw == BX_RW, store = rw == BX_WRITE || rw == BX_RW;
  n[lab::SRC_LOAD] += load;
  n[lab::SRC_STORE] += store;
  n[lab::SRC_LOAD_STORE] += load + store;
  n[lab::SRC_MODIFY] += load && store;
}

void lab_flush(BX_CPU_C *cpu, bx_phy_address address) {
  lab_core_c &core = *cpu->lab.core;
  core.cache.flush(address);
  core.sources.n[lab::SRC_LLC_REFERENCE]++;
  core.sources.n[lab::SRC_LLC_MISS]++;
}

void lab_mark(BX_CPU_C *cpu) {
  if (!cpu->lab.core) return;
  trace.mark(cpu->gen_reg[BX_64BIT_REG_RAX].rrx, cpu->bx_cpuid, cpu->lab.mode, bx_pc_system.time_ticks(), all_books());
}

void lab_sleep(BX_CPU_C *cpu) {
  if (cpu->lab.core) cpu->lab.core->sleep();
}

void lab_wake(BX_CPU_C *cpu) {
  if (cpu->lab.core) cpu->lab.core->sources.n[lab::SRC_WAKE]++;
}

void lab_access_msr(BX_CPU_C *cpu, Bit32u msr, bool write) {
  lab_core_c *core = cpu->lab.core;
  if (!core) return;
  if (msr == MSR_X2APIC_LVTPC) core->access(lab::ACCESS_LVTPC);
  else if (core->pmu.owns(msr)) core->access(write ? lab::ACCESS_WRMSR : lab::ACCESS_RDMSR);
}

void lab_access_rdpmc(BX_CPU_C *cpu) {
  if (cpu->lab.core) cpu->lab.core->access(lab::ACCESS_RDPMC);
}

void lab_access_lvtpc(BX_CPU_C *cpu) {
  if (cpu->lab.core) cpu->lab.core->books.access(lab::ACCESS_LVTPC, cpu->lab.mode);
}

void lab_vmcs_access(BX_CPU_C *cpu, bool write) {
  if (!cpu->lab.core) return;
  if (write) cpu->lab.core->books.vmwrites++;
  else cpu->lab.core->books.vmreads++;
}

void lab_listed_msr(BX_CPU_C *cpu, Bit32u msr) {
  if (cpu->lab.core && cpu->lab.core->pmu.owns(msr)) cpu->lab.core->books.listed++;
}

bool lab_rdpmc(BX_CPU_C *cpu, Bit32u ecx, Bit64u *value) {
  if (!cpu->lab.core) return false;
  cpu->lab.core->begin();
  return cpu->lab.core->pmu.rdpmc(ecx, value);
}

// Which guest is a nested one
//
// A hypervisor that runs a nested guest answers a VMLAUNCH, VMRESUME or VMRUN
// exit by entering another VMCS or VMCB than the one that exited, from the same
// address space.

static void note_exit(lab_core_c *core, bool entry_instruction, Bit64u vmcs) {
  core->expect_nested = entry_instruction;
  core->exit_vmcs = vmcs;
}

static void note_entry(lab_core_c *core, Bit64u vmcs, Bit64u host_cr3) {
  if (core->expect_nested && vmcs != core->exit_vmcs && host_cr3 == core->exit_cr3) {
    nested_vmcs.insert(vmcs);
    nested_vmcs.erase(core->exit_vmcs);
  }
  core->expect_nested = false;
  core->lab.guest_level = nested_vmcs.count(vmcs) ? 2 : 1;
}

// VMX

// VMCLEAR of a VMCS that was clear already: its page is taken for a new one.
void lab_vmx_clear(Bit64u vmcs) { nested_vmcs.erase(vmcs); }

void lab_vmx_enter(BX_CPU_C *cpu) {
  cpu->lab.no_branch = true;
  if (cpu->lab.core) note_entry(cpu->lab.core, cpu->vmcsptr, cpu->vmcs.host_state.cr3);
}

void lab_vmx_entered(BX_CPU_C *cpu) {
  if (cpu->lab.core) {
    cpu->lab.core->credit(false);
    cpu->lab.core->set_mode(lab::make_mode(cpu->user_pl, cpu->lab.guest_level));
  }
  cpu->lab.no_branch = false;
}

void lab_vmx_exit(BX_CPU_C *cpu, Bit32u reason, Bit64u qualification, bool trap_like) {
  lab_core_c *core = cpu->lab.core;
  if (!core) return;
  if (trap_like) core->credit(false);   // unless the exit comes between instructions
  cpu->lab.no_credit = true;
  core->begin();
  core->books.exit(vmx_exit(reason));
  core->trapped();
  reason &= 0xffff;
  bool lvtpc = (qualification & 0xfff) == BX_LAPIC_LVT_PERFMON;
  if (lvtpc && (reason == VMX_VMEXIT_APIC_ACCESS || reason == VMX_VMEXIT_APIC_WRITE)) {
    core->books.access(lab::ACCESS_LVTPC, cpu->lab.mode);
    core->books.trapped(lab::ACCESS_LVTPC, cpu->lab.mode);
  }
  note_exit(core, reason == VMX_VMEXIT_VMLAUNCH || reason == VMX_VMEXIT_VMRESUME, cpu->vmcsptr);
  core->exit_cr3 = cpu->vmcs.host_state.cr3;
  core->finish();
}

// End of a VM exit that returns to its caller.
void lab_vmx_exited(BX_CPU_C *cpu) { cpu->lab.no_credit = false; }

bool lab_global_ctrl_valid(BX_CPU_C *cpu, Bit64u value) {
  return !cpu->lab.core || cpu->lab.core->pmu.global_ctrl_valid(value);
}

Bit64u lab_global_ctrl(BX_CPU_C *cpu) {
  return cpu->lab.core ? cpu->lab.core->pmu.global_ctrl() : 0;
}

void lab_load_global_ctrl(BX_CPU_C *cpu, Bit64u value) {
  lab_core_c *core = cpu->lab.core;
  if (!core) return;
  core->credit(false);
  core->begin();
  core->pmu.load_global_ctrl(value);
  core->finish();
}

Bit64u lab_debugctl(BX_CPU_C *cpu) { return cpu->lab.core ? cpu->lab.core->debugctl : 0; }

bool lab_debugctl_valid(BX_CPU_C *cpu, Bit64u value) {
  return !cpu->lab.core || cpu->lab.core->debugctl_valid(value);
}

void lab_load_debugctl(BX_CPU_C *cpu, Bit64u value) {
  if (!cpu->lab.core) return;
  cpu->lab.core->credit(false);
  cpu->lab.core->set_debugctl(value);
}

// SVM

// A VMRUN that succeeds counts in guest mode, as an instruction and a branch.
void lab_svm_enter(BX_CPU_C *cpu) {
  cpu->lab.no_credit = true;
  if (cpu->lab.core) note_entry(cpu->lab.core, cpu->vmcbptr, cpu->cr3);
}

void lab_svm_entered(BX_CPU_C *cpu) {
  cpu->lab.no_credit = false;
  lab_core_c *core = cpu->lab.core;
  if (!core) return;
  core->set_mode(lab::make_mode(cpu->user_pl, cpu->lab.guest_level));
  core->credit(true);
  core->books.vmrun(cpu->lab.mode);
  core->finish();
}

void lab_svm_exit(BX_CPU_C *cpu, int reason, Bit64u exitinfo1, Bit64u exitinfo2) {
  lab_core_c *core = cpu->lab.core;
  cpu->lab.no_credit = true;
  if (!core) return;
  if (reason == SVM_VMEXIT_INVALID) core->uncredit();   // the event to inject was bad
  core->begin();
  core->books.exit(svm_exit(reason, exitinfo1));
  core->trapped();
  // Without AVIC a guest's local APIC is reached by nested page faults.
  if (reason == SVM_VMEXIT_NPF && (exitinfo2 & ~BX_CONST64(0xf)) == BX_LAPIC_BASE_ADDR + BX_LAPIC_LVT_PERFMON) {
    core->books.access(lab::ACCESS_LVTPC, cpu->lab.mode);
    core->books.trapped(lab::ACCESS_LVTPC, cpu->lab.mode);
  }
  note_exit(core, reason == SVM_VMEXIT_VMRUN, cpu->vmcbptr);
  core->exit_cr3 = cpu->vmcb->host_state.cr3;
  core->finish();
}

void lab_efer_changed(BX_CPU_C *cpu) {
  if (!cpu->lab.core) return;
  cpu->lab.core->credit(false);
  cpu->lab.core->set_svme();
}

// The machine

void lab_cpu_reset(unsigned cpu, unsigned type) {
  lab_core_c *core = BX_CPU(cpu)->lab.core;
  if (core) core->reset(type == BX_RESET_HARDWARE);
}

// Ports by which the software in the machine talks to the outside; docs/lab.md.
void lab_port_write(Bit16u port, unsigned len, Bit32u value) {
  if (port < 0x500 || port > 0x502 || len != 1 || !settings().directory) return;
  static FILE *const output = open_output("output.log"), *const dmesg = open_output("dmesg.log");
  value &= 0xff;
  if (port == 0x500) {
    fputc(value, output);
    if (value == '\n') fflush(output);
    return;
  }
  if (port == 0x502) {
    fputc(value, dmesg);
    return;
  }
  trace.end(value, bx_pc_system.time_ticks(), all_books());
  trace.close();
  FILE *status = open_output("status");
  fprintf(status, "%u\n", value);
  fclose(status);
  exit(0);
}

// How long a processor runs before the next one's turn: one trace of
// instructions, or with a seed 1 to 16 of them, by chance.
bool lab_keep_cpu() {
  static Bit64u state = settings().seed * BX_CONST64(0x9e3779b97f4a7c15);
  static unsigned left = 0;
  if (!settings().seed) return false;
  if (left--) return true;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  left = state % 16;
  return false;
}
