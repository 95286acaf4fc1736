# SPDX-License-Identifier: GPL-2.0
"""A strict KTAP/TAP reader.

Wants a version line, then a plan, then exactly the planned results in order.
Indented lines (subtests) and anything that is not KTAP count as diagnostics.
What is wrong is reported as (rule, text) pairs; see judge.py for the rules.
"""

import re
from dataclasses import dataclass, field

VERSION = re.compile(r"^(?:K?TAP) version \d+\s*$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s+#\s*SKIP\b[\s-]*(.*))?\s*$", re.IGNORECASE)
RESULT = re.compile(r"^(ok|not ok)\s+(\d+)(?:\s+(.*))?$")
LOOKS_LIKE = re.compile(r"^(?:ok\b|not ok\b|1\.\.|K?TAP version)")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(SKIP|XFAIL|TODO|TIMEOUT|ERROR)\b[\s:-]*(.*)$",
                       re.IGNORECASE)
LAB_LINE = re.compile(r"^#\s*lab:\s*([\w.+-]+)=(.*?)\s*$")


@dataclass
class Result:
    """One result line."""
    number: int
    name: str
    passed: bool
    skipped: bool = False
    reason: str = ""


@dataclass
class Ktap:
    """A whole document: what it says, and what is wrong with it."""
    plan: int = None
    skip_all: str = None
    results: list = field(default_factory=list)
    problems: list = field(default_factory=list)


def lab_values(text):
    """Collect the `# lab: name=value` lines of a program under test.

    Values that are whole numbers become int.  The last of several equal names
    wins; programs number theirs.
    """
    values = {}
    for line in text.splitlines():
        match = LAB_LINE.match(line.strip())
        if match:
            value = match.group(2)
            values[match.group(1)] = int(value) if re.fullmatch(r"-?\d+", value) else value
    return values


def _result(match):
    """Turn a matched result line into a Result."""
    rest = (match.group(3) or "").strip()
    result = Result(int(match.group(2)), rest, match.group(1) == "ok")
    directive = DIRECTIVE.search(rest)
    if directive:
        result.name = rest[:directive.start()].strip()
        result.reason = directive.group(2).strip()
        result.skipped = result.passed and directive.group(1).upper() == "SKIP"
    if result.name.startswith("- "):
        result.name = result.name[2:]
    result.name = result.name or f"test-{result.number}"
    return result


def parse(text):
    """Parse @text; every departure from the rules goes to .problems."""
    doc = Ktap()
    seen_version = False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.rstrip("\r")
        if line.startswith("Bail out!"):
            doc.problems.append(("bail-out", line))
        if not LOOKS_LIKE.match(line):
            continue
        plan, match = PLAN.match(line), RESULT.match(line)
        if VERSION.match(line):
            if seen_version:
                doc.problems.append(("unparsable", f"line {number}: second version line"))
            seen_version = True
        elif plan:
            if doc.plan is not None:
                doc.problems.append(("unparsable", f"line {number}: second plan"))
            elif doc.results:
                doc.problems.append(("no-plan", "the plan comes after the first result"))
            doc.plan = int(plan.group(1))
            if plan.group(2) is not None:
                doc.skip_all = plan.group(2).strip()
        elif match:
            doc.results.append(_result(match))
        else:
            doc.problems.append(("unparsable", f"line {number}: {line[:80]}"))
    _check(doc, seen_version)
    return doc


def _check(doc, seen_version):
    """Hold plan and results against each other."""
    problems = doc.problems
    if doc.skip_all is not None and doc.plan == 0:
        # kselftest skips before it has printed its version line.
        if not doc.skip_all:
            problems.append(("skip-without-reason", "the whole test is skipped"))
        if doc.results:
            problems.append(("extra-results", "results after a skip of everything"))
        return
    if not seen_version:
        problems.append(("unparsable", "no KTAP version line"))
    if doc.plan is None:
        problems.append(("no-plan", f"{len(doc.results)} results without a plan"))
    elif doc.plan == 0:
        problems.append(("zero-tests", "the plan says 1..0"))
    numbers = [result.number for result in doc.results]
    if doc.plan is not None:
        missing = sorted(set(range(1, doc.plan + 1)) - set(numbers))
        if missing:
            problems.append(("missing-results",
                             f"{len(missing)} of {doc.plan} missing, first is {missing[0]}"))
        extra = [n for n in numbers if n > doc.plan or n < 1]
        if extra:
            problems.append(("extra-results", f"number {extra[0]} beyond plan 1..{doc.plan}"))
    for index, number in enumerate(numbers):
        if number in numbers[:index]:
            problems.append(("extra-results", f"number {number} reported twice"))
            break
    for result in doc.results:
        if not result.passed:
            problems.append(("not-ok", result.name))
        elif result.skipped and not result.reason:
            problems.append(("skip-without-reason", result.name))
