# SPDX-License-Identifier: GPL-2.0
"""Read trace.jsonl, the machine's own books.

The first line describes the machine, one line follows per mark, the last line
is the end.  A book is one CPU's totals at that moment; `Books` subtracts them.
"""

import json

MODES = ("hu", "hk", "gu", "gk", "nu", "nk")


class TraceError(Exception):
    """The trace is not what its format says.  .rule names the judge's rule."""

    def __init__(self, rule, text):
        super().__init__(text)
        self.rule = rule


def subtract(after, before):
    """Difference of two books (or parts of them): numbers, lists or dicts.

    A key that is absent counts as zero.
    """
    if isinstance(after, dict) or isinstance(before, dict):
        after, before = after or {}, before or {}
        return {key: subtract(after.get(key, 0), before.get(key, 0))
                for key in sorted(set(after) | set(before))}
    if isinstance(after, list) or isinstance(before, list):
        after = after or [0] * len(before)
        before = before or [0] * len(after)
        return [subtract(a, b) for a, b in zip(after, before)]
    return after - before


class Books:
    """One CPU's books, or the difference of two."""

    def __init__(self, data):
        self.data = data

    def __sub__(self, other):
        return Books(subtract(self.data, other.data))

    def count(self, what, modes, off=False, vmruns=True):
        """Sum of `what` ("insns", "branches", "cycles") over "hu+hk" or a list of modes.

        @off: only while the PMU was off as a whole.  @vmruns: False leaves out
        VMRUNs, which count in a guest as an instruction and a branch; their cycle
        stays.
        """
        if isinstance(modes, str):
            modes = modes.split("+")
        for mode in modes:
            if mode not in MODES:
                raise ValueError(f"no such mode: {mode}")
        data = self.data.get("off", {}) if off else self.data
        total = sum(data.get(what, {}).get(mode, 0) for mode in modes)
        if not vmruns and what in ("insns", "branches"):
            if off:
                raise ValueError("VMRUNs while the PMU was off are not told apart")
            total -= self.vmruns(modes)
        return total

    def vmruns(self, modes):
        """Successful VMRUNs that count in these modes, those that they enter."""
        return self.count("vmruns", modes)

    def slots(self, modes):
        """[slots, then each category of PERF_METRICS] in these modes; complete while a
        counter has the machine watch branches and memory."""
        if isinstance(modes, str):
            modes = modes.split("+")
        rows = [self.data["slots"][mode] for mode in modes if mode in self.data.get("slots", {})]
        return [sum(column) for column in zip(*rows)] or [0] * 9

    def pmi(self, what="delivered"):
        """Number of PMIs "raised" or "delivered"."""
        return self.data.get("pmi", {}).get(what, 0)

    def exits(self):
        """VM exits by reason."""
        return self.data.get("exits", {})

    def access(self, kind, mode):
        """(number, trapped) of "rdmsr", "wrmsr", "rdpmc" or "lvtpc" from a mode."""
        return tuple(self.data.get("access", {}).get(kind, {}).get(mode, (0, 0)))

    def vmx(self, what):
        """Number of "vmread"s and "vmwrite"s of the host, or of PMU registers "listed" in MSR
        lists of VM entries and exits."""
        return self.data.get("vmx", {}).get(what, 0)


class Point:
    """A mark or the end: when, where, and every CPU's books."""

    def __init__(self, line):
        self.mark = line.get("mark")
        self.cpu = line.get("cpu")
        self.mode = line.get("mode")
        self.ticks = line.get("ticks")
        self.status = line.get("status")
        self.books = [Books(book) for book in line["books"]]


class Trace:
    """A whole trace."""

    def __init__(self, header, marks, end):
        self.header = header
        self.marks = marks
        self.end = end

    def find(self, number, nth=0):
        """The nth mark (negative: from the end) with this number."""
        found = [mark for mark in self.marks if mark.mark == number]
        try:
            return found[nth]
        except IndexError:
            raise TraceError("check", f"mark {number} (occurrence {nth}) is not in the trace") \
                from None

    def between(self, first, second, nth=0):
        """Books of the CPU that dropped both marks, second minus first."""
        one, two = self.find(first, nth), self.find(second, nth)
        if one.cpu != two.cpu:
            raise TraceError("check", f"marks {first} and {second} came from two CPUs")
        return two.books[two.cpu] - one.books[one.cpu]

    def between_on_all(self, first, second, nth=0):
        """Books of each CPU, second mark minus first."""
        return [after - before for before, after in zip(self.find(first, nth).books,
                                                        self.find(second, nth).books)]


def parse(text):
    """Build a Trace from the text of trace.jsonl, or raise TraceError."""
    lines = []
    raw = text.splitlines()
    for number, line in enumerate(raw, 1):
        try:
            lines.append(json.loads(line))
        except ValueError:
            rule = "truncated-trace" if number == len(raw) else "bad-trace"
            raise TraceError(rule, f"line {number} is not JSON") from None
    if not lines:
        raise TraceError("truncated-trace", "the trace is empty")
    if not isinstance(lines[0], dict) or lines[0].get("trace") != 1:
        raise TraceError("bad-trace", "the first line is not the header of a version 1 trace")
    if "end" not in lines[-1]:
        raise TraceError("truncated-trace", "no end line")
    marks = []
    for number, line in enumerate(lines[1:], 2):
        if "books" not in line or ("mark" not in line and "end" not in line):
            raise TraceError("bad-trace", f"line {number} is neither mark nor end")
        if len(line["books"]) != lines[0].get("cpus"):
            raise TraceError("bad-trace", f"line {number} has books of {len(line['books'])} CPUs")
        if "end" in line and number != len(lines):
            raise TraceError("bad-trace", f"line {number}: an end before the end")
        marks.append(Point(line))
    return Trace(lines[0], marks[:-1], marks[-1])


def load(path):
    """Read a trace file; a file that is not there is rule no-trace."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return parse(handle.read())
    except FileNotFoundError:
        raise TraceError("no-trace", f"{path} does not exist") from None
