# SPDX-License-Identifier: GPL-2.0
"""What the benchmarks with programs of tests/kvm share."""

import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))

from judge import trace  # noqa: E402

ACCESSES = ("wrmsr", "rdmsr", "rdpmc", "lvtpc")
EXIT_FAILED = 2

# The peer's parameter is in the vendor modules, ours there, too. A vCPU that halts blocks:
# how long it would poll before is a matter of luck.
ALWAYS = "kvm.halt_poll_ns=0"
VPMUS = {"none": f"kvm.enable_pmu=0 {ALWAYS}",
         "perf-based": f"kvm_intel.enable_mediated_pmu=0 kvm_amd.enable_mediated_pmu=0 {ALWAYS}",
         "mediated": f"kvm_intel.enable_mediated_pmu=1 kvm_amd.enable_mediated_pmu=1 {ALWAYS}"}


def fail(text):
    """End with the status of a failed run."""
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr)
    sys.exit(EXIT_FAILED)


def build_programs():
    """Bring the programs of tests/kvm up to date; `make lab` has built what they need."""
    if subprocess.run(["make", "-s", "-C", os.path.join(ROOT, "tests", "kvm")], check=False).returncode:
        fail("the programs of tests/kvm can't be built: run 'make lab'")


def run(files, name, machine, parameters, kernel, command, clock=None):
    """Output and trace of a run with @files in /lab; its logs are in build/runs/NAME. @kernel
    and @clock are those of lab/run, or None."""
    outdir = os.path.join(ROOT, "build", "runs", name)
    words = ["lab/run", "-m", machine, "-P", parameters, "-o", outdir, "-t", "1200"]
    for file in files:
        words += ["-f", file]
    if kernel:
        words += ["-k", kernel]
    if clock:
        words += ["--clock", str(clock)]
    done = subprocess.run([*words, "--", command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        fail(f"the run failed:\n{done.stdout[-2000:]}{done.stderr}")
    return done.stdout, trace.load(os.path.join(outdir, "trace.jsonl"))


def run_program(program, name, machine, parameters, kernel, command):
    """The same with tests/kvm's @program."""
    return run([f"build/tests/kvm/{program}"], name, machine, parameters, kernel, command)


def write_rows(path, rows):
    """One a line."""
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def load_rows(path):
    """The rows that write_rows() has written."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}")


def accesses(row):
    """All of such a row's, lists included."""
    return sum(row["accesses"].values())
