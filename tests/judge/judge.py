# SPDX-License-Identifier: GPL-2.0
"""Decide whether a booted case passed.

Each way to fail is a rule with a name of its own:

 output (protocol ktap)
   unparsable            no version line, or lines that look like KTAP and are not
   no-plan               no plan, or one after the first result
   zero-tests            the plan is 1..0 and no skip
   missing-results       fewer results than planned
   extra-results         results beyond the plan or twice
   not-ok                a result failed (reported under the name of the result)
   bail-out              the program gave up
   skip-without-reason   a skip must say why
 output (both protocols)
   exit-status           not the status that the case expects
   unexpected-skip       the case does not say that it is skipped here
   missing-skip          the case says that it is skipped here, and it is not
   wrong-skip            skipped for another reason than the case gives
 kernel log
   panic oops bug warning lockdep kasan ubsan stall unknown-nmi broken-pmu
   unchecked-msr         what the kernel calls so
 trace
   no-trace              there is none
   truncated-trace       it stops before the end line
   bad-trace             it is not what its format says
 checks
   check-NAME            the check of this name in checks.py is not content
 expectations
   missing-fault         a rule that the case wants broken was not
"""

import os
import re
from dataclasses import dataclass, field

from . import checks, ktap, trace

SKIP_STATUS = 4

# First match of a line wins, so the special come before the general.
KERNEL_RULES = [(rule, re.compile(pattern)) for rule, pattern in (
    ("panic", r"Kernel panic - not syncing"),
    ("kasan", r"BUG: K(?:A|C|M)SAN:|KASAN:"),
    ("ubsan", r"UBSAN:"),
    ("stall", r"soft lockup|hard LOCKUP|rcu: INFO: .*stall|rcu_\w+ (?:detected|self-detected)"
              r"|INFO: task .* blocked for more"),
    ("lockdep", r"possible (?:recursive|circular) locking|possible irq lock inversion"
                r"|inconsistent lock state|INFO: suspicious RCU|WARNING: suspicious RCU"
                r"|bad unlock balance|held lock freed|INFO: trying to register non-static key"
                r"|\[ BUG: Invalid wait context \]|DEBUG_LOCKS_WARN_ON"),
    ("oops", r"\bOops\b|general protection fault|unable to handle (?:kernel|page fault)"
             r"|kernel NULL pointer|double fault|stack segment:|invalid opcode: 0000"),
    ("bug", r"\bkernel BUG at|\bBUG: "),
    ("unchecked-msr", r"unchecked MSR access error"),
    ("unknown-nmi", r"NMI received for unknown reason|Dazed and confused|unknown NMI"),
    ("broken-pmu", r"Broken PMU|Broken BIOS detected|Failed to access perfctr msr"
                   r"|perfevents: irq loop stuck|no PMU driver, software events only"),
    ("warning", r"WARNING: (?:CPU|at|possible|inconsistent)|\[ cut here \]"),
)]


@dataclass
class Expect:
    """What a case promises; the keys of tests/cases.cfg, already expanded."""
    protocol: str = "ktap"
    status: int = 0
    skip: str = None        # part of the reason with which it must be skipped
    faults: tuple = ()      # rules that must break, each of them
    checks: tuple = ()      # (name, arguments) of checks.py
    trace: bool = True


@dataclass
class Run:
    """What a run left behind."""
    status: int
    output: str
    console: str = ""
    trace_text: str = None  # None: no file
    machine: str = ""
    outdir: str = ""
    errors: str = ""        # what lab/run itself printed on its standard error
    trace: object = None
    lab: dict = field(default_factory=dict)


@dataclass
class Verdict:
    """.failures is a list of (ident, text); .skip a reason or None."""
    failures: list = field(default_factory=list)
    skip: str = None
    tests: int = 0


def scan_kernel_log(text):
    """(rule, line) of every fault the kernel reports, the first of each rule."""
    found = {}
    for line in text.splitlines():
        for rule, pattern in KERNEL_RULES:
            if pattern.search(line):
                found.setdefault(rule, line.strip()[:200])
                break
    return list(found.items())


