# SPDX-License-Identifier: GPL-2.0
"""What the demos share: runs of the lab, numbers for people, and how results are left."""

import json
import os
import subprocess
import sys

DEMO = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(DEMO)
OUT = os.path.join(ROOT, "build", "demo")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests"))

from judge import trace  # noqa: E402

EXIT_WRONG, EXIT_FAILED, EXIT_INTERRUPTED = 1, 2, 130

VPMUS = {"perf-based": 0, "mediated": 1}    # and kvm.enable_mediated_pmu of each


class Failure(Exception):
    """A run that did not give what the demo needs."""


def run_lab(machine, name, words):
    """Output and trace of one run, whose logs are in OUT/name; @words go to lab/run."""
    outdir = os.path.join(OUT, name)
    run = subprocess.run(["lab/run", "-m", machine, "-o", outdir, *words], cwd=ROOT,
                         capture_output=True, text=True, check=False)
    if run.returncode:
        raise Failure(f"{run.stdout[-1500:]}{run.stderr}\nThe run failed; its logs are in "
                      f"{os.path.relpath(outdir, ROOT)}.")
    return run.stdout, trace.load(os.path.join(outdir, "trace.jsonl"))


def number(value):
    """1234567 as 1 234 567."""
    return f"{value:,}".replace(",", " ")


def leave(name, figures):
    """Write OUT/name.json, and the picture of it beside."""
    path = os.path.join(OUT, name)
    try:
        with open(path + ".json", "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
        subprocess.run([os.path.join(DEMO, "plot"), path + ".json", path + ".svg"], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f"The figures above can't be kept: {error}") from error
    print(f"\nfigures, picture: {os.path.relpath(path, ROOT)}.json, .svg")


def run_main(main):
    """Run a demo's main(), which returns its exit status or fails; the status."""
    try:
        return main()
    except Failure as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\nInterrupted. Start it again: what is built stays built.", file=sys.stderr)
        return EXIT_INTERRUPTED
