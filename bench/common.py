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


def fail(text):
    """End with the status of a failed run."""
    print(f"{os.path.basename(sys.argv[0])}: {text}", file=sys.stderr)
    sys.exit(EXIT_FAILED)


def build_programs():
    """Bring the programs of tests/kvm up to date; `make lab` has built what they need."""
    if subprocess.run(["make", "-s", "-C", os.path.join(ROOT, "tests", "kvm")], check=False).returncode:
        fail("the programs of tests/kvm can't be built: run 'make lab'")


def run_program(program, name, machine, parameters, kernel, command):
    """Output and trace of a run with tests/kvm's @program, as /lab/PROGRAM; its logs are in
    build/runs/NAME. @kernel is that of lab/run -k, or None."""
    outdir = os.path.join(ROOT, "build", "runs", name)
    words = ["lab/run", "-m", machine, "-P", parameters, "-o", outdir, "-t", "1200",
             "-f", f"build/tests/kvm/{program}"]
    if kernel:
        words += ["-k", kernel]
    run = subprocess.run([*words, "--", command], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        fail(f"the run failed:\n{run.stdout[-2000:]}{run.stderr}")
    return run.stdout, trace.load(os.path.join(outdir, "trace.jsonl"))


def load_rows(path):
    """The rows that bench/exits -o has written."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}")


def accesses(row):
    """All of such a row's, lists included."""
    return sum(row["accesses"].values())