def _judge_ktap(run, verdict):
    """Protocol ktap: fill @verdict from the document in the output."""
    doc = ktap.parse(run.output)
    verdict.tests = len(doc.results)
    for rule, text in doc.problems:
        if rule == "not-ok":
            verdict.failures.append((text, "not ok"))
        else:
            verdict.failures.append((rule, text))
    if doc.skip_all:
        verdict.skip = doc.skip_all
    elif doc.results and all(result.skipped for result in doc.results):
        verdict.skip = "; ".join(sorted({result.reason for result in doc.results}))


def _judge_exit(run, verdict):
    """Protocol exit: status 4 is a skip, whose reason is in the output."""
    verdict.tests = 1
    if run.status != SKIP_STATUS:
        return
    match = re.search(r"#\s*SKIP\b[\s-]*(.*)", run.output)
    verdict.skip = match.group(1).strip() if match else ""
    if not verdict.skip:
        verdict.failures.append(("skip-without-reason", "status 4 and no `# SKIP reason`"))


def _judge_status(run, expect, verdict):
    """Exit status and skips."""
    wanted = expect.status
    if verdict.skip is not None and run.status == SKIP_STATUS:
        wanted = SKIP_STATUS
    if run.status != wanted:
        verdict.failures.append(("exit-status", f"{run.status}, expected {wanted}"))
    if verdict.skip is None:
        if expect.skip is not None:
            verdict.failures.append(("missing-skip", f"expected a skip: {expect.skip}"))
    elif expect.skip is None:
        verdict.failures.append(("unexpected-skip", verdict.skip))
    elif expect.skip not in verdict.skip:
        verdict.failures.append(("wrong-skip", f"{verdict.skip}; expected: {expect.skip}"))


def _judge_trace(run, expect, verdict):
    """Parse the trace into run.trace, if the case has one."""
    if not expect.trace:
        return
    try:
        if run.trace_text is None:
            raise trace.TraceError("no-trace", "no trace.jsonl")
        run.trace = trace.parse(run.trace_text)
    except trace.TraceError as error:
        verdict.failures.append((error.rule, str(error)))


def _judge_checks(run, expect, verdict):
    """Run the checks of the case; a skipped or traceless run has nothing to check."""
    if verdict.skip is not None:
        return
    for name, arguments in expect.checks:
        try:
            problems = checks.find(name)(run, *arguments)
        except (trace.TraceError, LookupError, TypeError, ValueError, AttributeError) as error:
            problems = [f"cannot check: {type(error).__name__}: {error}"]
        verdict.failures.extend((f"check-{name}", problem) for problem in problems)


def judge(run, expect):
    """The verdict about @run under the promises of @expect."""
    verdict = Verdict()
    run.lab = ktap.lab_values(run.output)
    {"ktap": _judge_ktap, "exit": _judge_exit}[expect.protocol](run, verdict)
    _judge_status(run, expect, verdict)
    verdict.failures.extend(scan_kernel_log(run.console))
    _judge_trace(run, expect, verdict)
    _judge_checks(run, expect, verdict)
    if expect.faults:
        seen = {ident for ident, _ in verdict.failures}
        verdict.failures = [(ident, text) for ident, text in verdict.failures
                            if ident not in expect.faults]
        verdict.failures.extend(("missing-fault", f"expected rule {rule} to break")
                                for rule in expect.faults if rule not in seen)
    return verdict


def read(path):
    """Text of a file, or None if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def load_run(outdir, status, machine="", output=None, errors=""):
    """A Run from what lab/run left in @outdir."""
    def part(name):
        return read(os.path.join(outdir, name))
    logs = [part("console.log"), part("dmesg.log")]
    return Run(status=status, machine=machine, outdir=outdir, errors=errors,
               output=output if output is not None else part("output.log") or "",
               console="\n".join(log for log in logs if log),
               trace_text=part("trace.jsonl"))
