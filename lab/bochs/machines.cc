// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The lab's machines as CPU models of Bochs: each is the nearest model that
// Bochs has, with the signature, PMU and clock of the machine.  They are named
// lab_<machine> in the emulator's configuration.

#include "core.h"
#include "gui/siminterface.h"
#include "param_names.h"
#include "cpu/cpudb/intel/sapphire_rapids.h"
#include "cpu/cpudb/intel/corei7_icelake-u.h"
#include "cpu/cpudb/intel/corei7_skylake-x.h"
#include "cpu/cpudb/amd/ryzen.h"

namespace {

// The emulator's clock: instructions a second, and so the frequency of the
// time-stamp counter, the local APIC's timer and the processor itself.
Bit32u clock_hz() {
  static const Bit32u hz = SIM->get_param_num(BXPN_IPS)->get();
  return hz;
}

constexpr Bit32u PERFCTR_CORE = 1u << 23;   // CPUID 0x80000001 ECX
constexpr Bit32u PERFCTR_OTHER = 1u << 24 | 1u << 28;   // northbridge and last-level cache
constexpr Bit32u PDCM = 1u << 15;           // CPUID 1 ECX
constexpr Bit32u INVARIANT_TSC = 1u << 8;   // CPUID 0x80000007 EDX

void set(cpuid_function_t *leaf, const lab::CpuidLeaf &value) {
  leaf->eax = value.eax;
  leaf->ebx = value.ebx;
  leaf->ecx = value.ecx;
  leaf->edx = value.edx;
}

template <class Base>
class lab_cpuid_t : public Base {
 public:
  lab_cpuid_t(BX_CPU_C *cpu, const char *name)
    : Base(cpu), machine_(*lab::find_machine(name)), name_(std::string("lab_") + name),
      core_(new lab_core_c(cpu, machine_)) {}

  const char *get_name() const override { return name_.c_str(); }
  int rdmsr(Bit32u index, Bit64u *msr) override { return core_->rdmsr(index, msr); }
  int wrmsr(Bit32u index, Bit64u msr) override { return core_->wrmsr(index, msr); }

 protected:
  const lab::Machine &machine_;

  // The leaves of the brand string; false for any other leaf.
  bool brand_leaf(Bit32u function, cpuid_function_t *leaf) const {
    if (function < 0x80000002 || function > 0x80000004) return false;
    char brand[48] = {};
    snprintf(brand, sizeof(brand), "%s (modelled)", machine_.part);
    this->get_ext_cpuid_brand_string_leaf(brand, function, leaf);
    return true;
  }

 private:
  const std::string name_;
  lab_core_c *const core_;   // lives as long as the emulator
};

template <class Base>
class lab_intel_t : public lab_cpuid_t<Base> {
 public:
  using lab_cpuid_t<Base>::lab_cpuid_t;

  void get_cpuid_leaf(Bit32u function, Bit32u subfunction, cpuid_function_t *leaf) const override {
    if (this->brand_leaf(function, leaf)) return;
    Base::get_cpuid_leaf(function, subfunction, leaf);
    switch (function) {
    case 0x01:
      leaf->eax = this->machine_.signature;
      leaf->ecx |= PDCM;
      break;
    case 0x0a:
      set(leaf, lab::cpuid_perfmon(this->machine_));
      break;
    case 0x15:   // TSC = crystal * EBX / EAX
      set(leaf, {1, 1, clock_hz(), 0});
      break;
    case 0x16: { // base, maximum and bus frequency in MHz
      Bit32u mhz = clock_hz() / 1000000;
      set(leaf, {mhz, mhz, mhz, 0});
      break;
    }
    }
  }

#if BX_SUPPORT_VMX >= 2
  Bit32u get_vmx_extensions_bitmask() const override {
    Bit32u mask = Base::get_vmx_extensions_bitmask() | BX_VMX_PERF_GLOBAL_CTRL;
    return this->machine_.vmexit_save ? mask | BX_VMX_SAVE_PERF_GLOBAL_CTRL : mask & ~BX_VMX_SAVE_PERF_GLOBAL_CTRL;
  }
#endif
};

class lab_amd_t : public lab_cpuid_t<ryzen_t> {
 public:
  using lab_cpuid_t<ryzen_t>::lab_cpuid_t;

  void get_cpuid_leaf(Bit32u function, Bit32u subfunction, cpuid_function_t *leaf) const override {
    if (function == 0x80000022) {
      set(leaf, lab::cpuid_perfmon(machine_));
      return;
    }
    if (function == 0x80000020 || function == 0x80000021) {
      set(leaf, {0, 0, 0, 0});
      return;
    }
    if (brand_leaf(function, leaf)) return;
    ryzen_t::get_cpuid_leaf(function, subfunction, leaf);
    switch (function) {
    case 0x00000001:
      leaf->eax = machine_.signature;
      break;
    case 0x80000000:
      if (machine_.has_global()) leaf->eax = 0x80000022;
      break;
    case 0x80000001:
      leaf->eax = machine_.signature;
      leaf->ecx = (leaf->ecx & ~PERFCTR_OTHER) | PERFCTR_CORE;
      break;
    case 0x8000001e:
      leaf->eax = this->cpu->get_apic_id();
      break;
    case 0x80000007:
      leaf->edx |= INVARIANT_TSC;
      break;
    }
  }
};

}  // namespace

bx_cpuid_t *create_lab_spr_cpuid(BX_CPU_C *cpu) { return new lab_intel_t<sapphire_rapids_t>(cpu, "spr"); }
bx_cpuid_t *create_lab_icx_cpuid(BX_CPU_C *cpu) { return new lab_intel_t<corei7_icelake_t>(cpu, "icx"); }
bx_cpuid_t *create_lab_skx_cpuid(BX_CPU_C *cpu) { return new lab_intel_t<corei7_skylake_x_t>(cpu, "skx"); }
bx_cpuid_t *create_lab_zen4_cpuid(BX_CPU_C *cpu) { return new lab_amd_t(cpu, "zen4"); }
bx_cpuid_t *create_lab_zen3_cpuid(BX_CPU_C *cpu) { return new lab_amd_t(cpu, "zen3"); }
